//! Promise: the first start makes what is needed, for its owner alone; later starts refuse what is not safe.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use strongroom_testkit::{Instance, Raw, instance};
use tempfile::TempDir;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// Starts a server that is expected not to start.
fn refused(directory: &Path, flags: &[&str]) -> String {
    let listen: &[&str] = if flags.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
    let Output { status, stderr, .. } = Command::new(instance::binary())
        .args(["serve", "--data"])
        .arg(directory)
        .args(listen)
        .args(flags)
        .output()
        .expect("it runs");
    assert!(!status.success());
    String::from_utf8(stderr).expect("text")
}

#[tokio::test]
async fn what_the_first_start_makes_is_for_its_owner_alone_and_stays() {
    let directory = TempDir::new().expect("directory");
    let data = directory.path().join("data");
    let mut first = Instance::start_in(&data, &["--account", "210987654321"]);
    assert_eq!(mode(&data), 0o700);
    for file in ["root.key", "credentials"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let key = first.key();
    let created = first
        .raw()
        .call("CreateSecret", json!({"Name": "a", "ClientRequestToken": "0".repeat(32), "SecretString": "v"}))
        .await;
    assert!(created.text("ARN").starts_with("arn:aws:secretsmanager:us-east-1:210987654321:secret:a-"));
    first.kill();
    let mut second = Instance::start_in(&data, &[]);
    assert_eq!(second.key(), key);
    let got = second.raw().call("GetSecretValue", json!({"SecretId": created.text("ARN")})).await;
    assert_eq!(got.text("SecretString"), "v");
    assert!(second.stop());
    assert!(!data.join("endpoint").exists(), "the endpoint file goes with the server");
    assert!(refused(&data, &["--account", "123456789012"]).contains("210987654321"));
}

#[tokio::test]
async fn memory_is_locked_where_the_system_allows_it() {
    let directory = TempDir::new().expect("directory");
    let (data, config) = (directory.path().join("data"), directory.path().join("strongroom.toml"));
    let config_text = config.to_str().expect("a path in UTF-8").to_owned();
    let locked = |server: &Instance| {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("a line about it").to_owned();
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    fs::write(&config, "[memory]\nlock = \"never\"\n").expect("written");
    let mut server = Instance::start_in(&data, &["--config", &config_text]);
    assert_eq!(locked(&server), 0);
    assert!(server.stop());
    let mut server = Instance::start_in(&data, &[]);
    let allowed = locked(&server) > 0;
    assert!(server.stop());
    fs::write(&config, "[memory]\nlock = \"require\"\n").expect("written");
    if allowed {
        let mut server = Instance::start_in(&data, &["--config", &config_text]);
        assert!(locked(&server) > 0);
        assert!(server.stop());
    } else {
        assert!(refused(&data, &["--config", &config_text]).contains("memory.lock: the system does not allow it"));
    }
}

#[tokio::test]
async fn a_start_names_the_other_regions_that_hold_secrets() {
    let directory = TempDir::new().expect("directory");
    // The names of which one begins as the other does are told apart.
    for (region, others) in [
        ("us-east-1", None),
        ("us-east-10", Some("are not shown in this one: us-east-1\n")),
        ("eu-west-1", Some("are not shown in this one: us-east-10, us-east-1\n")),
        ("us-east-1", Some("are not shown in this one: eu-west-1, us-east-10\n")),
    ] {
        let mut server = Instance::start_in(directory.path(), &["--region", region]);
        let (key_id, secret) = server.key();
        let mut client = Raw::new(server.url(), &key_id, secret);
        client.region = region.to_owned();
        for name in ["a", "b"] {
            let input = json!({"Name": name, "ClientRequestToken": "0".repeat(32), "SecretString": "v"});
            client.call("CreateSecret", input).await;
        }
        assert!(server.stop());
        let said = server.said();
        match others {
            Some(others) => assert!(said.contains(others), "{region}: {said}"),
            None => assert!(!said.contains("not shown"), "{region}: {said}"),
        }
    }
}

#[test]
fn a_root_key_that_others_can_read_is_refused() {
    let directory = TempDir::new().expect("directory");
    assert!(Instance::start_in(directory.path(), &[]).stop());
    let root = directory.path().join("root.key");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o640)).expect("mode");
    let said = refused(directory.path(), &[]);
    assert!(said.contains("root.key") && said.contains("600"), "{said}");
}

