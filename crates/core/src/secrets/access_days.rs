//! Remembers on which day each version was last read, until a background job writes it down.
//!
//! AWS shows LastAccessedDate by day, so a secret that is read a thousand times a second is written once a day. What
//! was not yet written is lost when the process is killed; the next read brings it back.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use strongroom_types::Timestamp;

use super::model::Secret;
use crate::documents::Document;

/// Versions remembered at most between two runs of the job; reads beyond that are not remembered.
const PENDING_MAX: usize = 100_000;

/// Reads of versions that are not yet written into their secrets.
#[derive(Debug, Default)]
pub struct AccessDays {
    /// Secret's key to version id to the day of the last read.
    pending: Mutex<Pending>,
}

/// Days by version id.
pub type Days = HashMap<String, Timestamp>;
/// Days by version id by secret's key.
pub type Pending = HashMap<String, Days>;

impl AccessDays {
    /// Notes a read. Costs nothing but a comparison when the day is already written down.
    pub fn note(&self, secret: &Secret, version_id: &str, now: Timestamp) {
        let today = now.start_of_day();
        let written = |ms: Option<i64>| ms.is_some_and(|ms| ms >= today.millis());
        let version = secret.versions.get(version_id);
        if version.is_some_and(|version| version.noted.covers(today)) {
            return;
        }
        if written(secret.accessed_ms) && version.is_none_or(|version| written(version.accessed_ms)) {
            return;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let key = secret.key();
        if let Some(versions) = pending.get_mut(&key) {
            if versions.get(version_id).is_none_or(|day| *day < today) {
                versions.insert(version_id.to_owned(), today);
            }
        } else if pending.len() < PENDING_MAX {
            pending.insert(key, HashMap::from([(version_id.to_owned(), today)]));
        } else {
            return;
        }
        if let Some(version) = version {
            version.noted.remember(today);
        }
    }

    /// Takes what is to be written.
    pub fn take(&self) -> Pending {
        std::mem::take(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes again what was taken and could not be written. What was noted since then is not older.
    pub fn put_back<K: AsRef<str>>(&self, unwritten: impl IntoIterator<Item = (K, Days)>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, days) in unwritten {
            let noted = pending.entry(key.as_ref().to_owned()).or_default();
            for (version_id, day) in days {
                noted.entry(version_id).or_insert(day);
            }
        }
    }

    /// The secret with what is not yet written, for those who look at it.
    #[must_use]
    pub fn overlay(&self, secret: &Secret) -> Option<Secret> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let days = pending.get(&secret.key())?;
        let mut shown = secret.clone();
        apply(&mut shown, days);
        Some(shown)
    }
}

/// Writes days into a secret. Returns whether anything became later.
pub fn apply(secret: &mut Secret, days: &Days) -> bool {
    let mut changed = false;
    let mut later = |stored: &mut Option<i64>, day: Timestamp| {
        if stored.is_none_or(|ms| ms < day.millis()) {
            *stored = Some(day.millis());
            changed = true;
        }
    };
    for (version_id, day) in days {
        later(&mut secret.accessed_ms, *day);
        if let Some(version) = secret.versions.get_mut(version_id) {
            later(&mut version.accessed_ms, *day);
        }
    }
    changed
}
