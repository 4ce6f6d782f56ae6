//! A backup: a stream of the store, sealed while it is written to a file, and put to the place with its manifest.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use strongroom_core::backup::OpeningReader;
use strongroom_core::catalogue::{BackupKind, BackupName, Manifest};
use strongroom_crypto::digest::{Sha256, hex};
use strongroom_crypto::{Random, Witness};
use strongroom_store::transfer::{Exporter, read_header};
use strongroom_types::Clock;
use tracing::warn;

use super::restoring::fetched;
use super::{BackupsError, Listing, Shelf, aside, at};
use crate::scratch::TemporaryDirectory;
use crate::transfer::{self, Bytes};

/// Whose backup is taken, and with what.
pub struct Taking<'a> {
    /// The store.
    pub source: &'a dyn Exporter,
    /// Who opens its ledger.
    pub witness: &'a Witness,
    /// Its first account.
    pub account: String,
    /// The directory that the sealed file is written in first.
    pub scratch: &'a Path,
    /// The time.
    pub clock: &'a dyn Clock,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
}

/// Takes a backup and puts it on `shelf`. An increment is taken where there is a backup that it can build on, else a full
/// one.
///
/// # Errors
/// When store, root of trust, disk or place fail. There is no new backup then.
pub async fn take(
    taking: &Taking<'_>,
    shelf: &Shelf,
    listing: &Listing,
    kind: BackupKind,
) -> Result<Manifest, BackupsError> {
    let scratch = TemporaryDirectory::within(taking.scratch, taking.random.as_ref()).map_err(at(taking.scratch))?;
    let began = taking.clock.now();
    // Names sort in the order in which backups were taken, also after a clock was set back: else one that was taken by a
    // clock that was ahead would be taken for the newest until that time comes.
    let newest = listing.backups.keys().next_back().map(|newest| newest.taken().plus_millis(1));
    let taken = newest.map_or(began, |least| began.max(least));
    let base = match kind {
        BackupKind::Full => None,
        BackupKind::Increment => listing.newest(None),
    };
    let base = match base.and_then(|name| listing.backups.get(name)) {
        None => None,
        Some(base) => match fetched(shelf, &base.manifest, &scratch.path().join("base")).await {
            Ok(file) => Some((base.manifest.name.clone(), file)),
            Err(error) => {
                warn!(%error, base = base.manifest.name, "no increment can be built on the newest backup: taking a full one");
                None
            }
        },
    };
    let kind = if base.is_some() { BackupKind::Increment } else { BackupKind::Full };
    let name = BackupName::new(taken, kind, taking.random.as_ref())?;
    let sealed = scratch.path().join("sealed");
    let written = write(taking, shelf, &name, base.as_ref().map(|(_, file)| file.as_path()), &sealed).await?;
    let manifest = Manifest {
        name: name.to_string(),
        kind,
        builds_on: base.map(|(name, _)| name),
        taken_ms: taken.millis(),
        took_ms: taking.clock.now().millis().saturating_sub(began.millis()),
        account: taking.account.clone(),
        commits: written.commits,
        documents: written.documents,
        object_bytes: written.object_bytes,
        object_sha256: written.object_sha256,
        plain_bytes: written.plain_bytes,
        release: env!("CARGO_PKG_VERSION").to_owned(),
    };
    shelf.put(&manifest, &sealed).await?;
    // Whoever removes what need not be kept did not know of this one before.
    if kind == BackupKind::Increment && shelf.list().await?.chain(&name).is_none() {
        return Err(BackupsError::Unproven(format!("{name}: what it builds on was removed meanwhile: take another")));
    }
    Ok(manifest)
}

/// What was written.
struct Written {
    commits: u64,
    documents: u64,
    object_bytes: u64,
    object_sha256: String,
    plain_bytes: u64,
}

async fn write(
    taking: &Taking<'_>,
    shelf: &Shelf,
    name: &BackupName,
    base: Option<&Path>,
    sealed: &Path,
) -> Result<Written, BackupsError> {
    let (to, random) = (sealed.to_owned(), &taking.random);
    let to = aside(move || {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(at(&to))?;
        Ok(Measured::new(BufWriter::new(file)))
    })
    .await?;
    let base = match base.map(Path::to_owned) {
        Some(path) => {
            Some(aside(move || Ok(Box::new(BufReader::new(File::open(&path).map_err(at(&path))?)) as Bytes)).await?)
        }
        None => None,
    };
    let root = Arc::clone(shelf.root());
    let (summary, to) = transfer::back_up(taking.source, root, random, name.taken(), base, to).await?;
    let path = sealed.to_owned();
    let (object_bytes, object_sha256) = aside(move || {
        let Measured { to, bytes, digest } = to;
        let file = to.into_inner().map_err(|error| at(&path)(error.into_error()))?;
        file.sync_all().map_err(at(&path))?;
        Ok((bytes, hex(&digest.finish())))
    })
    .await?;
    // What was written is read back: it opens, and says how far the store had come.
    let header = opening(shelf, sealed).await?;
    let header = aside(move || Ok(read_header(header)?)).await?;
    let ledger = header.ledger.ok_or_else(|| BackupsError::Fault("the store keeps no ledger".to_owned()))?;
    Ok(Written {
        commits: taking.witness.open(&ledger)?.commits(),
        documents: summary.counts.documents.saturating_add(summary.counts.same),
        object_bytes,
        object_sha256,
        plain_bytes: summary.bytes,
    })
}

/// What is sealed in a file, while it is read.
pub(super) async fn opening(shelf: &Shelf, path: &Path) -> Result<Box<dyn Read + Send>, BackupsError> {
    let (root, path) = (Arc::clone(shelf.root()), path.to_owned());
    aside(move || {
        let file = BufReader::new(File::open(&path).map_err(at(&path))?);
        Ok(Box::new(OpeningReader::begin(root.as_ref(), file)?) as Box<dyn Read + Send>)
    })
    .await
}

/// Counts and digests what goes through it.
struct Measured<W> {
    to: W,
    bytes: u64,
    digest: Sha256,
}

impl<W> Measured<W> {
    fn new(to: W) -> Self {
        Self { to, bytes: 0, digest: Sha256::default() }
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let count = self.to.write(part)?;
        self.digest.update(part.get(..count).unwrap_or_default());
        self.bytes += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
