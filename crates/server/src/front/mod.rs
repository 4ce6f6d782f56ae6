//! Between the socket and the endpoint: bytes become a [`Call`], an [`Answer`] becomes bytes.
//!
//! The front knows limits, times, browsers and proxies. It does not know signatures, operations or secrets: every
//! request that keeps the limits goes to the [`Endpoint`], whatever its method and path, save health checks and
//! the preflights of browsers.

mod body;
mod date;
mod exchange;
mod local;
mod refusal;
mod request_id;
mod sending;
mod service;
mod shield;
mod source;

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};
use strongroom_core::ctx::PrivateEndpoint;
use strongroom_types::{SecretBytes, Timestamp};
use tokio::sync::mpsc;

pub(crate) use request_id::RequestIds;
pub(crate) use sending::AnswerBody;
pub(crate) use service::Front;

/// The content type of AWS JSON 1.1 answers.
pub const JSON_1_1: &str = "application/x-amz-json-1.1";

/// A request, read whole.
///
/// Its `Debug` shows neither headers nor body: they hold signatures, session tokens and secrets.
pub struct Call {
    /// The method, as sent.
    pub method: Method,
    /// The target; path and query are raw, as signed.
    pub uri: Uri,
    /// HTTP/1.0, 1.1 or 2.
    pub version: Version,
    /// The headers, as sent. On HTTP/2 `:authority` stands here as `host` when the client sent none.
    pub headers: HeaderMap,
    /// The body; wiped when dropped.
    pub body: SecretBytes,
    /// SHA-256 of the body.
    pub body_sha256: [u8; 32],
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The client's address: the peer's, or what trusted proxies say.
    pub source: IpAddr,
    /// This end of the connection.
    pub local: SocketAddr,
    /// The connection's TLS parameters; none on plain HTTP.
    pub tls: Option<TlsDetails>,
    /// The private endpoint that the request came through.
    pub endpoint: Option<Arc<PrivateEndpoint>>,
    /// Whether this process made it itself: nothing of it travelled over a network.
    pub inside: bool,
    /// When the request's head had been read.
    pub received: Timestamp,
    /// The id that the answer carries as `x-amzn-RequestId`: a version 4 UUID.
    pub request_id: String,
}

impl Call {
    /// The host that the client named: the `host` header, which CloudTrail calls `clientProvidedHostHeader`.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.headers.get(header::HOST).and_then(|host| host.to_str().ok())
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("request_id", &self.request_id)
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .field("source", &self.source)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// What the client and this server agreed on, in the words of CloudTrail's `tlsDetails`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsDetails {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: &'static str,
}

/// What is answered. The front adds `x-amzn-RequestId`, `content-length`, `date` and, if configured, CORS headers.
pub struct Answer {
    /// The HTTP status; one that is none becomes 500.
    pub status: u16,
    /// Headers beside those that the front adds.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The content type.
    pub content_type: &'static str,
    /// The body; wiped once it is sent, or dropped unsent.
    pub body: SecretBytes,
    /// Pieces of a body that has no end yet, in place of `body`: it ends when this is closed.
    pub pieces: Option<mpsc::Receiver<SecretBytes>>,
}

impl Answer {
    /// An answer without further headers.
    #[must_use]
    pub fn of(status: u16, content_type: &'static str, body: impl Into<SecretBytes>) -> Self {
        Self { status, headers: Vec::new(), content_type, body: body.into(), pieces: None }
    }

    /// An AWS JSON 1.1 answer without further headers.
    #[must_use]
    pub fn json(status: u16, body: impl Into<SecretBytes>) -> Self {
        Self::of(status, JSON_1_1, body)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).field("body", &self.body).finish_non_exhaustive()
    }
}

/// Whether requests can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// They can.
    Ready,
    /// They can, as far as they change nothing, for this reason.
    ReadsOnly(String),
    /// They cannot, for these reasons; shown to everyone who asks `/health/ready`.
    NotReady(Vec<String>),
}

/// A call's answer under way.
pub type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What answers calls.
pub trait Endpoint: Send + Sync + 'static {
    /// Answers `call`. The future is carried to its end once begun, even when the client is gone or has waited
    /// longer than `limits.request_ms_max`; only the process's end stops it.
    fn call(self: Arc<Self>, call: Call) -> Answering;

    /// Whether calls can be served. Asked at each `/health/ready`: it must be quick and must not block.
    fn ready(&self) -> Readiness;

    /// What somebody should know though calls can be served; shown to everyone who asks `/health/ready`.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The server is being stopped: answers without an end are to end.
    fn stopping(&self) {}

    /// The answer to `GET /metrics`, if there are figures.
    fn metrics(&self) -> Option<Answer> {
        None
    }
}
