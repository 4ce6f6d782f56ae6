//! The first document of a store: its sealing key, wrapped by the root of trust.

use std::sync::Arc;

use strongroom_crypto::{Context, Keyring, Random, RootOfTrust, Witness, aead};
use strongroom_store::{Batch, Delete, DocumentKey, Kind, Put, Row, Store, StoreError};
use strongroom_types::SecretBytes;
use thiserror::Error;

/// Kind of the documents of sealing keys. Their bodies are wrapped by the root; all other bodies are sealed by them.
pub const SEALING_KEY: Kind = Kind("sealing-key");
/// The key of the first sealing key's document in stores that were made before there was a ledger.
const FIRST: &str = "1";
/// What ends the keys of sealing keys' documents since the store's ledger is kept. A wrapped key is bound to its
/// document's key, so nobody can take this off again to have a store taken for one that never had a ledger.
const WITH_LEDGER: &str = "+ledger";

/// Why the sealing key cannot be had.
#[derive(Debug, Error)]
pub enum BootstrapError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The root cannot unwrap the sealing key, or is not available.
    #[error("{0}")]
    Root(#[from] strongroom_crypto::RootError),
    /// The cipher library failed.
    #[error("{0}")]
    Crypto(#[from] strongroom_crypto::CryptoError),
    /// A sealing key has the wrong form.
    #[error("{0}")]
    Keyring(#[from] strongroom_crypto::KeyringError),
}

/// The ring that seals the documents of a store; made and stored when the store is new. The store keeps its ledger from
/// then on.
///
/// # Errors
/// When the root is not the one that the store hangs on, its ledger is gone or altered, or store or root fail. Nothing
/// was changed then.
pub async fn keyring(
    store: &dyn Store,
    root: &dyn RootOfTrust,
    random: Arc<dyn Random>,
) -> Result<Arc<Keyring>, BootstrapError> {
    let rows = sealing_keys(store).await?;
    let mut keys = unwrapped(root, &rows)?;
    let mut first = Batch::named("create_sealing_key");
    if rows.is_empty() {
        let key = aead::generate_key(random.as_ref())?;
        first.puts.push(put(root, random.as_ref(), FIRST, &key)?);
        keys.push(key);
    } else if !has_ledger(&rows) {
        for (row, key) in rows.iter().rev().zip(&keys) {
            first.puts.push(put(root, random.as_ref(), &row.key.key, key)?);
            first.deletes.push(Delete { key: row.key.clone(), expected: row.version });
        }
    }
    let ring = Arc::new(Keyring::new(&keys)?);
    store.keep_ledger(Witness::new(Arc::clone(&ring), random), has_ledger(&rows), first).await?;
    Ok(ring)
}

/// The document of a sealing key of a store with a ledger.
fn put(root: &dyn RootOfTrust, random: &dyn Random, key: &str, value: &SecretBytes) -> Result<Put, BootstrapError> {
    let key = format!("{key}{WITH_LEDGER}");
    let body = root.wrap(random, &context(&key), value)?;
    Ok(Put::new(DocumentKey::new(SEALING_KEY, key), 0, body))
}

fn has_ledger(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.key.key.ends_with(WITH_LEDGER))
}

/// The ring that seals the documents of a store that is not new. The store keeps its ledger from then on.
///
/// # Errors
/// When there is no sealing key, the root is not the one that the store hangs on, its ledger is gone or altered, or store
/// or root fail.
pub async fn stored_keyring(
    store: &dyn Store,
    root: &dyn RootOfTrust,
    random: Arc<dyn Random>,
) -> Result<Arc<Keyring>, BootstrapError> {
    let rows = sealing_keys(store).await?;
    let ring = Arc::new(Keyring::new(&unwrapped(root, &rows)?)?);
    let witness = Witness::new(Arc::clone(&ring), random);
    store.keep_ledger(witness, has_ledger(&rows), Batch::named("keep_ledger")).await?;
    Ok(ring)
}

/// The keys in `rows`, newest first.
fn unwrapped(root: &dyn RootOfTrust, rows: &[Row]) -> Result<Vec<SecretBytes>, BootstrapError> {
    let unwrap = |row: &Row| Ok(root.unwrap(&context(&row.key.key), &row.body)?);
    rows.iter().rev().map(unwrap).collect()
}

/// The wrapped sealing keys, oldest first.
///
/// # Errors
/// When the store fails.
pub(crate) async fn sealing_keys(store: &dyn Store) -> Result<Vec<Row>, StoreError> {
    store.scan(SEALING_KEY, "", None, KEYS_MAX).await
}

/// Sealing keys of a store, at most.
const KEYS_MAX: usize = 1000;

/// What a sealing key is bound to.
pub(crate) fn context(key: &str) -> Context {
    Context::new("sealing key").field(key)
}
