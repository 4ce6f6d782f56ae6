//! Calls against small servers on loopback.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use strongroom_types::{SecretText, Timestamp};
use strongroom_wire::sigv4::{Expected, SigningKey, parse};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{Call, CallError, Client, Credentials, Endpoint, Options, Trust};

const SECRET: &str = "wJalrXUtnFEMI";
const AT: Timestamp = Timestamp::from_seconds(1_440_938_160);

fn client(url: &str, options: Options) -> Client {
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: SecretText::new(SECRET.into()),
        session_token: Some(SecretText::new("a-token".into())),
    };
    Client::new(Arc::new(Endpoint::open(url, options).expect("an endpoint")), credentials, "us-east-1")
}

/// Reads one request, head and body, and writes `answer`.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> io::Result<String> {
    let (mut got, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut part).await?;
        got.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&got).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if whole || count == 0 {
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            return Ok(text);
        }
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A listener on a free port, and its port.
async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Whether a request as it was received is signed well.
fn is_signed(text: &str, service: &str) -> bool {
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let mut first = lines.next().expect("a line").split(' ');
    let (method, target) = (first.next().expect("a method"), first.next().expect("a target"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = http::HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.insert(http::HeaderName::try_from(name).expect("a name"), value.parse().expect("a value"));
    }
    let body_sha256 = strongroom_crypto::digest::sha256(body.as_bytes());
    let request = strongroom_wire::sigv4::Request { method, path, query, authority: None, body_sha256: &body_sha256 };
    let claim = parse(&request, &headers).expect("a claim");
    let key = SigningKey::derive(&SecretText::new(SECRET.into()), claim.date(), "us-east-1", service);
    let claim = claim.check(&request, &headers, &Expected { now: AT, region: "us-east-1", service }).expect("in time");
    claim.verify(&request, &headers, &key).is_ok()
}

#[tokio::test]
async fn each_protocols_calls_are_signed_as_they_arrive() {
    let calls = [
        ("kms", Call::json("kms", "TrentService.DescribeKey", &json!({"KeyId": "ü"}))),
        ("iam", Call::query("iam", "2010-05-08", "GetRole", &[("RoleName", "a b")])),
        (
            "lambda",
            Call::rest("lambda", http::Method::DELETE, &["2015-03-31", "functions", "arn:aws:f"], None)
                .with_query("Qualifier", "live"),
        ),
    ];
    for (service, call) in calls {
        let (listener, port) = listener().await;
        let client = client(&format!("http://127.0.0.1:{port}/base/"), Options::default());
        let server = async { serve(listener.accept().await.expect("accepted").0, &ok("{\"a\":1}")).await };
        let (answer, got) = tokio::join!(client.call(call, AT), server);
        let got = got.expect("read");
        assert_eq!(answer.expect("an answer").json().expect("JSON"), json!({"a": 1}));
        assert!(is_signed(&got, service), "{got}");
        assert!(got.contains(" /base/") && got.contains("x-amz-security-token: a-token"), "{got}");
    }
}

#[tokio::test]
async fn answers_are_bounded_in_bytes_and_time() {
    let (listener, port) = listener().await;
    let url = format!("http://127.0.0.1:{port}");
    let short = client(&url, Options { answer_bytes_max: 10, ..Options::default() });
    let call = || Call::json("kms", "TrentService.ListKeys", &json!({}));
    let server = async { serve(listener.accept().await.expect("accepted").0, &ok("12345678901")).await };
    let (answer, _) = tokio::join!(short.call(call(), AT), server);
    assert!(matches!(answer, Err(CallError::Size { bytes_max: 10, .. })), "{answer:?}");
    let hasty = client(&url, Options { time: Duration::from_millis(50), ..Options::default() });
    let answer = hasty.call(call(), AT).await;
    assert!(matches!(answer, Err(CallError::Time { .. })), "{answer:?}");
    drop(listener);
    let answer = hasty.call(call(), AT).await;
    assert!(matches!(answer, Err(CallError::Unreachable { .. } | CallError::Time { .. })), "{answer:?}");
}

#[tokio::test]
async fn certificates_have_to_lead_to_what_is_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    for (pem, trusted) in [(made.cert.pem(), true), (other.cert.pem(), false)] {
        let (listener, port) = listener().await;
        let options = Options { trust: Trust::pem(pem.into_bytes()), ..Options::default() };
        let client = client(&format!("https://localhost:{port}"), options);
        let server = async {
            let (stream, _) = listener.accept().await.expect("accepted");
            match acceptor.accept(stream).await {
                Ok(stream) => serve(stream, &ok("{}")).await.is_ok(),
                Err(_) => false,
            }
        };
        let call = Call::json("kms", "TrentService.ListKeys", &json!({}));
        let (answer, served) = tokio::join!(client.call(call, AT), server);
        assert_eq!((answer.is_ok(), served), (trusted, trusted), "{answer:?}");
    }
}

#[test]
fn what_is_no_endpoint_is_refused() {
    for url in ["", "here", "ftp://here", "http://", "http://user@here", "http://here/?a=b", "https://a b"] {
        assert!(Endpoint::open(url, Options::default()).is_err(), "{url}");
    }
    let options = Options { trust: Trust::pem(b"no certificate".to_vec()), ..Options::default() };
    assert!(Endpoint::open("https://here", options).is_err());
    for url in ["https://user:planted@here", "https://here/?token=planted"] {
        let told = Endpoint::open(url, Options::default()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.contains("here") && !told.contains("planted"), "{told}");
    }
}

#[tokio::test]
async fn plain_http_goes_to_other_machines_when_it_may_alone() {
    let client = client("http://192.0.2.1:9", Options { time: Duration::from_millis(50), ..Options::default() });
    let answer = client.call(Call::json("kms", "TrentService.ListKeys", &json!({})), AT).await;
    let told = answer.expect_err("refused").to_string();
    assert!(told.contains("without TLS"), "{told}");
}