#[test]
fn a_data_directory_that_others_can_write_is_refused() {
    let directory = TempDir::new().expect("directory");
    let data = directory.path().join("data");
    fs::create_dir(&data).expect("directory");
    for open in [0o770, 0o702] {
        fs::set_permissions(&data, fs::Permissions::from_mode(open)).expect("mode");
        let said = refused(&data, &[]);
        assert!(said.contains(&format!("chmod go-w {}", data.display())), "{said}");
        assert_eq!(fs::read_dir(&data).expect("listed").count(), 0, "nothing was made in it");
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("mode");
    assert!(Instance::start_in(&data, &[]).stop(), "that others can list it is no danger");
}

#[test]
fn a_lost_or_wrong_root_key_is_told_and_nothing_is_touched() {
    let directory = TempDir::new().expect("directory");
    assert!(Instance::start_in(directory.path(), &[]).stop());
    let root = directory.path().join("root.key");
    let kept = fs::read(&root).expect("the key");
    fs::remove_file(&root).expect("removed");
    assert!(refused(directory.path(), &[]).contains("root.key"));
    assert!(!root.exists(), "no new key takes the lost one's place");
    let other = TempDir::new().expect("directory");
    assert!(Instance::start_in(other.path(), &[]).stop());
    fs::copy(other.path().join("root.key"), &root).expect("copied");
    assert!(refused(directory.path(), &[]).contains("root"));
    fs::write(&root, kept).expect("put back");
    assert!(Instance::start_in(directory.path(), &[]).stop());
}

#[test]
fn a_root_that_is_not_the_first_is_never_made() {
    let directory = TempDir::new().expect("directory");
    let (data, config) = (directory.path().join("data"), directory.path().join("config.toml"));
    let (new, old) = (directory.path().join("new.key"), directory.path().join("old.key"));
    let text = format!("[[roots]]\nkind = 'file'\npath = {new:?}\n[[roots]]\nkind = 'file'\npath = {old:?}\n");
    fs::write(&config, text).expect("written");
    let flags = ["--config", config.to_str().expect("text")];
    let said = refused(&data, &flags);
    assert!(said.contains("old.key is not there"), "{said}");
    assert!(!old.exists() && !new.exists() && !data.join("store").exists(), "nothing was made");

    let other = TempDir::new().expect("directory");
    assert!(Instance::start_in(other.path(), &[]).stop());
    fs::copy(other.path().join("root.key"), &old).expect("copied");
    assert!(Instance::start_in(&data, &flags).stop());
    assert_eq!(mode(&new), 0o600, "the first is made on the first start");
    fs::remove_file(&old).expect("removed");
    assert!(refused(&data, &flags).contains("old.key is not there"));
    assert!(!old.exists(), "nor is it made later");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let first = Instance::start();
    assert!(refused(first.directory(), &[]).contains("stop the server"), "it says what to do");
}

#[test]
fn a_first_start_that_cannot_listen_makes_nothing() {
    let directory = TempDir::new().expect("directory");
    let data = directory.path().join("data");
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("its address").to_string();
    let said = refused(&data, &["--listen", &taken]);
    assert!(said.contains(&taken), "{said}");
    let made = fs::read_dir(&data).map_or(0, Iterator::count);
    assert_eq!(made, 0, "neither key nor account nor store");
    assert!(Instance::start_in(&data, &[]).stop());
    assert!(data.join("credentials").exists(), "the next start is the first");
}

#[test]
fn credentials_that_others_can_read_are_refused() {
    let directory = TempDir::new().expect("directory");
    assert!(Instance::start_in(directory.path(), &[]).stop());
    let credentials = directory.path().join("credentials");
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o644)).expect("opened up");
    let said = refused(directory.path(), &[]);
    assert!(said.contains("chmod 600"), "{said}");
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).expect("closed");
    assert!(Instance::start_in(directory.path(), &[]).stop());
}

