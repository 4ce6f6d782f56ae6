//! Lambda's refusals: codes and texts in one place.

use strongroom_wire::error::{ACCESS_DENIED, Code};
use strongroom_wire::lambda::errors;

use super::host::HostFailure;
use crate::error::Error;

/// A parameter that cannot be.
pub fn invalid(text: impl Into<String>) -> Error {
    Error::refused(errors::INVALID_PARAMETER_VALUE_EXCEPTION, text)
}

/// Lambda's code for what its front finds wrong with names.
const VALIDATION: Code = strongroom_wire::error::VALIDATION;

/// A function's name that is none.
pub fn invalid_name(asked: &str) -> Error {
    let pattern = "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?\
                   (function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";
    let text = format!(
        "1 validation error detected: Value '{asked}' at 'functionName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: {pattern}"
    );
    Error::refused(VALIDATION, text)
}

/// A qualifier in the name and another beside it.
pub fn two_qualifiers() -> Error {
    invalid("The derived qualifier from the function name does not match the specified qualifier.")
}

/// A function, version or alias that is not there.
pub fn not_found(arn: &str) -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, format!("Function not found: {arn}"))
}

/// An alias that is not there.
pub fn no_alias(arn: &str) -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, format!("Cannot find alias arn: {arn}"))
}

/// A function that has no policy.
pub fn no_policy() -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, "The resource you requested does not exist.")
}

/// A statement that is not there.
pub fn no_statement(sid: &str) -> Error {
    Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, format!("Statement {sid} is not found in resource policy."))
}

/// A function of that name is there.
pub fn exists(name: &str) -> Error {
    Error::refused(errors::RESOURCE_CONFLICT_EXCEPTION, format!("Function already exist: {name}"))
}

/// An alias of that name is there.
pub fn alias_exists(arn: &str) -> Error {
    Error::refused(errors::RESOURCE_CONFLICT_EXCEPTION, format!("Alias already exists: {arn}"))
}

/// A statement of that id is there.
pub fn statement_exists(sid: &str) -> Error {
    let text = format!(
        "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the existing \
         statement."
    );
    Error::refused(errors::RESOURCE_CONFLICT_EXCEPTION, text)
}

/// A version that an alias leads to.
pub fn version_in_use(arns: &[String]) -> Error {
    let text = format!("Version(s) referenced by aliases: {}", arns.join(", "));
    Error::refused(errors::RESOURCE_CONFLICT_EXCEPTION, text)
}

/// Another revision than the caller knew.
pub fn other_revision() -> Error {
    let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to \
                retrieve the latest Revision Id";
    Error::refused(errors::PRECONDITION_FAILED_EXCEPTION, text)
}

/// A principal of a permission that is none.
pub fn invalid_principal() -> Error {
    invalid("The provided principal was invalid. Please check the principal and try again.")
}

/// A policy that became too long.
pub fn policy_too_long(bytes: usize, max: usize) -> Error {
    let text = format!("The final policy size ({bytes}) is bigger than the limit ({max}).");
    Error::refused(errors::POLICY_LENGTH_EXCEEDED_EXCEPTION, text)
}

/// A role that Lambda may not assume, or that is not there.
pub fn role_not_assumed() -> Error {
    invalid("The role defined for the function cannot be assumed by Lambda.")
}

/// A role of another account.
pub fn foreign_role() -> Error {
    Error::refused(ACCESS_DENIED, "Cross-account pass role is not allowed.")
}

/// A package that is no zip file.
pub fn not_a_zip() -> Error {
    invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

/// A package without files.
pub fn empty_zip() -> Error {
    invalid("Uploaded file must be a non-empty zip")
}

/// A package that is too large.
pub fn package_too_large(max: usize) -> Error {
    Error::refused(
        errors::REQUEST_TOO_LARGE_EXCEPTION,
        format!("Request must be smaller than {max} bytes for the package of a function"),
    )
}

/// A package whose files are too large.
pub fn unzipped_too_large(max: u64) -> Error {
    invalid(format!("Unzipped size must be smaller than {max} bytes"))
}

/// An event that is too large. `kind` is the way of invoking.
pub fn event_too_large(bytes: usize, max: usize, kind: &str) -> Error {
    let text = format!("{bytes} byte payload is too large for the {kind} invocation type (limit {max} bytes)");
    Error::refused(errors::REQUEST_TOO_LARGE_EXCEPTION, text)
}

/// An event that is no JSON.
pub fn event_not_json() -> Error {
    Error::refused(
        errors::INVALID_REQUEST_CONTENT_EXCEPTION,
        "Could not parse request body into json: Could not parse payload into json",
    )
}

/// Too many invocations run at one time.
pub fn throttled() -> Error {
    Error::refused(errors::TOO_MANY_REQUESTS_EXCEPTION, "Rate Exceeded.")
}

/// What Lambda offers and this server does not. `what` is the parameter's name.
pub fn not_offered(what: &str) -> Error {
    invalid(format!("This version of Strongroom does not offer {what}."))
}

/// A host that could not run the function.
pub fn of_host(failure: HostFailure) -> Error {
    match failure {
        HostFailure::NotOffered(text) => Error::refused(errors::SERVICE_EXCEPTION, text),
        HostFailure::Busy => throttled(),
        HostFailure::BadPackage(text) => Error::refused(errors::INVALID_ZIP_FILE_EXCEPTION, text),
        HostFailure::Fault(text) => Error::internal(text),
    }
}
