//! The steps of an exchange, each under its limit; [`Exchange`] takes them one after the other.

use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use strongroom_types::{Clock, Timestamp};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::body::{FirstSight, Gathered, Limits, first_sight, gather};
use super::date::DateHeader;
use super::exchange::Exchange;
use super::local;
use super::refusal::Refusal;
use super::shield::{Panicked, Shield, Work};
use super::source::source;
use super::{Answer, AnswerBody, Call, Endpoint, RequestIds};
use crate::config::{Config, MetricsConfig, Network};
use crate::cors::{Cors, Origin};
use crate::health;
use crate::listen::{Held, Line, Underway, Working};

/// The id of an answer for which the random source gave none.
const NO_REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Where the figures are.
const METRICS: &str = "/metrics";
/// Headers by which a proxy says whom a request is from, or that it passed it on.
const FORWARDED: [HeaderName; 4] =
    [header::FORWARDED, header::VIA, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

/// What all connections share.
pub(crate) struct Front {
    endpoint: Arc<dyn Endpoint>,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    cors: Option<Cors>,
    /// Developer mode: no signature is verified.
    dev: bool,
    trusted_proxies: Vec<Network>,
    metrics: MetricsConfig,
    dates: DateHeader,
    header_count_max: usize,
    body_bytes_max: usize,
    body_drain_bytes_max: usize,
    body_read_max: Duration,
    request_max: Duration,
    works_max: u32,
}

/// What an answer must carry because of its request.
pub(super) struct Frame {
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
            dev: config.dev,
            trusted_proxies: config.listen.trusted_proxies.clone(),
            metrics: config.metrics.clone(),
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
    ) -> Exchange {
        Exchange::new(Arc::clone(self), Underway::begin(line), ids.next(), request)
    }

    /// What the answer to a request with this head must carry.
    pub(super) fn frame(&self, parts: &Parts, id: Option<&str>) -> Frame {
        let id = HeaderValue::from_str(id.unwrap_or(NO_REQUEST_ID));
        Frame {
            request_id: id.unwrap_or(HeaderValue::from_static(NO_REQUEST_ID)),
            received: self.clock.now(),
            origin: self.cors.as_ref().map(|cors| cors.origin(&parts.headers)),
            head_only: parts.method == Method::HEAD,
            version: parts.version,
        }
    }

    /// The answer to what the endpoint need not be asked.
    pub(super) fn answer_by_head(&self, line: &Line, parts: &Parts, frame: &Frame) -> Option<Answer> {
        if parts.headers.len() > self.header_count_max {
            return Some(Refusal::TooManyHeaders.answer());
        }
        if self.dev
            && let Some(refusal) = local::refusal(parts, frame.origin.as_ref())
        {
            return Some(refusal.answer());
        }
        let readiness = || (self.endpoint.ready(), self.endpoint.warnings());
        if let Some(answer) = health::answer(&parts.method, parts.uri.path(), readiness) {
            return Some(answer);
        }
        if self.asks_for_figures(line, parts)
            && let Some(answer) = self.endpoint.metrics()
        {
            return Some(answer);
        }
        let (cors, origin) = self.cors.as_ref().zip(frame.origin.as_ref())?;
        cors.preflight(&parts.method, &parts.headers, origin)
    }

    /// Whether a request is for the figures, and from somebody who may have them. For all others there is nothing there.
    fn asks_for_figures(&self, line: &Line, parts: &Parts) -> bool {
        if !self.metrics.enabled || parts.method != Method::GET || parts.uri.path() != METRICS {
            return false;
        }
        let client = source(line.peer.ip(), &parts.headers, &self.trusted_proxies);
        // Whoever passes requests on and is not trusted hides whom they are from.
        let passed_on = FORWARDED.iter().any(|name| parts.headers.contains_key(name));
        let is_hidden = passed_on && client == line.peer.ip().to_canonical();
        !is_hidden && self.metrics.networks.iter().any(|network| network.contains(client))
    }

    /// What has come of `body`.
    pub(super) fn first_sight(
        &self,
        line: &Line,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Result<FirstSight, Refusal> {
        first_sight(body, self.body_bytes_max, &line.remains, context).map_err(Refusal::from)
    }

    /// Waits for the rest of `body`.
    pub(super) async fn gather(
        &self,
        parts: &Parts,
        first: Option<Bytes>,
        body: Incoming,
        held: &mut Held,
    ) -> Result<Gathered, Refusal> {
        let asks_first = parts.headers.contains_key(header::EXPECT);
        let bytes_max = self.body_bytes_max.max(of_functions(parts));
        let limits = Limits { bytes_max, drain_bytes_max: self.body_drain_bytes_max };
        let gathering = gather(first, body, held, limits, asks_first);
        match timeout(self.body_read_max, gathering).await {
            Ok(gathered) => gathered.map_err(Refusal::from),
            Err(_) => Err(Refusal::BodyTooSlow),
        }
    }

    /// The endpoint's work on a request, not yet begun.
    pub(super) fn work(
        &self,
        line: &Line,
        mut held: Held,
        frame: &Frame,
        id: String,
        parts: Parts,
        body: Gathered,
    ) -> Result<Work, Refusal> {
        // Work goes on when its client has gone; a client that sends and goes, again and again, must not pile it up.
        if !held.grow_to(body.bytes.len()) {
            return Err(Refusal::NoRoom);
        }
        let working = Working::begin(held, self.works_max).ok_or(Refusal::TooManyRequests)?;
        let call = call(line, frame, id, parts, body, &self.trusted_proxies);
        Ok(Work::new(Arc::clone(&self.endpoint).call(call), working))
    }

    /// Waits for `work`, for as long as a client has to wait at most.
    pub(super) async fn wait(&self, frame: &Frame, work: Work) -> Answer {
        match timeout(self.request_max, Shield::new(work, &self.runtime)).await {
            Ok(done) => self.done(frame, done),
            Err(_) => {
                tracing::warn!(request_id = ?frame.request_id, "a request was not completed in time; its work goes on");
                Refusal::TooLong.answer()
            }
        }
    }

    /// Carries `work`, whose client has gone, to its end.
    pub(super) fn go_on(&self, work: Work) {
        drop(Shield::new(work, &self.runtime));
    }

    /// The answer of work that has come to its end.
    pub(super) fn done(&self, frame: &Frame, done: Result<Answer, Panicked>) -> Answer {
        done.unwrap_or_else(|Panicked| {
            tracing::error!(request_id = ?frame.request_id, "a request's work panicked");
            Refusal::Failed.answer()
        })
    }

    /// The response that carries `answer` to the client on `line`.
    pub(super) fn finish(&self, line: &Arc<Line>, frame: Frame, answer: Answer) -> Response<AnswerBody> {
        let mut held = Held::of_answer(line);
        let answer = if frame.head_only || held.grow_to(answer.body.len()) { answer } else { Refusal::NoRoom.answer() };
        let length = answer.body.len();
        let body = match answer.pieces {
            _ if frame.head_only => AnswerBody::empty(),
            Some(pieces) => AnswerBody::pieces(pieces, line),
            None => AnswerBody::new(answer.body, held),
        };
        let whole = matches!(body, AnswerBody::Whole(_));
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
        if frame.head_only || (whole && length == 0 && frame.version == Version::HTTP_2) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if let (Some(cors), Some(origin)) = (&self.cors, frame.origin) {
            cors.mark(origin, headers);
        }
        response
    }
}

/// Bytes of the body of a request that brings a function's package, as base64 in JSON, on AWS.
const PACKAGE_BYTES_MAX: usize = 70_167_211;
/// Bytes of the body of a request that brings a function's event, on AWS.
const EVENT_BYTES_MAX: usize = 6_291_556;
/// What the paths of Lambda's operations on functions begin with.
const FUNCTIONS: &str = "/2015-03-31/functions";

/// How many bytes a request of Lambda may have, whatever the limit for others.
fn of_functions(parts: &Parts) -> usize {
    let Some(rest) = parts.uri.path().strip_prefix(FUNCTIONS) else { return 0 };
    match parts.method.as_str() {
        "POST" if rest.ends_with("/invocations") => EVENT_BYTES_MAX,
        "POST" if rest.is_empty() || rest == "/" => PACKAGE_BYTES_MAX,
        "PUT" if rest.ends_with("/code") => PACKAGE_BYTES_MAX,
        _ => 0,
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
        endpoint: line.endpoint.clone(),
        inside: false,
        received: frame.received,
        request_id: id,
    }
}
