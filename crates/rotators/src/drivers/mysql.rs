//! MySQL and MariaDB. Names and passwords are quoted under one SQL mode, which the session sets; MariaDB gets the hash
//! that it would store, and MySQL keeps passwords out of its logs itself.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

use mysql_async::{Conn, Error, Opts, OptsBuilder, SslOpts, prelude::Queryable};
use strongroom_crypto::digest;
use strongroom_types::secret::SecretText;

use super::{Change, Driver, Limits, Login, Note, Refused, Session, mysql_grants::Grant, placeholder, secret, within};
use crate::{Failure, Fut, settings::Trust};

/// Access denied for a user.
const ER_ACCESS_DENIED: u16 = 1045;
/// A setting of the server prevents the statement: here, one that wants to see passwords.
const ER_OPTION_PREVENTS_STATEMENT: u16 = 1290;

/// The driver.
pub struct MySql;

impl Driver for MySql {
    fn log_in<'a>(
        &'a self,
        login: &'a Login,
        trust: Option<&'a Trust>,
        limits: Limits,
    ) -> Fut<'a, Result<Box<dyn Session>, Refused>> {
        Box::pin(async move {
            let mut connection = connected(options(login, trust)).await?;
            // One way to quote, whatever the server's settings: no backslashes, no quotes around names but backticks.
            for set in ["SET NAMES utf8mb4", "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"] {
                connection.query_drop(set).await.map_err(|error| refused(&error))?;
            }
            let version: Option<String> =
                connection.query_first("SELECT VERSION()").await.map_err(|error| refused(&error))?;
            let kind = Kind::of(&version.unwrap_or_default());
            Ok(Box::new(Logged { connection, kind, limits }) as Box<dyn Session>)
        })
    }
}

/// Connects. The client gives up by a panic where a server asks for a way to log in that it was built without.
async fn connected(options: Opts) -> Result<Conn, Refused> {
    let mut connecting = Box::pin(Conn::new(options));
    poll_fn(move |cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| connecting.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            Poll::Ready(Err(mysql_async::IoError::Io(std::io::Error::other(
                "the server wants a way to log in that the client lacks",
            ))
            .into()))
        })
    })
    .await
    .map_err(|error| refused(&error))
}

fn options(login: &Login, trust: Option<&Trust>) -> Opts {
    let tls = trust.map(|trust| {
        let roots = trust.roots.iter().map(|root| root.to_vec().into()).collect();
        SslOpts::default().with_root_certs(roots).with_disable_built_in_roots(true)
    });
    OptsBuilder::default()
        .ip_or_hostname(login.host.clone())
        .tcp_port(login.port)
        .user(Some(login.user.clone()))
        .pass(Some(login.password.expose().to_owned()))
        .db_name(login.dbname.clone())
        // The way to the database is the secret's, also where the server is on this machine.
        .prefer_socket(false)
        .stmt_cache_size(0)
        .ssl_opts(tls)
        .into()
}

fn refused(error: &Error) -> Refused {
    match error {
        Error::Server(told) => Refused { reason: told.message.clone(), by_credentials: told.code == ER_ACCESS_DENIED },
        error => Refused::unreached(error.to_string()),
    }
}

/// Whose words the server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    MariaDb,
    /// From 5.7.
    MySql,
    /// Passwords are set by their hash, of a function of the server.
    OldMySql,
}

impl Kind {
    fn of(version: &str) -> Self {
        if version.contains("MariaDB") {
            return Self::MariaDb;
        }
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) if (major, minor) < (5, 7) => Self::OldMySql,
            _ => Self::MySql,
        }
    }
}

/// A session.
struct Logged {
    connection: Conn,
    kind: Kind,
    limits: Limits,
}

impl Logged {
    async fn run(&mut self, doing: &str, statement: &SecretText) -> Result<(), Failure> {
        self.connection.query_drop(statement.expose()).await.map_err(|error| failure(doing, &error))
    }

