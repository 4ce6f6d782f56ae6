//! How a trail is kept: segments with a digest are compressed, and removed when they are as old as was agreed.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_types::Timestamp;
use strongroom_types::time::DAY_MS;

use super::calendar::EVER;
use super::compressed::{self, Written};
use super::digests::Head;
use super::files::{SegmentFiles, named, named_files};
use super::follow::Position;
use super::segment_id::SegmentId;

/// Behind the name of a compressed file that is not whole yet.
const PART_END: &str = ".part";

/// Somebody who follows the trail and must have read a segment before it may be removed.
pub trait Reader: Send + Sync {
    /// The oldest place that is still to be read; none when nothing is needed any more. Asked from a thread that may
    /// block.
    fn oldest_needed(&self) -> Option<Position>;
}

/// What is to be done with segments that have their digest.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Whether they are compressed.
    pub compress: bool,
    /// After how many days they are removed; 0 for never.
    pub retention_days: u32,
}

/// Compresses and removes segments of a trail. One at a time is at work on a trail.
pub struct Keeper {
    files: Arc<dyn SegmentFiles>,
    keeping: Keeping,
    readers: Mutex<Vec<Arc<dyn Reader>>>,
    /// Segments up to here are compressed.
    compressed: Mutex<Option<SegmentId>>,
}

impl Keeper {
    /// One for the trail in `files`.
    #[must_use]
    pub fn new(files: Arc<dyn SegmentFiles>, keeping: Keeping) -> Self {
        Self { files, keeping, readers: Mutex::default(), compressed: Mutex::default() }
    }

    /// From now on nothing is removed that `reader` needs.
    pub fn wait_for(&self, reader: Arc<dyn Reader>) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }

    /// Compresses the oldest segment that has a digest, up to `head`, and is not compressed. Which it was; none when
    /// there is none. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When files fail. The segment stays as it was.
    pub fn compress_next(&self, head: &Head) -> io::Result<Option<SegmentId>> {
        if !self.keeping.compress {
            return Ok(None);
        }
        let mut done = self.compressed.lock().unwrap_or_else(PoisonError::into_inner);
        let from = done.map_or(EVER.0, |id| id.hour);
        let plain = named(self.files.as_ref(), (from, head.segment.hour), usize::MAX, SegmentId::of_plain_file)?;
        let next = plain.into_iter().rev().find(|id| *id <= head.segment);
        if let Some(id) = next {
            compress(self.files.as_ref(), id)?;
        }
        *done = Some(next.unwrap_or(head.segment));
        Ok(next)
    }

    /// The newest segment that is to be removed at `now`, with all before it: old enough, compressed if that is wanted,
    /// and read by everybody. `head` says up to where there are digests, `removed` up to where all was to be removed
    /// before: whatever is still there, or there again, says nothing of how far that goes.
    ///
    /// # Errors
    /// When the folders cannot be read.
    pub fn removable(&self, head: &Head, removed: Option<SegmentId>, now: Timestamp) -> io::Result<Option<SegmentId>> {
        if self.keeping.retention_days == 0 {
            return Ok(None);
        }
        let old = now.plus_millis(-i64::from(self.keeping.retention_days).saturating_mul(DAY_MS));
        let segments = named(self.files.as_ref(), (EVER.0, head.segment.hour), usize::MAX, SegmentId::of_file)?;
        let plain = named(self.files.as_ref(), (EVER.0, head.segment.hour), usize::MAX, SegmentId::of_plain_file)?;
        let oldest_plain = plain.iter().rev().find(|id| removed.is_none_or(|removed| **id > removed));
        let oldest_plain = oldest_plain.filter(|_| self.keeping.compress);
        let needed = self.oldest_needed();
        let may_go = |id: &SegmentId| {
            *id <= head.segment
                && removed.is_none_or(|removed| *id > removed)
                && id.hour.next().start() <= old
                && oldest_plain.is_none_or(|plain| id < plain)
                && needed.is_none_or(|needed| *id < needed.segment)
        };
        Ok(segments.into_iter().find(may_go))
    }

    fn oldest_needed(&self) -> Option<Position> {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        readers.iter().filter_map(|reader| reader.oldest_needed()).min()
    }

    /// Removes all files of segments up to `through`, from the oldest on. How many segments there were.
    ///
    /// # Errors
    /// When a file cannot be removed. What is left is removed the next time.
    pub fn remove_through(&self, through: SegmentId) -> io::Result<usize> {
        let files = self.files.as_ref();
        let span = (EVER.0, through.hour);
        let mut count = 0;
        for id in named(files, span, usize::MAX, SegmentId::of_file)?.into_iter().rev().filter(|id| *id <= through) {
            remove(files, &id.file())?;
            remove(files, &id.compressed_file())?;
            count += 1;
        }
        for of_name in [SegmentId::of_index_file, SegmentId::of_digest_file] {
            let names = named_files(files, span, of_name)?;
            for (_, name) in names.iter().rev().filter(|(id, _)| *id <= through) {
                remove(files, name)?;
            }
        }
        Ok(count)
    }
}

