//! The Lambda Runtime API, version 2018-06-01, for one process: it asks for its next invocation and posts the answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use strongroom_types::{Clock, SecretBuffer, SecretBytes};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::job::Job;
use crate::log::Log;
use crate::processes;
use crate::texts;

/// The beginning of all paths.
const BASE: &str = "/2018-06-01/runtime/";
/// Connections of one process at one time: clients of the API need one. Each is an open file of the server's.
const CONNECTIONS_MAX: usize = 8;

/// What a process said about its invocation, or about its start.
pub enum Outcome {
    /// The answer.
    Answer(SecretBytes),
    /// The function's error, JSON.
    Error(SecretBytes),
    /// The answer has more bytes than Lambda takes.
    TooLarge,
    /// The process could not get ready: JSON.
    InitError(SecretBytes),
}

/// Where a process stands.
#[derive(Default)]
struct State {
    offered: Option<Arc<Job>>,
    /// The invocation that it has taken and not answered.
    current: Option<String>,
    taken: Option<Instant>,
    /// When it first asked.
    ready: Option<Instant>,
    outcome: Option<Outcome>,
}

struct Shared {
    state: Mutex<State>,
    /// There is an offer.
    offer: Notify,
    /// Something has changed for whoever waits for the process.
    changed: Notify,
    log: Arc<Log>,
    clock: Arc<dyn Clock>,
}

/// The API for one process.
pub struct Api {
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// A listener on loopback, for the API, and its address.
///
/// # Errors
/// The system's.
pub async fn bind() -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?.to_string();
    Ok((listener, address))
}

impl Api {
    /// Serves the process `pid`, with all below it, that writes to `log`. Others on this machine are turned away.
    pub fn serve(listener: TcpListener, pid: u32, log: Arc<Log>, clock: Arc<dyn Clock>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            offer: Notify::new(),
            changed: Notify::new(),
            log,
            clock,
        });
        let listener = tokio::spawn(accept(listener, pid, Arc::clone(&shared)));
        Self { shared, listener }
    }

    /// Puts an invocation before the process, which takes it when it asks.
    pub fn offer(&self, job: Arc<Job>) {
        let mut state = self.shared.lock();
        state.offered = Some(job);
        state.taken = None;
        state.outcome = None;
        drop(state);
        self.shared.offer.notify_one();
    }

    /// When the process first asked for work.
    pub fn ready(&self) -> Option<Instant> {
        self.shared.lock().ready
    }

    /// Waits until the process takes the invocation, and says when it did; none when it said before that it cannot start.
    pub async fn taken(&self) -> Option<Instant> {
        loop {
            let changed = self.shared.changed.notified();
            {
                let state = self.shared.lock();
                if state.taken.is_some() || state.outcome.is_some() {
                    return state.taken;
                }
            }
            changed.await;
        }
    }

    /// Waits for what the process says.
    pub async fn outcome(&self) -> Outcome {
        loop {
            let changed = self.shared.changed.notified();
            if let Some(outcome) = self.said() {
                return outcome;
            }
            changed.await;
        }
    }

    /// What the process has said, if it has.
    pub fn said(&self) -> Option<Outcome> {
        self.shared.lock().outcome.take()
    }
}

async fn accept(listener: TcpListener, pid: u32, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, client)) = listener.accept().await else { continue };
        if is_foreign(pid, client, stream.local_addr()) {
            tracing::warn!(pid, "another process than the function's asked for its invocations, and was turned away");
            continue;
        }
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let _nodelay = stream.set_nodelay(true);
            let answer = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(shared.answer(request).await) }
            });
            // A connection that breaks off concerns the process alone.
            let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            drop(place);
        });
    }
}

