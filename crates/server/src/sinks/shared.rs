//! What was read of the trail last, for sinks that are at the same place.

use std::collections::VecDeque;
use std::sync::Arc;

use strongroom_core::trail::follow::Position;
use strongroom_sinks::Batch;

/// Bytes of memory that is kept for other sinks, and pieces of records in it. Sinks that keep up are some megabytes apart at
/// full speed; each that is further behind reads for itself.
const BYTES_MAX: usize = 16 * 1024 * 1024;
const PIECES_MAX: usize = 64;
/// Pieces that are kept where there is one sink, for their memory alone.
const ALONE_MAX: usize = 2;
/// Bytes of a piece whose memory is used again.
const SPARE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Looks that all find nothing, before what is kept is let go: some seconds' worth.
pub(super) const RESTS_MAX: u32 = 100;
/// Pieces that were read, the newest last.
pub(super) struct Shared {
    pieces: VecDeque<Piece>,
    pieces_max: usize,
    /// Memory for the next, of one that nobody is at any more.
    spare: Option<Batch>,
    /// How often a sink has found nothing since one found something.
    rests: u32,
}

/// What was read at one time.
pub(super) struct Piece {
    pub(super) from: Position,
    /// How long it was to be at most.
    pub(super) bytes_max: usize,
    pub(super) batch: Arc<Batch>,
    pub(super) end: Position,
    /// Whether it is as long as it could be: else more may stand behind it by now.
    pub(super) is_full: bool,
}

impl Shared {
    /// None yet, for so many sinks.
    pub(super) fn between(sinks: usize) -> Self {
        let pieces_max = if sinks > 1 { PIECES_MAX } else { ALONE_MAX };
        Self { pieces: VecDeque::new(), pieces_max, spare: None, rests: 0 }
    }

    /// What was read from `from` on and would be read again, as the trail ends at `end`.
    pub(super) fn at(
        &mut self,
        from: &Position,
        bytes_max: usize,
        end: Option<Position>,
    ) -> Option<(Arc<Batch>, Position)> {
        let is_whole = |piece: &Piece| piece.is_full || end.is_none_or(|end| end <= piece.end);
        let same = |piece: &&Piece| piece.from == *from && piece.bytes_max == bytes_max && is_whole(piece);
        let piece = self.pieces.iter().find(same)?;
        let found = (Arc::clone(&piece.batch), piece.end);
        self.rests = 0;
        Some(found)
    }

    /// A sink is at the trail's end. Others may be behind it; when none was for long, the memory is given back.
    pub(super) fn rest(&mut self) {
        self.rests = self.rests.saturating_add(1);
        if self.rests >= RESTS_MAX {
            self.pieces = VecDeque::new();
            self.spare = None;
        }
    }

    /// Keeps what was read, as long as there is room.
    pub(super) fn keep(&mut self, piece: Piece) {
        self.rests = 0;
        // What was read before and is not full is of no use behind this.
        if let Some(last) = self.pieces.pop_back_if(|last| !last.is_full) {
            self.let_go(last);
        }
        self.pieces.push_back(piece);
        let mut bytes: usize = self.pieces.iter().map(|piece| piece.batch.room()).sum();
        while bytes > BYTES_MAX || self.pieces.len() > self.pieces_max {
            let Some(oldest) = self.pieces.pop_front() else { break };
            bytes = bytes.saturating_sub(oldest.batch.room());
            self.let_go(oldest);
        }
    }

    /// An empty batch to read into.
    pub(super) fn take_spare(&mut self) -> Batch {
        self.spare.take().unwrap_or_default()
    }

    /// Has the memory of a batch used again.
    pub(super) fn put_spare(&mut self, batch: Batch) {
        if batch.room() <= SPARE_BYTES_MAX {
            self.spare = Some(batch.emptied());
        }
    }

    fn let_go(&mut self, piece: Piece) {
        if let Some(batch) = Arc::into_inner(piece.batch) {
            self.put_spare(batch);
        }
    }
}
