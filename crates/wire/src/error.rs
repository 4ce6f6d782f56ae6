//! Service errors as AWS names them, and the bodies in which the protocols carry them.

use std::fmt;

use strongroom_types::SecretBuffer;

use crate::xml;

/// The name of an error and the HTTP status it travels under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// The name clients match on, such as `ResourceNotFoundException`.
    pub name: &'static str,
    /// The HTTP status of the JSON protocols (of the query protocol for services that speak only that).
    pub status: u16,
    /// Whether the model of a query service gives this name and status, so that no list of common errors changes them.
    modelled: bool,
}

impl Code {
    /// A code called `name`, sent with HTTP status `status`.
    #[must_use]
    pub const fn new(name: &'static str, status: u16) -> Self {
        Self { name, status, modelled: false }
    }

    /// An error that the model of a query service names.
    #[must_use]
    pub const fn modelled(name: &'static str, status: u16) -> Self {
        Self { name, status, modelled: true }
    }

    /// The same error under another name.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Whether the caller is at fault rather than the service.
    #[must_use]
    pub const fn is_sender_fault(self) -> bool {
        self.status < 500
    }

    /// The error with this code and `message`.
    #[must_use]
    pub fn with(self, message: impl Into<String>) -> ServiceError {
        ServiceError::new(self, message)
    }

    /// The error with this code and no message, as AWS sends it for an unknown operation or an unreadable body.
    #[must_use]
    pub const fn bare(self) -> ServiceError {
        ServiceError { code: self, message: String::new() }
    }

    /// The same error under the name and status that query services (IAM, STS, CloudFormation) give it.
    #[must_use]
    pub fn for_query(self) -> Self {
        QUERY_NAMES.iter().find(|(json, _)| *json == self).map_or(self, |(_, query)| *query)
    }

    /// The same error under the status that services of restJson1 give it.
    #[must_use]
    pub fn for_rest(self) -> Self {
        match REST_STATUSES.iter().find(|(code, _)| *code == self) {
            Some((_, status)) => Self { status: *status, ..self },
            None => self,
        }
    }
}

/// The constraints of the model do not hold for the input.
pub const VALIDATION: Code = Code::new("ValidationException", 400);
/// The body cannot be read: bad syntax, a value of the wrong type, bad base64.
pub const SERIALIZATION: Code = Code::new("SerializationException", 400);
/// The caller may not do this.
pub const ACCESS_DENIED: Code = Code::new("AccessDeniedException", 400);
/// The request carries no signature.
pub const MISSING_AUTHENTICATION_TOKEN: Code = Code::new("MissingAuthenticationTokenException", 400);
/// The signature's parts are malformed or incomplete.
pub const INCOMPLETE_SIGNATURE: Code = Code::new("IncompleteSignatureException", 400);
/// The signature is wrong, too old or from the future.
pub const INVALID_SIGNATURE: Code = Code::new("InvalidSignatureException", 400);
/// The access key or session token is not known.
pub const UNRECOGNIZED_CLIENT: Code = Code::new("UnrecognizedClientException", 400);
/// The session token has expired.
pub const EXPIRED_TOKEN: Code = Code::new("ExpiredTokenException", 400);
/// The caller asks more often than allowed.
pub const THROTTLING: Code = Code::new("ThrottlingException", 400);
/// No operation has the name that the request gives.
pub const UNKNOWN_OPERATION: Code = Code::new("UnknownOperationException", 400);
/// Something failed inside the service, as Secrets Manager names it.
pub const INTERNAL_SERVICE_ERROR: Code = Code::new("InternalServiceError", 500);
/// Something failed inside the service, as AWS names it in general.
pub const INTERNAL_FAILURE: Code = Code::new("InternalFailure", 500);
/// The service cannot answer now.
pub const SERVICE_UNAVAILABLE: Code = Code::new("ServiceUnavailableException", 503);
/// The body is larger than the service takes.
pub const REQUEST_ENTITY_TOO_LARGE: Code = Code::new("RequestEntityTooLargeException", 413);
/// The request did not arrive in time.
pub const REQUEST_TIMEOUT: Code = Code::new("RequestTimeoutException", 408);

/// Framework errors whose name or status differs in the query protocol (IAM's and STS's lists of common errors).
const QUERY_NAMES: [(Code, Code); 13] = [
    (VALIDATION, Code::new("ValidationError", 400)),
    (SERIALIZATION, Code::new("MalformedInput", 400)),
    (ACCESS_DENIED, Code::new("AccessDenied", 403)),
    (MISSING_AUTHENTICATION_TOKEN, Code::new("MissingAuthenticationToken", 403)),
    (INCOMPLETE_SIGNATURE, Code::new("IncompleteSignature", 400)),
    (INVALID_SIGNATURE, Code::new("SignatureDoesNotMatch", 403)),
    (UNRECOGNIZED_CLIENT, Code::new("InvalidClientTokenId", 403)),
    (EXPIRED_TOKEN, Code::new("ExpiredToken", 403)),
    (THROTTLING, Code::new("Throttling", 400)),
    (UNKNOWN_OPERATION, Code::new("InvalidAction", 400)),
    (INTERNAL_SERVICE_ERROR, Code::new("InternalFailure", 500)),
    (SERVICE_UNAVAILABLE, Code::new("ServiceUnavailable", 503)),
    (REQUEST_ENTITY_TOO_LARGE, Code::new("RequestEntityTooLarge", 413)),
];

