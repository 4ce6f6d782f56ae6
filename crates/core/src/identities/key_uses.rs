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
use super::service_uses::ServiceUses;
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
    /// The last use for each service, of which earlier releases kept nothing.
    #[serde(default, skip_serializing_if = "ServiceUses::is_empty")]
    services: ServiceUses,
}

impl KeyUse {
    /// A use.
    #[must_use]
    pub fn new(account: &str, key_id: &str, used_ms: i64, service: &str, region: &str) -> Self {
        Self {
            account: account.to_owned(),
            key_id: key_id.to_owned(),
            used_ms,
            service: service.to_owned(),
            region: region.to_owned(),
            services: ServiceUses::of(service, used_ms, region),
        }
    }

    /// The last use for each service.
    #[must_use]
    pub fn services(&self) -> ServiceUses {
        let mut services = self.services.clone();
        services.merge(&ServiceUses::of(&self.service, self.used_ms, &self.region));
        services
    }

    /// The later of two uses, with what both know of services.
    fn merged(self, other: &Self) -> Self {
        let mut services = self.services();
        services.merge(&other.services());
        let later = if other.used_ms > self.used_ms { other.clone() } else { self };
        Self { services, ..later }
    }
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
    /// Notes uses, also those that were taken and could not be written.
    fn note(&self, uses: impl IntoIterator<Item = KeyUse>) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for used in uses {
            match pending.remove(&used.key_id) {
                Some(known) => drop(pending.insert(used.key_id.clone(), known.merged(&used))),
                None if pending.len() < PENDING_MAX => drop(pending.insert(used.key_id.clone(), used)),
                None => {}
            }
        }
    }

    fn of(&self, key_id: &str) -> Option<KeyUse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key_id).cloned()
    }

    fn take(&self) -> Vec<KeyUse> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_values().collect()
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
        let account = signer.caller.account.as_str();
        self.key_uses.note([KeyUse::new(account, &signer.key_id, now.millis(), service, region)]);
    }

    /// The last use of an access key; none when it was never used.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn last_use(&self, account: &str, key_id: &str) -> Result<Option<KeyUse>, Error> {
        let stored = self.stored_use(account, key_id).await?.map(|stored| (*stored.value).clone());
        Ok(match (stored, self.key_uses.of(key_id)) {
            (Some(stored), Some(pending)) => Some(stored.merged(&pending)),
            (stored, pending) => pending.or(stored),
        })
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
                Err(Error::Conflict) => self.key_uses.note([used]),
                Err(error) => {
                    self.key_uses.note(unwritten.into_iter().chain([used]));
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
        let after = match &before {
            Some(before) => KeyUse::clone(&before.value).merged(used),
            None => used.clone(),
        };
        if before.as_ref().is_some_and(|before| *before.value == after) {
            return Ok(false);
        }
        let mut batch = Batch::named("flush_key_uses");
        self.documents.put(&mut batch, before.as_ref(), &std::sync::Arc::new(after))?;
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
        let used = |ms, service| KeyUse::new("1", "AKIA", ms, service, "us-east-1");
        let pending = Pending::default();
        pending.note([used(1, "iam")]);
        let taken = pending.take();
        pending.note([used(2, "sts")]);
        pending.note(taken);
        let noted = pending.of("AKIA").expect("noted");
        assert_eq!((noted.used_ms, noted.service.as_str()), (2, "sts"));
        assert_eq!(noted.services().get("iam").map(|used| used.used_ms), Some(1), "each service by itself");
    }

    #[test]
    fn a_use_that_an_earlier_release_wrote_knows_one_service() {
        let body = br#"{"account":"1","key_id":"AKIA","used_ms":5,"service":"iam","region":"us-east-1"}"#;
        let read = KeyUse::from_body(&SecretBytes::new(body.to_vec())).expect("it reads");
        assert_eq!(read.services(), ServiceUses::of("iam", 5, "us-east-1"));
    }
}
