//! Rotation of a secret that a service owns. Its value holds name and password alone; how the database is reached, the
//! service knows. The steps are those of a single user, between which and Secrets Manager the rest is put in and taken
//! out.

use std::collections::BTreeMap;

use strongroom_types::secret::SecretText;

use crate::{
    Event, Failure, Log, Package, PasswordSettings, Secrets, Settings, Strategy,
    entry::Entry,
    packages,
    secrets::{Described, Fut},
};

/// The keys of a value that tell how the database is reached.
const KEYS: [&str; 5] = ["engine", "host", "port", "dbname", "ssl"];

/// How a database is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The engine, as rotation functions name it.
    pub engine: String,
    /// Its host name or address.
    pub host: String,
    /// Its port; none for the engine's usual one.
    pub port: Option<u16>,
    /// The database to log in to; none for the engine's usual one.
    pub dbname: Option<String>,
    /// Whether TLS is demanded or left out; none to try it first.
    pub ssl: Option<bool>,
}

impl Connection {
    /// The value of a secret that a service owns, with how the database is reached. What is no JSON object stays as it is.
    #[must_use]
    pub fn complete(&self, value: SecretText) -> SecretText {
        let Some(mut entry) = Entry::parse(&value) else { return value };
        let Self { engine, host, port, dbname, ssl } = self;
        let mut set = |name: &str, text: Option<&str>| match text {
            Some(text) => entry.set_text(name, &SecretText::new(text.to_owned())),
            None => entry.remove(name),
        };
        set("engine", Some(engine));
        set("host", Some(host));
        // Numbers and flags may be texts.
        set("port", port.map(|port| port.to_string()).as_deref());
        set("dbname", dbname.as_deref());
        set("ssl", ssl.map(|ssl| if ssl { "true" } else { "false" }));
        entry.to_json()
    }
}

/// Runs one step of the rotation of a secret that a service owns, as [`run`](crate::run) does for functions.
///
/// # Errors
/// As [`run`](crate::run); a `ValueError` for an engine that is not built in.
pub async fn run_managed(
    connection: &Connection,
    event: &Event,
    settings: &Settings,
    secrets: &dyn Secrets,
    log: &mut Log,
) -> Result<(), Failure> {
    let package = package_of(&connection.engine).ok_or_else(|| {
        Failure::value(format!("Databases of engine {} cannot be rotated by this server", connection.engine))
    })?;
    let connected = Connected { connection, secret_id: &event.secret_id, secrets };
    crate::run(package, event, &BTreeMap::new(), settings, &connected, log).await
}

/// The package that rotates a single user of an engine.
fn package_of(engine: &str) -> Option<&'static Package> {
    let mut single = packages().iter().filter(|package| package.strategy == Strategy::SingleUser);
    single.find(|package| package.engines.contains(&engine))
}

/// Secrets Manager, with how the database is reached in the values of one secret.
struct Connected<'a> {
    connection: &'a Connection,
    secret_id: &'a str,
    secrets: &'a dyn Secrets,
}

impl Connected<'_> {
    /// A value without how the database is reached.
    fn bare(value: SecretText) -> SecretText {
        let Some(mut entry) = Entry::parse(&value) else { return value };
        KEYS.into_iter().for_each(|key| entry.remove(key));
        entry.to_json()
    }
}

impl Secrets for Connected<'_> {
    fn describe<'a>(&'a self, secret_id: &'a str) -> Fut<'a, Result<Described, Failure>> {
        self.secrets.describe(secret_id)
    }

    fn value<'a>(
        &'a self,
        secret_id: &'a str,
        version_id: Option<&'a str>,
        stage: Option<&'a str>,
    ) -> Fut<'a, Result<Option<SecretText>, Failure>> {
        Box::pin(async move {
            let value = self.secrets.value(secret_id, version_id, stage).await?;
            Ok(if secret_id == self.secret_id { value.map(|value| self.connection.complete(value)) } else { value })
        })
    }

    fn put_pending<'a>(
        &'a self,
        secret_id: &'a str,
        token: &'a str,
        rotation_token: Option<&'a str>,
        value: SecretText,
    ) -> Fut<'a, Result<(), Failure>> {
        self.secrets.put_pending(secret_id, token, rotation_token, Self::bare(value))
    }

    fn move_current<'a>(
        &'a self,
        secret_id: &'a str,
        to: &'a str,
        from: Option<&'a str>,
    ) -> Fut<'a, Result<(), Failure>> {
        self.secrets.move_current(secret_id, to, from)
    }

    fn random_password<'a>(&'a self, settings: &'a PasswordSettings) -> Fut<'a, Result<SecretText, Failure>> {
        self.secrets.random_password(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_is_put_into_values_and_taken_out_of_them() {
        let connection = Connection {
            engine: "postgres".to_owned(),
            host: "db.example".to_owned(),
            port: Some(5433),
            dbname: None,
            ssl: Some(true),
        };
        let bare = r#"{"username":"admin","password":"p\"w"}"#;
        let whole = connection.complete(SecretText::new(bare.to_owned()));
        let expected = concat!(
            r#"{"username":"admin","password":"p\"w","engine":"postgres","host":"db.example","port":"5433","#,
            r#""ssl":"true"}"#
        );
        assert_eq!(whole.expose(), expected);
        assert_eq!(Connected::bare(whole).expose(), bare);
        let forged = r#"{"username":"a","password":"b","host":"elsewhere","dbname":"x"}"#;
        let whole = connection.complete(SecretText::new(forged.to_owned()));
        assert!(!whole.expose().contains("elsewhere") && !whole.expose().contains("dbname"));
        assert_eq!(connection.complete(SecretText::new("no JSON".to_owned())).expose(), "no JSON");
    }

    #[test]
    fn engines_have_the_package_of_a_single_user() {
        assert!(package_of("db2").is_none());
        #[cfg(feature = "postgres")]
        for engine in ["postgres", "aurora-postgresql", "redshift"] {
            assert!(package_of(engine).is_some_and(|package| package.name.ends_with("-single-user")), "{engine}");
        }
        #[cfg(feature = "mysql")]
        for engine in ["mariadb", "mysql", "aurora-mysql"] {
            assert!(package_of(engine).is_some_and(|package| package.name.ends_with("-single-user")), "{engine}");
        }
    }
}
