//! AWS Signature Version 4: reads and verifies signed requests, and signs them for clients and tests. Pure.
//!
//! A server takes three steps, in the order in which AWS reports what is wrong: [`parse`] reads what the request
//! claims, [`Claim::check`] compares it with the time and the place, and — once the caller has found the access key —
//! [`CheckedClaim::verify`] recomputes the signature. Only a [`CheckedClaim`] can be verified, so no step is skipped.
//!
//! These are the rules of all services but S3: the path is normalised and encoded once more, and the body is always
//! hashed. Source: "Signature Version 4 signing process" in the AWS documentation.

mod canonical;
mod claim;
mod error;
mod hex;
mod instant;
mod key;
mod pieces;
mod query;
mod report;
mod sign;
mod verify;

#[cfg(test)]
mod tests;

use http::request::Parts;
use http::{HeaderMap, HeaderName};
use strongroom_crypto::digest::DIGEST_LEN;
use strongroom_types::{SecretText, Timestamp};

pub use claim::{Claim, parse};
pub use error::SignatureError;
pub use key::{SigningKey, SigningKeyCache};
pub use sign::{SignError, Signing, presign, sign};
pub use verify::{CheckedClaim, Expected};

/// How far a signature's time may lie from the server's clock, in seconds, on either side.
pub const CLOCK_SKEW_S: i64 = 300;
/// The longest time a presigned request may be valid, in seconds: seven days.
pub const EXPIRES_S_MAX: u32 = 604_800;

/// The one algorithm that is spoken.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last element of every credential scope.
const TERMINATOR: &str = "aws4_request";

static X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
static X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
static X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
static X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What a signature covers besides the headers.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The path as it was sent, percent-encoding included.
    pub path: &'a str,
    /// The query as it was sent, without the question mark; empty when there is none.
    pub query: &'a str,
    /// The host, with its port if it has one, when it is not in a `Host` header (HTTP/2).
    pub authority: Option<&'a str>,
    /// SHA-256 of the whole body.
    pub body_sha256: &'a [u8; DIGEST_LEN],
}

impl<'a> Request<'a> {
    /// The request whose head is `parts` and whose body has the digest `body_sha256`.
    #[must_use]
    pub fn of(parts: &'a Parts, body_sha256: &'a [u8; DIGEST_LEN]) -> Self {
        Self {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            authority: parts.uri.authority().map(http::uri::Authority::as_str),
            body_sha256,
        }
    }
}

/// Takes any bytes as a request (`METHOD path?query`, then header lines, then after a zero byte the body) through all
/// steps of verification; for fuzzing. Must not panic, whatever it is given.
pub fn fuzz_parse(data: &[u8]) {
    let (head, body) = data.iter().position(|b| *b == 0).map_or((data, &[][..]), |at| data.split_at(at));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split('\n');
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or(("POST", "/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    let body_sha256 = strongroom_crypto::digest::sha256(body);
    let request = Request { method, path, query, authority: None, body_sha256: &body_sha256 };
    let Ok(claim) = parse(&request, &headers) else { return };
    let (region, service) = (claim.region().to_owned(), claim.service().to_owned());
    let key = SigningKey::derive(&SecretText::new("secret".to_owned()), claim.date(), &region, &service);
    let expected = Expected { now: claim.timestamp(), region: &region, service: &service };
    let verdict = claim.check(&request, &headers, &expected).and_then(|claim| claim.verify(&request, &headers, &key));
    let signing = Signing { access_key_id: "AKID", session_token: None, key: &key, at: Timestamp::from_seconds(0) };
    let presigned = presign(&request, &headers, &signing, EXPIRES_S_MAX);
    drop((verdict, presigned));
}
