//! A sink that is an OTLP collector: log records by OTLP/HTTP, as protocol buffers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use strongroom_client::{Endpoint, Trust};
use strongroom_types::{Clock, Timestamp};

use crate::headers::HeaderSource;
use crate::protobuf::{Message, Value, fields, length_of};
use crate::record::{Marks, Record};
use crate::spare::Spare;
use crate::webhook::{endpoint, post};
use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};

/// Where logs go, behind the collector's own path.
const PATH: &str = "/v1/logs";
/// `SEVERITY_NUMBER_INFO`.
const INFO: u64 = 9;
/// `SEVERITY_NUMBER_WARN`.
const WARN: u64 = 13;
/// Bytes of a field with 64 bits, and of one with a severity.
const FIXED_BYTES: usize = 9;
const SEVERITY_BYTES: usize = 2;
/// Bytes of a collector's words that are told.
const WORDS_BYTES_MAX: usize = 300;

/// What a collector is reached by.
pub struct OtlpSettings {
    /// Its address without `/v1/logs`: `https`, or `http` on loopback.
    pub url: String,
    /// Headers beside its own.
    pub headers: Option<HeaderSource>,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// Time for a batch.
    pub time: Duration,
    /// What this server is called among others: the attribute `service.instance.id`.
    pub instance: String,
    /// When records were seen.
    pub clock: Arc<dyn Clock>,
}

/// An OTLP collector.
pub struct Otlp {
    endpoint: Endpoint,
    headers: Option<HeaderSource>,
    resource: Message,
    clock: Arc<dyn Clock>,
    spare: Spare,
}

impl Otlp {
    /// The collector of `settings`. Nothing is sent yet.
    ///
    /// # Errors
    /// When something about the settings is wrong.
    pub fn open(settings: OtlpSettings) -> Result<Self, String> {
        let mut resource = Message::default();
        for (name, value) in [
            ("service.name", "strongroom"),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", settings.instance.as_str()),
        ] {
            resource.message(1, &attribute(name, value));
        }
        Ok(Self {
            endpoint: endpoint(&settings.url, settings.trust, settings.time)?,
            headers: settings.headers,
            resource,
            clock: settings.clock,
            spare: Spare::default(),
        })
    }

    async fn post(&self, batch: &Batch) -> Result<Taken, SinkError> {
        let body = request(self.spare.take(), &self.resource, batch, self.clock.now());
        let headers = self.headers.as_ref();
        let answer = post(&self.endpoint, PATH, headers, "application/x-protobuf", self.spare.lend(body)).await?;
        let is_protobuf = answer
            .headers
            .get(http::header::CONTENT_TYPE)
            .is_none_or(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("application/x-protobuf")));
        if !is_protobuf {
            return Err(unavailable(format!("{} answered in another form than OTLP's", self.endpoint.url())));
        }
        taken(answer.body.expose()).ok_or_else(|| unavailable(format!("{}: no answer of OTLP", self.endpoint.url())))
    }
}

/// An `ExportLogsServiceRequest`, written into `buffer`, which is empty, in one piece: the length of each part is known
/// before.
fn request(buffer: Vec<u8>, resource: &Message, batch: &Batch, now: Timestamp) -> Vec<u8> {
    let mut scope = Message::default();
    scope.text(1, "strongroom.audit");
    scope.text(2, env!("CARGO_PKG_VERSION"));
    let lengths: Vec<usize> = batch.records().map(|record| length(&record)).collect();
    let logs: usize = lengths.iter().map(|length| length_of(*length)).sum();
    let of_scope = length_of(scope.length()) + logs;
    let of_resource = length_of(resource.length()) + length_of(of_scope);
    let mut request = Message::within(buffer, length_of(of_resource));
    request.begin(1, of_resource);
    request.message(1, resource);
    request.begin(2, of_scope);
    request.message(1, &scope);
    // All of one request have been seen at one time, which is the same for each.
    let mut seen = Message::default();
    seen.fixed64(11, nanoseconds(now).max(1));
    for (record, length) in batch.records().zip(lengths) {
        request.begin(2, length);
        push(&mut request, &record, &seen);
    }
    request.into_bytes()
}

/// What records are searched for by.
fn attributes<'a>(marks: &Marks<'a>) -> impl Iterator<Item = (&'static str, &'a str)> {
    let all = [
        ("cloudtrail.event_id", marks.id),
        ("cloudtrail.event_name", marks.name),
        ("cloudtrail.event_source", marks.source),
        ("cloudtrail.error_code", marks.error),
        ("cloud.account.id", marks.account),
        ("cloud.region", marks.region),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty())
}

fn severity(marks: &Marks<'_>) -> (u64, &'static str) {
    if marks.failed() { (WARN, "WARN") } else { (INFO, "INFO") }
}

