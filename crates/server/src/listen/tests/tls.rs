//! TLS: both protocols, what the endpoint learns of it, and exchanging the certificate while serving.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http2::Client;
use super::toy::{Port, start};
use crate::config::{Config, TlsConfig};
use crate::listen::{CertificateError, Certificates, ListenError, Listeners};

/// Certificate files in a directory that goes with them.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn with(pair: &CertifiedKey<KeyPair>) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write(pair);
        files
    }

    fn write(&self, pair: &CertifiedKey<KeyPair>) {
        fs::write(self.path("key.pem"), pair.signing_key.serialize_pem()).unwrap();
        fs::write(self.path("certificate.pem"), pair.cert.pem()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn config(&self) -> TlsConfig {
        TlsConfig {
            certificate_file: Some(self.path("certificate.pem")),
            key_file: Some(self.path("key.pem")),
            ..TlsConfig::default()
        }
    }

    /// Configuration text that names the files.
    fn text(&self, more: &str) -> String {
        let files = [self.path("certificate.pem"), self.path("key.pem")];
        format!("[tls]\ncertificate_file = {:?}\nkey_file = {:?}\n{more}", files[0], files[1])
    }
}

fn pair() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// Connects as a client that trusts `known` certificates.
async fn connect(
    port: &Port,
    known: &[&CertifiedKey<KeyPair>],
    alpn: &[u8],
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for pair in known {
        roots.add(pair.cert.der().clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(port.address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn connect_13(port: &Port, known: &[&CertifiedKey<KeyPair>]) -> TlsStream<TcpStream> {
    connect(port, known, b"http/1.1", &rustls::version::TLS13).await.unwrap()
}

fn certificate_of(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

/// Asks over HTTP/1.1 what the endpoint was called with.
async fn tell(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /tell HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut come = Vec::new();
    while !come.windows(4).any(|bytes| bytes == b" id=") {
        come.push(stream.read_u8().await.unwrap());
    }
    let mut id = [0; 36];
    stream.read_exact(&mut id).await.unwrap();
    String::from_utf8(come).unwrap()
}

#[tokio::test]
async fn both_protocols_and_both_versions_of_tls_are_spoken() {
    let pair = pair();
    let port = start(&Files::with(&pair).text(""), |_| {}).await;
    let mut stream = connect_13(&port, &[&pair]).await;
    let told = tell(&mut stream).await;
    assert!(told.contains(" host=localhost ") && told.contains(" tls=TLSv1.3 TLS_AES_"), "{told}");

    let mut stream = connect(&port, &[&pair], b"http/1.1", &rustls::version::TLS12).await.unwrap();
    let told = tell(&mut stream).await;
    assert!(told.contains(" tls=TLSv1.2 ECDHE-ECDSA-AES"), "{told}");

    let stream = connect(&port, &[&pair], b"h2", &rustls::version::TLS13).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let client = Client::over(stream).await;
    let (status, told) = client.post("/tell", "abc").await;
    assert_eq!(status, 200);
    assert!(told.contains(" HTTP/2.0 host=strongroom.test ") && told.contains(" tls=TLSv1.3 "), "{told}");
    assert_eq!(client.post("/large", "").await.1.len(), 64 << 20);
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn plain_http_and_silence_on_a_tls_port_end_the_connection_alone() {
    let pair = pair();
    let files = Files::with(&pair);
    let port = start(&files.text("[limits]\ntls_handshake_ms_max = 500"), |_| {}).await;
    let mut client = port.raw().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!client.rest().await.starts_with(b"HTTP/"));
    assert!(port.raw().await.rest().await.is_empty());
    assert!(tell(&mut connect_13(&port, &[&pair]).await).await.contains(" tls=TLSv1.3 "));
    port.stop().await;
}

#[tokio::test]
async fn a_plain_address_may_stand_beside_tls() {
    let files = Files::with(&pair());
    let text = format!("{}\n[listen]\nplain_addresses = [\"127.0.0.1:0\"]", files.text(""));
    let config =
        Config::load_with(&text, |config| config.listen.addresses = vec!["127.0.0.1:0".parse().unwrap()]).unwrap();
    let listeners = Listeners::bind(&config).await.unwrap();
    assert_eq!(listeners.addresses().iter().map(|bound| bound.tls).collect::<Vec<_>>(), [true, false]);
}

/// Connects until the server shows `expected`.
async fn await_certificate(port: &Port, old: &CertifiedKey<KeyPair>, expected: &CertifiedKey<KeyPair>) {
    while certificate_of(&connect_13(port, &[old, expected]).await) != *expected.cert.der() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_new_certificate_is_taken_while_serving_when_its_files_change() {
    let (old, new) = (pair(), pair());
    let files = Files::with(&old);
    let port = start(&files.text("reload_ms = 100"), |_| {}).await;
    let mut before = connect_13(&port, &[&old]).await;
    assert_eq!(certificate_of(&before), *old.cert.der());
    files.write(&new);
    await_certificate(&port, &old, &new).await;
    assert!(tell(&mut before).await.contains(" tls=TLSv1.3 "), "the connection made before goes on");
    port.stop().await;
}

#[tokio::test]
async fn a_hang_up_signal_makes_it_at_once() {
    let (old, new) = (pair(), pair());
    let files = Files::with(&old);
    let port = start(&files.text("reload_ms = 3600000"), |_| {}).await;
    files.write(&new);
    let own_pid = std::process::id().to_string();
    let sent = tokio::process::Command::new("kill").args(["-HUP", &own_pid]).status().await.unwrap();
    assert!(sent.success());
    await_certificate(&port, &old, &new).await;
    port.stop().await;
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_once_and_the_old_one_stays() {
    let (old, new) = (pair(), pair());
    let files = Files::with(&old);
    let certificates = Certificates::load(&files.config()).unwrap().unwrap();
    assert!(!certificates.reload().unwrap(), "nothing has changed");

    fs::write(files.path("certificate.pem"), new.cert.pem()).unwrap();
    let refused = certificates.reload().unwrap_err();
    assert!(matches!(refused, CertificateError::Pair { .. }), "half exchanged: {refused}");
    assert!(!certificates.reload().unwrap(), "refused once");
    fs::write(files.path("key.pem"), new.signing_key.serialize_pem()).unwrap();
    assert!(certificates.reload().unwrap(), "now whole");

    for (name, content) in [
        ("certificate.pem", "no certificate"),
        ("certificate.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("certificate.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
        ("key.pem", "no key"),
    ] {
        files.write(&new);
        fs::write(files.path(name), content).unwrap();
        assert!(certificates.reload().is_err(), "{content}");
    }
    fs::remove_file(files.path("key.pem")).unwrap();
    assert!(matches!(certificates.reload(), Err(CertificateError::Read { .. })));
    assert!(!certificates.reload().unwrap(), "told once");
    files.write(&new);
    assert!(!certificates.reload().unwrap(), "the certificate in use came back");
    files.write(&old);
    assert!(certificates.reload().unwrap());
}

#[tokio::test]
async fn the_start_is_refused_without_a_usable_certificate_or_address() {
    let files = Files::with(&pair());
    fs::write(files.path("key.pem"), pair().signing_key.serialize_pem()).unwrap();
    let config = Config::load(&files.text("")).unwrap();
    let refused = Listeners::bind(&config).await.err().unwrap();
    assert!(matches!(refused, ListenError::Certificate(CertificateError::Pair { .. })), "{refused}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::default();
    config.listen.addresses = vec![taken.local_addr().unwrap()];
    assert!(matches!(Listeners::bind(&config).await.err().unwrap(), ListenError::Bind { .. }));
}
