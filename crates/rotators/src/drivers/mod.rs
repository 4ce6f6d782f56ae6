//! Databases behind one small trait: log in, set a password, keep a clone of a user. One driver a file.

#[cfg(feature = "mongodb")]
mod mongodb;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "mysql")]
mod mysql_grants;
#[cfg(feature = "oracle")]
mod oracle;
#[cfg(feature = "oracle")]
mod oracle_rights;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlserver")]
mod sqlserver;
#[cfg(feature = "sqlserver")]
mod sqlserver_rights;

use std::time::Duration;

use strongroom_types::secret::SecretText;

use crate::{Failure, Fut, Package, Settings, entry::Entry, package::Database, settings::Trust, steps::public};

/// Where to log in, and as whom.
pub struct Login {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: SecretText,
    pub dbname: Option<String>,
    tls: Tls,
}

/// What `ssl` in a secret's JSON says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Always,
    Never,
    /// With TLS first, then without.
    Preferred,
}

/// Why a login did not come about. Holds no secret material.
pub struct Refused {
    /// What the server or the network said.
    pub reason: String,
    /// Whether the server was reached and does not accept the name or the password.
    pub by_credentials: bool,
}

/// The password that a user is to have.
pub struct Change {
    pub user: String,
    pub password: SecretText,
    /// The password that works now, where the user itself changes it.
    pub old: Option<SecretText>,
    /// The database that the secret names.
    #[cfg_attr(not(feature = "mongodb"), allow(dead_code, reason = "for servers that keep users in databases"))]
    pub dbname: Option<String>,
}

/// A database's protocol and its words.
trait Driver: Send + Sync {
    /// Logs in and asks something small, so that the session is known to work; with TLS when `trust` is given.
    fn log_in<'a>(
        &'a self,
        login: &'a Login,
        trust: Option<&'a Trust>,
        limits: Limits,
    ) -> Fut<'a, Result<Box<dyn Session>, Refused>>;
}

/// The longest waits.
#[derive(Clone, Copy)]
struct Limits {
    #[cfg_attr(
        not(any(feature = "mongodb", feature = "oracle")),
        allow(dead_code, reason = "for clients that go on by themselves when nobody waits for them any more")
    )]
    connect: Duration,
    statement: Duration,
}

/// Someone who is logged in.
pub trait Session: Send {
    /// Sets the password of the user, who is logged in, unless the database needs a superuser for it.
    fn set_password<'a>(&'a mut self, change: &'a Change) -> Fut<'a, Result<Note, Failure>>;

    /// Makes a user with the rights of `user`, or sets its password when there is one of this name.
    fn set_clone<'a>(&'a mut self, user: &'a str, clone: &'a Change) -> Fut<'a, Result<Note, Failure>>;
}

/// Something that whoever runs the database should know, for the log.
pub type Note = Option<&'static str>;

impl Login {
    /// The login of a secret's JSON.
    ///
    /// # Errors
    /// A `ValueError` when a member has not its type.
    pub fn of(entry: &Entry, package: &Package) -> Result<Self, Failure> {
        Ok(Self {
            host: public(entry, "host")?,
            port: entry.port(package.default_port)?,
            user: public(entry, "username")?,
            password: password(entry)?,
            dbname: dbname(entry),
            tls: Tls::of(entry),
        })
    }
}

impl Tls {
    fn of(entry: &Entry) -> Self {
        let text = entry.public("ssl").map(|text| text.to_ascii_lowercase());
        match (entry.flag("ssl"), text.as_deref()) {
            (Some(true), _) | (_, Some("true")) => Self::Always,
            (Some(false), _) | (_, Some("false")) => Self::Never,
            _ => Self::Preferred,
        }
    }
}

impl Change {
    /// The user and password of the value under way, to be set with the password of the value that works.
    ///
    /// # Errors
    /// A `ValueError` when a member has not its type.
    pub fn of(pending: &Entry, working: Option<&Entry>) -> Result<Self, Failure> {
        let change = Self {
            user: public(pending, "username")?,
            password: password(pending)?,
            old: working.map(password).transpose()?,
            dbname: dbname(pending),
        };
        // No database takes it, and some cut the text there.
        if change.user.contains('\0') || change.password.expose().contains('\0') {
            return Err(Failure::value("username and password must not contain the character NUL"));
        }
        Ok(change)
    }
}

fn dbname(entry: &Entry) -> Option<String> {
    entry.public("dbname").filter(|name| !name.is_empty())
}

fn password(entry: &Entry) -> Result<SecretText, Failure> {
    entry.text("password").ok_or_else(|| Failure::value("password must be a string in secret JSON"))
}

impl Refused {
    /// The server was not reached, or does not speak as expected.
    fn unreached(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), by_credentials: false }
    }
}

