//! Looks a whole store over: the form of its files, its indexes, its ledger, and every document and value.

use std::sync::Arc;

use strongroom_core::verification::{Report, verify};
use strongroom_core::{Documents, Identities, Kms, bootstrap};
use strongroom_crypto::{Random, RootOfTrust};
use strongroom_store::{SqliteStore, StoreError};
use strongroom_types::Timestamp;

use crate::gate::fault_text;

/// Bytes of decoded documents kept meanwhile.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// Looks `store`, which hangs on `root`, over. What is wrong with one part is told beside what is wrong with the others,
/// as far as they can be looked at without it. Default keys of before there was KMS become keys of KMS: best used on a
/// copy.
///
/// # Errors
/// When the store cannot be read at all.
pub async fn look_over(
    store: &Arc<SqliteStore>,
    root: Arc<dyn RootOfTrust>,
    random: Arc<dyn Random>,
    now: Timestamp,
) -> Result<Report, StoreError> {
    let keyring = bootstrap::stored_keyring(store.as_ref(), root.as_ref(), Arc::clone(&random)).await;
    let mut faults = store.integrity().await?.faults;
    let opened = match keyring {
        Ok(keyring) => {
            let documents = Arc::new(Documents::new(Arc::clone(store) as _, keyring, random, CACHE_BYTES));
            let identities = Arc::new(Identities::new(Arc::clone(&documents)));
            let kms = Kms::new(Arc::clone(&documents), identities, root);
            verify(&documents, &kms, now).await.map_err(|error| fault_text(&error))
        }
        Err(error) => Err(error.to_string()),
    };
    let mut report = opened.unwrap_or_else(|fault| Report { faults: vec![fault], ..Report::default() });
    faults.append(&mut report.faults);
    report.faults = faults;
    Ok(report)
}
