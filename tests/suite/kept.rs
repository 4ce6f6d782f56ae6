//! Promise: backups taken beside a running server to a bucket are proven, told in figures, and bring everything back when
//! all else is gone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;
use strongroom_places::gateway::Gateway;
use strongroom_store::contract::database::shared;
use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

use crate::web::get;

/// Waits of 100 ms for what a server does by itself.
const WAITS_MAX: u32 = 600;

fn run(arguments: &[&str]) -> Output {
    Command::new(instance::binary()).args(arguments).output().expect("it runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn good(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(arguments);
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("text")
}

fn figure(server: &Instance, name: &str) -> f64 {
    let text = get(server, "/metrics", "");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().expect("a number")
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..WAITS_MAX {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within a minute");
}

async fn create(server: &Instance, name: &str) {
    let token = format!("{name:0>36}");
    let input = json!({"Name": name, "ClientRequestToken": token, "SecretString": format!("value of {name}")});
    assert_eq!(server.raw().call("CreateSecret", input).await.status, 200);
}

/// A configuration file in `folder` with backups to the bucket of `gateway`.
fn configured(folder: &Path, gateway: &Gateway) -> PathBuf {
    let (config, keys) = (folder.join("strongroom.toml"), folder.join("keys"));
    let (id, secret) = (Gateway::ACCESS_KEY_ID, Gateway::SECRET_ACCESS_KEY);
    fs::write(&keys, format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"))
        .expect("written");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).expect("made private");
    let settings = format!(
        "[metrics]\nenabled = true\n[backup.s3]\nurl = \"{}\"\nbucket = \"{}\"\nprefix = \"one/\"\ncredentials_file = \"{}\"\n",
        gateway.url(),
        Gateway::BUCKET,
        keys.display()
    );
    fs::write(&config, settings).expect("written");
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_is_lost_but_the_bucket_and_the_root_of_trust() {
    let directory = TempDir::new().expect("directory");
    let gateway = Gateway::start(directory.path()).await.expect("a server of S3's protocol");
    let (data, fresh) = (directory.path().join("data"), directory.path().join("fresh"));
    let config = configured(directory.path(), &gateway);
    let place = ["--config", text(&config), "--data", text(&data)];

    let mut server = Instance::start_in(&data, &["--config", text(&config)]);
    create(&server, "one").await;
    let (taken, proven) =
        ("strongroom_backup_last_success_timestamp_seconds", "strongroom_backup_last_proven_restore_timestamp_seconds");
    until("a backup is taken and proven", || figure(&server, taken) > 0.0 && figure(&server, proven) > 0.0).await;
    assert!(figure(&server, "strongroom_backup_newest_bytes") > 1000.0);
    for header in ["x-forwarded-for: 192.0.2.1", "via: 1.1 somewhere", "x-real-ip: 192.0.2.1"] {
        assert!(get(&server, "/metrics", &format!("{header}\r\n")).starts_with("HTTP/1.1 4"), "not for others");
    }
    let ready = get(&server, "/health/ready", "");
    assert!(ready.contains("\"ready\"") && !ready.contains("warnings"), "{ready}");

    create(&server, "two").await;
    let before = good(&[&["backup", "take"], &place[..]].concat());
    assert!(before.contains("-increment-") && before.contains(", on "), "{before}");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    create(&server, "three").await;
    let last = good(&[&["backup", "take"], &place[..]].concat());
    let drilled = good(&[&["backup", "drill"], &place[..]].concat());
    assert!(drilled.contains("from 3 parts") && drilled.contains("3 secrets, 3 values"), "{drilled}");
    assert!(drilled.contains(" documents are the same") && drilled.contains("proven at 20"), "{drilled}");
    assert!(server.stop());
    drop(server);
    let root = fs::read(data.join("root.key")).expect("the root of trust");
    fs::remove_dir_all(&data).expect("all is lost");

    fs::create_dir(&fresh).expect("directory");
    fs::write(fresh.join("root.key"), root).expect("kept elsewhere");
    fs::set_permissions(fresh.join("root.key"), fs::Permissions::from_mode(0o600)).expect("made private");
    let place = ["--config", text(&config), "--data", text(&fresh)];
    let listed = good(&[&["backup", "list"], &place[..]].concat());
    assert!(listed.lines().count() == 4 && listed.contains("3 backups"), "{listed}");
    let proofs = listed.lines().filter(|line| line.contains(", proven 20")).count();
    assert_eq!(proofs, 2, "{listed}");
    // A damaged one is told and passed over.
    let name = last.split(':').next().expect("a name");
    let object = gateway.bucket.join("one").join(format!("{name}.backup"));
    let whole = fs::read(&object).expect("the object");
    fs::write(&object, &whole[..whole.len() - 1]).expect("cut off");
    let told = run(&[&["backup", "list"], &place[..]].concat());
    assert!(!told.status.success() && String::from_utf8_lossy(&told.stderr).contains("bytes in place of"));
    fs::write(&object, whole).expect("put right");
    // The one before the last, by its time.
    let at = instant(before.split(':').next().expect("a name"));
    let restored = good(&[&["restore", "--from-place", "--at", &at], &place[..]].concat());
    assert!(restored.contains("of 2 parts") && restored.contains("2 secrets, 2 values"), "{restored}");
    fs::remove_dir_all(fresh.join("store")).expect("removed again");
    let restored = good(&[&["restore", "--from-place"], &place[..]].concat());
    assert!(restored.contains("of 3 parts") && restored.contains("3 secrets, 3 values"), "{restored}");
    good(&["account", "root-key", "--data", text(&fresh)]);
    let left = fresh.join("strongroom-01234567-89ab-4cde-8f01-23456789abcd");
    fs::create_dir_all(left.join("store")).expect("as a killed server leaves it");
    let mut again = Instance::start_in(&fresh, &["--config", text(&config)]);
    for name in ["one", "two", "three"] {
        let got = again.raw().call("GetSecretValue", json!({"SecretId": name})).await;
        assert_eq!(got.text("SecretString"), format!("value of {name}"));
    }
    // It learns of the backups of its life before, and goes on.
    until("the backups are known again", || figure(&again, "strongroom_backup_kept") >= 3.0).await;
    assert!(!left.exists(), "what was left behind is gone");
    assert!(again.stop());
}

/// The instant in a backup's name: `20261129T122535007Z-…` as `2026-11-29T12:25:35.007Z`.
fn instant(name: &str) -> String {
    let mut text = String::new();
    for (at, character) in name.chars().take(19).enumerate() {
        text.push_str(match at {
            4 | 6 => "-",
            11 | 13 => ":",
            15 => ".",
            _ => "",
        });
        text.push(character);
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_nodes_on_a_database_one_takes_the_backup_and_the_embedded_engine_takes_it_over() {
    let directory = TempDir::new().expect("directory");
    let url = shared().expect("a database server").database().await.expect("a database");
    let [first, second, fresh, place] = ["first", "second", "fresh", "place"].map(|name| directory.path().join(name));
    let (config, embedded) = (directory.path().join("nodes.toml"), directory.path().join("embedded.toml"));
    let settings = format!("[metrics]\nenabled = true\n[backup]\ndirectory = \"{}\"\n", place.display());
    fs::write(&config, format!("{settings}[store]\nurl = \"{url}\"\n")).expect("written");
    fs::write(&embedded, settings).expect("written");
    let mut one = Instance::start_in(&first, &["--config", text(&config)]);
    for data in [&second, &fresh] {
        fs::create_dir(data).expect("directory");
        fs::set_permissions(data, fs::Permissions::from_mode(0o700)).expect("made private");
        fs::copy(first.join("root.key"), data.join("root.key")).expect("copied");
        fs::copy(first.join("credentials"), data.join("credentials")).expect("copied");
    }
    let mut other = Instance::start_in(&second, &["--config", text(&config)]);
    let proven = "strongroom_backup_last_proven_restore_timestamp_seconds";
    until("a backup is proven, as both nodes know", || figure(&one, proven) > 0.0 && figure(&other, proven) > 0.0)
        .await;
    let taken = fs::read_dir(&place)
        .expect("listed")
        .filter(|entry| entry.as_ref().expect("an entry").file_name().to_str().expect("text").ends_with(".backup"));
    assert_eq!(taken.count(), 1, "one of them did it");
    assert!((figure(&other, "strongroom_backup_kept") - 1.0).abs() < 0.1);

    create(&other, "late").await;
    let on_nodes = ["--config", text(&config), "--data", text(&second)];
    let increment = good(&[&["backup", "take"], &on_nodes[..]].concat());
    assert!(increment.contains("-increment-"), "{increment}");
    let drilled = good(&[&["backup", "drill"], &on_nodes[..]].concat());
    assert!(drilled.contains("from 2 parts") && drilled.contains("1 secrets, 1 values"), "{drilled}");
    assert!(one.stop() && other.stop());
    let restored = good(&["restore", "--from-place", "--config", text(&embedded), "--data", text(&fresh)]);
    assert!(restored.contains("of 2 parts"), "{restored}");
    let mut again = Instance::start_in(&fresh, &["--config", text(&embedded)]);
    let got = again.raw().call("GetSecretValue", json!({"SecretId": "late"})).await;
    assert_eq!(got.text("SecretString"), "value of late");
    assert!(again.stop());
}
