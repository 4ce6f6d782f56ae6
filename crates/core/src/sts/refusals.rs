//! STS's refusals: codes and texts in one place.

use strongroom_wire::error::{ACCESS_DENIED, Code, UNRECOGNIZED_CLIENT, VALIDATION};
use strongroom_wire::sts::errors;

use crate::error::Error;

/// A parameter that breaks a rule beside the model's constraints.
const INVALID_PARAMETER_VALUE: Code = Code::new("InvalidParameterValue", 400);

fn denied(text: impl Into<String>) -> Error {
    Error::refused(ACCESS_DENIED, text)
}

fn validation(text: impl Into<String>) -> Error {
    Error::refused(VALIDATION, text)
}

fn parameter(text: impl Into<String>) -> Error {
    Error::refused(INVALID_PARAMETER_VALUE, text)
}

/// A root, or a session of one, that asks for a role.
pub fn root_assumes_role() -> Error {
    denied("Roles may not be assumed by root accounts.")
}

/// An operation that sessions of the caller's kind may not call.
pub fn session_calls(operation: &str) -> Error {
    denied(format!("Cannot call {operation} with session credentials"))
}

/// An operation of IAM called by a federated user, or with a session's credentials that no MFA stands behind.
#[must_use]
pub fn iam_calls() -> Error {
    Error::refused(UNRECOGNIZED_CLIENT, "The security token included in the request is invalid")
}

/// What is no ARN of a role.
pub fn invalid_arn(arn: &str) -> Error {
    validation(format!("{arn} is invalid"))
}

/// An entry of PolicyArns that names no policy. AWS's text is unconfirmed.
pub fn policy_without_arn() -> Error {
    validation("Each member of PolicyArns must have an arn.")
}

/// A longer session than the role allows.
pub fn longer_than_role() -> Error {
    validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
}

/// A longer session than role chaining allows.
pub fn longer_than_chain() -> Error {
    validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
}

/// Only one of the MFA device's serial number and its code.
pub fn half_of_mfa() -> Error {
    denied("MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
}

/// A code that is wrong, or was used before.
pub fn wrong_mfa() -> Error {
    denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
}

/// An MFA device that the caller does not have. The two spaces are AWS's.
pub fn unknown_mfa() -> Error {
    denied(
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid \
         and associated with this user.",
    )
}

/// Two tags with one key.
pub fn duplicate_tags() -> Error {
    parameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
}

/// A key that AWS reserves. The text is unconfirmed.
pub fn reserved_tag(key: &str) -> Error {
    parameter(format!("Tag key {key} is not valid: keys that begin with aws: are reserved for system use."))
}

/// A tag from a token of an identity provider that is longer than the API's tags may be, or too many of them. The text
/// is unconfirmed.
pub fn tags_out_of_bounds() -> Error {
    parameter("The session tags exceed the limits of 50 tags, keys of 128 and values of 256 characters.")
}

/// A transitive key without a tag.
pub fn transitive_without_tag() -> Error {
    parameter("The specified transitive tag key must be included in the requested tags.")
}

/// A tag that the calling session hands on.
pub fn transitive_conflict() -> Error {
    parameter(
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the \
         calling session.",
    )
}

/// A source identity other than the calling session's. The text is unconfirmed.
pub fn source_identity_set() -> Error {
    denied("The source identity of the calling session cannot be changed.")
}

/// A source identity from a token that the API would not take. The text is unconfirmed.
pub fn source_identity_form() -> Error {
    parameter("The source identity is not valid.")
}

/// A session policy that does not read.
pub fn malformed_policy(text: impl Into<String>) -> Error {
    Error::refused(errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, text)
}

/// More policies than a session takes. The text is unconfirmed.
pub fn too_many_policies(max: usize) -> Error {
    validation(format!("The number of policies in PolicyArns exceeds the limit of {max}."))
}

/// A policy that is not there, or of another account. The text is unconfirmed.
pub fn no_policy(arn: &str) -> Error {
    validation(format!("Policy {arn} does not exist or is not attachable."))
}

/// Policies and tags that take more room than there is.
pub fn packed_too_large(percent: i32, has_policies: bool) -> Error {
    let text = if has_policies {
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")
    } else {
        format!("Packed size of session tags consumes {percent}% of allotted space.")
    };
    Error::refused(errors::PACKED_POLICY_TOO_LARGE_EXCEPTION, text)
}

/// A message that this server did not encode for the account.
pub fn invalid_message() -> Error {
    Error::refused(errors::INVALID_AUTHORIZATION_MESSAGE_EXCEPTION, "Message is not valid")
}

/// An access key id that tells no account. The text is unconfirmed.
pub fn invalid_key_id() -> Error {
    validation("The specified access key id is not valid.")
}

/// A provider of identities that the account does not have.
pub fn no_provider() -> Error {
    Error::refused(errors::INVALID_IDENTITY_TOKEN_EXCEPTION, "Specified provider doesn't exist")
}

/// A context assertion of a provider that the account does not have. The text is unconfirmed.
pub fn invalid_context() -> Error {
    Error::refused(errors::INVALID_CONTEXT_ASSERTION_EXCEPTION, "The context assertion is not valid.")
}

/// The account's centralized root access was not enabled. The text is unconfirmed.
pub fn root_access_disabled() -> Error {
    denied("Centralized root access is not enabled for this organization.")
}

/// A trade-in token that was never given out. The text is unconfirmed.
pub fn unknown_trade_in() -> Error {
    denied("The trade-in token is not valid.")
}

/// Tokens for outside services were not enabled for the account. The text is the one of the API's reference.
pub fn outbound_federation_disabled() -> Error {
    Error::refused(
        errors::OUTBOUND_WEB_IDENTITY_FEDERATION_DISABLED_EXCEPTION,
        "The outbound web identity federation feature is not enabled for this account.",
    )
}

/// Credentials that cannot be scoped down. The text is unconfirmed.
pub fn invalid_subject() -> Error {
    Error::refused(
        errors::INVALID_SUBJECT_CREDENTIALS_EXCEPTION,
        "The credentials of the request cannot be used to get scoped credentials.",
    )
}
