//! The steps of each strategy, and what they share: reading values, making passwords, logging in.

pub mod generic;
pub mod multi;
pub mod single;

use std::collections::BTreeMap;

use strongroom_types::secret::SecretText;

use crate::{
    Event, Failure, Log, Package, PasswordSettings, Secrets, Settings,
    drivers::{self, Login, Note, Refused, Session},
    entry::Entry,
    run::PENDING,
};

/// An invocation under way.
pub struct Rotation<'a> {
    pub package: &'a Package,
    pub event: &'a Event,
    pub environment: &'a BTreeMap<String, String>,
    pub settings: &'a Settings,
    pub secrets: &'a dyn Secrets,
    pub log: &'a mut Log,
}

/// What the database knows of the value under way.
pub enum Pending {
    /// It works already: nothing is to be done.
    Works,
    /// It does not.
    Fails,
}

impl Rotation<'_> {
    /// The value of a stage as JSON, with the keys that the package needs. None when there is no such value.
    ///
    /// # Errors
    /// A `KeyError` as the templates when a key is missing or the engine is another.
    pub async fn entry(&self, stage: &str, token: Option<&str>) -> Result<Option<Entry>, Failure> {
        let Some(text) = self.secrets.value(&self.event.secret_id, token, Some(stage)).await? else { return Ok(None) };
        let entry = self.parsed(&text)?;
        self.check(&entry)?;
        Ok(Some(entry))
    }

    /// The value of a stage that must be there.
    ///
    /// # Errors
    /// As [`Self::entry`], and when there is no such value.
    pub async fn required(&self, stage: &str, token: Option<&str>) -> Result<Entry, Failure> {
        self.entry(stage, token).await?.ok_or_else(|| Failure::not_found(stage))
    }

    /// The value under way.
    ///
    /// # Errors
    /// As [`Self::required`].
    pub async fn pending(&self) -> Result<Entry, Failure> {
        self.required(PENDING, Some(&self.event.token)).await
    }

    fn parsed(&self, text: &SecretText) -> Result<Entry, Failure> {
        Entry::parse(text)
            .ok_or_else(|| Failure::value(format!("The value of secret {} is not a JSON object", self.event.secret_id)))
    }

    /// Whether an entry names the package's engine and has its keys.
    pub fn check(&self, entry: &Entry) -> Result<(), Failure> {
        if let Some(first) = self.package.engines.first() {
            let engine = entry.public("engine");
            if !engine.is_some_and(|engine| self.package.engines.contains(&engine.as_str())) {
                return Err(Failure::key(format!(
                    "Database engine must be set to '{first}' in order to use this rotation lambda"
                )));
            }
        }
        match self.package.required_keys.iter().find(|key| !entry.has(key)) {
            Some(key) => Err(Failure::key(format!("{key} key is missing from secret JSON"))),
            None => Ok(()),
        }
    }

    /// A superuser's value. It says itself where its password may be sent: whoever writes the rotated secret names the
    /// superuser's, but has no part in that.
    ///
    /// # Errors
    /// A `KeyError` when a key is missing, and when there is no such secret.
    pub async fn superuser(&self, arn: &str) -> Result<Entry, Failure> {
        let text = self.secrets.value(arn, None, Some(crate::run::CURRENT)).await?;
        let entry = self.parsed(&text.ok_or_else(|| Failure::not_found(crate::run::CURRENT))?)?;
        for key in ["host", "username", "password"] {
            if !entry.has(key) {
                return Err(Failure::key(format!("{key} key is missing from secret JSON")));
            }
        }
        Ok(entry)
    }

    /// A new password, as the environment wants it.
    ///
    /// # Errors
    /// Of the environment, or of GetRandomPassword.
    pub async fn password(&self) -> Result<SecretText, Failure> {
        let settings = PasswordSettings::from_environment(self.environment, self.package.password_length)?;
        self.secrets.random_password(&settings).await
    }

    /// Whether the version under way has a value already.
    ///
    /// # Errors
    /// Of GetSecretValue.
    pub async fn is_created(&mut self) -> Result<bool, Failure> {
        let arn = &self.event.secret_id;
        let found = self.secrets.value(arn, Some(&self.event.token), Some(PENDING)).await?.is_some();
        if found {
            self.log.info(format!("createSecret: Successfully retrieved secret for {arn}."));
        }
        Ok(found)
    }

    /// Puts the value under way.
    ///
    /// # Errors
    /// Of PutSecretValue.
    pub async fn put(&mut self, value: SecretText) -> Result<(), Failure> {
        let Event { secret_id, token, rotation_token, .. } = self.event;
        self.secrets.put_pending(secret_id, token, rotation_token.as_deref(), value).await?;
        self.log.info(format!("createSecret: Successfully put secret for ARN {secret_id} and version {token}."));
        Ok(())
    }

    /// Logs in with a value and asks something; none when the login is refused or the database is out of reach, which
    /// the log tells.
    ///
    /// # Errors
    /// When the value cannot be used at all.
    pub async fn log_in(&mut self, what: &str, entry: &Entry) -> Result<Option<Box<dyn Session>>, Failure> {
        let login = Login::of(entry, self.package)?;
        match drivers::log_in(self.package, &login, self.settings).await? {
            Ok(session) => Ok(Some(session)),
            Err(Refused { reason, .. }) => {
                self.log.info(format!("{}: Unable to log in with {what}: {reason}", self.event.step));
                Ok(None)
            }
        }
    }

    /// Logs in as the superuser whose secret the value in use names.
    ///
    /// # Errors
    /// When it is of another host, or cannot log in.
    pub async fn log_in_superuser(&mut self, current: &Entry) -> Result<Box<dyn Session>, Failure> {
        let arn = public(current, "masterarn")?;
        let mut superuser = self.superuser(&arn).await?;
        if self.package.in_users_database {
            superuser.copy("dbname", current);
        }
        let (host, at) = (public(current, "host")?, public(&superuser, "host")?);
        if at != host {
            return Err(Failure::value(format!(
                "Current database host {host} is not the same host as/rds replica of master {at}"
            )));
        }
        self.log_in("the superuser's secret", &superuser).await?.ok_or_else(|| {
            Failure::value(format!("Unable to log into database using credentials in master secret {arn}"))
        })
    }

    /// Whether the value under way works already.
    ///
    /// # Errors
    /// As [`Self::log_in`].
    pub async fn try_pending(&mut self, pending: &Entry) -> Result<Pending, Failure> {
        if self.log_in("the AWSPENDING secret", pending).await?.is_none() {
            return Ok(Pending::Fails);
        }
        self.log.info(format!(
            "setSecret: AWSPENDING secret is already set as password in the database for secret arn {}.",
            self.event.secret_id
        ));
        Ok(Pending::Works)
    }

    /// Tells what the database's people should know.
    pub fn note(&mut self, note: Note) {
        if let Some(text) = note {
            self.log.info(format!("{}: {text}", self.event.step));
        }
    }

    /// Tries the value under way.
    ///
    /// # Errors
    /// A `ValueError` when it does not work.
    pub async fn test(&mut self) -> Result<(), Failure> {
        let arn = self.event.secret_id.as_str();
        let pending = self.pending().await?;
        if self.log_in("the AWSPENDING secret", &pending).await?.is_none() {
            return Err(Failure::value(format!("Unable to log into database with pending secret of secret ARN {arn}")));
        }
        self.log.info(format!("testSecret: Successfully signed into the database with AWSPENDING secret in {arn}."));
        Ok(())
    }
}

/// A member that is a text of no secrecy, which [`Rotation::check`] found there.
///
/// # Errors
/// A `ValueError` when it is no text.
pub fn public(entry: &Entry, name: &str) -> Result<String, Failure> {
    entry.public(name).ok_or_else(|| Failure::value(format!("{name} must be a string in secret JSON")))
}
