//! SQL Server's packages, against a server of the tests that speaks its protocol: no real one can be had.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use strongroom_rotators::{Settings, Step};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt;

use crate::{
    memory::{Memory, TORTURE},
    rotate::{ARN, LogIn, SUPERUSER, member, rotate, rotate_under_load, step},
    servers::Certificate,
    tds::{Server, State},
};

const SINGLE: &str = "strongroom/sqlserver-single-user";
const MULTI: &str = "strongroom/sqlserver-multi-user";
const NAME: &str = r#"we]ird[ 'us"er; --ä"#;
const SUPER_PASSWORD: &str = "su'p]er🔑";

fn state(contained: bool) -> State {
    let passwords = [(NAME, "first"), ("super", SUPER_PASSWORD)];
    let passwords = passwords.map(|(user, password)| (user.to_owned(), password.to_owned())).into();
    State { passwords, contained, ..State::default() }
}

/// A row of the look-up of rights.
type Row = Vec<Option<&'static str>>;

fn right(class: &'static str, state: &'static str, permission: &'static str, on: [Option<&'static str>; 4]) -> Row {
    let mut row = vec![Some(class), Some(state), Some(permission)];
    row.extend(on);
    row
}

fn secret(port: u16, more: Value) -> String {
    let mut value = json!({"engine": "sqlserver", "host": "127.0.0.1", "port": port});
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value.to_string()
}

