//! What the process asks of the system for itself: no core dumps, memory that is not swapped, directories for its user alone.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

pub use strongroom_server::scratch::TemporaryDirectory;

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
