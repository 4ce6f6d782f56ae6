//! A provider on loopback, over TLS or without, which answers well and badly; and its certificate authority.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A root certificate and its key.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    pub(super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// TLS with a certificate for `names`, presented with this root above it.
    pub(super) fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        self.server_presenting(names, &self.certificate())
    }

    /// The same with another certificate above.
    pub(super) fn server_presenting(&self, names: &[&str], top: &CertificateDer<'static>) -> Arc<ServerConfig> {
        self.issue(params(names), top)
    }

    /// The same with a certificate whose time is over.
    pub(super) fn expired_server(&self, names: &[&str]) -> Arc<ServerConfig> {
        let mut params = params(names);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.issue(params, &self.certificate())
    }

    fn issue(&self, params: CertificateParams, top: &CertificateDer<'static>) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server_config(vec![certificate.der().clone(), top.clone()], &key)
    }
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

pub(super) fn server_config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    Arc::new(config)
}

/// What comes for a path.
#[derive(Clone)]
pub(super) enum Answer {
    /// 200 with this body.
    Body(String),
    /// 302 to another path.
    Moved(&'static str),
    /// 200 with chunks without end.
    Endless,
    /// 200 with less than was announced.
    Cut,
    /// Nothing, and the connection stays open.
    Silence,
    /// Header fields without end.
    Heads,
}

type Answers = Arc<Mutex<HashMap<&'static str, Answer>>>;

/// A provider that is listening until it is dropped.
pub(super) struct Idp {
    address: SocketAddr,
    scheme: &'static str,
    answers: Answers,
    _tasks: JoinSet<()>,
}

impl Idp {
    pub(super) async fn start(tls: Option<Arc<ServerConfig>>, answers: Vec<(&'static str, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let answers: Answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let shared = Arc::clone(&answers);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, answers) = (tls.clone(), Arc::clone(&shared));
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, answers).await,
                        Some(tls) => match TlsAcceptor::from(tls).accept(stream).await {
                            Ok(stream) => serve(stream, answers).await,
                            Err(_) => Ok(()),
                        },
                    }
                });
            }
        });
        Self { address, scheme, answers, _tasks: tasks }
    }

    pub(super) fn answer(&self, answers: Vec<(&'static str, Answer)>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.url_at("localhost", path)
    }

    pub(super) fn url_at(&self, host: &str, path: &str) -> String {
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }
}

/// Answers one request.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answers: Answers) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let answer = answers.lock().unwrap().get(path).cloned();
    match answer {
        Some(Answer::Body(body)) => {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(text.as_bytes()).await?;
        }
        Some(Answer::Moved(to)) => {
            let text = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(text.as_bytes()).await?;
        }
        Some(Answer::Endless) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(b"5\r\nabcde\r\n").await?;
            }
        }
        Some(Answer::Cut) => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc").await?,
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Heads) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"a: b\r\n").await?;
            }
        }
        None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await?,
    }
    stream.shutdown().await
}
