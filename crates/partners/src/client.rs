//! The network: calls over HTTPS, one connection each, no redirections, no proxy, bounded in bytes and time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use http::{HeaderName, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use strongroom_types::{SecretBuffer, SecretBytes, SecretText};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::http::{Answer, Calling, Http, HttpFault, Request};

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an answer's body: a page of keys.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Addresses of the metadata services of clouds beside the link-local ones: whoever names a partner's URL in a secret
/// is not to reach what only the machine itself may ask.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Calls partners over HTTPS.
pub struct HttpsClient {
    config: Arc<ClientConfig>,
    plain_http_on_loopback: bool,
    time: Duration,
}

impl HttpsClient {
    /// Trusts the system's roots and `own_roots`; reading the system's blocks. A call takes at most `time`. With
    /// `plain_http_on_loopback`, addresses of this machine may be asked without TLS.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        own_roots: Vec<CertificateDer<'static>>,
        plain_http_on_loopback: bool,
        time: Duration,
    ) -> Result<Self, HttpFault> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs.into_iter().chain(own_roots));
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| HttpFault(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), plain_http_on_loopback, time })
    }

    async fn exchange(&self, request: Request) -> Result<Answer, HttpFault> {
        let refused = |what: &str| HttpFault(what.to_owned());
        let uri: Uri = request.url.parse().map_err(|_| refused("not a URL"))?;
        let host =
            uri.host().ok_or_else(|| refused("no host"))?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if self.plain_http_on_loopback => false,
            _ => return Err(refused("the URL is not https")),
        };
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = connect(&host, port, !is_tls).await?;
        let request = prepared(request, &uri)?;
        if !is_tls {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(host).map_err(|_| refused("not a host name"))?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector.connect(name, stream).await.map_err(|error| HttpFault(format!("TLS: {error}")))?;
        exchange(stream, request).await
    }
}

impl Http for HttpsClient {
    fn call(&self, request: Request) -> Calling<'_> {
        Box::pin(async move {
            let late = || HttpFault(format!("no whole answer within {} ms", self.time.as_millis()));
            tokio::time::timeout(self.time, self.exchange(request)).await.unwrap_or_else(|_| Err(late()))
        })
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

fn prepared(request: Request, uri: &Uri) -> Result<http::Request<Full<Bytes>>, HttpFault> {
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let body = request.body.map_or_else(Full::default, |body| Full::new(Bytes::from_owner(Owned(body))));
    let built = http::Request::builder()
        .method(request.method)
        .uri(path)
        .header(HOST, authority)
        .header(CONNECTION, "close")
        .header(USER_AGENT, concat!("strongroom/", env!("CARGO_PKG_VERSION")))
        .body(body);
    let mut built = built.map_err(|error| HttpFault(error.to_string()))?;
    for (name, value) in request.headers {
        let wrong = || HttpFault(format!("a value cannot stand in the header {name}"));
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(OwnedText(value))).map_err(|_| wrong())?;
        value.set_sensitive(true);
        built.headers_mut().insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(built)
}

/// Connects to an address of the host that may be asked: checked here, after the name was resolved.
async fn connect(host: &str, port: u16, loopback_only: bool) -> Result<TcpStream, HttpFault> {
    let failed = |error: std::io::Error| HttpFault(error.to_string());
    let found = tokio::net::lookup_host((host, port)).await.map_err(failed)?;
    let may_be_asked = |ip: IpAddr| !is_forbidden(ip) && (!loopback_only || ip.to_canonical().is_loopback());
    let allowed: Vec<SocketAddr> = found.filter(|address| may_be_asked(address.ip())).take(ADDRESSES_MAX).collect();
    let mut last = HttpFault("the host has no address that may be asked".to_owned());
    for address in allowed {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = failed(error),
        }
    }
    Err(last)
}

/// Whether nothing is ever asked there: link-local addresses, where clouds keep their metadata services, the further
/// ones of those services, and what is no address of one machine.
fn is_forbidden(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let is_odd = match ip {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            // An IPv4 address behind a translator (RFC 6052).
            let is_translated = v6.segments().starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]);
            v6.is_unicast_link_local() || is_translated && is_forbidden(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
    };
    is_odd || ip.is_unspecified() || ip.is_multicast() || METADATA.contains(&ip)
}

async fn exchange<S>(stream: S, request: http::Request<Full<Bytes>>) -> Result<Answer, HttpFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| HttpFault(error.to_string());
    // Written from the body's own memory where that is possible, so that no copy of it stays behind.
    let mut builder = http1::Builder::new();
    let shaken = builder.max_buf_size(HEAD_BYTES_MAX).writev(true).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(failed)?;
    // Ends with this function, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
    Ok(Answer { status: head.status.as_u16(), body: whole(body).await? })
}

async fn whole(mut body: Incoming) -> Result<SecretBytes, HttpFault> {
    let mut buffer = SecretBuffer::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| HttpFault(error.to_string()))?;
        let Some(data) = frame.data_ref() else { continue };
        if buffer.len().saturating_add(data.len()) > ANSWER_BYTES_MAX {
            return Err(HttpFault(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes")));
        }
        buffer.extend_from_slice(data);
    }
    Ok(buffer.into_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_never_asked() {
        for text in
            ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fd00:ec2::254", "::"]
        {
            assert!(is_forbidden(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1", "64:ff9b::c000:201"] {
            assert!(!is_forbidden(text.parse().unwrap()), "{text}");
        }
    }
}
