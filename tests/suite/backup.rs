//! Promise: a backup taken under load restores to what was there, and only a whole one restores at all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Output {
    Command::new(instance::binary()).args(arguments).output().expect("it runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_a_running_server_restores_and_verifies() {
    let directory = TempDir::new().expect("directory");
    let (data, fresh) = (directory.path().join("data"), directory.path().join("fresh"));
    let (backup, damaged) = (directory.path().join("backup"), directory.path().join("damaged"));
    let mut server = Instance::start_in(&data, &[]);
    let client = server.raw();
    for n in 0..20 {
        let token = format!("{n:032}");
        let input = json!({"Name": format!("s{n}"), "ClientRequestToken": token, "SecretString": format!("v{n}"),
            "Tags": [{"Key": "team", "Value": "blue"}], "Description": "kept in a backup"});
        assert_eq!(client.call("CreateSecret", input).await.status, 200);
    }
    let made = run(&["backup", "--data", text(&data), "--to", text(&backup)]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(!run(&["backup", "--data", text(&data), "--to", text(&backup)]).status.success(), "it is not replaced");
    let verified = run(&["verify", "--data", text(&data)]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("20 secrets, 20 values"));
    client.call("DeleteSecret", json!({"SecretId": "s1", "ForceDeleteWithoutRecovery": true})).await;
    assert!(server.stop());
    let bytes = fs::read(&backup).expect("the backup");
    assert!(!bytes.windows(16).any(|window| window == b"kept in a backup"), "not even descriptions are plain in it");

    fs::create_dir(&fresh).expect("directory");
    let restore = |from: &Path| run(&["restore", "--from", text(from), "--data", text(&fresh)]);
    assert!(!restore(&backup).status.success(), "without the root of trust nothing is restored");
    fs::copy(data.join("root.key"), fresh.join("root.key")).expect("copied");
    let mut altered = bytes.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(&damaged, altered).expect("written");
    assert!(!restore(&damaged).status.success());
    assert!(!fresh.join("store").exists(), "nothing is left of a restore that failed");
    let restored = restore(&backup);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    assert!(!restore(&backup).status.success(), "a store is not replaced");

    let lost = server.key();
    let made = run(&["account", "root-key", "--data", text(&fresh)]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(fs::metadata(fresh.join("credentials")).expect("made").permissions().mode() & 0o777, 0o600);
    let mut again = Instance::start_in(&fresh, &[]);
    let got = again.raw().call("GetSecretValue", json!({"SecretId": "s1"})).await;
    assert_eq!(got.text("SecretString"), "v1", "what was deleted after the backup is back");
    assert_ne!(again.key().0, lost.0);
    let old = Raw::new(again.url(), &lost.0, lost.1).call("ListSecrets", json!({})).await;
    assert_ne!(old.status, 200, "the old key signs nothing any more");
    let beside = run(&["account", "root-key", "--data", text(&fresh)]);
    assert!(!beside.status.success(), "not while a server runs");
    assert!(String::from_utf8_lossy(&beside.stderr).contains("stop the server that runs on it"));
    assert_eq!(again.raw().call("ListSecrets", json!({})).await.status, 200, "and its key stays good");
    assert!(again.stop());
}

#[test]
fn what_an_interrupted_command_left_behind_is_removed_by_the_next() {
    let directory = TempDir::new().expect("directory");
    assert!(Instance::start_in(directory.path(), &[]).stop());
    let names = || -> Vec<String> {
        let entries = fs::read_dir(directory.path()).expect("listed").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().expect("text")).collect();
        names.sort_unstable();
        names
    };
    let before = names();
    let left = directory.path().join("strongroom-01234567-89ab-4cde-8f01-23456789abcd");
    fs::create_dir(&left).expect("directory");
    fs::write(left.join("copy"), "half a copy").expect("written");
    let verified = run(&["verify", "--data", text(directory.path())]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert_eq!(names(), before);
}

#[test]
fn a_data_directory_or_store_that_is_not_there_is_told_as_such() {
    let directory = TempDir::new().expect("directory");
    let (absent, empty) = (directory.path().join("absent"), directory.path().join("empty"));
    let (backup, config) = (directory.path().join("backup"), directory.path().join("strongroom.toml"));
    fs::create_dir(&empty).expect("directory");
    let told = |arguments: &[&str], data: &Path| {
        let Output { status, stderr, .. } = run(&[arguments, &["--data", text(data)]].concat());
        assert!(!status.success());
        String::from_utf8(stderr).expect("text")
    };
    let (backing_up, restoring) = (["backup", "--to", text(&backup)], ["restore", "--from", text(&backup)]);
    for command in [&backing_up[..], &restoring, &["verify"], &["account", "root-key"]] {
        let said = told(command, &absent);
        assert_eq!(said.trim(), format!("strongroom: the data directory {} does not exist", absent.display()));
        assert!(!absent.exists());
    }
    for command in [&backing_up[..], &["verify"], &["account", "root-key"]] {
        let said = told(command, &empty);
        assert_eq!(
            said.trim(),
            format!(
                "strongroom: the data directory {} holds no store; one in a database is named by --config",
                empty.display()
            )
        );
    }
    fs::write(&config, "[limits]\nno_such_key = 1\n").expect("written");
    let said = told(&["verify", "--config", text(&config)], &empty);
    assert!(said.starts_with(&format!("strongroom: {}: limits.no_such_key: ", config.display())), "{said}");
    assert_eq!(fs::read_dir(&empty).expect("listed").count(), 0);
}
