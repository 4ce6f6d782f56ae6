//! Gets documents over HTTPS: one connection each, no redirections, bounded in bytes and time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use strongroom_core::oidc::{Fetch, FetchError, FetchRequest, Fetching, Thumbprint, url_is_allowed};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::trust::{Roots, Trust, verifier};

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Addresses of the metadata services of clouds beside the link-local ones: whoever could have them fetched might see
/// the machine's own credentials.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Gets documents of identity providers. Proxies are not used.
pub struct HttpsFetcher {
    own_roots: Vec<CertificateDer<'static>>,
    plain_http_on_loopback: bool,
    provider: Arc<CryptoProvider>,
    /// Read when they are needed first, since that takes a while.
    roots: OnceCell<Roots>,
}

impl HttpsFetcher {
    /// Trusts the system's roots and `own_roots`. With `plain_http_on_loopback`, documents may come from loopback
    /// without TLS.
    #[must_use]
    pub fn new(own_roots: Vec<CertificateDer<'static>>, plain_http_on_loopback: bool) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        Self { own_roots, plain_http_on_loopback, provider, roots: OnceCell::new() }
    }

    async fn fetch(&self, request: FetchRequest<'_>) -> Result<Vec<u8>, FetchError> {
        let refused = |what: &str| FetchError::Refused(what.to_owned());
        if !url_is_allowed(request.url, self.plain_http_on_loopback) {
            return Err(refused("the URL is not https with a plain host"));
        }
        let uri: Uri = request.url.parse().map_err(|_| refused("not a URL"))?;
        let host = uri.host().ok_or_else(|| refused("no host"))?.trim_start_matches('[').trim_end_matches(']');
        let tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let stream = connect(host, port, !tls).await?;
        if !tls {
            return exchange(stream, &uri, request.bytes_max).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| refused("not a host name"))?;
        let connector = TlsConnector::from(self.client_config(request.thumbprints).await?);
        let stream = connector.connect(name, stream).await.map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match inner {
                Some(rustls::Error::InvalidCertificate(reason)) => FetchError::Certificate(format!("{reason:?}")),
                _ => FetchError::Unreachable(error.to_string()),
            }
        })?;
        exchange(stream, &uri, request.bytes_max).await
    }

    async fn client_config(&self, thumbprints: &[Thumbprint]) -> Result<Arc<ClientConfig>, FetchError> {
        let trust = Trust {
            roots: self.roots().await?,
            thumbprints: thumbprints.to_vec(),
            provider: Arc::clone(&self.provider),
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| FetchError::Unreachable(error.to_string()))?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(trust)).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    async fn roots(&self) -> Result<Roots, FetchError> {
        let read = || async {
            let (own, provider) = (self.own_roots.clone(), Arc::clone(&self.provider));
            tokio::task::spawn_blocking(move || all_roots(own, &provider))
                .await
                .map_err(|error| FetchError::Unreachable(format!("the root certificates: {error}")))
        };
        self.roots.get_or_try_init(read).await.cloned()
    }
}

impl Fetch for HttpsFetcher {
    fn get<'a>(&'a self, request: FetchRequest<'a>) -> Fetching<'a> {
        Box::pin(async move {
            let time = Duration::from_millis(request.time_ms_max);
            let answer = tokio::time::timeout(time, self.fetch(request)).await;
            answer.unwrap_or(Err(FetchError::Time(request.time_ms_max)))
        })
    }
}

/// The system's roots, as far as they can be read, and one's own.
fn all_roots(own: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Roots {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a root certificate of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (taken, left_out) = roots.add_parsable_certificates(system.certs.into_iter().chain(own));
    tracing::debug!(taken, left_out, "read the root certificates that identity providers are trusted by");
    verifier(roots, provider)
}

/// Connects to an address of the host that may be asked: checked here, after the name was resolved, so that no name can
/// lead elsewhere.
async fn connect(host: &str, port: u16, loopback_only: bool) -> Result<TcpStream, FetchError> {
    let unreachable = |error: std::io::Error| FetchError::Unreachable(error.to_string());
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(unreachable)?.collect();
    let may_be_asked = |ip: IpAddr| !is_forbidden(ip) && (!loopback_only || ip.to_canonical().is_loopback());
    let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| may_be_asked(address.ip())).collect();
    let mut last = FetchError::Refused("the host has no address that may be asked".to_owned());
    for address in allowed.into_iter().take(ADDRESSES_MAX) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = unreachable(error),
        }
    }
    Err(last)
}

/// Whether an address may be asked that somebody else than the operator names.
pub(crate) fn may_be_asked(ip: IpAddr) -> bool {
    !is_forbidden(ip)
}

/// Whether nothing is ever fetched from there: link-local addresses, where clouds keep their metadata services, the
/// further ones of those services, and what is no address of one machine.
fn is_forbidden(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let odd = v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast();
            odd || METADATA.contains(&IpAddr::V4(v4))
        }
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            // An IPv4 address behind a translator (RFC 6052).
            let translated = v6.segments().starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]);
            let odd = v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast();
            odd || METADATA.contains(&IpAddr::V6(v6))
                || translated && is_forbidden(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
    }
}

/// Asks for the document and reads it.
async fn exchange<S>(stream: S, uri: &Uri, bytes_max: usize) -> Result<Vec<u8>, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let unreachable = |error: hyper::Error| FetchError::Unreachable(error.to_string());
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    // Ends with this function, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("strongroom/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| FetchError::Refused(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(unreachable)?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    match Limited::new(answer.into_body(), bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::Size(bytes_max)),
        Err(error) => Err(FetchError::Unreachable(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_never_asked() {
        for text in [
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
        ] {
            assert!(is_forbidden(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "fd00::1", "2001:db8::1", "64:ff9b::c000:201"] {
            assert!(!is_forbidden(text.parse().unwrap()), "{text}");
        }
    }
}
