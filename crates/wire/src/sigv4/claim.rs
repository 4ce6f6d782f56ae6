//! What a signed request says about itself, read from the `Authorization` header or from a presigned query.

use std::borrow::Cow;
use std::fmt;

use http::header::{AUTHORIZATION, DATE};
use http::{HeaderMap, HeaderValue};
use strongroom_crypto::digest::DIGEST_LEN;
use strongroom_types::Timestamp;

use super::canonical::{SIGNATURE_PARAMETER, TOKEN_PARAMETER};
use super::error::SignatureError;
use super::instant::Stamp;
use super::pieces::{split, words};
use super::query::{decode_text, parameters};
use super::{ALGORITHM, EXPIRES_S_MAX, Request, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN, hex};

/// The parameters of a presigned query that must be there, in the order in which AWS names those that are not.
const QUERY_PARAMETERS: [&str; 6] =
    ["X-Amz-Algorithm", "X-Amz-Credential", SIGNATURE_PARAMETER, "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"];

/// What a request claims: by whom, when and for which place it was signed. Nothing of it is proven yet.
#[derive(Clone)]
pub struct Claim<'a> {
    pub(super) access_key_id: Cow<'a, str>,
    pub(super) date: Cow<'a, str>,
    pub(super) region: Cow<'a, str>,
    pub(super) service: Cow<'a, str>,
    pub(super) terminator: Cow<'a, str>,
    pub(super) stamp: Stamp,
    pub(super) timestamp: Timestamp,
    pub(super) dated_by: DatedBy,
    /// Lower-case and in order.
    pub(super) signed_headers: Cow<'a, str>,
    /// None when it has not the form of a signature.
    pub(super) signature: Option<[u8; DIGEST_LEN]>,
    pub(super) session_token: Option<Cow<'a, str>>,
    pub(super) expires_s: Option<u32>,
}

/// Where the time of a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatedBy {
    AmzDateHeader,
    DateHeader,
    Query,
}

impl Claim<'_> {
    /// The access key that is said to have signed. Text from outside: it may be anything, even a secret key that
    /// someone put in the wrong place, so print it only once it is known to be an access key.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The day of the credential scope, such as `20150830`.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// When the request is said to have been signed.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// The region of the credential scope.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The service of the credential scope.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The names of the signed headers, lower-case and in order.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        split(&self.signed_headers, b';')
    }

    /// The session token that came with the request. The caller checks that it belongs to the access key.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// For a presigned request, how long it is valid, in seconds.
    #[must_use]
    pub fn presigned(&self) -> Option<u32> {
        self.expires_s
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither key, signature nor token: see `access_key_id`.
        f.debug_struct("Claim")
            .field("date", &self.date)
            .field("region", &self.region)
            .field("service", &self.service)
            .field("signed_headers", &self.signed_headers)
            .field("presigned", &self.expires_s)
            .finish_non_exhaustive()
    }
}

/// Reads what `request` claims about its signature. The body's digest is not looked at yet.
///
/// # Errors
/// `Missing` when there is no signature, `Incomplete` when parts of it are absent or unreadable, `Invalid` when it is
/// given in both forms, `UnknownToken` when the session token cannot be one.
pub fn parse<'a>(request: &Request<'a>, headers: &'a HeaderMap) -> Result<Claim<'a>, SignatureError> {
    let presigned = is_presigned(request.query);
    let mut values = headers.get_all(AUTHORIZATION).iter().filter(|value| !value.is_empty());
    match (values.next(), values.next(), presigned) {
        (None, _, false) => Err(SignatureError::Missing),
        (None, _, true) => from_query(request.query, headers),
        (Some(_), _, true) => Err(SignatureError::both_forms()),
        (Some(_), Some(_), false) => Err(SignatureError::repeated("The Authorization header")),
        (Some(value), None, false) => from_header(value, headers),
    }
}

fn is_presigned(query: &str) -> bool {
    const MARKS: [&str; 3] = ["X-Amz-Algorithm", "X-Amz-Credential", SIGNATURE_PARAMETER];
    !query.is_empty() && parameters(query).any(|(name, _)| MARKS.contains(&decode_text(name).as_ref()))
}

fn from_header<'a>(value: &'a HeaderValue, headers: &'a HeaderMap) -> Result<Claim<'a>, SignatureError> {
    // Only visible ASCII can be a signature; anything else cannot hold the parameters either.
    let text = value.to_str().map_err(|_| SignatureError::no_equal_sign())?;
    let mut pieces = words(text);
    let algorithm = pieces.next().unwrap_or_default();
    let (mut credential, mut signed, mut signature) = (None, None, None);
    for piece in pieces {
        let (name, value) = piece.split_once('=').ok_or_else(SignatureError::no_equal_sign)?;
        let (slot, name) = match name {
            "Credential" => (&mut credential, "'Credential'"),
            "SignedHeaders" => (&mut signed, "'SignedHeaders'"),
            "Signature" => (&mut signature, "'Signature'"),
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(SignatureError::repeated(&format!("The Authorization header's parameter {name}")));
        }
    }
    let dated_by = if headers.contains_key(&X_AMZ_DATE) { DatedBy::AmzDateHeader } else { DatedBy::DateHeader };
    let dated = dated_by == DatedBy::AmzDateHeader || headers.contains_key(DATE);
    let (Some(credential), Some(signature), Some(signed), true) = (credential, signature, signed, dated) else {
        let parts = [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed)];
        let absent: Vec<&str> = parts.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        return Err(SignatureError::header_lacks(&absent, dated));
    };
    let (stamp, timestamp) = header_time(dated_by, headers)?;
    if algorithm != ALGORITHM {
        return Err(SignatureError::algorithm(algorithm));
    }
    let [access_key_id, date, region, service, terminator] = split_credential(Cow::Borrowed(credential))?;
    Ok(Claim {
        access_key_id,
        date,
        region,
        service,
        terminator,
        stamp,
        timestamp,
        dated_by,
        signed_headers: in_order(Cow::Borrowed(signed)),
        signature: hex::decode(signature.as_bytes()),
        session_token: header_token(headers)?,
        expires_s: None,
    })
}

