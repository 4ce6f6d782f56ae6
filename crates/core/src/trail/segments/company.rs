//! Whether those who append are likely to find others to share a write with.
//!
//! Waiting for others costs a turn of the task that waits, and brings nothing to who is alone. So after a few writes of
//! single lines nobody waits any more, but for one now and then who looks whether others have come.

use std::sync::atomic::{AtomicU32, Ordering};

/// Writes of single lines after which those who append take themselves to be alone.
const ALONE_AFTER: u32 = 4;
/// Of so many writes of single lines, one is waited for again.
const LOOK_EVERY: u32 = 64;

/// How it was with the last writes.
#[derive(Debug, Default)]
pub(super) struct Company {
    /// Writes of single lines since the last one of several.
    alone: AtomicU32,
}

impl Company {
    /// Whether it is worth waiting for others.
    pub(super) fn is_likely(&self) -> bool {
        let alone = self.alone.load(Ordering::Relaxed);
        alone < ALONE_AFTER || alone.is_multiple_of(LOOK_EVERY)
    }

    /// So many lines were written together.
    pub(super) fn wrote(&self, lines: u32) {
        if lines > 1 {
            self.alone.store(0, Ordering::Relaxed);
        } else {
            self.alone.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_alone_waits_seldom_and_who_was_not_waits() {
        let company = Company::default();
        let waits = |company: &Company| {
            (0..640)
                .filter(|_| {
                    let waits = company.is_likely();
                    company.wrote(1);
                    waits
                })
                .count()
        };
        assert!((10..20).contains(&waits(&company)));
        company.wrote(2);
        assert!(company.is_likely());
    }
}