    /// `SET PASSWORD`, for an account or for oneself.
    async fn set(&mut self, account: Option<&Account>, password: &SecretText) -> Result<(), Failure> {
        let doing = "SET PASSWORD";
        let whose = account.map(|account| format!("FOR {} ", account.quoted())).unwrap_or_default();
        if self.kind == Kind::MySql {
            return self.run(doing, &secret(&[doing, " ", &whose, "= ", literal(password).expose()])).await;
        }
        let visible = secret(&[doing, " ", &whose, "= PASSWORD(", literal(password).expose(), ")"]);
        if self.kind == Kind::OldMySql || !self.is_native(account).await? {
            return self.run(doing, &visible).await;
        }
        let hash: String = digest::mysql_native_password(password.expose().as_bytes())
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        let hashed = secret(&[doing, " ", &whose, "= '*", &hash, "'"]);
        match self.connection.query_drop(hashed.expose()).await {
            // A plugin that judges passwords must see them.
            Err(Error::Server(told)) if told.code == ER_OPTION_PREVENTS_STATEMENT => self.run(doing, &visible).await,
            outcome => outcome.map_err(|error| failure(doing, &error)),
        }
    }

    /// Whether MariaDB keeps an account's password as `mysql_native_password`; for oneself, as far as one may know.
    async fn is_native(&mut self, account: Option<&Account>) -> Result<bool, Failure> {
        let made = match account {
            Some(account) => format!("SHOW CREATE USER {}", account.quoted()),
            None => "SHOW CREATE USER CURRENT_USER()".to_owned(),
        };
        let rows: Result<Vec<String>, _> = self.connection.query(made).await;
        let made = rows.map_err(|error| failure("SHOW CREATE USER", &error))?.into_iter().next().unwrap_or_default();
        // Several ways to log in, or another: only the server can tell what to store.
        Ok(made.contains("IDENTIFIED BY PASSWORD")
            || made.contains("VIA mysql_native_password") && !made.contains(" OR "))
    }

    /// The accounts of a user, by host.
    async fn accounts(&mut self, user: &str) -> Result<Vec<Account>, Failure> {
        let statement = "SELECT Host, ssl_type, ssl_cipher, x509_issuer, x509_subject FROM mysql.user \
                         WHERE User = ? AND Host <> ''";
        let rows: Vec<UserRow> = self
            .connection
            .exec(statement, (user,))
            .await
            .map_err(|error| failure("the look-up of the user", &error))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(rows
            .into_iter()
            .map(|(host, tls, cipher, issuer, subject)| Account {
                user: user.to_owned(),
                host,
                requires: requirement(&tls, &text(cipher), &text(issuer), &text(subject)),
            })
            .collect())
    }

    /// Gives `to` all that `from` may do.
    async fn copy_grants(&mut self, from: &Account, to: &Account) -> Result<(), Failure> {
        let rows: Vec<String> = self
            .connection
            .query(format!("SHOW GRANTS FOR {}", from.quoted()))
            .await
            .map_err(|error| failure("SHOW GRANTS", &error))?;
        for row in rows {
            if let Some(grant) = Grant::read(&row).filter(|grant| grant.is_of(&from.user, &from.host)) {
                let statement = SecretText::new(grant.to(&to.quoted()));
                self.run("GRANT", &statement).await?;
            }
        }
        if self.kind == Kind::MySql {
            self.copy_default_roles(from, to).await?;
        }
        Ok(())
    }

    async fn copy_default_roles(&mut self, from: &Account, to: &Account) -> Result<(), Failure> {
        let statement =
            "SELECT DEFAULT_ROLE_USER, DEFAULT_ROLE_HOST FROM mysql.default_roles WHERE USER = ? AND HOST = ?";
        // Releases before 8.0 have no roles, nor the table.
        let found: Result<Vec<(String, String)>, _> =
            self.connection.exec(statement, (from.user.as_str(), from.host.as_str())).await;
        let roles: Vec<String> = found
            .unwrap_or_default()
            .into_iter()
            .map(|(user, host)| Account { user, host, requires: String::new() }.quoted())
            .collect();
        if roles.is_empty() {
            return Ok(());
        }
        let statement = SecretText::new(format!("SET DEFAULT ROLE {} TO {}", roles.join(", "), to.quoted()));
        self.run("SET DEFAULT ROLE", &statement).await
    }

