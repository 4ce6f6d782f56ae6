//! Opens the store of a data directory, and refuses one that is not as it was written.

use std::path::Path;
use std::sync::Arc;

use strongroom_core::bootstrap::{self, BootstrapError};
use strongroom_core::trail::owner;
use strongroom_crypto::{Keyring, Random, RootOfTrust, Witness};
use strongroom_store::{Engine, PostgresStore, SqliteConfig, SqliteStore, StoreError};

use crate::anchor::Anchor;
use crate::app::{OpenError, trail_directory};
use crate::config::Config;
use crate::credentials::CREDENTIALS_FILE;

/// The directory of the store inside the data directory.
pub(crate) const STORE_DIRECTORY: &str = "store";
/// Documents that a start looks at before it serves, at most: some ten µs each. Of a larger store the look comes later.
const LOOKED_AT_MAX: u64 = 5000;

/// A store that agrees with its root of trust, its ledger and its anchor.
pub(crate) struct WholeStore {
    pub(crate) store: Arc<dyn Engine>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) anchor: Option<Arc<Anchor>>,
    /// Whether it was looked at as a whole.
    pub(crate) looked_at: bool,
}

/// Opens the store of `config`, which hangs on `root`; one that is not there is made.
///
/// # Errors
/// When it cannot be used, or is not as it was written. Nothing was changed then.
pub(crate) async fn open(
    config: &Config,
    root: &dyn RootOfTrust,
    random: &Arc<dyn Random>,
) -> Result<WholeStore, OpenError> {
    let directory = &config.data.directory;
    let store = engine(config, &directory.join(STORE_DIRECTORY), random).await?;
    // Whoever has credentials, or a trail under a name, had a store: one that holds nothing in its place is not begun anew.
    let trail = trail_directory(config);
    let owner = owner::owner(&trail).map_err(|source| OpenError::File { path: trail, source })?;
    let may_be_new = !directory.join(CREDENTIALS_FILE).exists() && owner.is_none();
    let keyring = bootstrap::keyring(store.as_ref(), root, Arc::clone(random), may_be_new).await;
    let keyring = keyring.map_err(|error| match error {
        BootstrapError::Store(StoreError::Damaged(what)) => OpenError::Altered(what),
        other => OpenError::Bootstrap(other),
    })?;
    let looked_at = config.data.inspection_hours > 0 && store.documents_about().await? <= LOOKED_AT_MAX;
    if looked_at {
        check_whole(store.as_ref()).await?;
    }
    let witness = Witness::new(Arc::clone(&keyring), Arc::clone(random));
    let anchor = Anchor::open(config.data.anchor.as_deref(), &store, &witness).await?.map(Arc::new);
    Ok(WholeStore { store, keyring, anchor, looked_at })
}

/// The engine of `config`: a PostgreSQL database, or the embedded one in `directory`. On this runtime it does its work.
///
/// # Errors
/// When it cannot be opened, or a file of its settings not be read.
pub async fn engine(config: &Config, directory: &Path, random: &Arc<dyn Random>) -> Result<Arc<dyn Engine>, OpenError> {
    match config.store.postgres().map_err(|(path, source)| OpenError::File { path, source })? {
        Some(database) => Ok(Arc::new(PostgresStore::open(database, Arc::clone(random)).await?)),
        None => Ok(Arc::new(SqliteStore::open(directory, store_config())?)),
    }
}

/// Whether the database of `config`, which has one, holds nothing yet: whoever starts on it first makes its keys.
///
/// # Errors
/// When it cannot be opened.
pub async fn is_empty(config: &Config, random: &Arc<dyn Random>) -> Result<bool, OpenError> {
    let store = engine(config, &config.data.directory.join(STORE_DIRECTORY), random).await?;
    let documents = store.documents_about().await?;
    store.close().await?;
    Ok(documents == 0)
}

/// Refuses a store whose files, indexes or rows are not as they were written.
///
/// # Errors
/// `Altered` with the first fault.
pub(crate) async fn check_whole(store: &dyn Engine) -> Result<(), OpenError> {
    let faults = store.integrity().await?.faults;
    let Some(first) = faults.first() else { return Ok(()) };
    let more = faults.len() - 1;
    Err(OpenError::Altered(if more == 0 { first.clone() } else { format!("{first}; and {more} more") }))
}

/// The store's settings: a reader for each lane, so that none waits for another's.
fn store_config() -> SqliteConfig {
    let lanes = std::thread::available_parallelism().map_or(1, usize::from);
    let config = SqliteConfig::default();
    SqliteConfig { point_readers_max: config.point_readers_max.max(lanes), ..config }
}
