//! A backup brought back: its chain fetched, held against the manifests, opened, and filled into a store.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_core::catalogue::{BackupName, Manifest};
use strongroom_core::verification::Report;
use strongroom_crypto::Random;
use strongroom_crypto::digest::{Sha256, hex};
use strongroom_types::Timestamp;

use super::{BackupsError, Listing, Shelf, aside, at};
use crate::transfer::{self, Bytes};

/// Bytes that are digested at a time.
const PART_BYTES: usize = 256 * 1024;

/// What was brought back.
#[derive(Debug)]
pub struct Restored {
    /// The backup.
    pub manifest: Manifest,
    /// How many backups it took: the full one and the increments on it.
    pub parts: usize,
    /// What was found when all of it was looked over.
    pub report: Report,
}

/// Brings the backup `name` back into `target`, which must hold nothing, with whatever it builds on, by way of files in
/// `scratch`. All of it is verified before the store there can be opened.
///
/// # Errors
/// When a part of it is missing, altered, or another than its manifest says, or place, root of trust or target fail.
pub async fn restore(
    shelf: &Shelf,
    listing: &Listing,
    name: &BackupName,
    target: &transfer::Place,
    scratch: &Path,
    now: Timestamp,
    random: &Arc<dyn Random>,
) -> Result<Restored, BackupsError> {
    let chain = listing.chain(name).ok_or_else(|| {
        let missing = || format!("{name}: it is not there, or what it builds on is not");
        BackupsError::Unproven(listing.faults.get(name).cloned().unwrap_or_else(missing))
    })?;
    let mut parts = Vec::new();
    for manifest in &chain {
        let path = fetched(shelf, manifest, &scratch.join(&manifest.name)).await?;
        let opened = aside(move || Ok(Box::new(BufReader::new(File::open(&path).map_err(at(&path))?)) as Bytes));
        parts.push(opened.await?);
    }
    let manifest = chain.last().ok_or_else(|| BackupsError::None(shelf.describe()))?.clone();
    let put_back = transfer::put_back(target, shelf.root(), random, now, parts, scratch).await?;
    let counts = put_back.summary.map(|summary| summary.counts).unwrap_or_default();
    let documents = counts.documents.saturating_add(counts.same);
    if documents != manifest.documents {
        let wanted = manifest.documents;
        let text = format!("{name}: it holds {documents} documents, and its manifest says {wanted}");
        return Err(BackupsError::Unproven(text));
    }
    Ok(Restored { manifest, parts: chain.len(), report: put_back.report })
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
            return Ok(hex(&digest.finish()));
        }
        digest.update(part.get(..count).unwrap_or_default());
    }
}
