//! Promise: the commands of rotation work against a running server: set up, tried again, abandoned, rolled back, shown.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

/// A built-in package. No function runs in these tests: what is shown is what the commands do.
const PACKAGE: &str = "strongroom/postgresql-single-user";

/// Runs a command of rotation, without what the environment may say of AWS.
fn rotation(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(instance::binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.arg("rotation").args(arguments).envs(variables.iter().copied()).output().expect("it runs")
}

fn told(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|byte| char::from(*byte)).collect()
}

/// What a command that works prints.
fn works(command: &str, secret: &str, data: &Path, further: &[&str]) -> String {
    let data = data.to_str().expect("a path in UTF-8");
    let output = rotation(&[&[command, secret, "--data", data], further].concat(), &[]);
    assert!(output.status.success(), "{command}: {}", told(&output));
    told(&output)
}

async fn done(client: &Raw, operation: &str, input: Value) -> Value {
    let answer = client.call(operation, input).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer.body
}

/// A secret with two versions. Returns its ARN.
async fn secret(client: &Raw, name: &str) -> String {
    let input = json!({"Name": name, "SecretString": "one", "ClientRequestToken": "1".repeat(32)});
    let arn = done(client, "CreateSecret", input).await["ARN"].as_str().expect("an ARN").to_owned();
    let input = json!({"SecretId": name, "SecretString": "two", "ClientRequestToken": "2".repeat(32)});
    done(client, "PutSecretValue", input).await;
    arn
}

async fn current(client: &Raw, name: &str) -> Value {
    done(client, "GetSecretValue", json!({"SecretId": name})).await["SecretString"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_abandoned_and_rolled_back() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let mut server = Instance::start_in(&data, &[]);
    let client = server.raw();
    let arn = secret(&client, "app/db").await;
    let nothing = works("abandon", "app/db", &data, &[]);
    assert!(nothing.contains("there is nothing to abandon"), "{nothing}");
    let input = json!({"SecretId": "app/db", "SecretString": "three", "VersionStages": ["AWSPENDING"],
        "ClientRequestToken": "3".repeat(32)});
    done(&client, "PutSecretValue", input).await;
    let output = rotation(&["retry", "app/db", "--data", data.to_str().expect("text")], &[]);
    assert!(!output.status.success() && told(&output).contains("nothing would be tried again"), "{}", told(&output));
    let abandoned = works("abandon", &arn, &data, &[]);
    assert!(abandoned.contains(&format!("AWSPENDING is off version {}", "3".repeat(32))), "{abandoned}");
    let described = done(&client, "DescribeSecret", json!({"SecretId": "app/db"})).await;
    assert!(!described.to_string().contains("AWSPENDING"), "{described}");

    assert_eq!(current(&client, "app/db").await, "two");
    let back = works("roll-back", "app/db", &data, &[]);
    assert!(back.contains("The password in the database was not changed"), "{back}");
    assert_eq!(current(&client, "app/db").await, "one");

    // By AWS's environment in place of the data directory.
    let file = data.join("credentials");
    let environment = [
        ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().expect("text")),
        ("AWS_ENDPOINT_URL", server.url()),
        ("AWS_REGION", "us-east-1"),
    ];
    let output = rotation(&["roll-back", "app/db"], &environment);
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(current(&client, "app/db").await, "two");
    let output = rotation(&["roll-back", "app/db"], &environment[..1]);
    assert!(!output.status.success() && told(&output).contains("--region"), "{}", told(&output));
    let output = rotation(&["roll-back", "none", "--data", data.to_str().expect("text")], &[]);
    assert!(!output.status.success() && told(&output).contains("ResourceNotFoundException"), "{}", told(&output));
    assert!(server.stop());
    let output = rotation(&["roll-back", "app/db", "--data", data.to_str().expect("text")], &[]);
    assert!(told(&output).contains("no server runs on"), "{}", told(&output));
    assert_eq!(works("history", "app/db", &data, &[]), "app/db: nothing has happened yet\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_up_wires_everything_and_changes_nothing_the_second_time() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let mut server = Instance::start_in(&data, &[]);
    let client = server.raw();
    let mut kms = client.clone();
    "kms".clone_into(&mut kms.service);
    let key = done(&kms, "TrentService.CreateKey", json!({})).await["KeyMetadata"]["KeyId"].clone();
    let arn = secret(&client, "app/db").await;
    let master = secret(&client, "master").await;
    done(&client, "UpdateSecret", json!({"SecretId": "app/db", "KmsKeyId": key})).await;
    let flags = ["--package", PACKAGE, "--every", "rate(10 days)", "--duration", "3h", "--master", &master];
    let first = works("set-up", "app/db", &data, &flags);
    assert_eq!(first.lines().filter(|line| line.starts_with("done ")).count(), 5, "{first}");
    let described = done(&client, "DescribeSecret", json!({"SecretId": "app/db"})).await;
    assert_eq!(described["RotationEnabled"], true);
    assert_eq!(described["RotationRules"]["ScheduleExpression"], "rate(10 days)");
    assert_eq!(described["RotationRules"]["Duration"], "3h");
    let function = described["RotationLambdaARN"].as_str().expect("a function").to_owned();
    let (_, suffix) = arn.rsplit_once('-').expect("an ARN ends in random characters");
    assert!(function.ends_with(&format!(":function:rotate-app-db-{suffix}")), "{function}");

    for further in [&flags[..], &["--package", PACKAGE, "--master", &master], &["--function", &function]] {
        let again = works("set-up", "app/db", &data, further);
        assert!(again.lines().all(|line| line.starts_with("unchanged ")), "{again}");
    }
    let other = works("set-up", "app/db", &data, &["--package", PACKAGE]);
    assert_eq!(other.lines().filter(|line| line.starts_with("done ")).count(), 1, "without the master: {other}");
    let output = rotation(
        &[
            "set-up",
            "master",
            "--data",
            data.to_str().expect("text"),
            "--package",
            "strongroom/generic",
            "--function-name",
            &format!("rotate-app-db-{suffix}"),
        ],
        &[],
    );
    assert!(!output.status.success() && told(&output).contains("--function-name"), "{}", told(&output));

    // The function fails, since nothing runs functions here, or no database is there.
    let again = works("retry", "app/db", &data, &[]);
    assert!(again.contains("a rotation was not complete. The server tries it again now"), "{again}");
    let history = wait_for_failure(&data).await;
    assert!(history.contains("createSecret  rotate-app-db-"), "{history}");
    let entries: Value = serde_json::from_str(&works("history", &arn, &data, &["--json"])).expect("JSON");
    assert!(entries.as_array().is_some_and(|entries| entries.iter().any(|entry| entry["what"] == "step-failed")));
    let abandoned = works("abandon", "app/db", &data, &[]);
    assert!(abandoned.contains("its rotation is abandoned"), "{abandoned}");
    assert_eq!(current(&client, "app/db").await, "two");
    assert!(server.stop());
}

/// Waits until a step has failed, and returns the history then.
async fn wait_for_failure(data: &Path) -> String {
    for _ in 0..50 {
        let history = works("history", "app/db", data, &[]);
        if history.contains("failed: ") {
            return history;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("no step has failed: {}", works("history", "app/db", data, &[]));
}
