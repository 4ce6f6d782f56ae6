//! `strongroom anchor`: how the store stands to what remembers outside it how far it has come.

use std::error::Error;

use clap::Subcommand;
use strongroom_server::anchor::{self, Anchor};

use crate::offline::DataArgs;
use crate::output::out;
use crate::store;

/// The commands about the anchor.
#[derive(Subcommand)]
pub enum AnchorCommand {
    /// Tells whether the store is as far as its anchor knows; also while a server runs.
    Status(DataArgs),
    /// Takes the store as it is for the right one and makes the anchor anew: after a restore, or for a new place.
    ///
    /// No server may run on the data meanwhile.
    Renew(DataArgs),
    /// Makes this server's own file of the anchor that the store has: for one more server on a database.
    ///
    /// The others may run.
    Join(DataArgs),
    /// Has the store go without an anchor, and removes the file that data.anchor names.
    ///
    /// No server may run on the data meanwhile.
    Forget(DataArgs),
}

/// Carries a command about the anchor out.
///
/// # Errors
/// When the store or the anchor cannot be used, or `status` finds that they do not agree.
pub fn run(command: &AnchorCommand) -> Result<(), Box<dyn Error>> {
    match command {
        AnchorCommand::Status(args) => status(args),
        AnchorCommand::Renew(args) => renew(args),
        AnchorCommand::Join(args) => join(args),
        AnchorCommand::Forget(args) => {
            store::change(args, async |opened| {
                Ok(anchor::forget(opened.config.data.anchor.as_deref(), opened.store.as_ref()).await?)
            })?;
            out!("the store has no anchor");
            Ok(())
        }
    }
}

fn status(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    // Before the store is copied, which is then as far as the anchor or further.
    let path = args.settings_of_store()?.data.anchor;
    let text = path.as_deref().map(anchor::fetch).transpose()?.flatten();
    let found = store::look(args, async |opened| {
        Ok(anchor::look(path.as_deref(), text.as_deref(), opened.store.as_ref(), &opened.witness).await?)
    })?;
    let Some(found) = found else {
        out!("the store has no anchor: name a file on other storage in data.anchor");
        return Ok(());
    };
    out!("the store counts {} commits, its anchor knows of {}", found.store, found.anchor);
    if found.store < found.anchor { Err("the store is older than it was".into()) } else { Ok(()) }
}

fn join(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    let path = args.settings_of_store()?.data.anchor.ok_or(NO_FILE)?;
    store::change(args, async |opened| {
        Anchor::join(&path, &opened.store, &opened.witness).await?;
        Ok(())
    })?;
    out!("{}: this server remembers how far the store has come", path.display());
    Ok(())
}

const NO_FILE: &str = "data.anchor names no file: set it in the configuration";

fn renew(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    let path = args.settings_of_store()?.data.anchor.ok_or(NO_FILE)?;
    store::change(args, async |opened| {
        Anchor::begin(&path, &opened.store, &opened.witness).await?;
        Ok(())
    })?;
    out!("{}: the anchor is made anew", path.display());
    Ok(())
}
