//! Records as they stand in the trail, and what sinks look at in them.

use std::ops::Range;

use serde::Deserialize;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps::parse_iso;
use strongroom_wire::trail_line::Line;

/// Records that are sent together, in their order. What sinks look at is found once for all that share it.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Their lines, each with its end.
    text: String,
    entries: Vec<Entry>,
    /// The time that was read last, as it is written: one record behind the other mostly has the same.
    time: Option<(String, Timestamp)>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Where its line is in the text, without the end.
    line: Range<usize>,
    found: Found,
}

/// A record: one line of JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'b> {
    line: &'b str,
    found: &'b Found,
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
    id: Part,
    name: Part,
    source: Part,
    region: Part,
    account: Part,
    error: Part,
    time: Timestamp,
}

/// Bytes of a line: no line has more than 32 bits can count.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    from: u32,
    until: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct ReadMarks {
    #[serde(rename = "eventID")]
    id: Box<str>,
    #[serde(rename = "eventTime")]
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

/// What every record has.
#[derive(Deserialize)]
struct Least {
    #[serde(rename = "eventID")]
    id: Box<str>,
    #[serde(rename = "eventTime")]
    time: Box<str>,
}

impl From<Least> for ReadMarks {
    fn from(Least { id, time }: Least) -> Self {
        let none = Box::<str>::default;
        Self { id, time, name: none(), source: none(), region: none(), account: none(), error: none() }
    }
}

impl Part {
    /// That of `part`, which was cut out of `line`.
    fn of(part: &str, line: &str) -> Option<Self> {
        let from = part.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        let until = from.checked_add(part.len()).filter(|until| *until <= line.len())?;
        Some(Self { from: u32::try_from(from).ok()?, until: u32::try_from(until).ok()? })
    }

    fn cut<'l>(&self, line: &'l str) -> &'l str {
        let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        line.get(place(self.from)..place(self.until)).unwrap_or_default()
    }
}

impl Seen {
    /// Finds them in a line as the server writes it; none in any other.
    fn of(line: &str, time: impl FnOnce(&str) -> Option<Timestamp>) -> Option<Self> {
        let seen = Line::seen(line)?;
        let part = |part: &str| Part::of(part, line);
        let part_of = |text: Option<&str>| text.map_or(Some(Part::default()), part);
        Some(Self {
            id: part(seen.id)?,
            name: part(seen.name)?,
            source: part(seen.source)?,
            region: part(seen.region)?,
            account: part_of(seen.account)?,
            error: part_of(seen.error)?,
            time: time(seen.time)?,
        })
    }
}

impl Found {
    /// What is found in a line; none when it is no record, which has an id and a time at least.
    fn of(line: &str, time: impl FnOnce(&str) -> Option<Timestamp>) -> Option<Self> {
        if let Some(seen) = Seen::of(line, time) {
            return Some(Self::Seen(seen));
        }
        // Of what is not as the server writes it the rest may have any form.
        let read = serde_json::from_str(line).or_else(|_| serde_json::from_str::<Least>(line).map(ReadMarks::from));
        let read = read.ok().filter(|_| line.starts_with('{'))?;
        let time = parse_iso(&read.time)?;
        Some(Self::Read(Box::new(read), time))
    }

    fn marks<'a>(&'a self, line: &'a str) -> Marks<'a> {
        match self {
            Self::Seen(Seen { id, name, source, region, account, error, time }) => Marks {
                id: id.cut(line),
                name: name.cut(line),
                source: source.cut(line),
                region: region.cut(line),
                account: account.cut(line),
                error: error.cut(line),
                time: *time,
            },
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

impl<'b> Record<'b> {
    /// The line, without its end.
    pub(crate) const fn line(&self) -> &'b str {
        self.line
    }

    pub(crate) fn marks(&self) -> Marks<'b> {
        self.found.marks(self.line)
    }
}

impl Batch {
    /// Adds the record of `line`, which has no end, and returns whether it is one.
    pub fn push(&mut self, line: &str) -> bool {
        let known = &mut self.time;
        let time = |text: &str| match known {
            Some((same, time)) if same == text => Some(*time),
            _ => {
                let time = parse_iso(text)?;
                *known = Some((text.to_owned(), time));
                Some(time)
            }
        };
        let Some(found) = Found::of(line, time) else { return false };
        let from = self.text.len();
        self.text.push_str(line);
        self.entries.push(Entry { line: from..self.text.len(), found });
        self.text.push('\n');
        true
    }

