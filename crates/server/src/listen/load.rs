//! How many bytes of bodies and answers the whole process holds, and the bound on them.
//!
//! Each connection may hold a little that is not counted here: ordinary requests have small bodies and small answers,
//! and so they neither touch what all connections share nor are refused when others have filled it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::line::Line;

/// What each connection may hold uncounted, in bytes.
const CONNECTION_FREE_BYTES: u64 = 16 * 1024;

/// Of what all connections may hold together one may hold this part, unless a single body is larger.
const CONNECTION_DIVISOR: u64 = 32;
/// Of what all connections may hold together request bodies may be this part, so that answers find room: bodies are
/// held for as long as clients without credentials take to send them.
const BODIES_DIVISOR: u64 = 2;

/// What all connections hold together beside the free part of each.
#[derive(Debug)]
pub(crate) struct Load {
    all: Pool,
    /// The request bodies among them.
    bodies: Pool,
    connection_bytes_max: u64,
}

/// Bytes that are counted together, and the bound on them.
#[derive(Debug)]
struct Pool {
    /// Below zero for an instant when what is given back overtakes what was taken.
    held: AtomicI64,
    bytes_max: i64,
}

/// What one connection holds.
#[derive(Debug)]
pub(super) struct Share {
    all: AtomicU64,
    bodies: AtomicU64,
    load: Arc<Load>,
}

/// What bytes are held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Body,
    Answer,
}

impl Load {
    /// For `bytes_max` in all, where a request body has at most `body_bytes_max`.
    pub(crate) fn new(bytes_max: u64, body_bytes_max: u64) -> Self {
        Self {
            all: Pool::new(bytes_max),
            bodies: Pool::new(bytes_max / BODIES_DIVISOR),
            connection_bytes_max: body_bytes_max.max(bytes_max / CONNECTION_DIVISOR),
        }
    }
}

impl Pool {
    fn new(bytes_max: u64) -> Self {
        Self { held: AtomicI64::new(0), bytes_max: signed(bytes_max) }
    }

    /// Counts `bytes` in for what holds `own` already, and tells whether they fit. Alone anything fits, so that nothing
    /// is refused for ever.
    fn take(&self, bytes: u64, own: u64) -> bool {
        let bytes = signed(bytes);
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        before <= signed(own) || before.saturating_add(bytes) <= self.bytes_max
    }

    /// Counts `bytes` in for what holds `own` already, of a connection that holds what `share` tells, and tells whether
    /// they fit: here, and in the connection's bound. If not, they are not counted.
    fn take_for(&self, share: &AtomicU64, connection_bytes_max: u64, bytes: u64, own: u64) -> bool {
        let before = share.fetch_add(bytes, Ordering::Relaxed);
        let after = counted(before.saturating_add(bytes));
        let more = after - counted(before);
        let fits = more == 0 || self.take(more, own) && (before <= own || after <= connection_bytes_max);
        if !fits {
            self.give_back(share, bytes);
        }
        fits
    }

    fn give_back(&self, share: &AtomicU64, bytes: u64) {
        let before = share.fetch_sub(bytes, Ordering::Relaxed);
        // Each change here is followed by its own there: whatever their order, the sums agree in the end.
        let counted = counted(before) - counted(before.saturating_sub(bytes));
        if counted > 0 {
            self.held.fetch_sub(signed(counted), Ordering::Relaxed);
        }
    }
}

impl Share {
    pub(super) fn of(load: &Arc<Load>) -> Self {
        Self { all: AtomicU64::new(0), bodies: AtomicU64::new(0), load: Arc::clone(load) }
    }

    /// Counts `bytes` in for what holds `own` already; false when there is no room for them, and then they are not
    /// counted.
    fn take(&self, kind: Use, bytes: u64, own: u64) -> bool {
        let load = &self.load;
        if kind == Use::Body && !load.bodies.take_for(&self.bodies, u64::MAX, bytes, own) {
            return false;
        }
        let fits = load.all.take_for(&self.all, load.connection_bytes_max, bytes, own);
        if !fits && kind == Use::Body {
            load.bodies.give_back(&self.bodies, bytes);
        }
        fits
    }