/// Whether a connection is known to come from elsewhere than the process and those below it: another function could
/// otherwise take this one's events, since all share the loopback.
fn is_foreign(pid: u32, client: SocketAddr, server: io::Result<SocketAddr>) -> bool {
    let (SocketAddr::V4(client), Ok(SocketAddr::V4(server))) = (client, server) else { return true };
    processes::is_of(pid, client, server) == Some(false)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let rest = path.strip_prefix(BASE).unwrap_or_default();
        let parts: Vec<&str> = rest.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) => self.response(id, request).await,
            (&Method::POST, ["invocation", id, "error"]) => self.error(Some(id), request).await,
            (&Method::POST, ["init", "error"]) => self.error(None, request).await,
            _ => refusal(StatusCode::NOT_FOUND, "NotFound", "no such path in the Runtime API"),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        loop {
            let offer = self.offer.notified();
            {
                let mut state = self.lock();
                if state.current.is_some() {
                    return refusal(
                        StatusCode::FORBIDDEN,
                        "InvalidStateTransition",
                        "the invocation before this one has not been answered",
                    );
                }
                let now = Instant::now();
                if state.ready.is_none() {
                    state.ready = Some(now);
                    self.changed.notify_waiters();
                }
                if let Some(job) = state.offered.take() {
                    state.current = Some(job.request_id.clone());
                    state.taken = Some(now);
                    drop(state);
                    self.log.drain();
                    self.log.push(texts::start(&job).as_bytes());
                    self.changed.notify_waiters();
                    return self.invocation(&job);
                }
            }
            offer.await;
        }
    }

    fn invocation(&self, job: &Job) -> Response<Full<Bytes>> {
        let deadline = self.clock.now().plus_millis(i64::from(job.timeout_seconds) * 1000).millis().to_string();
        let mut response = Response::new(Full::new(Bytes::from_owner(Owned(job.payload.clone()))));
        let trace = trace(job, self.clock.now().seconds());
        let pairs = [
            ("content-type", Some("application/json")),
            ("lambda-runtime-aws-request-id", Some(job.request_id.as_str())),
            ("lambda-runtime-deadline-ms", Some(deadline.as_str())),
            ("lambda-runtime-invoked-function-arn", Some(job.function_arn.as_str())),
            ("lambda-runtime-trace-id", Some(trace.as_str())),
            ("lambda-runtime-client-context", job.client_context.as_deref()),
        ];
        for (name, value) in pairs {
            if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if self.lock().current.as_deref() != Some(id) {
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        match body(request.into_body()).await {
            Ok((answer, trailers)) if failed(trailers.as_ref()) => self.settle(Some(id), Outcome::Error(answer)),
            Ok((answer, _)) => self.settle(Some(id), Outcome::Answer(answer)),
            Err(Wrong::TooLarge) => {
                let _accepted = self.settle(Some(id), Outcome::TooLarge);
                let text = format!("Exceeded maximum allowed payload size ({} bytes).", texts::ANSWER_BYTES_MAX);
                refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text)
            }
            Err(Wrong::Broken) => refusal(StatusCode::BAD_REQUEST, "InvalidRequest", "the body broke off"),
        }
    }

    async fn error(&self, id: Option<&str>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        {
            let state = self.lock();
            if id.is_none() && state.ready.is_some() {
                return refusal(StatusCode::FORBIDDEN, "InvalidStateTransition", "the runtime is past its start");
            }
            if id.is_some() && state.current.as_deref() != id {
                return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
            }
        }
        match body(request.into_body()).await {
            Ok((text, _)) if id.is_none() => self.settle(id, Outcome::InitError(text)),
            Ok((text, _)) => self.settle(id, Outcome::Error(text)),
            Err(Wrong::TooLarge) => {
                let _accepted = self.settle(id, Outcome::TooLarge);
                refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the error is too large")
            }
            Err(Wrong::Broken) => refusal(StatusCode::BAD_REQUEST, "InvalidRequest", "the body broke off"),
        }
    }

    /// Notes what the process said of its invocation, once.
    fn settle(&self, id: Option<&str>, outcome: Outcome) -> Response<Full<Bytes>> {
        let mut state = self.lock();
        if state.current.as_deref() != id {
            drop(state);
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        state.current = None;
        state.outcome = Some(outcome);
        drop(state);
        self.changed.notify_waiters();
        json(StatusCode::ACCEPTED, &serde_json::json!({ "status": "OK" }))
    }
}

/// A streamed answer says in its trailers that the function failed on the way.
fn failed(trailers: Option<&HeaderMap>) -> bool {
    trailers.is_some_and(|trailers| trailers.contains_key("lambda-runtime-function-error-type"))
}

/// The header for tracing, which is made of the request's id: there is no tracing, but some clients ask for one.
fn trace(job: &Job, seconds: i64) -> String {
    let digits: String = job.request_id.chars().filter(char::is_ascii_hexdigit).take(24).collect();
    format!("Root=1-{seconds:08x}-{digits:0<24};Parent=0000000000000000;Sampled=0")
}

enum Wrong {
    TooLarge,
    Broken,
}

async fn body(mut body: Incoming) -> Result<(SecretBytes, Option<HeaderMap>), Wrong> {
    let mut buffer = SecretBuffer::default();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| Wrong::Broken)?.into_data() {
            Ok(data) if buffer.len() + data.len() > texts::ANSWER_BYTES_MAX => return Err(Wrong::TooLarge),
            Ok(data) => buffer.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok((buffer.into_secret(), trailers))
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    json(status, &serde_json::json!({ "errorType": kind, "errorMessage": message }))
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

/// Secret bytes as the body of an answer.
struct Owned(SecretBytes);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}
