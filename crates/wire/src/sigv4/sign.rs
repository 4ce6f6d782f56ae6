//! Signs requests, for clients, the load generator and tests.

use http::{HeaderMap, HeaderName, HeaderValue};
use strongroom_types::{SecretText, Timestamp};
use thiserror::Error;

use super::canonical::{SIGNATURE_PARAMETER, TOKEN_PARAMETER, write_string_to_sign};
use super::instant::Stamp;
use super::key::SigningKey;
use super::query::push_encoded;
use super::{ALGORITHM, EXPIRES_S_MAX, Request, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN, hex};

/// Headers that proxies and HTTP libraries change on the way, and the signature itself.
const NEVER_SIGNED: [&str; 7] =
    ["authorization", "connection", "expect", "te", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// With what and when a request is signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The access key's id.
    pub access_key_id: &'a str,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a SecretText>,
    /// The key for the day of `at`.
    pub key: &'a SigningKey,
    /// The time to sign for.
    pub at: Timestamp,
}

/// Why a request could not be signed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignError {
    /// The signing key is for another day than the time to sign for.
    #[error("the signing key is for another day")]
    Day,
    /// The request has neither a `Host` header nor an authority.
    #[error("the request names no host")]
    Host,
    /// The access key's id or the session token has characters that a header cannot carry.
    #[error("the credentials do not fit into a header")]
    Credentials,
    /// A presigned request must be valid for at least one second and at most [`EXPIRES_S_MAX`].
    #[error("a presigned request is valid for 1 to {EXPIRES_S_MAX} seconds")]
    Expires,
}

/// Signs `request` in the header form: adds `X-Amz-Date`, `Authorization` and, with a session token,
/// `X-Amz-Security-Token` to `headers`. All other headers are signed too, save those that travel badly.
///
/// # Errors
/// `Day`, `Host` or `Credentials`.
pub fn sign(request: &Request<'_>, headers: &mut HeaderMap, signing: &Signing<'_>) -> Result<(), SignError> {
    let stamp = stamp_for(signing)?;
    let date = HeaderValue::from_str(stamp.as_str()).map_err(|_| SignError::Credentials)?;
    headers.insert(&X_AMZ_DATE, date);
    if let Some(token) = signing.session_token {
        let token = sensitive(token.expose().as_bytes())?;
        headers.insert(&X_AMZ_SECURITY_TOKEN, token);
    }
    let signed = signed_headers(headers);
    let mut buffer = Vec::with_capacity(1024);
    let scope = signing.key.scope();
    write_string_to_sign(&mut buffer, request, headers, &signed, true, (&stamp, scope)).map_err(|_| SignError::Host)?;
    let signature = hex::encode(&signing.key.tag(&buffer));
    buffer.clear();
    for part in
        [ALGORITHM, " Credential=", signing.access_key_id, "/", scope, ", SignedHeaders=", &signed, ", Signature="]
    {
        buffer.extend_from_slice(part.as_bytes());
    }
    buffer.extend_from_slice(&signature);
    headers.insert(http::header::AUTHORIZATION, sensitive(&buffer)?);
    Ok(())
}

/// Signs `request` in the presigned form, valid for `expires_s` seconds, and returns its whole new query. `headers`
/// are signed too, save those that travel badly, and must be sent with it.
///
/// # Errors
/// `Day`, `Host` or `Expires`.
pub fn presign(
    request: &Request<'_>,
    headers: &HeaderMap,
    signing: &Signing<'_>,
    expires_s: u32,
) -> Result<String, SignError> {
    if !(1..=EXPIRES_S_MAX).contains(&expires_s) {
        return Err(SignError::Expires);
    }
    let stamp = stamp_for(signing)?;
    let (scope, signed) = (signing.key.scope(), signed_headers(headers));
    let credential = format!("{}/{scope}", signing.access_key_id);
    let mut query = request.query.as_bytes().to_vec();
    let mut push = |name: &str, value: &[u8]| {
        if !query.is_empty() {
            query.push(b'&');
        }
        query.extend_from_slice(name.as_bytes());
        query.push(b'=');
        push_encoded(&mut query, value);
    };
    push("X-Amz-Algorithm", ALGORITHM.as_bytes());
    push("X-Amz-Credential", credential.as_bytes());
    push("X-Amz-Date", stamp.as_str().as_bytes());
    push("X-Amz-Expires", expires_s.to_string().as_bytes());
    if let Some(token) = signing.session_token {
        push(TOKEN_PARAMETER, token.expose().as_bytes());
    }
    push("X-Amz-SignedHeaders", signed.as_bytes());
    let mut query = String::from_utf8(query).map_err(|_| SignError::Credentials)?;
    let mut buffer = Vec::with_capacity(1024);
    let request = Request { query: &query, ..*request };
    write_string_to_sign(&mut buffer, &request, headers, &signed, true, (&stamp, scope))
        .map_err(|_| SignError::Host)?;
    let signature = hex::encode(&signing.key.tag(&buffer));
    query.push('&');
    query.push_str(SIGNATURE_PARAMETER);
    query.push('=');
    query.extend(signature.into_iter().map(char::from));
    Ok(query)
}

fn stamp_for(signing: &Signing<'_>) -> Result<Stamp, SignError> {
    let stamp = Stamp::of(signing.at);
    let day = signing.key.scope().split('/').next();
    if day == Some(stamp.date()) { Ok(stamp) } else { Err(SignError::Day) }
}

fn sensitive(bytes: &[u8]) -> Result<HeaderValue, SignError> {
    let mut value = HeaderValue::from_bytes(bytes).map_err(|_| SignError::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The names of the headers to sign, in order, joined by semicolons; always with `host`.
fn signed_headers(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> =
        headers.keys().map(HeaderName::as_str).filter(|name| !NEVER_SIGNED.contains(name)).collect();
    if !headers.contains_key(http::header::HOST) {
        names.push("host");
    }
    names.sort_unstable();
    names.join(";")
}
