//! Promise: `compliance` and `report` tell what is true of the secrets, also while a server runs, and by the exit status.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

/// The exit status and what was printed.
fn asked(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(instance::binary()).args(arguments).arg("--data").arg(data).output().expect("it runs");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).expect("text"))
}

fn as_json(data: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let (status, printed) = asked(data, &[arguments, &["--format", "json"]].concat());
    (status, serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}")))
}

async fn done(client: &Raw, operation: &str, input: Value) -> Value {
    let answer = client.call(operation, input).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer.body
}

async fn create(client: &Raw, name: &str, more: Value) -> String {
    let mut input = json!({"Name": name, "SecretString": "v", "ClientRequestToken": format!("{name:0>32}")});
    for (member, value) in more.as_object().expect("an object") {
        input[member] = value.clone();
    }
    done(client, "CreateSecret", input).await["ARN"].as_str().expect("an ARN").to_owned()
}

/// What the rules say of a secret, in the order of their controls, the rule without one last.
fn told<'a>(results: &'a Value, arn: &str) -> Vec<&'a str> {
    let mut told: Vec<(&str, &str)> = results["EvaluationResults"]
        .as_array()
        .expect("an array")
        .iter()
        .filter(|result| result["ResourceId"] == arn)
        .map(|result| {
            let control = result["ControlId"].as_str().unwrap_or("none");
            (control, result["ComplianceType"].as_str().expect("a verdict"))
        })
        .collect();
    told.sort_unstable();
    told.into_iter().map(|(_, compliance)| compliance).collect()
}

struct Made {
    plain: String,
    good: String,
    gone: String,
    key: String,
}

