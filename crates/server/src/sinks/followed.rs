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

/// Bytes of memory that is kept for other sinks, and pieces of records in it. Sinks that keep up are some megabytes apart at
/// full speed; each that is further behind reads for itself.
const SHARED_BYTES_MAX: usize = 16 * 1024 * 1024;
const SHARED_MAX: usize = 64;
/// Pieces that are kept where there is one sink, for their memory alone.
const ALONE_MAX: usize = 2;
/// Bytes of a piece whose memory is used again.
const SPARE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Looks that all find nothing, before what is kept is let go: some seconds' worth.
pub(super) const RESTS_MAX: u32 = 100;
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
    newest: Mutex<Newest>,
    /// Pieces that are kept at most.
    kept_max: usize,
}

/// What was read last, for sinks that are at the same place.
#[derive(Default)]
struct Newest {
    reads: VecDeque<Read>,
    /// Memory for the next, of one that nobody is at any more.
    spare: Option<Batch>,
    /// How often a sink has found nothing since one found something.
    rests: u32,
}

/// What was read.
struct Read {
    from: Position,
    bytes_max: usize,
    batch: Arc<Batch>,
    end: Position,
    /// Whether it is as long as it could be: else more may stand behind it by now.
    is_full: bool,
}

impl Newest {
    /// What was read from `from` on and would be read again, as the trail ends at `end`.
    fn at(&mut self, from: &Position, bytes_max: usize, end: Option<Position>) -> Option<(Arc<Batch>, Position)> {
        let is_whole = |read: &Read| read.is_full || end.is_none_or(|end| end <= read.end);
        let same = |read: &&Read| read.from == *from && read.bytes_max == bytes_max && is_whole(read);
        let read = self.reads.iter().find(same)?;
        let found = (Arc::clone(&read.batch), read.end);
        self.rests = 0;
        Some(found)
    }

    /// A sink is at the trail's end. Others may be behind it; when none was for long, the memory is given back.
    fn rest(&mut self) {
        self.rests = self.rests.saturating_add(1);
        if self.rests >= RESTS_MAX {
            *self = Self::default();
        }
    }

    /// Keeps what was read, as long as there is room, and `most` pieces at most.
    fn keep(&mut self, read: Read, most: usize) {
        self.rests = 0;
        // What was read before and is not full is of no use behind this.
        if self.reads.back().is_some_and(|last| !last.is_full)
            && let Some(last) = self.reads.pop_back()
        {
            self.take_memory(last);
        }
        self.reads.push_back(read);
        let mut bytes: usize = self.reads.iter().map(|read| read.batch.room()).sum();
        while bytes > SHARED_BYTES_MAX || self.reads.len() > most {
            let Some(oldest) = self.reads.pop_front() else { break };
            bytes = bytes.saturating_sub(oldest.batch.room());
            self.take_memory(oldest);
        }
    }

    /// Uses the memory of what nobody is at any more again.
    fn take_memory(&mut self, read: Read) {
        if let Some(batch) = Arc::into_inner(read.batch).filter(|batch| batch.room() <= SPARE_BYTES_MAX) {
            self.spare = Some(batch.emptied());
        }
    }
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
            newest: Mutex::default(),
            kept_max: if sinks > 1 { SHARED_MAX } else { ALONE_MAX },
        }
    }

    fn lock_read(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
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
            && let Ok(mut newest) = self.newest.try_lock()
        {
            newest.rest();
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
        let mut newest = self.lock_read();
        let end = self.writer.as_ref().and_then(|writer| writer.end());
        if let Some(found) = newest.at(from, bytes_max, end) {
            return Ok(Some(found));
        }
        // Up to the next multiple of a batch's length: sinks that were apart come together there, and share what is read.
        let length = u64::try_from(bytes_max).unwrap_or(u64::MAX).max(1);
        let left = length.saturating_sub(from.offset.checked_rem(length).unwrap_or(0));
        let mut batch = newest.spare.take().unwrap_or_default();
        let end = self.fill(&mut batch, from, usize::try_from(left).unwrap_or(bytes_max))?;
        if batch.is_empty() {
            newest.spare = Some(batch.emptied());
            newest.rest();
            return Ok((end != *from).then(|| (Arc::default(), end)));
        }
        let is_full = u64::try_from(batch.bytes()).is_ok_and(|bytes| bytes >= left);
        let batch = Arc::new(batch);
        newest.keep(Read { from: *from, bytes_max, batch: Arc::clone(&batch), end, is_full }, self.kept_max);
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
