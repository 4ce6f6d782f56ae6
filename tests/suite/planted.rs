//! Promise: a value, password, key or signature is found in no file, log line or core of the process.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_crypto::digest::sha256;
use strongroom_testkit::{Instance, Raw};
use tempfile::TempDir;

use crate::memory::{Hit, Wanted, search};

/// Text that stands nowhere else. Each use has its own number, so that a hit says where it came from.
fn mark(n: u32) -> String {
    format!("PLANTED-{n:04}-8f3a71c09be24d")
}

const TOKEN: &str = "00000000-0000-4000-8000-00000000000";

/// Brings secret material in through every door there is, good requests and bad ones.
pub(crate) async fn plant(client: &Raw) -> Vec<String> {
    let calls: [(&str, Value); 9] = [
        ("CreateSecret", json!({"Name": "p", "ClientRequestToken": format!("{TOKEN}1"), "SecretString": mark(1)})),
        (
            "PutSecretValue",
            json!({"SecretId": "p", "ClientRequestToken": format!("{TOKEN}2"), "SecretString": mark(2)}),
        ),
        ("UpdateSecret", json!({"SecretId": "p", "ClientRequestToken": format!("{TOKEN}3"), "SecretString": mark(3)})),
        // Refused: another value under a token in use.
        (
            "PutSecretValue",
            json!({"SecretId": "p", "ClientRequestToken": format!("{TOKEN}2"), "SecretString": mark(4)}),
        ),
        // Refused: a secret that is not there.
        (
            "PutSecretValue",
            json!({"SecretId": "no", "ClientRequestToken": format!("{TOKEN}5"), "SecretString": mark(5)}),
        ),
        // Refused: a constraint beside the value, and one on it.
        ("PutSecretValue", json!({"SecretId": "", "ClientRequestToken": "short", "SecretString": mark(6)})),
        (
            "PutSecretValue",
            json!({"SecretId": "p", "ClientRequestToken": format!("{TOKEN}7"),
            "SecretString": mark(7).repeat(4000)}),
        ),
        // Refused: the wrong type where the value stands, and bad base64.
        (
            "PutSecretValue",
            json!({"SecretId": "p", "ClientRequestToken": format!("{TOKEN}8"),
            "SecretString": {"inner": mark(8)}}),
        ),
        (
            "PutSecretValue",
            json!({"SecretId": "p", "ClientRequestToken": format!("{TOKEN}9"), "SecretBinary": mark(9)}),
        ),
    ];
    for (operation, input) in calls {
        client.call(operation, input).await;
    }
    let mut planted: Vec<String> = (1..=9).map(mark).collect();
    for _ in 0..3 {
        let password =
            client.call("GetRandomPassword", json!({"PasswordLength": 40, "ExcludePunctuation": true})).await;
        planted.push(password.text("RandomPassword").to_owned());
    }
    for stage in ["AWSCURRENT", "AWSPREVIOUS"] {
        let got = client.call("GetSecretValue", json!({"SecretId": "p", "VersionStage": stage})).await;
        assert!(got.text("SecretString").starts_with("PLANTED"), "{}", got.message());
    }
    client.call("BatchGetSecretValue", json!({"SecretIdList": ["p", "no"]})).await;
    planted
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("directory").flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_values_are_in_no_file_and_no_record() {
    let directory = TempDir::new().expect("directory");
    let mut instance = Instance::start_in(directory.path(), &[]);
    let client = instance.raw();
    let mut planted = plant(&client).await;
    let signed = client.signed("GetSecretValue", b"{\"SecretId\":\"p\"}");
    let authorization = signed["authorization"].to_str().expect("text").to_owned();
    let signature = authorization.rsplit('=').next().expect("a signature").to_owned();
    client.send(http::Method::POST, "/", signed, b"{\"SecretId\":\"p\"}".to_vec()).await.expect("an answer");
    planted.push(signature);
    assert!(instance.stop());
    let secret_key = instance.key().1;
    let mut searched = 0;
    for path in files(directory.path()) {
        let bytes = fs::read(&path).expect("a file");
        for planted in &planted {
            assert!(!contains(&bytes, planted.as_bytes()), "{} holds {planted}", path.display());
        }
        // The secret access key is in the credentials file, where its user wants it, and nowhere else.
        let holds_key = contains(&bytes, secret_key.expose().as_bytes());
        assert_eq!(holds_key, path.ends_with("credentials"), "{}", path.display());
        searched += 1;
    }
    let said = instance.said();
    for planted in &planted {
        assert!(!said.contains(planted.as_str()), "the log holds {planted}");
    }
    assert!(!said.contains(secret_key.expose()), "the log holds the secret key");
    assert!(searched >= 4, "store, root, credentials and trail are files");
}

#[test]
fn the_process_leaves_no_core() {
    let instance = Instance::start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", instance.pid())).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
}

/// Text of `length` bytes that is nowhere repeated, also not in another one.
fn unrepeated(n: u32, length: usize) -> String {
    let mut text = String::new();
    for at in 0_u32.. {
        let digest = sha256(format!("{n} {at}").as_bytes());
        text.extend(digest.iter().map(|byte| format!("{byte:02x}")));
        if text.len() >= length {
            break;
        }
    }
    text.truncate(length);
    text
}

/// Values of one kind: plain text, text with escapes, or bytes.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    Escaped,
    Binary,
}

