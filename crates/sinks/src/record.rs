//! Records as they stand in the trail, and what sinks look at in them.

use std::borrow::Cow;

use serde::Deserialize;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps::parse_iso;

/// A record: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(String);

/// Records that are sent together, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    records: Vec<Record>,
    bytes: usize,
}

/// What sinks look at. What a record does not have is empty.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Marks<'a> {
    #[serde(rename = "eventID", borrow, default)]
    pub(crate) id: Cow<'a, str>,
    #[serde(rename = "eventTime", borrow, default)]
    time: Cow<'a, str>,
    #[serde(rename = "eventName", borrow, default)]
    pub(crate) name: Cow<'a, str>,
    #[serde(rename = "eventSource", borrow, default)]
    pub(crate) source: Cow<'a, str>,
    #[serde(rename = "awsRegion", borrow, default)]
    pub(crate) region: Cow<'a, str>,
    #[serde(rename = "recipientAccountId", borrow, default)]
    pub(crate) account: Cow<'a, str>,
    #[serde(rename = "errorCode", borrow, default)]
    pub(crate) error: Cow<'a, str>,
}

impl Record {
    /// The record of a line, without the line's end.
    #[must_use]
    pub fn new(line: String) -> Self {
        Self(line)
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.0
    }

    pub(crate) fn marks(&self) -> Marks<'_> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Batch {
    /// Adds a record.
    pub fn push(&mut self, record: Record) {
        self.bytes = self.bytes.saturating_add(record.0.len()).saturating_add(1);
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
    pub(crate) fn time(&self) -> Timestamp {
        parse_iso(&self.time).unwrap_or(Timestamp::from_seconds(0))
    }

    /// Whether what was asked for was refused or failed.
    pub(crate) fn failed(&self) -> bool {
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
        assert_eq!((marks.id.as_ref(), marks.account.as_ref(), marks.failed()), ("event-7", "123456789012", false));
        assert_eq!(marks.time().millis(), 1_795_967_827_000);
        let other = Record::new(r#"{"errorCode":"Access\u0044enied","x":[1]}"#.to_owned());
        let marks = other.marks();
        assert_eq!((marks.error.as_ref(), marks.id.as_ref(), marks.time().millis()), ("AccessDenied", "", 0));
        assert!(marks.failed());
    }
}
