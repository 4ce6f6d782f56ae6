//! How far the read buffers of an HTTP/1 connection were filled, so that no more of them than that need be wiped.
//!
//! The HTTP library owns the buffers, and moves what it has not used yet from one to another. But it writes to a buffer
//! only from the front, and whatever it moved it moved to read on behind it. So the furthest place in a buffer at which
//! a read began or ended, even one that brought nothing, is the end of all that ever stood in it.

use std::ops::Range;

/// Stretches that are remembered at most. A connection needs one for each buffer that waits to be wiped: two while a
/// large body comes in.
const STRETCHES_MAX: usize = 8;

/// The stretches of memory that reads went to.
pub(super) struct Marks {
    /// Addresses. Those of a buffer that was freed without being wiped may remain, and then be another buffer's: it is
    /// wiped further than it need be.
    stretches: Vec<Range<usize>>,
    /// Whether there were reads that are not remembered: nobody knows how far anything was filled.
    unknown: bool,
}

impl Marks {
    /// Before the first read.
    pub(super) fn new() -> Self {
        Self { stretches: Vec::with_capacity(STRETCHES_MAX), unknown: false }
    }

    /// Of buffers that may be filled to their ends.
    pub(super) fn unknown() -> Self {
        Self { stretches: Vec::new(), unknown: true }
    }

    /// A read went to these addresses; to none of them, but to this place, when nothing came.
    pub(super) fn add(&mut self, read: Range<usize>) {
        if self.unknown {
            return;
        }
        let onward = |stretch: &&mut Range<usize>| stretch.start <= read.start && read.start <= stretch.end;
        if let Some(stretch) = self.stretches.iter_mut().find(onward) {
            stretch.end = stretch.end.max(read.end);
        } else if self.stretches.len() < STRETCHES_MAX {
            self.stretches.push(read);
        } else {
            *self = Self::unknown();
        }
    }

    /// How many bytes of the buffer of `capacity` bytes that begins at `address` may have been filled. It is to be
    /// wiped now: its stretches are forgotten.
    pub(super) fn take(&mut self, address: usize, capacity: usize) -> usize {
        let end = address.saturating_add(capacity);
        if self.unknown {
            return capacity;
        }
        let mut filled = 0;
        self.stretches.retain_mut(|stretch| {
            if stretch.end < address || stretch.start > end {
                return true;
            }
            filled = filled.max(stretch.end.min(end) - address);
            // Two buffers may lie side by side in memory and their reads be one stretch. What is the other's remains;
            // when there are others on both sides, this one's too.
            if stretch.start >= address {
                stretch.start = end;
            } else if stretch.end <= end {
                stretch.end = address;
            }
            stretch.start < stretch.end
        });
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_filled_as_far_as_reads_went() {
        let mut marks = Marks::new();
        marks.add(1000..1000);
        marks.add(1000..1700);
        marks.add(1700..1900);
        assert_eq!(marks.take(1000, 8192), 900);
        assert_eq!(marks.take(1000, 8192), 0, "forgotten");
    }

    #[test]
    fn what_was_moved_before_a_read_counts_even_when_the_read_brought_nothing() {
        let mut marks = Marks::new();
        marks.add(1300..1300);
        assert_eq!(marks.take(1000, 8192), 300);
    }

    #[test]
    fn a_buffer_that_is_filled_again_from_its_front_stays_filled_as_far_as_it_was() {
        let mut marks = Marks::new();
        marks.add(1000..1900);
        marks.add(1050..1100);
        assert_eq!(marks.take(1000, 8192), 900);
    }

    #[test]
    fn buffers_side_by_side_keep_their_own() {
        for first in [true, false] {
            let mut marks = Marks::new();
            marks.add(1000..2000);
            marks.add(2000..2100);
            let (low, high) = if first {
                let low = marks.take(1000, 1000);
                (low, marks.take(2000, 1000))
            } else {
                let high = marks.take(2000, 1000);
                (marks.take(1000, 1000), high)
            };
            assert_eq!((low, high), (1000, 100));
        }
    }

    #[test]
    fn a_buffer_between_two_others_leaves_them_theirs() {
        let mut marks = Marks::new();
        marks.add(1000..2000);
        marks.add(2000..3000);
        marks.add(3000..3500);
        assert_eq!(marks.take(2000, 1000), 1000);
        assert_eq!(marks.take(1000, 1000), 1000);
        assert_eq!(marks.take(3000, 1000), 500);
    }

    #[test]
    fn other_buffers_are_not_touched() {
        let mut marks = Marks::new();
        marks.add(1000..1500);
        marks.add(20_000..20_100);
        assert_eq!(marks.take(20_000, 8192), 100);
        assert_eq!(marks.take(1000, 8192), 500);
    }

    #[test]
    fn more_than_is_remembered_makes_all_unknown() {
        let mut marks = Marks::new();
        for n in 0..=STRETCHES_MAX {
            marks.add(n * 10_000..n * 10_000 + 10);
        }
        assert_eq!(marks.take(0, 8192), 8192);
        marks.add(0..10);
        assert_eq!(marks.take(0, 8192), 8192);
    }
}
