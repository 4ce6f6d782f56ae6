//! The service error that stands for each thing that can be wrong with a signature.

use super::error::SignatureError;
use crate::error::{self, Code, ServiceError};

impl SignatureError {
    /// The code under the name and status of the JSON protocols; [`Code::for_query`] gives those of query services.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Missing => error::MISSING_AUTHENTICATION_TOKEN,
            Self::Incomplete(_) => error::INCOMPLETE_SIGNATURE,
            Self::Invalid(_) | Self::Mismatch => error::INVALID_SIGNATURE,
            Self::UnknownToken => error::UNRECOGNIZED_CLIENT,
            Self::ExpiredToken => error::EXPIRED_TOKEN,
        }
    }
}

impl From<SignatureError> for ServiceError {
    fn from(error: SignatureError) -> Self {
        error.code().with(error.to_string())
    }
}
