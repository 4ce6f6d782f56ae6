//! `strongroom account`: what is done to an account beside the API, while no server runs.

use std::error::Error;
use std::sync::Arc;

use clap::{Args, Subcommand};
use strongroom_core::{Documents, Identities, bootstrap};
use strongroom_crypto::{RootOfTrust, SystemRandom};
use strongroom_server::credentials;
use strongroom_server::gate::fault_text;
use strongroom_store::{SqliteConfig, SqliteStore};
use strongroom_types::AccountId;

use crate::offline::DataArgs;
use crate::{process, roots};

/// Bytes of decoded documents kept: what is done here touches a handful.
const CACHE_BYTES: u64 = 1024 * 1024;

/// The commands about accounts.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Makes a new root access key, saves it in DIR/credentials, and removes the account's old root keys.
    ///
    /// For when the secret key is lost or became known, or after a restore, which brings no credentials. The file
    /// DIR/credentials is replaced (profile default, readable by its owner alone). The old root keys of the account
    /// sign nothing any more. No server may run on the data meanwhile.
    RootKey(RootKeyArgs),
}

/// Flags of `strongroom account root-key`.
#[derive(Args)]
pub struct RootKeyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The account, when the store has several: 12 digits.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| AccountId::parse(text))]
    account: Option<AccountId>,
}

/// Carries a command about accounts out.
///
/// # Errors
/// When the store is in use or cannot be opened, or the key cannot be saved; the old keys stay then.
pub fn run(command: &AccountCommand) -> Result<(), Box<dyn Error>> {
    let AccountCommand::RootKey(args) = command;
    process::forbid_core_dumps()?;
    let config = args.data.settings_of_store()?;
    let root = roots::open(&config, false, &SystemRandom)?;
    let asked = args.account.as_ref().or(config.account.id.as_ref());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Arc::new(SqliteStore::open(args.data.store(), SqliteConfig::default())?);
        let done = new_root_key(args, asked, &store, root.as_ref()).await;
        store.close()?;
        done
    })
}

async fn new_root_key(
    args: &RootKeyArgs,
    asked: Option<&AccountId>,
    store: &Arc<SqliteStore>,
    root: &dyn RootOfTrust,
) -> Result<(), Box<dyn Error>> {
    let keyring = bootstrap::stored_keyring(store.as_ref(), root).await?;
    let documents = Documents::new(Arc::clone(store) as _, Arc::new(keyring), Arc::new(SystemRandom), CACHE_BYTES);
    let identities = Identities::new(Arc::new(documents));
    let fault = |error| fault_text(&error);
    let accounts = identities.accounts().await.map_err(fault)?;
    let account = match (asked, accounts.as_slice()) {
        (Some(asked), _) if accounts.contains(asked) => asked,
        (Some(asked), _) => return Err(format!("the store has no account {asked}").into()),
        (None, [only]) => only,
        (None, []) => return Err("the store has no account".into()),
        (None, _) => return Err("the store has several accounts: name one with --account".into()),
    };
    let key = identities.new_key().map_err(fault)?;
    // In this order some saved key is good at every moment, also when this is interrupted: what it leaves behind then
    // is a key that nobody knows, and the next run removes it.
    identities.add_root_key(account, &key).await.map_err(fault)?;
    let saved = args.data.directory().join(credentials::CREDENTIALS_FILE);
    credentials::save_credentials(args.data.directory(), &key)
        .map_err(|error| format!("{}: {error}; the old keys are as good as before", saved.display()))?;
    let removed = identities.remove_root_keys_but(account, &key.key_id).await.map_err(fault)?;
    println!("account {account}: new root access key {}, saved in {}", key.key_id, saved.display());
    println!("old root access keys removed: {removed}");
    Ok(())
}
