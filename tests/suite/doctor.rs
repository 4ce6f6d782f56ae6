//! Promise: the doctor says of a machine what is wrong with it and what to do, and changes nothing.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use strongroom_store::contract::database::shared;
use strongroom_testkit::{Instance, instance};
use tempfile::TempDir;

/// What the doctor prints, and whether nothing is wrong.
fn doctor(arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(instance::binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().contains("AWS_") || name.to_string_lossy().to_uppercase().ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    let output = command.arg("doctor").args(arguments).envs(variables.iter().copied()).output().expect("it runs");
    (output.status.success(), String::from_utf8(output.stdout).expect("text"))
}

fn of(data: &Path) -> (bool, String) {
    doctor(&["--data", text(data)], &[])
}

fn configured(data: &Path, settings: &str) -> (bool, String) {
    let config = data.with_extension("toml");
    fs::write(&config, settings).expect("written");
    doctor(&["--data", text(data), "--config", text(&config)], &[])
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Fails unless there is a line of that level and check that says that.
fn assert_told(told: &(bool, String), level: &str, check: &str, what: &str) {
    let beginning = format!("{level:<7}  {check}: ");
    let line = told.1.lines().find(|line| line.starts_with(&beginning) && line.contains(what));
    assert!(line.is_some(), "{beginning}…{what}… in {}", told.1);
    assert_eq!(told.0, !told.1.contains("\nproblem ") && !told.1.starts_with("problem "), "{}", told.1);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
}

/// A data directory whose server has stopped.
fn stopped(home: &Path) -> PathBuf {
    let data = home.join("data");
    assert!(Instance::start_in(&data, &[]).stop());
    data
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_looked_at_and_left_alone() {
    let mut server = Instance::start();
    let input = json!({"Name": "s", "SecretString": "v", "ClientRequestToken": "0".repeat(32)});
    let made = server.raw().call("CreateSecret", input).await;
    assert_eq!(made.status, 200);
    let names = |path: &Path| -> Vec<_> {
        fs::read_dir(path).expect("read").map(|entry| entry.expect("one").file_name()).collect()
    };
    let before = names(server.directory());
    let told = of(server.directory());
    assert!(told.0, "{}", told.1);
    for (check, what) in [
        ("configuration", "the defaults"),
        ("files", "for its user alone"),
        ("space", "bytes are free"),
        ("tls", "no certificate"),
        ("root of trust", "key file"),
        ("store", "opens"),
        ("account", "in us-east-1"),
        ("server", "is ready"),
        ("clock", "agrees with the server"),
        ("environment", "no variable"),
    ] {
        assert_told(&told, "ok", check, what);
    }
    assert_told(&told, "warning", "backup", "none are taken");
    assert_eq!(names(server.directory()), before, "nothing is left behind");

    // What leads clients elsewhere.
    let data = text(server.directory());
    let variables = [
        ("AWS_ENDPOINT_URL_SECRETSMANAGER", server.url()),
        ("AWS_REGION", "eu-west-1"),
        ("DB_SECRET", "arn:aws:secretsmanager:us-east-1:999999999999:secret:s-AbCdEf"),
    ];
    let told = doctor(&["--data", data], &variables);
    assert_told(&told, "problem", "environment", "no AWS client reads AWS_ENDPOINT_URL_SECRETSMANAGER");
    assert!(told.1.contains("-> call it AWS_ENDPOINT_URL_SECRETS_MANAGER"), "{}", told.1);
    assert_told(&told, "problem", "environment", "the server's region is us-east-1");
    assert_told(&told, "warning", "environment", "DB_SECRET holds the ARN of a secret in account 999999999999");
    let right = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.url()), ("AWS_REGION", "us-east-1")];
    assert_told(&doctor(&[], &right), "ok", "server", "is ready");

    let (_, json) = doctor(&["--data", data, "--json"], &[]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["problems"], &json["findings"][0]["level"]), (&json!(0), &json!("ok")));

    server.kill();
    assert_told(&of(server.directory()), "problem", "server", "refused");
}

#[test]
fn the_configuration_s_problems_are_all_told() {
    let home = TempDir::new().expect("directory");
    let told = configured(&home.path().join("data"), "[limits]\nbody_bytes_max = 'many'\nno_such_key = 1\n");
    assert_told(&told, "problem", "configuration", "limits.body_bytes_max");
    assert_told(&told, "problem", "configuration", "limits.no_such_key");
}

