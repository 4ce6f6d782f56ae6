//! What the last look at all rows of the store found.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use strongroom_types::Timestamp;

use super::family::Families;
use super::sample::seconds;
use prometheus_client::registry::Unit;

/// What looks at all rows found.
#[derive(Debug, Default)]
pub(crate) struct InspectionFigures {
    last_ms: AtomicI64,
    faults: AtomicU64,
    failures: AtomicU64,
}

impl InspectionFigures {
    /// A look ended, with so many faults; or it failed.
    pub(crate) fn done(&self, now: Timestamp, faults: Option<usize>) {
        match faults {
            Some(faults) => {
                self.faults.store(u64::try_from(faults).unwrap_or(u64::MAX), Ordering::Relaxed);
                self.last_ms.store(now.millis(), Ordering::Relaxed);
            }
            None => drop(self.failures.fetch_add(1, Ordering::Relaxed)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures are told as floating-point numbers")]
    pub(super) fn tell(&self, families: &mut Families) {
        let told = "When all rows were last looked at against the ledger; 0 for not since the start";
        let last = seconds(self.last_ms.load(Ordering::Relaxed));
        families.gauge("inspection_last_timestamp", Some(Unit::Seconds), told, last);
        let told = "Rows that the last look found changed behind the server's back";
        families.gauge("inspection_faults", None, told, self.faults.load(Ordering::Relaxed) as f64);
        let told = "Looks at all rows that failed";
        families.counter("inspection_failures", None, told, self.failures.load(Ordering::Relaxed) as f64);
    }
}
