//! How many refused requests of each source have records of their own, and the sums that tell of the others.
//!
//! Whoever can reach the port can be refused as often as it likes, and each record takes room on the disk. Above a
//! bound for each source and minute such requests are counted, and one record tells how many there were.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_core::trail::record::{EventKind, IdentityKind, Outcome, Record, Source, UserIdentity};
use strongroom_core::{Error, random_uuid};
use strongroom_types::Timestamp;
use strongroom_wire::secretsmanager::SERVICE;
use strongroom_wire::timestamps;

use crate::app::App;

/// How long requests of a source are counted together, in ms.
const INTERVAL_MS: i64 = 60_000;
/// Sources that are told apart at one time. All further ones are counted together.
const SOURCES_MAX: usize = 4096;
/// Under which those are counted.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// The name of the record that tells how many requests have none.
const EVENT_NAME: &str = "RefusedRequestsSummary";

/// The refused requests of the present minute.
#[derive(Debug)]
pub(crate) struct Refused {
    sources: Mutex<HashMap<IpAddr, Count>>,
    recorded_max: u32,
}

/// What was refused to one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    since: Timestamp,
    recorded: u32,
    unauthenticated: u64,
    without_space: u64,
}

impl Refused {
    /// At most `recorded_max` of a source's refused requests have records of their own in a minute.
    pub(crate) fn new(recorded_max: u32) -> Self {
        Self { sources: Mutex::default(), recorded_max }
    }

    /// Whether an unauthenticated request from `source` has a record of its own; if not, it is counted.
    pub(crate) fn is_recorded(&self, source: IpAddr, now: Timestamp) -> bool {
        let recorded_max = self.recorded_max;
        self.count(source, now, |count| {
            let recorded = count.recorded < recorded_max;
            if recorded {
                count.recorded += 1
            } else {
                count.unauthenticated += 1
            }
            recorded
        })
    }

    /// Counts a request from `source` that was refused because the trail's disk has too little space.
    pub(crate) fn without_space(&self, source: IpAddr, now: Timestamp) {
        self.count(source, now, |count| count.without_space += 1);
    }

    fn count<T>(&self, source: IpAddr, now: Timestamp, change: impl FnOnce(&mut Count) -> T) -> T {
        let mut sources = self.sources();
        let mut source = network(source);
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
            source = OTHERS;
        }
        let fresh = Count { since: now, recorded: 0, unauthenticated: 0, without_space: 0 };
        change(sources.entry(source).or_insert(fresh))
    }

    /// Takes the counts of intervals that have ended, or all.
    fn take(&self, now: Timestamp, all: bool) -> Vec<(IpAddr, Count)> {
        let mut sources = self.sources();
        let ended = |count: &Count| all || now.millis_since(count.since) >= INTERVAL_MS || now < count.since;
        sources.extract_if(|_, count| ended(count)).collect()
    }

    /// Takes back a count that could not be told.
    fn put_back(&self, source: IpAddr, told: Count) {
        let mut sources = self.sources();
        let count = sources.entry(source).or_insert(Count { unauthenticated: 0, without_space: 0, ..told });
        count.since = count.since.min(told.since);
        count.unauthenticated += told.unauthenticated;
        count.without_space += told.without_space;
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<IpAddr, Count>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a record for each source whose interval has ended, or for all of them, that had more refused requests than
/// were recorded.
///
/// # Errors
/// When one cannot be written; what is not told stays counted.
pub(crate) fn sum_up(app: &App, all: bool) -> Result<(), Error> {
    let now = app.clock.now();
    let mut result = Ok(());
    for (source, count) in app.refused.take(now, all) {
        if count.unauthenticated == 0 && count.without_space == 0 {
            continue;
        }
        let told = result.is_ok().then(|| tell(app, source, count, now));
        if !matches!(told, Some(Ok(()))) {
            app.refused.put_back(source, count);
            result = told.unwrap_or(result);
        }
    }
    result
}

fn tell(app: &App, source: IpAddr, count: Count, now: Timestamp) -> Result<(), Error> {
    let source_ip = if source == OTHERS { Source::Service("other sources") } else { Source::Address(source) };
    let record = Record {
        kind: EventKind::ServiceEvent,
        event_id: random_uuid(app.random.as_ref())?,
        event_time: now,
        event_source: SERVICE.event_source,
        event_name: EVENT_NAME.into(),
        aws_region: app.region.clone(),
        source_ip,
        user_agent: SERVICE.event_source.to_owned(),
        request_id: random_uuid(app.random.as_ref())?,
        account: Some(app.account.clone()),
        identity: Arc::new(UserIdentity::of(IdentityKind::Unknown)),
        read_only: true,
        request_parameters: None,
        additional_event_data: vec![
            ("UnauthenticatedRequests", count.unauthenticated.to_string()),
            ("RequestsWithoutSpace", count.without_space.to_string()),
            ("Since", timestamps::iso(count.since)),
        ],
        tls: None,
    };
    let message = "Requests from this source were refused and have no records of their own.".to_owned();
    let line = record.finish(&Outcome::Failure { code: String::new(), message });
    app.trail.append(&line).map_err(|error| Error::internal(format!("the trail cannot be written: {error}")))
}

/// Whoever has one address of IPv6 has all of its network's.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let host = u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !host))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn address(last: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + last))
    }

    #[test]
    fn each_source_has_its_bound_and_the_rest_is_counted_until_told() {
        let refused = Refused::new(2);
        let recorded = |last| (0..5).filter(|_| refused.is_recorded(address(last), NOW)).count();
        assert_eq!((recorded(1), recorded(2)), (2, 2));
        assert!(refused.take(NOW.plus_millis(INTERVAL_MS - 1), false).is_empty());
        let told = refused.take(NOW.plus_millis(INTERVAL_MS), false);
        assert_eq!(told.iter().map(|(_, count)| count.unauthenticated).collect::<Vec<_>>(), [3, 3]);
        let (source, count) = told[0];
        refused.put_back(source, count);
        refused.without_space(source, NOW);
        let (_, again) = refused.take(NOW, true)[0];
        assert_eq!((again.unauthenticated, again.without_space), (3, 1));
        assert_eq!(recorded(1), 2, "a new interval");
    }

    #[test]
    fn so_many_sources_are_told_apart() {
        let refused = Refused::new(1);
        let count = u32::try_from(SOURCES_MAX).unwrap() + 10;
        assert_eq!((0..count).filter(|last| refused.is_recorded(address(*last), NOW)).count(), SOURCES_MAX + 1);
        let told = refused.take(NOW, true);
        assert_eq!(told.len(), SOURCES_MAX + 1);
        assert_eq!(told.iter().map(|(_, count)| count.unauthenticated).sum::<u64>(), 9);
    }

    #[test]
    fn addresses_of_one_network_are_one_source() {
        let refused = Refused::new(1);
        assert!(refused.is_recorded("2001:db8::1".parse().unwrap(), NOW));
        assert!(!refused.is_recorded("2001:db8::ffff:2".parse().unwrap(), NOW));
        assert!(refused.is_recorded("2001:db8:0:1::1".parse().unwrap(), NOW));
    }
}
