//! What the process asks of the system for itself: no core dumps, directories for its user alone.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use strongroom_crypto::Random;
use strongroom_types::ids::uuid_v4;

/// Switches core dumps off: one would hold every key and value that is in memory.
///
/// # Errors
/// When the system refuses.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "the C library offers no safe call; neither takes a pointer to anything but a local value"
)]
pub fn forbid_core_dumps() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid rlimit for the length of the call, and PR_SET_DUMPABLE takes no pointer.
    let (limited, hidden) = unsafe {
        (libc::setrlimit(libc::RLIMIT_CORE, &raw const none), libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0))
    };
    if limited == 0 && hidden == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Switches core dumps off. This system offers it not.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn forbid_core_dumps() -> io::Result<()> {
    Ok(())
}

/// What the system says to a process that wants its memory kept out of swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// It is locked, with all that will be added to it.
    Locked,
    /// It cannot be locked, and there is no swap at present.
    Swapless,
    /// It cannot be locked.
    Swappable,
}

/// Keeps the process's memory, as it is and as it will be, from being swapped out. It takes no more than before: pages
/// are locked as they are first used. Not tried where a limit on locked memory would fail allocations later on.
///
/// # Errors
/// When the system refuses what its limits allow.
#[cfg(target_os = "linux")]
pub fn lock_memory() -> io::Result<Memory> {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, getrlimit};
    use rustix::thread::{CapabilitySet, capabilities};

    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    let privileged = capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    if unlimited || privileged {
        mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)?;
        return Ok(Memory::Locked);
    }
    // A head line, and one for each area.
    let areas = fs::read_to_string("/proc/swaps").map_or(1, |text| text.lines().skip(1).count());
    Ok(if areas == 0 { Memory::Swapless } else { Memory::Swappable })
}

/// Keeps the process's memory from being swapped out. This system offers it not.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn lock_memory() -> io::Result<Memory> {
    Ok(Memory::Swappable)
}

/// Permission bits of a directory in which others than its owner can put and replace files.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Makes a directory for its owner alone; one that is there stays as it is.
///
/// # Errors
/// When it cannot be made, or others can write to the one that is there: they could put files of theirs in place of
/// the key and the store.
pub fn make_directory(path: &Path) -> io::Result<()> {
    if let Ok(found) = fs::metadata(path)
        && found.is_dir()
    {
        let mode = found.permissions().mode() & 0o7777;
        if mode & WRITABLE_BY_OTHERS == 0 {
            return Ok(());
        }
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "the data directory {} can be written by other users (mode {mode:04o}): run `chmod go-w {}`",
                path.display(),
                path.display()
            ),
        ));
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

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
fn remove_left_behind(parent: &Path) {
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
