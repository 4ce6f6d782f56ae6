//! Where backups are kept: a directory, or a bucket of a service that speaks S3's protocol.
//!
//! A [`Place`] keeps objects under names. It need not be trusted: what is put there is sealed before, and whoever fetches
//! it holds it against what is known of it.

mod directory;
#[cfg(any(test, feature = "gateway"))]
pub mod gateway;
mod s3;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use thiserror::Error;

pub use directory::Directory;
pub use s3::{Bucket, BucketSettings, KeySource};

/// Characters of a name.
const NAME_CHARACTERS_MAX: usize = 128;

/// A future of a place, boxed so that a place can be used as `dyn Place`.
pub type PlaceFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, PlaceError>> + Send + 'a>>;

/// Why a place did not do what it was asked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlaceError {
    /// No place keeps anything under such a name.
    #[error("`{0}` cannot be an object's name")]
    Name(String),
    /// There is an object of that name, which stays as it is.
    #[error("{0}: there is an object of that name already")]
    Exists(String),
    /// There is no object of that name.
    #[error("{0}: there is no object of that name")]
    Absent(String),
    /// The object is longer than it may be.
    #[error("{name}: the object is longer than {bytes_max} bytes")]
    Size {
        /// Which.
        name: String,
        /// The limit.
        bytes_max: u64,
    },
    /// There is no room left.
    #[error("{0}: there is no room left")]
    Full(String),
    /// The place cannot be used: not there, not answering, not allowed.
    #[error("{0}")]
    Unavailable(String),
}

/// An object that a place has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// What an object is made of.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// All of a file, which nobody changes meanwhile.
    File(&'a Path),
}

/// What keeps objects under names. Names are up to 128 ASCII letters, digits, dots, hyphens and underscores, and begin
/// with a letter or digit.
pub trait Place: Send + Sync {
    /// Where it is, for people.
    fn describe(&self) -> String;

    /// Makes an object: wholly or not at all, and kept once this has succeeded. One that is there is not replaced.
    fn put<'a>(&'a self, name: &'a str, content: Content<'a>) -> PlaceFuture<'a, ()>;

    /// All objects, in the order of their names. What has no object's name is none.
    fn list(&self) -> PlaceFuture<'_, Vec<Entry>>;

    /// What an object holds, if that is at most `bytes_max`.
    fn read<'a>(&'a self, name: &'a str, bytes_max: u64) -> PlaceFuture<'a, Vec<u8>>;

    /// Writes what an object holds, if that is at most `bytes_max`, to a new file for its owner alone. Returns its length.
    /// After an error there may be a file with a part of it.
    fn fetch<'a>(&'a self, name: &'a str, to: &'a Path, bytes_max: u64) -> PlaceFuture<'a, u64>;

    /// Removes an object. That there is none is no error.
    fn delete<'a>(&'a self, name: &'a str) -> PlaceFuture<'a, ()>;
}

/// Whether `text` can be an object's name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let begins_well = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    begins_well
        && text.len() <= NAME_CHARACTERS_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn check_name(name: &str) -> Result<(), PlaceError> {
    if is_name(name) { Ok(()) } else { Err(PlaceError::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for good in ["a", "20261129T120000.000Z-full-0a1b.backup", "A_b-c.d"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "-flag", "a/b", "a b", "ä", "a\0", &"a".repeat(129)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
