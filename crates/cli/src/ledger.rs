//! `strongroom ledger`: the operator has the last word on what the store holds.

use std::error::Error;

use clap::Subcommand;

use crate::offline::DataArgs;
use crate::output::out;
use crate::store;

/// The commands about the ledger.
#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Takes the store as it is for the right one, and begins its ledger anew: for a store of a release without one, and
    /// after damage that you know of and accept. Prints what differed.
    ///
    /// No server may run on the data meanwhile.
    Renew(DataArgs),
}

/// Carries a command about the ledger out.
///
/// # Errors
/// When the store cannot be used.
pub fn run(command: &LedgerCommand) -> Result<(), Box<dyn Error>> {
    let LedgerCommand::Renew(args) = command;
    for fault in store::accept(args)? {
        out!("accepted: {fault}");
    }
    out!("the ledger is begun anew with what the store holds; `strongroom verify` opens all of it");
    Ok(())
}
