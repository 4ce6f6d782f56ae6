//! Whose records a folder holds: each server that shares its store with others has a trail, and a name for it, of its own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use strongroom_crypto::digest::hex;
use strongroom_crypto::{CryptoError, Random, random};

/// The file in a trail's folder that says whose it is.
const OWNER_FILE: &str = "node";
/// Bytes that are drawn for a name.
const DRAWN_BYTES: usize = 8;
/// The name of the only server of an embedded store.
const ONLY: &str = "1";
/// The feed's topic of the only server's records; that of others has their name behind it.
const TOPIC: &str = "trail";

/// The name of a server among those that share a store, which is that of its trail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

impl NodeName {
    /// The only server of an embedded store.
    #[must_use]
    pub fn only() -> Self {
        Self(ONLY.into())
    }

    /// A name that no other server has.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn draw(random: &dyn Random) -> Result<Self, CryptoError> {
        let drawn: [u8; DRAWN_BYTES] = random::bytes(random)?;
        Ok(Self(hex(&drawn).into()))
    }

    /// The name in `text`; none when it is no name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_drawn = text.len() == 2 * DRAWN_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (text == ONLY || is_drawn).then(|| Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The topic of the feed that this server's records of changes wait in.
    #[must_use]
    pub fn topic(&self) -> Arc<str> {
        if *self.0 == *ONLY { TOPIC.into() } else { format!("{TOPIC}/{}", self.0).into() }
    }
}

/// Whose trail the folder is; none when nobody has claimed it, as that of an embedded store.
///
/// # Errors
/// When the file that says so cannot be read, or says something else.
pub fn owner(folder: &Path) -> io::Result<Option<NodeName>> {
    match fs::read_to_string(folder.join(OWNER_FILE)) {
        // What was cut short while it was written was never used.
        Ok(text) if text.trim_end().is_empty() => Ok(None),
        Ok(text) => NodeName::parse(text.trim_end()).map(Some).ok_or_else(no_name),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn no_name() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its file `node` holds no name of a server")
}

/// A folder that this process alone writes its trail to. The claim ends when this is dropped.
#[derive(Debug)]
pub struct Claim {
    /// The name that stands there.
    pub name: NodeName,
    _locked: File,
}

/// Claims a folder, which is there, for this process. One that has no owner gets a new name; or, if it holds the trail of
/// an embedded store, that of its only server.
///
/// # Errors
/// When another process of this machine has it, it cannot be used, or the random source fails.
pub fn claim(folder: &Path, random: &dyn Random) -> io::Result<Claim> {
    let path = folder.join(OWNER_FILE);
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let text = "another server writes its trail to this folder: each needs one of its own";
            return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let name = match io::read_to_string(&file)?.trim_end() {
        "" => {
            let name =
                if is_used(folder)? { NodeName::only() } else { NodeName::draw(random).map_err(io::Error::other)? };
            file.write_all(format!("{}\n", name.as_str()).as_bytes())?;
            file.sync_all()?;
            File::open(folder)?.sync_all()?;
            name
        }
        text => NodeName::parse(text).ok_or_else(no_name)?,
    };
    Ok(Claim { name, _locked: file })
}

/// Whether there are segments in the folder.
fn is_used(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if entry?.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SeededRandom;

    use super::*;

    #[test]
    fn a_folder_keeps_its_owner_and_has_one_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let random = SeededRandom::new(3);
        assert_eq!(owner(folder.path()).expect("read"), None);
        fs::write(folder.path().join(OWNER_FILE), "").expect("cut short");
        assert_eq!(owner(folder.path()).expect("read"), None);
        let claimed = claim(folder.path(), &random).expect("claimed");
        assert_eq!(claim(folder.path(), &random).expect_err("taken").kind(), io::ErrorKind::WouldBlock);
        assert_eq!(owner(folder.path()).expect("read"), Some(claimed.name.clone()));
        let name = claimed.name.clone();
        drop(claimed);
        assert_eq!(claim(folder.path(), &random).expect("claimed again").name, name);
        assert_eq!(&*name.topic(), format!("trail/{}", name.as_str()));
        fs::write(folder.path().join(OWNER_FILE), "../x").expect("written");
        assert!(claim(folder.path(), &random).is_err() && owner(folder.path()).is_err());
    }

    #[test]
    fn the_trail_of_an_embedded_store_goes_on_under_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("2026")).expect("a year");
        let claimed = claim(folder.path(), &SeededRandom::new(3)).expect("claimed");
        assert_eq!((claimed.name.clone(), &*claimed.name.topic()), (NodeName::only(), "trail"));
    }
}
