//! Whether the server can account for what it does, and whether its background work succeeds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use strongroom_store::transfer;

use crate::front::Readiness;
use crate::frozen;

/// What is refused because sinks of the trail that must have all are too far behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusing {
    #[default]
    Nothing,
    Changes,
    All,
}

/// What a client is told when too many records of changes wait for the trail.
const BACKLOG_TEXT: &str = "Too many records of changes wait for the audit trail. No change is carried out for now.";
/// What a client is told when sinks are too far behind.
const SINKS_TEXT: &str =
    "The audit trail's records do not reach a sink that must have them. No change is carried out for now.";
/// The same where reads are refused too.
const SINKS_ALL_TEXT: &str =
    "The audit trail's records do not reach a sink that must have them. No request is carried out for now.";

/// What readiness is told from.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Whether the last record could not be written.
    trail_fails: AtomicBool,
    /// Whether the trail's file system has less free space than it must.
    space_is_low: AtomicBool,
    /// Whether too many records of changes wait for being moved to the trail.
    backlog_is_full: AtomicBool,
    /// What is refused because sinks of the trail are too far behind: a [`Refusing`].
    sinks: AtomicU8,
    /// Whether other servers' changes are not heard of.
    lost: AtomicBool,
    /// Whether the store takes changes.
    of_store: Mutex<transfer::Standing>,
    /// Duties that fail for so long that somebody should know.
    failing: Mutex<BTreeSet<&'static str>>,
    /// What somebody should know though requests can be served, by whoever tells of it.
    warnings: Mutex<BTreeMap<&'static str, Vec<String>>>,
}

impl Refusing {
    fn of(number: u8) -> Self {
        match number {
            0 => Self::Nothing,
            1 => Self::Changes,
            _ => Self::All,
        }
    }
}

impl Standing {
    pub(crate) fn set_trail_works(&self, works: bool) {
        // Nearly always it does already: then the shared line of memory is only read.
        if self.trail_fails.load(Ordering::Relaxed) == works {
            self.trail_fails.store(!works, Ordering::Relaxed);
        }
    }

    /// Notes whether space is low, and returns whether it was.
    pub(crate) fn set_space_is_low(&self, low: bool) -> bool {
        self.space_is_low.swap(low, Ordering::Relaxed)
    }

    pub(crate) fn space_is_low(&self) -> bool {
        self.space_is_low.load(Ordering::Relaxed)
    }

    /// Notes whether the backlog is full, and returns whether it was.
    pub(crate) fn set_backlog_is_full(&self, full: bool) -> bool {
        self.backlog_is_full.swap(full, Ordering::Relaxed)
    }

    pub(crate) fn backlog_is_full(&self) -> bool {
        self.backlog_is_full.load(Ordering::Relaxed)
    }

    /// Notes what is refused because of the trail's sinks, and returns what was so before.
    pub(crate) fn set_sinks(&self, refusing: Refusing) -> Refusing {
        Refusing::of(self.sinks.swap(refusing as u8, Ordering::Relaxed))
    }

    /// Why a request is refused for now, in the words for its client.
    pub(crate) fn why_refused(&self, read_only: bool) -> Option<&'static str> {
        if !read_only && self.backlog_is_full() {
            return Some(BACKLOG_TEXT);
        }
        match Refusing::of(self.sinks.load(Ordering::Relaxed)) {
            Refusing::All => Some(SINKS_ALL_TEXT),
            Refusing::Changes if !read_only => Some(SINKS_TEXT),
            _ => None,
        }
    }

    /// Notes whether other servers' changes are not heard of, and returns whether they were not.
    pub(crate) fn set_lost(&self, lost: bool) -> bool {
        self.lost.swap(lost, Ordering::Relaxed)
    }

    /// Notes whether the store takes changes, and returns what was so before.
    pub(crate) fn set_of_store(&self, standing: transfer::Standing) -> transfer::Standing {
        std::mem::replace(&mut self.of_store.lock().unwrap_or_else(PoisonError::into_inner), standing)
    }

    pub(crate) fn set_failing(&self, duty: &'static str, fails: bool) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if fails {
            failing.insert(duty);
        } else {
            failing.remove(duty);
        }
    }

    /// What `whose` warns of from now on, in place of what it did.
    pub(crate) fn warn(&self, whose: &'static str, warnings: Vec<String>) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).insert(whose, warnings);
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect()
    }

    /// Whether the store takes changes, as far as its operator has a say.
    pub(crate) fn takes_changes(&self) -> bool {
        frozen::told(*self.of_store.lock().unwrap_or_else(PoisonError::into_inner)).is_none()
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        self.readiness_with(failing.iter().map(|duty| format!("background work fails: {duty}")).collect())
    }

    /// The same, whatever duties fail.
    pub(crate) fn readiness_but_for_duties(&self) -> Readiness {
        self.readiness_with(Vec::new())
    }

    fn readiness_with(&self, duties: Vec<String>) -> Readiness {
        let mut reasons = Vec::new();
        if self.trail_fails.load(Ordering::Relaxed) {
            reasons.push("the audit trail cannot be written".to_owned());
        }
        if self.space_is_low() {
            reasons.push("the audit trail's file system has less free space than audit.free_bytes_min".to_owned());
        }
        if self.backlog_is_full() {
            reasons.push("more than audit.backlog_entries_max records of changes wait for the audit trail".to_owned());
        }
        let sinks = Refusing::of(self.sinks.load(Ordering::Relaxed));
        if sinks == Refusing::All {
            reasons.push("the audit trail's records do not reach a sink that must have them".to_owned());
        }
        reasons.extend(duties);
        if !reasons.is_empty() {
            return Readiness::NotReady(reasons);
        }
        if sinks == Refusing::Changes {
            return Readiness::ReadsOnly(SINKS_TEXT.to_owned());
        }
        let of_store = *self.of_store.lock().unwrap_or_else(PoisonError::into_inner);
        frozen::told(of_store).map_or(Readiness::Ready, Readiness::ReadsOnly)
    }
}
