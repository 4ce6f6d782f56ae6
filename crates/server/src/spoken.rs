//! How answers are written in each protocol: refusals, and the headers that a protocol has.

use std::io::Read as _;

use flate2::read::GzDecoder;
use http::header::{AUTHORIZATION, CONTENT_ENCODING};
use http::{HeaderName, HeaderValue};
use strongroom_types::SecretBytes;
use strongroom_wire::error::{ServiceError, body_json, body_query, body_rest};
use strongroom_wire::ops::{Protocol, Service};
use strongroom_wire::{cbor, cloudwatch};

use crate::front::{Answer, Call};
use crate::route::SMITHY_PROTOCOL;

/// The header that names errors of restJson1.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// The header that names errors as the query protocol does, in the other protocols of a service that has it too.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// Bytes that a compressed body may have unpacked: as much as PutMetricData takes.
const UNPACKED_BYTES_MAX: u64 = 1024 * 1024;

/// Whether a call has a compressed body, and is for a service whose clients compress large ones: CloudWatch.
pub(crate) fn is_packed(call: &Call) -> bool {
    let scope = format!("/{}/aws4_request", cloudwatch::SERVICE.signing_name);
    let is_signed_for = |signed: &HeaderValue| signed.to_str().is_ok_and(|signed| signed.contains(&scope));
    call.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip")
        && call.headers.get(AUTHORIZATION).is_some_and(is_signed_for)
}

/// A call with its body unpacked. What cannot be unpacked stays as it is, and does not read.
pub(crate) fn unpacked(mut call: Call) -> Call {
    let mut body = Vec::new();
    let mut decoder = GzDecoder::new(call.body.expose()).take(UNPACKED_BYTES_MAX + 1);
    let length = decoder.read_to_end(&mut body).ok().and_then(|length| u64::try_from(length).ok());
    if length.is_some_and(|length| length <= UNPACKED_BYTES_MAX) {
        call.body = SecretBytes::new(body);
    }
    call
}

/// The header that tells in which of Smithy's protocols an answer is.
pub(crate) fn mark(protocol: Protocol) -> Option<(HeaderName, HeaderValue)> {
    (protocol == Protocol::RpcV2Cbor).then(|| (SMITHY_PROTOCOL, HeaderValue::from_static("rpc-v2-cbor")))
}

/// The answer that tells a refusal.
pub(crate) fn refusal(told: &ServiceError, service: &Service, protocol: Protocol, request_id: &str) -> Answer {
    let named = ServiceError { code: told.code.named(shape(told, service)), message: told.message.clone() };
    let body = match protocol {
        Protocol::Query => body_query(told, service.xml_namespace, request_id),
        Protocol::Json10 | Protocol::Json11 => body_json(&named),
        Protocol::RestJson => body_rest(told),
        Protocol::RpcV2Cbor => cbor::body_error(named.code.name, &told.message),
    };
    let mut answer = Answer::of(told.code.status, protocol.content_type(), body);
    answer.headers.extend(mark(protocol));
    if protocol == Protocol::RestJson {
        answer.headers.push((ERROR_TYPE, HeaderValue::from_static(told.code.name)));
    }
    if protocol != Protocol::Query && !service.query_names.is_empty() {
        let query = told.code.for_query();
        let side = if query.is_sender_fault() { "Sender" } else { "Receiver" };
        let header = HeaderValue::from_str(&format!("{};{side}", query.name));
        answer.headers.extend(header.map(|value| (QUERY_ERROR, value)));
    }
    answer
}

/// The name of an error where the query protocol has another.
fn shape(told: &ServiceError, service: &Service) -> &'static str {
    let known = service.query_names.iter().find(|(code, _)| *code == told.code.name);
    known.map_or(told.code.name, |(_, shape)| *shape)
}
