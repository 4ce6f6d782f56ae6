//! One exchange: a request's head and body to the endpoint, its answer back, each step under its limit.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use strongroom_types::{Clock, Timestamp};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::body::{FirstSight, Gathered, first_sight, gather};
use super::date::DateHeader;
use super::refusal::Refusal;
use super::shield::Shield;
use super::{Answer, AnswerBody, Call, Endpoint, RequestIds, source::source};
use crate::config::{Config, Network};
use crate::cors::{Cors, Origin};
use crate::health;
use crate::listen::{Line, Underway, Working};

/// The id of an answer for which the random source gave none.
const NO_REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What all connections share.
pub(crate) struct Front {
    endpoint: Arc<dyn Endpoint>,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    cors: Option<Cors>,
    trusted_proxies: Vec<Network>,
    dates: DateHeader,
    header_count_max: usize,
    body_bytes_max: usize,
    body_drain_bytes_max: usize,
    body_read_max: Duration,
    request_max: Duration,
    works_max: u32,
}

/// What an answer must carry because of its request.
struct Frame {
    request_id: HeaderValue,
    received: Timestamp,
    origin: Option<Origin>,
    /// Whether the body stays at home: the request was HEAD.
    head_only: bool,
    version: Version,
}

impl Front {
    pub(crate) fn new(endpoint: Arc<dyn Endpoint>, clock: Arc<dyn Clock>, config: &Config, runtime: Handle) -> Self {
        let limits = &config.limits;
        let bytes = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            endpoint,
            clock,
            runtime,
            cors: Cors::new(&config.cors),
            trusted_proxies: config.listen.trusted_proxies.clone(),
            dates: DateHeader::new(),
            header_count_max: bytes(limits.header_count_max),
            body_bytes_max: bytes(limits.body_bytes_max),
            body_drain_bytes_max: bytes(limits.body_drain_bytes_max),
            body_read_max: Duration::from_millis(limits.body_read_ms_max),
            request_max: Duration::from_millis(limits.request_ms_max),
            works_max: limits.h2_streams_max,
        }
    }

    /// Answers `request`, which came in on `line`.
    pub(crate) fn exchange(
        self: &Arc<Self>,
        line: &Arc<Line>,
        ids: &RequestIds,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<AnswerBody>, Infallible>> + Send + use<> {
        let front = Arc::clone(self);
        let underway = Underway::begin(line);
        let id = ids.next();
        async move { Ok(front.respond(underway, id, request).await) }
    }

    async fn respond(
        &self,
        underway: Underway,
        id: Option<String>,
        request: Request<Incoming>,
    ) -> Response<AnswerBody> {
        let (parts, body) = request.into_parts();
        let id_text = id.as_deref().unwrap_or(NO_REQUEST_ID);
        let frame = Frame {
            request_id: HeaderValue::from_str(id_text).unwrap_or(HeaderValue::from_static(NO_REQUEST_ID)),
            received: self.clock.now(),
            origin: self.cors.as_ref().map(|cors| cors.origin(&parts.headers)),
            head_only: parts.method == Method::HEAD,
            version: parts.version,
        };
        let answer = match id {
            Some(id) => self.answer(&underway.line, &frame, id, parts, body).await,
            None => Refusal::Failed.answer(),
        };
        self.finish(&underway.line, frame, answer)
    }

    async fn answer(&self, line: &Arc<Line>, frame: &Frame, id: String, parts: Parts, mut body: Incoming) -> Answer {
        if parts.headers.len() > self.header_count_max {
            return Refusal::TooManyHeaders.answer();
        }
        if let Some(answer) = health::answer(&parts.method, parts.uri.path(), || self.endpoint.ready()) {
            return answer;
        }
        if let (Some(cors), Some(origin)) = (&self.cors, &frame.origin)
            && let Some(answer) = cors.preflight(&parts.method, &parts.headers, origin)
        {
            return answer;
        }
        let gathered = match first_sight(&mut body, self.body_bytes_max).await {
            Ok(FirstSight::Whole(gathered)) => Ok(gathered),
            // Boxed, here and below: what is seldom needed must not make every exchange's future larger, which is
            // moved about for each request.
            Ok(FirstSight::Part(first)) => Box::pin(self.gather(&parts, first, body)).await,
            Err(fault) => Err(Refusal::from(fault)),
        };
        match gathered {
            Ok(gathered) => self.work(line, call(line, frame, id, parts, gathered, &self.trusted_proxies)).await,
            Err(refusal) => refusal.answer(),
        }
    }

    /// Waits for the rest of a body.
    async fn gather(&self, parts: &Parts, first: Option<Bytes>, body: Incoming) -> Result<Gathered, Refusal> {
        let asks_first = parts.headers.contains_key(header::EXPECT);
        let gathering = gather(first, body, self.body_bytes_max, self.body_drain_bytes_max, asks_first);
        match timeout(self.body_read_max, gathering).await {
            Ok(gathered) => gathered.map_err(Refusal::from),
            Err(_) => Err(Refusal::BodyTooSlow),
        }
    }

    /// Asks the endpoint, for as long as a client has to wait at most.
    async fn work(&self, line: &Arc<Line>, call: Call) -> Answer {
        // Work goes on when its client has gone; a client that sends and goes, again and again, must not pile it up.
        let Some(working) = Working::begin(line, self.works_max) else {
            return Refusal::TooManyRequests.answer();
        };
        let request_id = call.request_id.clone();
        let endpoint = Arc::clone(&self.endpoint);
        let work = Box::pin(async move {
            let _working = working;
            endpoint.call(call).await
        });
        let mut shield = Shield::new(work, &self.runtime);
        // Most work is done at the first poll, and then needs no timer.
        let waited = match poll_fn(|context| Poll::Ready(Pin::new(&mut shield).poll(context))).await {
            Poll::Ready(done) => Ok(done),
            Poll::Pending => Box::pin(timeout(self.request_max, shield)).await,
        };
        match waited {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                tracing::error!(request_id, "the request's work panicked");
                Refusal::Failed.answer()
            }
            Err(_) => {
                tracing::warn!(request_id, "the request was not completed in time; its work goes on");
                Refusal::TooLong.answer()
            }
        }
    }

    fn finish(&self, line: &Arc<Line>, frame: Frame, answer: Answer) -> Response<AnswerBody> {
        let length = answer.body.len();
        let body = if frame.head_only { AnswerBody::empty() } else { AnswerBody::new(answer.body, line) };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in answer.headers {
            headers.append(name, value);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
        headers.insert(REQUEST_ID, frame.request_id);
        headers.insert(header::DATE, self.dates.at(frame.received));
        // In all other cases the HTTP library knows the length from the body.
        if frame.head_only || (length == 0 && frame.version == Version::HTTP_2) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if let (Some(cors), Some(origin)) = (&self.cors, frame.origin) {
            cors.mark(origin, headers);
        }
        response
    }
}

fn call(line: &Line, frame: &Frame, id: String, parts: Parts, body: Gathered, trusted: &[Network]) -> Call {
    let mut headers = parts.headers;
    if parts.version == Version::HTTP_2
        && !headers.contains_key(header::HOST)
        && let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(header::HOST, host);
    }
    Call {
        source: source(line.peer.ip(), &headers, trusted),
        method: parts.method,
        uri: parts.uri,
        version: parts.version,
        headers,
        body: body.bytes,
        body_sha256: body.sha256,
        peer: line.peer,
        local: line.local,
        tls: line.tls,
        received: frame.received,
        request_id: id,
    }
}
