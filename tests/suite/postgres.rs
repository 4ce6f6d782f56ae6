//! Promise: the same binary keeps its secrets in a PostgreSQL database, where another machine finds them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use strongroom_store::contract::database::shared;
use strongroom_testkit::instance::binary;
use strongroom_testkit::{Instance, Raw};
use tempfile::TempDir;

/// The name of a database, in its URL.
fn name(url: &str) -> &str {
    url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name")
}

/// Writes a configuration beside the data directories.
fn configuration(folder: &Path, url: &str) -> String {
    let path = folder.join("strongroom.toml");
    let text = format!("[store]\nurl = \"{url}\"\n");
    fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn token(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

async fn value(client: &Raw, name: &str) -> String {
    let answer = client.call("GetSecretValue", json!({"SecretId": name})).await;
    assert_eq!(answer.status, 200, "{}", answer.message());
    answer.text("SecretString").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_a_database_keeps_what_it_acknowledged_for_the_next_machine() {
    let server = shared().expect("a database server");
    let url = server.database().await.expect("a database");
    let folder = TempDir::new().expect("a folder");
    let config = configuration(folder.path(), &url);
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let mut instance = Instance::start_in(&here, &["--config", &config]);
    let client = instance.raw();
    let made = client
        .call("CreateSecret", json!({"Name": "db/a", "SecretString": "first", "ClientRequestToken": token(99)}))
        .await;
    assert_eq!(made.status, 200, "{}", made.message());
    assert_eq!(value(&client, "db/a").await, "first");
    assert!(!here.join("store").exists(), "nothing of the store is in the data directory");
    // Connections are killed while it writes: what is acknowledged is there.
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '{}' AND application_name = 'strongroom'",
        name(&url)
    );
    let mut connections = 0;
    for round in 0..10 {
        let killing = async {
            tokio::time::sleep(Duration::from_millis(round % 4)).await;
            server.sql("postgres", &kill).await.expect("killed")
        };
        let put = json!({
            "SecretId": "db/a", "SecretString": format!("value {round}"), "ClientRequestToken": token(round)
        });
        let (answer, killed) = tokio::join!(client.call("PutSecretValue", put), killing);
        assert_eq!(answer.status, 200, "{}", answer.message());
        connections += killed.len();
        assert_eq!(value(&client, "db/a").await, format!("value {round}"));
    }
    assert!(connections > 0, "nothing was killed");
    // The machine is lost; another one has the root key and the credentials.
    instance.kill();
    fs::create_dir(&there).expect("a directory");
    Command::new("chmod").arg("700").arg(&there).status().expect("chmod");
    for file in ["root.key", "credentials"] {
        fs::copy(here.join(file), there.join(file)).expect("a copy");
    }
    let mut instance = Instance::start_in(&there, &["--config", &config]);
    assert_eq!(value(&instance.raw(), "db/a").await, "value 9");
    let run = |command: &[&str], rest: &[&str]| {
        let run = Command::new(binary()).args(command).arg("--data").arg(&there).args(rest).output().expect("it runs");
        (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    assert_eq!(run(&["verify"], &["--config", &config]), (true, String::new()));
    assert!(instance.stop(), "{}", instance.said());
    // Another root key opens nothing, and makes nothing.
    let stranger = folder.path().join("stranger");
    let refused = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--config", &config, "--data"])
        .arg(&stranger)
        .output()
        .expect("it runs");
    assert!(!refused.status.success() && !stranger.join("root.key").exists());
}
