//! Looks a whole store over: the form of its files, its indexes, its ledger, every document and value, and the trail.

use std::path::Path;
use std::sync::Arc;

use strongroom_core::bootstrap::SEALING_KEY;
use strongroom_core::evidence::check_trail;
use strongroom_core::trail::NodeName;
use strongroom_core::trail::files::DiskFiles;
use strongroom_core::trail::owner::owner;
use strongroom_core::verification::{Report, verify};
use strongroom_core::{Documents, Error, Identities, Kms, bootstrap};
use strongroom_crypto::{Random, RootOfTrust, Witness};
use strongroom_store::{Engine, StoreError};
use strongroom_types::Timestamp;

use crate::anchor::{self, AnchorStanding};
use crate::gate::fault_text;

/// Bytes of decoded documents kept meanwhile.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// What stands beside a store and is looked at with it.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The folder of the trail.
    pub trail: Option<&'a Path>,
    /// The anchor's file, and what [`anchor::fetch`] read there before the store was copied.
    pub anchor: Option<(&'a Path, Option<&'a str>)>,
}

/// Looks `store`, which hangs on `root`, over, and what stands beside it. What is wrong with one part is told beside what
/// is wrong with the others, as far as they can be looked at without it. Default keys of before there was KMS become keys
/// of KMS: best used on a copy.
///
/// # Errors
/// When the store cannot be read at all.
pub async fn look_over(
    store: &Arc<dyn Engine>,
    root: Arc<dyn RootOfTrust>,
    random: Arc<dyn Random>,
    now: Timestamp,
    beside: Beside<'_>,
) -> Result<Report, StoreError> {
    let keyring = bootstrap::stored_keyring(store.as_ref(), root.as_ref(), Arc::clone(&random)).await;
    let mut faults = store.integrity().await?.faults;
    let opened = match keyring {
        Ok(keyring) => {
            let witness = Witness::new(Arc::clone(&keyring), Arc::clone(&random));
            faults.extend(fault_of_anchor(store.as_ref(), &witness, beside).await);
            let documents = Arc::new(Documents::new(Arc::clone(store) as _, keyring, random, CACHE_BYTES));
            let identities = Arc::new(Identities::new(Arc::clone(&documents)));
            let kms = Kms::new(Arc::clone(&documents), identities, root);
            let report = match verify(&documents, &kms, now).await {
                Ok(report) => with_trail(report, &documents, beside.trail).await,
                Err(error) => Err(error),
            };
            report.map_err(|error| fault_text(&error))
        }
        Err(error) => Err(error.to_string()),
    };
    let mut report = opened.unwrap_or_else(|fault| Report { faults: vec![fault], ..Report::default() });
    if !report.kinds.is_empty() {
        let known = |kind: &str| report.kinds.contains(kind) || kind == SEALING_KEY.0;
        let kinds = store.stats().await?.documents;
        let foreign = kinds.iter().filter(|(kind, _)| !known(kind));
        faults.extend(foreign.map(|(kind, count)| format!("{count} documents are of an unknown kind, {kind:?}")));
    }
    faults.append(&mut report.faults);
    report.faults = faults;
    Ok(report)
}

async fn fault_of_anchor(store: &dyn Engine, witness: &Witness, beside: Beside<'_>) -> Option<String> {
    let (path, text) = beside.anchor?;
    match anchor::look(Some(path), text, store, witness).await {
        Ok(Some(found)) if found.store < found.anchor => {
            let AnchorStanding { store, anchor } = found;
            Some(format!("the store is older than it was: it counts {store} commits, and its anchor {anchor}"))
        }
        Ok(_) => None,
        Err(error) => Some(format!("anchor: {error}")),
    }
}

/// The report with what there is to say of the trail.
async fn with_trail(mut report: Report, documents: &Documents, trail: Option<&Path>) -> Result<Report, Error> {
    let Some(folder) = trail.filter(|folder| folder.is_dir()) else { return Ok(report) };
    let files = DiskFiles::open(folder).map_err(|error| Error::internal(format!("{}: {error}", folder.display())))?;
    let owner = owner(folder).map_err(|error| Error::internal(format!("{}: {error}", folder.display())))?;
    report.trail = check_trail(documents, &owner.unwrap_or_else(NodeName::only), &files).await?;
    let faults = report.trail.iter().flat_map(|checked| &checked.faults).map(|fault| format!("trail: {fault}"));
    report.faults.extend(faults);
    Ok(report)
}
