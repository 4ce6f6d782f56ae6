//! How much room a file system has.

use std::io;
use std::path::Path;

/// Bytes that are free for users on the file system of `directory`.
///
/// # Errors
/// When the system does not tell.
pub fn free_bytes(directory: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(directory)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
