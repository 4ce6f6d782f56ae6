//! The meter of a listing's work: how much one page may cost, and when to let others run in between.
//!
//! Work is counted, not timed, so that the same request on the same secrets always gives the same pages.

/// Work that one page may take, in units. A unit is about what it costs to open or to split one byte of a secret, or
/// to compare two words: some nanoseconds. A walk past two thousand ordinary secrets stays below it.
pub const PAGE_WORK_MAX: usize = 4 * 1024 * 1024;
/// Work after which other tasks of the thread get their turn, in units.
const STRETCH_WORK_MAX: usize = 64 * 1024;

/// What one page has cost so far.
#[derive(Debug, Default)]
pub struct Work {
    spent: usize,
    /// What of it came after the last pause.
    stretch: usize,
}

impl Work {
    /// Counts `units` of work.
    pub fn spend(&mut self, units: usize) {
        self.spent = self.spent.saturating_add(units);
        self.stretch = self.stretch.saturating_add(units);
    }

    /// Whether the page has had its share.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.spent >= PAGE_WORK_MAX
    }

    /// Lets others run when a stretch of work is done.
    pub async fn pause(&mut self) {
        if self.stretch >= STRETCH_WORK_MAX {
            self.stretch = 0;
            tokio::task::yield_now().await;
        }
    }

    #[cfg(test)]
    pub fn spent(&self) -> usize {
        self.spent
    }
}