    /// An empty one in the memory of this one.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        self.text.clear();
        self.entries.clear();
        self
    }

    /// The records.
    pub(crate) fn records(&self) -> impl DoubleEndedIterator<Item = Record<'_>> {
        self.entries
            .iter()
            .map(|Entry { line, found }| Record { line: self.text.get(line.clone()).unwrap_or_default(), found })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Their lines, each with its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Their length together, with the ends of their lines.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes of memory that it has, about.
    #[must_use]
    pub fn room(&self) -> usize {
        let entries = self.entries.capacity().saturating_mul(size_of::<Entry>());
        self.text.capacity().saturating_add(entries)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Batch {}

impl Marks<'_> {
    /// When the event happened.
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

    pub(crate) fn line(n: u32) -> String {
        format!(
            r#"{{"eventVersion":"1.09","eventTime":"2026-11-29T15:57:{:02}Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue","awsRegion":"us-east-1","eventID":"event-{n}","recipientAccountId":"123456789012"}}"#,
            n % 60
        )
    }

    pub(crate) fn of_lines<'l>(lines: impl IntoIterator<Item = &'l str>) -> Batch {
        let mut batch = Batch::default();
        lines.into_iter().for_each(|line| assert!(batch.push(line), "{line}"));
        batch
    }

    pub(crate) fn batch(range: std::ops::Range<u32>) -> Batch {
        of_lines(range.map(line).collect::<Vec<_>>().iter().map(String::as_str))
    }

    #[test]
    fn marks_are_read_and_what_is_missing_is_empty() {
        let records = batch(7..9);
        let marks = records.records().next().unwrap().marks();
        assert_eq!((marks.id, marks.account, marks.failed()), ("event-7", "123456789012", false));
        assert_eq!(marks.time().millis(), 1_795_967_827_000);
        let other = of_lines([r#"{"errorCode":"Access\u0044enied","eventID":"i","eventTime":"1970-01-01T00:00:00Z"}"#]);
        let marks = other.records().next().unwrap().marks();
        assert_eq!((marks.error, marks.id, marks.name, marks.time().millis()), ("AccessDenied", "i", "", 0));
        assert!(marks.failed());
        // What has an id and a time is a record, whatever else it has.
        for more in [r#""errorCode":null"#, r#""awsRegion":1,"awsRegion":2"#] {
            let line = format!(r#"{{"eventID":"i","eventTime":"1970-01-01T00:00:00Z",{more}}}"#);
            assert_eq!(of_lines([line.as_str()]).records().next().unwrap().marks().id, "i");
        }
        for none in [
            "",
            "{}",
            r#"["i","1970-01-01T00:00:00Z"]"#,
            r#"{"eventID":"i"}"#,
            r#"{"eventTime":"1970-01-01T00:00:00Z"}"#,
            &line(1).replace("T", ""),
        ] {
            assert!(!Batch::default().push(none), "{none}");
        }
    }

    #[test]
    fn what_is_seen_in_a_line_of_the_server_is_what_reading_it_gives() {
        let nested =
            r#"{"eventTime":"x","eventID":"y","recipientAccountId":"z","errorCode":"w","a":[{"q":1,"eventID":"no"}]}"#;
        for error in ["", r#","errorCode":"AccessDenied","errorMessage":"a \"b\" \\""#] {
            for account in ["", r#","recipientAccountId":"123456789012""#] {
                let line = format!(
                    r#"{{"eventVersion":"1.09","userIdentity":{{"type":"Root"}},"eventTime":"2026-11-29T15:57:07Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue","awsRegion":"us-east-1","sourceIPAddress":"::1","userAgent":"x\\\",\"errorCode\":\"é\\"{error},"requestParameters":{nested},"responseElements":{nested},"requestID":"r","eventID":"e-1","readOnly":true,"eventType":"AwsApiCall","managementEvent":true{account},"eventCategory":"Management"}}"#
                );
                let seen = Found::Seen(Seen::of(&line, parse_iso).unwrap());
                let read: ReadMarks = serde_json::from_str(&line).unwrap();
                let time = parse_iso(&read.time).unwrap();
                assert_eq!(seen.marks(&line), Found::Read(Box::new(read), time).marks(&line));
                assert_eq!((seen.marks(&line).id, seen.marks(&line).failed()), ("e-1", !error.is_empty()));
            }
        }
    }
}
