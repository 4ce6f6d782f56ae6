//! What CloudWatch refuses with.

use strongroom_wire::cloudwatch::errors;
use strongroom_wire::error::VALIDATION;

use crate::error::Error;

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::refused(VALIDATION, text)
}

pub(super) fn invalid_value(text: impl Into<String>) -> Error {
    Error::refused(errors::INVALID_PARAMETER_VALUE_EXCEPTION, text)
}

pub(super) fn invalid_combination(text: impl Into<String>) -> Error {
    Error::refused(errors::INVALID_PARAMETER_COMBINATION_EXCEPTION, text)
}

pub(super) fn missing(text: impl Into<String>) -> Error {
    Error::refused(errors::MISSING_REQUIRED_PARAMETER_EXCEPTION, text)
}

pub(super) fn not_found(text: impl Into<String>) -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND, text)
}

/// A page token that is none of ours, as CloudWatch names it.
pub(super) fn bad_token(error: Error) -> Error {
    match error {
        Error::Refused(_) => Error::refused(errors::INVALID_NEXT_TOKEN, "Invalid next token."),
        other => other,
    }
}
