//! Oracle Database. Its client blocks, so that it works on threads for that. Names and passwords stand in double quotes,
//! which nothing can stand for inside: whatever holds one is refused.

use std::{io::Write, sync::Arc};

use oracledb::{Config, Connection, Error, ErrorKind, ToDbValue};
use strongroom_types::secret::SecretText;
use tempfile::{NamedTempFile, TempDir};
use tokio::{runtime::Handle, task};

use super::{
    Change, Driver, Limits, Login, Note, Refused, Session,
    oracle_rights::{self as rights, enquoted},
    placeholder, reach, secret, within,
};
use crate::{Failure, Fut, settings::Trust};

/// Server's numbers of refused logins: wrong, expired, locked.
const LOGIN_REFUSED: [usize; 4] = [1017, 1005, 28000, 28001];
/// The longest password that all releases take, in bytes.
const PASSWORD_MAX: usize = 30;

const NOT_ALL_RIGHTS: &str = "The superuser may not give the clone some of the user's rights: it lacks them";

/// The driver.
pub struct Oracle;

impl Driver for Oracle {
    fn log_in<'a>(
        &'a self,
        login: &'a Login,
        trust: Option<&'a Trust>,
        limits: Limits,
    ) -> Fut<'a, Result<Box<dyn Session>, Refused>> {
        Box::pin(async move {
            reach(login, trust).await?;
            let wallet = trust.map(Wallet::new).transpose()?.map(Arc::new);
            // The templates' way to name the database first: by SID with TLS, by service without.
            let ways = if trust.is_some() { [Named::Sid, Named::Service] } else { [Named::Service, Named::Sid] };
            let mut outcome = Err(Refused::unreached("there is no database of this name"));
            for named in ways {
                let config = config(login, named, wallet.as_deref(), limits)?;
                let wallet = wallet.clone();
                let connecting = task::spawn_blocking(move || {
                    let connection = oracledb::connect(config)?;
                    drop(wallet);
                    connection.set_call_timeout(Some(limits.statement))?;
                    connection.query(SELECT_ONE, &[])?.next().transpose()?;
                    Ok(connection)
                });
                outcome = match connecting.await {
                    Ok(Ok(connection)) => {
                        return Ok(Box::new(Logged { connection: Some(connection), limits }) as Box<dyn Session>);
                    }
                    Ok(Err(error)) if is_unknown_name(&error) => Err(refused(&error)),
                    Ok(Err(error)) => return Err(refused(&error)),
                    // The client gives up by a panic where it meets what it does not know.
                    Err(_) => return Err(Refused::unreached("the client cannot speak with this server")),
                };
            }
            outcome
        })
    }
}

/// What a clone's first password begins with.
const PLACEHOLDER: &str = "Aa1_";
const SELECT_ONE: &str = "SELECT 1 FROM DUAL";

/// How a database is named.
#[derive(Clone, Copy)]
enum Named {
    Sid,
    Service,
}

/// The certificates to trust as a wallet, which is all that the client takes.
struct Wallet {
    folder: TempDir,
    _file: NamedTempFile,
}

impl Wallet {
    fn new(trust: &Trust) -> Result<Self, Refused> {
        let write = || {
            let folder = TempDir::new()?;
            let mut file =
                tempfile::Builder::new().prefix("ewallet").suffix(".pem").rand_bytes(0).tempfile_in(&folder)?;
            file.write_all(trust.pem().as_bytes())?;
            file.flush()?;
            Ok(Self { folder, _file: file })
        };
        write().map_err(|error: std::io::Error| {
            Refused::unreached(format!("the certificates to trust cannot be put into a temporary file: {error}"))
        })
    }
}

/// The place of a database in the client's words.
fn descriptor(login: &Login, named: Named, tls: bool) -> Result<String, Refused> {
    let name = login.dbname.as_deref().unwrap_or_default();
    // Nothing that could end a value of a descriptor.
    let plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    if !plain(&login.host, ".-_:") || !plain(name, ".-_$#") {
        return Err(Refused::unreached("host and dbname may hold letters, digits and few other characters"));
    }
    let protocol = if tls { "tcps" } else { "tcp" };
    let by = match named {
        Named::Sid => "sid",
        Named::Service => "service_name",
    };
    let Login { host, port, .. } = login;
    Ok(format!("(description=(address=(protocol={protocol})(host={host})(port={port}))(connect_data=({by}={name})))"))
}

