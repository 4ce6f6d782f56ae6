//! From a request to the operation that it asks for, and the protocol in which it is answered.

use http::header::CONTENT_TYPE;
use http::{HeaderName, Method};
use strongroom_wire::ServiceError;
use strongroom_wire::error::UNKNOWN_OPERATION;
use strongroom_wire::ops::{AnyOperation, Protocol, Service};
use strongroom_wire::query::Query;
use strongroom_wire::{lambda, secretsmanager};

use crate::front::Call;

/// The header that names Smithy's protocols, in requests and in answers.
pub const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");

/// The content type of requests in the query protocol.
const FORM: &str = "application/x-www-form-urlencoded";

/// What a request asks for.
#[derive(Debug)]
pub struct Asked {
    /// The operation, or what to answer when it names none.
    pub operation: Result<AnyOperation, ServiceError>,
    /// The service that answers, which decides how errors are written.
    pub service: &'static Service,
}

/// What `call` asks for. `signing_name` is the service in the scope of its signature, if it has one.
///
/// Services of the JSON protocols are asked by `POST /` with `X-Amz-Target: service.Operation` (specification §1.1),
/// those of restJson1 by method and path, those of the query protocol by a form with `Action`, in the body or, with `GET`, in the query string.
#[must_use]
pub fn asked(call: &Call, signing_name: Option<&str>) -> Asked {
    let service = signing_name.and_then(service_of);
    let unknown = |service: Option<&'static Service>| Asked {
        operation: Err(UNKNOWN_OPERATION.bare()),
        service: service.unwrap_or(&secretsmanager::SERVICE),
    };
    let path = call.uri.path();
    if path.contains("/operation/") && call.method == Method::POST {
        return match AnyOperation::of_call_path(path) {
            Some(operation) => Asked { service: operation.service(), operation: Ok(operation) },
            None => unknown(service),
        };
    }
    if path != "/" {
        let operation = AnyOperation::of_path(call.method.as_str(), path);
        return match operation {
            Some(operation) => Asked { service: operation.service(), operation: Ok(operation) },
            // What speaks of paths reads the errors of such services.
            None if AnyOperation::knows_path(path) => unknown(Some(&lambda::SERVICE)),
            None => unknown(service),
        };
    }
    if let Some(target) = call.headers.get("x-amz-target") {
        let operation = target.to_str().ok().and_then(AnyOperation::of_target);
        let operation = operation.filter(|_| call.method == Method::POST);
        return match operation {
            Some(operation) => Asked { service: operation.service(), operation: Ok(operation) },
            // What speaks of targets reads JSON.
            None => unknown(service.filter(|service| service.protocol != Protocol::Query)),
        };
    }
    let Some(form) = form(call) else { return unknown(service) };
    let operation = Query::parse(form).and_then(|query| AnyOperation::of_query(&query, signing_name));
    let named = operation.as_ref().ok().map(|operation| operation.service());
    let query_service = || AnyOperation::SERVICES.into_iter().find(|service| service.protocol == Protocol::Query);
    let service = named.or(service.filter(|service| service.speaks(Protocol::Query))).or_else(query_service);
    Asked { operation, service: service.unwrap_or(&secretsmanager::SERVICE) }
}

/// The protocol that `call` is written in, and is answered in: the service's own, or of those that it is also spoken in the
/// one that the request has the marks of.
#[must_use]
pub fn spoken(call: &Call, service: &Service) -> Protocol {
    let marked = if service.also.is_empty() {
        None
    } else if call.headers.contains_key(SMITHY_PROTOCOL) {
        Some(Protocol::RpcV2Cbor)
    } else if call.headers.contains_key("x-amz-target") {
        Some(Protocol::Json10)
    } else {
        form(call).map(|_| Protocol::Query)
    };
    marked.filter(|protocol| service.speaks(*protocol)).unwrap_or(service.protocol)
}

/// The form of a request in the query protocol.
pub fn form(call: &Call) -> Option<&[u8]> {
    if call.method == Method::GET {
        return call.uri.query().map(str::as_bytes);
    }
    let content_type = call.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let is_form = content_type.get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM));
    (is_form && call.method == Method::POST).then(|| call.body.expose())
}

fn service_of(signing_name: &str) -> Option<&'static Service> {
    AnyOperation::SERVICES.into_iter().find(|service| service.signing_name == signing_name)
}
