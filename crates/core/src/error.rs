//! What a domain operation can fail with: a refusal that the client is told, or a fault that only the log is told.

use std::borrow::Cow;

use strongroom_crypto::CryptoError;
use strongroom_store::StoreError;
use strongroom_wire::error::{Code, SERVICE_UNAVAILABLE, ServiceError};

/// What a client is told that asks for a change while the store takes none. Not AWS's text, which has none for this.
const FROZEN_TEXT: &str = "Changes are not taken at the moment. Try again later.";

/// Why an operation did not succeed.
///
/// Deliberately without `Display`: whoever handles it must decide between the client's text and the log's.
#[derive(Debug)]
pub enum Error {
    /// AWS's answer to what the client asked: code and text go to the client.
    Refused(ServiceError),
    /// A fault of this server: the text goes to the log with the request id, the client gets InternalServiceError.
    Internal(Cow<'static, str>),
    /// A document was changed between load and commit. Operations retry on it; it leaves the domain only when the
    /// retries are used up, as an internal fault.
    Conflict,
}

impl Error {
    /// A refusal with AWS's code and text.
    #[must_use]
    pub fn refused(code: Code, message: impl Into<String>) -> Self {
        Self::Refused(ServiceError { code, message: message.into() })
    }

    /// A fault of this server.
    #[must_use]
    pub fn internal(context: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(context.into())
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            // Who claims a unique key has seen that it is free: another was quicker.
            StoreError::Conflict(_) | StoreError::UniqueTaken(_) => Self::Conflict,
            StoreError::Frozen(_) => Self::refused(SERVICE_UNAVAILABLE, FROZEN_TEXT),
            other => Self::Internal(other.to_string().into()),
        }
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        Self::Internal(error.to_string().into())
    }
}
