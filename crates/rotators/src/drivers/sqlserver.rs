//! SQL Server: logins, and users of contained databases. Names stand in brackets and texts in quotes, doubled where they
//! hold one; the server itself keeps statements that set passwords out of its traces.

use std::fmt;

use strongroom_types::secret::SecretText;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, error::Error};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use tracing::{instrument::WithSubscriber, subscriber::NoSubscriber};

use super::{
    Change, Driver, Limits, Login, Note, Refused, Session, secret,
    sqlserver_rights::{self as rights, Right},
    within,
};
use crate::{Failure, Fut, package::Naming, settings::Trust, steps::multi::other_user};

/// Database to log in to when the secret names none. Rights on the server are given there alone.
const MASTER: &str = "master";
/// Longest name, in characters.
const NAME_MAX: u64 = 128;
/// Server's numbers of refused logins: wrong, disabled, locked, expired, to be changed.
const LOGIN_REFUSED: [u32; 5] = [18456, 18470, 18486, 18487, 18488];

/// The driver.
pub struct SqlServer;

impl Driver for SqlServer {
    fn log_in<'a>(
        &'a self,
        login: &'a Login,
        trust: Option<&'a Trust>,
        limits: Limits,
    ) -> Fut<'a, Result<Box<dyn Session>, Refused>> {
        Box::pin(async move {
            let tcp = TcpStream::connect((login.host.as_str(), login.port))
                .await
                .map_err(|error| Refused::unreached(format!("{}:{}: {error}", login.host, login.port)))?;
            let _ = tcp.set_nodelay(true);
            let connecting = Client::connect(config(login, trust), tcp.compat_write());
            // The client would log what the server says, which may quote a statement.
            let client = connecting.with_subscriber(NoSubscriber::new()).await.map_err(|error| refused(&error))?;
            let mut session = Logged { client, limits };
            session.ask(SELECT_ONE).await.map_err(|error| refused(&error))?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }
}

const SELECT_ONE: &str = "SELECT 1";

fn config(login: &Login, trust: Option<&Trust>) -> Config {
    let mut config = Config::new();
    config.host(&login.host);
    config.port(login.port);
    config.database(login.dbname.as_deref().unwrap_or(MASTER));
    config.application_name("strongroom-rotation");
    config.authentication(AuthMethod::sql_server(&login.user, login.password.expose()));
    // Limits of time are the caller's.
    config.handshake_timeout(None);
    config.command_timeout(None);
    match trust {
        None => config.encryption(EncryptionLevel::NotSupported),
        Some(trust) => {
            config.encryption(EncryptionLevel::Required);
            // The client trusts the system's certificates in any case.
            if trust.bundled {
                config.trust_cert_ca_bundle(trust.pem());
            }
        }
    }
    config
}

fn refused(error: &Error) -> Refused {
    match error {
        Error::Server(told) => {
            Refused { reason: told.message().to_owned(), by_credentials: LOGIN_REFUSED.contains(&told.code()) }
        }
        Error::Routing { host, port } => Refused::unreached(format!("the server refers to another: {host}:{port}")),
        error => Refused::unreached(error.to_string()),
    }
}

/// A session.
struct Logged {
    client: Client<Compat<TcpStream>>,
    limits: Limits,
}

/// A row of texts.
type Row = Vec<Option<String>>;

impl Logged {
    /// Runs a statement; the texts of its rows.
    async fn ask(&mut self, statement: &str) -> Result<Vec<Row>, Error> {
        let asked = async {
            let rows = self.client.simple_query(statement).await?.into_first_result().await?;
            let text = |row: &tiberius::Row, at: usize| row.try_get::<&str, _>(at).ok().flatten().map(str::to_owned);
            Ok(rows.iter().map(|row| (0..row.len()).map(|at| text(row, at)).collect()).collect())
        };
        asked.with_subscriber(NoSubscriber::new()).await
    }

    async fn run(&mut self, doing: &str, statement: &str) -> Result<Vec<Row>, Failure> {
        self.ask(statement).await.map_err(|error| failure(doing, &error))
    }

