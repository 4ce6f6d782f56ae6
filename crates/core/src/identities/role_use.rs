//! When and where each role was last used: noted in memory with every request of a role's session, and written down by a
//! background job, so that a request costs no write.
//!
//! A kill may lose what was not yet written; the next request of a session brings it back.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Kind};
use strongroom_types::{Region, SecretBytes, Timestamp};

use super::Identities;
use super::account::Account;
use super::entity::key_of_id;
use super::role::Role;
use super::service_uses::ServiceUses;
use crate::caller::{Caller, Principal};
use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of last uses. Apart from the role, so that a use makes no signer anew.
pub const ROLE_USE: Kind = Kind("iam-role-use");
/// A role that was noted less than this long ago is not noted again, in ms.
const PRECISION_MS: i64 = 60_000;
/// Roles noted at most between two runs of the job; uses beyond that are not noted.
const PENDING_MAX: usize = 100_000;

/// The last use of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleUse {
    /// The account.
    pub account: String,
    /// The role's unique id.
    pub role: String,
    /// When a session of it last made a request.
    pub used_ms: i64,
    /// The region of that request.
    pub region: String,
    /// The last use of each service, of which earlier releases kept nothing.
    #[serde(default, skip_serializing_if = "ServiceUses::is_empty")]
    pub services: ServiceUses,
}

impl RoleUse {
    /// The later of two uses, with what both know of services.
    fn merged(mut self, other: &Self) -> Self {
        self.services.merge(&other.services);
        if other.used_ms > self.used_ms {
            (self.used_ms, self.region) = (other.used_ms, other.region.clone());
        }
        self
    }

    /// Whether noting a use of a service again would tell nothing new.
    fn covers(&self, service: &str, region: &str, now: Timestamp) -> bool {
        let recent = |used_ms: i64| now.millis() < used_ms + PRECISION_MS;
        let of_service = self.services.get(service).is_some_and(|used| recent(used.used_ms) && used.region == region);
        recent(self.used_ms) && self.region == region && of_service
    }
}

impl Document for RoleUse {
    const KIND: Kind = ROLE_USE;

    fn key(&self) -> String {
        key_of_id(&self.account, &self.role)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ROLE_USE, body)
    }
}

/// Uses by the keys of their documents.
#[derive(Debug, Default)]
pub(super) struct RoleUses(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// What was noted since the start, whether it is written or not: what is shown.
    newest: HashMap<String, RoleUse>,
    /// What is still to be written.
    unwritten: HashSet<String>,
}

impl RoleUses {
    fn note(&self, account: &str, role: &str, service: &str, region: &str, now: Timestamp) {
        let key = key_of_id(account, role);
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = noted.newest.get(&key);
        if earlier.is_some_and(|earlier| earlier.covers(service, region, now)) {
            return;
        }
        if earlier.is_none() && noted.newest.len() >= PENDING_MAX {
            return;
        }
        let used = RoleUse {
            account: account.to_owned(),
            role: role.to_owned(),
            used_ms: now.millis(),
            region: region.to_owned(),
            services: ServiceUses::of(service, now.millis(), region),
        };
        let used = earlier.cloned().map_or(used.clone(), |earlier| earlier.merged(&used));
        noted.unwritten.insert(key.clone());
        noted.newest.insert(key, used);
    }

    fn get(&self, key: &str) -> Option<RoleUse> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).newest.get(key).cloned()
    }

    /// Takes what is to be written. What was written before that is forgotten: the store has it.
    fn take(&self) -> Vec<RoleUse> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Noted { newest, unwritten } = &mut *noted;
        newest.retain(|key, _| unwritten.contains(key));
        unwritten.clear();
        newest.values().cloned().collect()
    }

    /// Marks a use that was taken as not written after all.
    fn put_back(&self, taken: &RoleUse) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.unwritten.insert(taken.key());
        noted.newest.entry(taken.key()).or_insert_with(|| taken.clone());
    }
}

impl Identities {
    /// Notes that a caller asked the service of a signing name: if it is the session of a role, the role was used.
    pub fn note_role_use(&self, caller: &Caller, service: &str, region: &Region, now: Timestamp) {
        if let Principal::RoleSession { role_id, .. } = &caller.principal {
            self.role_uses.note(caller.account.as_str(), role_id, service, region.as_str(), now);
        }
    }

    /// The last use of a role, written or not.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn role_use(&self, role: &Role) -> Result<Option<RoleUse>, Error> {
        let stored = self.stored_role_use(role).await?.map(|stored| RoleUse::clone(&stored.value));
        Ok(match (stored, self.role_uses.get(&key_of_id(&role.account, &role.id))) {
            (Some(stored), Some(noted)) => Some(stored.merged(&noted)),
            (stored, noted) => noted.or(stored),
        })
    }

    /// The last use that is written, for those who delete the role.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn stored_role_use(&self, role: &Role) -> Result<Option<Loaded<RoleUse>>, Error> {
        self.documents.load::<RoleUse>(key_of_id(&role.account, &role.id)).await
    }

    /// Writes down the uses that were noted. Roles that are gone have none.
    ///
    /// # Errors
    /// Faults of the store; what was not written is noted again.
    pub async fn flush_role_uses(&self) -> Result<usize, Error> {
        let mut written = 0;
        let mut failed = None;
        for noted in self.role_uses.take() {
            match self.write_role_use(&noted).await {
                Ok(()) => written += 1,
                Err(error) => {
                    self.role_uses.put_back(&noted);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(written), Err)
    }

    async fn write_role_use(&self, noted: &RoleUse) -> Result<(), Error> {
        // Nobody deletes the role meanwhile.
        let _turn = self.documents.writer::<Account>(&noted.account).await?;
        if self.with_id::<Role>(&noted.account, &noted.role).await?.is_none() {
            return Ok(());
        }
        let before = self.documents.load::<RoleUse>(noted.key()).await?;
        let after = match &before {
            Some(before) => RoleUse::clone(&before.value).merged(noted),
            None => noted.clone(),
        };
        if before.as_ref().is_some_and(|before| *before.value == after) {
            return Ok(());
        }
        let mut batch = Batch::named("write_role_use");
        self.documents.put(&mut batch, before.as_ref(), &std::sync::Arc::new(after))?;
        match self.documents.commit(batch).await {
            // Another node wrote a use of the same moment.
            Err(Error::Conflict) => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_written_once_and_shown_until_the_next_writing() {
        let uses = RoleUses::default();
        let at = Timestamp::from_seconds;
        uses.note("1", "AROA1", "iam", "eu-west-1", at(100));
        uses.note("1", "AROA1", "iam", "eu-west-1", at(130));
        assert_eq!(uses.get("1:AROA1").map(|noted| noted.used_ms), Some(100_000), "within a minute");
        uses.note("1", "AROA1", "sts", "us-east-1", at(131));
        let taken = uses.take();
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].used_ms, taken[0].region.as_str()), (131_000, "us-east-1"));
        assert_eq!(taken[0].services.get("iam").map(|used| used.used_ms), Some(100_000), "each service by itself");
        uses.put_back(&taken[0]);
        assert_eq!(uses.take(), taken, "what was not written is written the next time");
        assert!(uses.get("1:AROA1").is_some());
        assert_eq!(uses.take(), [], "written");
        assert!(uses.get("1:AROA1").is_none(), "the store has it");
    }
}
