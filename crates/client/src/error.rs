//! Why a call was not answered as it was meant to be.

use std::time::Duration;

use strongroom_wire::sigv4::SignError;
use thiserror::Error;

/// A refusal of the service: what AWS's error shapes have in common.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// The status of the answer.
    pub status: u16,
    /// AWS's code, such as `ResourceNotFoundException`; `Unknown` when the answer names none.
    pub code: String,
    /// The text.
    pub message: String,
}

/// Why there is no answer, or another one than was asked for.
#[derive(Debug, Error)]
pub enum CallError {
    /// The URL or the certificates of an endpoint are none.
    #[error("{0}")]
    Endpoint(String),
    /// The call cannot be written down.
    #[error("the request cannot be made: {0}")]
    Request(String),
    /// The call cannot be signed.
    #[error("the request cannot be signed: {0}")]
    Signature(#[from] SignError),
    /// Nobody is there, or the connection broke. Whether the call was carried out is not known.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// There was no whole answer in time. Whether the call was carried out is not known.
    #[error("{url}: no whole answer within {} ms", .time.as_millis())]
    Time {
        /// The URL.
        url: String,
        /// The limit.
        time: Duration,
    },
    /// The answer is too long.
    #[error("{url}: the answer is longer than {bytes_max} bytes")]
    Size {
        /// The URL.
        url: String,
        /// The limit.
        bytes_max: usize,
    },
    /// The answer is not in the protocol's form.
    #[error("{url}: the answer of status {status} is none of this protocol")]
    Form {
        /// The URL.
        url: String,
        /// The status.
        status: u16,
    },
    /// The service refused.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl CallError {
    /// AWS's code, when the service refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Service(refused) => Some(&refused.code),
            _ => None,
        }
    }
}
