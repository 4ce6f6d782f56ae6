//! The first document of a store: its sealing key, wrapped by the root of trust; and how its ledger begins.

use std::sync::Arc;

use strongroom_crypto::{Context, Keyring, Random, RootOfTrust, Sealed, Witness, aead};
use strongroom_store::{Batch, DocumentKey, Kind, LedgerBegin, Put, Row, Store, StoreError};
use strongroom_types::SecretBytes;
use thiserror::Error;

/// Kind of the documents of sealing keys. Their bodies are wrapped by the root; all other bodies are sealed by them.
pub const SEALING_KEY: Kind = Kind("sealing-key");
/// The key of the first sealing key's document.
const FIRST: &str = "1";

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

/// The ring that seals the documents of a store; made and stored when the store holds nothing and `may_be_new`. The store
/// keeps its ledger from then on.
///
/// # Errors
/// When the root is not the one that the store hangs on, the store is not whole, or store or root fail. Nothing was
/// changed then.
pub async fn keyring(
    store: &dyn Store,
    root: &dyn RootOfTrust,
    random: Arc<dyn Random>,
    may_be_new: bool,
) -> Result<Arc<Keyring>, BootstrapError> {
    if !may_be_new || !sealing_keys(store).await?.is_empty() {
        return stored_keyring(store, root, random).await;
    }
    let key = aead::generate_key(random.as_ref())?;
    let body = root.wrap(random.as_ref(), &context(FIRST), &key)?;
    let mut first = Batch::named("create_sealing_key");
    first.puts.push(Put::new(DocumentKey::new(SEALING_KEY, FIRST), 0, body));
    let ring = Arc::new(Keyring::new(&[key])?);
    match store.keep_ledger(Witness::new(Arc::clone(&ring), Arc::clone(&random)), LedgerBegin::New, first).await {
        Ok(()) => Ok(ring),
        // Another node that started at the same time was quicker: its key is the store's.
        Err(_) if !sealing_keys(store).await?.is_empty() => stored_keyring(store, root, random).await,
        Err(error) => Err(error.into()),
    }
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
    kept(store, root, random, LedgerBegin::There).await
}

/// As [`stored_keyring`], for a store that is taken for right as it is: a new ledger is begun with what it holds.
///
/// # Errors
/// As [`stored_keyring`], but whatever the ledger is.
pub async fn accepted_keyring(
    store: &dyn Store,
    root: &dyn RootOfTrust,
    random: Arc<dyn Random>,
) -> Result<Arc<Keyring>, BootstrapError> {
    kept(store, root, random, LedgerBegin::Anew).await
}

async fn kept(
    store: &dyn Store,
    root: &dyn RootOfTrust,
    random: Arc<dyn Random>,
    begin: LedgerBegin,
) -> Result<Arc<Keyring>, BootstrapError> {
    let rows = sealing_keys(store).await?;
    let ring = Arc::new(Keyring::new(&unwrapped(root, &rows)?)?);
    store.keep_ledger(Witness::new(Arc::clone(&ring), random), begin, Batch::named("keep_ledger")).await?;
    Ok(ring)
}

/// The ring that seals the documents of a store which is being filled, by the keys and bodies of its sealing keys, oldest
/// first.
///
/// # Errors
/// When there is none, or the root is not the one that the store hangs on.
pub fn ring_of(root: &dyn RootOfTrust, documents: &[(String, Sealed)]) -> Result<Arc<Keyring>, BootstrapError> {
    let unwrap = |(key, body): &(String, Sealed)| Ok(root.unwrap(&context(key), body)?);
    let keys = documents.iter().rev().map(unwrap).collect::<Result<Vec<_>, BootstrapError>>()?;
    Ok(Arc::new(Keyring::new(&keys)?))
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
