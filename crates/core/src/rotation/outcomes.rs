//! What came of this process's work on rotations, in numbers, and how much is due.

use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_store::Range;

use super::Rotations;
use crate::error::Error;
use crate::secrets::model::instant_term;
use crate::secrets::rotation::job::{BY_DUE, Job, due_prefix};

/// Jobs that are counted one by one, at most.
const COUNTED_MAX: usize = 1000;

/// What happened to a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It began.
    Started,
    /// It was completed.
    Succeeded,
    /// A step failed. It is tried again in its window.
    Failed,
    /// A window passed in which nothing could be begun, or an earlier rotation stood in the way.
    Missed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Started, Self::Succeeded, Self::Failed, Self::Missed];

    /// Its name in figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Missed => "missed",
        }
    }
}

/// Counts of what happened.
#[derive(Debug, Default)]
pub struct Outcomes([AtomicU64; Outcome::ALL.len()]);

impl Outcomes {
    pub(super) fn add(&self, outcome: Outcome) {
        if let Some(count) = self.0.get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it happened since the process began.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.0.get(outcome as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// Jobs that are due and that nobody works on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// How many; no more than a thousand are counted.
    pub jobs: usize,
    /// For how long the oldest has been due, in ms.
    pub oldest_ms: i64,
}

impl Rotations {
    /// What came of this process's work.
    #[must_use]
    pub fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// What is due now. Reads one stretch of an index, however many secrets there are.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn due(&self) -> Result<Due, Error> {
        let now = self.clock.now();
        let prefix = due_prefix(self.region.as_str());
        let end = prefix.clone() + &instant_term(now.millis());
        let range = Range { index: BY_DUE, prefix, after: None, descending: false, limit: COUNTED_MAX };
        let mut entries = self.documents.range(&range).await?;
        entries.retain(|entry| entry.value <= end);
        let Some(first) = entries.first() else { return Ok(Due::default()) };
        let oldest = self.documents.load::<Job>(std::sync::Arc::clone(&first.key)).await?;
        let since_ms = oldest.and_then(|job| job.value.due_ms);
        let oldest_ms = since_ms.map_or(0, |since_ms| now.millis().saturating_sub(since_ms).max(0));
        Ok(Due { jobs: entries.len(), oldest_ms })
    }
}
