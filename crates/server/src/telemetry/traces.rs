//! Which requests are traced, and their traces on the way to the collector: bounded, and dropped rather than waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use strongroom_core::stages::{Stage, Trace};
use strongroom_types::Timestamp;
use tokio::sync::mpsc;

use crate::figures::FAULT;
use crate::front::{Answer, Call};
use strongroom_wire::ops::AnyOperation;

/// The header by which a client names its trace.
const TRACEPARENT: &str = "traceparent";
/// Bit of a `traceparent`'s flags that says that the trace is recorded; the same bit of a span's.
const SAMPLED: u8 = 1;
/// Spans of one request that a place in the queue stands for.
const SPANS_USUAL: u32 = 10;

/// Who a span belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
}

/// A request that is being traced.
#[derive(Debug)]
pub(crate) struct Traced {
    trace: Arc<Trace>,
    began: Timestamp,
    /// The request's own id, which is the trace's too unless the client named one.
    id: [u8; 16],
    parent: Option<Parent>,
}

impl Traced {
    /// Where its stages go.
    pub(crate) fn trace(&self) -> Arc<Trace> {
        Arc::clone(&self.trace)
    }
}

/// Decides which requests are traced, and hands their traces to the sender.
#[derive(Debug)]
pub(crate) struct Tracer {
    /// Of the 2^32 values that a request's id may begin with, as many are traced.
    below: u64,
    honours_clients: bool,
    queue: Option<mpsc::Sender<Vec<Span>>>,
    dropped: AtomicU64,
}

impl Tracer {
    /// One that traces nothing.
    pub(super) fn off() -> Self {
        Self { below: 0, honours_clients: false, queue: None, dropped: AtomicU64::new(0) }
    }

