//! MongoDB and DocumentDB. Names and passwords are members of documents, so that nothing needs to be quoted. Speaks to the
//! secret's host alone, as the templates do: it has to be one that takes writes.

use std::{io::Write, time::Duration};

use mongodb::{
    Client, Database,
    bson::{Bson, Document, doc},
    error::{Error, ErrorKind},
    options::{ClientOptions, Credential, ServerAddress, Tls, TlsOptions},
};
use tempfile::NamedTempFile;

use super::{Change, Driver, Limits, Login, Note, Refused, Session, reach, within};
use crate::{Failure, Fut, settings::Trust};

/// Database of users when the secret names none.
const DBNAME: &str = "admin";
/// The server's code of an error: authentication failed.
const AUTHENTICATION_FAILED: i32 = 18;
/// The least wait for a connection that the client takes.
const CONNECT_MS_MIN: u64 = 1;

/// The driver.
pub struct MongoDb;

impl Driver for MongoDb {
    fn log_in<'a>(
        &'a self,
        login: &'a Login,
        trust: Option<&'a Trust>,
        limits: Limits,
    ) -> Fut<'a, Result<Box<dyn Session>, Refused>> {
        Box::pin(async move {
            reach(login, trust).await?;
            // The client reads the certificates while it is made, and never again.
            let roots = trust.map(file_of).transpose()?;
            let client =
                Client::with_options(options(login, roots.as_ref(), limits)).map_err(|error| refused(&error))?;
            drop(roots);
            let dbname = login.dbname.clone().unwrap_or_else(|| DBNAME.to_owned());
            client.database(&dbname).run_command(doc! {"ping": 1}).await.map_err(|error| refused(&error))?;
            Ok(Box::new(Logged { client, limits }) as Box<dyn Session>)
        })
    }
}

/// The certificates as a file, which is all that the client takes.
fn file_of(trust: &Trust) -> Result<NamedTempFile, Refused> {
    let write = || {
        let mut file = NamedTempFile::new()?;
        file.write_all(trust.pem().as_bytes())?;
        file.flush()?;
        Ok(file)
    };
    write().map_err(|error: std::io::Error| {
        Refused::unreached(format!("the certificates to trust cannot be put into a temporary file: {error}"))
    })
}

fn options(login: &Login, roots: Option<&NamedTempFile>, limits: Limits) -> ClientOptions {
    let mut credential = Credential::default();
    credential.username = Some(login.user.clone());
    credential.password = Some(login.password.expose().to_owned());
    credential.source = Some(login.dbname.clone().unwrap_or_else(|| DBNAME.to_owned()));
    let address = ServerAddress::Tcp { host: login.host.clone(), port: Some(login.port) };
    let mut options = ClientOptions::default();
    options.hosts = vec![address];
    options.app_name = Some("strongroom-rotation".to_owned());
    options.direct_connection = Some(true);
    options.credential = Some(credential);
    options.tls = Some(match roots {
        None => Tls::Disabled,
        Some(file) => {
            let mut tls = TlsOptions::default();
            tls.ca_file_path = Some(file.path().to_owned());
            Tls::Enabled(tls)
        }
    });
    let connect = limits.connect.max(Duration::from_millis(CONNECT_MS_MIN));
    options.connect_timeout = Some(connect);
    options.server_selection_timeout = Some(connect);
    options.max_pool_size = Some(1);
    options.retry_writes = Some(false);
    options.retry_reads = Some(false);
    options
}

fn refused(error: &Error) -> Refused {
    match &*error.kind {
        // The message of a login tells the mechanism, and what the server said of it.
        ErrorKind::Authentication { message, .. } => Refused { reason: message.clone(), by_credentials: true },
        ErrorKind::Command(told) => Refused {
            reason: format!("the server refused the login with {}", told.code_name),
            by_credentials: told.code == AUTHENTICATION_FAILED,
        },
        _ => Refused::unreached("the server could not be spoken to"),
    }
}

/// A session.
struct Logged {
    client: Client,
    limits: Limits,
}

impl Logged {
    /// The database of a user.
    fn database(&self, of: &Change) -> (Database, String) {
        let name = of.dbname.clone().unwrap_or_else(|| DBNAME.to_owned());
        (self.client.database(&name), name)
    }
}

async fn run(database: &Database, doing: &str, command: Document) -> Result<Document, Failure> {
    database.run_command(command).await.map_err(|error| failure(doing, &error))
}

/// Sets a password.
async fn update(database: &Database, change: &Change) -> Result<(), Failure> {
    let doing = "updateUser";
    run(database, doing, doc! {doing: &change.user, "pwd": change.password.expose()}).await.map(drop)
}

/// A user of a database, where there is one.
async fn user(database: &Database, dbname: &str, user: &str) -> Result<Option<Document>, Failure> {
    let doing = "usersInfo";
    let answer = run(database, doing, doc! {doing: {"user": user, "db": dbname}}).await?;
    let found = answer.get_array("users").ok().and_then(|users| users.first()).and_then(Bson::as_document);
    Ok(found.cloned())
}

const CREATE: &str = "createUser";

/// The command that makes a clone. It is one: a clone that is there has all its rights.
fn created(original: &Document, clone: &Change) -> Document {
    let roles = original.get_array("roles").cloned().unwrap_or_default();
    doc! {CREATE: &clone.user, "pwd": clone.password.expose(), "roles": roles}
}

impl Session for Logged {
    fn set_password<'a>(&'a mut self, change: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let (database, _) = self.database(change);
            update(&database, change).await?;
            Ok(None)
        }))
    }

    fn set_clone<'a>(&'a mut self, name: &'a str, clone: &'a Change) -> Fut<'a, Result<Note, Failure>> {
        let limit = self.limits.statement;
        Box::pin(within(limit, async move {
            let (database, dbname) = self.database(clone);
            if user(&database, &dbname, &clone.user).await?.is_some() {
                update(&database, clone).await?;
                return Ok(None);
            }
            let original = user(&database, &dbname, name).await?;
            let original =
                original.ok_or_else(|| Failure::value(format!("There is no user {name} to make a clone of")))?;
            run(&database, CREATE, created(&original, clone)).await?;
            Ok(None)
        }))
    }
}

/// A failed command. The server's text may quote the command, so that only its code goes on.
fn failure(doing: &str, error: &Error) -> Failure {
    match &*error.kind {
        ErrorKind::Command(told) => Failure::new(
            "DatabaseError",
            format!("The database refused {doing} with error {} ({})", told.code, told.code_name),
        ),
        _ => Failure::new("OperationalError", format!("The connection broke during {doing}")),
    }
}

#[cfg(test)]
mod tests {
    use strongroom_types::secret::SecretText;

    use super::*;

    #[test]
    fn a_clone_has_the_roles_of_its_user() {
        let roles = [doc! {"role": "readWrite", "db": "app"}, doc! {"role": "it's \"$ours\"", "db": "admin"}];
        let original =
            doc! {"_id": "app.u", "user": "u", "db": "app", "roles": &roles[..], "mechanisms": ["SCRAM-SHA-1"]};
        let password = SecretText::new("p\", roles: [".to_owned());
        let clone = Change { user: "u_clone".to_owned(), password, old: None, dbname: None };
        let wanted = doc! {"createUser": "u_clone", "pwd": "p\", roles: [", "roles": &roles[..]};
        assert_eq!(created(&original, &clone), wanted);
    }
}
