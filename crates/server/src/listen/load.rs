//! How many bytes of bodies and answers the whole process holds, and the bound on them.
//!
//! Each connection may hold a little that is not counted here: ordinary requests have small bodies and small answers,
//! and so they neither touch what all connections share nor are refused when others have filled it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::line::Line;

/// What each connection may hold uncounted, in bytes.
const CONNECTION_FREE_BYTES: u64 = 16 * 1024;

/// What all connections hold together beside the free part of each.
#[derive(Debug)]
pub(crate) struct Load {
    /// Below zero for an instant when what is given back overtakes what was taken.
    held: AtomicI64,
    bytes_max: i64,
}

/// What one connection holds.
#[derive(Debug)]
pub(super) struct Share {
    held: AtomicU64,
    load: Arc<Load>,
}

impl Load {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { held: AtomicI64::new(0), bytes_max: signed(bytes_max) }
    }

    /// Counts `bytes` in for what holds `own` already, and tells whether they fit. Alone anything fits, so that nothing
    /// is refused for ever.
    fn take(&self, bytes: u64, own: u64) -> bool {
        let bytes = signed(bytes);
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        before <= signed(own) || before.saturating_add(bytes) <= self.bytes_max
    }
}

impl Share {
    pub(super) fn of(load: &Arc<Load>) -> Self {
        Self { held: AtomicU64::new(0), load: Arc::clone(load) }
    }

    /// Counts `bytes` in for what holds `own` already; false when there is no room for them, and then they are not
    /// counted.
    fn take(&self, bytes: u64, own: u64) -> bool {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let counted = counted(before.saturating_add(bytes)) - counted(before);
        let fits = counted == 0 || self.load.take(counted, own);
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    fn give_back(&self, bytes: u64) {
        let before = self.held.fetch_sub(bytes, Ordering::Relaxed);
        // Each change here is followed by its own there: whatever their order, the sums agree in the end.
        let counted = counted(before) - counted(before.saturating_sub(bytes));
        if counted > 0 {
            self.load.held.fetch_sub(signed(counted), Ordering::Relaxed);
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
    bytes: u64,
}

impl Held {
    /// Nothing yet.
    pub(crate) fn nothing(line: &Arc<Line>) -> Self {
        Self { line: Arc::clone(line), bytes: 0 }
    }

    /// Counts in what makes it `bytes` in all; false when there is no room for that.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_sub(self.bytes);
        let fits = more == 0 || self.line.share.take(more, self.bytes);
        if fits {
            self.bytes += more;
        }
        fits
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.line.share.give_back(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_a_free_part_and_all_share_the_rest() {
        let load = Arc::new(Load::new(1000));
        let (one, other) = (Share::of(&load), Share::of(&load));
        assert!(one.take(CONNECTION_FREE_BYTES, 0) && one.take(900, 0));
        assert!(other.take(CONNECTION_FREE_BYTES - 10, 0) && other.take(10, 0), "the free part is never refused");
        assert!(!other.take(101, 0));
        assert!(other.take(100, 0));
        one.give_back(CONNECTION_FREE_BYTES + 900);
        assert!(other.take(900, 0) && !one.take(CONNECTION_FREE_BYTES + 1, 0));
        other.give_back(CONNECTION_FREE_BYTES + 1000);
        assert_eq!(load.held.load(Ordering::Relaxed), 0);
        assert!(one.take(1_000_000, 0), "alone anything fits");
        assert!(one.take(1_000_000, 1_000_000), "and may grow");
        assert!(!one.take(1_000_000, 0));
        one.give_back(2_000_000);
        assert_eq!(load.held.load(Ordering::Relaxed), 0);
    }
}