/// The time of a signature in the header form.
fn header_time(dated_by: DatedBy, headers: &HeaderMap) -> Result<(Stamp, Timestamp), SignatureError> {
    let name = if dated_by == DatedBy::AmzDateHeader { &X_AMZ_DATE } else { &DATE };
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let text = values.next().unwrap_or_default();
    if values.next().is_some() {
        return Err(SignatureError::repeated("The header that dates the signature"));
    }
    let http_date = || if dated_by == DatedBy::DateHeader { Stamp::parse_http(text) } else { None };
    Stamp::parse(text).or_else(http_date).ok_or_else(|| SignatureError::date(&String::from_utf8_lossy(text)))
}

/// The session token in the headers.
fn header_token(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, SignatureError> {
    let mut values = headers.get_all(&X_AMZ_SECURITY_TOKEN).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(token), None) => {
            token.to_str().map(|token| Some(Cow::Borrowed(token))).map_err(|_| SignatureError::UnknownToken)
        }
        (Some(_), Some(_)) => Err(SignatureError::UnknownToken),
    }
}

fn from_query<'a>(query: &'a str, headers: &'a HeaderMap) -> Result<Claim<'a>, SignatureError> {
    let mut found: [Option<Cow<'a, str>>; 6] = [const { None }; 6];
    let mut token = None;
    for (name, value) in parameters(query) {
        let name = decode_text(name);
        let slot = match QUERY_PARAMETERS.iter().zip(&mut found).find(|(known, _)| name == **known) {
            Some((_, slot)) => slot,
            None if name == TOKEN_PARAMETER => &mut token,
            None => continue,
        };
        if slot.replace(decode_text(value)).is_some() {
            return Err(SignatureError::repeated(&format!("The query-string parameter '{name}'")));
        }
    }
    let absent = |value: &Option<Cow<'_, str>>| value.as_ref().is_none_or(|value| value.is_empty());
    let lacking: Vec<&str> =
        QUERY_PARAMETERS.iter().zip(&found).filter(|(_, value)| absent(value)).map(|(name, _)| *name).collect();
    let ([Some(algorithm), Some(credential), Some(signature), Some(signed), Some(time), Some(expires)], true) =
        (found, lacking.is_empty())
    else {
        return Err(SignatureError::query_lacks(&lacking));
    };
    let (stamp, timestamp) = Stamp::parse(time.as_bytes()).ok_or_else(|| SignatureError::date(&time))?;
    let expires_s = read_expires(&expires)?;
    if algorithm != ALGORITHM {
        return Err(SignatureError::algorithm(&algorithm));
    }
    let [access_key_id, date, region, service, terminator] = split_credential(credential)?;
    let session_token = match (token, header_token(headers)?) {
        (Some(token), Some(other)) if token != other => return Err(SignatureError::UnknownToken),
        (token, other) => token.or(other),
    };
    Ok(Claim {
        access_key_id,
        date,
        region,
        service,
        terminator,
        stamp,
        timestamp,
        dated_by: DatedBy::Query,
        signed_headers: in_order(signed),
        signature: hex::decode(signature.as_bytes()),
        session_token,
        expires_s: Some(expires_s),
    })
}

/// The texts are those of S3, the one service that documents them.
fn read_expires(text: &str) -> Result<u32, SignatureError> {
    let wrong = |text: &str| Err(SignatureError::Incomplete(text.to_owned()));
    match text.parse::<i64>() {
        Err(_) => wrong("X-Amz-Expires should be a number"),
        Ok(..0) => wrong("X-Amz-Expires must be non-negative"),
        Ok(0) => wrong("X-Amz-Expires must be at least 1 second"),
        Ok(seconds) => match u32::try_from(seconds) {
            Ok(seconds @ ..=EXPIRES_S_MAX) => Ok(seconds),
            _ => wrong(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                 than 604800 seconds",
            ),
        },
    }
}

/// The elements of `keyid/date/region/service/term`.
fn split_credential(credential: Cow<'_, str>) -> Result<[Cow<'_, str>; 5], SignatureError> {
    fn five(text: &str) -> Option<[&str; 5]> {
        let mut elements = split(text, b'/');
        let five = [elements.next()?, elements.next()?, elements.next()?, elements.next()?, elements.next()?];
        elements.next().is_none().then_some(five)
    }
    match credential {
        Cow::Borrowed(text) => five(text).map(|elements| elements.map(Cow::Borrowed)),
        Cow::Owned(text) => five(&text).map(|elements| elements.map(|element| Cow::Owned(element.to_owned()))),
    }
    .ok_or_else(SignatureError::credential)
}

/// A list of header names in lower case and ascending order, as the canonical request has it.
fn in_order(names: Cow<'_, str>) -> Cow<'_, str> {
    if split(&names, b';').is_sorted() && !names.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return names;
    }
    let lower = names.to_ascii_lowercase();
    let mut names: Vec<&str> = split(&lower, b';').collect();
    names.sort_unstable();
    Cow::Owned(names.join(";"))
}