    /// One that traces `ratio` of the requests, and the queue that the traces come out of, which holds about `spans_max`
    /// spans.
    pub(super) fn new(ratio: f64, honours_clients: bool, spans_max: u32) -> (Self, mpsc::Receiver<Vec<Span>>) {
        let places = usize::try_from(spans_max / SPANS_USUAL).unwrap_or(1).max(1);
        let (queue, waiting) = mpsc::channel(places);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a ratio is from 0 to 1")]
        let below = (ratio.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
        (Self { below, honours_clients, queue: Some(queue), dropped: AtomicU64::new(0) }, waiting)
    }

    /// Begins to trace a request, if it is one of those.
    pub(crate) fn begin(&self, call: &Call) -> Option<Traced> {
        self.queue.as_ref()?;
        let header = call.headers.get(TRACEPARENT).filter(|_| self.honours_clients);
        let named = header.and_then(|header| parent(header.to_str().ok()?));
        let (parent, sampled) = match named {
            Some((parent, sampled)) => (Some(parent), sampled),
            None => (None, self.is_drawn(&call.request_id)),
        };
        if !sampled {
            return None;
        }
        let id = id(&call.request_id)?;
        Some(Traced { trace: Trace::begin(), began: call.received, id, parent })
    }

    /// Whether a request is traced, by its id, which is random.
    fn is_drawn(&self, request_id: &str) -> bool {
        let first = request_id.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        first.is_some_and(|first| first < self.below)
    }

    /// Hands a request's trace over, if there is room for it. Never waits.
    pub(crate) fn end(&self, traced: &Traced, call: &Call, operation: Option<AnyOperation>, answer: &Answer) {
        let spans = spans(traced, call, operation, answer);
        let count = u64::try_from(spans.len()).unwrap_or(u64::MAX);
        if self.queue.as_ref().is_none_or(|queue| queue.try_send(spans).is_err()) {
            self.drop_spans(count);
        }
    }

    /// Counts spans that nobody will see.
    pub(super) fn drop_spans(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Spans that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The 16 bytes of a request's id.
fn id(request_id: &str) -> Option<[u8; 16]> {
    let digits: String = request_id.chars().filter(|c| *c != '-').collect();
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes).filter(|_| digits.len() == 32)
}

/// The parent that a header `traceparent` names, and whether its trace is recorded. W3C Trace Context, version 00, and
/// later ones as far as they begin alike.
fn parent(header: &str) -> Option<(Parent, bool)> {
    let mut parts = header.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, digits: usize| {
        let is_hex = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
    };
    let version = hex(version, 2)?;
    if version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    let (trace, span, flags) =
        (hex(trace, 32)?, u64::try_from(hex(span, 16)?).ok()?, u8::try_from(hex(flags, 2)?).ok()?);
    let parent = Parent { trace: trace.to_be_bytes(), span: span.to_be_bytes() };
    (trace != 0 && span != 0).then_some((parent, flags & SAMPLED == SAMPLED))
}

/// The spans of a request: its own, then those of its stages.
fn spans(traced: &Traced, call: &Call, operation: Option<AnyOperation>, answer: &Answer) -> Vec<Span> {
    let took = traced.trace.elapsed();
    let (stages, left_out) = traced.trace.stages();
    let trace = traced.parent.map_or(traced.id, |parent| parent.trace);
    // Half of a random id; each stage's is some steps further.
    let own = u128::from_be_bytes(traced.id) as u64;
    let began_ns = u64::try_from(traced.began.millis()).unwrap_or(0).saturating_mul(1_000_000);
    let at = |after: Duration| began_ns.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(0));
    let id = |place: usize| own.wrapping_add(1).wrapping_add(u64::try_from(place).unwrap_or(0)).to_be_bytes().to_vec();
    let flags = u32::from(SAMPLED);
    let mut attributes = vec![
        text("aws.request_id", &call.request_id),
        text("rpc.system", "aws-api"),
        number("http.response.status_code", i64::from(answer.status)),
    ];
    if let Some(operation) = operation {
        attributes.push(text("rpc.service", operation.service().signing_name));
        attributes.push(text("rpc.method", operation.name()));
    }
    let mut status = Status::default();
    if let Some(code) = answer.refusal {
        attributes.push(text("error.type", code));
        if code == FAULT {
            status.code = StatusCode::Error.into();
        }
    }
    let mut spans = vec![Span {
        trace_id: trace.to_vec(),
        span_id: own.to_be_bytes().to_vec(),
        parent_span_id: traced.parent.map_or_else(Vec::new, |parent| parent.span.to_vec()),
        flags,
        name: operation.map_or("unknown", AnyOperation::name).to_owned(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: at(Duration::ZERO),
        end_time_unix_nano: at(took),
        attributes,
        dropped_events_count: left_out,
        status: Some(status),
        ..Span::default()
    }];
    spans.extend(stages.iter().enumerate().map(|(place, Stage { name, within, began, took: stage })| Span {
        trace_id: trace.to_vec(),
        span_id: id(place),
        parent_span_id: within.map_or_else(|| own.to_be_bytes().to_vec(), id),
        flags,
        name: (*name).to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: at(*began),
        end_time_unix_nano: at(stage.map_or(took, |stage| *began + stage)),
        ..Span::default()
    }));
    spans
}

/// An attribute with a text.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_s_trace_is_read_by_the_letter() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let good = |flags: &str, version: &str| parent(&format!("{version}-{trace}-{span}-{flags}"));
        let (named, sampled) = good("01", "00").unwrap();
        assert_eq!((named.trace[0], named.span[7], sampled), (0x4b, 0xb7, true));
        assert!(!good("00", "00").unwrap().1);
        assert!(good("01-more", "cc").is_some(), "a later version");
        assert!(good("01-more", "00").is_none() && good("01", "ff").is_none() && good("1", "00").is_none());
        let zero = "0".repeat(32);
        for bad in [format!("00-{zero}-{span}-01"), format!("00-{}-{span}-01", trace.to_uppercase()), String::new()] {
            assert!(parent(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn as_many_requests_are_traced_as_the_setting_says() {
        let drawn = |ratio: f64| {
            let (tracer, _waiting) = Tracer::new(ratio, false, 1000);
            let ids = (0..1000_u32).map(|n| format!("{:08x}-0000-4000-8000-000000000000", n * 4_294_967));
            ids.filter(|id| tracer.is_drawn(id)).count()
        };
        assert_eq!((drawn(0.0), drawn(1.0)), (0, 1000));
        assert!((240..=260).contains(&drawn(0.25)), "{}", drawn(0.25));
    }
}
