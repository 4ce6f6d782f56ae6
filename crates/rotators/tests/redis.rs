//! Redis: each strategy under load, rights, TLS, and users that are kept beyond the server's end.

use std::{fs, process::Command, sync::Arc};

use serde_json::{Value, json};
use strongroom_rotators::Settings;

use crate::{
    memory::{Memory, TORTURE},
    rotate::{ARN, LogIn, SUPERUSER, member, rotate, rotate_under_load},
    servers::{Certificate, Server, command, folder, free_port, own, start},
};

const SUPER_PASSWORD: &str = "su'p\"er\\ä";
const NAME: &str = "we\"ird'us\\er;ä";

/// A server with users in a file.
fn server(certificate: Option<&Certificate>) -> Server {
    let folder = folder("redis");
    let file = folder.path().join("users.acl");
    let digest = |password: &str| {
        strongroom_crypto::digest::sha256(password.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let users = format!(
        "user default off\nuser super on #{} ~* &* +@all\n\
         user {NAME} on #{} ~app:* &news -@all +get +set +ping (~log:* -@all +append)\n",
        digest(SUPER_PASSWORD),
        digest("first"),
    );
    fs::write(&file, users).unwrap();
    own("redis", &file);
    let (port, plain) = (free_port(), free_port());
    let mut serve = command("redis", "/usr/bin/redis-server".as_ref());
    serve.args(["--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder.path()).arg("--aclfile").arg(&file);
    let listening = match certificate {
        None => {
            serve.args(["--port", &port.to_string()]);
            port
        }
        Some(certificate) => {
            let (ca, chain, key) = certificate.write("redis", folder.path());
            serve.args(["--port", &plain.to_string(), "--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
            serve.arg("--tls-ca-cert-file").arg(ca).arg("--tls-cert-file").arg(chain).arg("--tls-key-file").arg(key);
            plain
        }
    };
    let mut server = start(serve, listening, folder);
    server.port = port;
    server
}

/// Logs in by the client of Redis, and runs a command.
fn redis(server: &Server, tls: bool, user: &str, password: &str, words: &[&str]) -> Result<String, String> {
    let mut client = Command::new("/usr/bin/redis-cli");
    client.args(["-h", "127.0.0.1", "-p", &server.port.to_string(), "--no-auth-warning", "--user", user]);
    client.args(["--pass", password]);
    if tls {
        client.arg("--tls").arg("--cacert").arg(server.folder.path().join("ca.pem"));
    }
    let out = client.args(words).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    if ["WRONGPASS", "NOAUTH", "NOPERM", "AUTH failed", "Could not connect"].iter().any(|error| text.contains(error)) {
        return Err(text);
    }
    Ok(text)
}

fn log_in(server: &Arc<Server>, tls: bool) -> LogIn {
    let server = server.clone();
    Arc::new(move |user, password| {
        let server = server.clone();
        Box::pin(async move {
            let asked = move || redis(&server, tls, &user, &password, &["GET", "app:1"]);
            tokio::task::spawn_blocking(asked).await.unwrap().map(|_| ())
        })
    })
}

fn secret(port: u16, more: Value) -> String {
    let mut value = json!({"host": "127.0.0.1", "port": port});
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_rotates_without_a_failed_login_since_it_has_two_passwords() {
    let server = Arc::new(server(None));
    let memory = Arc::new(Memory::new(TORTURE));
    memory.create(
        ARN,
        &secret(server.port, json!({"username": NAME, "password": "first", "masterarn": SUPERUSER, "ssl": false})),
    );
    let value = json!({"username": "super", "password": SUPER_PASSWORD, "ssl": false});
    memory.create(SUPERUSER, &secret(server.port, value));
    let package = "strongroom/redis-single-user";
    let logins = rotate_under_load(package, &memory, &Settings::default(), log_in(&server, false)).await;
    assert!(logins.failed.is_empty(), "{:#?}", logins.failed);
    // The password of the rotation before still works; older ones do not.
    let before = member(&memory, "AWSPREVIOUS", "password");
    redis(&server, false, NAME, &before, &["GET", "app:1"]).unwrap();
    rotate(package, &memory, &Settings::default()).await;
    redis(&server, false, NAME, &before, &["GET", "app:1"]).unwrap_err();
    // The server saved its users.
    let users = fs::read_to_string(server.folder.path().join("users.acl")).unwrap();
    let digest = strongroom_crypto::digest::sha256(member(&memory, "AWSCURRENT", "password").as_bytes());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(users.contains(&digest));

    // One who may, sets its own.
    memory.create(ARN, &secret(server.port, json!({"username": "super", "password": SUPER_PASSWORD, "ssl": false})));
    rotate(package, &memory, &Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternating_users_rotate_over_tls_without_a_failed_login() {
    let certificate = Certificate::new();
    let server = Arc::new(server(Some(&certificate)));
    let settings = Settings { ca_bundle: Some(certificate.ca.clone().into_bytes()), ..Settings::default() };
    let memory = Arc::new(Memory::new(TORTURE));
    memory.create(ARN, &secret(server.port, json!({"username": NAME, "password": "first", "masterarn": SUPERUSER})));
    memory
        .create(SUPERUSER, &secret(server.port, json!({"username": "super", "password": SUPER_PASSWORD, "ssl": true})));
    let logins = rotate_under_load("strongroom/redis-multi-user", &memory, &settings, log_in(&server, true)).await;
    assert!(logins.failed.is_empty(), "{:#?}", logins.failed);
    let (user, password) = (member(&memory, "AWSPREVIOUS", "username"), member(&memory, "AWSPREVIOUS", "password"));
    assert_eq!(user, format!("{NAME}_clone"));
    redis(&server, true, &user, &password, &["APPEND", "log:1", "x"]).unwrap();
    redis(&server, true, &user, &password, &["APPEND", "app:1", "x"]).unwrap_err();
    redis(&server, true, &user, &password, &["GET", "other"]).unwrap_err();
}
