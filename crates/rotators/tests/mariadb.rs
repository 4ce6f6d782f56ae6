//! MariaDB, by the packages of MariaDB and of MySQL: each strategy under load, rights of many kinds, ways to log in.

use std::{fs, sync::Arc};

use mysql_async::{Conn, OptsBuilder, prelude::Queryable};
use serde_json::{Value, json};
use strongroom_rotators::{Connection, Settings, Step};

use crate::{
    managed::rotate_managed,
    memory::{Memory, TORTURE},
    rotate::{ARN, LogIn, SUPERUSER, member, rotate, rotate_under_load, step},
    servers::{Certificate, Server, command, folder, free_port, own, start},
};

const SUPER_PASSWORD: &str = r#"su'p\er"`ä"#;
/// A name that must be quoted.
const NAME: &str = r#"w`e"i'r\d; --ä TO x"#;

/// A server that logs every statement, with `sql` run in it first.
fn server(certificate: Option<&Certificate>, sql: &str, options: &[&str]) -> Server {
    let folder = folder("mysql");
    let data = folder.path().join("data");
    let install = || {
        let _ = fs::remove_dir_all(&data);
        let made = command("mysql", "/usr/bin/mariadb-install-db".as_ref())
            .args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"])
            .arg(format!("--datadir={}", data.display()))
            .output()
            .unwrap();
        let said = [made.stdout, made.stderr].concat();
        if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
    };
    // Many at one time may use up what the system has for them, such as places for waiting writes.
    let made = install().or_else(|_| install());
    assert!(made.is_ok(), "{made:?}");
    let init = folder.path().join("init.sql");
    let password = SUPER_PASSWORD.replace('\\', "\\\\").replace('\'', "''");
    fs::write(
        &init,
        format!("CREATE USER super IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO super WITH GRANT OPTION;\n{sql}"),
    )
    .unwrap();
    own("mysql", &init);
    let port = free_port();
    let mut serve = command("mysql", "/usr/sbin/mariadbd".as_ref());
    let file = |name: &str, file: &str| format!("--{name}={}", folder.path().join(file).display());
    serve.args(["--no-defaults", "--bind-address=127.0.0.1", "--general-log", "--innodb-flush-log-at-trx-commit=0"]);
    serve.args(["--character-set-server=utf8mb4", "--innodb-buffer-pool-size=16M", "--skip-name-resolve"]);
    serve.args([file("datadir", "data"), file("socket", "sock"), file("init-file", "init.sql")]);
    serve.args([file("general-log-file", "statements"), file("pid-file", "pid"), format!("--port={port}")]);
    serve.args(options);
    if let Some(certificate) = certificate {
        certificate.write("mysql", folder.path());
        serve.args([file("ssl-cert", "server.pem"), file("ssl-key", "server.key")]);
    }
    start(serve, port, folder)
}

async fn connect(port: u16, user: &str, password: &str) -> Result<Conn, String> {
    let options = OptsBuilder::default().ip_or_hostname("127.0.0.1").tcp_port(port).prefer_socket(false);
    let options = options.user(Some(user)).pass(Some(password)).stmt_cache_size(0);
    Conn::new(options).await.map_err(|error| error.to_string())
}

fn log_in(port: u16, statement: &'static str) -> LogIn {
    Arc::new(move |user, password| {
        Box::pin(async move {
            let mut connection = connect(port, &user, &password).await?;
            connection.query_drop(statement).await.map_err(|error| error.to_string())?;
            connection.disconnect().await.map_err(|error| error.to_string())
        })
    })
}

fn secret(engine: &str, port: u16, more: Value) -> String {
    let mut value = json!({"engine": engine, "host": "127.0.0.1", "port": port});
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value.to_string()
}

fn user_sql() -> String {
    let name = format!("`{}`", NAME.replace('`', "``"));
    format!(
        "CREATE DATABASE `d TO b`;\nCREATE TABLE `d TO b`.t (a int, b int);\nCREATE DATABASE other;\n\
         CREATE USER {name} IDENTIFIED BY 'first';\nGRANT SELECT (a) ON `d TO b`.t TO {name} WITH GRANT OPTION;\n\
         GRANT ALL ON other.* TO {name} WITH GRANT OPTION;\n"
    )
}

