//! Where calls go: one connection each, no redirections, no proxy, bounded in bytes and time.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use strongroom_types::{SecretBuffer, SecretBytes};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::answer::Answer;
use crate::call::Call;
use crate::error::CallError;
use crate::trust::Trust;

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes set aside for an answer at once.
const ANSWER_BYTES: usize = 4096;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// How an endpoint is spoken with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// Whether plain HTTP may go to other machines. To loopback it always may.
    pub plain_http_anywhere: bool,
    /// Which addresses are asked, once the name is resolved. By default: all.
    pub may_be_asked: fn(IpAddr) -> bool,
    /// The most that a call may take, from the look-up of the name to the last byte of the answer.
    pub time: Duration,
    /// The most bytes of an answer's body.
    pub answer_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        let time = Duration::from_secs(30);
        Self {
            trust: Trust::system(),
            plain_http_anywhere: false,
            may_be_asked: |_| true,
            time,
            answer_bytes_max: 8 * 1024 * 1024,
        }
    }
}

/// A service at one URL.
#[derive(Clone)]
pub struct Endpoint {
    url: String,
    host: String,
    port: u16,
    authority: HeaderValue,
    /// What comes before the path of each call.
    base: String,
    /// None for plain HTTP.
    tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    options: Options,
}

impl Endpoint {
    /// The service at `url`: `http` or `https`, a host, perhaps a port and a path.
    ///
    /// # Errors
    /// `Endpoint` when `url` is no such URL, or there are no certificates to trust.
    pub fn open(url: &str, options: Options) -> Result<Self, CallError> {
        let wrong = |what: &str| CallError::Endpoint(format!("{url}: {what}"));
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL"))?;
        let authority = uri.authority().ok_or_else(|| wrong("no host"))?.as_str();
        if authority.contains('@') || uri.query().is_some() {
            // Either may hold a password or a token.
            let host = uri.host().unwrap_or_default();
            return Err(CallError::Endpoint(format!("{host}: an endpoint has neither a user nor a query")));
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match uri.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong("not a host name"))?;
                Some((name, options.trust.config().map_err(|reason| wrong(&reason))?))
            }
            Some("http") => None,
            _ => return Err(wrong("neither https nor http")),
        };
        Ok(Self {
            port: uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority).map_err(|_| wrong("no host"))?,
            base: uri.path().trim_end_matches('/').to_owned(),
            url: url.to_owned(),
            host,
            tls,
            options,
        })
    }

    /// The URL that it was opened with.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same service, whose calls may take `time`.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self { options: Options { time, ..self.options.clone() }, ..self.clone() }
    }

    /// Carries out a call without a signature and returns the answer, whatever its status.
    ///
    /// # Errors
    /// When it cannot be written down, or there is no whole answer.
    pub async fn send(&self, call: Call) -> Result<Answer, CallError> {
        let headers = call.header_values()?;
        self.exchange(call, headers).await
    }

    /// The value of the header `Host`.
    pub(crate) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The path of a call for what is at `path`.
    pub(crate) fn path(&self, path: &str) -> String {
        [&self.base, path].concat()
    }

    /// Sends a call with these headers, which are all that it has, and waits for the answer, as long as it may take.
    pub(crate) async fn exchange(&self, call: Call, mut headers: HeaderMap) -> Result<Answer, CallError> {
        headers.insert(HOST, self.authority.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("strongroom/", env!("CARGO_PKG_VERSION"))));
        let path = self.path(&call.path);
        let target = if call.query.is_empty() { path } else { [&path, "?", &call.query].concat() };
        let request = Request::builder().method(call.method).uri(target).body(Full::new(call.body.into_bytes()));
        let mut request = request.map_err(|error| CallError::Request(error.to_string()))?;
        *request.headers_mut() = headers;
        let time = self.options.time;
        let answer = tokio::time::timeout(time, self.exchange_at_leisure(request)).await;
        answer.unwrap_or_else(|_| Err(CallError::Time { url: self.url.clone(), time }))
    }

    async fn exchange_at_leisure(&self, request: Request<Full<Bytes>>) -> Result<Answer, CallError> {
        let stream = self.connect().await.map_err(|reason| self.unreachable(&reason))?;
        match &self.tls {
            None => self.exchange_over(stream, request).await,
            Some((name, config)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await;
                self.exchange_over(stream.map_err(|error| self.unreachable(&format!("TLS: {error}")))?, request).await
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let said = |error: io::Error| error.to_string();
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(said)?;
        let anywhere = self.tls.is_some() || self.options.plain_http_anywhere;
        let may_be_asked = |address: &SocketAddr| {
            (anywhere || address.ip().to_canonical().is_loopback()) && (self.options.may_be_asked)(address.ip())
        };
        let mut last = "the host has no address that may be asked".to_owned();
        if !anywhere {
            last += " without TLS";
        }
        for address in found.filter(may_be_asked).take(ADDRESSES_MAX) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = said(error),
            }
        }
        Err(last)
    }

    async fn exchange_over<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<Answer, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let said = |error: hyper::Error| self.unreachable(&error.to_string());
        // Written from the body's own memory where that is possible, so that no copy of it stays behind.
        let mut builder = http1::Builder::new();
        let (mut sender, connection) =
            builder.max_buf_size(HEAD_BYTES_MAX).writev(true).handshake(TokioIo::new(stream)).await.map_err(said)?;
        // Ends with this function, however that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let (head, body) = sender.send_request(request).await.map_err(said)?.into_parts();
        let body = self.whole(body).await?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, url: self.url.clone() })
    }

    async fn whole(&self, mut body: Incoming) -> Result<SecretBytes, CallError> {
        let bytes_max = self.options.answer_bytes_max;
        let mut buffer = SecretBuffer::with_capacity(ANSWER_BYTES);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.unreachable(&error.to_string()))?;
            let Some(data) = frame.data_ref() else { continue };
            if buffer.len() + data.len() > bytes_max {
                return Err(CallError::Size { url: self.url.clone(), bytes_max });
            }
            buffer.extend_from_slice(data);
        }
        Ok(buffer.into_secret())
    }

    fn unreachable(&self, reason: &str) -> CallError {
        CallError::Unreachable { url: self.url.clone(), reason: reason.to_owned() }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.url)
    }
}
