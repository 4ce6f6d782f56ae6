//! Directories for work on copies of a store: for this user alone, gone afterwards, and after a crash at the next one.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use strongroom_crypto::Random;
use strongroom_types::ids::uuid_v4;

/// How the names of temporary directories begin; a UUID follows.
const TEMPORARY_PREFIX: &str = "strongroom-";
/// Attempts at a temporary directory that nobody takes for one left behind.
const ATTEMPTS_MAX: u32 = 16;

/// A directory that is removed with all that is in it when it is dropped. While it is in use its process holds a lock
/// on it, which ends with the process however that ends: one without a lock was left behind.
pub struct TemporaryDirectory {
    path: PathBuf,
    /// Held, not read.
    _lock: Option<File>,
}

impl TemporaryDirectory {
    /// A new directory in the system's place for temporary files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(random: &dyn Random) -> io::Result<Self> {
        Self::make(&std::env::temp_dir(), random)
    }

    /// A new directory inside a data directory. Those that interrupted commands left behind in there go first.
    ///
    /// # Errors
    /// When it cannot be made. What was left behind and cannot be removed stays.
    pub fn within(data: &Path, random: &dyn Random) -> io::Result<Self> {
        remove_left_behind(data);
        Self::make(data, random)
    }

    fn make(parent: &Path, random: &dyn Random) -> io::Result<Self> {
        for _ in 0..ATTEMPTS_MAX {
            let bytes =
                strongroom_crypto::random::bytes(random).map_err(|error| io::Error::other(error.to_string()))?;
            let path = parent.join(format!("{TEMPORARY_PREFIX}{}", uuid_v4(bytes)));
            DirBuilder::new().mode(0o700).create(&path)?;
            // Before it is locked another command may take it for one left behind: then it holds the lock, or it has
            // removed the directory, and this one begins again.
            let lock = match lock(&path) {
                Ok(Some(lock)) => Some(lock),
                Ok(None) => continue,
                // Where directories cannot be locked nobody takes one for left behind either.
                Err(_) => None,
            };
            if path.symlink_metadata().is_ok() {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::Error::other("a temporary directory cannot be locked"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // Nothing can be done about a directory that will not go.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Opens and locks a directory; none when it is gone or another process holds it.
fn lock(directory: &Path) -> io::Result<Option<File>> {
    let opened = match File::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match opened.try_lock() {
        Ok(()) => Ok(Some(opened)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the temporary directories in `parent` that no process holds. One that cannot be locked or removed, such as another user's,
/// stays: it is no reason to refuse what was asked for.
pub fn remove_left_behind(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_ours =
            entry.file_name().to_str().and_then(|name| name.strip_prefix(TEMPORARY_PREFIX)).is_some_and(is_uuid);
        // The type is that of the entry itself: a link to a directory is none.
        if !is_ours || !entry.file_type().is_ok_and(|found| found.is_dir()) {
            continue;
        }
        if let Ok(Some(_held)) = lock(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether `text` has the form of the UUIDs that end the names of temporary directories.
fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::SystemRandom;

    use super::*;

    #[test]
    fn what_was_left_behind_goes_and_what_is_in_use_or_of_others_stays() {
        let parent = TemporaryDirectory::new(&SystemRandom).expect("directory");
        let left = parent.path().join("strongroom-00000000-0000-4000-8000-00000000000a");
        let others = ["strongroom-notes", "store", "strongroom-00000000-0000-4000-8000-00000000000g"];
        fs::create_dir_all(left.join("store")).expect("directory");
        fs::write(left.join("copy"), "a copy").expect("written");
        for name in others {
            fs::create_dir(parent.path().join(name)).expect("directory");
        }
        let used = TemporaryDirectory::within(parent.path(), &SystemRandom).expect("directory");
        assert!(!left.exists(), "nobody holds it");
        let second = TemporaryDirectory::within(parent.path(), &SystemRandom).expect("directory");
        assert!(used.path().exists() && second.path().exists(), "both are held");
        assert!(others.iter().all(|name| parent.path().join(name).exists()));
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }
}
