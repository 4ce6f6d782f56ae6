//! The sealed form of a backup: a stream of the store in pieces, under a key of its own that the root of trust wraps.
//!
//! `STRONGROOM-BACKUP-1`, line feed; the backup's id (16 bytes); the wrapped key, its length in front (4 bytes,
//! big-endian); then the pieces, each with its length in front. Every piece is bound to the backup's id, its number and
//! whether it is the last, so none can be left out, moved, or brought in from another backup.

use std::io::{self, Read, Write};
use std::sync::Arc;

use strongroom_crypto::aead::{self, Key};
use strongroom_crypto::{Context, CryptoError, Random, RootError, RootOfTrust, Sealed, random};
use strongroom_types::SecretBytes;
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

/// Seals what is written into it, piece by piece. Only what was finished is a backup.
pub struct SealingWriter<W> {
    to: W,
    id: [u8; 16],
    key: Key,
    random: Arc<dyn Random>,
    piece: Vec<u8>,
    number: u64,
}

impl<W: Write> SealingWriter<W> {
    /// Begins a backup with a key of its own, which `root` wraps.
    ///
    /// # Errors
    /// When writing or wrapping fails.
    pub fn begin(root: &dyn RootOfTrust, random: Arc<dyn Random>, mut to: W) -> Result<Self, BackupError> {
        let id: [u8; 16] = random::bytes(random.as_ref())?;
        let key = aead::generate_key(random.as_ref())?;
        let wrapped = root.wrap(random.as_ref(), &key_context(&id), &key)?;
        to.write_all(MAGIC)?;
        to.write_all(&id)?;
        write_part(&mut to, wrapped.as_bytes())?;
        let (key, piece) = (Key::new(&key)?, Vec::with_capacity(PIECE_BYTES));
        Ok(Self { to, id, key, random, piece, number: 0 })
    }

    /// Seals what is left as the last piece.
    ///
    /// # Errors
    /// When sealing or writing fails.
    pub fn finish(mut self) -> Result<W, BackupError> {
        self.seal_piece(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn seal_piece(&mut self, last: bool) -> Result<(), BackupError> {
        let context = piece_context(&self.id, self.number, last);
        let sealed = self.key.seal(self.random.as_ref(), context.as_bytes(), &self.piece)?;
        self.piece.clear();
        self.number += 1;
        write_part(&mut self.to, &sealed)
    }
}

impl<W: Write> Write for SealingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits for whether anything comes behind it.
        if self.piece.len() == PIECE_BYTES && !bytes.is_empty() {
            self.seal_piece(false).map_err(into_io)?;
        }
        let taken = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    /// What waits for its piece to be full goes on waiting.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Opens a backup while it is read. Only when its end was reached without an error was the backup whole: what was read
/// before an error must not be used.
pub struct OpeningReader<R> {
    from: R,
    id: [u8; 16],
    key: Key,
    number: u64,
    /// The next piece, still sealed; nothing behind the last.
    sealed: Option<Vec<u8>>,
    piece: SecretBytes,
    read: usize,
}

impl<R: Read> OpeningReader<R> {
    /// Begins to read a backup whose key `root` has wrapped.
    ///
    /// # Errors
    /// When it is no backup, or hangs on another root.
    pub fn begin(root: &dyn RootOfTrust, mut from: R) -> Result<Self, BackupError> {
        let mut magic = [0; MAGIC.len()];
        let mut id = [0; 16];
        from.read_exact(&mut magic).map_err(|_| BackupError::Format)?;
        from.read_exact(&mut id).map_err(|_| BackupError::Format)?;
        if magic != *MAGIC {
            return Err(BackupError::Format);
        }
        let wrapped = read_part(&mut from, WRAPPED_BYTES_MAX)?.ok_or(BackupError::Format)?;
        let wrapped = Sealed::from_storage(wrapped).map_err(|_| BackupError::Format)?;
        let key = Key::new(&root.unwrap(&key_context(&id), &wrapped)?)?;
        let sealed = read_part(&mut from, PIECE_BYTES + aead::OVERHEAD)?;
        if sealed.is_none() {
            return Err(BackupError::Damaged(0));
        }
        Ok(Self { from, id, key, number: 0, sealed, piece: SecretBytes::new(Vec::new()), read: 0 })
    }

    /// Opens the next piece; false behind the last.
    fn open_piece(&mut self) -> Result<bool, BackupError> {
        let Some(sealed) = self.sealed.take() else { return Ok(false) };
        self.sealed = read_part(&mut self.from, PIECE_BYTES + aead::OVERHEAD)?;
        let context = piece_context(&self.id, self.number, self.sealed.is_none());
        let number = self.number;
        self.piece = self.key.open(context.as_bytes(), &sealed).map_err(|_| BackupError::Damaged(number))?;
        (self.read, self.number) = (0, number + 1);
        Ok(true)
    }
}

impl<R: Read> Read for OpeningReader<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.read >= self.piece.expose().len() {
            if !self.open_piece().map_err(into_io)? {
                return Ok(0);
            }
        }
        let left = self.piece.expose().get(self.read..).unwrap_or_default();
        let taken = left.len().min(to.len());
        let (Some(to), Some(from)) = (to.get_mut(..taken), left.get(..taken)) else { return Ok(0) };
        to.copy_from_slice(from);
        self.read += taken;
        Ok(taken)
    }
}

fn into_io(error: BackupError) -> io::Error {
    match error {
        BackupError::Io(error) => error,
        other => io::Error::other(other),
    }
}

fn key_context(id: &[u8; 16]) -> Context {
    Context::new("backup key").field(id)
}

fn piece_context(id: &[u8; 16], number: u64, last: bool) -> Context {
    Context::new("backup piece").field(id).number(number).number(u64::from(last))
}

fn write_part(to: &mut impl Write, part: &[u8]) -> Result<(), BackupError> {
    let len = u32::try_from(part.len()).map_err(|_| BackupError::Format)?;
    to.write_all(&len.to_be_bytes())?;
    Ok(to.write_all(part)?)
}

/// Reads a part of at most `bytes_max`; none at the end.
fn read_part(from: &mut impl Read, bytes_max: usize) -> Result<Option<Vec<u8>>, BackupError> {
    let mut len = Vec::with_capacity(4);
    from.by_ref().take(4).read_to_end(&mut len)?;
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
        let mut writer = SealingWriter::begin(&root(1), Arc::new(SeededRandom::new(2)), Vec::new()).expect("begun");
        writer.write_all(content).expect("written");
        writer.finish().expect("sealed")
    }

    fn open(root: &KeyRoot, from: &[u8]) -> Result<Vec<u8>, BackupError> {
        let mut out = Vec::new();
        OpeningReader::begin(root, from)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for len in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES] {
            let content: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).expect("small")).collect();
            assert!(open(&root(1), &sealed(&content)).expect("opened") == content, "{len} bytes");
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
        let refused = |backup: &[u8]| open(&root(1), backup).is_err();
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
        let other = open(&root(9), &backup);
        assert!(matches!(other, Err(BackupError::Root(_))), "another root");
    }
}
