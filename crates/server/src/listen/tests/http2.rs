//! HTTP/2 by prior knowledge on plain TCP.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::toy::{Port, start};
use crate::listen::Stopped;

/// A connection and the task that runs it.
pub(super) struct Client {
    pub(super) requests: SendRequest<Full<Bytes>>,
    pub(super) running: JoinHandle<()>,
}

impl Client {
    pub(super) async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (requests, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { requests, running: tokio::spawn(async move { drop(connection.await) }) }
    }

    async fn to(port: &Port) -> Self {
        Self::over(TcpStream::connect(port.address).await.unwrap()).await
    }

    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        let mut requests = self.requests.clone();
        requests.ready().await?;
        requests.send_request(request).await
    }

    pub(super) async fn post(&self, path: &str, body: impl Into<Bytes>) -> (u16, String) {
        let answer = self.send(post(path, body)).await.unwrap();
        (answer.status().as_u16(), text(answer).await)
    }
}

fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(format!("http://strongroom.test{path}")).body(Full::new(body.into())).unwrap()
}

async fn text(answer: Response<Incoming>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_call_is_as_on_http_1_with_the_authority_as_its_host() {
    let port = start("", |_| {}).await;
    let client = Client::to(&port).await;
    let answer = client.send(post("/tell?a=%41", "abc")).await.unwrap();
    let headers = answer.headers().clone();
    let id = headers["x-amzn-requestid"].to_str().unwrap();
    let told = text(answer).await;
    let expected = format!(
        "POST /tell?a=%41 HTTP/2.0 host=strongroom.test source=127.0.0.1 peer=127.0.0.1 tls=plain bytes=3 \
         sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad received=1706933106 id={id}"
    );
    assert_eq!(told, expected);
    assert_eq!(headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(headers["date"], "Sat, 03 Feb 2024 04:05:06 GMT");
    assert_eq!(headers["content-length"], told.len().to_string().as_str());
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn developer_mode_looks_at_the_authority() {
    let port = start("dev = true", |_| {}).await;
    let client = Client::to(&port).await;
    let (status, told) = client.post("/", "").await;
    assert_eq!(status, 403);
    assert!(told.contains("loopback"), "{told}");
    let local = Request::post("http://localhost:4000/").body(Full::new(Bytes::new())).unwrap();
    assert_eq!(client.send(local).await.unwrap().status(), 200);
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn requests_on_one_connection_do_not_wait_for_each_other() {
    let port = start("", |_| {}).await;
    let client = Client::to(&port).await;
    let held = client.post("/gate", "");
    let rest = async {
        port.toy.beginning.notified().await;
        for body in ["one", "two", "three"] {
            assert_eq!(client.post("/", body).await, (200, body.to_owned()));
        }
        port.toy.gate.add_permits(1);
    };
    let (held, ()) = tokio::join!(held, rest);
    assert_eq!(held, (200, "through".to_owned()));
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn an_answer_without_body_has_its_length_and_head_has_no_body() {
    let port = start("", |_| {}).await;
    let client = Client::to(&port).await;
    let answer = client.send(post("/empty", "")).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "0");
    assert_eq!(text(answer).await, "");
    let head = Request::head("http://strongroom.test/health/live").body(Full::default()).unwrap();
    let answer = client.send(head).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "17");
    assert_eq!(text(answer).await, "");
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn heads_and_bodies_have_their_limits() {
    let port = start("[limits]\nheader_bytes_max = 1000\nheader_count_max = 10\nbody_bytes_max = 1024", |_| {}).await;
    let client = Client::to(&port).await;
    let mut large = post("/", "");
    large.headers_mut().insert("x", "x".repeat(2000).parse().unwrap());
    // The client's library knows the server's limit and may refuse by itself.
    assert!(client.send(large).await.map_or(true, |answer| answer.status() == 431));
    let mut many = post("/", "");
    for at in 0..11 {
        many.headers_mut().append("x", at.into());
    }
    assert_eq!(client.send(many).await.unwrap().status(), 431);
    let (status, body) = client.post("/", vec![b'x'; 300_000]).await;
    assert_eq!(status, 413);
    assert!(body.contains("RequestEntityTooLargeException"));
    assert_eq!(client.post("/", vec![b'x'; 1024]).await.0, 200);
    assert_eq!(port.toy.begun.load(Ordering::SeqCst), 1);
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn a_large_answer_passes_the_windows() {
    let port = start("", |_| {}).await;
    let client = Client::to(&port).await;
    assert_eq!(client.post("/large", "").await.1.len(), 64 << 20);
    let body = "y".repeat(1 << 20);
    assert_eq!(client.post("/", body.clone()).await, (200, body));
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_reset_does_not_stop_its_request() {
    let port = start("", |_| {}).await;
    let client = Client::to(&port).await;
    tokio::select! {
        _ = client.post("/moved", "") => panic!("answered before it was moved"),
        () = port.toy.beginning.notified() => {}
    }
    // The dropped request has reset its stream.
    port.toy.ending.notified().await;
    assert_eq!(client.post("/", "still open").await.1, "still open");
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn a_panic_costs_one_stream() {
    let port = start("", |_| {}).await;
    let client = Client::to(&port).await;
    assert_eq!(client.post("/panic", "").await.0, 500);
    assert_eq!(client.post("/", "fine").await.1, "fine");
    drop(client);
    port.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let port = start("[limits]\nidle_ms_max = 50", |_| {}).await;
    let client = Client::to(&port).await;
    assert_eq!(client.post("/", "last").await.1, "last");
    client.running.await.unwrap();
    port.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut() {
    let port = start("[limits]\nanswer_write_ms_max = 50", |_| {}).await;
    let client = Client::to(&port).await;
    // The body is not read: the stream's window closes, while the connection itself stays usable.
    let answer = client.send(post("/large", "")).await.unwrap();
    client.running.await.unwrap();
    assert!(answer.into_body().collect().await.is_err());
    port.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_streams_under_way() {
    let mut port = start("", |_| {}).await;
    let client = Client::to(&port).await;
    let held = client.post("/gate", "");
    let stop = async {
        port.toy.beginning.notified().await;
        port.begin_stop().await;
        port.toy.gate.add_permits(1);
    };
    let (held, ()) = tokio::join!(held, stop);
    assert_eq!(held, (200, "through".to_owned()));
    client.running.await.unwrap();
    assert_eq!(port.stopped().await, Stopped { unfinished: 0 });
}

#[tokio::test]
async fn an_idle_connection_makes_room_for_a_new_one() {
    let port = start("[limits]\nconnections_max = 1", |_| {}).await;
    let first = Client::to(&port).await;
    assert_eq!(first.post("/", "1").await, (200, "1".to_owned()));
    let second = Client::to(&port).await;
    assert_eq!(second.post("/", "2").await, (200, "2".to_owned()));
    first.running.await.unwrap();
    port.stop().await;
}
