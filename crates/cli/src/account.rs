//! `strongroom account`: what is done to accounts beside the API, while no server runs.

use std::error::Error;

use clap::{Args, Subcommand};
use strongroom_crypto::SystemRandom;
use strongroom_server::credentials::{self, DEFAULT_PROFILE};
use strongroom_server::gate::fault_text;
use strongroom_types::{AccountId, Clock as _, SystemClock};

use crate::offline::DataArgs;
use crate::output::out;
use crate::store::{self, Opened};

/// The commands about accounts.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Makes a further account, and saves its root access key in DIR/credentials under a profile named by its number.
    ///
    /// Accounts share the server and nothing else: what belongs to one is reached from another only as policies of
    /// both allow. No server may run on the data meanwhile.
    Create(AccountArgs),
    /// Prints the accounts, the first one marked.
    List(DataArgs),
    /// Makes a new root access key, saves it in DIR/credentials, and removes the account's old root keys.
    ///
    /// For when the secret key is lost or became known, or after a restore, which brings no credentials. The account's
    /// profile in DIR/credentials is replaced (`default` for the first account, else its number). The old root keys of
    /// the account sign nothing any more. No server may run on the data meanwhile.
    RootKey(AccountArgs),
}

/// Flags of the commands that are about one account.
#[derive(Args)]
pub struct AccountArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The account: 12 digits. A new one is drawn at random, and the only one is meant, when it is left out.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| AccountId::parse(text))]
    account: Option<AccountId>,
}

/// Carries a command about accounts out.
///
/// # Errors
/// When the store is in use or cannot be opened, or the key cannot be saved; the old keys stay then.
pub fn run(command: &AccountCommand) -> Result<(), Box<dyn Error>> {
    match command {
        AccountCommand::Create(args) => store::change(&args.data, async |opened| create(args, opened).await),
        AccountCommand::RootKey(args) => store::change(&args.data, async |opened| new_root_key(args, opened).await),
        AccountCommand::List(data) => store::look(data, async |opened| list(opened).await),
    }
}

async fn create(args: &AccountArgs, opened: &Opened) -> Result<(), Box<dyn Error>> {
    let Opened { identities, .. } = opened;
    let fault = |error| fault_text(&error);
    let accounts = identities.accounts().await.map_err(fault)?;
    let account = match &args.account {
        Some(account) if accounts.contains(account) => return Err(format!("account {account} exists already").into()),
        Some(account) => account.clone(),
        None => strongroom_server::app::random_account(&SystemRandom)?,
    };
    let key = identities.new_key().map_err(fault)?;
    // Saved before it can sign: a key that nobody knows could never be found again.
    let saved = args.data.directory().join(credentials::CREDENTIALS_FILE);
    credentials::save_profile(args.data.directory(), account.as_str(), &key)
        .map_err(|error| format!("{}: {error}; no account was made", saved.display()))?;
    identities.create_account(&account, &key, SystemClock.now()).await.map_err(fault)?;
    out!("account {account}: root access key {}, saved in {} as profile {account}", key.key_id, saved.display());
    Ok(())
}

async fn list(opened: &Opened) -> Result<(), Box<dyn Error>> {
    let fault = |error| fault_text(&error);
    let first = opened.identities.first_account().await.map_err(fault)?;
    for account in opened.identities.accounts().await.map_err(fault)? {
        out!("{account}{}", if Some(&account) == first.as_ref() { " (first)" } else { "" });
    }
    Ok(())
}

async fn new_root_key(args: &AccountArgs, opened: &Opened) -> Result<(), Box<dyn Error>> {
    let Opened { identities, config, .. } = opened;
    let fault = |error| fault_text(&error);
    let accounts = identities.accounts().await.map_err(fault)?;
    let asked = args.account.as_ref().or(config.account.id.as_ref());
    let account = match (asked, accounts.as_slice()) {
        (Some(asked), _) if accounts.contains(asked) => asked,
        (Some(asked), _) => return Err(format!("the store has no account {asked}").into()),
        (None, [only]) => only,
        (None, []) => return Err("the store has no account".into()),
        (None, _) => return Err("the store has several accounts: name one with --account".into()),
    };
    let first = identities.first_account().await.map_err(fault)?;
    let profile = if first.as_ref() == Some(account) { DEFAULT_PROFILE } else { account.as_str() };
    let key = identities.new_key().map_err(fault)?;
    // In this order some saved key is good at every moment, also when this is interrupted: what it leaves behind then
    // is a key that nobody knows, and the next run removes it.
    identities.add_root_key(account, &key).await.map_err(fault)?;
    let saved = args.data.directory().join(credentials::CREDENTIALS_FILE);
    credentials::save_profile(args.data.directory(), profile, &key)
        .map_err(|error| format!("{}: {error}; the old keys are as good as before", saved.display()))?;
    let removed = identities.remove_root_keys_but(account, &key.key_id).await.map_err(fault)?;
    out!("account {account}: new root access key {}, saved in {} as profile {profile}", key.key_id, saved.display());
    out!("old root access keys removed: {removed}");
    Ok(())
}