    fn give_back(&self, kind: Use, bytes: u64) {
        self.load.all.give_back(&self.all, bytes);
        if kind == Use::Body {
            self.load.bodies.give_back(&self.bodies, bytes);
        }
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// What of a connection's bytes counts for all.
fn counted(held: u64) -> u64 {
    held.saturating_sub(CONNECTION_FREE_BYTES)
}

/// Bytes held for a request or an answer of a connection; given back when dropped.
pub(crate) struct Held {
    pub(crate) line: Arc<Line>,
    kind: Use,
    bytes: u64,
}

impl Held {
    /// Nothing yet of a request's body.
    pub(crate) fn of_body(line: &Arc<Line>) -> Self {
        Self { line: Arc::clone(line), kind: Use::Body, bytes: 0 }
    }

    /// Nothing yet of an answer.
    pub(crate) fn of_answer(line: &Arc<Line>) -> Self {
        Self { line: Arc::clone(line), kind: Use::Answer, bytes: 0 }
    }

    /// Counts in what makes it `bytes` in all; false when there is no room for that.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_sub(self.bytes);
        let fits = more == 0 || self.line.share.take(self.kind, more, self.bytes);
        if fits {
            self.bytes += more;
        }
        fits
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.line.share.give_back(self.kind, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_is_held(load: &Load) -> bool {
        [&load.all, &load.bodies].iter().all(|pool| pool.held.load(Ordering::Relaxed) == 0)
    }

    #[test]
    fn each_connection_has_a_free_part_and_all_share_the_rest() {
        let load = Arc::new(Load::new(1000, 1000));
        let (one, other) = (Share::of(&load), Share::of(&load));
        let take = |share: &Share, bytes, own| share.take(Use::Answer, bytes, own);
        assert!(take(&one, CONNECTION_FREE_BYTES, 0) && take(&one, 900, 0));
        assert!(take(&other, CONNECTION_FREE_BYTES - 10, 0) && take(&other, 10, 0), "the free part is never refused");
        assert!(!take(&other, 101, 0));
        assert!(take(&other, 100, 0));
        one.give_back(Use::Answer, CONNECTION_FREE_BYTES + 900);
        assert!(take(&other, 900, 0) && !take(&one, CONNECTION_FREE_BYTES + 1, 0));
        other.give_back(Use::Answer, CONNECTION_FREE_BYTES + 1000);
        assert!(nothing_is_held(&load));
        assert!(take(&one, 1_000_000, 0), "alone anything fits");
        assert!(take(&one, 1_000_000, 1_000_000), "and may grow");
        assert!(!take(&one, 1_000_000, 0));
        one.give_back(Use::Answer, 2_000_000);
        assert!(nothing_is_held(&load));
    }

    #[test]
    fn a_connection_may_hold_a_part_of_it_or_one_body() {
        for (body_bytes_max, most) in [(10, 1000), (5000, 5000)] {
            let load = Arc::new(Load::new(32_000, body_bytes_max));
            let (one, other) = (Share::of(&load), Share::of(&load));
            assert!(one.take(Use::Body, CONNECTION_FREE_BYTES, 0) && one.take(Use::Body, most, 0));
            assert!(!one.take(Use::Body, 1, 0) && !one.take(Use::Answer, 1, 0));
            assert!(other.take(Use::Body, CONNECTION_FREE_BYTES + most, 0), "the others' part is theirs");
            for share in [one, other] {
                share.give_back(Use::Body, CONNECTION_FREE_BYTES + most);
            }
            assert!(nothing_is_held(&load));
        }
    }

    #[test]
    fn bodies_leave_half_of_it_to_answers() {
        let load = Arc::new(Load::new(1000, 1000));
        let (one, other) = (Share::of(&load), Share::of(&load));
        assert!(one.take(Use::Body, CONNECTION_FREE_BYTES, 0) && one.take(Use::Body, 500, 0));
        assert!(other.take(Use::Body, CONNECTION_FREE_BYTES, 0) && !other.take(Use::Body, 1, 0));
        assert!(other.take(Use::Answer, 500, 0), "of an answer there is room");
        assert!(!other.take(Use::Answer, 1, 0));
        // In whatever order they go.
        other.give_back(Use::Body, CONNECTION_FREE_BYTES);
        other.give_back(Use::Answer, 500);
        one.give_back(Use::Body, CONNECTION_FREE_BYTES + 500);
        assert!(nothing_is_held(&load));
    }
}
