//! Records as they stand in the trail, and what sinks look at in them.

use std::sync::OnceLock;

use serde::Deserialize;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps::parse_iso;

/// A record: one line of JSON.
#[derive(Clone, Debug)]
pub struct Record {
    line: String,
    /// Read when the first sink looks at them: several may share a record.
    marks: OnceLock<Marks>,
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
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Marks {
    #[serde(rename = "eventID", default)]
    pub(crate) id: Box<str>,
    #[serde(rename = "eventTime", default)]
    time: Box<str>,
    #[serde(rename = "eventName", default)]
    pub(crate) name: Box<str>,
    #[serde(rename = "eventSource", default)]
    pub(crate) source: Box<str>,
    #[serde(rename = "awsRegion", default)]
    pub(crate) region: Box<str>,
    #[serde(rename = "recipientAccountId", default)]
    pub(crate) account: Box<str>,
    #[serde(rename = "errorCode", default)]
    pub(crate) error: Box<str>,
}

impl Record {
    /// The record of a line, without the line's end.
    #[must_use]
    pub fn new(line: String) -> Self {
        Self { line, marks: OnceLock::new() }
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn marks(&self) -> &Marks {
        self.marks.get_or_init(|| serde_json::from_str(&self.line).unwrap_or_default())
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

impl Marks {
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
