//! Figures of the trail's sinks, each by the sink's name.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

type Name = Vec<(&'static str, String)>;
type Whole = Family<Name, Gauge>;
type Counted = Family<Name, Counter>;
type Seconds = Family<Name, Gauge<f64, AtomicU64>>;

/// Figures of sinks. Those that only grow are counted since the start.
#[derive(Debug, Default)]
pub(crate) struct SinkFigures {
    pub(super) lag_bytes: Whole,
    pub(super) lag_seconds: Seconds,
    pub(super) last_success: Seconds,
    pub(super) failures: Counted,
    pub(super) delivered: Counted,
    pub(super) refused: Counted,
    pub(super) shortened: Counted,
    pub(super) full: Whole,
    pub(super) gaps: Counter,
}

/// The label of a sink.
pub(super) fn name(sink: &str) -> Name {
    vec![("sink", sink.to_owned())]
}

/// Brings a counter up to what was counted elsewhere.
pub(super) fn up_to(counter: &Counter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

impl SinkFigures {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("sink");
        let told = "Records that a sink has not got";
        registry.register_with_unit("lag", told, Unit::Bytes, self.lag_bytes.clone());
        let told = "Age of the oldest record that a sink has not got";
        registry.register_with_unit("lag", told, Unit::Seconds, self.lag_seconds.clone());
        let told = "When records were delivered last, or there were none to deliver";
        registry.register_with_unit("last_success_timestamp", told, Unit::Seconds, self.last_success.clone());
        registry.register("failures", "Attempts to deliver records that failed", self.failures.clone());
        registry.register("delivered", "Records that were delivered", self.delivered.clone());
        registry.register("refused", "Records that the far side refused for good", self.refused.clone());
        registry.register("shortened", "Records that were too long for a sink", self.shortened.clone());
        registry.register("full", "Whether a sink is further behind than it may be", self.full.clone());
        registry.register("gaps", "Times that segments were gone before a sink had them", self.gaps.clone());
    }
}
