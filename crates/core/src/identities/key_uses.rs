//! When, for which service and in which region long-term access keys were last used: noted in memory by the minute,
//! and written by a background job. A kill may lose the notes of the last minute.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Kind};
use strongroom_types::{SecretBytes, Timestamp};

use super::Identities;
use super::account::Account;
use super::entity::key_of_id;
use super::signers::Signer;
use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of last uses. None that signers are made of: writing one leaves them as they are.
const KEY_USE: Kind = Kind("access-key-use");
/// Keys remembered at most between two runs of the job; uses of further ones are not remembered.
const PENDING_MAX: usize = 100_000;
/// How exactly the time of last use is kept, in ms.
const GRAIN_MS: i64 = 60_000;

/// The last use of an access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// The account.
    pub account: String,
    /// The access key id.
    pub key_id: String,
    /// When; exact to the minute.
    pub used_ms: i64,
    /// The service's signing name.
    pub service: String,
    /// The region that was signed for.
    pub region: String,
}

impl Document for KeyUse {
    const KIND: Kind = KEY_USE;

    fn key(&self) -> String {
        key_of_id(&self.account, &self.key_id)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(KEY_USE, body)
    }
}

/// The use of a signer that was noted last: the minute, and the service by its place.
#[derive(Debug, Default)]
pub(super) struct Noted(AtomicI64);

impl Noted {
    /// Whether the same use was noted already; from now on it was.
    fn covers(&self, minute: i64, service_at: i64) -> bool {
        let packed = (minute << 8) | (service_at & 0xff);
        self.0.load(Ordering::Relaxed) == packed || self.0.swap(packed, Ordering::Relaxed) == packed
    }
}

/// Uses that are not written yet, by access key id.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<String, KeyUse>>);

impl Pending {
    fn note(&self, used: KeyUse) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() < PENDING_MAX || pending.contains_key(&used.key_id) {
            pending.insert(used.key_id.clone(), used);
        }
    }

    fn of(&self, key_id: &str) -> Option<KeyUse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key_id).cloned()
    }

    fn take(&self) -> Vec<KeyUse> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_values().collect()
    }

    /// Notes again what was taken and could not be written. What was noted since then is newer.
    fn put_back(&self, unwritten: impl IntoIterator<Item = KeyUse>) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for used in unwritten {
            pending.entry(used.key_id.clone()).or_insert(used);
        }
    }
}

impl Identities {
    /// Notes that a signer's key was used for the service of this signing name, which is the `service_at`-th of all.
    /// Costs a comparison when it was within the same minute; keys of sessions are not noted.
    pub fn note_use(&self, signer: &Signer, now: Timestamp, service: &str, service_at: u8, region: &str) {
        let Some(noted) = &signer.noted else { return };
        if noted.covers(now.millis().div_euclid(GRAIN_MS), i64::from(service_at)) {
            return;
        }
        self.key_uses.note(KeyUse {
            account: signer.caller.account.to_string(),
            key_id: signer.key_id.clone(),
            used_ms: now.millis(),
            service: service.to_owned(),
            region: region.to_owned(),
        });
    }

    /// The last use of an access key; none when it was never used.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn last_use(&self, account: &str, key_id: &str) -> Result<Option<KeyUse>, Error> {
        match self.key_uses.of(key_id) {
            Some(pending) => Ok(Some(pending)),
            None => Ok(self.stored_use(account, key_id).await?.map(|stored| (*stored.value).clone())),
        }
    }

    /// The last use of an access key as far as it is written.
    pub(crate) async fn stored_use(&self, account: &str, key_id: &str) -> Result<Option<Loaded<KeyUse>>, Error> {
        self.documents.load::<KeyUse>(key_of_id(account, key_id)).await
    }

    /// Writes what was noted. Returns how many keys that were.
    ///
    /// # Errors
    /// Faults of the store; what was not written is noted again for the next run.
    pub async fn flush_key_uses(&self) -> Result<usize, Error> {
        let mut unwritten = self.key_uses.take();
        let mut written = 0;
        while let Some(used) = unwritten.pop() {
            match self.write_use(&used).await {
                Ok(done) => written += usize::from(done),
                // Written in the meantime by another; the next run settles it.
                Err(Error::Conflict) => self.key_uses.put_back([used]),
                Err(error) => {
                    self.key_uses.put_back(unwritten.into_iter().chain([used]));
                    return Err(error);
                }
            }
        }
        Ok(written)
    }

    async fn write_use(&self, used: &KeyUse) -> Result<bool, Error> {
        // So that no key is removed meanwhile, with what is known of its use.
        let _writer = self.documents.writer::<Account>(&used.account).await?;
        if self.access_key(&used.key_id).await?.is_none() {
            return Ok(false);
        }
        let before = self.stored_use(&used.account, &used.key_id).await?;
        if before.as_ref().is_some_and(|before| before.value.used_ms >= used.used_ms) {
            return Ok(false);
        }
        let mut batch = Batch::named("flush_key_uses");
        self.documents.put(&mut batch, before.as_ref(), &std::sync::Arc::new(used.clone()))?;
        self.documents.commit(batch).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_a_minute_and_service() {
        let noted = Noted::default();
        assert!(!noted.covers(7, 0));
        assert!(noted.covers(7, 0));
        assert!(!noted.covers(7, 1), "another service");
        assert!(!noted.covers(8, 1), "another minute");
        assert!(noted.covers(8, 1));
    }

    #[test]
    fn what_was_put_back_does_not_take_the_place_of_newer_notes() {
        let used = |ms| KeyUse {
            account: "1".to_owned(),
            key_id: "AKIA".to_owned(),
            used_ms: ms,
            service: "iam".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let pending = Pending::default();
        pending.note(used(1));
        let taken = pending.take();
        pending.note(used(2));
        pending.put_back(taken);
        assert_eq!(pending.of("AKIA"), Some(used(2)));
    }
}
