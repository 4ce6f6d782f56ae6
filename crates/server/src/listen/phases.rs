//! What a connection is busy with, and when the present phase must be over. Pure: the time is handed in.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::config::LimitsConfig;

/// The mark of a phase that has begun since the last look. The look dates it: one reading of the clock a request.
const JUST_NOW: u64 = u64::MAX;

/// A connection's phases. All times are milliseconds from its opening.
///
/// The counters are touched by several tasks on HTTP/2. Each is right by itself; a phase read between two changes
/// can be the one before, and is read again when its end comes.
pub(super) struct Phases {
    times: Times,
    /// Whether bytes on an idle connection begin a request. Not so on HTTP/2, which has pings.
    bytes_are_heads: bool,
    /// Whether a request's head has begun to come in.
    head_begun: AtomicBool,
    /// When the head began or, if none has, when the connection fell idle.
    waiting_since: AtomicU64,
    /// Requests from the end of their head to their answer.
    requests: AtomicU32,
    /// Answers not yet taken whole by the client.
    answers: AtomicU32,
    /// When the first of them was made, or the last one taken.
    answers_since: AtomicU64,
}

/// How long the phases may take.
#[derive(Clone, Copy)]
pub(super) struct Times {
    header_read_ms: u64,
    idle_ms: u64,
    answer_write_ms: u64,
}

impl Times {
    pub(super) fn new(limits: &LimitsConfig) -> Self {
        Self {
            header_read_ms: limits.header_read_ms_max,
            idle_ms: limits.idle_ms_max,
            answer_write_ms: limits.answer_write_ms_max,
        }
    }
}

/// What must be done when a phase has lasted too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Nothing is under way: close it in order.
    Close,
    /// The client is too slow: cut it off.
    Cut,
}

impl Phases {
    /// A connection just opened, of which a first request is expected.
    pub(super) fn new(times: Times, h2: bool) -> Self {
        Self {
            times,
            bytes_are_heads: !h2,
            head_begun: AtomicBool::new(true),
            waiting_since: AtomicU64::new(0),
            requests: AtomicU32::new(0),
            answers: AtomicU32::new(0),
            answers_since: AtomicU64::new(0),
        }
    }

    /// Bytes have come in.
    pub(super) fn bytes_read(&self) {
        let begins_head = self.bytes_are_heads
            && !self.head_begun.load(Ordering::Relaxed)
            && self.requests.load(Ordering::Relaxed) == 0;
        if begins_head {
            self.head_begun.store(true, Ordering::Relaxed);
            self.waiting_since.store(JUST_NOW, Ordering::Relaxed);
        }
    }

    /// A request's head is complete.
    pub(super) fn request_begun(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.head_begun.store(false, Ordering::Relaxed);
    }

    /// A request has been answered, or given up.
    pub(super) fn request_ended(&self) {
        self.waiting_since.store(JUST_NOW, Ordering::Relaxed);
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// An answer waits for the client to take it.
    pub(super) fn answer_made(&self) {
        if self.answers.fetch_add(1, Ordering::Relaxed) == 0 {
            self.answers_since.store(JUST_NOW, Ordering::Relaxed);
        }
    }

    /// The client has taken an answer, or never will.
    pub(super) fn answer_taken(&self) {
        self.answers_since.store(JUST_NOW, Ordering::Relaxed);
        if !self.head_begun.load(Ordering::Relaxed) {
            self.waiting_since.store(JUST_NOW, Ordering::Relaxed);
        }
        self.answers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Since when nothing has been under way; none while something is. A connection that has not yet sent its first
    /// request owes one and is not idle.
    pub(super) fn idle_since(&self, now: impl FnOnce() -> u64) -> Option<u64> {
        let busy = self.answers.load(Ordering::Relaxed) > 0
            || self.requests.load(Ordering::Relaxed) > 0
            || self.head_begun.load(Ordering::Relaxed);
        if busy {
            return None;
        }
        let since = self.waiting_since.load(Ordering::Relaxed);
        Some(if since == JUST_NOW { now() } else { since })
    }

    /// When the present phase must be over; none while a body comes in or the endpoint works, which have their own
    /// limits. To be asked whenever the connection has been attended to: a phase that began since then begins at
    /// `now`.
    pub(super) fn due(&self, now: impl FnOnce() -> u64) -> Option<(u64, Expiry)> {
        let (mark, most, expiry) = if self.answers.load(Ordering::Relaxed) > 0 {
            (&self.answers_since, self.times.answer_write_ms, Expiry::Cut)
        } else if self.requests.load(Ordering::Relaxed) > 0 {
            return None;
        } else if self.head_begun.load(Ordering::Relaxed) {
            (&self.waiting_since, self.times.header_read_ms, Expiry::Cut)
        } else {
            (&self.waiting_since, self.times.idle_ms, Expiry::Close)
        };
        let mut since = mark.load(Ordering::Relaxed);
        if since == JUST_NOW {
            since = now();
            mark.store(since, Ordering::Relaxed);
        }
        Some((since.saturating_add(most), expiry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(h2: bool) -> Phases {
        Phases::new(Times { header_read_ms: 10, idle_ms: 100, answer_write_ms: 1000 }, h2)
    }

    #[test]
    fn phases_follow_each_other() {
        let phases = phases(false);
        assert_eq!(phases.due(|| 1), Some((10, Expiry::Cut)), "a new connection owes a head");
        assert_eq!(phases.idle_since(|| 1), None);
        phases.bytes_read();
        assert_eq!(phases.due(|| 5), Some((10, Expiry::Cut)), "bytes do not lengthen the time for a head");
        phases.request_begun();
        assert_eq!(phases.due(|| 6), None, "a request has its own limits");
        phases.answer_made();
        phases.request_ended();
        assert_eq!(phases.due(|| 7), Some((1007, Expiry::Cut)), "an answer must be taken");
        assert_eq!(phases.due(|| 9), Some((1007, Expiry::Cut)), "from when it was made");
        phases.answer_taken();
        assert_eq!(phases.due(|| 10), Some((110, Expiry::Close)), "then the connection is idle");
        assert_eq!(phases.idle_since(|| 11), Some(10));
        phases.bytes_read();
        assert_eq!(phases.due(|| 15), Some((25, Expiry::Cut)), "the next head begins with its first byte");
        phases.bytes_read();
        assert_eq!(phases.due(|| 20), Some((25, Expiry::Cut)));
    }

    #[test]
    fn of_several_answers_each_one_taken_gives_time_for_the_next() {
        let phases = phases(true);
        phases.answer_made();
        assert_eq!(phases.due(|| 1), Some((1001, Expiry::Cut)));
        phases.answer_made();
        assert_eq!(phases.due(|| 2), Some((1001, Expiry::Cut)));
        phases.answer_taken();
        assert_eq!(phases.due(|| 500), Some((1500, Expiry::Cut)));
    }

    #[test]
    fn pings_begin_no_head() {
        let phases = phases(true);
        phases.request_begun();
        phases.request_ended();
        assert_eq!(phases.due(|| 3), Some((103, Expiry::Close)));
        phases.bytes_read();
        assert_eq!(phases.due(|| 50), Some((103, Expiry::Close)));
    }
}
