//! What the front itself answers when a request breaks a limit: errors in AWS's JSON form.

use super::Answer;
use super::body::BodyFault;

/// A reason for not asking the endpoint, or for not waiting for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
    TooManyHeaders,
    ForeignHost,
    ForeignOrigin,
    TooManyRequests,
    NoRoom,
    TooLong,
    Failed,
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::BodyTooLarge,
            BodyFault::Broken => Self::BodyBroken,
            BodyFault::NoRoom => Self::NoRoom,
        }
    }
}

impl Refusal {
    pub(super) fn answer(self) -> Answer {
        let (status, code, message) = match self {
            Self::BodyTooLarge => (413, "RequestEntityTooLargeException", "The request body is too large."),
            Self::BodyTooSlow => (408, "RequestTimeoutException", "The request body was not received in time."),
            Self::BodyBroken => (400, "SerializationException", "The request body could not be read."),
            Self::TooManyHeaders => (431, "RequestHeaderFieldsTooLargeException", "The request has too many headers."),
            Self::ForeignHost => (
                403,
                "AccessDeniedException",
                "Developer mode answers only requests whose host is localhost or a loopback address.",
            ),
            Self::ForeignOrigin => (
                403,
                "AccessDeniedException",
                "Developer mode answers no web page whose origin is not in cors.origins.",
            ),
            Self::TooManyRequests => {
                (503, "ServiceUnavailableException", "Too many requests are under way on this connection.")
            }
            // AWS's clients try again after this status.
            Self::NoRoom => {
                (503, "ServiceUnavailableException", "Too many request bodies and answers are under way. Try again.")
            }
            Self::TooLong => (503, "ServiceUnavailableException", "The request could not be completed in time."),
            Self::Failed => (500, "InternalServiceError", "An error occurred on the server side."),
        };
        Answer::json(status, format!(r#"{{"__type":"{code}","message":"{message}"}}"#).into_bytes())
    }
}
