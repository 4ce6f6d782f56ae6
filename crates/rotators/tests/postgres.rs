//! PostgreSQL: each strategy under load, TLS by the rules of `ssl`, and databases that are behind.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;
use strongroom_rotators::{Failure, Settings, Step};
use tokio::net::TcpStream;
use tokio_postgres::{Config, NoTls, config::SslMode};

use crate::{
    memory::{Memory, TORTURE},
    rotate::{ARN, LogIn, SUPERUSER, member, rotate_under_load, step},
    servers::{Certificate, Server, command, folder, free_port, start},
};

const SINGLE: &str = "strongroom/postgresql-single-user";
const MULTI: &str = "strongroom/postgresql-multi-user";
/// A name that must be quoted.
const NAME: &str = r#"We"ird 'us\er; --ä$1"#;
const SUPER_PASSWORD: &str = r#"su'p\er"ä"#;

fn bin() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").map(|found| found.flatten().map(|of| of.path()).collect());
    let mut versions: Vec<PathBuf> = versions.unwrap_or_default();
    versions.sort();
    versions.pop().map_or_else(|| "/usr/lib/postgresql/bin".into(), |version| version.join("bin"))
}

/// A server that takes scrambled passwords only, by the lines of `hba`, and logs every statement.
fn server(hba: &str, certificate: Option<&Certificate>, settings: &[&str]) -> Server {
    let folder = folder("postgres");
    let data = folder.path().join("data");
    let password = folder.path().join("password");
    fs::write(&password, SUPER_PASSWORD).unwrap();
    crate::servers::own("postgres", &password);
    let made = command("postgres", &bin().join("initdb"))
        .args(["--no-sync", "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--pwfile"])
        .arg(&password)
        .arg("-D")
        .arg(&data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::write(data.join("pg_hba.conf"), hba).unwrap();
    let port = free_port();
    let mut serve = command("postgres", &bin().join("postgres"));
    serve.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    serve.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]);
    serve.args(["-c", "log_statement=all", "-c", "log_min_duration_statement=0", "-c", "log_connections=on"]);
    for setting in settings {
        serve.args(["-c", setting]);
    }
    if let Some(certificate) = certificate {
        let (_, chain, key) = certificate.write("postgres", folder.path());
        let file = |name: &str, path: &Path| format!("{name}={}", path.display());
        serve.args(["-c", "ssl=on", "-c", &file("ssl_cert_file", &chain), "-c", &file("ssl_key_file", &key)]);
    }
    start(serve, port, folder)
}

/// Logs in without TLS and runs statements.
async fn sql(port: u16, user: &str, password: &str, statements: &str) -> Result<(), String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| error.to_string())?;
    let mut config = Config::new();
    config.user(user).password(password).dbname("postgres").ssl_mode(SslMode::Disable);
    let connected = config.connect_raw(stream, NoTls).await;
    let (client, connection) = connected.map_err(|error| format!("{error:?}"))?;
    let connection = tokio::spawn(connection);
    let outcome = client.batch_execute(statements).await.map_err(|error| format!("{error:?}"));
    connection.abort();
    outcome
}

