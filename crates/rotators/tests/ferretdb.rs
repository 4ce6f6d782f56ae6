//! MongoDB's packages, against FerretDB, which speaks its protocol and knows its commands for users, but no roles.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use mongodb::{
    Client,
    bson::doc,
    options::{ClientOptions, Credential, ServerAddress},
};
use serde_json::{Value, json};
use strongroom_rotators::{Settings, Step};

use crate::{
    memory::Memory,
    rotate::{ARN, LogIn, SUPERUSER, member, rotate, rotate_under_load, step},
    servers::{Certificate, Server, folder, free_port, start},
};

const SINGLE: &str = "strongroom/mongodb-single-user";
const MULTI: &str = "strongroom/mongodb-multi-user";
const SUPER_PASSWORD: &str = r#"su'p\er"$ä"#;
const NAME: &str = r#"we"ird'us\er; {$ne: 1}"#;
/// What passwords are made of. Those that MongoDB's SASLprep refuses are left out.
const ALPHABET: &str = "aZ9'\"\\`$;-- /@%?:{}()[]<>#&|*^~!+=,._äß漢";

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/ferretdb-v1.24.2")
}

/// A server with a superuser, under TLS with a certificate, else without.
fn server(certificate: Option<&Certificate>) -> Server {
    // It may be built where only we can read.
    let user = "root";
    let folder = folder(user);
    let port = free_port();
    let program = program();
    assert!(program.exists(), "{} is missing: run scripts/install-ferretdb", program.display());
    let mut serve = Command::new(program);
    let state = folder.path().display();
    serve.args(["--handler=sqlite", "--debug-addr=-", "--telemetry=disable", "--test-enable-new-auth"]);
    serve.args([format!("--sqlite-url=file:{state}/"), format!("--state-dir={state}")]);
    serve.args(["--setup-database=admin", "--setup-username=super"]);
    serve.arg(format!("--setup-password={SUPER_PASSWORD}"));
    match certificate {
        None => {
            serve.arg(format!("--listen-addr=127.0.0.1:{port}"));
        }
        Some(certificate) => {
            let (_, chain, key) = certificate.write(user, folder.path());
            serve.arg(format!("--listen-addr=127.0.0.1:{}", free_port())).arg(format!("--listen-tls=127.0.0.1:{port}"));
            serve.arg(format!("--listen-tls-cert-file={}", chain.display()));
            serve.arg(format!("--listen-tls-key-file={}", key.display()));
        }
    }
    start(serve, port, folder)
}

async fn connect(port: u16, dbname: &str, user: &str, password: &str) -> Result<Client, String> {
    let mut credential = Credential::default();
    credential.username = Some(user.to_owned());
    credential.password = Some(password.to_owned());
    credential.source = Some(dbname.to_owned());
    let mut options = ClientOptions::default();
    options.hosts = vec![ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(port) }];
    options.direct_connection = Some(true);
    options.credential = Some(credential);
    options.server_selection_timeout = Some(Duration::from_secs(20));
    let client = Client::with_options(options).map_err(|error| error.to_string())?;
    client.database(dbname).run_command(doc! {"ping": 1}).await.map_err(|error| error.to_string())?;
    Ok(client)
}

fn log_in(port: u16, dbname: &'static str) -> LogIn {
    Arc::new(move |user, password| Box::pin(async move { connect(port, dbname, &user, &password).await.map(|_| ()) }))
}

async fn make_user(port: u16, dbname: &str, user: &str) {
    let client = connect(port, "admin", "super", SUPER_PASSWORD).await.unwrap();
    let made = doc! {"createUser": user, "pwd": "first", "roles": []};
    client.database(dbname).run_command(made).await.unwrap();
}

fn secret(port: u16, more: Value) -> String {
    let mut value = json!({"engine": "mongo", "host": "127.0.0.1", "port": port});
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_rotates() {
    let server = server(None);
    make_user(server.port, "app", NAME).await;
    let memory = Arc::new(Memory::new(ALPHABET));
    let value = json!({"username": NAME, "password": "first", "dbname": "app", "ssl": false});
    memory.create(ARN, &secret(server.port, value));
    rotate_under_load(SINGLE, &memory, &Settings::default(), log_in(server.port, "app")).await;
    let (now, before) = (member(&memory, "AWSCURRENT", "password"), member(&memory, "AWSPREVIOUS", "password"));
    connect(server.port, "app", NAME, &now).await.unwrap();
    connect(server.port, "app", NAME, &before).await.unwrap_err();

    // Where `ssl` is not told, with TLS first, which this server does not answer, and then without.
    let value = json!({"username": NAME, "password": now, "dbname": "app"});
    memory.put(ARN, "works", "AWSPENDING", &secret(server.port, value));
    let (outcome, log) = step(SINGLE, &memory, &Settings::default(), Step::Test, "works").await;
    assert_eq!(outcome, Ok(()), "{log:#?}");

    // A value that does not work is told as one.
    memory.put(
        ARN,
        "pending",
        "AWSPENDING",
        &secret(server.port, json!({"username": NAME, "password": "x", "ssl": false})),
    );
    let (outcome, log) = step(SINGLE, &memory, &Settings::default(), Step::Test, "pending").await;
    assert!(outcome.unwrap_err().message.starts_with("Unable to log into database"));
    assert!(log.iter().any(|line| line.contains("SCRAM failure")), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternating_users_rotate_without_a_failed_login() {
    let server = server(None);
    make_user(server.port, "app", NAME).await;
    let memory = Arc::new(Memory::new(ALPHABET));
    let value = json!({"username": NAME, "password": "first", "dbname": "app", "masterarn": SUPERUSER, "ssl": "False"});
    memory.create(ARN, &secret(server.port, value));
    memory.create(SUPERUSER, &secret(server.port, json!({"username": "super", "password": SUPER_PASSWORD})));
    let logins = rotate_under_load(MULTI, &memory, &Settings::default(), log_in(server.port, "app")).await;
    assert!(logins.failed.is_empty(), "{:#?}", logins.failed);
    assert_eq!(member(&memory, "AWSPREVIOUS", "username"), format!("{NAME}_clone"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_forced_and_certificates_are_verified() {
    let certificate = Certificate::new();
    let server = server(Some(&certificate));
    let memory = Memory::new(ALPHABET);
    // The superuser's own, in `admin`.
    let value = json!({"username": "super", "password": SUPER_PASSWORD, "ssl": true});
    memory.create(ARN, &secret(server.port, value));
    let settings = Settings { ca_bundle: Some(certificate.ca.clone().into_bytes()), ..Settings::default() };
    rotate(SINGLE, &memory, &settings).await;

    let others = Settings { ca_bundle: Some(Certificate::new().ca.into_bytes()), ..Settings::default() };
    let token = memory.begin(ARN);
    step(SINGLE, &memory, &others, Step::Create, &token).await.0.unwrap();
    let (outcome, log) = step(SINGLE, &memory, &others, Step::Set, &token).await;
    assert!(outcome.unwrap_err().message.starts_with("Unable to log into database with previous, current"));
    assert!(log.iter().any(|line| line.contains("certificate")), "{log:#?}");
}
