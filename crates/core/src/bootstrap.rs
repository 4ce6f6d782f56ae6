//! The first document of a store: its sealing key, wrapped by the root of trust.

use strongroom_crypto::{Context, Keyring, Random, RootOfTrust, aead};
use strongroom_store::{Batch, DocumentKey, Kind, Put, Row, Store, StoreError};
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

/// The ring that seals the documents of a store; made and stored when the store is new.
///
/// # Errors
/// When the root is not the one that the store hangs on, or store or root fail. Nothing was changed then.
pub async fn keyring(
    store: &dyn Store,
    root: &dyn RootOfTrust,
    random: &dyn Random,
) -> Result<Keyring, BootstrapError> {
    if store.scan(SEALING_KEY, "", None, 1).await?.is_empty() {
        let key = aead::generate_key(random)?;
        let body = root.wrap(random, &context(FIRST), &key)?;
        let mut batch = Batch::named("create_sealing_key");
        batch.puts.push(Put::new(DocumentKey::new(SEALING_KEY, FIRST), 0, body));
        store.commit(batch).await?;
        return Ok(Keyring::new(&[key])?);
    }
    stored_keyring(store, root).await
}

/// The ring that seals the documents of a store that is not new.
///
/// # Errors
/// When there is no sealing key, the root is not the one that the store hangs on, or store or root fail.
pub async fn stored_keyring(store: &dyn Store, root: &dyn RootOfTrust) -> Result<Keyring, BootstrapError> {
    let rows = sealing_keys(store).await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows.iter().rev() {
        keys.push(root.unwrap(&context(&row.key.key), &row.body)?);
    }
    Ok(Keyring::new(&keys)?)
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
