//! The keys of secrets: which key a value is under, and what KMS is asked for on the caller's behalf (specification §8).

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::AccountId;
use strongroom_wire::kms::Operation;

use super::model::Secret;
use super::values::{DATA_KEYS_MAX, SecretValue, StoredValue, purpose, value_key};
use super::versions::{CURRENT, PENDING, PREVIOUS};
use super::{Secrets, refusals};
use crate::ctx::Ctx;
use crate::documents::Documents;
use crate::error::Error;
use crate::kms::{Kms, Purpose, Usable, names_default};

/// How ListSecretVersionIds names the default key.
const DEFAULT_KEY_SHOWN: &str = "DefaultEncryptionKey";
/// What the aliases of AWS managed keys begin with.
const MANAGED: &str = "alias/aws/";
/// The version in the encryption context of calls that only try a key.
const TRIAL: &str = "RequestToValidateKeyAccess";

impl Secrets {
    /// The ARN of the key that a request names for a secret of `owner`, for conditions.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn key_arn(&self, cx: &Ctx, owner: &AccountId, key_id: Option<&str>) -> Result<Option<String>, Error> {
        match key_id.filter(|key_id| !key_id.is_empty()) {
            Some(key_id) => Ok(Some(self.kms.arn(cx, owner, key_id).await?)),
            None => Ok(None),
        }
    }

    /// The KmsKeyId to store for the one that a caller gave for `secret`: none for the default key, which is also what
    /// an empty string asks for. The key is tried with the caller's leave.
    ///
    /// # Errors
    /// InvalidParameterException for what names no symmetric key here, AccessDeniedException, EncryptionFailure.
    pub(super) async fn checked_key_id(
        &self,
        cx: &Ctx,
        secret: &Secret,
        key_id: Option<String>,
    ) -> Result<Option<String>, Error> {
        let Some(key_id) = key_id.filter(|key_id| !key_id.is_empty()) else { return Ok(None) };
        if names_default(&key_id, &secret.partition, &secret.account, &secret.region) {
            return Ok(None);
        }
        if key_id.starts_with(MANAGED) || key_id.contains(&[":", MANAGED].concat()) {
            return Err(refusals::kms_denied());
        }
        let trial = Purpose::new(secret.arn(), TRIAL);
        for operation in [Operation::GenerateDataKey, Operation::Decrypt] {
            let usable = self.kms.through_secrets(cx, operation, &owner(secret)?, Some(&key_id), &trial).await;
            usable.map_err(refusals::key_for_writing)?;
        }
        Ok(Some(key_id))
    }

    /// The key that new values of a secret go under, with leave to make a data key.
    async fn writing_key(&self, cx: &Ctx, secret: &Secret, purpose: &Purpose) -> Result<Usable, Error> {
        let asked = secret.kms_key_id.as_deref();
        let usable = self.kms.through_secrets(cx, Operation::GenerateDataKey, &owner(secret)?, asked, purpose).await;
        usable.map_err(refusals::key_for_writing)
    }

    /// Adds a version's sealed value to `batch`.
    pub(super) async fn put_value(
        &self,
        cx: &Ctx,
        batch: &mut Batch,
        secret: &Secret,
        version_id: &str,
        value: &SecretValue,
    ) -> Result<(), Error> {
        let purpose = purpose(secret, version_id);
        let key = self.writing_key(cx, secret, &purpose).await?;
        let (data_key, wrapped) = self.kms.data_key_under(&key, &purpose)?;
        let stored = StoredValue::seal((&data_key, wrapped), self.documents.random(), secret, version_id, value)?;
        self.documents.put(batch, None, &Arc::new(stored))
    }

    /// The plain value of a version, under the newest of its keys that the caller may use.
    ///
    /// # Errors
    /// AccessDeniedException, DecryptionFailure: those of the newest key.
    pub(super) async fn value(
        &self,
        cx: &Ctx,
        secret: &Secret,
        version_id: &str,
    ) -> Result<Option<SecretValue>, Error> {
        let Some(stored) = self.documents.load::<StoredValue>(value_key(secret, version_id)).await? else {
            return Ok(None);
        };
        let purpose = purpose(secret, version_id);
        let (owner, mut first) = (owner(secret)?, None);
        for wrapped in stored.value.data_keys() {
            let asked = Some(wrapped.key_arn.as_str()).filter(|arn| !arn.is_empty());
            let key = match self.kms.through_secrets(cx, Operation::Decrypt, &owner, asked, &purpose).await {
                Ok(key) => key,
                Err(refused) => {
                    first.get_or_insert(refused);
                    continue;
                }
            };
            let message_key = match self.data_keys.get(&wrapped.sealed, cx.now) {
                Some(kept) => kept,
                None => {
                    let data_key = self.kms.unwrapped_under(&key, &purpose, &wrapped.sealed);
                    let data_key = data_key.map_err(refusals::key_for_reading)?;
                    let made = Arc::new(stored.value.message_key(&data_key)?);
                    self.data_keys.keep(&wrapped.sealed, &made, cx.now);
                    made
                }
            };
            return stored.value.open(&message_key, secret, version_id).map(Some);
        }
        Err(first.map_or_else(refusals::decryption_failed, refusals::key_for_reading))
    }

    /// Encrypts the data keys of the versions with AWS's labels under the secret's new key as well, where the caller may
    /// decrypt and encrypt. Copies under the old key are kept.
    ///
    /// # Errors
    /// Faults of store and root.
    pub(super) async fn re_encrypt(&self, cx: &Ctx, batch: &mut Batch, secret: &mut Secret) -> Result<(), Error> {
        let mut ids: Vec<String> =
            [CURRENT, PENDING, PREVIOUS].iter().filter_map(|stage| secret.stages.get(stage).cloned()).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            if self.re_encrypt_one(cx, batch, secret, &id).await? {
                let shown = shown_key(secret);
                if let Some(version) = secret.versions.get_mut(&id) {
                    note_key(&mut version.kms_key_ids, shown);
                }
            }
        }
        Ok(())
    }

    async fn re_encrypt_one(
        &self,
        cx: &Ctx,
        batch: &mut Batch,
        secret: &Secret,
        version_id: &str,
    ) -> Result<bool, Error> {
        let Some(stored) = self.documents.load::<StoredValue>(value_key(secret, version_id)).await? else {
            return Ok(false);
        };
        let (owner, purpose) = (owner(secret)?, purpose(secret, version_id));
        let Some(wrapped) = stored.value.data_keys().first() else { return Ok(false) };
        let old = Some(wrapped.key_arn.as_str()).filter(|arn| !arn.is_empty());
        let old = self.kms.through_secrets(cx, Operation::Decrypt, &owner, old, &purpose).await;
        let Some(old) = granted(old)? else { return Ok(false) };
        let asked = secret.kms_key_id.as_deref();
        let new = self.kms.through_secrets(cx, Operation::Encrypt, &owner, asked, &purpose).await;
        let Some(new) = granted(new)? else { return Ok(false) };
        if old.arn() == new.arn() {
            return Ok(false);
        }
        let data_key = self.kms.unwrapped_under(&old, &purpose, &wrapped.sealed).map_err(refusals::key_for_reading)?;
        let wrapped = self.kms.wrapped_under(&new, &purpose, &data_key)?;
        self.documents.put(batch, Some(&stored), &Arc::new(stored.value.also_under(wrapped)))?;
        Ok(true)
    }

    /// Opens a version's value under each of its keys and lets it go again. Keys that are gone are passed over.
    pub(crate) async fn verify_value(
        documents: &Documents,
        kms: &Kms,
        secret: &Secret,
        version_id: &str,
    ) -> Result<(), &'static str> {
        let stored = match documents.load::<StoredValue>(value_key(secret, version_id)).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Err("the value is missing"),
            Err(_) => return Err("the value's document cannot be opened"),
        };
        let purpose = purpose(secret, version_id);
        for wrapped in stored.value.data_keys() {
            let data_key = kms.unwrapped_for_check(&secret.account, &secret.region, wrapped, &purpose).await;
            let Some(data_key) = data_key.map_err(|_| "the value's data key cannot be opened")? else { continue };
            let opened =
                stored.value.message_key(&data_key).and_then(|key| stored.value.open(&key, secret, version_id));
            opened.map(drop).map_err(|_| "the value cannot be opened")?;
        }
        Ok(())
    }
}

