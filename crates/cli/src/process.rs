//! What the process asks of the system for itself: no core dumps, directories for its user alone.

use std::fs::{self, DirBuilder};
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

/// A directory that is removed with all that is in it when it is dropped.
pub struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    /// A new directory in the system's place for temporary files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(random: &dyn Random) -> io::Result<Self> {
        Self::within(&std::env::temp_dir(), random)
    }

    /// A new directory inside `parent`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn within(parent: &Path, random: &dyn Random) -> io::Result<Self> {
        let bytes = strongroom_crypto::random::bytes(random).map_err(|error| io::Error::other(error.to_string()))?;
        let path = parent.join(format!("strongroom-{}", uuid_v4(bytes)));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // Nothing can be done about a directory that will not go.
        let _ = fs::remove_dir_all(&self.0);
    }
}
