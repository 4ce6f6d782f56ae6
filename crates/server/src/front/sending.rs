//! An answer's body on its way out: one buffer that is wiped when the last byte has been handed over.
//!
//! It is a buffer type of its own, not reference-counted bytes, so that the HTTP library holds the only copy. Two
//! copies are made below it and are not wiped: into TLS records on their way to being encrypted, and, on HTTP/2,
//! of bodies shorter than 256 bytes into the connection's write buffer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use strongroom_types::SecretBytes;

use crate::listen::Held;

/// A response body of one piece.
pub(crate) struct AnswerBody(Option<Sending>);

impl AnswerBody {
    pub(super) fn empty() -> Self {
        Self(None)
    }

    /// The body `bytes`, which is `held` until it is sent; for so long the connection knows of an answer that the
    /// client has not yet taken.
    pub(super) fn new(bytes: SecretBytes, held: Held) -> Self {
        if bytes.is_empty() {
            return Self(None);
        }
        held.line.answer_made();
        Self(Some(Sending { bytes, sent: 0, held }))
    }
}

/// What is left of a body to send.
pub(crate) struct Sending {
    bytes: SecretBytes,
    sent: usize,
    held: Held,
}

impl Buf for Sending {
    fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.sent)
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.expose().get(self.sent..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count).min(self.bytes.len());
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.held.line.answer_taken();
    }
}

impl Body for AnswerBody {
    type Data = Sending;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Sending>, Infallible>>> {
        Poll::Ready(self.0.take().map(|sending| Ok(Frame::data(sending))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |sending| u64::try_from(sending.remaining()).unwrap_or(0)))
    }
}
