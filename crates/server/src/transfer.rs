//! A store into a sealed backup, and back into a store of either engine, which is opened only when all of it was verified.

use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

use strongroom_core::backup::{BackupError, OpeningReader, SealingWriter};
use strongroom_core::bootstrap::{self, BootstrapError, SEALING_KEY};
use strongroom_core::verification::Report;
use strongroom_crypto::{CryptoError, Random, RootOfTrust, Witness, random};
use strongroom_store::transfer::{
    self, Exporter, Filled, Importer, NewStream, Standing, StreamId, Summary, TransferError,
};
use strongroom_store::{
    Engine, PostgresConfig, PostgresImporter, PostgresStore, SqliteConfig, SqliteFiles, SqliteImporter, SqliteStore,
    StoreError,
};
use strongroom_types::Timestamp;
use thiserror::Error;
use tokio::task::spawn_blocking;

use crate::config::Config;
use crate::verification::{Beside, look_over};

/// Why a store cannot be backed up, put back or moved.
#[derive(Debug, Error)]
pub enum TransferFault {
    /// A store or a stream of one.
    #[error("{0}")]
    Transfer(#[from] TransferError),
    /// The seal of a backup.
    #[error("{0}")]
    Backup(#[from] BackupError),
    /// The keys of the store.
    #[error("keys: {0}")]
    Keys(#[from] BootstrapError),
    /// Randomness.
    #[error("{0}")]
    Crypto(#[from] CryptoError),
    /// A file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// There is nothing to put back, or it cannot be put there.
    #[error("{0}")]
    Refused(&'static str),
    /// What was put back does not verify.
    #[error("the store does not verify: {}", .0.faults.join("; "))]
    Faulty(Box<Report>),
}

impl From<StoreError> for TransferFault {
    fn from(error: StoreError) -> Self {
        Self::Transfer(error.into())
    }
}

/// A backup's bytes, as they are stored.
pub type Bytes = Box<dyn Read + Send>;

/// Writes a backup of all that `source` holds as of one moment, sealed under `root`; with `base`, which is a backup that
/// was made before, only what has changed since. Returns the writer, flushed and not synced.
///
/// # Errors
/// When the source, the root of trust or writing fails, or `base` is no whole backup.
pub async fn back_up<W: Write + Send + 'static>(
    source: &dyn Exporter,
    root: Arc<dyn RootOfTrust>,
    random: &Arc<dyn Random>,
    now: Timestamp,
    base: Option<Bytes>,
    to: W,
) -> Result<(Summary, W), TransferFault> {
    let id = StreamId(random::bytes(random.as_ref())?);
    let generator = Arc::clone(random);
    // The root may be a service, and blocks.
    let beginning = spawn_blocking(move || {
        let base = base.map(|base| unsealed(root.as_ref(), base)).transpose()?;
        Ok::<_, TransferFault>((base, SealingWriter::begin(root.as_ref(), generator, to)?))
    });
    let (base, to) = beginning.await.map_err(|_| died())??;
    let base = match base {
        Some(Unsealed::Files(_)) => {
            return Err(TransferFault::Refused("the backup to build on is of an earlier release: make a whole one"));
        }
        Some(Unsealed::Stream(stream)) => Some(stream),
        None => None,
    };
    let taken_ms = u64::try_from(now.millis()).unwrap_or(0);
    let (summary, to) = transfer::export(source, NewStream { id, taken_ms, base }, to).await?;
    let finished = spawn_blocking(move || to.finish()).await.map_err(|_| died())?;
    Ok((summary, finished?))
}

fn died() -> StoreError {
    StoreError::Unavailable("a thread that moved the store died".to_owned())
}

/// What is in a backup.
enum Unsealed {
    /// A stream of a store.
    Stream(Bytes),
    /// The database of the embedded engine, as releases before this one made backups.
    Files(Bytes),
}

fn unsealed(root: &dyn RootOfTrust, from: Bytes) -> Result<Unsealed, TransferFault> {
    let mut reader = OpeningReader::begin(root, from)?;
    let mut head = Vec::new();
    reader.by_ref().take(16).read_to_end(&mut head)?;
    let of_files = head == b"SQLite format 3\0";
    let whole = Box::new(Cursor::new(head).chain(reader));
    Ok(if of_files { Unsealed::Files(whole) } else { Unsealed::Stream(whole) })
}

/// Where a store is to be.
#[derive(Clone, Debug)]
pub struct Place {
    /// The database, when it is in one.
    database: Option<PostgresConfig>,
    /// Else its directory.
    directory: std::path::PathBuf,
}

impl Place {
    /// The database of `config`; when it has none, the embedded engine in `directory`.
    ///
    /// # Errors
    /// When a file that the settings of the database name cannot be read.
    pub fn of(config: &Config, directory: &Path) -> Result<Self, TransferFault> {
        let told = |(path, error): (std::path::PathBuf, io::Error)| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        let database = config.store.postgres().map_err(told)?;
        let database = database.map(|database| PostgresConfig { unfinished: true, ..database });
        Ok(Self { database, directory: directory.to_owned() })
    }

    /// The embedded engine in `directory`.
    #[must_use]
    pub fn embedded(directory: &Path) -> Self {
        Self { database: None, directory: directory.to_owned() }
    }

    /// Takes the store there to be filled.
    ///
    /// # Errors
    /// When it is in use or cannot be used.
    pub async fn importer(&self, random: &Arc<dyn Random>) -> Result<Box<dyn Importer>, StoreError> {
        Ok(match &self.database {
            Some(config) => Box::new(PostgresImporter::open(config.clone(), Arc::clone(random)).await?),
            None => Box::new(SqliteImporter::open(&self.directory)?),
        })
    }

    /// Opens the store there, be it unfinished.
    ///
    /// # Errors
    /// When it is in use or cannot be opened.
    pub async fn engine(&self, random: &Arc<dyn Random>) -> Result<Arc<dyn Engine>, StoreError> {
        Ok(match &self.database {
            Some(config) => Arc::new(PostgresStore::open(config.clone(), Arc::clone(random)).await?),
            None => {
                let config = SqliteConfig { unfinished: true, ..SqliteConfig::default() };
                Arc::new(SqliteStore::open(&self.directory, config)?)
            }
        })
    }
}

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// What was found when all of it was looked over.
    pub report: Report,
    /// The last stream of the chain; nothing when the backup was of an earlier release.
    pub summary: Option<Summary>,
}

/// Puts a backup back, and those that build on it, in their order, into `place`, which must hold nothing. Everything is
/// verified: the seals, counts and digests of the backups, the ledger against every row, the indexes, and every document
/// and value is opened. When anything is wrong, nothing is left in place of a store. `scratch` is a directory of the
/// caller's in which files may be made.
///
/// # Errors
/// When a backup is damaged or builds on another, there is a store, the root of trust is not theirs, or what was put back
/// does not verify.
pub async fn put_back(
    place: &Place,
    root: &Arc<dyn RootOfTrust>,
    random: &Arc<dyn Random>,
    now: Timestamp,
    chain: Vec<Bytes>,
    scratch: &Path,
) -> Result<Restored, TransferFault> {
    let importer = place.importer(random).await?;
    if importer.standing().await? == Standing::Moved {
        return Err(TransferFault::Refused("there is a store already, which was moved; nothing was changed"));
    }
    importer.begin().await?;
    let restored = fill_and_verify(place, importer.as_ref(), root, random, now, chain, scratch).await;
    importer.close().await?;
    if restored.is_err() {
        // What is wrong is told, and not that some of it is left, which is not opened.
        if let Err(error) = end(place, random, false).await {
            tracing::warn!(%error, "what was left of a restore that failed could not be taken away");
        }
        return restored;
    }
    end(place, random, true).await?;
    restored
}

/// Ends a restore: the store is opened from now on, or holds nothing.
async fn end(place: &Place, random: &Arc<dyn Random>, whole: bool) -> Result<(), StoreError> {
    let importer = place.importer(random).await?;
    if whole {
        importer.publish().await?;
    } else {
        importer.clear().await?;
    }
    importer.close().await
}

async fn fill_and_verify(
    place: &Place,
    importer: &dyn Importer,
    root: &Arc<dyn RootOfTrust>,
    random: &Arc<dyn Random>,
    now: Timestamp,
    chain: Vec<Bytes>,
    scratch: &Path,
) -> Result<Restored, TransferFault> {
    let mut last: Option<Filled> = None;
    for bytes in chain {
        let by = Arc::clone(root);
        let unsealed = spawn_blocking(move || unsealed(by.as_ref(), bytes)).await.map_err(|_| died())??;
        let filled = match (unsealed, &last) {
            (Unsealed::Stream(stream), before) => {
                let after = before.as_ref().and_then(|filled| filled.summary.as_ref()).map(|summary| summary.id);
                transfer::fill(importer, after, stream).await?
            }
            (Unsealed::Files(files), None) => copy_of_files(importer, files, scratch).await?,
            (Unsealed::Files(_), Some(_)) => {
                return Err(TransferFault::Refused("a backup of an earlier release builds on no other"));
            }
        };
        last = Some(filled);
    }
    let filled = last.ok_or(TransferFault::Refused("there is no backup"))?;
    seal(importer, root, random, &filled).await?;
    importer.close().await?;
    let report = verified(place, root, random, now).await?;
    Ok(Restored { report, summary: filled.summary })
}

/// Holds what a store was filled with against the source's ledger.
///
/// # Errors
/// When anything differs, or the root of trust is not the one that the store hangs on.
pub async fn seal(
    importer: &dyn Importer,
    root: &Arc<dyn RootOfTrust>,
    random: &Arc<dyn Random>,
    filled: &Filled,
) -> Result<(), TransferFault> {
    let keys = importer.documents(SEALING_KEY.0).await?;
    let by = Arc::clone(root);
    let ring = spawn_blocking(move || bootstrap::ring_of(by.as_ref(), &keys)).await.map_err(|_| died())??;
    Ok(transfer::seal(importer, filled, &Witness::new(ring, Arc::clone(random))).await?)
}

/// Looks over a store that may be unfinished.
///
/// # Errors
/// `Faulty` when anything is wrong; when it cannot be opened.
pub async fn verified(
    place: &Place,
    root: &Arc<dyn RootOfTrust>,
    random: &Arc<dyn Random>,
    now: Timestamp,
) -> Result<Report, TransferFault> {
    let store = place.engine(random).await?;
    let report = look_over(&store, Arc::clone(root), Arc::clone(random), now, Beside::default()).await;
    store.close().await?;
    let report = report?;
    if report.faults.is_empty() { Ok(report) } else { Err(TransferFault::Faulty(Box::new(report))) }
}

/// Fills a store from a backup that holds the embedded engine's database.
async fn copy_of_files(importer: &dyn Importer, files: Bytes, scratch: &Path) -> Result<Filled, TransferFault> {
    let former = scratch.join("former");
    let directory = former.clone();
    let writing = move || {
        SqliteStore::restore_from(files, &directory)?;
        // Brings it up to this release.
        SqliteStore::open(&directory, SqliteConfig::default())?.close()
    };
    spawn_blocking(writing).await.map_err(|_| died())??;
    Ok(transfer::copy(&SqliteFiles::of(&former)?, importer).await?)
}
