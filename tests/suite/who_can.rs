//! Promise: `who-can` says what a request would be answered, the secret's key included.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

fn who_can(data: &Path, action: &str, resource: &str) -> String {
    let arguments = ["who-can", action, resource, "--all", "--data"];
    let output = Command::new(instance::binary()).args(arguments).arg(data).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

async fn done(client: &Raw, operation: &str, input: Value) -> Value {
    let answer = client.call(operation, input).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer.body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_can_read_a_secret_depends_on_its_key() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let mut server = Instance::start_in(&data, &[]);
    let client = server.raw();
    let mut kms = client.clone();
    "kms".clone_into(&mut kms.service);
    let key = done(&kms, "TrentService.CreateKey", json!({})).await["KeyMetadata"]["Arn"].clone();
    let key = key.as_str().expect("an ARN");
    let input = json!({"Name": "s", "SecretString": "v", "KmsKeyId": key, "ClientRequestToken": "0".repeat(32)});
    let secret = done(&client, "CreateSecret", input).await["ARN"].as_str().expect("an ARN").to_owned();
    let (read, decrypt) = ("secretsmanager:GetSecretValue", "kms:Decrypt");
    assert!(who_can(&data, read, &secret).starts_with("yes arn:aws:iam::"));
    assert!(who_can(&data, decrypt, key).starts_with("yes arn:aws:iam::"), "by the key's policy");

    done(&kms, "TrentService.DisableKey", json!({"KeyId": key})).await;
    let told = who_can(&data, read, &secret);
    assert!(told.contains("no  arn:aws:iam::") && told.contains("the secret's key is not enabled"), "{told}");
    assert!(told.ends_with("nobody\n"), "{told}");
    assert!(who_can(&data, "secretsmanager:DescribeSecret", &secret).starts_with("yes "), "which needs no key");
    assert!(server.stop());
}