#[test]
fn files_that_others_can_read_and_full_disks_are_told() {
    let home = TempDir::new().expect("directory");
    let data = stopped(home.path());
    let (key, credentials) = (data.join("root.key"), data.join("credentials"));
    mode(&key, 0o644);
    mode(&credentials, 0o640);
    mode(&data, 0o777);
    let told = of(&data);
    for (path, advice) in [(&key, "chmod 600"), (&credentials, "chmod 600"), (&data, "chmod go-w")] {
        assert_told(&told, "problem", "files", text(path));
        assert!(told.1.contains(&format!("-> run `{advice} {}`", path.display())), "{}", told.1);
    }
    mode(&key, 0o600);
    mode(&credentials, 0o600);
    mode(&data, 0o700);
    let password = home.path().join("password");
    fs::write(&password, "p").expect("written");
    mode(&password, 0o644);
    let settings =
        format!("[store]\nurl = 'postgres://u@127.0.0.1:1/s?sslmode=disable'\npassword_file = '{}'\n", text(&password));
    let told = configured(&data, &settings);
    assert_told(&told, "problem", "files", text(&password));
    assert_told(&told, "problem", "database", "");
    let told = configured(&data, "[audit]\nfree_bytes_min = 1000000000000000\n");
    assert_told(&told, "problem", "space", "bytes are free");
}

#[test]
fn a_root_of_trust_that_is_lost_or_another_is_told() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("none");
    fs::create_dir(&data).expect("directory");
    mode(&data, 0o700);
    assert_told(&of(&data), "ok", "root of trust", "made by the first start");
    assert!(!data.join("root.key").exists() && !data.join("store").exists(), "nothing is made");
    assert_told(&of(&home.path().join("nowhere")), "problem", "files", "No such file");

    let (data, other) = (stopped(home.path()), TempDir::new().expect("directory"));
    let key = fs::read(data.join("root.key")).expect("read");
    fs::remove_file(data.join("root.key")).expect("lost");
    assert_told(&of(&data), "problem", "root of trust", "is not there");
    let another = stopped(other.path()).join("root.key");
    fs::copy(another, data.join("root.key")).expect("put there");
    assert_told(&of(&data), "problem", "store", "");
    fs::write(data.join("root.key"), key).expect("put back");
    assert_told(&of(&data), "ok", "store", "opens");
    let variable = "[[roots]]\nkind = 'environment'\nvariable = 'NOT_SET_ANYWHERE'\n";
    assert_told(&configured(&data, variable), "warning", "root of trust", "NOT_SET_ANYWHERE is not set");
    let shares = "[[roots]]\nkind = 'shares'\n";
    assert_told(&configured(&data, shares), "ok", "root of trust", "shares");
}

#[test]
fn certificates_are_looked_at() {
    let home = TempDir::new().expect("directory");
    let (data, certificate, key_file) =
        (stopped(home.path()), home.path().join("cert.pem"), home.path().join("key.pem"));
    let settings = format!("[tls]\ncertificate_file = '{}'\nkey_file = '{}'\n", text(&certificate), text(&key_file));
    let config = data.with_extension("toml");
    fs::write(&config, &settings).expect("written");
    let key = KeyPair::generate().expect("a key");
    fs::write(&key_file, key.serialize_pem()).expect("written");
    mode(&key_file, 0o600);
    let write = |name: &str, until: (i32, u8, u8), key: &KeyPair| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("params");
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        fs::write(&certificate, params.self_signed(key).expect("a certificate").pem()).expect("written");
    };
    let asked = || {
        let url = "https://s.example:1";
        doctor(&["--data", text(&data), "--config", text(&config), "--endpoint", url], &[])
    };
    write("s.example", (2090, 1, 1), &key);
    assert_told(&asked(), "ok", "tls", "fits its key and is good until 2090-01-01");
    write("other.example", (2090, 1, 1), &key);
    assert_told(&asked(), "problem", "tls", "does not name s.example");
    write("s.example", (2020, 1, 1), &key);
    assert_told(&asked(), "problem", "tls", "ended at 2020-01-01");
    write("s.example", (2090, 1, 1), &KeyPair::generate().expect("another key"));
    assert_told(&asked(), "problem", "tls", "cannot be used with the key");
    mode(&key_file, 0o604);
    assert_told(&asked(), "problem", "files", "key.pem can be read or written by others");
    let plain = "[listen]\naddresses = ['0.0.0.0:7600']\nplain_http_anywhere = true\n";
    assert_told(&configured(&data, plain), "warning", "tls", "plain HTTP on 0.0.0.0:7600");
}

