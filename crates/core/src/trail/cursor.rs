//! How far somebody who follows the trail has come, written down in the trail's folder so that a crash at any moment leaves
//! either what was written before or what is written now.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_types::Timestamp;

use super::calendar::EVER;
use super::compressed;
use super::files::{SegmentFiles, newest_first};
use super::follow::{Follower, Found, Position};

/// Where cursors are in a trail's folder.
const FOLDER: &str = "sinks";
/// Locked by whoever moves them.
const LOCK_FILE: &str = "lock";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// A cursor's file is far shorter.
const FILE_BYTES_MAX: u64 = 4096;

/// How far somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Behind the last record that is dealt with.
    pub through: Position,
    /// Where that ends which is being dealt with.
    pub trying: Option<Position>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    through: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trying: Option<String>,
}

impl Cursor {
    /// The cursor `name` of the trail in `folder`; none when there is none.
    ///
    /// # Errors
    /// When it cannot be read; `InvalidData` when it is no cursor.
    pub fn load(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        let path = path(folder, name);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if length > FILE_BYTES_MAX {
            return Err(no_cursor());
        }
        let written: Written = serde_json::from_slice(&fs::read(&path)?).map_err(|_| no_cursor())?;
        let position = |text: &str| text.parse::<Position>().map_err(|_| no_cursor());
        Ok(Some(Self {
            through: position(&written.through)?,
            trying: written.trying.as_deref().map(position).transpose()?,
        }))
    }

    /// Writes it down as `name` in the trail in `folder`, in place of what stood there. Once this has succeeded it is there
    /// after a crash.
    ///
    /// # Errors
    /// When it cannot be written. What stood there stays.
    pub fn save(&self, folder: &Path, name: &str) -> io::Result<()> {
        let cursors = folder.join(FOLDER);
        make_folder(folder)?;
        let written =
            Written { through: self.through.to_string(), trying: self.trying.as_ref().map(Position::to_string) };
        let path = path(folder, name);
        let beside = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&beside)?;
        file.write_all(serde_json::to_string(&written)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(&cursors)?.sync_all()
    }
}

/// Cursors of a trail that this process alone moves, until this is dropped.
#[derive(Debug)]
pub struct Hold {
    _locked: File,
}

/// Holds the cursors of the trail in `folder`, so that nobody else moves them.
///
/// # Errors
/// `WouldBlock` when another process holds them; others when the folder cannot be used.
pub fn hold(folder: &Path) -> io::Result<Hold> {
    make_folder(folder)?;
    let path = folder.join(FOLDER).join(LOCK_FILE);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Hold { _locked: file }),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::WouldBlock, "another process delivers the trail's records"))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER_MODE).create(folder.join(FOLDER)) {
        Ok(()) => File::open(folder)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(FOLDER).join(format!("{name}.cursor"))
}

fn no_cursor() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is no cursor of a trail")
}

/// How many bytes of text stand behind `position`, and when the first event of them happened.
///
/// # Errors
/// When the trail cannot be read.
pub fn behind(files: &Arc<dyn SegmentFiles>, position: Position) -> io::Result<(u64, Option<Timestamp>)> {
    let mut bytes: u64 = 0;
    for segment in newest_first(files.as_ref(), (position.segment.hour, EVER.1), usize::MAX)? {
        if segment < position.segment {
            continue;
        }
        let length = match compressed::length(files.as_ref(), segment) {
            // Somebody took it away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            length => length?,
        };
        let before = if segment == position.segment { position.offset } else { 0 };
        bytes = bytes.saturating_add(length.saturating_sub(before));
    }
    if bytes == 0 {
        return Ok((0, None));
    }
    let found = Follower::new(Arc::clone(files), position).next(1)?;
    let oldest = found.iter().find_map(|found| match found {
        Found::Record(record) => Some(record.event_time),
        Found::Damaged { .. } | Found::Gap { .. } => None,
    });
    Ok((bytes, oldest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::memory::MemoryFiles;
    use crate::trail::record::tests::{record, success};
    use crate::trail::{Hour, SegmentId};

    fn position(hour: i64, offset: u64) -> Position {
        let hour = Hour::of(Timestamp::from_millis(hour * 3_600_000));
        Position { segment: SegmentId::first(hour), offset }
    }

    #[test]
    fn a_cursor_is_read_back_and_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Cursor::load(folder.path(), "s").unwrap(), None);
        let first = Cursor { through: position(3, 17), trying: None };
        first.save(folder.path(), "s").unwrap();
        let second = Cursor { through: position(4, 0), trying: Some(position(5, 9)) };
        second.save(folder.path(), "other").unwrap();
        assert_eq!(Cursor::load(folder.path(), "s").unwrap(), Some(first));
        second.save(folder.path(), "s").unwrap();
        assert_eq!(Cursor::load(folder.path(), "s").unwrap(), Some(second));
    }

    #[test]
    fn cursors_are_moved_by_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = hold(folder.path()).unwrap();
        assert_eq!(hold(folder.path()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        hold(folder.path()).unwrap();
    }

    #[test]
    fn a_kill_while_it_is_written_leaves_what_stood_there() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cursor { through: position(3, 17), trying: None };
        first.save(folder.path(), "s").unwrap();
        let text = fs::read(folder.path().join("sinks/s.cursor")).unwrap();
        // Killed before the new one had its name, after any number of its bytes.
        for bytes in 0..=text.len() {
            fs::write(folder.path().join("sinks/s.new"), text.get(..bytes).unwrap()).unwrap();
            assert_eq!(Cursor::load(folder.path(), "s").unwrap(), Some(first));
        }
        let second = Cursor { through: position(9, 9), trying: None };
        second.save(folder.path(), "s").unwrap();
        assert_eq!(Cursor::load(folder.path(), "s").unwrap(), Some(second));
        for damaged in ["", "{", r#"{"through":"x"}"#, &"x".repeat(5000)] {
            fs::write(folder.path().join("sinks/s.cursor"), damaged).unwrap();
            assert_eq!(Cursor::load(folder.path(), "s").unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn what_stands_behind_a_position_is_counted() {
        let memory = MemoryFiles::default();
        let line = |hour: i64| record("e", Timestamp::from_millis(hour * 3_600_000)).finish(&success()) + "\n";
        for hour in [4, 6] {
            memory.put(&position(hour, 0).segment.file(), (line(hour) + &line(hour)).as_bytes());
        }
        let files: Arc<dyn SegmentFiles> = Arc::new(memory);
        let length = u64::try_from(line(4).len()).unwrap();
        let at = |hour: i64| Some(Timestamp::from_millis(hour * 3_600_000));
        assert_eq!(behind(&files, Position::START).unwrap(), (4 * length, at(4)));
        assert_eq!(behind(&files, position(4, length)).unwrap(), (3 * length, at(4)));
        assert_eq!(behind(&files, position(4, 2 * length)).unwrap(), (2 * length, at(6)));
        assert_eq!(behind(&files, position(6, 2 * length)).unwrap(), (0, None));
    }
}
