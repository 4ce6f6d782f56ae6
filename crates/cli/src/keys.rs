//! `strongroom keys`: what hangs on which root of trust, and how it comes to hang on another.

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use strongroom_core::rewrapping::{self, Rewrapped};
use strongroom_crypto::{RootOfTrust, SystemRandom};
use strongroom_roots::{Roots, succession};
use strongroom_server::config::{Config, RootConfig};
use strongroom_server::gate::fault_text;

use crate::counted::counted;
use crate::offline::DataArgs;
use crate::output::out;
use crate::store::{self, Opened};
use crate::unseal::{self, SplitArgs};
use crate::{process, roots};

/// The commands about keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Tells of each root of trust how many keys it wraps; also while a server runs.
    Status(DataArgs),
    /// Wraps anew, under the first root of trust, every key that another one wraps.
    ///
    /// What is cut short goes on where it stopped when it is run again. No server may run on the data meanwhile; a
    /// server with several roots does the same in the background.
    Rewrap(RewrapArgs),
    /// Makes a new key for the first root of trust, if it is a key file, and wraps every key anew under it.
    ///
    /// The former key is kept beside the new one: backups made before need it, the data does not. What is cut short
    /// goes on where it stopped when it is run again, and a server starts in between all the same. No server may run on
    /// the data meanwhile.
    RotateRoot(DataArgs),
    /// Makes a root key for `kind = "shares"` and prints its shares, a line each, for as many people. It is kept nowhere.
    Split(SplitArgs),
    /// Reads a share of the root key from the terminal or the standard input, and gives it to the server, or to the
    /// command, that waits for shares. Each holder of a share does this, until there are enough.
    Unseal(DataArgs),
}

/// Flags of `strongroom keys rewrap`.
#[derive(Args)]
pub struct RewrapArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Wraps every key anew, also those under the first root: after a service has rotated its key.
    #[arg(long)]
    all: bool,
}

/// Carries a command about keys out.
///
/// # Errors
/// When the store is in use or cannot be opened, or a root fails. Everything opens as before then.
pub fn run(command: &KeysCommand) -> Result<(), Box<dyn Error>> {
    match command {
        KeysCommand::Status(args) => status(args),
        KeysCommand::Rewrap(args) => rewrap(args),
        KeysCommand::RotateRoot(args) => rotate_root(args),
        KeysCommand::Split(args) => unseal::split(args),
        KeysCommand::Unseal(args) => unseal::unseal(args),
    }
}

fn status(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    let (found, names) = store::on_copy(args, |config, copy, roots, _| {
        let names: Vec<String> = roots.all().map(RootOfTrust::describe).collect();
        let found = store::within(copy, config, roots.as_ref(), async |opened| {
            let all: Vec<&dyn RootOfTrust> = roots.all().collect();
            Ok(rewrapping::look(&opened.documents, &all).await.map_err(|error| fault_text(&error))?)
        })?;
        Ok((found, names))
    })?;
    for (at, (name, keys)) in names.iter().zip(&found.keys).enumerate() {
        let duty = match (at, keys) {
            (0, _) => "; it wraps new ones",
            (_, 0) => "; nothing hangs on it but backups made under it",
            _ => "; `strongroom keys rewrap` wraps them anew under the first root",
        };
        out!("{}. {name}: wraps {}{duty}", at + 1, counted(keys, "key"));
    }
    for lost in &found.lost {
        eprintln!("lost: {lost}");
    }
    if found.lost.is_empty() { Ok(()) } else { Err("some keys hang on no root that is configured".into()) }
}

fn rewrap(args: &RewrapArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.data.settings_of_store()?;
    let roots = roots::open(&config, false, &SystemRandom)?;
    let done = store::within(&args.data.store(), config, roots.as_ref(), async |opened| {
        rewrapped(opened, &roots, args.all).await
    })?;
    out!("{}: {} wrapped anew, {} left as they were", roots.first().describe(), counted(done.anew, "key"), done.left);
    Ok(())
}

async fn rewrapped(opened: &Opened, roots: &Roots, all: bool) -> Result<Rewrapped, Box<dyn Error>> {
    let done = rewrapping::rewrap(&opened.documents, roots, all).await;
    done.map_err(|error| format!("{}; run it again to go on", fault_text(&error)).into())
}

fn rotate_root(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.settings_of_store()?;
    let path = first_key_file(&config)?;
    let before = roots::open(&config, false, &SystemRandom)?;
    // The new key is made once the store is open: then no server runs on it, and all that is in it can be unwrapped.
    let done = store::within(&args.store(), config, before.as_ref(), async |opened| {
        let roots = roots::open_rotated(&opened.config, &path, &SystemRandom)?;
        let done = rewrapped(opened, &roots, false).await?;
        let found = rewrapping::look(&opened.documents, &[roots.first()]).await.map_err(|error| fault_text(&error))?;
        match found.lost.first() {
            None => Ok(done),
            Some(lost) => Err(format!("the former key stays in its place: {lost}").into()),
        }
    })?;
    let former = succession::succeed(&path)?;
    out!("key file {}: a new key, {} wrapped anew", path.display(), counted(done.anew, "key"));
    out!("the former key is in {}: backups made before need it, the data does not", former.display());
    Ok(())
}

/// The key file that is the first root.
fn first_key_file(config: &Config) -> Result<PathBuf, Box<dyn Error>> {
    match config.roots.first() {
        Some(RootConfig::File { path }) => Ok(roots::key_file(path.as_deref(), config)),
        _ => {
            Err("the first of [[roots]] is no key file, and a new key for it is made where it is kept. A service that \
                  has rotated its key: `strongroom keys rewrap --all`. Another key in its place: put it first in \
                  [[roots]], leave the old one behind it, and run `strongroom keys rewrap`"
                .into())
        }
    }
}
