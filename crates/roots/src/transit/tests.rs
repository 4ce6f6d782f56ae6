//! Tests against a server that follows the documented HTTP API of the transit engine.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use strongroom_crypto::aead::Key;
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Context, RootOfTrust, Sealed};

use super::*;
use crate::stub::{Request, Stub};

const TOKEN: &str = "s.token";

/// What an engine does for `encrypt` and `decrypt`: a key named `strongroom`, its ciphertexts bound to the associated
/// data, and to the context when `derived`.
fn engine(derived: bool, seed: u64) -> impl Fn(&Request) -> (u16, String) + Send + 'static {
    let random = SeededRandom::new(seed);
    let key = Key::new(&strongroom_crypto::aead::generate_key(&random).expect("key")).expect("key");
    move |request| {
        let errors = |status, text: &str| (status, json!({"errors": [text]}).to_string());
        if request.header("x-vault-token") != Some(TOKEN) {
            return errors(403, "permission denied");
        }
        let input = request.json();
        let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
        let bytes = |name: &str| STANDARD.decode(text(name)).expect("base64");
        if derived && text("context").is_empty() {
            return errors(400, "missing 'context' for key derivation; the key was created using a derived key");
        }
        let bound = [bytes("associated_data"), if derived { bytes("context") } else { Vec::new() }].concat();
        match request.path.as_str() {
            "/v1/transit/encrypt/strongroom" => {
                let sealed = key.seal(&random, &bound, &bytes("plaintext")).expect("sealed");
                let ciphertext = format!("vault:v1:{}", STANDARD.encode(sealed));
                (200, json!({"data": {"ciphertext": ciphertext, "key_version": 1}}).to_string())
            }
            "/v1/transit/decrypt/strongroom" => {
                let Some(sealed) = text("ciphertext").strip_prefix("vault:v1:") else {
                    return errors(400, "invalid ciphertext: no prefix");
                };
                match key.open(&bound, &STANDARD.decode(sealed).expect("base64")) {
                    Ok(plaintext) => {
                        (200, json!({"data": {"plaintext": STANDARD.encode(plaintext.expose())}}).to_string())
                    }
                    Err(_) => errors(400, "cipher: message authentication failed"),
                }
            }
            _ => errors(404, "no handler for route"),
        }
    }
}

fn settings(stub: &Stub) -> Transit {
    Transit {
        url: stub.url(),
        mount: "transit".to_owned(),
        key: "strongroom".to_owned(),
        derived: false,
        namespace: None,
        token_file: stub.file("token", &format!("{TOKEN}\n")),
        ca_file: None,
        time: Duration::from_secs(60),
    }
}

fn wrapped(root: &dyn RootOfTrust) -> (Context, SecretBytes, Sealed) {
    let (context, key) = (Context::new("test"), SecretBytes::new(vec![9; 32]));
    let wrapped = root.wrap(&SeededRandom::new(1), &context, &key).expect("wrap");
    (context, key, wrapped)
}

fn told(transit: Transit) -> String {
    let root = open(transit).expect("root");
    let error = root.wrap(&SeededRandom::new(1), &Context::new("test"), &SecretBytes::new(vec![9; 32]));
    error.expect_err("refused").to_string()
}

#[test]
fn a_key_is_wrapped_and_unwrapped_in_its_context_alone() {
    for derived in [false, true] {
        let stub = Stub::plain(engine(derived, 1));
        let root = open(Transit { derived, ..settings(&stub) }).expect("root");
        let (context, key, sealed) = wrapped(&root);
        assert_eq!(sealed.root_name(), Some("transit"));
        assert_eq!(root.unwrap(&context, &sealed).expect("unwrap"), key);
        assert!(matches!(root.unwrap(&Context::new("other"), &sealed), Err(RootError::Refused { .. })));
        let other = Stub::plain(engine(derived, 2));
        let other = open(Transit { derived, ..settings(&other) }).expect("root");
        assert!(matches!(other.unwrap(&context, &sealed), Err(RootError::Refused { .. })), "another key");
    }
}

#[test]
fn requests_are_as_documented() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (record, answer) = (Arc::clone(&seen), engine(false, 1));
    let stub = Stub::plain(move |request| {
        let named = |name: &str| request.header(name).map(str::to_owned);
        let members: Vec<String> = request.json().as_object().expect("object").keys().cloned().collect();
        record.lock().expect("lock").push((request.path.clone(), named("x-vault-namespace"), members));
        answer(request)
    });
    let root = open(Transit { namespace: Some("team/a".to_owned()), ..settings(&stub) }).expect("root");
    wrapped(&root);
    let namespace = || Some("team/a".to_owned());
    let members = |name: &str| vec!["associated_data".to_owned(), name.to_owned()];
    assert_eq!(
        *seen.lock().expect("lock"),
        [
            ("/v1/transit/encrypt/strongroom".to_owned(), namespace(), members("plaintext")),
            ("/v1/transit/decrypt/strongroom".to_owned(), namespace(), members("ciphertext")),
        ]
    );
    assert_eq!(root.describe(), format!("transit key strongroom of {} (mount transit)", stub.url()));
}

#[test]
fn what_the_server_says_is_told_and_tokens_are_not() {
    let stub = Stub::plain(engine(true, 1));
    let settings = || settings(&stub);
    let missing = told(settings());
    assert!(missing.contains("400 Bad Request: missing 'context' for key derivation"), "{missing}");
    let mount = told(Transit { mount: "elsewhere".to_owned(), derived: true, ..settings() });
    assert!(mount.contains("404 Not Found: no handler for route"), "{mount}");
    let token_file = stub.file("wrong", "s.another");
    let token = told(Transit { token_file, ..settings() });
    assert!(token.contains("403 Forbidden: permission denied") && !token.contains("s.another"), "{token}");
    let absent = told(Transit { token_file: "/no/such/token".into(), ..settings() });
    assert!(absent.contains("/no/such/token cannot be read"), "{absent}");
}

#[test]
fn servers_that_are_silent_long_or_not_there_do_not_hold_up_the_start() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let stub = Stub::plain(|_| (200, "x".repeat(70_000)));
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let port = silent.local_addr().expect("address").port();
    let late = told(Transit { url: url(port), time: Duration::from_millis(50), ..settings(&stub) });
    assert!(late.contains("no whole answer within 50 ms"), "{late}");
    drop(silent);
    assert!(told(Transit { url: url(port), ..settings(&stub) }).contains("Connection refused"));
    assert!(told(settings(&stub)).contains("the answer is longer than 65536 bytes"));
}

#[test]
fn the_servers_certificate_must_lead_to_the_configured_root() {
    let stub = Stub::tls(engine(false, 1));
    let root = open(Transit { ca_file: Some(stub.ca_file()), ..settings(&stub) }).expect("root");
    let (context, key, sealed) = wrapped(&root);
    assert_eq!(root.unwrap(&context, &sealed).expect("unwrap"), key);
    let other = Stub::tls(engine(false, 1));
    let refused = told(Transit { ca_file: Some(other.ca_file()), ..settings(&stub) });
    assert!(refused.contains("TLS: invalid peer certificate"), "{refused}");
    let empty = open(Transit { ca_file: Some(stub.file("none", "")), ..settings(&stub) }).err().expect("no root");
    assert!(empty.to_string().contains("holds no root certificates"), "{empty}");
}

#[test]
fn a_call_can_be_made_within_a_runtime() {
    let stub = Stub::plain(engine(false, 1));
    let root = open(settings(&stub)).expect("root");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(async { wrapped(&root) });
}
