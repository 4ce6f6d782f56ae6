//! Records as they stand in the trail, and what sinks look at in them.

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use memchr::memmem::Finder;
use serde::Deserialize;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps::parse_iso;

/// A record: one line of JSON.
#[derive(Clone, Debug)]
pub struct Record {
    line: String,
    /// Looked for when the first sink wants them: several may share a record.
    found: OnceLock<Found>,
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.line == other.line
    }
}

impl Eq for Record {}

/// Records that are sent together, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    records: Vec<Record>,
    bytes: usize,
}

/// What sinks look at. What a record does not have is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) source: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) error: &'a str,
    time: Timestamp,
}

/// How they were found.
#[derive(Clone, Debug)]
enum Found {
    /// As parts of the line.
    Seen(Seen),
    /// By reading the line as JSON.
    Read(Box<ReadMarks>, Timestamp),
}

/// Where they stand in a line.
#[derive(Clone, Debug)]
struct Seen {
    id: Range<usize>,
    name: Range<usize>,
    source: Range<usize>,
    region: Range<usize>,
    account: Range<usize>,
    error: Range<usize>,
    time: Timestamp,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ReadMarks {
    #[serde(rename = "eventID", default)]
    id: Box<str>,
    #[serde(rename = "eventTime", default)]
    time: Box<str>,
    #[serde(rename = "eventName", default)]
    name: Box<str>,
    #[serde(rename = "eventSource", default)]
    source: Box<str>,
    #[serde(rename = "awsRegion", default)]
    region: Box<str>,
    #[serde(rename = "recipientAccountId", default)]
    account: Box<str>,
    #[serde(rename = "errorCode", default)]
    error: Box<str>,
}

/// A member's beginning stands nowhere else: within a text its quotes would be escaped.
static TIME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(",\"eventTime\":\""));
static ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(",\"eventID\":\""));
static ACCOUNT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(",\"recipientAccountId\":\""));

impl Seen {
    /// Finds them in a line as the server writes it, whose members have a known order; none in any other.
    fn of(line: &str) -> Option<Self> {
        let bytes = line.as_bytes();
        let mut at = TIME.find(bytes)?;
        let time = next_text(line, &mut at, ",\"eventTime\":\"")?;
        let source = next_text(line, &mut at, ",\"eventSource\":\"")?;
        let name = next_text(line, &mut at, ",\"eventName\":\"")?;
        let region = next_text(line, &mut at, ",\"awsRegion\":\"")?;
        pass_text(line, &mut at, ",\"sourceIPAddress\":\"")?;
        pass_text(line, &mut at, ",\"userAgent\":\"")?;
        let error = if line.get(at..)?.starts_with(",\"errorCode\":") {
            next_text(line, &mut at, ",\"errorCode\":\"")?
        } else {
            0..0
        };
        // What a client asked for may have the same names inside; behind it there are only the server's own.
        let mut at = ID.find_iter(bytes).last()?;
        let id = next_text(line, &mut at, ",\"eventID\":\"")?;
        let account = match ACCOUNT.find(bytes.get(at..)?) {
            Some(found) => next_text(line, &mut at.checked_add(found)?, ",\"recipientAccountId\":\"")?,
            None => 0..0,
        };
        Some(Self { id, name, source, region, account, error, time: parse_iso(line.get(time)?)? })
    }
}

/// The text of the member that begins at `at` as `member`, and `at` behind it; none when something in it is escaped.
fn next_text(line: &str, at: &mut usize, member: &str) -> Option<Range<usize>> {
    let rest = line.get(*at..)?.strip_prefix(member)?.as_bytes();
    let end = memchr::memchr2(b'"', b'\\', rest)?;
    let from = *at + member.len();
    *at = from + end + 1;
    (rest.get(end) == Some(&b'"')).then_some(from..from + end)
}

/// The same where the text may have any form.
fn pass_text(line: &str, at: &mut usize, member: &str) -> Option<()> {
    let rest = line.get(*at..)?.strip_prefix(member)?.as_bytes();
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', rest.get(end..)?)?;
        if rest.get(end) == Some(&b'"') {
            break;
        }
        end += 2;
    }
    *at += member.len() + end + 1;
    Some(())
}

impl Found {
    fn of(line: &str) -> Self {
        if let Some(seen) = Seen::of(line) {
            return Self::Seen(seen);
        }
        let read: ReadMarks = serde_json::from_str(line).unwrap_or_default();
        let time = parse_iso(&read.time).unwrap_or(Timestamp::from_seconds(0));
        Self::Read(Box::new(read), time)
    }

