//! Calls to a service over HTTPS from a thread that may block: one connection each, no redirections, no proxy, bounded
//! in bytes and time.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, InvalidHeaderValue, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use strongroom_types::{SecretBuffer, SecretBytes, SecretText};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer's body: a wrapped key and what is said about it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// A service at one URL.
pub(crate) struct Endpoint {
    url: String,
    host: String,
    port: u16,
    /// The value of the header `Host`.
    authority: HeaderValue,
    /// What comes before the path of each call.
    base: String,
    /// None for plain HTTP, which goes to loopback alone.
    tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    time: Duration,
}

/// What the service answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: SecretBytes,
}

impl Endpoint {
    /// The service at `url`, whose certificate must lead to a root of `ca_file` or, without one, of the system. A call
    /// takes at most `time`.
    ///
    /// # Errors
    /// When `url` is no such URL, or `ca_file` holds no certificates.
    pub(crate) fn open(url: &str, ca_file: Option<&Path>, time: Duration) -> Result<Self, String> {
        let wrong = |what: &str| format!("{url}: {what}");
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL"))?;
        let authority = uri.authority().ok_or_else(|| wrong("no host"))?.as_str();
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = match uri.scheme_str() {
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong("not a host name"))?;
                Some((name, client_config(ca_file)?))
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
            time,
        })
    }

    /// The URL that it was opened with.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The value of the header `Host` of its calls.
    pub(crate) fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The path of a call for what is at `path`.
    pub(crate) fn path(&self, path: &str) -> String {
        [&self.base, path].concat()
    }

    /// Posts `body` to `path`, which is a whole path of [`Endpoint::path`], and waits for the answer.
    ///
    /// # Errors
    /// With what went wrong, when there is no whole answer in time.
    pub(crate) fn post(&self, path: &str, headers: HeaderMap, body: SecretBytes) -> Result<Answer, String> {
        let mut request =
            Request::post(path).body(Full::new(Bytes::from_owner(Owned(body)))).map_err(|e| e.to_string())?;
        *request.headers_mut() = headers;
        let agent = HeaderValue::from_static(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        request.headers_mut().insert(HOST, self.authority.clone());
        request.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        // A thread and runtime of its own: the caller may be part of another runtime, in which nothing may block on one.
        thread::scope(|scope| {
            let call = thread::Builder::new().name("root-of-trust".to_owned());
            let call = call.spawn_scoped(scope, || self.call(request)).map_err(|error| error.to_string())?;
            call.join().map_err(|_| "the call was cut short".to_owned())?
        })
    }

    fn call(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let answer = runtime.block_on(async {
            let answer = tokio::time::timeout(self.time, self.exchange(request)).await;
            answer.unwrap_or_else(|_| Err(format!("no whole answer within {} ms", self.time.as_millis())))
        });
        // A look-up of the name that is still under way ends by itself, and is not waited for.
        runtime.shutdown_background();
        answer
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let stream = self.connect().await?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some((name, config)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await.map_err(|e| format!("TLS: {e}"))?;
                exchange(stream, request).await
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        let said = |error: io::Error| error.to_string();
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(said)?;
        let may_be_asked = |address: &SocketAddr| self.tls.is_some() || address.ip().to_canonical().is_loopback();
        let mut last = "the host has no address that may be asked".to_owned();
        for address in found.filter(may_be_asked).take(ADDRESSES_MAX) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = said(error),
            }
        }
        Err(last)
    }
}

/// A body that is wiped once it has been sent.
struct Owned(SecretBytes);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// A text that is wiped with the last copy of the header that it is the value of.
struct OwnedText(SecretText);

impl AsRef<[u8]> for OwnedText {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// A secret as the value of a header, in its own memory. What the library writes into its buffer is not wiped.
///
/// # Errors
/// When the text cannot stand in a header.
pub(crate) fn secret_value(text: SecretText) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(OwnedText(text)))?;
    value.set_sensitive(true);
    Ok(value)
}

fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let none = || format!("{} holds no root certificates in PEM form", path.display());
            let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                roots.add(certificate.map_err(|_| none())?).map_err(|_| none())?;
            }
            if roots.is_empty() {
                return Err(none());
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let said = |error: hyper::Error| error.to_string();
    // Written from the body's own memory where that is possible, so that no copy of it stays behind.
    let mut builder = http1::Builder::new();
    let (mut sender, connection) =
        builder.max_buf_size(HEAD_BYTES_MAX).writev(true).handshake(TokioIo::new(stream)).await.map_err(said)?;
    // Ends with this function, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(said)?.into_parts();
    Ok(Answer { status: head.status, headers: head.headers, body: whole(body).await? })
}

async fn whole(mut body: Incoming) -> Result<SecretBytes, String> {
    let mut buffer = SecretBuffer::with_capacity(ANSWER_BYTES_MAX);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        let Some(data) = frame.data_ref() else { continue };
        if buffer.len() + data.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes"));
        }
        buffer.extend_from_slice(data);
    }
    Ok(buffer.into_secret())
}

/// A text of the service for the operator: what can be printed of its beginning.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_header_is_no_copy_of_the_secret() {
        let text = SecretText::new("hvs.CAESIJ".to_owned());
        let place = text.expose().as_ptr();
        let value = secret_value(text).expect("a value");
        assert_eq!((value.as_bytes(), value.as_bytes().as_ptr()), (b"hvs.CAESIJ".as_slice(), place));
        assert!(value.is_sensitive() && !format!("{value:?}").contains("hvs"));
        assert!(secret_value(SecretText::new("two\nlines".to_owned())).is_err());
    }
}
