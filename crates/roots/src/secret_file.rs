//! Short files with a secret in them, such as a token or a PIN: read with a bound, into memory that is wiped.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use strongroom_types::{SecretBytes, SecretText};
use zeroize::Zeroizing;

/// The permissions that such a file must not have: those of everybody. Its group is the operator's choice.
const MODE_FORBIDDEN: u32 = 0o007;
/// A token, PIN or credentials file is not longer.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// The text of the file at `path`, without white space around it. Everybody's files are refused.
///
/// # Errors
/// With the file's name and what is wrong with it, never with what it holds.
pub fn text(path: &Path) -> Result<SecretText, String> {
    let wrong = |what: &str| format!("{} {what}", path.display());
    let (file, mode) = open(path)?;
    if mode & MODE_FORBIDDEN != 0 {
        return Err(wrong(&format!("is open to all users (mode {mode:04o}): run `chmod o= {}`", path.display())));
    }
    let bytes = read(file, FILE_BYTES_MAX).map_err(|error| wrong(&error.to_string()))?;
    let trimmed = std::str::from_utf8(bytes.expose()).map_err(|_| wrong("holds no text"))?.trim();
    if trimmed.is_empty() { Err(wrong("is empty")) } else { Ok(SecretText::new(trimmed.to_owned())) }
}

/// The bytes of the file at `path`, whoever may read it.
///
/// # Errors
/// As [`text`], and when the file is longer than `bytes_max`.
pub(crate) fn bytes(path: &Path, bytes_max: usize) -> Result<SecretBytes, String> {
    let (file, _) = open(path)?;
    read(file, bytes_max).map_err(|error| format!("{} {error}", path.display()))
}

/// The regular file at `path` and its permission bits.
fn open(path: &Path) -> Result<(File, u32), String> {
    let wrong = |what: &dyn std::fmt::Display| format!("{} cannot be read: {what}", path.display());
    // Not blocking, because opening a pipe would wait for its other end.
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::CLOEXEC).bits()).map_err(|error| wrong(&error))?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| wrong(&error))?;
    let metadata = file.metadata().map_err(|error| wrong(&error))?;
    if !metadata.is_file() {
        return Err(wrong(&"it is not a regular file"));
    }
    Ok((file, metadata.mode() & 0o7777))
}

fn read(mut file: File, bytes_max: usize) -> io::Result<SecretBytes> {
    let mut buffer = Zeroizing::new(vec![0; bytes_max + 1]);
    let len = read_up_to(&mut file, &mut buffer)?;
    if len > bytes_max {
        return Err(io::Error::other(format!("is longer than {bytes_max} bytes")));
    }
    buffer.truncate(len);
    Ok(SecretBytes::new(std::mem::take(&mut buffer)))
}

/// Fills `buffer` as far as `from` goes.
pub(crate) fn read_up_to(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_read_without_its_line_end_and_not_if_everybody_can() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("token");
        fs::write(&path, " s.abc\n").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("mode");
        assert_eq!(text(&path).expect("text").expose(), "s.abc");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode");
        let told = text(&path).expect_err("open to all");
        assert!(told.contains("(mode 0644): run `chmod o= ") && !told.contains("s.abc"), "{told}");
    }

    #[test]
    fn what_is_no_short_file_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(text(folder.path()).expect_err("a folder").ends_with("it is not a regular file"));
        assert!(text(&folder.path().join("none")).expect_err("absent").contains("cannot be read"));
        let path = folder.path().join("long");
        for (content, what) in
            [("x".repeat(FILE_BYTES_MAX + 1), "is longer than 16384 bytes"), (" \n".to_owned(), "is empty")]
        {
            fs::write(&path, content).expect("written");
            fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode");
            assert!(text(&path).expect_err("refused").ends_with(what), "{what}");
        }
    }
}