#[test]
fn other_servers_and_other_clocks_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let bodies = [
        "{\"status\":\"ready\",\"warnings\":[\"the newest backup is old\"]}",
        "<html>",
        "{\"status\":\"not ready\",\"reasons\":[\"no\"]}",
    ];
    let answering = std::thread::spawn(move || {
        for body in bodies {
            let (mut stream, _) = listener.accept().expect("a client");
            stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
            let _ = stream.read(&mut [0; 4096]);
            let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\n{date}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).expect("written");
        }
    });
    let asked = || doctor(&["--endpoint", &url], &[]);
    let told = asked();
    assert_told(&told, "problem", "clock", "seconds ahead of the server");
    assert_told(&told, "warning", "server", "the newest backup is old");
    assert_told(&asked(), "problem", "server", "is no Strongroom");
    assert_told(&asked(), "problem", "server", "is not ready: no");
    answering.join().expect("all were asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_regions_accounts_and_standings_are_told() {
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    let mut server = Instance::start_in(&data, &["--region", "eu-west-1", "--account", "123456789012"]);
    let mut client = server.raw();
    "eu-west-1".clone_into(&mut client.region);
    let input = json!({"Name": "s", "SecretString": "v", "ClientRequestToken": "0".repeat(32)});
    assert_eq!(client.call("CreateSecret", input).await.status, 200);
    assert!(server.stop());
    assert_told(&of(&data), "problem", "account", "has secrets in eu-west-1, and none in us-east-1");
    let told = configured(&data, "[account]\nregion = 'eu-west-1'\nid = '999999999999'\n");
    assert_told(&told, "problem", "account", "the store was made with 123456789012");
    let freeze =
        Command::new(instance::binary()).args(["store", "freeze", "--data"]).arg(&data).output().expect("it runs");
    assert!(freeze.status.success());
    assert_told(&of(&data), "warning", "store", "frozen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_are_looked_at_by_the_catalogue() {
    let home = TempDir::new().expect("directory");
    let (data, place, config) = (home.path().join("data"), home.path().join("place"), home.path().join("data.toml"));
    let settings = format!("[backup]\ndirectory = '{}'\n", text(&place));
    fs::write(&config, &settings).expect("written");
    let mut server = Instance::start_in(&data, &["--config", text(&config)]);
    let mut told = configured(&data, &settings);
    for _ in 0..300 {
        if told.1.contains("the last proven restore was 20") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        told = configured(&data, &settings);
    }
    assert_told(&told, "ok", "backup", "the newest was taken 20");
    assert!(server.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_looked_at_and_nothing_is_made_in_it() {
    let server = shared().expect("a database server");
    let url = server.database().await.expect("a database");
    let home = TempDir::new().expect("directory");
    let data = home.path().join("data");
    fs::create_dir(&data).expect("directory");
    mode(&data, 0o700);
    let settings = format!("[store]\nurl = '{url}'\n");
    for _ in 0..2 {
        assert_told(&configured(&data, &settings), "ok", "store", "there is none in the schema strongroom yet");
    }
    let config = data.with_extension("toml");
    let mut running = Instance::start_in(&data, &["--config", text(&config)]);
    let told = configured(&data, &settings);
    assert_told(&told, "ok", "database", "PostgreSQL 1");
    assert_told(&told, "ok", "clock", "the database");
    assert_told(&told, "ok", "store", "opens");
    assert_told(&told, "ok", "server", "is ready");
    assert!(running.stop());
}

#[test]
fn the_status_of_a_directory_that_is_not_there_is_no_lost_key() {
    let home = TempDir::new().expect("directory");
    let nowhere = home.path().join("nowhere");
    let output = Command::new(instance::binary()).args(["status", "--data", text(&nowhere)]).output().expect("it runs");
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(!output.status.success() && told.contains("is not there: --data names the server's"), "{told}");
    assert!(!told.contains("root") && !nowhere.exists(), "{told}");
}
