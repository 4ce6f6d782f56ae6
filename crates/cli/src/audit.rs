//! `strongroom audit`: the trail held against its digests, and the key that these are signed by.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use strongroom_core::evidence::{check_trail, public_key};
use strongroom_core::trail::NodeName;
use strongroom_core::trail::digests::{Checked, check, from_pem, to_pem};
use strongroom_core::trail::files::DiskFiles;
use strongroom_core::trail::owner::owner;
use strongroom_server::app::trail_directory;
use strongroom_server::gate::fault_text;

use crate::offline::DataArgs;
use crate::store;

/// The commands about the audit trail.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Holds every record against the signed digests, and names the first that was changed, dropped, added or moved.
    ///
    /// With --data also what the store knows of the trail's end; also while a server runs. With --trail and --public-key
    /// it needs nothing else, on any machine.
    Verify(VerifyArgs),
    /// Prints the public key that the digests are signed by, in PEM. Keep it where nobody who can write to the trail can.
    PublicKey(DataArgs),
}

/// Flags of `strongroom audit verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR", required_unless_present = "trail")]
    data: Option<PathBuf>,
    /// The configuration file, if the roots of trust or the trail's directory are named in one.
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// The trail's directory, or a copy of it.
    #[arg(long, value_name = "DIR", requires = "public_key", conflicts_with = "data")]
    trail: Option<PathBuf>,
    /// The file with the public key.
    #[arg(long, value_name = "FILE", requires = "trail")]
    public_key: Option<PathBuf>,
}

/// Carries a command about the trail out.
///
/// # Errors
/// When something cannot be read, or the trail is not as it was written; every fault is printed.
pub fn run(command: &AuditCommand) -> Result<(), Box<dyn Error>> {
    match command {
        AuditCommand::Verify(args) => {
            let checked = verify(args)?;
            for fault in &checked.faults {
                eprintln!("fault: {fault}");
            }
            println!("{}", told(&checked));
            if checked.faults.is_empty() { Ok(()) } else { Err("the trail is not as it was written".into()) }
        }
        AuditCommand::PublicKey(args) => {
            let found = store::look(args, async |opened| {
                let owner = owner_of(&trail_directory(&opened.config))?;
                Ok(public_key(&opened.documents, &owner).await.map_err(|error| fault_text(&error))?)
            })?;
            print!("{}", to_pem(&found.ok_or(NO_KEY)?));
            Ok(())
        }
    }
}

const NO_KEY: &str = "the store has no key for the trail yet: a server makes it at its start";

fn verify(args: &VerifyArgs) -> Result<Checked, Box<dyn Error>> {
    if let (Some(trail), Some(file)) = (&args.trail, &args.public_key) {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let key = from_pem(&text).ok_or_else(|| format!("{}: it holds no public key in PEM", file.display()))?;
        return Ok(check(&opened(trail.clone())?, &key, None)?);
    }
    let data = args.data.clone().ok_or("--data names the data directory")?;
    let data = DataArgs::new(data, args.config.clone());
    let checked = store::look(&data, async |opened_store| {
        let folder = trail_directory(&opened_store.config);
        let owner = owner_of(&folder)?;
        let files = opened(folder)?;
        Ok(check_trail(&opened_store.documents, &owner, &files).await.map_err(|error| fault_text(&error))?)
    })?;
    Ok(checked.ok_or(NO_KEY)?)
}

/// Whose trail is in a folder: by that its key is found in the store.
fn owner_of(folder: &Path) -> Result<NodeName, Box<dyn Error>> {
    let found = owner(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(found.unwrap_or_else(NodeName::only))
}

fn opened(folder: PathBuf) -> Result<DiskFiles, Box<dyn Error>> {
    if !folder.is_dir() {
        return Err(format!("{}: there is no trail", folder.display()).into());
    }
    Ok(DiskFiles::open(&folder)?)
}

/// What was found, in a line.
pub fn told(checked: &Checked) -> String {
    let Checked { segments, records, open, faults } = checked;
    let verb = if faults.is_empty() { "agree" } else { "were held" };
    let with = if faults.is_empty() { "with" } else { "against" };
    format!("trail: {segments} segments with {records} records {verb} {with} their digests; {open} have none yet")
}
