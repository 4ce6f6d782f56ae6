//! A record as a message of RFC 5424.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::json;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps::iso;

use super::address::Facility;
use crate::record::{Marks, Record};

/// Something that has succeeded.
const INFORMATIONAL: u8 = 6;
/// Something that was refused or has failed.
const WARNING: u8 = 4;
/// What a header has room in at first.
const HEAD_BYTES: usize = 200;
/// Longest fields of the header, in characters.
const HOST_CHARACTERS_MAX: usize = 255;
const PROCESS_CHARACTERS_MAX: usize = 128;
const NAME_CHARACTERS_MAX: usize = 32;

/// What messages say of their sender.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The host's name.
    pub host: String,
    /// The server's name among others, in the place of a process's number: it outlives the process as its trail does.
    pub node: String,
}

/// Writes messages one behind the other. Of records that differ in neither time, name nor outcome it makes the header once.
pub(super) struct Writer<'i> {
    facility: Facility,
    identity: &'i Identity,
    bytes_max: usize,
    head: String,
    of: Option<(Timestamp, bool, String)>,
}

/// A message that is about to be written.
pub(super) struct Message<'w> {
    head: &'w str,
    body: Cow<'w, str>,
    bytes: usize,
    /// Whether the record was too long for it and is only told of.
    pub(super) shortened: bool,
}

impl<'i> Writer<'i> {
    pub(super) fn new(facility: Facility, identity: &'i Identity, bytes_max: usize) -> Self {
        Self { facility, identity, bytes_max, head: String::with_capacity(HEAD_BYTES), of: None }
    }

    /// The message of a record.
    pub(super) fn message<'w>(&'w mut self, record: &Record<'w>) -> Message<'w> {
        let marks = record.marks();
        let (time, failed) = (marks.time(), marks.failed());
        let same = self.of.as_ref().is_some_and(|of| of.0 == time && of.1 == failed && of.2 == marks.name);
        if !same {
            self.begin(&marks);
            self.of = Some((time, failed, marks.name.to_owned()));
        }
        let whole = self.head.len().saturating_add(record.line().len());
        let shortened = whole > self.bytes_max;
        let body = if shortened { told(record).into() } else { Cow::Borrowed(record.line()) };
        let bytes = self.head.len().saturating_add(body.len()).min(self.bytes_max);
        Message { head: &self.head, body, bytes, shortened }
    }

    fn begin(&mut self, marks: &Marks<'_>) {
        let severity = if marks.failed() { WARNING } else { INFORMATIONAL };
        self.head.clear();
        // Writing to a text does not fail.
        let _ = write!(
            self.head,
            "<{}>1 {} {} strongroom {} {} [origin software=\"strongroom\" swVersion=\"{}\"] ",
            u16::from(self.facility.number()) * 8 + u16::from(severity),
            iso(marks.time()),
            field(&self.identity.host, HOST_CHARACTERS_MAX),
            field(&self.identity.node, PROCESS_CHARACTERS_MAX),
            field(marks.name, NAME_CHARACTERS_MAX),
            env!("CARGO_PKG_VERSION"),
        );
    }
}

#[cfg(test)]
impl<'w> Message<'w> {
    /// One without a header.
    pub(super) fn plain(text: &'w str) -> Self {
        Self { head: "", body: Cow::Borrowed(text), bytes: text.len(), shortened: false }
    }
}

impl Message<'_> {
    /// Its length.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends it to `out`.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let end = out.len().saturating_add(self.bytes);
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice(self.body.as_bytes());
        out.truncate(end);
    }
}

/// What goes in place of a record that is too long.
fn told(record: &Record<'_>) -> String {
    let marks = record.marks();
    let told = json!({
        "eventID": marks.id,
        "eventTime": iso(marks.time()),
        "eventSource": marks.source,
        "eventName": marks.name,
        "recipientAccountId": marks.account,
        "omitted": format!("the record has {} bytes, too many for a message; the trail has it", record.line().len()),
    });
    told.to_string()
}

/// A field of the header: visible characters of ASCII, at least one.
fn field(text: &str, characters_max: usize) -> String {
    let visible: String = text.chars().filter(char::is_ascii_graphic).take(characters_max).collect();
    if visible.is_empty() { "-".to_owned() } else { visible }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{line, of_lines};

    fn of(line: &str, facility: Facility, identity: &Identity, bytes_max: usize) -> (Vec<u8>, bool) {
        let batch = of_lines([line]);
        let record = batch.records().next().unwrap();
        let mut writer = Writer::new(facility, identity, bytes_max);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        writer.message(&record).push(&mut first);
        let message = writer.message(&record);
        message.push(&mut second);
        assert!(first == second && first.len() == message.bytes());
        (first, message.shortened)
    }

    #[test]
    fn each_message_has_the_header_of_its_own_record() {
        let identity = Identity { host: "h".into(), node: "n".into() };
        let facility: Facility = "audit".parse().unwrap();
        let failed = line(1).replace("\"eventID\"", "\"errorCode\":\"X\",\"eventID\"");
        let named = line(1).replace("GetSecretValue", "ListSecrets");
        let all = [line(1), line(61), line(2), failed, named, line(1)];
        let batch = of_lines(all.iter().map(String::as_str));
        let mut writer = Writer::new(facility, &identity, 65_000);
        for (record, line) in batch.records().zip(&all) {
            let mut message = Vec::new();
            writer.message(&record).push(&mut message);
            assert_eq!(message, of(line, facility, &identity, 65_000).0);
        }
    }

    #[test]
    fn a_record_is_a_message_of_rfc_5424() {
        let identity = Identity { host: "host.example".into(), node: "no de".into() };
        let (message, shortened) = of(&line(7), "audit".parse().unwrap(), &identity, 65_000);
        let message = String::from_utf8(message).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let head = format!(
            "<110>1 2026-11-29T15:57:07Z host.example strongroom node GetSecretValue \
             [origin software=\"strongroom\" swVersion=\"{version}\"] "
        );
        assert_eq!((message, shortened), (head + &line(7), false));
        let failed = r#"{"errorCode":"AccessDenied","eventID":"i","eventTime":"1970-01-01T00:00:00Z"}"#;
        let identity = Identity { host: String::new(), node: String::new() };
        let (message, _) = of(failed, "local0".parse().unwrap(), &identity, 65_000);
        assert!(message.starts_with(b"<132>1 1970-01-01T00:00:00Z - strongroom - - [origin"));
    }

    #[test]
    fn of_what_is_too_long_a_mark_goes() {
        let identity = Identity { host: "h".into(), node: "n".into() };
        let long = line(1).replace("}", &format!(",\"x\":\"{}\"}}", "x".repeat(1000)));
        let (message, shortened) = of(&long, "audit".parse().unwrap(), &identity, 600);
        let text = String::from_utf8(message).unwrap();
        assert!(shortened && text.len() <= 600 && text.contains("\"eventID\":\"event-1\""), "{text}");
    }
}
