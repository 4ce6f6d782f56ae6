//! A server's trail, as sinks follow it.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_core::trail::cursor::{self, Cursor};
use strongroom_core::trail::files::SegmentFiles;
use strongroom_core::trail::follow::{Follower, Position, Seen};
use strongroom_core::trail::segments::{LINE_BYTES_MAX, Segments};
use strongroom_sinks::{Batch, Lag, Saved, Trail};
use tracing::{error, warn};

/// Bytes of records that are kept for other sinks, and pieces of them.
const SHARED_BYTES_MAX: usize = 4 * 1024 * 1024;
const SHARED_MAX: usize = 8;
/// Bytes of a batch that is read again, at most; more where batches are longer.
const AGAIN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of it that are read at a time.
const PIECE_BYTES: u64 = 1024 * 1024;

/// The trail of a server.
pub(crate) struct Followed {
    folder: PathBuf,
    files: Arc<dyn SegmentFiles>,
    /// Who writes it in this process, if anybody does.
    writer: Option<Arc<Segments>>,
    /// The newest cursors that were written: one that was let go before it was written must not come after them.
    saved: Mutex<BTreeMap<String, Position>>,
    /// Segments that were gone before a sink had them.
    gaps: AtomicU64,
    /// What was read last, for sinks that are at the same place.
    newest: Mutex<VecDeque<Read>>,
}

/// What was read.
struct Read {
    from: Position,
    bytes_max: usize,
    batch: Arc<Batch>,
    end: Position,
}

impl Followed {
    /// The trail in `folder`, which `segments` writes.
    pub(super) fn new(folder: &Path, segments: &Arc<Segments>) -> Self {
        Self { writer: Some(Arc::clone(segments)), ..Self::of_files(folder, Arc::clone(segments.files())) }
    }

    /// The trail in `folder`, which nobody writes.
    pub(super) fn of_files(folder: &Path, files: Arc<dyn SegmentFiles>) -> Self {
        Self {
            folder: folder.to_owned(),
            files,
            writer: None,
            saved: Mutex::default(),
            gaps: AtomicU64::new(0),
            newest: Mutex::default(),
        }
    }

    fn lock_read(&self) -> MutexGuard<'_, VecDeque<Read>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follower(&self, from: Position) -> Follower {
        match &self.writer {
            Some(segments) => Follower::of(segments, from),
            None => Follower::new(Arc::clone(&self.files), from),
        }
    }

    fn read_from_files(&self, from: &Position, bytes_max: usize) -> io::Result<Option<(Arc<Batch>, Position)>> {
        let mut follower = self.follower(*from);
        let mut batch = Batch::default();
        follower.look(u64::try_from(bytes_max).unwrap_or(u64::MAX), &mut |seen| self.put(&seen, &mut batch))?;
        let end = follower.position();
        Ok((end != *from).then(|| (Arc::new(batch), end)))
    }

    /// Reads a batch that was read before, up to `until`. What is written down of it may be wrong, and what stands behind it
    /// may be much: of more than a batch can be, no more is read.
    fn read_again(
        &self,
        from: &Position,
        until: &Position,
        bytes_max: usize,
    ) -> io::Result<Option<(Arc<Batch>, Position)>> {
        let most = bytes_max.saturating_add(LINE_BYTES_MAX).max(AGAIN_BYTES_MAX);
        let mut follower = self.follower(*from);
        let (mut batch, mut end) = (Batch::default(), *from);
        while end < *until && batch.bytes() < most {
            let (before, mut is_over) = (end, false);
            follower.look(PIECE_BYTES, &mut |seen| {
                is_over |= seen.behind() > *until;
                if !is_over {
                    end = seen.behind();
                    self.put(&seen, &mut batch);
                }
            })?;
            if is_over || end == before {
                break;
            }
        }
        Ok((end != *from).then(|| (Arc::new(batch), end)))
    }

    fn put(&self, seen: &Seen<'_>, batch: &mut Batch) {
        match seen {
            Seen::Line { line, .. } if std::str::from_utf8(line).is_ok_and(|line| batch.push(line)) => {}
            Seen::Line { at, behind, .. } | Seen::Damaged { at, behind } => {
                warn!(%at, %behind, "what is no record in the trail goes to no sink");
            }
            Seen::Gap { from, behind } => {
                self.gaps.fetch_add(1, Ordering::Relaxed);
                error!(%from, %behind, "segments of the trail were removed before a sink had them");
            }
        }
    }

    /// How often segments were gone before a sink had them.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }
}

impl Trail for Followed {
    type Position = Position;

    fn lag(&self, from: &Position) -> io::Result<Lag> {
        let (bytes, oldest) = cursor::behind(&self.files, *from)?;
        Ok(Lag { bytes, oldest })
    }

    fn read(
        &self,
        from: &Position,
        until: Option<&Position>,
        bytes_max: usize,
    ) -> io::Result<Option<(Arc<Batch>, Position)>> {
        if let Some(until) = until {
            // Without anything up to there, what there is.
            return match self.read_again(from, until, bytes_max)? {
                None => self.read_from_files(from, bytes_max),
                found => Ok(found),
            };
        }
        // Held while it is read: whoever is at the same place waits for it instead of reading it again.
        let mut newest = self.lock_read();
        let shared = |read: &&Read| read.from == *from && read.bytes_max == bytes_max;
        if let Some(read) = newest.iter().find(shared) {
            return Ok(Some((Arc::clone(&read.batch), read.end)));
        }
        // Up to the next multiple of a batch's length: sinks that were apart come together there, and share what is read.
        let length = u64::try_from(bytes_max).unwrap_or(u64::MAX).max(1);
        let left = length.saturating_sub(from.offset.checked_rem(length).unwrap_or(0));
        let found = self.read_from_files(from, usize::try_from(left).unwrap_or(bytes_max))?;
        match &found {
            // Nobody is behind for long: the memory is given back.
            None => newest.clear(),
            Some((batch, end)) => {
                newest.push_back(Read { from: *from, bytes_max, batch: Arc::clone(batch), end: *end });
                let mut bytes: usize = newest.iter().map(|read| read.batch.bytes()).sum();
                while bytes > SHARED_BYTES_MAX || newest.len() > SHARED_MAX {
                    let Some(oldest) = newest.pop_front() else { break };
                    bytes = bytes.saturating_sub(oldest.batch.bytes());
                }
            }
        }
        Ok(found)
    }

    fn save(&self, sink: &str, saved: &Saved<Position>) -> io::Result<()> {
        let mut newest = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.get(sink).is_some_and(|newest| *newest > saved.through) {
            return Ok(());
        }
        Cursor { through: saved.through, trying: saved.trying }.save(&self.folder, sink)?;
        newest.insert(sink.to_owned(), saved.through);
        Ok(())
    }
}