#[test]
fn a_start_whose_store_is_gone_keeps_the_credentials() {
    let directory = TempDir::new().expect("directory");
    let (data, aside) = (directory.path().join("data"), directory.path().join("aside"));
    assert!(Instance::start_in(&data, &[]).stop());
    let credentials = fs::read(data.join("credentials")).expect("the file");
    for gone in ["store", "store/strongroom.db"] {
        fs::rename(data.join(gone), &aside).expect("moved");
        let said = refused(&data, &[]);
        assert!(said.contains("holds credentials but no store"), "{said}");
        assert_eq!(fs::read(data.join("credentials")).expect("the file"), credentials);
        fs::rename(&aside, data.join(gone)).expect("moved back");
    }
    assert!(Instance::start_in(&data, &[]).stop());
}

#[test]
fn a_start_whose_output_is_no_terminal_does_not_print_the_secret_key() {
    let directory = TempDir::new().expect("directory");
    let mut server = Command::new(instance::binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let lines = BufReader::new(server.stdout.take().expect("its output")).lines().map(|line| line.expect("a line"));
    let said: Vec<String> = lines.take_while(|line| !line.starts_with("Stop with")).collect();
    server.kill().expect("killed");
    server.wait().expect("ended");
    let credentials = fs::read_to_string(directory.path().join("credentials")).expect("the file");
    let secret = credentials.lines().find_map(|line| line.strip_prefix("aws_secret_access_key = ")).expect("a secret");
    assert!(!said.iter().any(|line| line.contains(secret)));
    let named = said.iter().find(|line| line.starts_with("  credentials")).expect("where it was saved");
    assert!(named.contains("/credentials (profile default)"), "{named}");
}

#[test]
fn plain_http_beyond_loopback_is_refused() {
    let directory = TempDir::new().expect("directory");
    let said = refused(directory.path(), &["--listen", "0.0.0.0:0"]);
    assert!(said.contains("loopback"), "{said}");
}

#[tokio::test]
async fn developer_mode_takes_any_key_and_is_loud() {
    let directory = TempDir::new().expect("directory");
    let mut server = Instance::start_in(directory.path(), &["--dev"]);
    let anyone = Raw::new(server.url(), "test", strongroom_types::SecretText::new("test".into()));
    let listed = anyone.call("ListSecrets", json!({})).await;
    assert_eq!(listed.status, 200, "{}", listed.message());
    assert!(server.stop());
}

#[test]
fn developer_mode_and_real_data_are_kept_apart() {
    let directory = TempDir::new().expect("directory");
    let (dev, real) = (directory.path().join("dev-made"), directory.path().join("real"));
    assert!(Instance::start_in(&dev, &["--dev"]).stop());
    let said = refused(&dev, &[]);
    assert!(said.contains("was made with --dev"), "{said}");
    assert!(Instance::start_in(&dev, &["--dev"]).stop(), "developer mode goes on with its own");

    assert!(Instance::start_in(&real, &[]).stop());
    let said = refused(&real, &["--dev"]);
    assert!(said.contains("was not made with --dev"), "{said}");
    assert!(Instance::start_in(&real, &[]).stop(), "nothing of it was marked");
    fs::remove_dir_all(real.join("store")).expect("removed");
    assert!(refused(&real, &["--dev"]).contains("was not made with --dev"), "nor a directory to restore into");
}
