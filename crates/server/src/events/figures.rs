//! Figures of the deliveries of events.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use strongroom_core::events::work::Settled;

/// Attempts by what became of them, since the start.
#[derive(Debug)]
pub(crate) struct EventFigures {
    deliveries: Family<Vec<(&'static str, &'static str)>, Counter>,
}

const fn name(settled: Settled) -> &'static str {
    match settled {
        Settled::Delivered => "delivered",
        Settled::Failed => "failed",
        Settled::GivenUp => "given_up",
    }
}

impl Default for EventFigures {
    /// All of them at nought, so that the first of a kind is an increase.
    fn default() -> Self {
        let figures = Self { deliveries: Family::default() };
        for settled in [Settled::Delivered, Settled::Failed, Settled::GivenUp] {
            drop(figures.of(settled));
        }
        figures
    }
}

impl EventFigures {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("event");
        let told = "Attempts to deliver an event to a rule's target, by outcome; what is given up is a dead letter";
        registry.register("deliveries", told, self.deliveries.clone());
    }

    /// Counts an attempt.
    pub(super) fn count(&self, settled: Settled) {
        self.of(settled).inc();
    }

    fn of(&self, settled: Settled) -> Counter {
        self.deliveries.get_or_create_owned(&vec![("outcome", name(settled))])
    }
}
