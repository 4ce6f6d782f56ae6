//! The store of a data directory, opened by a command beside the API.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use strongroom_core::{Documents, Identities, bootstrap};
use strongroom_crypto::{Random, RootOfTrust, SystemRandom, Witness};
use strongroom_roots::Roots;
use strongroom_server::config::Config;
use strongroom_server::opening;
use strongroom_store::{Engine, SqliteConfig, SqliteStore, StoreError};

use crate::data::STORE_DIRECTORY;
use crate::offline::DataArgs;
use crate::process::TemporaryDirectory;
use crate::{process, roots};

/// Bytes of decoded documents kept: what such commands touch is little.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// An open store with its identities.
pub struct Opened {
    /// The settings.
    pub config: Config,
    /// The store.
    pub store: Arc<dyn Engine>,
    /// Who keeps its ledger.
    pub witness: Witness,
    /// The documents.
    pub documents: Arc<Documents>,
    /// The identities.
    pub identities: Identities,
}

/// Opens the store for changes and lets `work` do them. No server may run on it meanwhile.
///
/// # Errors
/// When the store is in use or cannot be opened, its root of trust is not available, or `work` fails.
pub fn change<T>(
    args: &DataArgs,
    work: impl AsyncFnOnce(&Opened) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.settings_of_store()?;
    let root = roots::open(&config, false, &SystemRandom)?;
    let store = args.store();
    within(&store, config, root.as_ref(), work)
}

/// Takes the store as it is for the right one: begins its ledger anew. Returns what the ledger had against it.
///
/// # Errors
/// When the store is in use or cannot be opened, or its root of trust is not available.
pub fn accept(args: &DataArgs) -> Result<Vec<String>, Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.settings_of_store()?;
    let root = roots::open(&config, false, &SystemRandom)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let store = opening::engine(&config, &args.store(), &random).await?;
        let before = match bootstrap::stored_keyring(store.as_ref(), root.as_ref(), Arc::clone(&random)).await {
            Ok(_) => store.ledger_faults().await?,
            Err(bootstrap::BootstrapError::Store(StoreError::Damaged(what))) => vec![what],
            Err(error) => return Err(error.into()),
        };
        bootstrap::accepted_keyring(store.as_ref(), root.as_ref(), random).await?;
        store.close().await?;
        Ok(before)
    })
}

/// Opens a copy of the store as of one moment and lets `work` look at it, also while a server runs. A store in a database
/// is looked at where it is.
///
/// # Errors
/// When the store cannot be read, its root of trust is not available, or `work` fails.
pub fn look<T>(
    args: &DataArgs,
    work: impl AsyncFnOnce(&Opened) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    on_copy(args, |config, copy, root| within(copy, config, root.as_ref(), work))
}

/// Lets `work` use a copy of the store as of one moment, also while a server runs. The copy is gone afterwards. Of a store
/// in a database there is none: it is used where it is.
///
/// # Errors
/// When the store cannot be read, its root of trust is not available, or `work` fails.
pub fn on_copy<T>(
    args: &DataArgs,
    work: impl FnOnce(Config, &Path, Arc<Roots>) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.settings_of_store()?;
    let root = roots::open(&config, false, &SystemRandom)?;
    if config.store.url.is_some() {
        return work(config, &args.store(), root);
    }
    let scratch = TemporaryDirectory::within(args.directory(), &SystemRandom)?;
    let copy = scratch.path().join("copy");
    SqliteStore::copy_of(args.store(), &copy, &SqliteConfig::default())?;
    let fresh = scratch.path().join(STORE_DIRECTORY);
    SqliteStore::restore(&copy, &fresh)?;
    work(config, &fresh, root)
}

/// Opens the store in `store`, whose trust hangs on `root`, and lets `work` use it.
///
/// # Errors
/// When the store is in use or cannot be opened, `root` is not the one that it hangs on, or `work` fails.
pub fn within<T>(
    store: &Path,
    config: Config,
    root: &dyn RootOfTrust,
    work: impl AsyncFnOnce(&Opened) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let store = opening::engine(&config, store, &random).await?;
        let keyring = bootstrap::stored_keyring(store.as_ref(), root, Arc::clone(&random)).await?;
        let witness = Witness::new(Arc::clone(&keyring), Arc::clone(&random));
        let documents = Arc::new(Documents::new(Arc::clone(&store) as _, keyring, random, CACHE_BYTES));
        let identities = Identities::new(Arc::clone(&documents));
        let opened = Opened { config, store: Arc::clone(&store), witness, documents, identities };
        let done = work(&opened).await;
        drop(opened);
        store.close().await?;
        done
    })
}
