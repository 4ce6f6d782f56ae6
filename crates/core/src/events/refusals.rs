//! What EventBridge refuses, with AWS's codes and texts. Texts that are unconfirmed follow the form of their like.

use strongroom_patterns::Fault;
use strongroom_wire::error::VALIDATION;
use strongroom_wire::events::errors;

use crate::error::Error;

/// A parameter or several that cannot be.
pub fn invalid(text: impl Into<String>) -> Error {
    Error::refused(VALIDATION, text)
}

/// A pattern that is none.
pub fn pattern(fault: &Fault) -> Error {
    let text = format!("Event pattern is not valid. Reason: {fault}");
    Error::refused(errors::INVALID_EVENT_PATTERN_EXCEPTION, text)
}

/// A text that is longer than it may be, as the model's bounds are told.
pub fn too_long(member: &str, max: usize) -> Error {
    invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length less \
         than or equal to {max}"
    ))
}

/// A bus that is not there.
pub fn no_bus(name: &str) -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, format!("Event bus {name} does not exist."))
}

/// A rule that is not there.
pub fn no_rule(name: &str) -> Error {
    let text = format!("Rule {name} does not exist on EventBus default.");
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, text)
}

/// Something else that is not there.
pub fn no_resource(name: &str) -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, format!("{name} does not exist."))
}

/// A connection or destination that is not there.
pub fn absent(what: &str, name: &str) -> Error {
    let text = format!("Failed to describe the {what}(s). {what} '{name}' does not exist.");
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, text)
}

/// A name that is taken.
pub fn exists(what: &str, name: &str) -> Error {
    Error::refused(errors::RESOURCE_ALREADY_EXISTS_EXCEPTION, format!("{what} {name} already exists."))
}

/// More than there may be.
pub fn limit() -> Error {
    let text = "The requested resource exceeds the maximum number allowed.";
    Error::refused(errors::LIMIT_EXCEEDED_EXCEPTION, text)
}

/// A rule that still has targets.
pub fn has_targets() -> Error {
    invalid("Rule can't be deleted since it has targets.")
}

/// What a parameter cannot be, with the reason.
pub fn not_valid(parameter: &str, reason: &str) -> Error {
    invalid(format!("Parameter {parameter} is not valid. Reason: {reason}"))
}

/// A token for another query.
pub fn token() -> Error {
    not_valid("NextToken", "The token is not one of this listing.")
}