    async fn keep_clone(&mut self, user: &str, clone: &Change) -> Result<(), Failure> {
        let originals = self.accounts(user).await?;
        if originals.is_empty() {
            return Err(Failure::value(format!("There is no user {user} to make a clone of")));
        }
        let existing = self.accounts(&clone.user).await?;
        for original in &originals {
            let account = Account { user: clone.user.clone(), ..original.clone() };
            if !existing.iter().any(|old| old.host == account.host) {
                let placeholder = placeholder(&clone.password, "Aa1!", usize::MAX);
                let made =
                    secret(&["CREATE USER ", &account.quoted(), " IDENTIFIED BY ", literal(&placeholder).expose()]);
                self.run("CREATE USER", &made).await?;
            }
            self.copy_grants(original, &account).await?;
            if !account.requires.is_empty() {
                let statement = SecretText::new(format!("ALTER USER {} {}", account.quoted(), account.requires));
                self.run("ALTER USER", &statement).await?;
            }
        }
        // The password comes last: a clone that can log in has all its rights.
        for account in self.accounts(&clone.user).await? {
            self.set(Some(&account), &clone.password).await?;
        }
        Ok(())
    }
}

impl Session for Logged {
    fn set_password<'a>(&'a mut self, change: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            self.set(None, &change.password).await?;
            Ok(None)
        }))
    }

    fn set_clone<'a>(&'a mut self, user: &'a str, clone: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            self.keep_clone(user, clone).await?;
            Ok(None)
        }))
    }
}

/// Host, kind of TLS, and the cipher, issuer and subject that are required.
type UserRow = (String, String, Vec<u8>, Vec<u8>, Vec<u8>);

/// A user at a host.
#[derive(Clone)]
struct Account {
    user: String,
    host: String,
    /// What it requires of a connection, as a clause.
    requires: String,
}

impl Account {
    fn quoted(&self) -> String {
        format!("{}@{}", identifier(&self.user), identifier(&self.host))
    }
}

fn requirement(tls: &str, cipher: &str, issuer: &str, subject: &str) -> String {
    let mut clause = match tls {
        "ANY" => return "REQUIRE SSL".to_owned(),
        "X509" => return "REQUIRE X509".to_owned(),
        "SPECIFIED" => "REQUIRE".to_owned(),
        _ => return String::new(),
    };
    for (name, value) in [("CIPHER", cipher), ("ISSUER", issuer), ("SUBJECT", subject)] {
        if !value.is_empty() {
            clause.push_str(&format!(" {name} '{}'", value.replace('\'', "''")));
        }
    }
    clause
}

/// A failed statement. The server's text may quote the statement, so that only its codes go on.
fn failure(doing: &str, error: &Error) -> Failure {
    match error {
        Error::Server(told) => Failure::new(
            "DatabaseError",
            format!("The database refused {doing} with error {} and SQLSTATE {}", told.code, told.state),
        ),
        _ => Failure::new("OperationalError", format!("The connection broke during {doing}")),
    }
}

/// A name as an identifier, whatever it is made of.
fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as a literal, where backslashes mean nothing.
fn literal(text: &SecretText) -> SecretText {
    secret(&["'", SecretText::new(text.expose().replace('\'', "''")).expose(), "'"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(identifier("a`b'"), "`a``b'`");
        assert_eq!(literal(&SecretText::new(r"it's\".to_owned())).expose(), r"'it''s\'");
    }

    #[test]
    fn servers_are_known_by_their_versions() {
        assert_eq!(Kind::of("10.11.19-MariaDB-0+deb12u1"), Kind::MariaDb);
        assert_eq!(Kind::of("8.0.36"), Kind::MySql);
        assert_eq!(Kind::of("5.7.12-log"), Kind::MySql);
        assert_eq!(Kind::of("5.6.10"), Kind::OldMySql);
    }

    #[test]
    fn requirements_of_tls_become_clauses() {
        assert_eq!(requirement("", "", "", ""), "");
        assert_eq!(requirement("ANY", "", "", ""), "REQUIRE SSL");
        assert_eq!(requirement("SPECIFIED", "", "/CN=it's", "/CN=b"), "REQUIRE ISSUER '/CN=it''s' SUBJECT '/CN=b'");
    }
}
