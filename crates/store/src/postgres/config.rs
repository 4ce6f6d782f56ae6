//! Settings of the engine, and what a URL says of the database.

use std::time::Duration;

use strongroom_types::secret::SecretText;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::target::Target;
use super::tls::{self, Tls};
use crate::api::StoreError;

/// How long a connection on which an answer is waited for may be silent before the system asks whether the other side is
/// there, and between two such questions. A host without power is noticed by this, long before a statement's limit.
const SILENCE: Duration = Duration::from_secs(3);
const SILENCE_STEP: Duration = Duration::from_secs(1);

/// Where the database is and how the engine uses it.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// `postgres://user@host:5432/database`; several hosts are parted by commas, and the one that takes writes is used.
    /// Without `sslmode`, or with `sslmode=verify-full`, connections are encrypted and the server's certificate must
    /// lead to a trusted one and name the host. `sslmode=disable` is for networks that are trusted. No password.
    pub url: String,
    /// The password.
    pub password: Option<SecretText>,
    /// Certificates that the server's must lead to, in PEM; the system's when there are none.
    pub ca: Option<Vec<u8>>,
    /// Certificate chain and key, in PEM, that the server is shown when it asks.
    pub client: Option<ClientIdentity>,
    /// The schema that the tables are in. Lower-case ASCII letters, digits and `_`.
    pub schema: String,
    /// Connections for reading. One more writes, and one more hears of changes.
    pub readers_max: usize,
    /// Longest wait for a free reading connection.
    pub reader_wait_ms: u64,
    /// Longest wait for a connection with its login.
    pub connect_ms_max: u64,
    /// Longest wait for a statement.
    pub statement_ms_max: u64,
    /// Longest wait for a commit's statements and for the lock that all commits go through.
    pub commit_ms_max: u64,
    /// Longest time that a node may hold up the others while it does nothing; then the database ends its transaction.
    pub idle_ms_max: u64,
    /// Commits that may wait for the writer; one more waits for a place.
    pub queue_jobs_max: usize,
    /// Longest wait for a place in the queue before the store answers that it is not available.
    pub queue_wait_ms: u64,
    /// Most commits that are made durable together.
    pub group_jobs_max: usize,
    /// A group that has this many bytes takes no further commit.
    pub group_bytes_max: usize,
    /// Attempts at a group that the database refuses for reasons that may pass.
    pub attempts_max: u32,
    /// Longest time in which a group is tried again, or its outcome is looked for, when the database is away.
    pub retry_ms_max: u64,
    /// Between two looks for changes of other nodes, where nothing tells of them sooner.
    pub poll_ms: u64,
    /// Changes that are kept for other nodes to hear of. A node that is further behind forgets all that it keeps.
    pub changes_max: u64,
    /// Entries that one trim takes out of the feed in one transaction; a longer trim goes on in the next.
    pub trim_entries_max: u32,
    /// Also opens a store that a copy into it was begun and not finished.
    pub unfinished: bool,
    /// Does on PostgreSQL as on other systems: without advisory locks and notifications, and with transactions that
    /// are serialisable by failing where they meet.
    pub plain: bool,
}

/// What proves to the database who connects.
#[derive(Clone)]
pub struct ClientIdentity {
    /// Certificates, in PEM.
    pub chain: Vec<u8>,
    /// The key, in PEM.
    pub key: SecretText,
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientIdentity")
    }
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            password: None,
            ca: None,
            client: None,
            schema: "strongroom".to_owned(),
            readers_max: 8,
            reader_wait_ms: 10_000,
            connect_ms_max: 5_000,
            statement_ms_max: 30_000,
            commit_ms_max: 10_000,
            idle_ms_max: 5_000,
            queue_jobs_max: 512,
            queue_wait_ms: 10_000,
            group_jobs_max: 256,
            group_bytes_max: 4 * 1024 * 1024,
            attempts_max: 10,
            retry_ms_max: 10_000,
            poll_ms: 250,
            changes_max: 100_000,
            trim_entries_max: 10_000,
            unfinished: false,
            plain: false,
        }
    }
}