fn log_in(port: u16) -> LogIn {
    Arc::new(move |user, password| {
        Box::pin(async move {
            let mut config = Config::new();
            config.encryption(EncryptionLevel::NotSupported);
            config.authentication(AuthMethod::sql_server(&user, &password));
            let tcp = TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
            Client::connect(config, tcp.compat_write()).await.map(|_| ()).map_err(|error| error.to_string())
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_sets_its_own_password() {
    let server = Server::start(state(false), None);
    let memory = Arc::new(Memory::new(TORTURE));
    memory.create(ARN, &secret(server.port, json!({"username": NAME, "password": "first"})));
    // The server has no TLS, and `ssl` is not told.
    rotate_under_load(SINGLE, &memory, &Settings::default(), log_in(server.port)).await;
    let password = member(&memory, "AWSCURRENT", "password");
    assert_eq!(server.state().passwords[NAME], password);
    assert_eq!(server.state().database, "master");
    let mut changes = server.state().changes.clone();
    changes.dedup();
    assert_eq!(changes, [format!("ALTER LOGIN {NAME} … … …")]);

    // Where the value in use is not yet in the database, the one before is.
    memory.put(ARN, "behind", "AWSCURRENT", &secret(server.port, json!({"username": NAME, "password": "not set"})));
    memory.put(ARN, "works", "AWSPREVIOUS", &secret(server.port, json!({"username": NAME, "password": password})));
    rotate(SINGLE, &memory, &Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_of_a_login_has_its_user_with_all_rights() {
    let mut known = state(false);
    known.rows = vec![
        ("AS l ON l.sid = u.sid", vec![vec![Some("usr"), Some("sch]ema")]]),
        ("sys.database_role_members", vec![vec![Some("db_datareader")], vec![Some("own]role")]]),
        (
            "sys.database_permissions",
            vec![
                right("0", "GRANT", "CONNECT", [None; 4]),
                right("1", "GRANT_WITH_GRANT_OPTION", "SELECT", [None, Some("dbo"), Some("t'"), Some("c]")]),
            ],
        ),
        // A user of a name is looked for beside logins of it.
        ("FROM sys.database_principals WHERE", vec![]),
    ];
    let server = Server::start(known, None);
    let memory = Arc::new(Memory::new(TORTURE));
    let value = json!({"username": NAME, "password": "first", "masterarn": SUPERUSER, "dbname": "app", "ssl": false});
    memory.create(ARN, &secret(server.port, value));
    // The superuser works in the user's database, not in its own.
    let value = json!({"username": "super", "password": SUPER_PASSWORD, "dbname": "other", "ssl": "false"});
    memory.create(SUPERUSER, &secret(server.port, value));
    let logins = rotate_under_load(MULTI, &memory, &Settings::default(), log_in(server.port)).await;
    assert!(logins.failed.is_empty(), "{:#?}", logins.failed);
    let state = server.state();
    let clone = format!("{NAME}_clone");
    let name = "[we]]ird[ 'us\"er; --ä_clone]";
    assert_eq!(
        state.changes[..9],
        [
            "BEGIN TRANSACTION".to_owned(),
            format!("CREATE LOGIN {clone}"),
            format!("CREATE USER [usr_clone] FOR LOGIN {name} WITH DEFAULT_SCHEMA = [sch]]ema]"),
            "ALTER ROLE [db_datareader] ADD MEMBER [usr_clone]".to_owned(),
            "ALTER ROLE [own]]role] ADD MEMBER [usr_clone]".to_owned(),
            "GRANT CONNECT TO [usr_clone]".to_owned(),
            "GRANT SELECT ([c]]]) ON OBJECT::[dbo].[t'] TO [usr_clone] WITH GRANT OPTION".to_owned(),
            "COMMIT TRANSACTION".to_owned(),
            format!("ALTER LOGIN {NAME}"),
        ]
    );
    assert_eq!(state.changes[9], format!("ALTER LOGIN {clone}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_on_the_server_go_over_in_its_own_database() {
    let mut known = state(false);
    let rights = vec![
        right("100", "GRANT", "CONNECT SQL", [None; 4]),
        right("101", "DENY", "IMPERSONATE", [Some("S "), None, Some("other"), None]),
    ];
    known.rows = vec![("sys.server_permissions", rights)];
    let server = Server::start(known, None);
    let memory = Memory::new(TORTURE);
    let value = json!({"username": NAME, "password": "first", "masterarn": SUPERUSER, "ssl": false});
    memory.create(ARN, &secret(server.port, value));
    memory.create(
        SUPERUSER,
        &secret(server.port, json!({"username": "super", "password": SUPER_PASSWORD, "ssl": false})),
    );
    rotate(MULTI, &memory, &Settings::default()).await;
    let name = "[we]]ird[ 'us\"er; --ä_clone]";
    assert_eq!(
        server.state().changes[2..4],
        [format!("GRANT CONNECT SQL TO {name}"), format!("DENY IMPERSONATE ON LOGIN::[other] TO {name}")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_contained_databases_have_passwords_themselves() {
    let mut known = state(true);
    known.rows = vec![
        ("AS u WHERE u.name =", vec![vec![Some(NAME), None]]),
        ("sys.database_role_members", vec![vec![Some("r")]]),
        ("sys.database_permissions", vec![]),
    ];
    let server = Server::start(known, None);
    let memory = Memory::new(TORTURE);
    let value = json!({"username": NAME, "password": "first", "dbname": "app", "masterarn": SUPERUSER, "ssl": false});
    memory.create(ARN, &secret(server.port, value));
    memory.create(
        SUPERUSER,
        &secret(server.port, json!({"username": "super", "password": SUPER_PASSWORD, "ssl": false})),
    );
    rotate(SINGLE, &memory, &Settings::default()).await;
    rotate(MULTI, &memory, &Settings::default()).await;
    rotate(MULTI, &memory, &Settings::default()).await;
    let changes = server.state().changes.clone();
    let clone = format!("{NAME}_clone");
    assert_eq!(changes[0], format!("ALTER USER {NAME} … … …"));
    assert_eq!(changes[2], format!("CREATE USER {clone}"));
    assert!(changes[3].starts_with("ALTER ROLE [r] ADD MEMBER [we]]ird"));
    assert_eq!(changes.last(), Some(&format!("ALTER USER {NAME}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_inside_the_protocol_is_forced_and_certificates_are_verified() {
    let certificate = Certificate::new();
    let chain = vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let server = Server::start(state(false), Some(Arc::new(config)));
    let memory = Memory::new(TORTURE);
    memory.create(ARN, &secret(server.port, json!({"username": NAME, "password": "first", "ssl": true})));
    let settings = Settings { ca_bundle: Some(certificate.ca.clone().into_bytes()), ..Settings::default() };
    rotate(SINGLE, &memory, &settings).await;
    rotate(SINGLE, &memory, &settings).await;

    let others = Settings { ca_bundle: Some(Certificate::new().ca.into_bytes()), ..Settings::default() };
    let token = memory.begin(ARN);
    step(SINGLE, &memory, &others, Step::Create, &token).await.0.unwrap();
    let (outcome, log) = step(SINGLE, &memory, &others, Step::Set, &token).await;
    assert!(outcome.unwrap_err().message.starts_with("Unable to log into database with previous, current"));
    assert!(log.iter().any(|line| line.contains("certificate")), "{log:#?}");
}
