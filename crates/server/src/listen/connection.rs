//! One connection: handshake, protocol, then its requests until it ends, is too slow, or the server stops.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use strongroom_core::ctx::PrivateEndpoint;
use strongroom_crypto::Random;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::alarm::Alarm;
use super::aside::Aside;
use super::line::{Ends, Line};
use super::lines::Lines;
use super::load::Load;
use super::phases::{Expiry, Times};
use super::slots::Slot;
use super::socket::{Socket, Stream};
use super::{stack, tls};
use crate::config::LimitsConfig;
use crate::front::{AnswerBody, Front, RequestIds};

/// The largest read buffer of an HTTP/1 connection, and the window of an HTTP/2 stream; no body needs more at once.
const BUFFER_BYTES_MAX: u32 = 128 * 1024;

/// The window of an HTTP/2 connection.
const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Header fields that the HTTP/1 parser has room for on the stack; more of them cost an allocation for each request.
const HEADERS_ON_STACK: usize = 100;

/// How far the server's stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Requests are served.
    Serving,
    /// Requests under way are finished, no new ones begun.
    Stopping,
    /// All that is left is cut off.
    Cutting,
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) front: Arc<Front>,
    random: Arc<dyn Random>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    times: Times,
    load: Arc<Load>,
    pub(super) lines: Arc<Lines>,
    tls_handshake_max: Duration,
    header_read_max: Duration,
}

impl Shared {
    pub(super) fn new(front: Arc<Front>, random: Arc<dyn Random>, limits: &LimitsConfig) -> Self {
        let header_bytes_max = usize::try_from(limits.header_bytes_max).unwrap_or(usize::MAX);
        let header_count_max = usize::try_from(limits.header_count_max).unwrap_or(usize::MAX);
        let buffer_bytes_max = usize::try_from(BUFFER_BYTES_MAX).unwrap_or(usize::MAX).max(header_bytes_max);
        let mut http1 = http1::Builder::new();
        http1
            // The connection's phases are timed by its `Line`: one timer a connection instead of one a request.
            .header_read_timeout(None)
            .auto_date_header(false)
            .max_header_size(header_bytes_max)
            .max_buf_size(buffer_bytes_max)
            // Never flatten a body into the write buffer, which is not wiped.
            .writev(true);
        if header_count_max > HEADERS_ON_STACK {
            http1.max_headers(header_count_max);
        }
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .auto_date_header(false)
            .max_header_list_size(limits.header_bytes_max)
            .max_concurrent_streams(limits.h2_streams_max)
            .initial_stream_window_size(BUFFER_BYTES_MAX)
            .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES);
        Self {
            front,
            random,
            http1,
            http2,
            times: Times::new(limits),
            load: Arc::new(Load::new(limits.bodies_bytes_max, limits.body_bytes_max.into())),
            lines: Arc::default(),
            tls_handshake_max: Duration::from_millis(limits.tls_handshake_ms_max),
            header_read_max: Duration::from_millis(limits.header_read_ms_max),
        }
    }
}

/// A connection just accepted.
pub(super) struct Accepted {
    /// Not yet known to any runtime.
    pub(super) stream: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) endpoint: Option<Arc<PrivateEndpoint>>,
    pub(super) slot: Slot,
}

/// Serves a connection to its end.
pub(super) async fn serve(accepted: Accepted, shared: Arc<Shared>, mut stage: watch::Receiver<Stage>) {
    let peer = accepted.peer;
    // A server that stops does not wait for a client that has not yet asked for anything.
    let opened = tokio::select! {
        opened = open(accepted, &shared) => opened,
        _ = stage.wait_for(|stage| *stage > Stage::Serving) => return,
    };
    let (socket, line, h2) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            stack::wipe();
            tracing::debug!(%peer, %error, "the connection was not opened");
            return;
        }
    };
    let _entered = shared.lines.enter(&line);
    let io = TokioIo::new(socket);
    let service = service(Arc::clone(&shared.front), Arc::clone(&line), Arc::clone(&shared.random));
    let ended = if h2 {
        drive(shared.http2.serve_connection(io, service), &line, stage).await
    } else {
        drive(shared.http1.serve_connection(io, service), &line, stage).await
    };
    stack::wipe();
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "the connection ended");
    }
}

