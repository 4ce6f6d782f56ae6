//! Events for EventBridge, as they are committed with the change that they tell of: entries of a topic of the feed, which
//! the work of `events` takes from there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;
use strongroom_crypto::{Context, CryptoError, Keyring};
use strongroom_store::{Change, FeedEntry, FeedRow, Kind, Store, StoreError, Watcher};
use strongroom_types::{Region, Timestamp};
use strongroom_wire::timestamps::iso;

use crate::documents::Documents;
use crate::error::Error;
use crate::random_uuid;
use crate::trail::record::{EventKind, Record};

/// The topic of the feed that events wait in, whichever server committed them.
pub const TOPIC: &str = "events";
/// Kind of the documents of rules, whose changes tell whether events are wanted.
pub const RULE: Kind = Kind("event-rule");
/// What an event of a call is called.
pub const API_CALL: &str = "AWS API Call via CloudTrail";
/// What an event of the service's own is called.
pub const SERVICE_EVENT: &str = "AWS Service Event via CloudTrail";
/// What the event of a moved staging label is called.
pub const LABEL_UPDATED: &str = "Secret Label Updated";
/// What ends the names of services as principals and as sources of records.
const DOMAIN: &str = ".amazonaws.com";
/// What sources of events of services begin with.
const SERVICES: &str = "aws.";
/// The operation whose calls are data and no events themselves, as at AWS.
const PUT_EVENTS: &str = "PutEvents";
/// Entries that are read at once when all are looked at.
const PAGE: usize = 500;

/// Whether anybody wants events: without a rule, none is committed. While that is not known, all are.
#[derive(Debug, Default)]
pub struct Interest {
    changes: AtomicU64,
    none: AtomicBool,
}

impl Interest {
    /// How often rules have changed, as far as is known here.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Notes whether there are rules, as they were found when `changes` was read.
    pub fn note(&self, there_are_rules: bool, changes: u64) {
        self.none.store(!there_are_rules, Ordering::SeqCst);
        // A rule that came meanwhile goes before what was found.
        if self.changes() != changes {
            self.none.store(false, Ordering::SeqCst);
        }
    }

    /// Whether events are to be committed.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.none.load(Ordering::SeqCst)
    }

    fn change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.none.store(false, Ordering::SeqCst);
    }
}

impl Watcher for Interest {
    fn changed(&self, changes: &[Change<'_>]) {
        if changes.iter().any(|change| change.key.kind == RULE) {
            self.change();
        }
    }

    fn missed(&self) {
        self.change();
    }
}

/// An event that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// Its source, such as `aws.secretsmanager`.
    pub source: &'a str,
    /// What it is called.
    pub detail_type: &'a str,
    /// The account that it happened in.
    pub account: &'a str,
    /// The region.
    pub region: &'a Region,
    /// When it happened.
    pub time: Timestamp,
    /// The ARNs of what it is about.
    pub resources: &'a [String],
    /// What is told, as a JSON object.
    pub detail: &'a str,
}

impl Announcement<'_> {
    /// The event in EventBridge's envelope, under a new id, which comes first.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn envelope(&self, documents: &Documents) -> Result<(String, String), CryptoError> {
        let id = random_uuid(documents.random())?;
        let text = |text: &str| Value::from(text).to_string();
        let resources = Value::from(self.resources.to_vec()).to_string();
        // Whole seconds, as EventBridge has them.
        let time = iso(Timestamp::from_seconds(self.time.seconds()));
        let event = [
            ("{\"version\":\"0\",\"id\":", text(&id)),
            (",\"detail-type\":", text(self.detail_type)),
            (",\"source\":", text(self.source)),
            (",\"account\":", text(self.account)),
            (",\"time\":", text(&time)),
            (",\"region\":", text(self.region.as_str())),
            (",\"resources\":", resources),
            (",\"detail\":", self.detail.to_owned()),
        ];
        Ok((id, event.iter().flat_map(|(name, value)| [*name, value]).chain(["}"]).collect()))
    }
}

/// An event as an entry of the feed, to be committed with what it tells of.
///
/// # Errors
/// When the random source fails.
pub fn seal(documents: &Documents, id: &str, event: &str) -> Result<FeedEntry, CryptoError> {
    let body = documents.keyring().seal(documents.random(), &context(id), event.as_bytes())?;
    Ok(FeedEntry { topic: TOPIC.into(), id: id.to_owned(), body })
}

/// The event of an entry of the feed.
///
/// # Errors
/// When the entry was altered, or its key is not at hand.
pub fn open(keyring: &Keyring, row: &FeedRow) -> Result<String, CryptoError> {
    let event = keyring.open(&context(&row.id), &row.body)?;
    std::str::from_utf8(event.expose()).map(str::to_owned).map_err(|_| CryptoError::Format)
}

/// The entry of an event, when anybody wants events.
///
/// # Errors
/// When the random source fails.
pub fn entry(documents: &Documents, announcement: &Announcement<'_>) -> Result<Option<FeedEntry>, Error> {
    if !documents.announces() {
        return Ok(None);
    }
    let (id, event) = announcement.envelope(documents)?;
    Ok(Some(seal(documents, &id, &event)?))
}

/// The entry of the event that a record of a change makes, whose line is `line`.
///
/// # Errors
/// When the random source fails.
pub fn entry_of_record(documents: &Documents, record: &Record, line: &str) -> Result<Option<FeedEntry>, Error> {
    let Some(service) = record.event_source.strip_suffix(DOMAIN) else { return Ok(None) };
    let Some(account) = record.account.as_ref().filter(|_| !record.read_only && record.event_name != PUT_EVENTS) else {
        return Ok(None);
    };
    let announcement = Announcement {
        source: &[SERVICES, service].concat(),
        detail_type: if record.kind == EventKind::ServiceEvent { SERVICE_EVENT } else { API_CALL },
        account: account.as_str(),
        region: &record.aws_region,
        time: record.event_time,
        resources: &[],
        detail: line,
    };
    entry(documents, &announcement)
}

/// What is wrong with the events that wait, in words: each is opened.
///
/// # Errors
/// When the store fails.
pub async fn faults(store: &dyn Store, keyring: &Keyring) -> Result<Vec<String>, StoreError> {
    let (mut faults, mut after) = (Vec::new(), 0);
    loop {
        let rows = store.feed(TOPIC, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(faults) };
        after = last.sequence;
        let fault = |row: &FeedRow| {
            open(keyring, row).err().map(|error| format!("entry {} of the feed {TOPIC}: {error}", row.sequence))
        };
        faults.extend(rows.iter().filter_map(fault));
    }
}

fn context(id: &str) -> Context {
    Context::new("feed").field(TOPIC).field(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_wanted() {
        let interest = Interest::default();
        assert!(interest.is_there());
        interest.note(false, interest.changes());
        assert!(!interest.is_there());
        interest.missed();
        assert!(interest.is_there());
        let changes = interest.changes();
        interest.missed();
        interest.note(false, changes);
        assert!(interest.is_there(), "a rule came meanwhile");
    }
}
