//! Figures of connections.

use std::sync::atomic::{AtomicU64, Ordering};

use super::family::Families;

/// Figures of connections.
#[derive(Debug, Default)]
pub struct ConnectionFigures {
    opened: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
    evicted: AtomicU64,
}

impl ConnectionFigures {
    /// A connection got a place.
    pub(crate) fn opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection gave its place back.
    pub(crate) fn closed(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was refused, as its address has all that it may have.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// An idle connection was asked to make room.
    pub(crate) fn evicted(&self) {
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }

    #[expect(clippy::cast_precision_loss, reason = "figures are told as floating-point numbers")]
    pub(super) fn tell(&self, families: &mut Families) {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let closed = count(&self.closed);
        let opened = count(&self.opened);
        families.counter("connections", None, "Connections that were served", opened as f64);
        families.gauge("connections_open", None, "Connections that are open", opened.saturating_sub(closed) as f64);
        let told = "Connections that were refused, as their address had all that it may have";
        families.counter("connections_refused", None, told, count(&self.refused) as f64);
        let told = "Times that an idle connection was asked to make room for a new one";
        families.counter("connections_evicted", None, told, count(&self.evicted) as f64);
    }
}
