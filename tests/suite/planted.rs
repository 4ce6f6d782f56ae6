//! Promise: a value, password, key or signature is found in no file, log line or core of the process.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use strongroom_testkit::{Instance, Raw};
use tempfile::TempDir;

/// Text that stands nowhere else. Each use has its own number, so that a hit says where it came from.
fn mark(n: u32) -> String {
    format!("PLANTED-{n:04}-8f3a71c09be24d")
}

const TOKEN: &str = "00000000-0000-4000-8000-00000000000";

/// Brings secret material in through every door there is, good requests and bad ones.
async fn plant(client: &Raw) -> Vec<String> {
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

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
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
