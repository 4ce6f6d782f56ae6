//! Reads a request's body whole, under a limit, hashing it on the way.
//!
//! The gathered bytes are wiped when dropped. The read buffers through which they came belong to the HTTP library, which
//! does not wipe them; the pieces of them are kept until they can be wiped here.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use strongroom_crypto::digest::{Sha256, sha256};
use strongroom_types::{SecretBuffer, SecretBytes};

use crate::listen::{Held, Remains};

/// SHA-256 of nothing (FIPS 180-4), the hash of the many requests without a body.
const EMPTY_SHA256: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// A body read whole.
pub(super) struct Gathered {
    pub(super) bytes: SecretBytes,
    pub(super) sha256: [u8; 32],
}

/// How many bytes of a body are read.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Into memory.
    pub(super) bytes_max: usize,
    /// And beyond, to be thrown away.
    pub(super) drain_bytes_max: usize,
}

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyFault {
    /// It has more bytes than the limit.
    TooLarge,
    /// The connection or stream ended before the body did, or its framing is wrong.
    Broken,
    /// The process holds as many bytes of bodies and answers as it may.
    NoRoom,
}

/// How far a body has come at first sight.
pub(super) enum FirstSight {
    /// All of it is here, as with nearly every request: its bytes came together with its head.
    Whole(Gathered),
    /// This is here, if anything, and more is to come.
    Part(Option<Bytes>),
}

/// Takes what has come of `body` without waiting.
pub(super) fn first_sight(
    body: &mut Incoming,
    bytes_max: usize,
    remains: &Remains,
    context: &mut Context<'_>,
) -> Result<FirstSight, BodyFault> {
    if body.is_end_stream() {
        return Ok(FirstSight::Whole(Gathered { bytes: SecretBytes::default(), sha256: EMPTY_SHA256 }));
    }
    // Not one byte is taken of what will be refused: a client that asks before it sends must not be told to go on.
    if declared(body) > bytes_max {
        return Ok(FirstSight::Part(None));
    }
    let piece = match Pin::new(&mut *body).poll_frame(context) {
        Poll::Pending => return Ok(FirstSight::Part(None)),
        Poll::Ready(None) => Bytes::new(),
        // What is no data is a trailer, which no AWS protocol here uses.
        Poll::Ready(Some(frame)) => frame.map_err(|_| BodyFault::Broken)?.into_data().unwrap_or_default(),
    };
    if !body.is_end_stream() || piece.len() > bytes_max {
        return Ok(FirstSight::Part(Some(piece)));
    }
    let gathered = Gathered { sha256: sha256(&piece), bytes: SecretBytes::new(piece.to_vec()) };
    remains.keep(piece);
    Ok(FirstSight::Whole(gathered))
}

/// Reads `body`, at most `bytes_max` with what came at `first` sight; `held` grows with it. Of a longer one up to `drain_bytes_max` further
/// bytes are read and thrown away, so that the client gets to reading the answer; not so when it asked before
/// sending.
pub(super) async fn gather(
    first: Option<Bytes>,
    mut body: Incoming,
    held: &mut Held,
    limits: Limits,
    asks_first: bool,
) -> Result<Gathered, BodyFault> {
    let Limits { bytes_max, drain_bytes_max } = limits;
    let declared = declared(&body).saturating_add(first.as_ref().map_or(0, Bytes::len));
    if declared > bytes_max {
        if !asks_first {
            drain(&mut body, declared, drain_bytes_max, held).await;
        }
        held.line.remains.keep(first.unwrap_or_default());
        return Err(BodyFault::TooLarge);
    }
    let mut bytes = SecretBuffer::default();
    let mut hash = Sha256::default();
    let mut next = first;
    loop {
        if let Some(piece) = next {
            if piece.len() > bytes_max - bytes.len() {
                held.line.remains.keep(piece);
                drain(&mut body, 0, drain_bytes_max, held).await;
                return Err(BodyFault::TooLarge);
            }
            hash.update(&piece);
            // Room for what has come, whatever length the client declares; that only bounds the growth by doubling.
            let room = piece.len();
            bytes.reserve_within(room, declared.max(bytes.len() + room));
            bytes.extend_from_slice(&piece);
            held.line.remains.keep(piece);
            if !held.grow_to(bytes.capacity()) {
                drop(bytes);
                drain(&mut body, 0, drain_bytes_max, held).await;
                return Err(BodyFault::NoRoom);
            }
        }
        let Some(frame) = body.frame().await else { break };
        next = frame.map_err(|_| BodyFault::Broken)?.into_data().ok();
    }
    Ok(Gathered { bytes: bytes.into_secret(), sha256: hash.finish() })
}

/// The length that is still to come, as far as it is known.
fn declared(body: &Incoming) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

/// Throws away what is left of `body`, unless `declared` or what comes is more than `bytes_max`.
async fn drain(body: &mut Incoming, declared: usize, bytes_max: usize, held: &Held) {
    let mut left = bytes_max;
    if declared > bytes_max {
        return;
    }
    while let Some(Ok(frame)) = body.frame().await {
        let piece = frame.into_data().unwrap_or_default();
        let rest = left.checked_sub(piece.len());
        held.line.remains.keep(piece);
        match rest {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nothing_is_that_of_no_bytes() {
        assert_eq!(EMPTY_SHA256, sha256(b""));
    }
}
