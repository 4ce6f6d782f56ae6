//! Why a pattern, a path or a template is refused.

use thiserror::Error;

/// A reason in words, as they stand behind "Reason:" in the service's refusals.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Fault(pub(crate) String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
