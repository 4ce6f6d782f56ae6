//! `strongroom audit verify`: one trail or several, against their digests and what the store or a key knows.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use strongroom_core::evidence::check_trail;
use strongroom_core::trail::digests::{Checked, all_from_pem, check, signed_by};
use strongroom_server::app::trail_directory;
use strongroom_server::gate::fault_text;

use super::{NO_KEY, opened, opened_by_name, owner_of, told};
use crate::offline::DataArgs;
use crate::output::out;
use crate::store;

/// Flags of `strongroom audit verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR", required_unless_present = "trail")]
    data: Option<PathBuf>,
    /// The configuration file, if the roots of trust or the trail's directory are named in one.
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// A trail's directory, or a copy of it, in place of the data directory's own. Once for each server.
    #[arg(long, value_name = "DIR")]
    trail: Vec<PathBuf>,
    /// The file with the public key, or with those of several servers. Without it --data is needed.
    #[arg(long, value_name = "FILE", requires = "trail", conflicts_with = "data", required_unless_present = "data")]
    public_key: Vec<PathBuf>,
}

/// Checks the trails that are named.
///
/// # Errors
/// When something cannot be read, or a trail is not as it was written; every fault is printed.
pub fn run(args: &VerifyArgs) -> Result<(), Box<dyn Error>> {
    let several = args.trail.len() > 1;
    let mut whole = true;
    for (folder, checked) in checked(args)? {
        if several {
            out!("{}:", folder.display());
        }
        for fault in &checked.faults {
            eprintln!("fault: {fault}");
        }
        out!("{}", told(&checked));
        whole &= checked.faults.is_empty();
    }
    if whole { Ok(()) } else { Err("the trail is not as it was written".into()) }
}

fn checked(args: &VerifyArgs) -> Result<Vec<(PathBuf, Checked)>, Box<dyn Error>> {
    let Some(data) = args.data.clone() else { return by_keys(args) };
    let data = DataArgs::new(data, args.config.clone());
    store::look(&data, async |opened_store| {
        let folders = match &args.trail[..] {
            [] => vec![trail_directory(&opened_store.config)],
            named => named.to_vec(),
        };
        let mut all = Vec::new();
        for folder in folders {
            let owner = owner_of(&folder)?;
            let files = if args.trail.is_empty() { opened(&folder)? } else { opened_by_name(&folder)? };
            let checked = check_trail(&opened_store.documents, &owner, &files).await;
            all.push((folder, checked.map_err(|error| fault_text(&error))?.ok_or(NO_KEY)?));
        }
        Ok(all)
    })
}

/// Without a store: each trail by the key that signed it. No key may have signed two.
fn by_keys(args: &VerifyArgs) -> Result<Vec<(PathBuf, Checked)>, Box<dyn Error>> {
    let mut keys = Vec::new();
    for file in &args.public_key {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let found = all_from_pem(&text);
        if found.is_empty() {
            return Err(format!("{}: it holds no public key in PEM", file.display()).into());
        }
        keys.extend(found);
    }
    let mut all: Vec<(PathBuf, Checked)> = Vec::new();
    let mut used: Vec<(usize, PathBuf)> = Vec::new();
    for folder in &args.trail {
        let files = opened_by_name(folder)?;
        let signed = signed_by(&files, &keys)?;
        let key = keys.get(signed.unwrap_or(0)).ok_or("no public key")?;
        let mut checked = check(&files, key, None)?;
        if let Some(other) = used.iter().find(|(index, _)| Some(*index) == signed) {
            checked.faults.push(format!("the key that signed it is that of {}", other.1.display()));
        }
        used.extend(signed.map(|index| (index, folder.clone())));
        all.push((folder.clone(), checked));
    }
    Ok(all)
}
