//! The network: TLS, its limits, and where it does not go.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use strongroom_client::Trust;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::stub::{Stub, only};
use crate::http::Request;
use crate::{Http, HttpsClient};

fn get(url: &str) -> Request {
    Request::new(Method::GET, url.to_owned())
}

async fn said(client: &HttpsClient, url: &str) -> String {
    client.call(get(url)).await.unwrap_err().to_string()
}

/// A server with a certificate of its own for `localhost`, that answers the first calls.
async fn tls_server() -> (u16, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, pem) = (made.cert.der().clone(), made.cert.pem().into_bytes());
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
            let _ = stream.shutdown().await;
        }
    });
    (port, pem)
}

#[tokio::test]
async fn certificates_must_lead_to_a_root() {
    let (port, pem) = tls_server().await;
    let url = format!("https://localhost:{port}/");
    let time = Duration::from_secs(20);
    let trusting = HttpsClient::new(Trust::system_and(pem), false, time).unwrap();
    assert_eq!(trusting.call(get(&url)).await.unwrap().status, 200);
    let strict = HttpsClient::new(Trust::system(), false, time).unwrap();
    assert!(said(&strict, &url).await.contains(": TLS: "));
    let fault = said(&trusting, &format!("https://127.0.0.1:{port}/")).await;
    assert!(fault.contains(": TLS: "), "another name: {fault}");
}

#[tokio::test]
async fn plain_http_is_for_loopback_alone_and_only_if_allowed() {
    let stub = Stub::start(|_| only(200)).await;
    let client = |plain| HttpsClient::new(Trust::system(), plain, Duration::from_secs(20)).unwrap();
    assert_eq!(client(true).call(get(&stub.url)).await.unwrap().status, 200);
    assert_eq!(said(&client(false), &stub.url).await, "the URL is not https");
    let elsewhere = said(&client(true), "http://192.0.2.1/").await;
    assert_eq!(elsewhere, "http://192.0.2.1: the host has no address that may be asked without TLS");
    let metadata = said(&client(true), "https://169.254.169.254/").await;
    assert_eq!(metadata, "https://169.254.169.254: the host has no address that may be asked");
}

#[tokio::test]
async fn answers_are_bounded_and_redirections_are_answers() {
    let stub = Stub::start(|call| match call.path.as_str() {
        "/long" => (200, serde_json::Value::String("x".repeat(1024 * 1024))),
        _ => only(302),
    });
    let stub = stub.await;
    let client = HttpsClient::new(Trust::system(), true, Duration::from_secs(20)).unwrap();
    let long = said(&client, &format!("{}/long", stub.url)).await;
    assert!(long.ends_with(": the answer is longer than 1048576 bytes"), "{long}");
    assert_eq!(client.call(get(&stub.url)).await.unwrap().status, 302);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = HttpsClient::new(Trust::system(), true, Duration::from_millis(50)).unwrap();
    let fault = said(&client, &format!("http://{}", silent.local_addr().unwrap())).await;
    assert!(fault.ends_with(": no whole answer within 50 ms"), "{fault}");
}