    /// The database that the session is in, and what passwords belong to there.
    async fn place(&mut self) -> Result<(String, Owner), Failure> {
        let rows = self.run("the look-up of the database", rights::PLACE).await?;
        let mut row = rows.into_iter().next().unwrap_or_default().into_iter();
        let database = row.next().flatten().unwrap_or_default();
        let contained = row.next().flatten().is_some_and(|containment| containment != "0");
        Ok((database, if contained { Owner::User } else { Owner::Login }))
    }

    async fn exists(&mut self, owner: Owner, name: &str) -> Result<bool, Failure> {
        let statement = format!("SELECT name FROM {} WHERE name = {}", owner.catalog(), literal(name));
        Ok(!self.run("the look-up of the user", &statement).await?.is_empty())
    }

    async fn keep_clone(&mut self, user: &str, clone: &Change) -> Result<(), Failure> {
        let (database, owner) = self.place().await?;
        if self.exists(owner, &clone.user).await? {
            let set = altered(owner, clone);
            self.run(&format!("ALTER {owner}"), set.expose()).await?;
            return Ok(());
        }
        // All of it or nothing: a clone that is there has all its rights.
        self.run("BEGIN TRANSACTION", "BEGIN TRANSACTION").await?;
        match owner {
            Owner::User => self.make_user(user, clone).await?,
            Owner::Login => self.make_login(&database, user, clone).await?,
        }
        self.run("COMMIT TRANSACTION", "COMMIT TRANSACTION").await?;
        Ok(())
    }

    /// Makes a user of a contained database.
    async fn make_user(&mut self, user: &str, clone: &Change) -> Result<(), Failure> {
        let by_name = format!("u.name = {}", literal(user));
        let original = self.user_where("", &by_name).await?;
        let original = original.ok_or_else(|| Failure::value(format!("There is no user {user} to make a clone of")))?;
        let schema = original.schema.map(|schema| format!(", DEFAULT_SCHEMA = {}", bracketed(&schema)));
        let (name, password) = (bracketed(&clone.user), quoted(&clone.password));
        let made =
            secret(&["CREATE USER ", &name, " WITH PASSWORD = ", password.expose(), &schema.unwrap_or_default()]);
        self.run("CREATE USER", made.expose()).await?;
        self.copy_rights(&rights::in_database(&literal(user)), Some(&rights::roles(&literal(user))), &name).await
    }

    /// Makes a login; with its user and what that may do, but in the database of the server itself, where it is the login
    /// that has rights.
    async fn make_login(&mut self, database: &str, user: &str, clone: &Change) -> Result<(), Failure> {
        let (name, password) = (bracketed(&clone.user), quoted(&clone.password));
        let made = secret(&["CREATE LOGIN ", &name, " WITH PASSWORD = ", password.expose()]);
        self.run("CREATE LOGIN", made.expose()).await?;
        if database == MASTER {
            return self.copy_rights(&rights::on_server(&literal(user)), None, &name).await;
        }
        let of_login = " JOIN sys.server_principals AS l ON l.sid = u.sid";
        let by_login = format!("l.name = {}", literal(user));
        let original = self.user_where(of_login, &by_login).await?.ok_or_else(|| {
            Failure::value(format!("The login {user} has no user in database {database} to make a clone of"))
        })?;
        let other = other_user(&original.name, Naming::Suffix, Some(NAME_MAX))?;
        let to = bracketed(&other);
        if self.exists(Owner::User, &other).await? {
            // One of a login that is no more.
            self.run("ALTER USER", &format!("ALTER USER {to} WITH LOGIN = {name}")).await?;
        } else {
            let schema = original.schema.map(|schema| format!(" WITH DEFAULT_SCHEMA = {}", bracketed(&schema)));
            let made = format!("CREATE USER {to} FOR LOGIN {name}{}", schema.unwrap_or_default());
            self.run("CREATE USER", &made).await?;
        }
        let of = literal(&original.name);
        self.copy_rights(&rights::in_database(&of), Some(&rights::roles(&of)), &to).await
    }

