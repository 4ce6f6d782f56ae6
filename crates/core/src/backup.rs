//! The sealed form of a backup: a copy of the store in pieces, under a key of its own that the root of trust wraps.
//!
//! `STRONGROOM-BACKUP-1`, line feed; the backup's id (16 bytes); the wrapped key, its length in front (4 bytes,
//! big-endian); then the pieces, each with its length in front. Every piece is bound to the backup's id, its number and
//! whether it is the last, so none can be left out, moved, or brought in from another backup.

use std::io::{self, Read, Write};

use strongroom_crypto::aead::{self, Key};
use strongroom_crypto::{Context, CryptoError, Random, RootError, RootOfTrust, Sealed, random};
use thiserror::Error;

/// How a backup begins.
const MAGIC: &[u8; 20] = b"STRONGROOM-BACKUP-1\n";
/// Plain bytes in a piece; only the last one holds less.
const PIECE_BYTES: usize = 1024 * 1024;
/// Bytes of a wrapped key, at most.
const WRAPPED_BYTES_MAX: usize = 64 * 1024;

/// Why a backup cannot be written or read.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not a backup, or one of a later release.
    #[error("this is not a backup that this release can read")]
    Format,
    /// It was altered, cut short or put together from several.
    #[error("the backup is damaged: piece {0} is not authentic")]
    Damaged(u64),
    /// The root of trust cannot unwrap its key.
    #[error("{0}")]
    Root(#[from] RootError),
    /// The cipher library failed.
    #[error("{0}")]
    Crypto(#[from] CryptoError),
}

/// Seals all that `from` holds into `to`. Returns the number of plain bytes.
///
/// # Errors
/// When reading, writing or wrapping fails.
pub fn seal(
    root: &dyn RootOfTrust,
    random: &dyn Random,
    from: &mut dyn Read,
    to: &mut dyn Write,
) -> Result<u64, BackupError> {
    let id: [u8; 16] = random::bytes(random)?;
    let key = aead::generate_key(random)?;
    let wrapped = root.wrap(random, &key_context(&id), &key)?;
    to.write_all(MAGIC)?;
    to.write_all(&id)?;
    write_part(to, wrapped.as_bytes())?;
    let key = Key::new(&key)?;
    let mut number = 0;
    let mut total = 0;
    let mut piece = read_piece(from)?;
    loop {
        let next = if piece.len() < PIECE_BYTES { Vec::new() } else { read_piece(from)? };
        let last = next.is_empty();
        write_part(to, &key.seal(random, piece_context(&id, number, last).as_bytes(), &piece)?)?;
        total += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if last {
            return Ok(total);
        }
        piece = next;
        number += 1;
    }
}

/// Opens a backup and writes what it holds to `to`. Returns the number of plain bytes. Only when this succeeds was the
/// backup whole: what was written before an error must not be used.
///
/// # Errors
/// When it is no backup, was altered, or hangs on another root.
pub fn open(root: &dyn RootOfTrust, from: &mut dyn Read, to: &mut dyn Write) -> Result<u64, BackupError> {
    let mut magic = [0; MAGIC.len()];
    let mut id = [0; 16];
    from.read_exact(&mut magic).map_err(|_| BackupError::Format)?;
    from.read_exact(&mut id).map_err(|_| BackupError::Format)?;
    if magic != *MAGIC {
        return Err(BackupError::Format);
    }
    let wrapped = read_part(from, WRAPPED_BYTES_MAX)?.ok_or(BackupError::Format)?;
    let wrapped = Sealed::from_storage(wrapped).map_err(|_| BackupError::Format)?;
    let key = Key::new(&root.unwrap(&key_context(&id), &wrapped)?)?;
    let mut number = 0;
    let mut total = 0;
    let mut sealed = read_part(from, PIECE_BYTES + aead::OVERHEAD)?.ok_or(BackupError::Damaged(0))?;
    loop {
        let next = read_part(from, PIECE_BYTES + aead::OVERHEAD)?;
        let context = piece_context(&id, number, next.is_none());
        let piece = key.open(context.as_bytes(), &sealed).map_err(|_| BackupError::Damaged(number))?;
        to.write_all(piece.expose())?;
        total += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let Some(next) = next else { return Ok(total) };
        sealed = next;
        number += 1;
    }
}

fn key_context(id: &[u8; 16]) -> Context {
    Context::new("backup key").field(id)
}

fn piece_context(id: &[u8; 16], number: u64, last: bool) -> Context {
    Context::new("backup piece").field(id).number(number).number(u64::from(last))
}

/// Reads a full piece, or what is left.
fn read_piece(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    from.take(u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut piece)?;
    Ok(piece)
}

fn write_part(to: &mut dyn Write, part: &[u8]) -> Result<(), BackupError> {
    let len = u32::try_from(part.len()).map_err(|_| BackupError::Format)?;
    to.write_all(&len.to_be_bytes())?;
    Ok(to.write_all(part)?)
}

/// Reads a part of at most `bytes_max`; none at the end.
fn read_part(from: &mut dyn Read, bytes_max: usize) -> Result<Option<Vec<u8>>, BackupError> {
    let mut len = Vec::with_capacity(4);
    from.take(4).read_to_end(&mut len)?;
    if len.is_empty() {
        return Ok(None);
    }
    let len = <[u8; 4]>::try_from(len).map_err(|_| BackupError::Format)?;
    let len = usize::try_from(u32::from_be_bytes(len)).map_err(|_| BackupError::Format)?;
    if len > bytes_max {
        return Err(BackupError::Format);
    }
    let mut part = vec![0; len];
    from.read_exact(&mut part).map_err(|_| BackupError::Format)?;
    Ok(Some(part))
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::root::KeyRoot;

    use super::*;

    fn root(seed: u64) -> KeyRoot {
        let key = aead::generate_key(&SeededRandom::new(seed)).expect("key");
        KeyRoot::new("file", "test", &key).expect("root")
    }

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let total = seal(&root(1), &SeededRandom::new(2), &mut &content[..], &mut out).expect("sealed");
        assert_eq!(total, u64::try_from(content.len()).expect("small"));
        out
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for len in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES] {
            let content: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).expect("small")).collect();
            let mut out = Vec::new();
            open(&root(1), &mut &sealed(&content)[..], &mut out).expect("opened");
            assert!(out == content, "{len} bytes");
        }
    }

    #[test]
    fn nothing_plain_stands_in_it() {
        let content = b"a name that could be recognised".repeat(10);
        let backup = sealed(&content);
        assert!(!backup.windows(31).any(|window| window == b"a name that could be recognised"));
    }

    #[test]
    fn a_cut_altered_reordered_or_foreign_backup_is_refused() {
        let content = vec![7; 2 * PIECE_BYTES + 5];
        let backup = sealed(&content);
        let refused = |backup: &[u8]| open(&root(1), &mut &backup[..], &mut Vec::new()).is_err();
        let piece = 4 + PIECE_BYTES + aead::OVERHEAD;
        let first = backup.len() - 2 * piece - (4 + 5 + aead::OVERHEAD);
        assert!(refused(&backup[..backup.len() - 1]), "cut inside a piece");
        assert!(refused(&backup[..first + 2 * piece]), "cut between pieces");
        for at in [0, 25, 60, first + 10, backup.len() - 1] {
            let mut altered = backup.clone();
            altered[at] ^= 1;
            assert!(refused(&altered), "byte {at}");
        }
        let mut swapped = backup.clone();
        swapped[first..first + 2 * piece].rotate_left(piece);
        assert!(refused(&swapped), "pieces in another order");
        let other = open(&root(9), &mut &backup[..], &mut Vec::new());
        assert!(matches!(other, Err(BackupError::Root(_))), "another root");
    }
}
