//! A sink that is an OTLP collector: log records by OTLP/HTTP, as protocol buffers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use strongroom_client::{Endpoint, Trust};
use strongroom_types::{Clock, SecretBytes, Timestamp};

use crate::headers::HeaderSource;
use crate::protobuf::{Message, Value, fields};
use crate::record::Record;
use crate::webhook::{endpoint, post};
use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};

/// Where logs go, behind the collector's own path.
const PATH: &str = "/v1/logs";
/// `SEVERITY_NUMBER_INFO`.
const INFO: u64 = 9;
/// `SEVERITY_NUMBER_WARN`.
const WARN: u64 = 13;
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
        })
    }

    async fn post(&self, batch: &Batch) -> Result<Taken, SinkError> {
        let body = SecretBytes::new(request(&self.resource, batch, self.clock.now()));
        let headers = self.headers.as_ref();
        let answer = post(&self.endpoint, PATH, headers, "application/x-protobuf", body).await?;
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

/// An `ExportLogsServiceRequest`.
fn request(resource: &Message, batch: &Batch, now: Timestamp) -> Vec<u8> {
    let mut scope = Message::default();
    scope.text(1, "strongroom.audit");
    scope.text(2, env!("CARGO_PKG_VERSION"));
    let mut of_scope = Message::default();
    of_scope.message(1, &scope);
    for record in batch.records() {
        of_scope.message(2, &log_record(record, now));
    }
    let mut of_resource = Message::default();
    of_resource.message(1, resource);
    of_resource.message(2, &of_scope);
    let mut request = Message::default();
    request.message(1, &of_resource);
    request.into_bytes()
}

/// A `LogRecord`: the record as it is, and beside it what is searched for.
fn log_record(record: &Record, now: Timestamp) -> Message {
    let marks = record.marks();
    let mut log = Message::default();
    log.fixed64(1, nanoseconds(marks.time()));
    log.integer(2, if marks.failed() { WARN } else { INFO });
    log.text(3, if marks.failed() { "WARN" } else { "INFO" });
    let mut body = Message::default();
    body.text(1, record.line());
    log.message(5, &body);
    for (name, value) in [
        ("cloudtrail.event_id", &marks.id),
        ("cloudtrail.event_name", &marks.name),
        ("cloudtrail.event_source", &marks.source),
        ("cloudtrail.error_code", &marks.error),
        ("cloud.account.id", &marks.account),
        ("cloud.region", &marks.region),
    ] {
        if !value.is_empty() {
            log.message(6, &attribute(name, value));
        }
    }
    log.fixed64(11, nanoseconds(now));
    log.text(12, &marks.name);
    log
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
