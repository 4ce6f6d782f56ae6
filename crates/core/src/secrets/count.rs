//! How many secrets an account has in a region: counted over the index, and kept up from there while the server creates.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use strongroom_store::Range;
use strongroom_types::{AccountId, Region, Timestamp};

use super::model::{BY_CREATED, place};
use super::{Secrets, refusals};
use crate::error::Error;

/// Entries of the index that are read at once.
const STRETCH: usize = 1000;
/// How long a count is good, in ms: other servers create and delete too.
const GOOD_MS: i64 = 3_600_000;
/// How long an account that has reached its quota is refused without counting anew, in ms.
const REFUSED_MS: i64 = 10_000;

/// What was counted, by account and region.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<HashMap<String, Counted>>);

#[derive(Clone, Copy, Debug)]
struct Counted {
    secrets: u64,
    at: Timestamp,
}

impl Counted {
    fn is_younger_than(&self, ms: i64, now: Timestamp) -> bool {
        (0..ms).contains(&now.millis_since(self.at))
    }
}

impl Secrets {
    /// The number of secrets of an account in a region, those that are scheduled for deletion included. Walks an index:
    /// about a microsecond a secret.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn count(&self, account: &AccountId, region: &Region) -> Result<u64, Error> {
        let prefix = place(account.as_str(), region.as_str());
        let (mut secrets, mut after) = (0, None);
        loop {
            let range = Range { index: BY_CREATED, prefix: prefix.clone(), after, descending: false, limit: STRETCH };
            let entries = self.documents.range(&range).await?;
            secrets += entries.len() as u64;
            if entries.len() < STRETCH {
                return Ok(secrets);
            }
            after = entries.last().cloned();
        }
    }

    /// Refuses a new secret when the account has as many as it may. Creations that fail later count until the next count,
    /// and those of other servers only from then.
    ///
    /// # Errors
    /// LimitExceeded; faults of the store.
    pub(super) async fn take_place(&self, account: &AccountId, region: &Region, now: Timestamp) -> Result<(), Error> {
        let most = self.quotas.secrets_max;
        if most == 0 {
            return Ok(());
        }
        let key = place(account.as_str(), region.as_str());
        let known = self.counts.with(|counts| counts.get(&key).copied());
        let good = known.filter(|known| {
            let good_ms = if known.secrets >= most { REFUSED_MS } else { GOOD_MS };
            known.is_younger_than(good_ms, now)
        });
        let counted = match good {
            Some(counted) => counted,
            None => Counted { secrets: self.count(account, region).await?, at: now },
        };
        let has_place = self.counts.with(|counts| {
            let entry = counts.entry(key).or_insert(counted);
            // Whoever counted meanwhile knows as much.
            if good.is_none() {
                *entry = counted;
            }
            let has_place = entry.secrets < most;
            entry.secrets += u64::from(has_place);
            has_place
        });
        if has_place { Ok(()) } else { Err(refusals::too_many_secrets(most)) }
    }
}

impl Counts {
    fn with<T>(&self, look: impl FnOnce(&mut HashMap<String, Counted>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
