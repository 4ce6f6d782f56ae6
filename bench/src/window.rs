//! The measured stretch of a run, and the times at which requests of an open loop are meant to start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NOT_YET: u64 = u64::MAX;

/// The stretch that counts: opened after the warm-up, closed at the end, seen by all connections.
#[derive(Debug)]
pub struct Window {
    base: Instant,
    open_ns: AtomicU64,
    close_ns: AtomicU64,
}

impl Window {
    /// A window not yet open, on a run that begins at `base`.
    pub const fn new(base: Instant) -> Self {
        Self { base, open_ns: AtomicU64::new(NOT_YET), close_ns: AtomicU64::new(NOT_YET) }
    }

    /// Opens it at `at`.
    pub fn open(&self, at: Instant) {
        self.open_ns.store(self.offset(at), Ordering::Release);
    }

    /// Closes it at `at`.
    pub fn close(&self, at: Instant) {
        self.close_ns.store(self.offset(at), Ordering::Release);
    }

    /// Whether it has been closed.
    pub fn is_over(&self) -> bool {
        self.close_ns.load(Ordering::Acquire) != NOT_YET
    }

    /// Whether `at` is within it.
    pub fn contains(&self, at: Instant) -> bool {
        let at = self.offset(at);
        self.open_ns.load(Ordering::Acquire) <= at && at < self.close_ns.load(Ordering::Acquire)
    }

    fn offset(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.base).as_nanos()).unwrap_or(NOT_YET - 1)
    }
}

/// The timetable of an open loop: request number n is meant to start n / rate after the beginning, whatever became
/// of the ones before it. Latency is counted from there, so that waiting for a slow server is not hidden
/// (coordinated omission).
#[derive(Clone, Copy, Debug)]
pub struct Timetable {
    start: Instant,
    per_second: f64,
}

impl Timetable {
    /// A timetable from `start` on.
    pub fn new(start: Instant, per_second: u32) -> Self {
        Self { start, per_second: f64::from(per_second.max(1)) }
    }

    /// When request `number` is meant to start.
    #[expect(clippy::cast_precision_loss, reason = "request numbers are far below 2^53")]
    pub fn intended(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::Latencies;

    #[test]
    fn only_what_is_between_opening_and_closing_counts() {
        let base = Instant::now();
        let at = |ms| base + Duration::from_millis(ms);
        let window = Window::new(base);
        assert!(!window.contains(at(5)));
        window.open(at(10));
        assert!(!window.contains(at(9)) && window.contains(at(10)) && window.contains(at(500)));
        assert!(!window.is_over());
        window.close(at(20));
        assert!(window.is_over() && window.contains(at(19)) && !window.contains(at(20)));
    }

    /// A server that answers in 1 ms but stands still for 1 s, asked 100 times a second by one connection: counted
    /// from when each request was sent, one in two hundred is slow; counted from the timetable, half of them waited.
    #[test]
    fn a_standstill_shows_in_every_request_that_had_to_wait() {
        let start = Instant::now();
        let timetable = Timetable::new(start, 100);
        let (mut corrected, mut naive) = (Latencies::new().unwrap(), Latencies::new().unwrap());
        let mut free = start;
        for number in 0..200 {
            let intended = timetable.intended(number);
            let sent = free.max(intended);
            let service = if number == 50 { Duration::from_secs(1) } else { Duration::from_millis(1) };
            free = sent + service;
            corrected.record(free - intended);
            naive.record(free - sent);
        }
        assert!(naive.quantile_us(0.99) < 1_100.0);
        assert!(corrected.quantile_us(0.75) > 400_000.0, "{}", corrected.quantile_us(0.75));
        assert!(corrected.quantile_us(0.30) < 1_100.0);
    }
}
