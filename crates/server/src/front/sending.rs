//! An answer's body on its way out: one buffer that is wiped when the last byte has been handed over, or several in turn.
//!
//! It is a buffer type of its own, not reference-counted bytes, so that the HTTP library holds the only copy. Two
//! copies are made below it and are not wiped: into TLS records on their way to being encrypted, and, on HTTP/2,
//! of bodies shorter than 256 bytes into the connection's write buffer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use strongroom_types::SecretBytes;
use tokio::sync::mpsc;

use crate::listen::{Held, Line, Underway};

/// A response body: of one piece, or of pieces as they come.
pub(crate) enum AnswerBody {
    /// One piece, until it is handed over.
    Whole(Option<Sending>),
    /// Pieces. The request counts as under way until the last one.
    Pieces(Box<(mpsc::Receiver<SecretBytes>, Underway)>),
}

impl AnswerBody {
    pub(super) fn empty() -> Self {
        Self::Whole(None)
    }

    /// A body of pieces that come through `pieces`, until that is closed.
    pub(super) fn pieces(pieces: mpsc::Receiver<SecretBytes>, line: &Arc<Line>) -> Self {
        Self::Pieces(Box::new((pieces, Underway::begin(line))))
    }

    /// The body `bytes`, which is `held` until it is sent; for so long the connection knows of an answer that the
    /// client has not yet taken.
    pub(super) fn new(bytes: SecretBytes, held: Held) -> Self {
        if bytes.is_empty() {
            return Self::Whole(None);
        }
        Self::Whole(Some(Sending::begin(bytes, held)))
    }
}

/// What is left of a body to send.
pub(crate) struct Sending {
    bytes: SecretBytes,
    sent: usize,
    held: Held,
}

impl Sending {
    fn begin(bytes: SecretBytes, held: Held) -> Self {
        held.line.answer_made();
        Self { bytes, sent: 0, held }
    }
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

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Sending>, Infallible>>> {
        let sending = match &mut *self {
            Self::Whole(sending) => sending.take(),
            Self::Pieces(pieces) => {
                let (pieces, underway) = pieces.as_mut();
                let piece = std::task::ready!(pieces.poll_recv(context));
                let mut held = Held::of_answer(&underway.line);
                // Without room for it, the answer ends; whoever asked begins anew.
                piece.filter(|piece| held.grow_to(piece.len())).map(|piece| Sending::begin(piece, held))
            }
        };
        Poll::Ready(sending.map(|sending| Ok(Frame::data(sending))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(None) => SizeHint::with_exact(0),
            Self::Whole(Some(sending)) => SizeHint::with_exact(u64::try_from(sending.remaining()).unwrap_or(0)),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