fn config(login: &Login, named: Named, wallet: Option<&Wallet>, limits: Limits) -> Result<Config, Refused> {
    let descriptor = descriptor(login, named, wallet.is_some())?;
    let mut config = Config::default()
        .set_connect_string(&descriptor)
        .map_err(|error| refused(&error))?
        .set_credentials(&login.user, login.password.expose())
        .set_transport_connect_timeout(Some(limits.connect))
        // Statements hold passwords.
        .set_stmtcachesize(0);
    if let Some(wallet) = wallet {
        config = config.set_wallet_location(wallet.folder.path().display().to_string());
    }
    Ok(config)
}

fn is_unknown_name(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidSid(..) | ErrorKind::InvalidServiceName(..))
}

fn refused(error: &Error) -> Refused {
    match error.kind() {
        ErrorKind::DbError(told) => Refused {
            reason: format!("the server refused the login with ORA-{:05}", told.code()),
            by_credentials: LOGIN_REFUSED.contains(&told.code()),
        },
        _ => Refused::unreached(error.to_string()),
    }
}

/// A session; without a connection while a statement runs.
struct Logged {
    connection: Option<Connection>,
    limits: Limits,
}

impl Drop for Logged {
    fn drop(&mut self) {
        // The client says goodbye to the server and waits for its answer.
        if let (Some(connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) {
            drop(runtime.spawn_blocking(move || drop(connection)));
        }
    }
}

impl Logged {
    /// Does something where it may block.
    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let broken = || Failure::new("OperationalError", "The connection broke during a statement");
        let connection = self.connection.take().ok_or_else(broken)?;
        let worked = task::spawn_blocking(move || {
            let outcome = work(&connection);
            (connection, outcome)
        });
        let (connection, outcome) = worked.await.map_err(|_| broken())?;
        self.connection = Some(connection);
        outcome
    }
}

impl Session for Logged {
    fn set_password<'a>(&'a mut self, change: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let statement = altered(&enquoted(&rights::stored(&change.user))?, &change.password, change.old.as_ref())?;
            self.blocking(move |connection| run(connection, "ALTER USER", statement.expose())).await?;
            Ok(None)
        }))
    }

    fn set_clone<'a>(&'a mut self, user: &'a str, clone: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let (from, to) = (rights::stored(user), rights::stored(&clone.user));
            let name = enquoted(&to)?;
            let made = secret(&[
                "CREATE USER ",
                &name,
                " IDENTIFIED BY ",
                password(&placeholder(&clone.password, PLACEHOLDER, PASSWORD_MAX))?.expose(),
            ]);
            let set = altered(&name, &clone.password, None)?;
            self.blocking(move |connection| {
                if find(connection, rights::USER, &from)?.is_empty() {
                    return Err(Failure::value(format!("There is no user {from} to make a clone of")));
                }
                if find(connection, rights::USER, &to)?.is_empty() {
                    run(connection, "CREATE USER", made.expose())?;
                }
                let complete = copy_rights(connection, &from, &name)?;
                // The password comes last: a clone that can log in has its rights.
                run(connection, "ALTER USER", set.expose())?;
                Ok((!complete).then_some(NOT_ALL_RIGHTS))
            })
            .await
        }))
    }
}

/// Gives a user, which is quoted, what another may do; whether that was all.
fn copy_rights(connection: &Connection, from: &str, to: &str) -> Result<bool, Failure> {
    let mut complete = true;
    for (look_up, grant) in rights::LOOK_UPS {
        for row in find(connection, look_up, from)? {
            let statement = grant(&row, to)?;
            match connection.execute(&statement, &[]) {
                Ok(_) => {}
                // As the templates: a superuser that lacks a right makes a clone without it.
                Err(error) if matches!(error.kind(), ErrorKind::DbError(_)) => complete = false,
                Err(error) => return Err(failure("GRANT", &error)),
            }
        }
    }
    Ok(complete)
}

