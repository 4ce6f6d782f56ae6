//! Why a step failed, as Lambda reports it: the type of the error and its message. Holds no secret material.

use std::fmt;

/// A failed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error's type, fit for Lambda's `errorType`: `ValueError`, `KeyError`, `ResourceNotFoundException`, …
    pub kind: String,
    /// What is wrong, fit for Lambda's `errorMessage`. Never contains secret material.
    pub message: String,
}

impl Failure {
    /// A failure of a type, with a message that contains no secret material.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into() }
    }

    /// What the templates raise as `ValueError`.
    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("ValueError", message)
    }

    /// What the templates raise as `KeyError`.
    pub(crate) fn key(message: impl Into<String>) -> Self {
        Self::new("KeyError", message)
    }

    /// A value that Secrets Manager does not find, where one must be.
    pub(crate) fn not_found(stage: &str) -> Self {
        Self::new(
            "ResourceNotFoundException",
            format!(
                "An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation: Secrets Manager \
                 can't find the specified secret value for staging label: {stage}"
            ),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}