fn remove(files: &dyn SegmentFiles, name: &str) -> io::Result<()> {
    match files.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Puts a compressed file in the place of the plain one, which is removed only when the other is on the disk and holds
/// the same.
fn compress(files: &dyn SegmentFiles, id: SegmentId) -> io::Result<()> {
    let part = [&id.compressed_file(), PART_END].concat();
    let file = files.append(&part)?;
    file.truncate(0)?;
    let plain = files.length(&id.file())?;
    let written = compressed::write(file.as_ref(), files.read(&id.file(), 0)?, plain)?;
    file.sync()?;
    let found = Written { text: plain, file: files.length(&part)? };
    if written != found || compressed::told_length(files, &part)? != Some(plain) {
        return Err(io::Error::other(format!("{part}: it does not hold what was compressed")));
    }
    files.rename(&part, &id.compressed_file())?;
    files.remove(&id.file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Hour;
    use crate::trail::memory::{Faults, MemoryFiles};

    const START: Timestamp = Timestamp::from_seconds(1_525_369_862);
    const HOUR_MS: i64 = 3_600_000;

    fn id(hour: i64) -> SegmentId {
        SegmentId::first(Hour::of(START.plus_millis(hour * HOUR_MS)))
    }

    fn head(hour: i64) -> Head {
        Head { number: 1, sha256: String::new(), segment: id(hour) }
    }

    fn keeper(files: &MemoryFiles, retention_days: u32) -> Keeper {
        Keeper::new(Arc::new(files.clone()), Keeping { compress: true, retention_days })
    }

    fn text(hour: i64) -> String {
        (0..9000).map(|n| format!("record {n} of hour {hour}\n")).collect()
    }

    fn trail() -> MemoryFiles {
        let files = MemoryFiles::default();
        for hour in 0..4 {
            files.put(&id(hour).file(), text(hour).as_bytes());
            files.put(&id(hour).digest_file(), b"digest");
        }
        files
    }

    fn read(files: &MemoryFiles, hour: i64) -> String {
        io::read_to_string(compressed::read(files, id(hour), 0).unwrap()).unwrap()
    }

    #[test]
    fn segments_with_a_digest_are_compressed_one_by_one_and_hold_the_same() {
        let files = trail();
        let keeper = keeper(&files, 0);
        assert_eq!(
            [(); 4].map(|()| keeper.compress_next(&head(2)).unwrap()),
            [Some(id(0)), Some(id(1)), Some(id(2)), None]
        );
        for hour in 0..4 {
            assert!(read(&files, hour) == text(hour));
            assert_eq!(files.names().contains(&id(hour).file()), hour == 3);
        }
        assert_eq!(keeper.compress_next(&head(3)).unwrap(), Some(id(3)));
        assert_eq!(files.names().len(), 8);
    }

    #[test]
    fn wherever_compressing_breaks_off_it_is_done_anew_and_nothing_is_lost() {
        for writes in 0..6 {
            let files = trail();
            files.set(Faults { writes_left: Some(writes), write_bytes_max: Some(9000), ..Faults::default() });
            let broken = keeper(&files, 0).compress_next(&head(0));
            files.lose_power();
            files.set(Faults::default());
            assert!(read(&files, 0) == text(0), "after {writes} writes");
            if broken.is_err() {
                assert_eq!(keeper(&files, 0).compress_next(&head(0)).unwrap(), Some(id(0)));
            }
            assert!(read(&files, 0) == text(0) && !files.names().iter().any(|name| name.ends_with(PART_END)));
        }
        // Both were there.
        let files = trail();
        files.put(&id(0).compressed_file(), b"half of it");
        assert!(read(&files, 0) == text(0));
        assert_eq!(keeper(&files, 0).compress_next(&head(0)).unwrap(), Some(id(0)));
        assert!(read(&files, 0) == text(0));
    }

    struct At(Option<Position>);

    impl Reader for At {
        fn oldest_needed(&self) -> Option<Position> {
            self.0
        }
    }

    #[test]
    fn what_is_old_compressed_and_read_by_all_is_removed() {
        let files = trail();
        let keeper = keeper(&files, 2);
        let at = |hours: i64| Hour::of(START.plus_millis(2 * DAY_MS + hours * HOUR_MS)).start();
        assert_eq!(keeper.removable(&head(3), None, at(9)).unwrap(), None, "nothing is compressed");
        while keeper.compress_next(&head(2)).unwrap().is_some() {}
        assert_eq!(keeper.removable(&head(3), None, at(0)).unwrap(), None);
        assert_eq!(keeper.removable(&head(3), None, at(1)).unwrap(), Some(id(0)));
        assert_eq!(keeper.removable(&head(3), None, at(9)).unwrap(), Some(id(2)));
        assert_eq!(keeper.removable(&head(1), None, at(9)).unwrap(), Some(id(1)), "no digest");
        keeper.wait_for(Arc::new(At(None)));
        keeper.wait_for(Arc::new(At(Some(Position::before(id(1))))));
        let through = keeper.removable(&head(3), None, at(9)).unwrap().unwrap();
        assert_eq!(through, id(0));
        files.put(&id(0).index_file(0), b"index");
        assert_eq!(keeper.remove_through(through).unwrap(), 1);
        assert_eq!(files.names().len(), 6);
        assert_eq!(keeper.remove_through(through).unwrap(), 0);
        // What was removed before and is there again, compressed or not, neither holds it up nor sets it back.
        let keeper = super::tests::keeper(&files, 2);
        for name in [id(0).file(), id(0).compressed_file()] {
            files.put(&name, b"forged\n");
            assert_eq!(keeper.removable(&head(3), Some(id(0)), at(9)).unwrap(), Some(id(2)));
            assert_eq!(keeper.removable(&head(3), Some(id(2)), at(9)).unwrap(), None);
            assert_eq!(keeper.remove_through(id(0)).unwrap(), 1);
        }
        assert_eq!(super::tests::keeper(&files, 0).removable(&head(3), None, at(99)).unwrap(), None);
    }
}