/// Framework errors whose status differs in restJson1 (Lambda's and other services' lists of common errors).
const REST_STATUSES: [(Code, u16); 9] = [
    (ACCESS_DENIED, 403),
    (MISSING_AUTHENTICATION_TOKEN, 403),
    (INCOMPLETE_SIGNATURE, 403),
    (INVALID_SIGNATURE, 403),
    (UNRECOGNIZED_CLIENT, 403),
    (EXPIRED_TOKEN, 403),
    (THROTTLING, 429),
    (UNKNOWN_OPERATION, 404),
    (INTERNAL_SERVICE_ERROR, 500),
];

/// A failed call: what the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// Name and status.
    pub code: Code,
    /// The text for the client. Never holds secret material. Empty when AWS sends the name alone.
    pub message: String,
}

impl ServiceError {
    /// The error `code` with the text `message`.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.message.is_empty() {
            f.write_str(self.code.name)
        } else {
            write!(f, "{}: {}", self.code.name, self.message)
        }
    }
}

impl std::error::Error for ServiceError {}

/// The body of an error in the JSON protocols: `__type` and, unless the message is empty, the message under both
/// spellings that AWS services use, because hand-written clients read only one of them.
#[must_use]
pub fn body_json(error: &ServiceError) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + 2 * error.message.len());
    out.extend_from_slice(b"{\"__type\":");
    crate::json::push_string(&mut out, error.code.name);
    if !error.message.is_empty() {
        for key in ["Message", "message"] {
            out.push(b',');
            crate::json::push_string(&mut out, key);
            out.push(b':');
            crate::json::push_string(&mut out, &error.message);
        }
    }
    out.push(b'}');
    out
}

/// The body of an error in restJson1 as Lambda sends it; its name stands in the header `X-Amzn-Errortype`. An empty message
/// is left out.
#[must_use]
pub fn body_rest(error: &ServiceError) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + error.message.len());
    out.extend_from_slice(if error.code.is_sender_fault() { b"{\"Type\":\"User\"" } else { b"{\"Type\":\"Service\"" });
    if !error.message.is_empty() {
        out.extend_from_slice(b",\"Message\":");
        crate::json::push_string(&mut out, &error.message);
    }
    out.push(b'}');
    out
}

/// The namespace of error bodies in the query protocol while it is open which service is meant, as of `InvalidAction`.
pub const FAULT_NAMESPACE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// The body of an error in the query protocol, with the names that protocol uses; send it with the status of
/// [`Code::for_query`]. An empty message is left out. `namespace` is the service's XML namespace.
#[must_use]
pub fn body_query(error: &ServiceError, namespace: &str, request_id: &str) -> Vec<u8> {
    let code = error.code.for_query();
    let mut out = SecretBuffer::with_capacity(256 + error.message.len());
    let mut put = |before: &str, text: &str| {
        out.extend_from_slice(before.as_bytes());
        xml::push_escaped(&mut out, text);
    };
    put("<ErrorResponse xmlns=\"", namespace);
    put("\"><Error><Type>", if code.is_sender_fault() { "Sender" } else { "Receiver" });
    put("</Type><Code>", code.name);
    if error.message.is_empty() {
        put("</Code>", "");
    } else {
        put("</Code><Message>", &error.message);
        put("</Message>", "");
    }
    put("</Error><RequestId>", request_id);
    put("</RequestId></ErrorResponse>", "");
    out.into_public()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_bodies_carry_the_message_under_both_keys() {
        let error = Code::new("ResourceNotFoundException", 400).with("can't find \"it\"");
        assert_eq!(
            String::from_utf8(body_json(&error)).expect("text"),
            r#"{"__type":"ResourceNotFoundException","Message":"can't find \"it\"","message":"can't find \"it\""}"#
        );
    }

    #[test]
    fn an_unknown_operation_is_its_type_alone() {
        assert_eq!(body_json(&UNKNOWN_OPERATION.bare()), br#"{"__type":"UnknownOperationException"}"#);
    }

    #[test]
    fn query_bodies_use_the_query_names() {
        let error = INVALID_SIGNATURE.with("a < b");
        assert_eq!(
            String::from_utf8(body_query(&error, "https://iam.amazonaws.com/doc/2010-05-08/", "id-1")).expect("text"),
            "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
             <Code>SignatureDoesNotMatch</Code><Message>a &lt; b</Message></Error><RequestId>id-1</RequestId></ErrorResponse>"
        );
        assert_eq!(error.code.for_query().status, 403);
        let internal = String::from_utf8(body_query(&INTERNAL_FAILURE.bare(), "n", "i")).expect("text");
        assert!(internal.contains("<Type>Receiver</Type><Code>InternalFailure</Code></Error>"), "{internal}");
    }

    #[test]
    fn a_modelled_name_stays_though_the_framework_has_it_too() {
        let modelled = Code::modelled("ExpiredTokenException", 400);
        assert_eq!(modelled.for_query(), modelled);
        assert_eq!(EXPIRED_TOKEN.for_query(), Code::new("ExpiredToken", 403));
    }

    #[test]
    fn codes_without_a_query_name_stay_as_they_are() {
        let modelled = Code::new("NoSuchEntity", 404);
        assert_eq!(modelled.for_query(), modelled);
    }
}
