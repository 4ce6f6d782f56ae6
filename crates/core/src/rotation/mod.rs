//! The engine of rotation: takes jobs that are due under leases, has their steps carried out, and writes down
//! what came of it (specification §5).

mod decide;
mod redact;
mod work;

use std::sync::Arc;

use strongroom_store::{Batch, Range};
use strongroom_types::{Clock, Region, Timestamp};

use crate::documents::Documents;
use crate::error::Error;
use crate::kms::Kms;
use crate::secrets::Quotas;
use crate::secrets::model::instant_term;
use crate::secrets::rotation::job::{BY_DUE, Job, Lease, due_prefix};
use crate::secrets::rotation::rotator::Rotator;

/// How long a job is its taker's, in ms, unless that renews it.
pub const LEASE_MS: i64 = 15_000;
/// Entries of the index of due jobs that are read at once.
const STRETCH: usize = 100;

/// A job that was taken: who has it works on it alone until the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    key: Arc<str>,
    fence: u64,
}

/// The engine.
pub struct Rotations {
    documents: Arc<Documents>,
    kms: Arc<Kms>,
    rotator: Arc<dyn Rotator>,
    clock: Arc<dyn Clock>,
    region: Region,
    quotas: Quotas,
}

impl Rotations {
    /// The engine for the secrets of `region`.
    #[must_use]
    pub fn new(
        documents: Arc<Documents>,
        kms: Arc<Kms>,
        rotator: Arc<dyn Rotator>,
        clock: Arc<dyn Clock>,
        region: Region,
    ) -> Self {
        Self { documents, kms, rotator, clock, region, quotas: Quotas::default() }
    }

    /// With other quotas than AWS's.
    #[must_use]
    pub fn with_quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// Takes jobs that are due, the one that waits longest first, at most `max`. What it costs does not depend on how many
    /// secrets there are: the index is in the order of instants.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn take_due(&self, max: usize) -> Result<Vec<Taken>, Error> {
        let now = self.clock.now();
        let prefix = due_prefix(self.region.as_str());
        let end = prefix.clone() + &instant_term(now.millis());
        let (mut taken, mut after) = (Vec::new(), None);
        while taken.len() < max {
            let range = Range { index: BY_DUE, prefix: prefix.clone(), after, descending: false, limit: STRETCH };
            let entries = self.documents.range(&range).await?;
            let whole = entries.len() == STRETCH;
            after = entries.last().cloned();
            for entry in entries {
                if entry.value > end || taken.len() == max {
                    return Ok(taken);
                }
                taken.extend(self.take(&entry.key, now).await?);
            }
            if !whole {
                break;
            }
        }
        Ok(taken)
    }

    /// Takes a job if it is due and nobody has it.
    async fn take(&self, key: &Arc<str>, now: Timestamp) -> Result<Option<Taken>, Error> {
        let Some(job) = self.documents.load::<Job>(Arc::clone(key)).await? else { return Ok(None) };
        let is_due = job.value.due_ms.is_some_and(|due_ms| due_ms <= now.millis());
        // The index is not sealed: the document has to say itself that it is due, here.
        if !is_due || job.value.is_taken(now) || job.value.region != self.region.as_str() {
            return Ok(None);
        }
        let mut mine = Job::clone(&job.value);
        mine.fence += 1;
        let taken = Taken { key: Arc::clone(key), fence: mine.fence };
        hold(&mut mine, taken.fence, now);
        let mut batch = Batch::named("take_rotation");
        self.documents.put(&mut batch, Some(&job), &Arc::new(mine))?;
        match self.documents.commit(batch).await {
            Ok(()) => Ok(Some(taken)),
            // Somebody was faster, or changed it: the next look sees what is left.
            Err(Error::Conflict) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Gives a taken job back as it is, to be taken again at once: at an orderly stop.
    ///
    /// # Errors
    /// Faults of the store; the lease ends by itself then.
    pub async fn give_back(&self, taken: &Taken) -> Result<(), Error> {
        let now = self.clock.now();
        self.change_job("give_rotation_back", taken, |job| {
            job.lease = None;
            job.due_ms = Some(now.millis());
        })
        .await
        .map(drop)
    }
}

/// Writes a lease into a job. It is due when the lease ends: should its taker die, somebody else finds it then.
fn hold(job: &mut Job, fence: u64, now: Timestamp) {
    let until_ms = now.plus_millis(LEASE_MS).millis();
    job.lease = Some(Lease { fence, until_ms });
    job.due_ms = Some(until_ms);
}

#[cfg(test)]
mod tests;
