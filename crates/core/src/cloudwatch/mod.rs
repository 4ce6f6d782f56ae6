//! CloudWatch: metrics of calls and resources, points that clients put, alarms on them.

mod actions;
mod alarm;
mod alarms;
mod chunk;
mod conditions;
mod counters;
mod data;
mod decide;
mod definition;
mod history;
mod keeping;
mod label;
mod metric;
mod put;
mod reads;
mod refusals;
mod set;
mod statistics;
mod tagging;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use strongroom_types::{AccountId, Region, Timestamp};
use strongroom_wire::ops::AnyOperation;
use tracing::warn;

use crate::documents::Documents;
use crate::error::Error;

pub use actions::{Actions, Fired, Topics};
pub use alarm::{ALARM_KIND, Alarm, AlarmRef};
pub use chunk::{Chunk, Names};
pub use counters::Counters;
pub use history::History;
pub use keeping::{Keeper, Points, SERIES_MAX, Wanted};
pub use metric::{CALL_COUNT, Metric, RESOURCE_COUNT, SECRETS_MANAGER, Series, USAGE};
pub use set::Set;
pub use work::{Due, Work};

/// The unit of counts of calls and resources.
const NO_UNIT: &str = "None";

/// CloudWatch of one region.
pub struct CloudWatch {
    documents: Arc<Documents>,
    region: Region,
    keeper: Keeper,
    counters: Counters,
    topics: Topics,
    /// The stretch that was written last, by its beginning in ms since 1970.
    written: AtomicI64,
    /// The same, of those whose writing has ended well.
    flushed: AtomicI64,
}

impl CloudWatch {
    /// CloudWatch on the server called `node`, with a point of each series for each `resolution_ms`. Alarms may name the
    /// topics of `topics` beside functions.
    #[must_use]
    pub fn new(documents: Arc<Documents>, region: Region, node: &str, resolution_ms: i64, topics: Topics) -> Self {
        let keeper = Keeper::new(Arc::clone(&documents), region.clone(), node, resolution_ms);
        let (written, flushed) = (AtomicI64::new(0), AtomicI64::new(0));
        Self { documents, region, keeper, counters: Counters::default(), topics, written, flushed }
    }

    /// Counts a call of an account.
    pub fn note(&self, account: &AccountId, operation: AnyOperation) {
        self.counters.note(account, operation);
    }

    /// Who keeps the points.
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Writes what was counted, if a stretch has ended since it was last written.
    ///
    /// # Errors
    /// Faults of the store; what could not be written is written the next time.
    pub async fn flush_due(&self, now: Timestamp) -> Result<(), Error> {
        let slot = self.keeper.slot(now);
        if self.written.swap(slot, Ordering::Relaxed) == slot {
            return Ok(());
        }
        self.flush(Timestamp::from_millis(slot - 1), now).await?;
        self.flushed.fetch_max(slot, Ordering::Relaxed);
        Ok(())
    }

    /// The beginning of the stretch in which all that was there before it was last written, in ms since 1970.
    #[must_use]
    pub fn flushed_ms(&self) -> i64 {
        self.flushed.load(Ordering::Relaxed)
    }

    /// Writes what was counted, as of the instant `of`.
    ///
    /// # Errors
    /// As [`CloudWatch::flush_due`].
    pub async fn flush(&self, of: Timestamp, now: Timestamp) -> Result<(), Error> {
        for (account, operation, calls) in self.counters.take() {
            let service = named(operation.service().id);
            let metric = Metric::of_service(USAGE, CALL_COUNT, service, "API", operation.name());
            let series = Series { metric, unit: Some(NO_UNIT.to_owned()) };
            #[expect(clippy::cast_precision_loss, reason = "nobody calls 2^53 times in a minute")]
            self.keeper.add(&account, series, of, Set::of(1.0, calls as f64));
        }
        match (self.counters.take_uncounted(), self.keeper.take_dropped()) {
            (0, 0) => {}
            (calls, points) => warn!(calls, points, "of too many accounts or metrics, some are not counted"),
        }
        self.keeper.flush(now).await
    }
}

/// The name of a service in the dimensions of usage metrics, which differs from that in models for one.
fn named(id: &'static str) -> &'static str {
    if id == "CloudWatch Logs" { "Logs" } else { id }
}
