//! How often one source may fail to say who it is: without a valid signature, or with a token that is not good.
//!
//! Above a number of failures in a minute nothing is looked up any more for a source, save for credentials that are in
//! memory because somebody has used them of late: who shares an address with a guesser can go on working.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_types::Timestamp;

use crate::refused::network;

/// How long failures of a source are counted together, in ms.
const INTERVAL_MS: i64 = 60_000;
/// Sources that are told apart at one time. When there is no place, those that have failed least make it.
const SOURCES_MAX: usize = 4096;

/// The failures of the present minute.
#[derive(Debug)]
pub(crate) struct SignIn {
    failures_max: u32,
    sources: Mutex<HashMap<IpAddr, Count>>,
    /// How many sources have reached the number: nearly always none, so that nothing has to be locked.
    over: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    failures: u32,
}

impl Count {
    fn has_ended(&self, now: Timestamp) -> bool {
        now.millis_since(self.since) >= INTERVAL_MS || now < self.since
    }
}

impl SignIn {
    /// At most `failures_max` failures of a source are answered in a minute; 0 for any number.
    pub(crate) fn new(failures_max: u32) -> Self {
        Self { failures_max, sources: Mutex::default(), over: AtomicUsize::new(0) }
    }

    /// Whether `source` has failed too often in this minute.
    pub(crate) fn has_failed_too_often(&self, source: IpAddr, now: Timestamp) -> bool {
        if self.over.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut sources = self.sources();
        let source = network(source);
        match sources.get(&source) {
            Some(count) if count.has_ended(now) => {
                sources.remove(&source);
                self.recount(&sources);
                false
            }
            Some(count) => count.failures >= self.failures_max,
            None => false,
        }
    }

    /// Counts a failure of `source`.
    pub(crate) fn failed(&self, source: IpAddr, now: Timestamp) {
        if self.failures_max == 0 {
            return;
        }
        let mut sources = self.sources();
        let source = network(source);
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
            make_place(&mut sources, now);
        }
        let count = sources.entry(source).or_insert(Count { since: now, failures: 0 });
        if count.has_ended(now) {
            *count = Count { since: now, failures: 0 };
        }
        count.failures = count.failures.saturating_add(1);
        if count.failures >= self.failures_max {
            self.recount(&sources);
        }
    }

    fn recount(&self, sources: &HashMap<IpAddr, Count>) {
        let over = sources.values().filter(|count| count.failures >= self.failures_max).count();
        self.over.store(over, Ordering::Relaxed);
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<IpAddr, Count>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the sources whose minute is over, or else the half that has failed least.
fn make_place(sources: &mut HashMap<IpAddr, Count>, now: Timestamp) {
    sources.retain(|_, count| !count.has_ended(now));
    if sources.len() < SOURCES_MAX {
        return;
    }
    let mut failures: Vec<u32> = sources.values().map(|count| count.failures).collect();
    failures.sort_unstable();
    let middle = failures.get(failures.len() / 2).copied().unwrap_or_default();
    let mut to_go = SOURCES_MAX / 2;
    sources.retain(|_, count| {
        let goes = count.failures <= middle && to_go > 0;
        to_go -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const A: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + ms)
    }

    #[test]
    fn a_source_that_fails_too_often_waits_for_the_minute_to_end_and_others_do_not() {
        let sign_in = SignIn::new(3);
        for failure in 0..3 {
            assert!(!sign_in.has_failed_too_often(A, at(failure)));
            sign_in.failed(A, at(failure));
        }
        assert!(sign_in.has_failed_too_often(A, at(10)));
        assert!(!sign_in.has_failed_too_often(B, at(10)));
        assert!(sign_in.has_failed_too_often(A, at(59_999)));
        assert!(!sign_in.has_failed_too_often(A, at(60_000)));
        sign_in.failed(A, at(60_001));
        assert!(!sign_in.has_failed_too_often(A, at(60_002)), "counted anew");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_zero_is_any_number() {
        let sign_in = SignIn::new(2);
        let host = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 7, last, 0, 0, 0, last));
        sign_in.failed(host(1), at(0));
        sign_in.failed(host(2), at(0));
        assert!(sign_in.has_failed_too_often(host(3), at(1)));
        let any = SignIn::new(0);
        (0..10_000).for_each(|ms| any.failed(A, at(ms)));
        assert!(!any.has_failed_too_often(A, at(10_000)));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out_and_many_sources_stay_bounded() {
        let sign_in = SignIn::new(2);
        sign_in.failed(A, at(0));
        sign_in.failed(A, at(0));
        assert!(!sign_in.has_failed_too_often(A, at(-1)));
        sign_in.failed(B, at(0));
        sign_in.failed(B, at(0));
        for source in 0..20_000_u32 {
            sign_in.failed(IpAddr::V4(Ipv4Addr::from_bits(source)), at(1));
        }
        assert!(sign_in.sources().len() <= SOURCES_MAX);
        assert!(sign_in.has_failed_too_often(B, at(2)), "who fails most stays");
    }
}