impl Secrets {
    /// A version's value for the service itself, which keeps it from being shown. Nothing when there is none, or it cannot
    /// be opened under any of its keys.
    ///
    /// # Errors
    /// Faults of the store.
    pub(crate) async fn opened(
        documents: &Documents,
        kms: &Kms,
        secret: &Secret,
        version_id: &str,
    ) -> Result<Option<SecretValue>, Error> {
        let Some(stored) = documents.load::<StoredValue>(value_key(secret, version_id)).await? else { return Ok(None) };
        let purpose = purpose(secret, version_id);
        for wrapped in stored.value.data_keys() {
            let data_key = kms.unwrapped_for_check(&secret.account, &secret.region, wrapped, &purpose).await;
            let Ok(Some(data_key)) = data_key else { continue };
            let key = stored.value.message_key(&data_key);
            if let Ok(value) = key.and_then(|key| stored.value.open(&key, secret, version_id)) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// Adds the name of a value's newest key, and forgets the oldest as the value does.
fn note_key(key_ids: &mut Vec<String>, newest: String) {
    key_ids.retain(|known| *known != newest);
    key_ids.push(newest);
    let too_many = key_ids.len().saturating_sub(DATA_KEYS_MAX);
    drop(key_ids.drain(..too_many));
}

/// What the caller has leave for; nothing when it was refused.
fn granted(usable: Result<Usable, Error>) -> Result<Option<Usable>, Error> {
    match usable {
        Ok(usable) => Ok(Some(usable)),
        Err(Error::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn owner(secret: &Secret) -> Result<AccountId, Error> {
    AccountId::parse(&secret.account).map_err(|error| Error::internal(error.to_string()))
}

/// Refuses other accounts the values under the default key, which is the owner's alone.
pub(super) fn key_reaches(cx: &Ctx, secret: &Secret) -> Result<(), Error> {
    let is_owner = secret.account == cx.caller.account.as_str();
    if is_owner || secret.kms_key_id.is_some() { Ok(()) } else { Err(refusals::default_key_abroad()) }
}

/// The name of the key that new versions are encrypted under, as ListSecretVersionIds shows it.
pub(super) fn shown_key(secret: &Secret) -> String {
    secret.kms_key_id.clone().unwrap_or_else(|| DEFAULT_KEY_SHOWN.to_owned())
}
