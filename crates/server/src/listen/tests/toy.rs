//! The toy endpoint, a running port, and clients that speak raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use strongroom_crypto::random::SeededRandom;
use strongroom_types::{MockClock, SecretBytes, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::front::{Answer, Answering, Call, Endpoint, Readiness};
use crate::listen::{Listeners, Stopped, serve};

/// The instant that the toy's clock shows: 2024-02-03 04:05:06 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_706_933_106);

/// Answers by path.
pub(super) struct Toy {
    /// Calls that began.
    pub(super) begun: AtomicUsize,
    /// Calls that came to their end.
    pub(super) ended: AtomicUsize,
    /// Told at each beginning.
    pub(super) beginning: Notify,
    /// Told at each end.
    pub(super) ending: Notify,
    /// Holds back `/gate` until a permit is added.
    pub(super) gate: Semaphore,
    pub(super) unready: bool,
}

impl Endpoint for Toy {
    fn call(self: Arc<Self>, call: Call) -> Answering {
        Box::pin(async move {
            self.begun.fetch_add(1, Ordering::SeqCst);
            self.beginning.notify_one();
            let answer = self.answer(call).await;
            self.ended.fetch_add(1, Ordering::SeqCst);
            self.ending.notify_one();
            answer
        })
    }

    fn ready(&self) -> Readiness {
        if self.unready { Readiness::NotReady(vec!["the toy is broken".to_owned()]) } else { Readiness::Ready }
    }
}

impl Toy {
    async fn answer(&self, call: Call) -> Answer {
        match call.uri.path() {
            // Says what it was called with.
            "/tell" => Answer::json(200, tell(&call).into_bytes()),
            "/gate" => {
                self.gate.acquire().await.unwrap().forget();
                Answer::json(200, b"through".to_vec())
            }
            // Ends only once it runs in another task than the one that it began in.
            "/moved" => {
                let first = tokio::task::try_id();
                while tokio::task::try_id() == first {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Answer::json(200, Vec::new())
            }
            "/panic" => panic!("the toy panics"),
            "/empty" => Answer::json(200, Vec::new()),
            "/large" => Answer::json(200, vec![b'x'; 64 << 20]),
            "/strange" => Answer {
                status: 9999,
                headers: vec![(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static("Odd"))],
                content_type: "text/plain",
                body: SecretBytes::new(b"odd".to_vec()),
                pieces: None,
            },
            _ => Answer::json(200, call.body.expose().to_vec()),
        }
    }
}

fn tell(call: &Call) -> String {
    let hex: String = call.body_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let tls = call.tls.map_or_else(|| "plain".to_owned(), |tls| format!("{} {}", tls.version, tls.cipher_suite));
    format!(
        "{} {} {:?} host={} source={} peer={} tls={tls} bytes={} sha256={hex} received={} id={}",
        call.method,
        call.uri.path_and_query().map_or("", |path| path.as_str()),
        call.version,
        call.host().unwrap_or("none"),
        call.source,
        call.peer.ip(),
        call.body.len(),
        call.received.seconds(),
        call.request_id
    )
}

/// A port that serves a toy.
pub(super) struct Port {
    pub(super) address: SocketAddr,
    pub(super) toy: Arc<Toy>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Stopped>,
}

/// Starts a port on loopback with the configuration that `text` and `adjust` make.
pub(super) async fn start(text: &str, adjust: impl FnOnce(&mut Toy)) -> Port {
    let mut toy = Toy {
        begun: AtomicUsize::new(0),
        ended: AtomicUsize::new(0),
        beginning: Notify::new(),
        ending: Notify::new(),
        gate: Semaphore::new(0),
        unready: false,
    };
    adjust(&mut toy);
    let toy = Arc::new(toy);
    let loopback = |config: &mut Config| config.listen.addresses = vec!["127.0.0.1:0".parse().unwrap()];
    let config = Config::load_with(text, loopback).unwrap();
    let listeners = Listeners::bind(&config).await.unwrap();
    let address = listeners.addresses()[0].address;
    let (stop, stopped) = oneshot::channel::<()>();
    let endpoint = Arc::clone(&toy) as Arc<dyn Endpoint>;
    let serving = tokio::spawn(async move {
        let clock = Arc::new(MockClock::at(NOW));
        let random = Arc::new(SeededRandom::new(7));
        let stop = async { drop(stopped.await) };
        serve(listeners, endpoint, stop, &config, clock, random).await
    });
    Port { address, toy, stop: Some(stop), serving }
}

impl Port {
    pub(super) async fn raw(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }

    /// Tells the server to stop, and waits until it no longer listens.
    pub(super) async fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    pub(super) async fn stopped(self) -> Stopped {
        self.serving.await.unwrap()
    }

    /// Stops the server and requires that nothing was left.
    pub(super) async fn stop(mut self) {
        self.begin_stop().await;
        assert_eq!(self.stopped().await, Stopped { unfinished: 0 });
    }
}

/// A client that speaks HTTP/1 byte by byte.
pub(super) struct Raw(pub(super) TcpStream);

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Plain {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Raw {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends a POST with `body`.
    pub(super) async fn post(&mut self, path: &str, body: &str) {
        let length = body.len();
        self.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}")).await;
    }

    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("an answer's head"));
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads an answer, body and all.
    pub(super) async fn answer(&mut self) -> Plain {
        let mut plain = self.bodiless().await;
        let length = plain.header("content-length").expect("a length").parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.expect("the body");
        plain.body = String::from_utf8(body).unwrap();
        plain
    }

    /// Reads an answer's head.
    pub(super) async fn bodiless(&mut self) -> Plain {
        let head = self.head().await;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Plain { status, head, body: String::new() }
    }

    /// Reads what comes until the server closes; a reset closes as well.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(count) = self.0.read(&mut piece).await {
            if count == 0 {
                break;
            }
            rest.extend_from_slice(&piece[..count]);
        }
        rest
    }
}
