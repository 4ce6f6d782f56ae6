//! A connection's record: its ends, its phase, and its place among `limits.connections_max`.
//!
//! The record outlives the connection while work that came in on it goes on, and holds the connection's place for so
//! long: clients that send and go cannot pile up work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use strongroom_core::ctx::PrivateEndpoint;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::load::{Held, Load, Share};
use super::phases::{Expiry, Phases, Times};
use super::remains::Remains;
use super::slots::Slot;
use crate::front::TlsDetails;

/// A connection.
pub(crate) struct Line {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) tls: Option<TlsDetails>,
    /// The private endpoint that it came through.
    pub(crate) endpoint: Option<Arc<PrivateEndpoint>>,
    /// When it was accepted.
    opened: Instant,
    phases: Phases,
    /// Works of the endpoint, those left by their clients included.
    works: AtomicU32,
    /// Bytes of bodies and answers that it holds.
    pub(super) share: Share,
    /// What is left of bodies in the HTTP library's buffers.
    pub(crate) remains: Remains,
    /// Whether it was asked to close, and what tells it so.
    asked_to_close: AtomicBool,
    close: Notify,
    _slot: Slot,
}

/// A connection's ends and parameters.
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) tls: Option<TlsDetails>,
    pub(super) endpoint: Option<Arc<PrivateEndpoint>>,
}

/// The end of a connection's present phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Instant,
    pub(super) expiry: Expiry,
}

impl Line {
    /// A connection accepted at `opened`.
    pub(super) fn new(ends: Ends, h2: bool, opened: Instant, times: Times, load: &Arc<Load>, slot: Slot) -> Self {
        Self {
            peer: ends.peer,
            local: ends.local,
            tls: ends.tls,
            endpoint: ends.endpoint,
            opened,
            phases: Phases::new(times, h2),
            works: AtomicU32::new(0),
            share: Share::of(load),
            remains: Remains::default(),
            asked_to_close: AtomicBool::new(false),
            close: Notify::new(),
            _slot: slot,
        }
    }

    /// Bytes have come in.
    pub(super) fn bytes_read(&self) {
        self.phases.bytes_read();
    }

    /// An answer waits for the client to take it.
    pub(crate) fn answer_made(&self) {
        self.phases.answer_made();
    }

    /// The client has taken an answer, or never will.
    pub(crate) fn answer_taken(&self) {
        self.phases.answer_taken();
    }

    /// Since when it has been idle; none while anything is under way, and when it was asked to close already.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        if self.works.load(Ordering::Relaxed) > 0 || self.asked_to_close.load(Ordering::Relaxed) {
            return None;
        }
        let since_ms = self.phases.idle_since(|| self.now_ms())?;
        Some(self.opened + Duration::from_millis(since_ms))
    }

    /// Asks for its end, after what may have begun meanwhile.
    pub(super) fn ask_to_close(&self) {
        self.asked_to_close.store(true, Ordering::Relaxed);
        self.close.notify_one();
    }

    /// Waits until somebody asks for its end.
    pub(super) async fn asked_to_close(&self) {
        self.close.notified().await;
    }

    /// The time since its opening.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When the present phase must be over, if it has a limit here.
    pub(super) fn due(&self) -> Option<Due> {
        let (at_ms, expiry) = self.phases.due(|| self.now_ms())?;
        Some(Due { at: self.opened + Duration::from_millis(at_ms), expiry })
    }
}

/// A request from the end of its head to its answer.
pub(crate) struct Underway {
    pub(crate) line: Arc<Line>,
}

impl Underway {
    pub(crate) fn begin(line: &Arc<Line>) -> Self {
        line.phases.request_begun();
        Self { line: Arc::clone(line) }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.line.phases.request_ended();
    }
}

/// A work of the endpoint, with the request's body.
pub(crate) struct Working(Held);

impl Working {
    /// Counts a work in; none when `works_max` are under way.
    pub(crate) fn begin(held: Held, works_max: u32) -> Option<Self> {
        // Counted before it is compared: on HTTP/2 several requests may come here at the same time.
        let working = Self(held);
        (working.0.line.works.fetch_add(1, Ordering::Relaxed) < works_max).then_some(working)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.line.works.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LimitsConfig;
    use crate::listen::slots::Slots;

    #[tokio::test]
    async fn works_are_bounded_until_they_end_and_hold_the_place() {
        let limits = LimitsConfig::default();
        let slots = Slots::new(&limits, &Arc::default());
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let ends = Ends { peer: address, local: address, tls: None, endpoint: None };
        let slot = slots.try_take(address.ip()).unwrap();
        let line =
            Arc::new(Line::new(ends, true, Instant::now(), Times::new(&limits), &Arc::new(Load::new(0, 0)), slot));
        let begin = || Working::begin(Held::of_body(&line), 2);
        let first = begin().unwrap();
        let second = begin().unwrap();
        assert!(begin().is_none());
        drop(first);
        assert!(begin().is_some());
        drop(line);
        assert_eq!(slots.taken(), 1);
        drop(second);
        assert_eq!(slots.taken(), 0);
    }
}