    /// A user of the database.
    async fn user_where(&mut self, join: &str, is: &str) -> Result<Option<User>, Failure> {
        let statement =
            format!("SELECT u.name, u.default_schema_name FROM sys.database_principals AS u{join} WHERE {is}");
        let rows = self.run("the look-up of the user", &statement).await?;
        Ok(rows.into_iter().next().and_then(|row| {
            let mut row = row.into_iter();
            Some(User { name: row.next().flatten()?, schema: row.next().flatten() })
        }))
    }

    /// Gives the principal `to`, in brackets, what the look-ups find.
    async fn copy_rights(&mut self, found: &str, roles: Option<&str>, to: &str) -> Result<(), Failure> {
        if let Some(roles) = roles {
            for role in self.run("the look-up of roles", roles).await?.into_iter().flatten().flatten() {
                self.run("ALTER ROLE", &format!("ALTER ROLE {} ADD MEMBER {to}", bracketed(&role))).await?;
            }
        }
        for row in self.run("the look-up of rights", found).await? {
            let statement = Right::read(row)?.to(to);
            self.run("GRANT", &statement).await?;
        }
        Ok(())
    }
}

impl Session for Logged {
    fn set_password<'a>(&'a mut self, change: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let (_, owner) = self.place().await?;
            let set = altered(owner, change);
            self.run(&format!("ALTER {owner}"), set.expose()).await?;
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

/// A user of a database.
struct User {
    name: String,
    schema: Option<String>,
}

/// What has a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// A login of the server.
    Login,
    /// A user of a contained database.
    User,
}

impl Owner {
    const fn catalog(self) -> &'static str {
        match self {
            Self::Login => "sys.server_principals",
            Self::User => "sys.database_principals",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "LOGIN",
            Self::User => "USER",
        })
    }
}

/// The statement that sets a password, with the one that works where the user itself does it.
fn altered(owner: Owner, change: &Change) -> SecretText {
    let name = bracketed(&change.user);
    let new = quoted(&change.password);
    let old = change.old.as_ref().map(quoted);
    let before = if old.is_some() { " OLD_PASSWORD = " } else { "" };
    let old = old.unwrap_or_default();
    secret(&["ALTER ", &owner.to_string(), " ", &name, " WITH PASSWORD = ", new.expose(), before, old.expose()])
}

/// A failed statement. The server's text may quote the statement, so that only its number goes on.
fn failure(doing: &str, error: &Error) -> Failure {
    match error {
        Error::Server(told) => Failure::new(
            "DatabaseError",
            format!("The database refused {doing} with error {}, state {}", told.code(), told.state()),
        ),
        _ => Failure::new("OperationalError", format!("The connection broke during {doing}")),
    }
}

/// A name as an identifier, whatever it is made of.
pub(super) fn bracketed(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A text as a literal.
fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// A password as a literal.
fn quoted(text: &SecretText) -> SecretText {
    secret(&["N'", SecretText::new(text.expose().replace('\'', "''")).expose(), "'"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: Option<&str>) -> Change {
        let text = |text: &str| SecretText::new(text.to_owned());
        Change { user: "a]b[c'".to_owned(), password: text("it's]--"), old: old.map(text), dbname: None }
    }

    #[test]
    fn names_and_passwords_are_quoted() {
        assert_eq!(bracketed("a]b[c'\""), "[a]]b[c'\"]");
        assert_eq!(literal("it's"), "N'it''s'");
        let own = altered(Owner::Login, &change(Some("o'ld")));
        assert_eq!(own.expose(), "ALTER LOGIN [a]]b[c'] WITH PASSWORD = N'it''s]--' OLD_PASSWORD = N'o''ld'");
        assert_eq!(altered(Owner::User, &change(None)).expose(), "ALTER USER [a]]b[c'] WITH PASSWORD = N'it''s]--'");
    }
}
