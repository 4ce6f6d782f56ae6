//! Promise: a store in a database is put back to an instant before what should not have happened, by the database's own
//! means: a base backup and its archived log.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use strongroom_store::contract::database::{DatabaseServer, command, own};
use strongroom_testkit::{Instance, Raw};

use super::transfer::{Site, done, put, refused, value};

/// A folder of the database server's user.
fn folder() -> PathBuf {
    DatabaseServer::folder().expect("a folder")
}

/// Waits until the log up to now is in the archive.
async fn archived(server: &DatabaseServer, archive: &Path) {
    let last = server.sql("postgres", "SELECT pg_walfile_name(pg_switch_wal())").await.expect("switched");
    let file = archive.join(&last[0]);
    for _ in 0..600 {
        if file.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} is not archived", file.display());
}

fn written(site: &Site, url: &str, anchor: &Path) {
    let data = site.data().display().to_string();
    let text = format!("[store]\nurl = \"{url}\"\n[data]\ndirectory = \"{data}\"\nanchor = \"{}\"\n", anchor.display());
    fs::write(&site.config, text).expect("written");
}

/// A copy of the running server's files, which the archived log makes whole.
fn base_backup(server: &DatabaseServer, to: &Path) {
    let mut backup = command("pg_basebackup").expect("it is there");
    backup.args(["-h", "127.0.0.1", "-U", "postgres", "-X", "none", "--checkpoint=fast", "--no-sync", "-p"]);
    let made = backup.arg(server.port.to_string()).arg("-D").arg(to).output().expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A second database server, which goes on from the copy to the instant and no further.
async fn gone_on(copy: PathBuf, archive: &Path, instant: &str) -> DatabaseServer {
    let signal = copy.join("data/recovery.signal");
    fs::write(&signal, "").expect("written");
    own(&signal).expect("owned");
    let settings = [
        format!("restore_command=cp {}/%f %p", archive.display()),
        format!("recovery_target_time={instant}"),
        "recovery_target_action=promote".to_owned(),
        "archive_mode=off".to_owned(),
    ];
    let server = DatabaseServer::start_in(copy, &settings).expect("a server");
    for _ in 0..600 {
        if server.sql("postgres", "SELECT pg_is_in_recovery()").await.is_ok_and(|rows| rows == ["f"]) {
            return server;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the recovery does not end");
}

/// What should not have happened.
async fn go_wrong(client: &Raw) {
    for name in ["lost", "since"] {
        let deletion = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
        assert_eq!(client.call("DeleteSecret", deletion).await.status, 200);
    }
    let change = json!({"SecretId": "kept", "SecretString": "wrong", "ClientRequestToken": format!("{:032}", 5)});
    assert_eq!(client.call("PutSecretValue", change).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_put_back_to_an_instant() {
    let (archive, copy) = (folder(), folder());
    let settings = [
        "archive_mode=on".to_owned(),
        format!("archive_command=test ! -f {0}/%f && cp %p {0}/%f", archive.display()),
        "wal_level=replica".to_owned(),
    ];
    let server = DatabaseServer::start(&settings).expect("a server");
    let url = server.database().await.expect("a database");
    let site = Site::new(false).await;
    let anchors = tempfile::tempdir().expect("a directory");
    let anchor = anchors.path().join("anchor");
    written(&site, &url, &anchor);
    let mut first = site.start();
    let client = first.raw();
    put(&client, 1, "kept", "before the backup").await;
    put(&client, 2, "lost", "deleted in error").await;

    // The base backup, while the server writes.
    base_backup(&server, &copy.join("data"));
    put(&client, 3, "since", "behind the backup").await;
    let change = json!({"SecretId": "kept", "SecretString": "the last good one",
        "ClientRequestToken": format!("{:032}", 4)});
    assert_eq!(client.call("PutSecretValue", change).await.status, 200);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let instant = server.sql("postgres", "SELECT clock_timestamp()").await.expect("an instant").remove(0);
    tokio::time::sleep(Duration::from_millis(50)).await;

    go_wrong(&client).await;
    assert!(first.stop(), "{}", first.said());
    archived(&server, &archive).await;

    let second = gone_on(copy, &archive, &instant).await;
    let (database, _) = url.split_once('?').expect("settings");
    let recovered = second.url(database.rsplit('/').next().expect("a name"));

    // New data directories: the old ones keep the trail of what happened, which is not undone.
    let other = Site::new(false).await;
    other.take_keys(&site.data(), &["root.key", "credentials"]);
    written(&other, &recovered, &anchor);
    let data = other.data();
    // The anchor knows that the store was further, and is told that this is meant.
    let told = refused(&other.command(&data, "verify", &[]));
    assert!(told.contains("the store is older than it was"), "{told}");
    let anchored = |command: &'static str| -> Vec<String> {
        let mut line = vec!["anchor".to_owned(), command.to_owned()];
        line.extend(other.command(&data, "", &[]).into_iter().skip(1).map(str::to_owned));
        line
    };
    let line = anchored("status");
    assert!(refused(&line.iter().map(String::as_str).collect::<Vec<_>>()).contains("older than it was"));
    let line = anchored("renew");
    done(&line.iter().map(String::as_str).collect::<Vec<_>>());
    let told = done(&other.command(&data, "verify", &[]));
    assert!(told.contains("3 secrets, 4 values"), "{told}");

    let mut again: Instance = other.start();
    let client = Raw::new(again.url(), &first.key().0, first.key().1);
    assert_eq!(value(&client, "kept").await.as_deref(), Some("the last good one"));
    assert_eq!(value(&client, "lost").await.as_deref(), Some("deleted in error"));
    assert_eq!(value(&client, "since").await.as_deref(), Some("behind the backup"));
    put(&client, 9, "next", "and on it goes").await;
    assert!(again.stop(), "{}", again.said());
    done(&other.command(&data, "verify", &[]));
}
