//! A key file's successor: made beside it, and put in its place once everything is wrapped by it. At every moment one of
//! the two files opens whatever there is.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use strongroom_crypto::Random;
use strongroom_crypto::root::KeyRoot;

use crate::file::{self, FileError, sync_folder};

/// Former keys of one key file that are kept beside it, at most.
const FORMER_MAX: u32 = 10_000;

/// Where the successor of the key file at `path` is while it has not taken its place.
#[must_use]
pub fn next_of(path: &Path) -> PathBuf {
    suffixed(path, ".next")
}

/// The successor of the key file at `path`; made when there is none yet.
///
/// # Errors
/// As [`file::create`] and [`file::open`].
pub fn open_or_create(path: &Path, random: &dyn Random) -> Result<KeyRoot, FileError> {
    let next = next_of(path);
    match file::create(&next, random) {
        // One was made before, and something may hang on it by now.
        Err(FileError::Exists(_)) => file::open(&next),
        made => made,
    }
}

/// Puts the successor in the place of the key file at `path`, and returns where the former key is kept from now on.
///
/// # Errors
/// `Io`; the key file is there all the same, the old one or the new one.
pub fn succeed(path: &Path) -> Result<PathBuf, FileError> {
    let io = |source| FileError::Io { path: path.to_owned(), source };
    let former = keep(path).map_err(io)?;
    sync_folder(path).map_err(io)?;
    fs::rename(next_of(path), path).and_then(|()| sync_folder(path)).map_err(io)?;
    Ok(former)
}

/// A second name for the file at `path`: the first that is free, or the one that it has from an attempt before.
fn keep(path: &Path) -> io::Result<PathBuf> {
    let own = path.symlink_metadata()?;
    for number in 1..=FORMER_MAX {
        let former = suffixed(path, &format!(".old-{number}"));
        match fs::hard_link(path, &former) {
            Ok(()) => return Ok(former),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let other = former.symlink_metadata()?;
                if (other.dev(), other.ino()) == (own.dev(), own.ino()) {
                    return Ok(former);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many former keys are kept beside it"))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Context, RootOfTrust};
    use strongroom_types::SecretBytes;

    #[test]
    fn keys_follow_one_another_and_the_former_ones_are_kept() {
        let folder = tempfile::tempdir().expect("folder");
        let (path, random, context) = (folder.path().join("root.key"), SeededRandom::new(1), Context::new("test"));
        let key = SecretBytes::new(vec![9; 32]);
        file::create(&path, &random).expect("create");
        for number in 1..=3 {
            let first = open_or_create(&path, &random).expect("made");
            let wrapped = first.wrap(&random, &context, &key).expect("wrap");
            let again = open_or_create(&path, &random).expect("opened");
            assert_eq!(again.unwrap(&context, &wrapped).expect("the same key"), key);
            let before = fs::read(&path).expect("read");
            let former = succeed(&path).expect("succeeded");
            assert_eq!(former, folder.path().join(format!("root.key.old-{number}")));
            assert_eq!(fs::read(&former).expect("read"), before);
            assert!(!next_of(&path).exists());
            assert_eq!(file::open(&path).expect("open").unwrap(&context, &wrapped).expect("unwrap"), key);
        }
    }

    #[test]
    fn an_attempt_that_was_cut_short_keeps_no_key_twice() {
        let folder = tempfile::tempdir().expect("folder");
        let (path, random) = (folder.path().join("root.key"), SeededRandom::new(1));
        file::create(&path, &random).expect("create");
        open_or_create(&path, &random).expect("made");
        let kept = keep(&path).expect("kept");
        assert_eq!(succeed(&path).expect("succeeded"), kept);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 2);
    }
}
