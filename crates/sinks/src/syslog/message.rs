//! A record as a message of RFC 5424.

use std::fmt::Write as _;

use serde_json::json;
use strongroom_wire::timestamps::iso;

use super::address::Facility;
use crate::record::Record;

/// Something that has succeeded.
const INFORMATIONAL: u8 = 6;
/// Something that was refused or has failed.
const WARNING: u8 = 4;
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

/// The message of a record, and whether the record was too long for it and is only told of.
pub(super) fn of(record: &Record, facility: Facility, identity: &Identity, bytes_max: usize) -> (Vec<u8>, bool) {
    let marks = record.marks();
    let severity = if marks.failed() { WARNING } else { INFORMATIONAL };
    let mut head = String::with_capacity(200);
    // Writing to a text does not fail.
    let _ = write!(
        head,
        "<{}>1 {} {} strongroom {} {} [origin software=\"strongroom\" swVersion=\"{}\"] ",
        u16::from(facility.number()) * 8 + u16::from(severity),
        iso(marks.time()),
        field(&identity.host, HOST_CHARACTERS_MAX),
        field(&identity.node, PROCESS_CHARACTERS_MAX),
        field(&marks.name, NAME_CHARACTERS_MAX),
        env!("CARGO_PKG_VERSION"),
    );
    let whole = head.len().saturating_add(record.line().len());
    if whole <= bytes_max {
        head.push_str(record.line());
        return (head.into_bytes(), false);
    }
    let told = json!({
        "eventID": marks.id,
        "eventTime": iso(marks.time()),
        "eventSource": marks.source,
        "eventName": marks.name,
        "recipientAccountId": marks.account,
        "omitted": format!("the record has {} bytes, too many for a message; the trail has it", record.line().len()),
    });
    head.push_str(&told.to_string());
    let mut message = head.into_bytes();
    message.truncate(bytes_max);
    (message, true)
}

/// A field of the header: visible characters of ASCII, at least one.
fn field(text: &str, characters_max: usize) -> String {
    let visible: String = text.chars().filter(char::is_ascii_graphic).take(characters_max).collect();
    if visible.is_empty() { "-".to_owned() } else { visible }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    #[test]
    fn a_record_is_a_message_of_rfc_5424() {
        let identity = Identity { host: "host.example".into(), node: "no de".into() };
        let (message, shortened) = of(&record(7), "audit".parse().unwrap(), &identity, 65_000);
        let message = String::from_utf8(message).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let head = format!(
            "<110>1 2026-11-29T15:57:07Z host.example strongroom node GetSecretValue \
             [origin software=\"strongroom\" swVersion=\"{version}\"] "
        );
        assert_eq!((message, shortened), (head + record(7).line(), false));
        let failed = Record::new(r#"{"errorCode":"AccessDenied"}"#.to_owned());
        let identity = Identity { host: String::new(), node: String::new() };
        let (message, _) = of(&failed, "local0".parse().unwrap(), &identity, 65_000);
        assert!(message.starts_with(b"<132>1 1970-01-01T00:00:00Z - strongroom - - [origin"));
    }

    #[test]
    fn of_what_is_too_long_a_mark_goes() {
        let identity = Identity { host: "h".into(), node: "n".into() };
        let long = record(1).line().replace("}", &format!(",\"x\":\"{}\"}}", "x".repeat(1000)));
        let (message, shortened) = of(&Record::new(long), "audit".parse().unwrap(), &identity, 600);
        let text = String::from_utf8(message).unwrap();
        assert!(shortened && text.len() <= 600 && text.contains("\"eventID\":\"event-1\""), "{text}");
    }
}