/// A `LogRecord`: the record as it is, and beside it what is searched for. `seen` is its end but for the name.
fn push(request: &mut Message, record: &Record<'_>, seen: &Message) {
    let marks = record.marks();
    let (number, words) = severity(&marks);
    request.fixed64(1, nanoseconds(marks.time()));
    request.integer(2, number);
    request.text(3, words);
    request.begin(5, text_length(record.line()));
    request.text(1, record.line());
    for (name, value) in attributes(&marks) {
        let any = text_length(value);
        request.begin(6, text_length(name) + length_of(any));
        request.text(1, name);
        request.begin(2, any);
        request.text(1, value);
    }
    request.ready(seen);
    request.text(12, marks.name);
}

/// How long that is.
fn length(record: &Record<'_>) -> usize {
    let marks = record.marks();
    let (_, words) = severity(&marks);
    let at = if nanoseconds(marks.time()) == 0 { 0 } else { FIXED_BYTES };
    let attributes = attributes(&marks);
    let attributes = attributes.map(|(name, value)| length_of(text_length(name) + length_of(text_length(value))));
    let body = length_of(text_length(record.line()));
    at + SEVERITY_BYTES + text_length(words) + body + attributes.sum::<usize>() + FIXED_BYTES + text_length(marks.name)
}

/// The length of a field that holds a text.
fn text_length(text: &str) -> usize {
    if text.is_empty() { 0 } else { length_of(text.len()) }
}

/// A `KeyValue` with a text.
fn attribute(name: &str, value: &str) -> Message {
    let mut any = Message::default();
    any.text(1, value);
    let mut pair = Message::default();
    pair.text(1, name);
    pair.message(2, &any);
    pair
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.millis()).unwrap_or(0).saturating_mul(1_000_000)
}

/// What an `ExportLogsServiceResponse` says; none when it is none.
fn taken(response: &[u8]) -> Option<Taken> {
    let mut taken = Taken::default();
    for field in fields(response) {
        let (1, Value::Bytes(partial)) = field? else { continue };
        for field in fields(partial) {
            match field? {
                (1, Value::Number(rejected)) => taken.refused = rejected,
                (2, Value::Bytes(words)) => {
                    let words = String::from_utf8_lossy(words.get(..WORDS_BYTES_MAX).unwrap_or(words)).into_owned();
                    taken.why = words.chars().filter(|c| !c.is_control()).collect();
                }
                _ => {}
            }
        }
    }
    Some(taken)
}

impl Sink for Otlp {
    fn describe(&self) -> String {
        format!("OTLP collector at {}", self.endpoint.url())
    }

    fn send<'a>(&'a mut self, batch: &'a Batch) -> SinkFuture<'a, Taken> {
        Box::pin(self.post(batch))
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Otlp({})", self.endpoint.url())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_all_parts_as_long_as_it_says() {
        let mut all = crate::record::tests::batch(0..3);
        let short = r#""eventID":"i","eventTime":"1970-01-01T00:00:00Z"}"#;
        let long = format!(r#"{{"errorCode":"X","y":"{}",{short}"#, "é".repeat(70_000));
        assert!(all.push(&long) && all.push(&format!("{{{short}")));
        let inside = |bytes: &[u8], number: u64| -> Vec<Vec<u8>> {
            let field = |field: Option<(u64, Value<'_>)>| match field.unwrap() {
                (found, Value::Bytes(bytes)) if found == number => Some(bytes.to_vec()),
                _ => None,
            };
            fields(bytes).filter_map(field).collect()
        };
        let mut resource = Message::default();
        resource.message(1, &attribute("service.name", "strongroom"));
        let request = request(Vec::new(), &resource, &all, Timestamp::from_seconds(9));
        let of_resource = inside(&request, 1).concat();
        assert_eq!(inside(&of_resource, 1).concat(), resource.into_bytes());
        let logs = inside(&inside(&of_resource, 2).concat(), 2);
        assert_eq!(logs.len(), 5);
        for (log, record) in logs.iter().zip(all.records()) {
            assert_eq!(inside(&inside(log, 5).concat(), 1).concat(), record.line().as_bytes());
            let (marks, mut expected) = (record.marks(), Vec::new());
            for (name, value) in attributes(&marks) {
                expected.push(attribute(name, value).into_bytes());
            }
            assert_eq!(inside(log, 6), expected);
            assert_eq!(log.len(), length(&record));
            assert_eq!(inside(log, 12).concat(), marks.name.as_bytes());
        }
    }

    #[test]
    fn what_a_collector_refuses_is_read() {
        assert_eq!(taken(b""), Some(Taken::default()));
        let mut partial = Message::default();
        partial.integer(1, 3);
        partial.text(2, "too\nlong");
        let mut response = Message::default();
        response.message(1, &partial);
        let expected = Taken { refused: 3, why: "toolong".to_owned(), ..Taken::default() };
        assert_eq!(taken(&response.into_bytes()), Some(expected));
        assert_eq!(taken(&[0x0a, 9, 1]), None);
    }
}
