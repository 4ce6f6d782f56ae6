//! AWS's refusals of AssumeRoleWithWebIdentity, with their texts.

use strongroom_types::time::Timestamp;
use strongroom_wire::sts::errors::{
    EXPIRED_TOKEN_EXCEPTION, IDP_COMMUNICATION_ERROR_EXCEPTION, INVALID_IDENTITY_TOKEN_EXCEPTION,
};

use crate::error::Error;

fn invalid(text: impl Into<String>) -> Error {
    Error::refused(INVALID_IDENTITY_TOKEN_EXCEPTION, text)
}

/// The text is no signed token.
#[must_use]
pub fn no_token() -> Error {
    invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
}

/// The account has no provider for the token's issuer.
#[must_use]
pub fn no_provider(issuer: &str) -> Error {
    invalid(format!("No OpenIDConnect provider found in your account for {issuer}"))
}

/// The token is for others.
#[must_use]
pub fn wrong_audience() -> Error {
    invalid("Incorrect token audience")
}

/// A claim is missing, or has another form.
#[must_use]
pub fn missing_claim(name: &str) -> Error {
    invalid(format!("Missing a required claim: {name}"))
}

/// The provider's documents cannot be used, or hold no key for the token. The two spaces are AWS's.
#[must_use]
pub fn no_key() -> Error {
    invalid(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity \
         documentation for requirements",
    )
}

/// The provider's certificate neither chains to a trusted root nor has one of its thumbprints.
#[must_use]
pub fn untrusted_certificate() -> Error {
    invalid("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint")
}

/// The provider cannot be reached. AWS documents the code; its text is unconfirmed.
#[must_use]
pub fn unreachable_provider() -> Error {
    Error::refused(IDP_COMMUNICATION_ERROR_EXCEPTION, "The identity provider could not be reached")
}

/// The provider's key did not sign the token. AWS's text is unconfirmed.
#[must_use]
pub fn wrong_signature() -> Error {
    invalid("The signature of the ID Token provided is not valid")
}

/// The token's time is over. STS names it as the JSON protocols do, unlike for its own tokens.
#[must_use]
pub fn expired(now: Timestamp, expires_s: i64) -> Error {
    let now = now.seconds();
    let text = format!("Token expired: current date/time {now} must be before the expiration date/time {expires_s}");
    Error::refused(EXPIRED_TOKEN_EXCEPTION, text)
}

/// The token's time is still to come. AWS's text is unconfirmed.
#[must_use]
pub fn not_yet_valid(now: Timestamp, begins_s: i64) -> Error {
    let now = now.seconds();
    invalid(format!("Token is not valid yet: current date/time {now} must not be before {begins_s}"))
}

/// The claims that AWS reads session tags from have another form. AWS's text is unconfirmed.
#[must_use]
pub fn wrong_tags() -> Error {
    invalid("The session tags in the ID Token provided are not valid")
}

/// The claim that AWS reads the source identity from has another form. AWS's text is unconfirmed.
#[must_use]
pub fn wrong_source_identity() -> Error {
    invalid("The source identity in the ID Token provided is not valid")
}
