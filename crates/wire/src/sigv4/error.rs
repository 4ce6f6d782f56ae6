//! What can be wrong with a signature, in AWS's words.
//!
//! AWS repeats parts of the request in some texts. Here the `Authorization` header and the credential are not
//! repeated: whoever mixes up access key and secret key would find the secret in logs and records.

use thiserror::Error;

use super::instant::Stamp;
use super::{ALGORITHM, CLOCK_SKEW_S};
use strongroom_types::Timestamp;

/// The most characters of the request that a text repeats.
const ECHO_CHARS_MAX: usize = 64;

/// Why a request is not authentic.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    /// There is no signature at all.
    #[error("Missing Authentication Token")]
    Missing,
    /// Parts of the signature are absent or cannot be read.
    #[error("{0}")]
    Incomplete(String),
    /// The signature is for another time, place or form of request.
    #[error("{0}")]
    Invalid(String),
    /// The signature is not that of this request under this key.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// The access key or the session token is not known. The caller, who looks keys up, reports it.
    #[error("The security token included in the request is invalid.")]
    UnknownToken,
    /// The session token has expired. The caller, who looks tokens up, reports it.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
}

impl SignatureError {
    /// The parameters `names` are absent from the `Authorization` header; `dated` says whether there is a date.
    pub(super) fn header_lacks(names: &[&str], dated: bool) -> Self {
        let mut texts: Vec<String> =
            names.iter().map(|name| format!("Authorization header requires '{name}' parameter.")).collect();
        if !dated {
            let text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
            texts.push(text.to_owned());
        }
        Self::Incomplete(texts.join(" "))
    }

    /// The parameters `names` are absent from the query of a presigned request.
    pub(super) fn query_lacks(names: &[&str]) -> Self {
        let mut text = String::new();
        for name in names {
            text.push_str(&format!("AWS query-string parameters must include '{name}'. "));
        }
        text.push_str("Re-examine the query-string parameters.");
        Self::Incomplete(text)
    }

    /// A parameter stands more than once, so that it is not clear which one was meant.
    pub(super) fn repeated(what: &str) -> Self {
        Self::Incomplete(format!("{what} must be given only once."))
    }

    /// Something in the `Authorization` header has no equal sign.
    pub(super) fn no_equal_sign() -> Self {
        Self::Incomplete("Invalid key=value pair (missing equal-sign) in Authorization header.".to_owned())
    }

    /// Both forms of signature in one request.
    pub(super) fn both_forms() -> Self {
        let text = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
        Self::Invalid(text.to_owned())
    }

    /// Another algorithm than the one spoken.
    pub(super) fn algorithm(got: &str) -> Self {
        Self::Incomplete(format!("Unsupported AWS 'algorithm': '{}' (only {ALGORITHM} for now). ", echo(got)))
    }

    /// The date is not in the form signatures use.
    pub(super) fn date(got: &str) -> Self {
        let got = echo(got);
        Self::Incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{got}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    }

    /// The credential has not five elements.
    pub(super) fn credential() -> Self {
        let text = "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.";
        Self::Incomplete(text.to_owned())
    }

    /// The signature was made too long ago: more than `valid_s` seconds before `now`.
    pub(super) fn expired(signed: &Stamp, now: Timestamp, valid_s: i64) -> Self {
        let earliest = Stamp::of(now.plus_millis(valid_s.saturating_mul(-1000)));
        let (signed, earliest, now) = (signed.as_str(), earliest.as_str(), Stamp::of(now));
        let span = span(valid_s);
        Self::Invalid(format!("Signature expired: {signed} is now earlier than {earliest} ({} - {span})", now.as_str()))
    }

    /// The signature's time is too far ahead of `now`.
    pub(super) fn not_yet_current(signed: &Stamp, now: Timestamp) -> Self {
        let latest = Stamp::of(now.plus_millis(CLOCK_SKEW_S * 1000));
        let (signed, latest, now, span) = (signed.as_str(), latest.as_str(), Stamp::of(now), span(CLOCK_SKEW_S));
        let now = now.as_str();
        Self::Invalid(format!("Signature not yet current: {signed} is still later than {latest} ({now} + {span})"))
    }

    /// A header that must be signed is not.
    pub(super) fn unsigned(what: &str) -> Self {
        Self::Invalid(format!("{what} must be a 'SignedHeader' in the AWS Authorization."))
    }

    /// `X-Amz-Content-Sha256` names another body.
    pub(super) fn body_hash() -> Self {
        let text = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        Self::Invalid(text.to_owned())
    }
}

/// A span of time as the texts on expiry write it.
fn span(seconds: i64) -> String {
    if seconds % 60 == 0 { format!("{} min.", seconds / 60) } else { format!("{seconds} sec.") }
}

/// The beginning of what the request said, fit for a one-line text.
pub(super) fn echo(text: &str) -> String {
    text.chars().take(ECHO_CHARS_MAX).map(|c| if c.is_control() { '?' } else { c }).collect()
}
