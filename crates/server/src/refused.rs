//! How many refused requests of each source have records of their own, and the sums that tell of the others.
//!
//! Whoever can reach the port can be refused as often as it likes, and each record takes room on the disk. Above a
//! bound for each source and minute, and for all sources together, such requests are counted, and one record tells how
//! many there were.

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
/// All sources together have so many times the records of one.
const ALL_FACTOR: u32 = 10;
/// Bits of an address of IPv6 that tell sources apart: what providers give to one customer.
const IPV6_NETWORK_BITS: u32 = 48;
/// Under which those are counted.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// The name of the record that tells how many requests have none.
const EVENT_NAME: &str = "RefusedRequestsSummary";

/// The refused requests of the present minute.
#[derive(Debug)]
pub(crate) struct Refused {
    table: Mutex<Table>,
    recorded_max: u32,
}

#[derive(Debug, Default)]
struct Table {
    sources: HashMap<IpAddr, Count>,
    /// Since when all sources' records are counted, and how many there were.
    all: Option<(Timestamp, u32)>,
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
        Self { table: Mutex::default(), recorded_max }
    }

    /// Whether an unauthenticated request from `source` has a record of its own; if not, it is counted.
    pub(crate) fn is_recorded(&self, source: IpAddr, now: Timestamp) -> bool {
        let mut table = self.table();
        let (since, all) = table.all.filter(|(since, _)| !has_ended(*since, now)).unwrap_or((now, 0));
        let count = table.count(network(source), now);
        let recorded = count.recorded < self.recorded_max && all < self.recorded_max.saturating_mul(ALL_FACTOR);
        if recorded {
            count.recorded += 1
        } else {
            count.unauthenticated += 1
        }
        table.all = Some((since, all + u32::from(recorded)));
        recorded
    }

    /// Counts a request from `source` that was refused because the trail's disk has too little space.
    pub(crate) fn without_space(&self, source: IpAddr, now: Timestamp) {
        self.table().count(network(source), now).without_space += 1;
    }

    /// Takes the counts of intervals that have ended, or all.
    fn take(&self, now: Timestamp, all: bool) -> Vec<(IpAddr, Count)> {
        self.table().sources.extract_if(|_, count| all || has_ended(count.since, now)).collect()
    }

    /// Takes back a count that could not be told.
    fn put_back(&self, source: IpAddr, told: Count) {
        let mut table = self.table();
        let count = table.count(source, told.since);
        count.recorded = count.recorded.max(told.recorded);
        count.since = count.since.min(told.since);
        count.unauthenticated += told.unauthenticated;
        count.without_space += told.without_space;
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The count of `source`, or of the others when there is no place for it. A source of which there is nothing to tell
    /// makes place; that it may have records anew then is bounded by what all have.
    fn count(&mut self, mut source: IpAddr, now: Timestamp) -> &mut Count {
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            let mut counts = self.sources.iter();
            match counts.find(|(_, count)| count.is_empty()).map(|(source, _)| *source) {
                Some(silent) => drop(self.sources.remove(&silent)),
                None => source = OTHERS,
            }
        }
        let fresh = Count { since: now, recorded: 0, unauthenticated: 0, without_space: 0 };
        self.sources.entry(source).or_insert(fresh)
    }
}

impl Count {
    /// Whether there is nothing to tell.
    fn is_empty(&self) -> bool {
        self.unauthenticated == 0 && self.without_space == 0
    }
}

fn has_ended(since: Timestamp, now: Timestamp) -> bool {
    now.millis_since(since) >= INTERVAL_MS || now < since
}

/// Writes a record for each source whose interval has ended, or for all of them, that had more refused requests than
/// were recorded.
///
/// # Errors
/// When one cannot be written; what is not told stays counted.
pub(crate) fn sum_up(app: &App, all: bool) -> Result<(), Error> {
    let now = app.clock.now();
    let mut result = Ok(());
    for (source, count) in app.admission.refused.take(now, all) {
        if count.is_empty() {
            continue;
        }
        let told = result.is_ok().then(|| tell(app, source, count, now));
        if !matches!(told, Some(Ok(()))) {
            app.admission.refused.put_back(source, count);
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
        user_agent: SERVICE.event_source.into(),
        request_id: random_uuid(app.random.as_ref())?,
        account: Some(app.account.clone()),
        identity: Arc::new(UserIdentity::of(IdentityKind::Unknown)),
        invoked_by: None,
        read_only: true,
        request_parameters: None,
        additional_event_data: vec![
            ("UnauthenticatedRequests", count.unauthenticated.to_string()),
            ("RequestsWithoutSpace", count.without_space.to_string()),
            ("Since", timestamps::iso(count.since)),
        ],
        endpoint_id: None,
        tls: None,
    };
    let message = "Requests from this source were refused and have no records of their own.".to_owned();
    let line = record.finish(&Outcome::Failure { code: String::new(), message });
    app.trail.append(&line).map_err(|error| Error::internal(format!("the trail cannot be written: {error}")))
}

/// Whoever has one address of IPv6 has all of its network's.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let host = u128::MAX >> IPV6_NETWORK_BITS;
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
        let refused = Refused::new(0);
        let count = u32::try_from(SOURCES_MAX).unwrap() + 10;
        assert_eq!((0..count).filter(|last| refused.is_recorded(address(*last), NOW)).count(), 0);
        let told = refused.take(NOW, true);
        assert_eq!(told.len(), SOURCES_MAX + 1);
        assert_eq!(told.iter().map(|(_, count)| count.unauthenticated).sum::<u64>(), u64::from(count));
        assert_eq!(told.iter().find(|(source, _)| *source == OTHERS).unwrap().1.unauthenticated, 10);
        for last in 0..count {
            refused.is_recorded(address(count + last), NOW);
        }
        told.into_iter().for_each(|(source, count)| refused.put_back(source, count));
        let told = refused.take(NOW, true);
        assert_eq!(told.len(), SOURCES_MAX + 1, "what is put back does not make the table larger");
        assert_eq!(told.iter().map(|(_, count)| count.unauthenticated).sum::<u64>(), 2 * u64::from(count));
    }

    #[test]
    fn all_sources_together_have_a_bound() {
        let refused = Refused::new(2);
        let recorded = |now| (0..30).filter(|last| refused.is_recorded(address(*last), now)).count();
        assert_eq!(recorded(NOW), 20);
        assert_eq!(recorded(NOW.plus_millis(INTERVAL_MS - 1)), 0);
        let told = refused.take(NOW, true);
        assert_eq!(told.iter().map(|(_, count)| count.unauthenticated).sum::<u64>(), 40);
        assert_eq!(recorded(NOW.plus_millis(INTERVAL_MS)), 20, "a new interval");
    }

    #[test]
    fn a_source_of_which_there_is_nothing_to_tell_makes_place() {
        let refused = Refused::new(u32::MAX);
        let count = u32::try_from(SOURCES_MAX).unwrap();
        assert!((0..count).all(|last| refused.is_recorded(address(last), NOW)));
        refused.without_space(address(count), NOW);
        let told = refused.take(NOW, true);
        assert_eq!(told.len(), SOURCES_MAX);
        assert!(told.iter().any(|(source, count)| *source == address(4096) && count.without_space == 1));
    }

    #[test]
    fn addresses_of_one_network_are_one_source() {
        let refused = Refused::new(1);
        assert!(refused.is_recorded("2001:db8::1".parse().unwrap(), NOW));
        assert!(!refused.is_recorded("2001:db8:0:ffff::2".parse().unwrap(), NOW));
        assert!(refused.is_recorded("2001:db8:1::1".parse().unwrap(), NOW));
    }
}
