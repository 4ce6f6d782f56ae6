//! Secrets: versions, staging labels, deletion, tags, search, policies. The behaviour of AWS Secrets Manager.

mod access_days;
mod batch;
pub mod conditions;
mod create;
mod delete;
mod describe;
pub mod events;
mod filters;
mod jobs;
mod list;
pub mod model;
pub mod pairs;
mod passwords;
mod policies;
mod put;
mod read;
mod refusals;
mod regions;
pub mod resolve;
mod search;
mod stages;
mod standing;
mod tags;
pub(crate) mod values;
mod versions;
mod words;
mod work;

use std::sync::Arc;

use strongroom_crypto::Keyring;
use strongroom_store::Batch;
use strongroom_types::Timestamp;
use tokio::sync::Semaphore;

use self::access_days::AccessDays;
use self::model::Secret;
use self::values::{SecretValue, StoredValue, value_key};
use crate::ctx::{Ctx, Done};
use crate::data_keys::DataKeys;
use crate::documents::{Documents, Loaded};
use crate::error::Error;
use crate::identities::Identities;
use crate::keys::{DEFAULT_KEY_SHOWN, Keys, names_default};
use crate::trail::segments::Segments;

pub(crate) use self::refusals::invalid_page_token;

/// How CloudTrail names the type of a secret.
pub const RESOURCE_KIND: &str = "AWS::SecretsManager::Secret";

/// The operations of Secrets Manager.
pub struct Secrets {
    documents: Arc<Documents>,
    identities: Arc<Identities>,
    keys: Arc<Keys>,
    trail: Arc<Segments>,
    access_days: AccessDays,
    data_keys: DataKeys,
    /// Turns for making pages of secrets, which may cost much.
    pages: Semaphore,
}

impl Secrets {
    /// Secrets kept in `documents`, encrypted under `keys`; records of parts of a request go to `trail`. About
    /// `data_keys_max` data keys are kept unwrapped for a short time.
    #[must_use]
    pub fn new(
        documents: Arc<Documents>,
        identities: Arc<Identities>,
        keys: Arc<Keys>,
        trail: Arc<Segments>,
        data_keys_max: usize,
    ) -> Self {
        let data_keys = DataKeys::new(data_keys_max);
        let pages = Semaphore::new(search::PAGES_UNDER_WAY_MAX);
        Self { documents, identities, keys, trail, access_days: AccessDays::default(), data_keys, pages }
    }

    /// Forgets the unwrapped data keys whose time is over.
    pub fn forget_old_data_keys(&self, now: Timestamp) {
        self.data_keys.forget_old(now);
    }

    /// The key that a secret's values are encrypted under.
    async fn key_of(&self, secret: &Secret, now: Timestamp) -> Result<Arc<Keyring>, Error> {
        self.keys.default_key(&secret.account, &secret.region, now).await
    }

    /// The ARN of the key that a request names, for conditions.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn key_arn(&self, cx: &Ctx, key_id: Option<&str>) -> Result<Option<String>, Error> {
        match key_id.filter(|key_id| !key_id.is_empty()) {
            Some(key_id) => Ok(Some(self.keys.arn(key_id, cx.caller.account.as_str(), &cx.region).await?)),
            None => Ok(None),
        }
    }

    /// The KmsKeyId to store for the one a caller gave: none for the default key, which is also what an empty string
    /// asks for.
    fn checked_key_id(&self, cx: &Ctx, key_id: Option<String>) -> Result<Option<String>, Error> {
        let Some(key_id) = key_id.filter(|key_id| !key_id.is_empty()) else { return Ok(None) };
        if names_default(&key_id, cx.region.partition(), cx.caller.account.as_str(), cx.region.as_str()) {
            return Ok(None);
        }
        Err(refusals::invalid_key(&key_id))
    }

    /// Adds a version's sealed value to `batch`.
    async fn put_value(
        &self,
        batch: &mut Batch,
        secret: &Secret,
        version_id: &str,
        value: &SecretValue,
        now: Timestamp,
    ) -> Result<(), Error> {
        let keyring = self.key_of(secret, now).await?;
        let stored = StoredValue::seal(&keyring, self.documents.random(), secret, version_id, value)?;
        self.documents.put(batch, None, &Arc::new(stored))
    }

    /// Adds the removal of a version's value to `batch`, if it has one.
    async fn drop_value(&self, batch: &mut Batch, secret: &Secret, version_id: &str) -> Result<(), Error> {
        if let Some(stored) = self.documents.load::<StoredValue>(value_key(secret, version_id)).await? {
            self.documents.delete(batch, &stored);
        }
        Ok(())
    }

    /// The plain value of a version.
    async fn value(&self, secret: &Secret, version_id: &str, now: Timestamp) -> Result<Option<SecretValue>, Error> {
        let Some(stored) = self.documents.load::<StoredValue>(value_key(secret, version_id)).await? else {
            return Ok(None);
        };
        let key = match self.data_keys.get(stored.value.data_key(), now) {
            Some(key) => key,
            None => {
                let keyring = self.key_of(secret, now).await?;
                let key = Arc::new(stored.value.unwrap(&keyring, secret, version_id)?);
                self.data_keys.keep(stored.value.data_key(), &key, now);
                key
            }
        };
        Ok(Some(stored.value.open(&key, secret, version_id)?))
    }

    /// Opens a version's value and lets it go again.
    pub(crate) async fn verify_value(
        documents: &Documents,
        keyring: &Keyring,
        secret: &Secret,
        version_id: &str,
    ) -> Result<(), &'static str> {
        match documents.load::<StoredValue>(value_key(secret, version_id)).await {
            Ok(Some(stored)) => {
                let opened = stored
                    .value
                    .unwrap(keyring, secret, version_id)
                    .and_then(|key| stored.value.open(&key, secret, version_id));
                opened.map(drop).map_err(|_| "the value cannot be opened")
            }
            Ok(None) => Err("the value is missing"),
            Err(_) => Err("the value's document cannot be opened"),
        }
    }

    /// Commits a changed secret with what else is in `batch` and the request's record.
    async fn commit(
        &self,
        cx: &Ctx,
        mut batch: Batch,
        before: &Loaded<Secret>,
        after: &Arc<Secret>,
        response_elements: Option<String>,
    ) -> Result<(), Error> {
        self.documents.put(&mut batch, Some(before), after)?;
        cx.commit(&self.documents, batch, done(after, response_elements)).await
    }
}

/// What the audit record of a change of `secret` says.
fn done(secret: &Secret, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(secret.arn()), resource_kind: RESOURCE_KIND }
}

/// Refuses other accounts the values under the default key, which is the owner's alone.
fn key_reaches(cx: &Ctx, secret: &Secret) -> Result<(), Error> {
    let is_owner = secret.account == cx.caller.account.as_str();
    if is_owner || secret.kms_key_id.is_some() { Ok(()) } else { Err(refusals::default_key_abroad()) }
}

/// The name of the key that new versions are encrypted under, as ListSecretVersionIds shows it.
fn shown_key(secret: &Secret) -> String {
    secret.kms_key_id.clone().unwrap_or_else(|| DEFAULT_KEY_SHOWN.to_owned())
}

#[cfg(test)]
mod tests;
