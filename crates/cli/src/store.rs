//! The store of a data directory, opened by a command beside the API.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use strongroom_core::{Documents, Identities, bootstrap};
use strongroom_crypto::{Random, RootOfTrust, SystemRandom, Witness};
use strongroom_roots::Roots;
use strongroom_server::config::{Config, StoreConfig};
use strongroom_server::opening;
use strongroom_server::transfer::{self, TransferFault};
use strongroom_store::transfer::{self as store_transfer, Importer as _, Standing, TransferError};
use strongroom_store::{Engine, SqliteConfig, SqliteImporter, SqliteStore, StoreError};

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
    look_rooted(args, async |opened, _| work(opened).await)
}

/// As [`look`], with the root of trust that the store hangs on.
///
/// # Errors
/// As those of [`look`].
pub fn look_rooted<T>(
    args: &DataArgs,
    work: impl AsyncFnOnce(&Opened, Arc<dyn RootOfTrust>) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let rooted = |store: &Path, config, root: Arc<Roots>| {
        within(store, config, root.as_ref(), async |opened| work(opened, Arc::clone(&root) as _).await)
    };
    let config = args.settings_of_store()?;
    if config.store.url.is_some() {
        process::forbid_core_dumps()?;
        let root = roots::open(&config, false, &SystemRandom)?;
        return rooted(&args.store(), config, root);
    }
    on_copy(args, |config, copy, root, _| rooted(copy, config, root))
}

/// Lets `work` use a copy of the store as of one moment, also while a server runs. The copy is one of the embedded engine,
/// whatever the store is, and gone afterwards. What was wrong with a database as such is told beside it.
///
/// # Errors
/// When the store cannot be read, its root of trust is not available, or `work` fails.
pub fn on_copy<T>(
    args: &DataArgs,
    work: impl FnOnce(Config, &Path, Arc<Roots>, Vec<String>) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let mut config = args.settings_of_store()?;
    let root = roots::open(&config, false, &SystemRandom)?;
    let scratch = TemporaryDirectory::within(args.directory(), &SystemRandom)?;
    let fresh = scratch.path().join(STORE_DIRECTORY);
    if config.store.url.is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let trusted: Arc<dyn RootOfTrust> = Arc::clone(&root) as _;
        let faults = runtime.block_on(copy_of_database(&config, &trusted, &fresh))?;
        config.store = StoreConfig::default();
        return work(config, &fresh, root, faults);
    }
    let copy = scratch.path().join("copy");
    SqliteStore::copy_of(args.store(), &copy, &SqliteConfig::default())?;
    SqliteStore::restore(&copy, &fresh)?;
    // Who looks it over may bring it up to this release.
    SqliteStore::set_standing_of(&fresh, Standing::Open)?;
    work(config, &fresh, root, Vec::new())
}

/// Copies a store in a database, as of one moment, into `directory`. What the database has against itself.
async fn copy_of_database(
    config: &Config,
    root: &Arc<dyn RootOfTrust>,
    directory: &Path,
) -> Result<Vec<String>, Box<dyn Error>> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let store = opening::engine(config, directory, &random).await?;
    let kept = bootstrap::stored_keyring(store.as_ref(), root.as_ref(), Arc::clone(&random)).await;
    let mut faults = store.integrity().await?.faults;
    faults.extend(kept.err().map(|error| error.to_string()));
    let importer = SqliteImporter::open(directory)?;
    let filled = store_transfer::copy(store.as_ref(), &importer).await;
    store.close().await?;
    let filled = match filled {
        Err(TransferError::Store(StoreError::Damaged(what))) => {
            // There is no copy to look at: what was found is all that can be told.
            faults.push(what);
            faults.iter().for_each(|fault| eprintln!("fault: {fault}"));
            return Err("the store does not verify".into());
        }
        other => other?,
    };
    match transfer::seal(&importer, root, &random, &filled).await {
        // Whoever looks the copy over finds that again.
        Ok(()) | Err(TransferFault::Transfer(TransferError::Differs(_)) | TransferFault::Keys(_)) => {}
        Err(error) => return Err(error.into()),
    }
    importer.publish().await?;
    importer.close().await?;
    Ok(faults)
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
