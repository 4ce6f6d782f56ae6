//! `strongroom audit`: the trail held against its digests, the key that these are signed by, and records of a time.

mod deliver;
mod export;
mod verify;

use std::error::Error;
use std::path::Path;

use clap::{Args, Subcommand};
use strongroom_core::evidence::{public_key, public_keys};
use strongroom_core::trail::NodeName;
use strongroom_core::trail::digests::{Checked, REMOVED_FILE, to_pem};
use strongroom_core::trail::files::DiskFiles;
use strongroom_core::trail::follow::oldest;
use strongroom_core::trail::owner::owner;
use strongroom_server::app::trail_directory;
use strongroom_server::gate::fault_text;

use crate::offline::DataArgs;
use crate::output::{self, out};
use crate::store;

/// The commands about the audit trail.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Holds every record against the signed digests, and names the first that was changed, dropped, added or moved.
    ///
    /// With --data also what the store knows of the trail's end; also while a server runs. With --trail and --public-key
    /// it needs nothing else, on any machine. Trails of several servers are named one by one.
    Verify(verify::VerifyArgs),
    /// Prints the public key that the digests are signed by, in PEM. Keep it where nobody who can write to the trail can.
    PublicKey(PublicKeyArgs),
    /// Writes the records of a time, in the form of CloudTrail's log files or as lines.
    Export(export::ExportArgs),
    /// Sends what is left in the files to the sinks that have not got it. For a server that does not come back.
    Deliver(DataArgs),
}

/// Flags of `strongroom audit public-key`.
#[derive(Args)]
pub struct PublicKeyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The keys of all servers that share the store.
    #[arg(long)]
    all_servers: bool,
}

/// Carries a command about the trail out.
///
/// # Errors
/// When something cannot be read, or the trail is not as it was written; every fault is printed.
pub fn run(command: &AuditCommand) -> Result<(), Box<dyn Error>> {
    match command {
        AuditCommand::Verify(args) => verify::run(args),
        AuditCommand::Export(args) => export::run(args),
        AuditCommand::Deliver(args) => deliver::run(args),
        AuditCommand::PublicKey(args) => {
            let keys = store::look(&args.data, async |opened| {
                let text = |error| fault_text(&error);
                if args.all_servers {
                    return Ok(public_keys(&opened.documents).await.map_err(text)?);
                }
                let owner = owner_of(&trail_directory(&opened.config))?;
                let key = public_key(&opened.documents, &owner).await.map_err(text)?;
                Ok(key.into_iter().map(|key| (owner.clone(), key)).collect())
            })?;
            if keys.is_empty() {
                return Err(NO_KEY.into());
            }
            for (name, key) in keys {
                if args.all_servers {
                    out!("# the trail of server {}", name.as_str());
                }
                output::print(format_args!("{}", to_pem(&key)));
            }
            Ok(())
        }
    }
}

const NO_KEY: &str = "the store has no key for the trail yet: a server makes it at its start";

/// Whose trail is in a folder: by that its key is found in the store.
fn owner_of(folder: &Path) -> Result<NodeName, Box<dyn Error>> {
    let found = owner(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(found.unwrap_or_else(NodeName::only))
}

fn opened(folder: &Path) -> Result<DiskFiles, Box<dyn Error>> {
    if !folder.is_dir() {
        return Err(format!("{}: there is no trail", folder.display()).into());
    }
    Ok(DiskFiles::open(folder)?)
}

/// The same of a folder that was named, which is to hold a trail: one that holds none is a mistake.
fn opened_by_name(folder: &Path) -> Result<DiskFiles, Box<dyn Error>> {
    let files = opened(folder)?;
    // Retention may have removed all that there was.
    if oldest(&files)?.is_some() || folder.join(REMOVED_FILE).exists() {
        return Ok(files);
    }
    Err(format!("{}: there is no segment of a trail", folder.display()).into())
}

/// What was found, in a line or two.
pub fn told(checked: &Checked) -> String {
    let Checked { segments, records, open, removed, faults } = checked;
    let verb = if faults.is_empty() { "agree" } else { "were held" };
    let with = if faults.is_empty() { "with" } else { "against" };
    let mut told =
        format!("trail: {segments} segments with {records} records {verb} {with} their digests; {open} have none yet");
    if let Some(removed) = removed {
        let (number, segment) = (removed.number, removed.segment.file());
        told += &format!("\ntrail: {number} segments up to {segment} were removed by retention, and are not missing");
    }
    told
}