    fn marks<'a>(&'a self, line: &'a str) -> Marks<'a> {
        match self {
            Self::Seen(Seen { id, name, source, region, account, error, time }) => {
                let part = |range: &Range<usize>| line.get(range.clone()).unwrap_or_default();
                Marks {
                    id: part(id),
                    name: part(name),
                    source: part(source),
                    region: part(region),
                    account: part(account),
                    error: part(error),
                    time: *time,
                }
            }
            Self::Read(read, time) => Marks {
                id: &read.id,
                name: &read.name,
                source: &read.source,
                region: &read.region,
                account: &read.account,
                error: &read.error,
                time: *time,
            },
        }
    }
}

impl Record {
    /// The record of a line, without the line's end.
    #[must_use]
    pub fn new(line: String) -> Self {
        Self { line, found: OnceLock::new() }
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn marks(&self) -> Marks<'_> {
        self.found.get_or_init(|| Found::of(&self.line)).marks(&self.line)
    }
}

impl Batch {
    /// Adds a record.
    pub fn push(&mut self, record: Record) {
        self.bytes = self.bytes.saturating_add(record.line.len()).saturating_add(1);
        self.records.push(record);
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Their length together, with the ends of their lines.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl FromIterator<Record> for Batch {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut batch = Self::default();
        records.into_iter().for_each(|record| batch.push(record));
        batch
    }
}

impl Marks<'_> {
    /// When the event happened; the epoch when the record does not tell.
    pub(crate) const fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether what was asked for was refused or failed.
    pub(crate) const fn failed(&self) -> bool {
        !self.error.is_empty()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record(n: u32) -> Record {
        Record::new(format!(
            r#"{{"eventVersion":"1.09","eventTime":"2026-11-29T15:57:{:02}Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue","awsRegion":"us-east-1","eventID":"event-{n}","recipientAccountId":"123456789012"}}"#,
            n % 60
        ))
    }

    pub(crate) fn batch(range: std::ops::Range<u32>) -> Batch {
        range.map(record).collect()
    }

    #[test]
    fn marks_are_read_and_what_is_missing_is_empty() {
        let record = record(7);
        let marks = record.marks();
        assert_eq!((marks.id, marks.account, marks.failed()), ("event-7", "123456789012", false));
        assert_eq!(marks.time().millis(), 1_795_967_827_000);
        let other = Record::new(r#"{"errorCode":"Access\u0044enied","x":[1]}"#.to_owned());
        let marks = other.marks();
        assert_eq!((marks.error, marks.id, marks.time().millis()), ("AccessDenied", "", 0));
        assert!(marks.failed());
    }

    #[test]
    fn what_is_seen_in_a_line_of_the_server_is_what_reading_it_gives() {
        let nested =
            r#"{"eventTime":"x","eventID":"y","recipientAccountId":"z","errorCode":"w","a":[{"q":1,"eventID":"no"}]}"#;
        for error in ["", r#","errorCode":"AccessDenied","errorMessage":"a \"b\" \\""#] {
            for account in ["", r#","recipientAccountId":"123456789012""#] {
                let line = format!(
                    r#"{{"eventVersion":"1.09","userIdentity":{{"type":"Root"}},"eventTime":"2026-11-29T15:57:07Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue","awsRegion":"us-east-1","sourceIPAddress":"::1","userAgent":"x\\\",\"errorCode\":\"é\\"{error},"requestParameters":{nested},"responseElements":{nested},"requestID":"r","eventID":"e-1","readOnly":true,"eventType":"AwsApiCall"{account},"eventCategory":"Management"}}"#
                );
                let seen = Found::Seen(Seen::of(&line).unwrap());
                let read: ReadMarks = serde_json::from_str(&line).unwrap();
                let time = parse_iso(&read.time).unwrap();
                assert_eq!(seen.marks(&line), Found::Read(Box::new(read), time).marks(&line));
                assert_eq!((seen.marks(&line).id, seen.marks(&line).failed()), ("e-1", !error.is_empty()));
            }
        }
        for line in ["", "{}", r#"{"a":1,"eventTime":"2026-11-29T15:57:07Z"}"#, r#"{"a":1,"eventTime":"\"#] {
            assert!(Seen::of(line).is_none(), "{line}");
        }
    }
}
