//! Which engine keeps the documents: the embedded one in the data directory, or a PostgreSQL database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_client::{Endpoint, Options};
use strongroom_store::{ClientIdentity, PostgresConfig};
use strongroom_types::secret::SecretText;

use super::Problems;

/// The store's engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// A PostgreSQL database, such as `postgres://strongroom@db.example:5432/strongroom`. When absent, the store is in
    /// the data directory.
    pub url: Option<String>,
    /// A file that holds the password; a line's end behind it does not count.
    pub password_file: Option<PathBuf>,
    /// A file with the certificates, in PEM, that the database's must lead to. When absent: the system's.
    pub ca_file: Option<PathBuf>,
    /// A file with the certificate, in PEM, that this server shows the database.
    pub certificate_file: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    pub key_file: Option<PathBuf>,
    /// The schema in the database that the tables are in.
    pub schema: String,
    /// Connections for reading; two more write and hear of changes.
    pub connections_max: u32,
    /// Between two looks for other nodes' changes, in milliseconds, where nothing tells of them sooner.
    pub poll_ms: u32,
    /// Where the other servers of the database reach this one, such as `http://10.0.0.7:8080`: they ask it for the events of
    /// its trail. What they send is sealed, also by plain HTTP. Without it events are not looked up where there are others.
    pub node_address: Option<String>,
    /// A file with certificates, in PEM, that those of servers with an address by `https` may lead to, beside the system's.
    pub node_ca_file: Option<PathBuf>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        let (url, password_file, ca_file, certificate_file, key_file) = (None, None, None, None, None);
        let schema = "strongroom".to_owned();
        Self {
            url,
            password_file,
            ca_file,
            certificate_file,
            key_file,
            schema,
            connections_max: 8,
            poll_ms: 250,
            node_address: None,
            node_ca_file: None,
        }
    }
}

impl StoreConfig {
    /// Between two looks for other servers' changes, in ms, where there can be others.
    pub(super) fn looks_ms(&self) -> Option<u32> {
        self.url.as_ref().map(|_| self.poll_ms)
    }

    pub(super) fn check(&self, dev: bool, problems: &mut Problems) {
        problems.range("store", "connections_max", self.connections_max.into(), 1, 1000);
        problems.range("store", "poll_ms", self.poll_ms.into(), 10, 10_000);
        if self.certificate_file.is_some() != self.key_file.is_some() {
            problems.add("store.key_file", "a certificate needs its key, and a key its certificate");
        }
        if let Some(address) = &self.node_address
            && let Err(what) = Endpoint::open(address, Options::default())
        {
            problems.add("store.node_address", what.to_string());
        }
        let Some(url) = &self.url else {
            let files = [&self.password_file, &self.ca_file, &self.certificate_file, &self.node_ca_file];
            if self.node_address.is_some() || files.iter().any(|file| file.is_some()) {
                problems.add("store.url", "names no database, but there are settings for one");
            }
            return;
        };
        if let Err(what) = self.settings(url).check() {
            problems.add("store.url", what);
        }
        if dev {
            problems.add("store.url", "must not be set in developer mode, which lets anybody in");
        }
    }

    fn settings(&self, url: &str) -> PostgresConfig {
        PostgresConfig {
            url: url.to_owned(),
            schema: self.schema.clone(),
            readers_max: usize::try_from(self.connections_max).unwrap_or(usize::MAX),
            poll_ms: self.poll_ms.into(),
            ..PostgresConfig::default()
        }
    }

    /// The certificates that those of other servers may lead to, in PEM; none when only the system's may.
    ///
    /// # Errors
    /// With the file that cannot be read.
    pub fn node_authorities(&self) -> Result<Option<Vec<u8>>, (PathBuf, io::Error)> {
        let Some(path) = &self.node_ca_file else { return Ok(None) };
        fs::read(path).map(Some).map_err(|error| (path.clone(), error))
    }

    /// The database's settings, with what their files hold; nothing when the store is in the data directory.
    ///
    /// # Errors
    /// With the file that cannot be read.
    pub fn postgres(&self) -> Result<Option<PostgresConfig>, (PathBuf, io::Error)> {
        let Some(url) = &self.url else { return Ok(None) };
        let mut config = self.settings(url);
        if let Some(path) = &self.password_file {
            config.password = Some(secret(path, str::trim_end)?);
        }
        if let Some(path) = &self.ca_file {
            config.ca = Some(read(path)?);
        }
        if let (Some(chain), Some(key)) = (&self.certificate_file, &self.key_file) {
            config.client = Some(ClientIdentity { chain: read(chain)?, key: secret(key, |text| text)? });
        }
        Ok(Some(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, (PathBuf, io::Error)> {
    fs::read(path).map_err(|error| (path.to_owned(), error))
}

fn secret(path: &Path, part: impl Fn(&str) -> &str) -> Result<SecretText, (PathBuf, io::Error)> {
    let whole = fs::read_to_string(path).map_err(|error| (path.to_owned(), error))?;
    let part = SecretText::new(part(&whole).to_owned());
    // The whole text is wiped too.
    drop(SecretText::new(whole));
    Ok(part)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn problems(text: &str) -> String {
        Config::load(text).err().map_or_else(String::new, |problems| problems.to_string())
    }

    #[test]
    fn a_database_is_named_by_its_url() {
        let whole = "[store]\nurl = 'postgres://u@db.example/s'\npassword_file = '/run/secrets/db'\nschema = 'one'";
        assert_eq!(problems(whole), "");
        let slow = format!("[cache]\nstale_ms_max = 300\n{whole}");
        assert!(problems(&slow).contains("twice store.poll_ms"), "{}", problems(&slow));
        assert_eq!(problems(&slow.replace("300", "0")), "");
        let both = slow.replace("300", "0\nlost_stale_seconds_max = 60");
        assert!(problems(&both).contains("nothing is answered from memory"), "{}", problems(&both));
        assert!(Config::load("").expect("defaults").store.url.is_none());
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (text, wanted) in [
            ("[store]\nurl = 'postgres://u:hunter2@db/s'", "store.url: must not hold a password"),
            ("[store]\nurl = 'postgres://u@db/s?sslmode=require'", "store.url: must have sslmode=verify-full"),
            ("[store]\nurl = 'mysql://u@db/s'", "store.url: must begin with postgres://"),
            ("[store]\nca_file = 'ca.pem'", "store.url: names no database"),
            ("[store]\nurl = 'postgres://u@db/s'\nkey_file = 'k'", "store.key_file: a certificate needs"),
            ("dev = true\n[store]\nurl = 'postgres://u@db/s'", "store.url: must not be set in developer mode"),
            ("[store]\nconnections_max = 0", "store.connections_max: 0 is not from 1 to 1000"),
        ] {
            let found = problems(text);
            assert!(found.contains(wanted) && !found.contains("hunter2"), "{found}");
        }
    }
}
