//! A server's trail, as sinks follow it.

use std::collections::BTreeMap;
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

use super::shared::{Piece, Shared};

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
    /// What was read last.
    shared: Mutex<Shared>,
}

impl Followed {
    /// The trail in `folder`, which `segments` writes and so many `sinks` follow.
    pub(super) fn new(folder: &Path, segments: &Arc<Segments>, sinks: usize) -> Self {
        Self { writer: Some(Arc::clone(segments)), ..Self::of_files(folder, Arc::clone(segments.files()), sinks) }
    }

    /// The trail in `folder`, which nobody writes.
    pub(super) fn of_files(folder: &Path, files: Arc<dyn SegmentFiles>, sinks: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            files,
            writer: None,
            saved: Mutex::default(),
            gaps: AtomicU64::new(0),
            shared: Mutex::new(Shared::between(sinks)),
        }
    }

    fn lock_shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follower(&self, from: Position) -> Follower {
        match &self.writer {
            Some(segments) => Follower::of(segments, from),
            None => Follower::new(Arc::clone(&self.files), from),
        }
    }

    /// Reads what stands behind `from` into `batch`, which is empty, and returns where that ends.
    fn fill(&self, batch: &mut Batch, from: &Position, bytes_max: usize) -> io::Result<Position> {
        let mut follower = self.follower(*from);
        follower.look(u64::try_from(bytes_max).unwrap_or(u64::MAX), &mut |seen| self.put(&seen, batch))?;
        Ok(follower.position())
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
        // Sinks that gather look no further. Nobody waits here for one that reads.
        if bytes == 0
            && let Ok(mut shared) = self.shared.try_lock()
        {
            shared.rest();
        }
        Ok(Lag { bytes, oldest })
    }

    fn read(
        &self,
        from: &Position,
        until: Option<&Position>,
        bytes_max: usize,
    ) -> io::Result<Option<(Arc<Batch>, Position)>> {
        if let Some(until) = until {
            let found = self.read_again(from, until, bytes_max)?;
            if found.is_some() {
                return Ok(found);
            }
            // Without anything up to there, what there is.
            let mut batch = Batch::default();
            let end = self.fill(&mut batch, from, bytes_max)?;
            return Ok((end != *from).then(|| (Arc::new(batch), end)));
        }
        // Held while it is read: whoever is at the same place waits for it instead of reading it again.
        let mut shared = self.lock_shared();
        let end = self.writer.as_ref().and_then(|writer| writer.end());
        if let Some(found) = shared.at(from, bytes_max, end) {
            return Ok(Some(found));
        }
        // Up to the next multiple of a batch's length: sinks that were apart come together there, and share what is read.
        let length = u64::try_from(bytes_max).unwrap_or(u64::MAX).max(1);
        let left = length.saturating_sub(from.offset.checked_rem(length).unwrap_or(0));
        let mut batch = shared.take_spare();
        let end = self.fill(&mut batch, from, usize::try_from(left).unwrap_or(bytes_max))?;
        if batch.is_empty() {
            shared.put_spare(batch);
            shared.rest();
            return Ok((end != *from).then(|| (Arc::default(), end)));
        }
        let is_full = u64::try_from(batch.bytes()).is_ok_and(|bytes| bytes >= left);
        let batch = Arc::new(batch);
        shared.keep(Piece { from: *from, bytes_max, batch: Arc::clone(&batch), end, is_full });
        Ok(Some((batch, end)))
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
