//! Tests against a server that follows AWS's KMS API as far as it is used, and verifies each signature.

use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use strongroom_crypto::aead::{Key, generate_key};
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{RootOfTrust, Sealed};
use strongroom_types::{MockClock, Timestamp};
use strongroom_wire::sigv4::{Expected, Request, SigningKey, parse};

use super::*;
use crate::stub::{Request as Received, Stub};

const NOW: i64 = 1_795_466_251;
const KEY_ID: &str = "AKIAEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// Whether the request is signed for the service, by [`SECRET`].
fn is_signed(received: &Received) -> bool {
    let mut headers = HeaderMap::new();
    for (name, value) in &received.headers {
        headers.append(HeaderName::try_from(name).expect("name"), HeaderValue::from_str(value).expect("value"));
    }
    let body_sha256 = sha256(&received.body);
    let request =
        Request { method: "POST", path: &received.path, query: "", authority: None, body_sha256: &body_sha256 };
    let claim = parse(&request, &headers).expect("a signature");
    let expected = Expected { now: Timestamp::from_seconds(NOW), region: "eu-central-1", service: "kms" };
    let secret = SecretText::new(SECRET.to_owned());
    let key = SigningKey::derive(&secret, claim.date(), claim.region(), claim.service());
    claim.check(&request, &headers, &expected).and_then(|claim| claim.verify(&request, &headers, &key)).is_ok()
}

/// What the service does for `Encrypt` and `Decrypt` under the key `k`, whose ciphertexts are bound to the context.
fn service(seed: u64) -> impl Fn(&Received) -> (u16, String) + Send + 'static {
    let random = SeededRandom::new(seed);
    let key = Key::new(&generate_key(&random).expect("key")).expect("key");
    move |received| {
        let error =
            |code: &str, text: &str| (400, json!({"__type": code, "message": text, "Message": text}).to_string());
        if !is_signed(received) {
            return error("InvalidSignatureException", "The request signature we calculated does not match");
        }
        let input = received.json();
        let bytes =
            |name: &str| STANDARD.decode(input.get(name).and_then(Value::as_str).expect("text")).expect("base64");
        if input.get("KeyId") != Some(&json!("k")) {
            return error("com.amazonaws.kms#NotFoundException", "Alias is not found.");
        }
        let bound = input.get("EncryptionContext").expect("context").to_string().into_bytes();
        match received.header("x-amz-target") {
            Some("TrentService.Encrypt") => {
                let sealed = key.seal(&random, &bound, &bytes("Plaintext")).expect("sealed");
                (200, json!({"CiphertextBlob": STANDARD.encode(sealed), "KeyId": "arn:k"}).to_string())
            }
            Some("TrentService.Decrypt") => match key.open(&bound, &bytes("CiphertextBlob")) {
                Ok(plaintext) => (200, json!({"Plaintext": STANDARD.encode(plaintext.expose())}).to_string()),
                Err(_) => (400, json!({"__type": "InvalidCiphertextException"}).to_string()),
            },
            _ => error("UnknownOperationException", ""),
        }
    }
}

fn credentials_text(key_id: &str, secret: &str) -> String {
    format!(
        "[other]\naws_access_key_id = A\n[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
    )
}

fn root(url: &str, key: &str, credentials_file: &Path) -> ServiceRoot {
    let kms = AwsKms {
        url: url.to_owned(),
        region: Region::parse("eu-central-1").expect("region"),
        key: key.to_owned(),
        credentials_file: credentials_file.to_owned(),
        profile: "default".to_owned(),
        ca_file: None,
        time: Duration::from_secs(60),
    };
    open(kms, Arc::new(MockClock::at(Timestamp::from_seconds(NOW)))).expect("root")
}

fn wrap(root: &dyn RootOfTrust) -> Result<Sealed, RootError> {
    root.wrap(&SeededRandom::new(1), &Context::new("test"), &SecretBytes::new(vec![9; 32]))
}

#[test]
fn a_key_is_wrapped_and_unwrapped_in_its_context_alone() {
    let stub = Stub::plain(service(1));
    let credentials = stub.file("credentials", &credentials_text(KEY_ID, SECRET));
    let of_service = root(&stub.url(), "k", &credentials);
    let sealed = wrap(&of_service).expect("wrap");
    assert_eq!(sealed.root_name(), Some("aws_kms"));
    assert_eq!(of_service.unwrap(&Context::new("test"), &sealed).expect("unwrap").expose(), [9; 32]);
    let elsewhere = of_service.unwrap(&Context::new("other"), &sealed);
    assert!(matches!(elsewhere, Err(RootError::Refused { name }) if name == "aws_kms"));
    let other = Stub::plain(service(2));
    let other = root(&other.url(), "k", &credentials).unwrap(&Context::new("test"), &sealed);
    assert!(matches!(other, Err(RootError::Refused { .. })), "another key");
    assert_eq!(of_service.describe(), format!("KMS key k of {} (eu-central-1)", stub.url()));
}

#[test]
fn what_the_service_says_is_told_and_credentials_are_not() {
    let stub = Stub::plain(service(1));
    let credentials = stub.file("credentials", &credentials_text(KEY_ID, SECRET));
    let told = wrap(&root(&stub.url(), "gone", &credentials)).expect_err("no key").to_string();
    assert!(told.ends_with("(eu-central-1): 400 NotFoundException: Alias is not found."), "{told}");
    let wrong = stub.file("wrong", &credentials_text(KEY_ID, "hunter2"));
    let told = wrap(&root(&stub.url(), "k", &wrong)).expect_err("signature").to_string();
    assert!(
        told.contains("400 InvalidSignatureException: The request signature") && !told.contains("hunter2"),
        "{told}"
    );
    let none = stub.file("none", "[other]\naws_access_key_id = A\n");
    let told = wrap(&root(&stub.url(), "k", &none)).expect_err("no credentials").to_string();
    assert!(told.contains("holds no access key for profile default"), "{told}");
}
