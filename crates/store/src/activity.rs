//! What an engine has done since it was opened, in numbers, for whoever watches it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strongroom_types::Times;

/// What an engine has done.
#[derive(Debug, Default)]
pub struct Activity {
    groups: AtomicU64,
    commits: AtomicU64,
    groups_failed: AtomicU64,
    reads: AtomicU64,
    reads_failed: AtomicU64,
    group_times: Times,
}

impl Activity {
    /// Counts a group of `commits` that became durable together, or failed together.
    pub(crate) fn group(&self, commits: usize, took: Duration, stands: bool) {
        if stands {
            self.groups.fetch_add(1, Ordering::Relaxed);
            self.commits.fetch_add(u64::try_from(commits).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.group_times.add(took);
        } else {
            self.groups_failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a read.
    pub(crate) fn read(&self, succeeded: bool) {
        let count = if succeeded { &self.reads } else { &self.reads_failed };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Groups of commits that became durable.
    #[must_use]
    pub fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// Commits in those groups.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Groups that failed as a whole.
    #[must_use]
    pub fn groups_failed(&self) -> u64 {
        self.groups_failed.load(Ordering::Relaxed)
    }

    /// Reads that were answered.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Reads that failed.
    #[must_use]
    pub fn reads_failed(&self) -> u64 {
        self.reads_failed.load(Ordering::Relaxed)
    }

    /// How long groups took to become durable.
    #[must_use]
    pub fn group_times(&self) -> &Times {
        &self.group_times
    }
}