/// No password in the statements that the server saw.
fn no_password_in(server: &Server, memory: &Memory) {
    let log = String::from_utf8_lossy(&fs::read(server.folder.path().join("statements")).unwrap()).into_owned();
    assert!(log.contains("SET PASSWORD"));
    for password in memory.passwords.lock().unwrap().iter() {
        for form in [password.clone(), password.replace('\'', "''")] {
            assert!(!log.contains(&form), "a password in the server's log");
        }
    }
}

fn settings(certificate: &Certificate) -> Settings {
    Settings { ca_bundle: Some(certificate.ca.clone().into_bytes()), ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_rotates_under_load_with_retries_at_most() {
    let certificate = Certificate::new();
    let server = server(Some(&certificate), &user_sql(), &[]);
    for (package, engine) in [("mariadb", "mariadb"), ("mysql", "aurora-mysql")] {
        let memory = Arc::new(Memory::new(TORTURE));
        let mut root = connect(server.port, "super", SUPER_PASSWORD).await.unwrap();
        let name = format!("`{}`", NAME.replace('`', "``"));
        root.query_drop(format!("SET PASSWORD FOR {name} = PASSWORD('first')")).await.unwrap();
        let value = json!({"username": NAME, "password": "first", "ssl": true, "dbname": "other"});
        memory.create(ARN, &secret(engine, server.port, value));
        let package = format!("strongroom/{package}-single-user");
        let log_in = log_in(server.port, "SELECT a FROM `d TO b`.t");
        let logins = rotate_under_load(&package, &memory, &settings(&certificate), log_in).await;
        assert!(logins.failed.iter().all(|error| error.contains("1045")), "{:#?}", logins.failed);
        no_password_in(&server, &memory);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whose_secret_a_service_owns_rotates() {
    let certificate = Certificate::new();
    let server = server(Some(&certificate), &user_sql(), &[]);
    let memory = Arc::new(Memory::new(TORTURE));
    let connection = Connection {
        engine: "mariadb".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: Some(server.port),
        dbname: Some("other".to_owned()),
        ssl: Some(true),
    };
    let log_in = log_in(server.port, "SELECT a FROM `d TO b`.t");
    rotate_managed(&connection, (NAME, "first"), &memory, &settings(&certificate), log_in).await;
    no_password_in(&server, &memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternating_users_rotate_without_a_failed_login_and_with_all_rights() {
    let certificate = Certificate::new();
    let server = server(Some(&certificate), &user_sql(), &[]);
    let memory = Arc::new(Memory::new(TORTURE));
    memory.create(
        ARN,
        &secret("mariadb", server.port, json!({"username": NAME, "password": "first", "masterarn": SUPERUSER})),
    );
    memory.create(
        SUPERUSER,
        &secret("mariadb", server.port, json!({"username": "super", "password": SUPER_PASSWORD, "ssl": "true"})),
    );
    let package = "strongroom/mariadb-multi-user";
    let mut root = connect(server.port, "super", SUPER_PASSWORD).await.unwrap();
    let name = format!("`{}`", NAME.replace('`', "``"));
    for statement in
        ["CREATE ROLE r".to_owned(), format!("GRANT r TO {name}"), format!("SET DEFAULT ROLE r FOR {name}")]
    {
        root.query_drop(statement).await.unwrap();
    }
    let log_in = log_in(server.port, "SELECT a FROM `d TO b`.t");
    let logins = rotate_under_load(package, &memory, &settings(&certificate), log_in).await;
    assert!(logins.failed.is_empty(), "{:#?}", logins.failed);
    assert_eq!(member(&memory, "AWSPREVIOUS", "username"), format!("{NAME}_clone"));
    no_password_in(&server, &memory);

    let grants = async |root: &mut Conn, name: &str| -> Vec<String> {
        let name = name.replace('`', "``");
        let rows: Vec<String> = root.query(format!("SHOW GRANTS FOR `{name}`@`%`")).await.unwrap();
        let strip = |row: String| match row.split_once(" IDENTIFIED BY") {
            Some((before, _)) => before.to_owned(),
            None => row,
        };
        rows.into_iter().map(|row| strip(row.replace(&name, "X"))).collect()
    };
    let (user, clone) = (grants(&mut root, NAME).await, grants(&mut root, &format!("{NAME}_clone")).await);
    assert_eq!(user.len(), 5, "{user:#?}");
    assert_eq!(user, clone);

    // A right that came later, and what the account requires of connections, go over at the next rotation.
    let name = format!("`{}`", NAME.replace('`', "``"));
    root.query_drop(format!("GRANT INSERT (b) ON `d TO b`.t TO {name}")).await.unwrap();
    root.query_drop(format!("ALTER USER {name} REQUIRE SSL")).await.unwrap();
    rotate(package, &memory, &settings(&certificate)).await;
    let (user, password) = (member(&memory, "AWSCURRENT", "username"), member(&memory, "AWSCURRENT", "password"));
    assert_eq!(user, format!("{NAME}_clone"));
    assert!(connect(server.port, &user, &password).await.unwrap_err().contains("1045"));
    let rights = grants(&mut root, &user).await;
    assert!(rights.iter().any(|right| right.contains("INSERT (`b`)")), "{rights:#?}");
}

#[tokio::test]
async fn other_ways_to_keep_passwords_and_rules_for_them_are_respected() {
    let sql = "INSTALL SONAME 'auth_ed25519';\nCREATE USER app IDENTIFIED VIA ed25519 USING PASSWORD('first');\n\
               CREATE USER `native` IDENTIFIED BY 'first';\nINSTALL SONAME 'simple_password_check';\n";
    let server = server(None, sql, &["--plugin-maturity=unknown", "--strict-password-validation=ON"]);
    // Of the kinds of characters that the server's rule wants.
    let memory = Memory::new("aB1'\\\"`");
    let settings = Settings::default();
    memory.create(ARN, &secret("mariadb", server.port, json!({"username": "native", "password": "first"})));
    rotate("strongroom/mariadb-single-user", &memory, &settings).await;

    memory.create(ARN, &secret("mariadb", server.port, json!({"username": "app", "password": "first"})));
    // The client cannot log in this way: the rotation fails, and says so.
    memory.put(ARN, "pending", "AWSPENDING", &memory.stage(ARN, "AWSCURRENT").unwrap());
    let (outcome, log) = step("strongroom/mariadb-single-user", &memory, &settings, Step::Test, "pending").await;
    assert!(outcome.unwrap_err().message.starts_with("Unable to log into database"));
    assert!(log.iter().any(|line| line.contains("a way to log in")), "{log:#?}");
}

#[tokio::test]
async fn a_rotation_that_broke_off_while_it_made_the_clone_ends_well() {
    let server = server(None, &user_sql().replace("`d TO b`", "d"), &[]);
    let memory = Memory::new("abc'\\");
    let package = "strongroom/mysql-multi-user";
    let value = json!({"username": "app", "password": "first", "masterarn": SUPERUSER});
    memory.create(ARN, &secret("mysql", server.port, value));
    let value = json!({"username": "super", "password": SUPER_PASSWORD});
    memory.create(SUPERUSER, &secret("mysql", server.port, value));
    let mut root = connect(server.port, "super", SUPER_PASSWORD).await.unwrap();
    root.query_drop("CREATE USER app@'127.%' IDENTIFIED BY 'first'").await.unwrap();
    root.query_drop("GRANT SELECT ON d.t TO app@'127.%'").await.unwrap();
    // The clone is there, and nothing more.
    root.query_drop("CREATE USER app_clone@'127.%' IDENTIFIED BY 'x'").await.unwrap();
    rotate(package, &memory, &Settings::default()).await;
    let (user, password) = (member(&memory, "AWSCURRENT", "username"), member(&memory, "AWSCURRENT", "password"));
    let mut clone = connect(server.port, &user, &password).await.unwrap();
    clone.query_drop("SELECT a FROM d.t").await.unwrap();

    let value = json!({"username": "12345678901", "password": "first", "masterarn": SUPERUSER});
    memory.create(ARN, &secret("mysql", server.port, value));
    let token = memory.begin(ARN);
    let refused = step(package, &memory, &Settings::default(), Step::Create, &token).await.0.unwrap_err();
    assert_eq!(
        refused.message,
        "Unable to clone user, username length with _clone appended would exceed 16 characters"
    );
}