/// As the superuser, as soon as the server takes logins.
async fn prepare(port: u16, statements: &str) {
    for _ in 0..600 {
        match sql(port, "postgres", SUPER_PASSWORD, statements).await {
            Err(error) if error.contains("57P03") || error.contains("CannotConnectNow") => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            outcome => return outcome.unwrap(),
        }
    }
    panic!("the server takes no logins");
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const OPEN: &str = "host all all 127.0.0.1/32 scram-sha-256\n";

/// A user with a table that it may read.
fn user_sql(name: &str) -> String {
    let name = quoted(name);
    format!("CREATE TABLE t (a int); CREATE ROLE {name} LOGIN PASSWORD 'first'; GRANT SELECT ON t TO {name};")
}

fn log_in(port: u16) -> LogIn {
    Arc::new(move |user, password| Box::pin(async move { sql(port, &user, &password, "SELECT a FROM t").await }))
}

fn settings(certificate: &Certificate) -> Settings {
    Settings { ca_bundle: Some(certificate.ca.clone().into_bytes()), ..Settings::default() }
}

/// No statement in the server's log holds a password.
fn no_password_in(server: &Server, memory: &Memory) {
    let log = server.log();
    assert!(log.contains("ALTER USER") && log.contains("SCRAM-SHA-256$4096:"));
    for password in memory.passwords.lock().unwrap().iter() {
        for form in [password.clone(), password.replace('\'', "''"), password.replace('\\', "\\\\")] {
            assert!(!log.contains(&form), "a password in the server's log");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_rotates_under_load_with_retries_at_most() {
    let certificate = Certificate::new();
    let server = server(OPEN, Some(&certificate), &[]);
    prepare(server.port, &user_sql(NAME)).await;
    let memory = Arc::new(Memory::new(TORTURE));
    let secret = json!({"engine": "postgres", "host": "127.0.0.1", "port": server.port, "username": NAME,
        "password": "first", "dbname": "postgres", "ssl": "True", "kept": [1, {"a": null}]});
    memory.create(ARN, &secret.to_string());
    let logins = rotate_under_load(SINGLE, &memory, &settings(&certificate), log_in(server.port)).await;
    assert!(logins.failed.iter().all(|error| error.contains("28P01")), "{:#?}", logins.failed);
    let value = memory.stage(ARN, "AWSCURRENT").unwrap();
    assert!(value.contains(r#""kept":[1,{"a":null}]"#) && value.contains(r#""ssl":"True""#), "{value}");
    assert!(memory.rotation_tokens.lock().unwrap().iter().all(|token| token.is_some()));
    no_password_in(&server, &memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternating_users_rotate_without_a_failed_login() {
    let certificate = Certificate::new();
    let server = server(OPEN, Some(&certificate), &[]);
    prepare(server.port, &user_sql(NAME)).await;
    let memory = Arc::new(Memory::new(TORTURE));
    let at = json!({"engine": "postgres", "host": "127.0.0.1", "port": server.port.to_string()});
    let with = |more: serde_json::Value| {
        let mut value = at.clone();
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value.to_string()
    };
    memory.create(ARN, &with(json!({"username": NAME, "password": "first", "masterarn": SUPERUSER})));
    memory.create(SUPERUSER, &with(json!({"username": "postgres", "password": SUPER_PASSWORD})));
    let logins = rotate_under_load(MULTI, &memory, &settings(&certificate), log_in(server.port)).await;
    assert!(logins.failed.is_empty(), "{:#?}", logins.failed);
    assert_eq!(member(&memory, "AWSCURRENT", "username"), NAME);
    assert_eq!(member(&memory, "AWSPREVIOUS", "username"), format!("{NAME}_clone"));
    no_password_in(&server, &memory);

    // Where the rotated secret leads, a superuser's password does not go by that alone.
    memory.create(SUPERUSER, &json!({"username": "postgres", "password": SUPER_PASSWORD}).to_string());
    let token = memory.begin(ARN);
    assert_eq!(step(MULTI, &memory, &Settings::default(), Step::Create, &token).await.0, Ok(()));
    let refused = step(MULTI, &memory, &Settings::default(), Step::Set, &token).await.0.unwrap_err();
    assert_eq!(refused, Failure::new("KeyError", "host key is missing from secret JSON"));
    memory.create(SUPERUSER, &with(json!({"username": "postgres", "password": "wrong"})));
    let refused = step(MULTI, &memory, &Settings::default(), Step::Set, &token).await.0.unwrap_err();
    assert_eq!(refused.message, format!("Unable to log into database using credentials in master secret {SUPERUSER}"));
}

fn secret(port: u16, user: &str, password: &str, ssl: Option<bool>) -> String {
    let mut value =
        json!({"engine": "postgres", "host": "127.0.0.1", "port": port, "username": user, "password": password});
    if let Some(ssl) = ssl {
        value["ssl"] = json!(ssl);
    }
    value.to_string()
}

#[tokio::test]
async fn tls_is_by_the_rules_of_ssl() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let secured = server(&format!("hostnossl all only_tls all reject\n{OPEN}"), Some(&certificate), &[]);
    let plain = server(OPEN, None, &[]);
    let users = "CREATE ROLE only_tls LOGIN PASSWORD 'first'; CREATE ROLE \"any\" LOGIN PASSWORD 'first';";
    prepare(secured.port, users).await;
    prepare(plain.port, users).await;
    let memory = Memory::new(TORTURE);
    let (trusting, wary) = (settings(&certificate), settings(&other));
    for (server, user, ssl, settings, works) in [
        (&secured, "only_tls", None, &trusting, true),
        (&secured, "only_tls", Some(true), &trusting, true),
        (&secured, "only_tls", Some(false), &trusting, false),
        (&secured, "only_tls", None, &wary, false),
        (&secured, "any", None, &wary, true),
        (&secured, "any", Some(true), &wary, false),
        (&plain, "any", None, &trusting, true),
        (&plain, "any", Some(false), &trusting, true),
        (&plain, "any", Some(true), &trusting, false),
    ] {
        memory.create(ARN, "{}");
        memory.put(ARN, "pending", "AWSPENDING", &secret(server.port, user, "first", ssl));
        let (outcome, log) = step(SINGLE, &memory, settings, Step::Test, "pending").await;
        assert_eq!(outcome.is_ok(), works, "{user} {ssl:?}: {log:#?}");
        if let Err(failure) = outcome {
            let text = format!("Unable to log into database with pending secret of secret ARN {ARN}");
            assert_eq!((failure.kind.as_str(), failure.message), ("ValueError", text));
        }
    }
}

#[tokio::test]
async fn a_database_that_is_behind_or_uses_md5_is_rotated() {
    let hba = "host all all 127.0.0.1/32 md5\n";
    let server = server(hba, None, &["password_encryption=md5"]);
    prepare(server.port, "CREATE ROLE app LOGIN PASSWORD 'first'").await;
    let memory = Memory::new(TORTURE);
    let settings = Settings::default();
    // The value in use does not work; the one before does.
    memory.create(ARN, &secret(server.port, "app", "never set", Some(false)));
    memory.put(ARN, "old", "AWSPREVIOUS", &secret(server.port, "app", "first", None));
    let token = memory.begin(ARN);
    for of in [Step::Create, Step::Set, Step::Set, Step::Test] {
        let (outcome, log) = step(SINGLE, &memory, &settings, of, &token).await;
        assert_eq!(outcome, Ok(()), "{log:#?}");
    }
    let password = member(&memory, "AWSPENDING", "password");
    sql(server.port, "app", &password, "SELECT 1").await.unwrap();
    assert!(!server.log().contains("SCRAM-SHA-256$"));

    // Nothing works.
    let token = memory.begin(ARN);
    assert_eq!(step(SINGLE, &memory, &settings, Step::Create, &token).await.0, Ok(()));
    let refused = step(SINGLE, &memory, &settings, Step::Set, &token).await.0.unwrap_err();
    assert_eq!(
        refused.message,
        format!("Unable to log into database with previous, current, or pending secret of secret arn {ARN}")
    );
}