/// TLS handshake, then a look at the first bytes.
async fn open(accepted: Accepted, shared: &Shared) -> io::Result<(Socket, Arc<Line>, bool)> {
    let Accepted { stream, peer, tls, endpoint, slot } = accepted;
    let stream = TcpStream::from_std(stream)?;
    let local = stream.local_addr()?;
    // Answers are written whole; waiting for more to send with them would only delay them.
    stream.set_nodelay(true)?;
    let (mut stream, tls) = match tls {
        None => (Stream::Plain(stream), None),
        Some(acceptor) => {
            let stream = timeout(shared.tls_handshake_max, acceptor.accept(stream)).await??;
            let details = tls::details(stream.get_ref().1);
            (Stream::Tls(Box::new(stream)), Some(details))
        }
    };
    let begun = Instant::now();
    let opening = timeout_at(begun + shared.header_read_max, stream.opening()).await??;
    let h2 = opening.h2;
    let line = Arc::new(Line::new(Ends { peer, local, tls, endpoint }, h2, begun, shared.times, &shared.load, slot));
    Ok((Socket::new(stream, opening, Arc::clone(&line)), line, h2))
}

fn service(
    front: Arc<Front>,
    line: Arc<Line>,
    random: Arc<dyn Random>,
) -> impl HttpService<Incoming, ResBody = AnswerBody, Error = std::convert::Infallible, Future: Send + 'static> + Send {
    let ids = RequestIds::new(random);
    service_fn(move |request: Request<Incoming>| front.exchange(&line, &ids, request))
}

/// A connection of either protocol.
trait Http: Future<Output = hyper::Result<()>> {
    /// Finishes what is under way, begins nothing new.
    fn finish(self: Pin<&mut Self>);
}

impl<S> Http for http1::Connection<TokioIo<Socket>, S>
where
    S: HttpService<Incoming, ResBody = AnswerBody, Error = std::convert::Infallible>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Http for http2::Connection<TokioIo<Socket>, S, TokioExecutor>
where
    S: HttpService<Incoming, ResBody = AnswerBody, Error = std::convert::Infallible, Future: Send + 'static>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs `connection` until it ends by itself, a phase lasts too long, or the server cuts it off.
async fn drive(connection: impl Http, line: &Line, stage: watch::Receiver<Stage>) -> hyper::Result<()> {
    let mut connection = pin!(connection);
    let mut stopping = pin!(reached(stage.clone(), Stage::Stopping));
    let mut cutting = pin!(reached(stage, Stage::Cutting));
    let mut leaving = pin!(line.asked_to_close());
    let (mut stopped, mut left) = (false, false);
    let mut alarm = Alarm::new();
    let mut aside = Aside::new();
    poll_fn(|context| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            // The stop, the call to leave and the alarm are polled when they have something to say, not for every request.
            let set = alarm.set(line);
            if !aside.is_called(context) && !set {
                return Poll::Pending;
            }
            let context = &mut aside.context();
            if !stopped && stopping.as_mut().poll(context).is_ready() {
                stopped = true;
                connection.as_mut().finish();
            }
            if stopped && cutting.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if !left && leaving.as_mut().poll(context).is_ready() {
                left = true;
                alarm.hurry();
                connection.as_mut().finish();
            }
            match alarm.poll(line, context) {
                Poll::Ready(Expiry::Close) => connection.as_mut().finish(),
                Poll::Ready(Expiry::Cut) => return Poll::Ready(Ok(())),
                Poll::Pending => {}
            }
            // Once more round: the connection may have been told to finish.
        }
    })
    .await
}

/// Waits until the server has come to `stage`, or is gone.
async fn reached(mut receiver: watch::Receiver<Stage>, stage: Stage) {
    drop(receiver.wait_for(|present| *present >= stage).await);
}
