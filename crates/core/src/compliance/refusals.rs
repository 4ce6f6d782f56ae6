//! What Config says to requests that it cannot answer (texts unconfirmed where they are not in its API reference).

use strongroom_wire::config::errors;

use crate::error::Error;

/// A rule that is not there.
pub(super) fn no_such_rule(name: &str) -> Error {
    let text = format!("The ConfigRule '{name}' provided in the request is invalid. Please check the configRule name");
    Error::refused(errors::NO_SUCH_CONFIG_RULE_EXCEPTION, text)
}

/// A page token that is none of ours, or another query's.
pub(super) fn invalid_token() -> Error {
    Error::refused(errors::INVALID_NEXT_TOKEN_EXCEPTION, "The specified nextToken is invalid.")
}

/// A parameter that means nothing here.
pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::refused(errors::INVALID_PARAMETER_VALUE_EXCEPTION, text)
}
