//! The drill: the newest backup is restored into a scratch store, verified as a whole, and held against what its manifest
//! says and what the live store has.

use std::path::Path;
use std::sync::Arc;

use strongroom_core::Documents;
use strongroom_core::bootstrap::stored_keyring;
use strongroom_core::catalogue::{BackupName, Comparison, Manifest, Proof, compare};
use strongroom_core::verification::Report;
use strongroom_crypto::Random;
use strongroom_store::Engine;
use strongroom_types::Clock;
use tokio::runtime::Handle;

use super::restoring::{Restored, restore};
use super::{BackupsError, Listing, Shelf, aside, at};
use crate::scratch::TemporaryDirectory;
use crate::transfer::Place;

/// Bytes of decoded documents of the scratch store that are kept.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;
/// Faults that are told in one line.
const FAULTS_TOLD: usize = 3;

/// The store that a backup is of.
pub struct Live<'a> {
    /// Its engine.
    pub store: &'a dyn Engine,
    /// Its documents.
    pub documents: &'a Documents,
    /// The backups that its catalogue knows, which are to be at the place.
    pub known: &'a [BackupName],
}

/// A drill that proved a backup.
#[derive(Debug)]
pub struct Drilled {
    /// The backup.
    pub manifest: Manifest,
    /// How many backups a restore took.
    pub parts: usize,
    /// What was found in the scratch store.
    pub report: Report,
    /// What came of holding it against the live store, where there was one.
    pub comparison: Option<Comparison>,
    /// That it was proven.
    pub proof: Proof,
}

/// Carries a drill out, by way of a private directory in `scratch` that is gone afterwards.
///
/// # Errors
/// `Unproven` when the newest backup is not what it should be, or is not there; others when the drill could not be
/// carried out.
pub async fn drill(
    shelf: &Shelf,
    listing: &Listing,
    live: Option<Live<'_>>,
    scratch: &Path,
    clock: &dyn Clock,
    random: &Arc<dyn Random>,
) -> Result<Drilled, BackupsError> {
    let began = clock.now();
    let newest = newest(shelf, listing, live.as_ref())?;
    let directory = TemporaryDirectory::within(scratch, random.as_ref()).map_err(at(scratch))?;
    let folder = directory.path().join("store");
    let target = Place::embedded(&folder);
    let restored = restore(shelf, listing, newest, &target, directory.path(), began, random).await?;
    let store = target.engine(random).await?;
    let held = hold(shelf, &store, &restored, live, random).await;
    store.close().await?;
    let comparison = held?;
    let report = restored.report;
    let now = clock.now();
    let proof = Proof {
        name: restored.manifest.name.clone(),
        proven_ms: now.millis(),
        took_ms: now.millis().saturating_sub(began.millis()),
        documents: report.documents,
        compared: comparison.as_ref().map_or(0, |comparison| comparison.same),
    };
    Ok(Drilled { manifest: restored.manifest, parts: restored.parts, report, comparison, proof })
}

/// The backup that is to be proven: the newest of which anything is known.
fn newest<'a>(shelf: &Shelf, listing: &'a Listing, live: Option<&Live<'_>>) -> Result<&'a BackupName, BackupsError> {
    let there = listing.backups.keys().next_back();
    if let Some((name, fault)) = listing.faults.last_key_value()
        && there.is_none_or(|there| name > there)
    {
        return Err(BackupsError::Unproven(format!("{name} is the newest backup, and is damaged: {fault}")));
    }
    let known = live.and_then(|live| live.known.iter().max());
    if let Some(known) = known.filter(|known| there.is_none_or(|there| *known > there)) {
        let text = format!("{known} is the newest backup, and is not at the place: backups were removed there");
        return Err(BackupsError::Unproven(text));
    }
    there.ok_or_else(|| BackupsError::None(shelf.describe()))
}

/// Holds the scratch store against what the manifest says and against the live store.
async fn hold(
    shelf: &Shelf,
    store: &Arc<dyn Engine>,
    restored: &Restored,
    live: Option<Live<'_>>,
    random: &Arc<dyn Random>,
) -> Result<Option<Comparison>, BackupsError> {
    let (manifest, root) = (&restored.manifest, Arc::clone(shelf.root()));
    // Roots may block.
    let (keeping, generator, runtime) = (Arc::clone(store), Arc::clone(random), Handle::current());
    let keyring =
        aside(move || Ok(runtime.block_on(stored_keyring(keeping.as_ref(), root.as_ref(), generator))?)).await?;
    let documents = Documents::new(Arc::clone(store) as _, keyring, Arc::clone(random), CACHE_BYTES);
    let mut faults = Vec::new();
    let (commits, then) = (store.ledger().await?.commits(), manifest.commits);
    if commits < then {
        faults.push(format!("its ledger counts {commits} commits, and its manifest says {then}"));
    }
    let mut comparison = None;
    if let Some(live) = live {
        let now = live.store.commits();
        if now < then {
            faults.push(format!("the live store counts {now} commits, fewer than the backup's {then}: it went back"));
        }
        let found = compare(&documents, live.documents, &restored.report.kinds).await?;
        faults.extend(found.faults.iter().cloned());
        comparison = Some(found);
    }
    if faults.is_empty() {
        return Ok(comparison);
    }
    let told: Vec<&str> = faults.iter().take(FAULTS_TOLD).map(String::as_str).collect();
    let left = faults.len().saturating_sub(FAULTS_TOLD);
    let more = if left > 0 { format!("; and {left} more") } else { String::new() };
    Err(BackupsError::Unproven(format!("{}: {}{more}", manifest.name, told.join("; "))))
}
