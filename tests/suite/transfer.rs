//! Promise: a backup restores into either engine, whole or with what has changed since; it is whole or it is nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use strongroom_store::contract::database::shared;
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Output {
    Command::new(instance::binary()).args(arguments).output().expect("it runs")
}

pub fn done(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(arguments);
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

pub fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = run(arguments);
    assert!(!status.success(), "{arguments:?}");
    String::from_utf8(stderr).expect("text")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A folder with a data directory that has the keys of another.
pub struct Site {
    folder: TempDir,
    /// The configuration file.
    pub config: String,
}

impl Site {
    /// With a database of its own, or the embedded engine.
    pub async fn new(postgres: bool) -> Self {
        let folder = TempDir::new().expect("directory");
        let config = folder.path().join("strongroom.toml");
        let text = if postgres {
            format!("[store]\nurl = \"{}\"\n", shared().expect("a server").database().await.expect("a database"))
        } else {
            format!("[data]\ndirectory = \"{}\"\n", folder.path().join("data").display())
        };
        fs::write(&config, text).expect("written");
        Self { config: config.display().to_string(), folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn take_keys(&self, from: &Path, files: &[&str]) {
        fs::create_dir_all(self.data()).expect("directory");
        fs::set_permissions(self.data(), fs::Permissions::from_mode(0o700)).expect("for its owner alone");
        for file in files {
            fs::copy(from.join(file), self.data().join(file)).expect("copied");
            fs::set_permissions(self.data().join(file), fs::Permissions::from_mode(0o600)).expect("for its owner");
        }
    }

    pub fn start(&self) -> Instance {
        Instance::start_in(&self.data(), &["--config", &self.config])
    }

    pub fn command<'a>(&'a self, data: &'a Path, command: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        [&[command, "--data", text(data), "--config", &self.config][..], rest].concat()
    }
}

pub async fn put(client: &Raw, number: u32, name: &str, value: &str) {
    let input = json!({"Name": name, "SecretString": value, "ClientRequestToken": format!("{number:032}"),
        "Tags": [{"Key": "team", "Value": "blue"}]});
    let answer = client.call("CreateSecret", input).await;
    assert_eq!(answer.status, 200, "{}", answer.message());
}

pub async fn value(client: &Raw, name: &str) -> Option<String> {
    let answer = client.call("GetSecretValue", json!({"SecretId": name})).await;
    (answer.status == 200).then(|| answer.text("SecretString").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_and_what_came_since_restore_into_the_other_engine() {
    for postgres in [false, true] {
        let (site, other) = (Site::new(postgres).await, Site::new(!postgres).await);
        let data = site.data();
        let mut server = site.start();
        let client = server.raw();
        for number in 0..10 {
            put(&client, number, &format!("s{number}"), &format!("v{number}")).await;
        }
        let [full, first, second] = ["full", "first", "second"].map(|name| site.folder.path().join(name));
        done(&site.command(&data, "backup", &["--to", text(&full)]));
        let deletion = json!({"SecretId": "s1", "ForceDeleteWithoutRecovery": true});
        assert_eq!(client.call("DeleteSecret", deletion).await.status, 200);
        put(&client, 20, "late", "later").await;
        let told = done(&site.command(&data, "backup", &["--to", text(&first), "--since", text(&full)]));
        assert!(told.contains("documents that are not as in backup"), "{told}");
        assert!(fs::metadata(&first).expect("it").len() < fs::metadata(&full).expect("it").len());
        let update = json!({"SecretId": "s2", "SecretString": "changed", "ClientRequestToken": format!("{:032}", 30)});
        assert_eq!(client.call("PutSecretValue", update).await.status, 200);
        done(&site.command(&data, "backup", &["--to", text(&second), "--since", text(&first)]));
        done(&site.command(&data, "verify", &[]));

        other.take_keys(&data, &["root.key", "credentials"]);
        let fresh = other.data();
        let restore = |rest: &[&'static str]| -> Vec<String> {
            let paths = [&full, &first, &second];
            let path = |name: &&str| match *name {
                "full" => text(paths[0]).to_owned(),
                "first" => text(paths[1]).to_owned(),
                "second" => text(paths[2]).to_owned(),
                other => other.to_owned(),
            };
            let rest: Vec<String> = rest.iter().map(path).collect();
            let command = other.command(&fresh, "restore", &[]);
            command.into_iter().map(str::to_owned).chain(rest).collect()
        };
        let words = |line: &[String]| -> Vec<String> { line.to_vec() };
        for wrong in [&["--from", "first"][..], &["--from", "full", "--and", "second"]] {
            let line = words(&restore(wrong));
            let told = refused(&line.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(told.contains("builds on"), "{told}");
        }
        // A damaged increment leaves nothing, and what is restored afterwards is whole.
        let bytes = fs::read(&second).expect("the backup");
        let mut altered = bytes.clone();
        let middle = altered.len() / 2;
        altered[middle] ^= 1;
        fs::write(&second, altered).expect("written");
        let line = restore(&["--from", "full", "--and", "first", "second"]);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        assert!(refused(&line).contains("not authentic"));
        assert!(!fresh.join("store").exists());
        fs::write(&second, bytes).expect("written");
        let told = done(&line);
        assert!(told.contains("10 secrets, 11 values"), "{told}");
        assert!(refused(&line).contains("there is a store already"));
        done(&other.command(&fresh, "verify", &[]));

        let mut again = other.start();
        let client = Raw::new(again.url(), &server.key().0, server.key().1);
        assert_eq!(value(&client, "s0").await.as_deref(), Some("v0"));
        assert_eq!(value(&client, "s1").await, None, "what was deleted stays so");
        assert_eq!(value(&client, "s2").await.as_deref(), Some("changed"));
        assert_eq!(value(&client, "late").await.as_deref(), Some("later"));
        put(&client, 40, "new", "here").await;
        assert!(again.stop() && server.stop());
        done(&other.command(&fresh, "verify", &[]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_an_earlier_release_restores_into_either_engine() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/0.1.0");
    for postgres in [false, true] {
        let site = Site::new(postgres).await;
        site.take_keys(&fixture, &["root.key"]);
        let told = done(&site.command(&site.data(), "restore", &["--from", text(&fixture.join("backup"))]));
        assert!(told.contains("3 secrets, 4 values"), "{told}");
        done(&site.command(&site.data(), "verify", &[]));
    }
}
