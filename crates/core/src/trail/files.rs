//! The files of the trail behind a trait, so that a test can fill the disk: the real ones append with `O_APPEND`.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::calendar::{EVER, Hour};
use super::segment_id::SegmentId;

/// Only the server's own user may read records.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The folder of a trail. Names are relative to it, their parts separated by `/`.
pub trait SegmentFiles: Send + Sync + 'static {
    /// Opens a file for appending. Creates it, and the folders above it, when it is not there; a file that was
    /// created will be there after a crash.
    ///
    /// # Errors
    /// When the file cannot be opened or created.
    fn append(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;

    /// Opens a file for reading, beginning `from` bytes after its start.
    ///
    /// # Errors
    /// `NotFound` when it is not there; others when it cannot be read.
    fn read(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>>;

    /// The length of a file, in bytes.
    ///
    /// # Errors
    /// `NotFound` when it is not there.
    fn length(&self, name: &str) -> io::Result<u64>;

    /// Removes a file; afterwards it is not there, also after a crash.
    ///
    /// # Errors
    /// `NotFound` when it is not there; others when it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name in the same folder, in place of what has that name. After a crash it has one of both.
    ///
    /// # Errors
    /// `NotFound` when it is not there; others when it cannot be renamed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// The names in a folder, without the folder, in any order; none when it is not there. The empty name is the
    /// trail's own folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// A file that is open for appending. It has one writer.
pub trait SegmentFile: Send + Sync {
    /// Appends at most all of `bytes` with one write(2), and tells how many were appended.
    ///
    /// # Errors
    /// When nothing was appended, or it is unknown how much: disk full, I/O error.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// The length in bytes.
    ///
    /// # Errors
    /// When it cannot be asked for.
    fn length(&self) -> io::Result<u64>;

    /// The last byte; none in an empty file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn last_byte(&self) -> io::Result<Option<u8>>;

    /// Cuts the file off after `length` bytes.
    ///
    /// # Errors
    /// When the file may be as long as before.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Makes what was appended survive a power failure (fdatasync).
    ///
    /// # Errors
    /// When some of it may not. The system tells this once: a later success says nothing about what was appended before.
    fn sync(&self) -> io::Result<()>;
}

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct DiskFiles {
    root: PathBuf,
}

impl DiskFiles {
    /// The trail's folder `root`; created, with mode 0700, when it is not there. Then it will be there after a crash.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(root: &Path) -> io::Result<Self> {
        let missing = root.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).count();
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(root)?;
        for above in root.ancestors().skip(1).take(missing) {
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            File::open(above)?.sync_all()?;
        }
        Ok(Self { root: root.to_owned() })
    }

    fn sync_folder_of(&self, name: &str) -> io::Result<()> {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        File::open(self.root.join(folder))?.sync_all()
    }

    /// Creates the folders on the way to `name`, each of them there after a crash.
    fn create_folders(&self, name: &str) -> io::Result<PathBuf> {
        let mut folder = self.root.clone();
        let parts = name.rsplit_once('/').map_or("", |(folders, _)| folders);
        for part in parts.split('/').filter(|part| !part.is_empty()) {
            let inner = folder.join(part);
            match DirBuilder::new().mode(FOLDER_MODE).create(&inner) {
                Ok(()) => File::open(&folder)?.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            folder = inner;
        }
        Ok(folder)
    }
}

impl SegmentFiles for DiskFiles {
    fn append(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let path = self.root.join(name);
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(FILE_MODE);
        match options.open(&path) {
            Ok(file) => return Ok(Box::new(DiskFile(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let folder = self.create_folders(name)?;
        let file = options.create(true).open(&path)?;
        File::open(folder)?.sync_all()?;
        Ok(Box::new(DiskFile(file)))
    }

    fn read(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(self.root.join(name))?;
        file.seek(SeekFrom::Start(from))?;
        Ok(Box::new(file))
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.root.join(name))?.len())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.root.join(name))?;
        self.sync_folder_of(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.root.join(from), self.root.join(to))?;
        self.sync_folder_of(to)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.root.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        // A name that is not UTF-8 is none of ours.
        entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose()).collect()
    }
}

struct DiskFile(File);

impl SegmentFile for DiskFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn last_byte(&self) -> io::Result<Option<u8>> {
        let Some(at) = self.length()?.checked_sub(1) else { return Ok(None) };
        let mut byte = [0];
        self.0.read_exact_at(&mut byte, at)?;
        Ok(byte.first().copied())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The segments from the newest to the oldest, at most `limit` of them, none of an hour newer than `until` and none of one
/// older than `from`. Reads only the folders that it needs.
pub(super) fn newest_first(files: &dyn SegmentFiles, span: (Hour, Hour), limit: usize) -> io::Result<Vec<SegmentId>> {
    named(files, span, limit, SegmentId::of_file)
}

/// The segments of all digest files, from the newest to the oldest.
pub(super) fn digests_newest_first(files: &dyn SegmentFiles) -> io::Result<Vec<SegmentId>> {
    named(files, EVER, usize::MAX, SegmentId::of_digest_file)
}

/// The segments whose files have names of a kind, from the newest to the oldest; see [`newest_first`].
pub(super) fn named(
    files: &dyn SegmentFiles,
    span: (Hour, Hour),
    limit: usize,
    of_name: fn(&str) -> Option<SegmentId>,
) -> io::Result<Vec<SegmentId>> {
    walk(files, span, limit, |_, name| of_name(name).map(|id| (id, ())))
        .map(|found| found.into_iter().map(|(id, ())| id).collect())
}

/// The files with names of a kind and their segments, from the newest to the oldest.
pub(super) fn named_files(
    files: &dyn SegmentFiles,
    span: (Hour, Hour),
    of_name: fn(&str) -> Option<SegmentId>,
) -> io::Result<Vec<(SegmentId, String)>> {
    walk(files, span, usize::MAX, |day, name| of_name(name).map(|id| (id, format!("{day}/{name}"))))
}

/// What `of_name` makes of the names in the folders of the days of a span.
fn walk<T: Ord>(
    files: &dyn SegmentFiles,
    span: (Hour, Hour),
    limit: usize,
    of_name: impl Fn(&str, &str) -> Option<(SegmentId, T)>,
) -> io::Result<Vec<(SegmentId, T)>> {
    let (from, until) = span;
    let (first, last) = (from.folder(), until.folder());
    let mut segments = Vec::new();
    for year in descending(files, "", 4)? {
        // A folder's name is a prefix of those of the days in it, and those sort as the days do.
        if beyond(&year, &first, &last) {
            continue;
        }
        for month in descending(files, &year, 2)? {
            if beyond(&month, &first, &last) {
                continue;
            }
            for day in descending(files, &month, 2)? {
                if beyond(&day, &first, &last) {
                    continue;
                }
                let mut found: Vec<_> = files.list(&day)?.iter().filter_map(|name| of_name(&day, name)).collect();
                found.retain(|(id, _)| (from..=until).contains(&id.hour) && id.hour.folder() == day);
                found.sort_unstable_by(|left, right| right.cmp(left));
                found.dedup();
                segments.extend(found);
                if segments.len() >= limit {
                    segments.truncate(limit);
                    return Ok(segments);
                }
            }
        }
    }
    Ok(segments)
}

/// The folders in `folder` whose names are numbers of so many digits, with `folder` in front, the greatest first.
fn descending(files: &dyn SegmentFiles, folder: &str, digits: usize) -> io::Result<Vec<String>> {
    let mut names = files.list(folder)?;
    names.retain(|name| name.len() == digits && name.bytes().all(|byte| byte.is_ascii_digit()));
    names.sort_unstable_by(|left, right| right.cmp(left));
    let with_folder = |name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    Ok(names.into_iter().map(with_folder).collect())
}

/// Whether all that stands under `folder` comes before the day `first` or after the day `last`.
fn beyond(folder: &str, first: &str, last: &str) -> bool {
    let part = |name: &str| name.get(..folder.len()).map(str::to_owned).unwrap_or_default();
    folder < part(first).as_str() || folder > part(last).as_str()
}
