//! A backup brought back: its chain fetched, held against the manifests, opened, and filled into a store.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_core::bootstrap::{SEALING_KEY, ring_of};
use strongroom_core::catalogue::{BackupName, Manifest};
use strongroom_crypto::digest::Sha256;
use strongroom_crypto::{Keyring, Random, Witness};
use strongroom_store::transfer::{Filled, Header, Importer, fill, read_header, seal};

use super::taking::{hexadecimal, opening};
use super::{BackupsError, Listing, Shelf, aside, at};

/// Bytes that are digested at a time.
const PART_BYTES: usize = 256 * 1024;

/// What was brought back.
#[derive(Debug)]
pub struct Restored {
    /// The backup.
    pub manifest: Manifest,
    /// How many backups it took: the full one and the increments on it.
    pub parts: usize,
    /// What opens the restored store's documents.
    pub keyring: Arc<Keyring>,
}

/// Fills `target` with the backup `name` and whatever it builds on, by way of files in `scratch`. What is in the target
/// agrees with the ledger that the backup carries when this succeeds; it is to be published then.
///
/// # Errors
/// When a part of it is missing, altered, or another than its manifest says, or place, root of trust or target fail.
pub async fn restore(
    shelf: &Shelf,
    listing: &Listing,
    name: &BackupName,
    target: &dyn Importer,
    scratch: &Path,
    random: Arc<dyn Random>,
) -> Result<Restored, BackupsError> {
    let chain = listing.chain(name).ok_or_else(|| {
        BackupsError::Unproven(
            listing
                .faults
                .get(name)
                .cloned()
                .unwrap_or_else(|| format!("{name}: what it builds on is not there, or it is not there itself")),
        )
    })?;
    let mut last: Option<(Filled, &Manifest, Header)> = None;
    for manifest in &chain {
        let sealed = fetched(shelf, manifest, &scratch.join(&manifest.name)).await?;
        let from = opening(shelf, &sealed).await?;
        let header = aside(move || Ok(read_header(from)?)).await?;
        let filled = fill(target, opening(shelf, &sealed).await?).await?;
        aside(move || std::fs::remove_file(&sealed).map_err(at(&sealed))).await?;
        last = Some((filled, manifest, header));
    }
    let (filled, manifest, header) = last.ok_or_else(|| BackupsError::None(shelf.describe()))?;
    let keys = target.documents(SEALING_KEY.0).await?;
    let root = Arc::clone(shelf.root());
    let keyring = aside(move || Ok(ring_of(root.as_ref(), &keys)?)).await?;
    let witness = Witness::new(Arc::clone(&keyring), random);
    seal(target, &filled, &witness).await?;
    let commits = match &header.ledger {
        Some(ledger) => witness.open(ledger)?.commits(),
        None => 0,
    };
    let documents = filled.summary.as_ref().map_or(0, |summary| summary.counts.documents + summary.counts.same);
    if (commits, documents) != (manifest.commits, manifest.documents) {
        let told = format!("{commits} commits and {documents} documents");
        let wanted = format!("{} and {}", manifest.commits, manifest.documents);
        return Err(BackupsError::Unproven(format!("{name}: it holds {told}, and its manifest says {wanted}")));
    }
    Ok(Restored { manifest: manifest.clone(), parts: chain.len(), keyring })
}

/// Fetches the object of a backup into a new file and holds it against its manifest.
///
/// # Errors
/// When the place fails, or it is another object than the manifest says.
pub(super) async fn fetched(shelf: &Shelf, manifest: &Manifest, to: &Path) -> Result<PathBuf, BackupsError> {
    let bytes = shelf.fetch(manifest, to).await?;
    if bytes != manifest.object_bytes {
        let (name, wanted) = (&manifest.name, manifest.object_bytes);
        return Err(BackupsError::Unproven(format!("{name}: it was cut off: {bytes} bytes of {wanted}")));
    }
    let path = to.to_owned();
    let digest = aside(move || digest_of(&path)).await?;
    if digest != manifest.object_sha256 {
        let name = &manifest.name;
        return Err(BackupsError::Unproven(format!("{name}: it is another object than the one that was put there")));
    }
    Ok(to.to_owned())
}

fn digest_of(path: &Path) -> Result<String, BackupsError> {
    let mut file = File::open(path).map_err(at(path))?;
    let (mut digest, mut part) = (Sha256::default(), vec![0; PART_BYTES]);
    loop {
        let count = file.read(&mut part).map_err(at(path))?;
        if count == 0 {
            return Ok(hexadecimal(&digest.finish()));
        }
        digest.update(part.get(..count).unwrap_or_default());
    }
}