/// Logs in by the rules of `ssl`: where it does not say, with TLS and then without, unless the server was reached and
/// refused name and password.
///
/// # Errors
/// When the package has no database, or TLS cannot be set up.
pub async fn log_in(
    package: &Package,
    login: &Login,
    settings: &Settings,
) -> Result<Result<Box<dyn Session>, Refused>, Failure> {
    let driver: &dyn Driver = match package.database {
        #[cfg(feature = "postgres")]
        Some(Database::Postgres) => &postgres::Postgres { hashes: postgres::Hashes::AsConfigured },
        #[cfg(feature = "postgres")]
        Some(Database::Redshift) => &postgres::Postgres { hashes: postgres::Hashes::Md5 },
        #[cfg(feature = "mysql")]
        Some(Database::MySql | Database::MariaDb) => &mysql::MySql,
        #[cfg(feature = "redis")]
        Some(Database::Redis) => &redis::Redis,
        #[cfg(feature = "oracle")]
        Some(Database::Oracle) => &oracle::Oracle,
        #[cfg(feature = "sqlserver")]
        Some(Database::SqlServer) => &sqlserver::SqlServer,
        #[cfg(feature = "mongodb")]
        Some(Database::MongoDb) => &mongodb::MongoDb,
        None => return Err(Failure::value("This rotation has no database")),
    };
    let plain = login.tls == Tls::Never;
    let trust = if plain { None } else { Some(settings.trust()) };
    let trust = match (trust, login.tls) {
        (Some(Err(failure)), Tls::Always) => return Err(failure),
        (Some(Ok(trust)), _) => Some(trust),
        _ => None,
    };
    if let Some(trust) = &trust {
        match attempt(driver, login, Some(trust), settings).await {
            Err(refused) if login.tls == Tls::Preferred && !refused.by_credentials => {
                let outcome = attempt(driver, login, None, settings).await;
                return Ok(outcome.map_err(|again| Refused {
                    reason: format!("{}; without TLS: {}", refused.reason, again.reason),
                    ..again
                }));
            }
            outcome => return Ok(outcome),
        }
    }
    Ok(attempt(driver, login, None, settings).await)
}

async fn attempt(
    driver: &dyn Driver,
    login: &Login,
    trust: Option<&Trust>,
    settings: &Settings,
) -> Result<Box<dyn Session>, Refused> {
    let limits = Limits { connect: settings.connect(), statement: settings.statement() };
    tokio::time::timeout(settings.connect(), driver.log_in(login, trust, limits))
        .await
        .unwrap_or_else(|_| Err(Refused::unreached(format!("no answer within {} ms", settings.connect_timeout_ms))))
}

/// A statement that holds a password.
#[cfg(any(feature = "mysql", feature = "oracle", feature = "sqlserver"))]
fn secret(parts: &[&str]) -> SecretText {
    SecretText::new(parts.concat())
}

/// Waits for a statement no longer than its limit.
async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Failure>> + Send) -> Result<T, Failure> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(Failure::new("TimeoutError", "The database did not answer a statement in time")))
}

/// Whether the server can be reached, with TLS where it is wanted: the
/// clients themselves have no limit for it, or go on trying until theirs, and do not say why.
#[cfg(any(feature = "mongodb", feature = "oracle"))]
async fn reach(login: &Login, trust: Option<&Trust>) -> Result<(), Refused> {
    let unreached = |error: std::io::Error| Refused::unreached(format!("{}:{}: {error}", login.host, login.port));
    let tcp = tokio::net::TcpStream::connect((login.host.as_str(), login.port)).await.map_err(unreached)?;
    if let Some(trust) = trust {
        let name = rustls::pki_types::ServerName::try_from(login.host.clone())
            .map_err(|_| Refused::unreached(format!("{} is no name for TLS", login.host)))?;
        tokio_rustls::TlsConnector::from(trust.config.clone()).connect(name, tcp).await.map_err(unreached)?;
    }
    Ok(())
}

/// A password that nobody has, until a clone's rights are complete: made of the one that it will have, so that a step that
/// is done again makes the same. `begins` has what rules for passwords ask for.
#[cfg(any(feature = "mysql", feature = "oracle"))]
fn placeholder(password: &SecretText, begins: &str, characters_max: usize) -> SecretText {
    let digest = strongroom_crypto::digest::sha256(secret(&["placeholder ", password.expose()]).expose().as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    SecretText::new(format!("{begins}{hex}").chars().take(characters_max).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssl_is_a_flag_or_a_text_of_one() {
        let of = |json: &str| Tls::of(&Entry::parse(&SecretText::new(json.to_owned())).expect("object"));
        for (json, tls) in [
            ("{}", Tls::Preferred),
            (r#"{"ssl":true}"#, Tls::Always),
            (r#"{"ssl":"TRUE"}"#, Tls::Always),
            (r#"{"ssl":false}"#, Tls::Never),
            (r#"{"ssl":"False"}"#, Tls::Never),
            (r#"{"ssl":"yes"}"#, Tls::Preferred),
            (r#"{"ssl":1}"#, Tls::Preferred),
            (r#"{"ssl":null}"#, Tls::Preferred),
        ] {
            assert_eq!(of(json), tls, "{json}");
        }
    }
}
