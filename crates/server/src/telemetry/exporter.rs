//! An exporter over OTLP/HTTP: one collector's URL, its headers from a file, its certificates and times.
//!
//! It sends one message at a time and keeps nothing: whoever has spans, figures or log records bounds what waits, and
//! decides what is tried again.

use std::path::Path;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, Method};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use strongroom_client::{Answer, Call, CallError, Endpoint, Options, Trust};
use strongroom_types::{SecretBytes, SecretText};
use thiserror::Error;

use crate::header_file;

/// The media type of messages.
const PROTOBUF: &str = "application/x-protobuf";
/// Answers are short: how many entries were refused, and why.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Characters of a collector's text that go into an error.
const TEXT_CHARACTERS_MAX: usize = 200;
/// The longest pause that a collector may ask for, in seconds.
const PAUSE_SECONDS_MAX: u64 = 3600;

/// What is exported; each has a path of its own at the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Log records: `ExportLogsServiceRequest`.
    Logs,
    /// Figures: `ExportMetricsServiceRequest`.
    Metrics,
    /// Spans: `ExportTraceServiceRequest`.
    Traces,
}

impl Signal {
    /// The path at the collector, behind that of its URL.
    const fn path(self) -> &'static str {
        match self {
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
            Self::Traces => "/v1/traces",
        }
    }
}

/// Where a collector is, and how it is spoken with.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `http` or `https`, a host, perhaps a port and a path, such as `http://127.0.0.1:4318`.
    pub url: &'a str,
    /// A file with headers, a line each: `name: value`.
    pub headers_file: Option<&'a Path>,
    /// A file with the certificates that the collector's must lead to; the system's when absent.
    pub ca_file: Option<&'a Path>,
    /// Whether plain HTTP may go to other machines. To loopback it always may.
    pub plain_http_anywhere: bool,
    /// The most that sending one message may take.
    pub time: Duration,
}

/// What sends messages to one collector.
pub struct Exporter {
    endpoint: Endpoint,
    headers: Vec<(HeaderName, SecretText)>,
}

/// What the collector took of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Entries that it refused; the others are taken. They must not be sent again.
    pub refused: u64,
    /// Why, in its words.
    pub text: String,
}

/// Why a message was not taken. No text has a header or a part of the message in it.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The collector refuses it: sending it again is of no use.
    #[error("the collector refuses it with status {status}: {text}")]
    Refused {
        /// The status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// The collector cannot take it now.
    #[error("the collector cannot take it now: status {status}")]
    Busy {
        /// The status.
        status: u16,
        /// How long it asks to be left alone.
        pause: Option<Duration>,
    },
    /// Nobody answers, or not in time.
    #[error("{0}")]
    Unreachable(CallError),
}

impl ExportError {
    /// Whether the same message may be taken later.
    #[must_use]
    pub const fn may_be_tried_again(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

impl Exporter {
    /// An exporter to `place`. Reads the files that it names, and connects with nobody yet.
    ///
    /// # Errors
    /// When the URL is none, or a file cannot be used.
    pub fn open(place: &Place<'_>) -> Result<Self, String> {
        let trust = match place.ca_file {
            None => Trust::system(),
            Some(file) => Trust::pem(std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?),
        };
        let options = Options {
            trust,
            plain_http_anywhere: place.plain_http_anywhere,
            time: place.time,
            answer_bytes_max: ANSWER_BYTES_MAX,
            ..Options::default()
        };
        let endpoint = Endpoint::open(place.url, options).map_err(|error| error.to_string())?;
        let headers = match place.headers_file {
            None => Vec::new(),
            Some(file) => header_file::headers(file)?,
        };
        Ok(Self { endpoint, headers })
    }

    /// The collector's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.endpoint.url()
    }

    /// Sends one message and waits until the collector has taken it, as long as that may take.
    ///
    /// # Errors
    /// When it was not taken.
    pub async fn send<M: Message>(&self, signal: Signal, message: &M) -> Result<Taken, ExportError> {
        let body = SecretBytes::new(message.encode_to_vec());
        let mut call = Call::at(Method::POST, signal.path(), "").with_header(CONTENT_TYPE, PROTOBUF).with_body(body);
        for (name, value) in &self.headers {
            call = call.with_secret_header(name.clone(), SecretText::new(value.expose().to_owned()));
        }
        let answer = self.endpoint.send(call).await.map_err(ExportError::Unreachable)?;
        match answer.status {
            200..300 => Ok(taken(&answer)),
            status @ (429 | 502 | 503 | 504) => Err(ExportError::Busy { status, pause: pause(&answer) }),
            status => Err(ExportError::Refused { status, text: words(&String::from_utf8_lossy(answer.body.expose())) }),
        }
    }
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exporter({})", self.url())
    }
}

/// What an answer says of a message. All signals' answers have the same form.
fn taken(answer: &Answer) -> Taken {
    let told = ExportTraceServiceResponse::decode(answer.body.expose()).ok().and_then(|told| told.partial_success);
    told.map_or_else(Taken::default, |told| Taken {
        refused: u64::try_from(told.rejected_spans).unwrap_or_default(),
        text: words(&told.error_message),
    })
}

fn pause(answer: &Answer) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse::<u64>().ok().map(|seconds| Duration::from_secs(seconds.min(PAUSE_SECONDS_MAX)))
}

/// The beginning of a text that can be printed.
fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != char::REPLACEMENT_CHARACTER).take(TEXT_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest};

    use super::super::stub::{Collector, Reply};
    use super::*;

    fn exporter(url: &str, headers_file: Option<&Path>) -> Exporter {
        let time = Duration::from_millis(300);
        Exporter::open(&Place { url, headers_file, ca_file: None, plain_http_anywhere: false, time }).unwrap()
    }

    #[tokio::test]
    async fn a_message_arrives_with_the_headers_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headers");
        std::fs::write(&file, "# of the collector\nAuthorization: Bearer planted-token\nx-tenant:  one\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        let collector = Collector::start(Reply::Status(200, Vec::new())).await;
        let exporter = exporter(&format!("{}/base", collector.url), Some(&file));
        let taken = exporter.send(Signal::Traces, &ExportTraceServiceRequest::default()).await.unwrap();
        assert_eq!(taken, Taken::default());
        let [request] = collector.requests().try_into().unwrap();
        assert_eq!(request.line, "POST /base/v1/traces HTTP/1.1");
        for line in ["authorization: Bearer planted-token", "x-tenant: one", "content-type: application/x-protobuf"] {
            assert!(request.head.contains(line), "{line} in {}", request.head);
        }
        assert!(!format!("{exporter:?}").contains("planted"));
    }

    #[tokio::test]
    async fn what_a_collector_does_not_take_is_told_apart() {
        let told = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess { rejected_spans: 3, error_message: "too old".to_owned() }),
        };
        let message = ExportTraceServiceRequest::default();
        for (reply, expected) in [
            (Reply::Status(200, told.encode_to_vec()), "taken but 3: too old"),
            (Reply::Status(503, Vec::new()), "again: the collector cannot take it now: status 503"),
            (
                Reply::Status(400, b"no such\ntenant".to_vec()),
                "the collector refuses it with status 400: no suchtenant",
            ),
            (Reply::Never, "again: URL: no whole answer within 300 ms"),
        ] {
            let collector = Collector::start(reply).await;
            let told = match exporter(&collector.url, None).send(Signal::Metrics, &message).await {
                Ok(taken) => format!("taken but {}: {}", taken.refused, taken.text),
                Err(error) if error.may_be_tried_again() => format!("again: {error}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(told.replace(&collector.url, "URL"), expected);
        }
    }
}