impl PostgresConfig {
    /// What is wrong with the URL or the schema's name, if anything is.
    ///
    /// # Errors
    /// A sentence that does not repeat the URL, which may hold what nobody should read.
    pub fn check(&self) -> Result<(), String> {
        let (config, _) = self.parsed()?;
        if config.get_password().is_some() {
            return Err("must not hold a password: name a file that does".to_owned());
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = self.schema.as_bytes().first().is_some_and(|byte| !byte.is_ascii_digit());
        if !begins || self.schema.len() > 63 || !self.schema.bytes().all(plain) {
            return Err("names a schema that is not made of lower-case letters, digits and _".to_owned());
        }
        Ok(())
    }

    /// The driver's form of the URL, and whether connections are encrypted.
    fn parsed(&self) -> Result<(Config, bool), String> {
        let (url, mode) = without_mode(&self.url);
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("must begin with postgres://".to_owned());
        }
        let mut config: Config = url.parse().map_err(|_| "is not a URL of a PostgreSQL database".to_owned())?;
        if config.get_hosts().is_empty() {
            return Err("names no host".to_owned());
        }
        let encrypted = match mode.as_deref() {
            None | Some("verify-full") => !config.get_hosts().iter().all(is_local),
            Some("disable") => false,
            Some(_) => {
                let what = "must have sslmode=verify-full or sslmode=disable: all others let anybody answer";
                return Err(what.to_owned());
            }
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        Ok((config, encrypted))
    }

    /// What a connection is made with.
    ///
    /// # Errors
    /// `Unavailable` when the settings are wrong.
    pub(super) fn target(&self) -> Result<Target, StoreError> {
        let wrong = |what: String| StoreError::Unavailable(format!("the database's settings: {what}"));
        self.check().map_err(wrong)?;
        let (mut config, encrypted) = self.parsed().map_err(wrong)?;
        config
            .application_name("strongroom")
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(Duration::from_millis(self.connect_ms_max.max(1)))
            .tcp_user_timeout(Duration::from_millis(self.connect_ms_max.max(1)))
            .keepalives_idle(SILENCE)
            .keepalives_interval(SILENCE_STEP)
            .keepalives_retries(3);
        let tls = Tls::new(if encrypted { Some(tls::configuration(self).map_err(wrong)?) } else { None });
        Ok(Target::new(&config, self.password.clone(), tls))
    }
}

#[cfg(unix)]
fn is_local(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

#[cfg(not(unix))]
fn is_local(_: &Host) -> bool {
    false
}

/// The URL without `sslmode`, of which the driver knows other values, and its value.
fn without_mode(url: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut mode = None;
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| match pair.split_once('=') {
            Some(("sslmode", value)) => {
                mode = Some(value.to_owned());
                false
            }
            _ => true,
        })
        .collect();
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    (url, mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(url: &str) -> Result<bool, String> {
        let config = PostgresConfig { url: url.to_owned(), ..PostgresConfig::default() };
        config.check()?;
        Ok(config.parsed()?.1)
    }

    #[test]
    fn a_url_means_an_encrypted_and_verified_connection_unless_it_says_otherwise() {
        assert_eq!(verdict("postgres://u@db.example/strongroom"), Ok(true));
        assert_eq!(verdict("postgresql://u@one,two:5433/strongroom?sslmode=verify-full"), Ok(true));
        assert_eq!(verdict("postgres://u@127.0.0.1/strongroom?sslmode=disable"), Ok(false));
        assert_eq!(verdict("postgres://u@%2Frun%2Fpostgresql/strongroom"), Ok(false));
        for mode in ["require", "prefer", "allow", "verify-ca"] {
            assert!(verdict(&format!("postgres://u@db/strongroom?sslmode={mode}")).is_err(), "{mode}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_url() {
        for url in ["", "mysql://u@db/x", "postgres://u:hunter2@db/x", "postgres://", "host=db password=hunter2"] {
            let told = verdict(url).expect_err(url);
            assert!(!told.contains("hunter2"), "{told}");
        }
        for schema in ["", "1a", "A", "a-b", "a\"b"] {
            let (url, schema) = ("postgres://u@db/x".to_owned(), schema.to_owned());
            assert!(PostgresConfig { url, schema, ..PostgresConfig::default() }.check().is_err());
        }
    }
}
