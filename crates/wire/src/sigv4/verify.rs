//! Holds a claim against the clock, the place it is for, and the signature that the request should have.

use std::fmt;
use std::ops::Deref;

use http::HeaderMap;
use http::header::HOST;
use strongroom_crypto::digest;
use strongroom_types::Timestamp;

use super::canonical::write_string_to_sign;
use super::claim::{Claim, DatedBy};
use super::error::{SignatureError, echo};
use super::key::SigningKey;
use super::pieces::split;
use super::{CLOCK_SKEW_S, Request, TERMINATOR, hex};
use super::{X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN, X_AMZ_TARGET};

/// Room for the canonical request of an ordinary call, in bytes; a longer one grows it.
const BUFFER_BYTES: usize = 1024;

/// What a claim is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The server's time.
    pub now: Timestamp,
    /// The region that is called.
    pub region: &'a str,
    /// The service that is called, by its signing name such as `secretsmanager`.
    pub service: &'a str,
}

/// A claim for this time and place. Whether the access key really signed it is still open.
#[derive(Clone)]
pub struct CheckedClaim<'a>(Claim<'a>);

impl<'a> Deref for CheckedClaim<'a> {
    type Target = Claim<'a>;

    fn deref(&self) -> &Claim<'a> {
        &self.0
    }
}

impl fmt::Debug for CheckedClaim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> Claim<'a> {
    /// Holds the claim against the clock, the region and the service, and makes sure that the signature covers what
    /// it has to cover: the host, the time, and the headers that give the request its meaning.
    ///
    /// # Errors
    /// `Invalid`, with AWS's text for what does not fit.
    pub fn check(
        self,
        request: &Request<'_>,
        headers: &HeaderMap,
        expected: &Expected<'_>,
    ) -> Result<CheckedClaim<'a>, SignatureError> {
        self.check_time(expected.now)?;
        self.check_signed_headers(request, headers)?;
        self.check_scope(expected)?;
        Ok(CheckedClaim(self))
    }

    /// Signatures count in whole seconds, and so does this.
    fn check_time(&self, now: Timestamp) -> Result<(), SignatureError> {
        let age_s = now.seconds().saturating_sub(self.timestamp.seconds());
        let valid_s = self.expires_s.map_or(CLOCK_SKEW_S, i64::from);
        if age_s > valid_s {
            Err(SignatureError::expired(&self.stamp, now, valid_s))
        } else if age_s < -CLOCK_SKEW_S {
            Err(SignatureError::not_yet_current(&self.stamp, now))
        } else {
            Ok(())
        }
    }

    /// The host and the time must be signed, and each header that changes what the request means or who sends it.
    fn check_signed_headers(&self, request: &Request<'_>, headers: &HeaderMap) -> Result<(), SignatureError> {
        let (mut host, mut authority, mut dated) = (false, false, false);
        let mut weighty = [&X_AMZ_DATE, &X_AMZ_TARGET, &X_AMZ_SECURITY_TOKEN, &X_AMZ_CONTENT_SHA256].map(Some);
        for name in self.signed_headers() {
            match name {
                "host" => host = true,
                ":authority" => authority = true,
                "date" => dated = true,
                _ => {
                    if let Some(slot) = weighty.iter_mut().find(|weighty| weighty.is_some_and(|it| it == name)) {
                        *slot = None;
                    }
                }
            }
        }
        // A `:authority` that is signed stands for the host, if there is one.
        if !host && !(authority && (request.authority.is_some() || headers.contains_key(HOST))) {
            return Err(SignatureError::unsigned("'Host' or ':authority'"));
        }
        if self.dated_by == DatedBy::DateHeader && !dated {
            return Err(SignatureError::unsigned("'date'"));
        }
        match weighty.into_iter().flatten().find(|name| headers.contains_key(*name)) {
            Some(name) => Err(SignatureError::unsigned(&format!("'{name}'"))),
            None => Ok(()),
        }
    }

    /// AWS tells everything that is wrong with the scope at once.
    fn check_scope(&self, expected: &Expected<'_>) -> Result<(), SignatureError> {
        let mut text = String::new();
        if self.region != expected.region {
            text.push_str(&format!("Credential should be scoped to a valid region, not '{}'. ", echo(&self.region)));
        }
        if self.service != expected.service {
            text.push_str(&format!("Credential should be scoped to correct service: '{}'. ", expected.service));
        }
        if self.terminator != TERMINATOR {
            let got = echo(&self.terminator);
            text.push_str(&format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{got}'. "
            ));
        }
        if self.date != self.stamp.date() {
            text.push_str(&format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{}'.",
                echo(&self.date),
                self.stamp.date(),
                self.stamp.as_str()
            ));
        }
        if text.is_empty() { Ok(()) } else { Err(SignatureError::Invalid(text)) }
    }
}

impl CheckedClaim<'_> {
    /// Recomputes the signature of `request` under `key` and compares, in constant time.
    ///
    /// # Errors
    /// `Mismatch` when the signature is another, a signed header is absent or the key is for another scope; `Invalid`
    /// when `X-Amz-Content-Sha256` names another body.
    pub fn verify(&self, request: &Request<'_>, headers: &HeaderMap, key: &SigningKey) -> Result<(), SignatureError> {
        let Some(signature) = self.signature else { return Err(SignatureError::Mismatch) };
        if !self.fits(key) {
            return Err(SignatureError::Mismatch);
        }
        let body = hex::encode(request.body_sha256);
        if headers.get_all(&X_AMZ_CONTENT_SHA256).iter().any(|value| value.as_bytes() != body) {
            return Err(SignatureError::body_hash());
        }
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        let mut matches = |token_signed| {
            let place = (&self.stamp, key.scope());
            write_string_to_sign(&mut buffer, request, headers, &self.signed_headers, token_signed, place)
                .is_ok_and(|()| digest::equal(&key.tag(&buffer), &signature))
        };
        // Some clients add the token to a presigned query only after signing. It is proven by the caller all the
        // same: a token belongs to one access key, whose secret made the signature.
        let appended = self.expires_s.is_some() && self.session_token.is_some();
        if matches(true) || (appended && matches(false)) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    fn fits(&self, key: &SigningKey) -> bool {
        let claimed = [self.date(), self.region(), self.service(), TERMINATOR];
        split(key.scope(), b'/').eq(claimed)
    }
}
