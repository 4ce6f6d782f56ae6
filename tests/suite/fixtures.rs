//! Promise: what earlier releases stored, this one reads: secrets under default and other keys, old copies under keys that
//! were changed or rotated, ciphertexts that callers keep, codes of HMAC keys.
//!
//! `tests/fixtures` has a store of each release with what is in it. What this one writes is kept in `target/tmp/fixture`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

/// Files of a fixture: the store, what it hangs on, and what is in it.
const FILES: [&str; 3] = ["strongroom.db", "root.key", "expected.json"];

fn kms(client: &Raw) -> Raw {
    let mut kms = client.clone();
    "kms".clone_into(&mut kms.service);
    kms
}

async fn done(client: &Raw, operation: &str, input: Value) -> Value {
    let answer = client.call(operation, input).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer.body
}

async fn put(client: &Raw, operation: &str, n: u32, mut input: Value) {
    input["ClientRequestToken"] = json!(format!("{n:032}"));
    done(client, operation, input).await;
}

async fn new_key(kms: &Raw, input: Value) -> String {
    done(kms, "TrentService.CreateKey", input).await["KeyMetadata"]["KeyId"].as_str().expect("an id").to_owned()
}

/// Writes what the formats have of everything, and returns what is to be read of it.
async fn write(client: &Raw) -> Value {
    let kms = kms(client);
    let (first, second) = (new_key(&kms, json!({})).await, new_key(&kms, json!({"Description": "the second"})).await);
    put(client, "CreateSecret", 1, json!({"Name": "default", "SecretString": "under the default key"})).await;
    put(client, "PutSecretValue", 2, json!({"SecretId": "default", "SecretString": "and its next version"})).await;
    let binary = STANDARD.encode([0, 1, 2, 255]);
    put(
        client,
        "CreateSecret",
        3,
        json!({"Name": "own/key", "SecretBinary": binary, "KmsKeyId": first,
        "Description": "under a key of its owner", "Tags": [{"Key": "team", "Value": "blue"}]}),
    )
    .await;
    put(client, "UpdateSecret", 4, json!({"SecretId": "own/key", "KmsKeyId": second})).await;
    put(client, "CreateSecret", 5, json!({"Name": "deleted", "SecretString": "comes back"})).await;
    done(client, "DeleteSecret", json!({"SecretId": "deleted"})).await;
    done(client, "RestoreSecret", json!({"SecretId": "deleted"})).await;
    let context = json!({"purpose": "fixture", "b": "2"});
    let mut ciphertexts = Vec::new();
    for text in ["before the rotation", "after the rotation"] {
        let input = json!({"KeyId": first, "Plaintext": STANDARD.encode(text), "EncryptionContext": context});
        let blob = done(&kms, "TrentService.Encrypt", input).await["CiphertextBlob"].clone();
        ciphertexts.push(json!({"blob": blob, "context": context, "plaintext": STANDARD.encode(text)}));
        done(&kms, "TrentService.RotateKeyOnDemand", json!({"KeyId": first})).await;
    }
    let hmac = new_key(&kms, json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"})).await;
    let message = STANDARD.encode("a message");
    let input = json!({"KeyId": hmac, "Message": message, "MacAlgorithm": "HMAC_SHA_256"});
    let mac = done(&kms, "TrentService.GenerateMac", input).await["Mac"].clone();
    json!({
        "secrets": [
            {"id": "default", "stage": "AWSCURRENT", "SecretString": "and its next version"},
            {"id": "default", "stage": "AWSPREVIOUS", "SecretString": "under the default key"},
            {"id": "own/key", "stage": "AWSCURRENT", "SecretBinary": binary},
            {"id": "deleted", "stage": "AWSCURRENT", "SecretString": "comes back"},
        ],
        "ciphertexts": ciphertexts,
        "macs": [{"key": hmac, "message": message, "mac": mac}],
    })
}

/// Opens a copy of the fixture in `from` and reads all that is to be there.
async fn read(from: &Path) {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    fs::create_dir_all(data.join("store")).expect("directories");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("for its owner alone");
    for (file, place) in [("strongroom.db", "store/strongroom.db"), ("root.key", "root.key")] {
        fs::copy(from.join(file), data.join(place)).expect("copied");
        fs::set_permissions(data.join(place), fs::Permissions::from_mode(0o600)).expect("for its owner alone");
    }
    for command in [&["verify"][..], &["account", "root-key"]] {
        let run = Command::new(instance::binary()).args(command).arg("--data").arg(&data).output().expect("it runs");
        assert!(run.status.success(), "{}: {command:?}: {}", from.display(), String::from_utf8_lossy(&run.stderr));
    }
    let expected: Value = serde_json::from_slice(&fs::read(from.join("expected.json")).expect("a file")).expect("JSON");
    let list = |name: &str| expected[name].as_array().expect("a list").clone();
    let mut server = Instance::start_in(&data, &[]);
    let client = server.raw();
    let kms = kms(&client);
    for secret in list("secrets") {
        let input = json!({"SecretId": secret["id"], "VersionStage": secret["stage"]});
        let got = done(&client, "GetSecretValue", input).await;
        for member in ["SecretString", "SecretBinary"] {
            assert_eq!(got[member], secret[member], "{}: {secret}", from.display());
        }
    }
    for ciphertext in list("ciphertexts") {
        let input = json!({"CiphertextBlob": ciphertext["blob"], "EncryptionContext": ciphertext["context"]});
        assert_eq!(done(&kms, "TrentService.Decrypt", input).await["Plaintext"], ciphertext["plaintext"]);
    }
    for mac in list("macs") {
        let input = json!({"KeyId": mac["key"], "Message": mac["message"], "Mac": mac["mac"],
            "MacAlgorithm": "HMAC_SHA_256"});
        assert_eq!(done(&kms, "TrentService.VerifyMac", input).await["MacValid"], true);
    }
    assert!(server.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_release_writes_it_reads() {
    let home = TempDir::new().expect("directory");
    let (data, kept) = (home.path().join("data"), home.path().join("kept"));
    let mut server = Instance::start_in(&data, &["--account", "123456789012"]);
    let expected = write(&server.raw()).await;
    assert!(server.stop());
    fs::create_dir(&kept).expect("directory");
    fs::copy(data.join("store/strongroom.db"), kept.join("strongroom.db")).expect("copied");
    fs::copy(data.join("root.key"), kept.join("root.key")).expect("copied");
    fs::write(kept.join("expected.json"), format!("{expected:#}\n")).expect("written");
    read(&kept).await;
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixture");
    fs::create_dir_all(&to).expect("directory");
    for file in FILES {
        fs::copy(kept.join(file), to.join(file)).expect("copied");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_earlier_releases_wrote_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("fixtures") {
        read(&entry.expect("an entry").path()).await;
        count += 1;
    }
    assert!(count > 0);
}