fn run(connection: &Connection, doing: &str, statement: &str) -> Result<(), Failure> {
    connection.execute(statement, &[]).map(drop).map_err(|error| failure(doing, &error))
}

/// The rows of a look-up by one name.
fn find(connection: &Connection, look_up: &str, name: &str) -> Result<Vec<Vec<String>>, Failure> {
    let failed = |error: Error| failure("the look-up of the user", &error);
    let name: &dyn ToDbValue = &name;
    let mut rows = Vec::new();
    for row in connection.query(look_up, &[name]).map_err(failed)? {
        let row = row.map_err(failed)?;
        let text = |at: usize| row.get::<Option<String>>(at).map(Option::unwrap_or_default);
        rows.push((0..row.columns().len()).map(text).collect::<Result<Vec<_>, _>>().map_err(failed)?);
    }
    Ok(rows)
}

/// The statement that sets a password, by the one that works where the user itself does it.
fn altered(name: &str, new: &SecretText, old: Option<&SecretText>) -> Result<SecretText, Failure> {
    let new = password(new)?;
    // One that cannot be quoted was not set by such a statement: the server may not ask for it.
    let old = old.and_then(|old| password(old).ok());
    let before = if old.is_some() { " REPLACE " } else { "" };
    Ok(secret(&["ALTER USER ", name, " IDENTIFIED BY ", new.expose(), before, old.unwrap_or_default().expose()]))
}

/// A password in quotes.
fn password(text: &SecretText) -> Result<SecretText, Failure> {
    if text.expose().contains('"') {
        return Err(Failure::value(
            "A password of Oracle must not contain double quotes: put them in EXCLUDE_CHARACTERS",
        ));
    }
    Ok(secret(&["\"", text.expose(), "\""]))
}

/// A failed statement. The server's text may quote the statement, so that only its number goes on.
fn failure(doing: &str, error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::DbError(told) => {
            Failure::new("DatabaseError", format!("The database refused {doing} with ORA-{:05}", told.code()))
        }
        _ => Failure::new("OperationalError", format!("The connection broke during {doing}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::Entry, package::find as package};

    fn text(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[test]
    fn passwords_stand_in_quotes_and_hold_none() {
        let set = altered("\"APP\"", &text("it's;--"), Some(&text("old"))).expect("statement");
        assert_eq!(set.expose(), "ALTER USER \"APP\" IDENTIFIED BY \"it's;--\" REPLACE \"old\"");
        assert_eq!(
            altered("\"A\"", &text("x"), Some(&text("o\""))).expect("statement").expose().matches('"').count(),
            4
        );
        assert!(altered("\"A\"", &text("x\" ACCOUNT LOCK"), None).is_err());
        assert_eq!(placeholder(&text("x"), PLACEHOLDER, PASSWORD_MAX).len(), PASSWORD_MAX);
    }

    #[test]
    fn nothing_of_a_secret_ends_a_value_of_a_descriptor() {
        let of = |host: &str, dbname: &str| {
            let json = serde_json::json!({"host": host, "dbname": dbname, "username": "u", "password": "p"});
            let entry = Entry::parse(&text(&json.to_string())).expect("object");
            let login = Login::of(&entry, package("strongroom/oracle-single-user").expect("package")).expect("login");
            (descriptor(&login, Named::Sid, true).ok(), descriptor(&login, Named::Service, false).ok())
        };
        let (tls, plain) = of("db.example", "ORCL");
        assert_eq!(
            tls.as_deref(),
            Some("(description=(address=(protocol=tcps)(host=db.example)(port=1521))(connect_data=(sid=ORCL)))")
        );
        assert_eq!(
            plain.as_deref(),
            Some(
                "(description=(address=(protocol=tcp)(host=db.example)(port=1521))(connect_data=(service_name=ORCL)))"
            )
        );
        for (host, dbname) in [("h)(port=1", "d"), ("h", "d)(x=y"), ("h", ""), ("h h", "d"), ("h", "'d'")] {
            assert_eq!(of(host, dbname), (None, None), "{host} {dbname}");
        }
    }
}