/// The value `n`: the member that carries it, what is sent, and the forms in which it may lie in memory.
fn value(n: u32, kind: Kind, length: usize) -> (&'static str, String, Vec<Wanted>) {
    let text = unrepeated(n, length);
    let name = format!("value {n} ({kind:?}, {length} bytes)");
    match kind {
        Kind::Plain => ("SecretString", text.clone(), vec![Wanted::new(name, text.as_bytes())]),
        Kind::Escaped => {
            // An escape after each twelve characters, so that no piece is free of them.
            let pieces: Vec<&str> = text.as_bytes().chunks(12).map(|b| std::str::from_utf8(b).expect("text")).collect();
            let text = pieces.join("\n\"");
            let escaped = Value::String(text.clone()).to_string();
            let forms = vec![
                Wanted::new(format!("{name} without escapes"), text.as_bytes()),
                Wanted::new(format!("{name} as JSON"), escaped.as_bytes()),
            ];
            ("SecretString", text, forms)
        }
        Kind::Binary => {
            // Bits that do not look like base64 of anything else.
            let bytes: Vec<u8> = text.as_bytes().chunks(32).flat_map(sha256).collect();
            let encoded = STANDARD.encode(&bytes);
            let forms = vec![
                Wanted::new(format!("{name} as bytes"), &bytes),
                Wanted::new(format!("{name} in base64"), encoded.as_bytes()),
            ];
            ("SecretBinary", encoded, forms)
        }
    }
}

/// Writes and reads values of all kinds, each on a connection of its own that ends after a write, and draws passwords.
async fn use_values(client: impl Fn() -> Raw) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let mut names = Vec::new();
    let mut n = 0;
    for kind in [Kind::Plain, Kind::Escaped, Kind::Binary] {
        for length in [64, 3000, 30_000] {
            let name = format!("m{n}");
            let client = client();
            for operation in ["CreateSecret", "PutSecretValue", "PutSecretValue"] {
                if n % 3 != 0 {
                    let got = client.call("GetSecretValue", json!({"SecretId": name})).await;
                    assert_eq!(got.status, 200, "{}", got.message());
                }
                let (member, sent, forms) = value(n, kind, length);
                let subject = if operation == "CreateSecret" { "Name" } else { "SecretId" };
                let token = format!("00000000-0000-4000-8000-{n:012}");
                let put =
                    client.call(operation, json!({subject: name, "ClientRequestToken": token, member: sent})).await;
                assert_eq!(put.status, 200, "{}", put.message());
                wanted.extend(forms);
                n += 1;
            }
            names.push(name);
        }
    }
    let last = client();
    let got = last.call("BatchGetSecretValue", json!({"SecretIdList": names})).await;
    assert_eq!(got.body["SecretValues"].as_array().map(Vec::len), Some(names.len()), "{}", got.body);
    for name in names {
        let got = client().call("GetSecretValue", json!({"SecretId": name})).await;
        assert_eq!(got.status, 200, "{}", got.message());
    }
    for at in 0..3 {
        let drawn = last.call("GetRandomPassword", json!({"PasswordLength": 64, "ExcludePunctuation": true})).await;
        wanted.push(Wanted::new(format!("password {at}"), drawn.text("RandomPassword").as_bytes()));
    }
    wanted
}

/// What is found in the memory of the server once its connections have ended.
async fn found(instance: &Instance, wanted: &[Wanted]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        hits = search(instance.pid(), wanted).expect("the memory of the server cannot be read: this test needs root");
        if hits.is_empty() {
            break;
        }
    }
    for hit in &hits {
        println!("{}: {}", hit.name, hit.place);
    }
    hits
}

/// Sends values in requests that are refused, each on a connection of its own: unsigned, of a wrong form, too large.
async fn send_in_vain(client: impl Fn() -> Raw) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    let bodies = [
        (100, json!({"SecretId": "no", "SecretString": unrepeated(100, 3000)})),
        (101, json!({"SecretId": "", "SecretString": unrepeated(101, 3000)})),
        (102, json!({"SecretId": "m0", "SecretString": {"inner": unrepeated(102, 3000)}})),
        (103, json!({"SecretId": "m0", "SecretBinary": unrepeated(103, 3001)})),
        (104, json!({"SecretId": "m0", "SecretString": unrepeated(104, 70_000)})),
        (105, json!({"SecretId": "m0", "Unknown": unrepeated(105, 3000)})),
    ];
    for (n, body) in bodies {
        let length = body.to_string().len();
        let answer = client().call("PutSecretValue", body).await;
        assert_eq!(answer.status, 400);
        wanted.push(Wanted::new(format!("refused {n} ({length} bytes)"), unrepeated(n, 3000).as_bytes()));
    }
    let body = json!({"SecretId": "m0", "SecretString": unrepeated(110, 3000)}).to_string().into_bytes();
    let mut headers = client().signed("PutSecretValue", &body);
    headers.remove("authorization");
    let answer = client().send(http::Method::POST, "/", headers, body).await.expect("an answer");
    assert!(answer.status.is_client_error());
    wanted.push(Wanted::new("unsigned", unrepeated(110, 3000).as_bytes()));
    wanted
}

/// Fails with what is in the server's memory of values that clients made by `client` have used.
async fn require_gone(instance: &Instance, client: impl Fn() -> Raw) {
    let mut wanted = use_values(&client).await;
    wanted.extend(send_in_vain(&client).await);
    let hits = found(instance, &wanted).await;
    let names: BTreeSet<&str> = hits.iter().map(|hit| hit.name.as_str()).collect();
    assert!(hits.is_empty(), "{} hits of {names:#?}", hits.len());
    // A search that finds nothing at all would prove nothing: the id of the access key is kept for the next request.
    let kept = [Wanted::new("key id", instance.key().0.as_bytes())];
    assert!(!search(instance.pid(), &kept).expect("memory").is_empty(), "the search finds what is there");
}

/// On HTTP/1 without TLS. What is left in other cases stands in SECURITY.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_gone_from_memory_when_their_connections_have_ended() {
    let instance = Instance::start();
    require_gone(&instance, || instance.raw()).await;
}