async fn made(client: &Raw) -> Made {
    let mut kms = client.clone();
    "kms".clone_into(&mut kms.service);
    let key = done(&kms, "TrentService.CreateKey", json!({})).await["KeyMetadata"]["Arn"].clone();
    let key = key.as_str().expect("an ARN").to_owned();
    done(&kms, "TrentService.CreateAlias", json!({"AliasName": "alias/k", "TargetKeyId": key})).await;
    let plain = create(client, "plain", json!({})).await;
    let tags = json!([{"Key": "Team", "Value": "a"}]);
    let good = create(client, "good", json!({"KmsKeyId": "alias/k", "Tags": tags})).await;
    let gone = create(client, "gone", json!({})).await;
    done(client, "DeleteSecret", json!({"SecretId": gone})).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",
        "Action":"secretsmanager:GetSecretValue","Resource":"*"}]}"#;
    done(client, "PutResourcePolicy", json!({"SecretId": plain, "ResourcePolicy": policy})).await;
    Made { plain, good, gone, key }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_are_asked_of_every_secret() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let mut server = Instance::start_in(&data, &[]);
    let made = made(&server.raw()).await;

    let (status, results) = as_json(&data, &["compliance"]);
    assert_eq!(status, Some(1), "{results}");
    let (no, yes, none) = ("NON_COMPLIANT", "COMPLIANT", "NOT_APPLICABLE");
    assert_eq!(told(&results, &made.plain), [no, none, yes, yes, no, no], "{results}");
    assert_eq!(told(&results, &made.good), [no, none, yes, yes, yes, yes], "{results}");
    assert_eq!(told(&results, &made.gone), [none; 6], "{results}");
    let order: Vec<bool> = results["EvaluationResults"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|result| result["ComplianceType"] != no)
        .collect();
    assert!(order.is_sorted() && order.len() == 18, "what is broken comes first: {results}");
    let tagged = &results["ComplianceByConfigRules"][4];
    let expected = json!({"ConfigRuleName": "tagged-secretsmanager-secret", "ComplianceType": no, "NonCompliant": 1,
        "Compliant": 1, "NotApplicable": 1});
    assert_eq!(*tagged, expected);

    assert!(server.stop());
    let (status, table) = asked(&data, &["compliance", "--rule", "SecretsManager.3", "--rule", "secretsmanager.4"]);
    assert_eq!(status, Some(0), "{table}");
    assert!(table.contains("secretsmanager-secret-unused") && !table.contains("using-cmk"), "{table}");
    let (_, csv) = asked(&data, &["compliance", "--rule", "SecretsManager.5", "--format", "csv"]);
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert!(lines[1].starts_with("NON_COMPLIANT,tagged-secretsmanager-secret,SecretsManager.5,LOW,"), "{csv}");
    assert_eq!(lines.len(), 5, "{csv}");
    for (command, status) in [(&["compliance"][..], 2), (&["report", "unused"], 1)] {
        let (failed, words) = asked(&data, &[command, &["--account", "999999999999"]].concat());
        assert!(failed == Some(status) && words.contains("there is no account 999999999999"), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_sets_what_the_rules_ask_for() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let mut server = Instance::start_in(&data, &[]);
    let made = made(&server.raw()).await;
    assert!(server.stop());
    let file = home.path().join("strongroom.toml");
    let path = file.to_str().expect("text");
    let with = |text: &str, rule: &str| {
        std::fs::write(&file, format!("[compliance]\n{text}\n")).expect("written");
        as_json(&data, &["compliance", "--config", path, "--rule", rule])
    };
    let (_, results) = with("required_tags = [\"Team\"]", "SecretsManager.5");
    assert_eq!(told(&results, &made.good), ["COMPLIANT"]);
    let (_, results) = with("required_tags = [\"Team\", \"Cost\"]", "SecretsManager.5");
    assert_eq!(told(&results, &made.good), ["NON_COMPLIANT"]);
    let cmk = "secretsmanager-using-cmk";
    let (_, results) = with(&format!("kms_keys = [\"{}\"]", made.key), cmk);
    assert_eq!(told(&results, &made.good), ["COMPLIANT"]);
    let (_, results) = with("kms_keys = [\"arn:aws:kms:us-east-1:111122223333:key/other\"]", cmk);
    assert_eq!(told(&results, &made.good), ["NON_COMPLIANT"]);

    std::fs::write(&file, "[compliance]\nunused_days_max = 0\n").expect("written");
    let (status, printed) = asked(&data, &["compliance", "--config", path]);
    assert_eq!((status, printed.contains("compliance.unused_days_max")), (Some(2), true), "{printed}");
    let (status, printed) = asked(&data, &["compliance", "--rule", "none"]);
    assert_eq!((status, printed.contains("no such rule")), (Some(2), true), "{printed}");
    let (status, printed) = asked(&home.path().join("nothing"), &["compliance"]);
    assert_eq!((status, printed.contains("does not exist")), (Some(2), true), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_tell_of_secrets_policies_readers_and_keys() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let server = Instance::start_in(&data, &[]);
    let made = made(&server.raw()).await;
    let report = |name: &str| {
        let (status, rows) = as_json(&data, &["report", name]);
        assert_eq!(status, Some(0), "{name}: {rows}");
        rows
    };
    let secrets = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().expect("an array").iter();
        rows.map(|row| row["secret"].as_str().expect("an ARN").to_owned()).collect()
    };
    assert_eq!(report("unused"), json!([]));
    assert_eq!(report("overdue"), json!([]));
    let never = report("never-rotated");
    assert_eq!(secrets(&never), [made.good.clone(), made.plain.clone()], "in the order of names");
    assert_eq!(never[0]["rotation_enabled"], false);
    let broad = report("broad-policies");
    assert_eq!((secrets(&broad), &broad[0]["statements"]), (vec![made.plain.clone()], &json!(1)));
    let readers = report("who-can-read");
    assert_eq!(secrets(&readers), [made.good.clone(), made.plain.clone()], "the root may: {readers}");
    assert!(readers[0]["principal"].as_str().expect("a principal").ends_with(":root"), "{readers}");
    let keys = report("keys");
    let of = |by: &str| keys.as_array().expect("an array").iter().find(|key| key["managed_by"] == by).expect("a key");
    let customer = of("CUSTOMER");
    assert_eq!(customer["key"], made.key.as_str());
    assert_eq!((&customer["secrets"], &customer["values"]), (&json!(1), &json!(1)), "{keys}");
    assert_eq!((&customer["state"], &customer["aliases"]), (&json!("Enabled"), &json!("alias/k")));
    let default = of("AWS");
    assert_eq!((&default["secrets"], &default["values"]), (&json!(2), &json!(2)), "{keys}");
    assert_eq!(keys.as_array().map(Vec::len), Some(2));
    let (_, csv) = asked(&data, &["report", "keys", "--format", "csv"]);
    assert!(csv.starts_with("key,managed_by,state,aliases,secrets,values\r\n"), "{csv}");
    let (_, table) = asked(&data, &["report", "keys", "--account", "999999999999"]);
    assert_eq!(table.lines().count(), 1, "the header alone: {table}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_rotates_keeps_the_rules_about_it() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let mut server = Instance::start_in(&data, &[]);
    let client = server.raw();
    let arn = create(&client, "token", json!({})).await;
    let flags = ["rotation", "set-up", "token", "--package", "strongroom/generic", "--every", "rate(30 days)"];
    let (status, printed) = asked(&data, &flags);
    assert_eq!(status, Some(0), "{printed}");
    let mut rotated = false;
    for _ in 0..600 {
        rotated = !done(&client, "DescribeSecret", json!({"SecretId": arn})).await["LastRotatedDate"].is_null();
        if rotated {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(rotated, "{}", asked(&data, &["rotation", "history", "token"]).1);
    let rules = ["SecretsManager.1", "SecretsManager.2", "SecretsManager.4"];
    let flags: Vec<&str> = rules.iter().flat_map(|rule| ["--rule", *rule]).collect();
    let (status, results) = as_json(&data, &[&["compliance"], &flags[..]].concat());
    assert_eq!((status, told(&results, &arn)), (Some(0), vec!["COMPLIANT"; 3]), "{results}");
    assert_eq!(as_json(&data, &["report", "never-rotated"]), (Some(0), json!([])));
    assert!(server.stop());

    let file = home.path().join("strongroom.toml");
    let config = ["compliance", "--config", file.to_str().expect("text"), "--rule", "SecretsManager.1"];
    for (days, expected) in [(30, 0), (29, 1)] {
        std::fs::write(&file, format!("[compliance]\nrotation_days_max = {days}\n")).expect("written");
        assert_eq!(as_json(&data, &config).0, Some(expected), "{days} days");
    }
}
