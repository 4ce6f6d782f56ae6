//! `strongroom backup list`, `take` and `drill`, and restores from the place that the configuration names.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use strongroom_core::catalogue::{BackupKind, Manifest};
use strongroom_crypto::{Random, RootOfTrust, SystemRandom};
use strongroom_server::backups::{self, Drilled, Listing, Live, Restored, Shelf, Taking};
use strongroom_server::config::Config;
use strongroom_server::transfer::Place;
use strongroom_store::SqliteStore;
use strongroom_store::transfer::Standing;
use strongroom_types::{Clock, SystemClock, Timestamp};
use strongroom_wire::timestamps;

use crate::counted::counted;
use crate::offline::DataArgs;
use crate::output::out;
use crate::process::TemporaryDirectory;
use crate::{process, roots, settings, store};

/// Work on the backups at the place that the configuration names.
#[derive(Subcommand)]
pub enum KeptCommand {
    /// Lists the backups at the place, by what stands there alone; also when the store is gone.
    List(ListArgs),
    /// Takes a backup to the place now; also while a server runs, which learns of it.
    Take(TakeArgs),
    /// Restores the newest backup at the place into a scratch store, verifies it, and holds it against the store.
    Drill(DataArgs),
}

/// Flags of `strongroom backup list`.
#[derive(Args)]
pub struct ListArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The data directory, if it is another than the configuration's. It need hold no store.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Flags of `strongroom backup take`.
#[derive(Args)]
pub struct TakeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Takes a full one. Without this it holds what has changed since the newest, if there is one.
    #[arg(long)]
    full: bool,
}

/// Does one of them.
///
/// # Errors
/// When the configuration names no place, or place, root of trust or store fail, or a drill proves nothing.
pub fn run(command: &KeptCommand) -> Result<(), Box<dyn Error>> {
    match command {
        KeptCommand::List(args) => list(args),
        KeptCommand::Take(args) => take(args),
        KeptCommand::Drill(args) => drill(args),
    }
}

/// What is at the place of `config`.
///
/// # Errors
/// When it names none.
fn shelf(config: &Config, root: Arc<dyn RootOfTrust>) -> Result<Shelf, Box<dyn Error>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let place = backups::place(config, &clock)?
        .ok_or("the configuration names no place for backups: set backup.directory or [backup.s3]")?;
    Ok(Shelf::new(place, root, Arc::new(SystemRandom)))
}

fn list(args: &ListArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = settings::load(Some(&args.config), |config| {
        if let Some(data) = &args.data {
            config.data.directory.clone_from(data);
        }
    })?;
    let shelf = shelf(&config, roots::open(&config, false, &SystemRandom)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listing = runtime.block_on(shelf.list())?;
    for (name, shelved) in &listing.backups {
        let Manifest { documents, commits, object_bytes, builds_on, .. } = &shelved.manifest;
        let base = builds_on.as_ref().map_or_else(String::new, |base| format!(", on {base}"));
        let proven = match &shelved.proof {
            Some(proof) => format!(", proven {}", timestamps::iso(Timestamp::from_millis(proof.proven_ms))),
            None => String::new(),
        };
        let whole = if listing.chain(name).is_some() { "" } else { ", which is not there: it cannot be restored" };
        out!("{name}  {object_bytes} bytes, {documents} documents, commit {commits}{base}{whole}{proven}");
    }
    out!("{}: {}", shelf.describe(), counted(listing.backups.len(), "backup"));
    told_faults(&listing)
}

fn told_faults(listing: &Listing) -> Result<(), Box<dyn Error>> {
    for fault in listing.faults.values() {
        eprintln!("fault: {fault}");
    }
    match listing.faults.len() {
        0 => Ok(()),
        count => Err(format!(
            "{} damaged, or made under another root of trust than that of --data and --config",
            counted(count, "backup")
        )
        .into()),
    }
}

fn take(args: &TakeArgs) -> Result<(), Box<dyn Error>> {
    let directory = args.data.directory();
    // What a copy is opened with says nothing of the store's own standing.
    let standing = match args.data.settings_of_store()?.store.url {
        None => SqliteStore::standing_of(args.data.store())?,
        Some(_) => Standing::Open,
    };
    let manifest = store::look_rooted(&args.data, async |opened, root| {
        if standing == Standing::Moved || opened.store.standing().await? == Standing::Moved {
            // It would be the newest at the place, of a store that has gone on elsewhere.
            return Err("the store was moved: take backups of its copy".into());
        }
        let shelf = shelf(&opened.config, root)?;
        let account = opened.identities.first_account().await.map_err(|_| "the store's account cannot be read")?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let taking = Taking {
            source: opened.store.as_ref(),
            witness: &opened.witness,
            account: account.map(|account| account.as_str().to_owned()).unwrap_or_default(),
            scratch: directory,
            clock: &SystemClock,
            random,
        };
        let kind = if args.full { BackupKind::Full } else { BackupKind::Increment };
        Ok(backups::take(&taking, &shelf, &shelf.list().await?, kind).await?)
    })?;
    let Manifest { name, documents, object_bytes, builds_on, .. } = manifest;
    let base = builds_on.map_or_else(String::new, |base| format!(", on {base}"));
    out!("{name}: {object_bytes} bytes, {documents} documents{base}");
    Ok(())
}

fn drill(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    let directory = args.directory();
    let drilled = store::look_rooted(args, async |opened, root| {
        let shelf = shelf(&opened.config, root)?;
        let listing = shelf.list().await?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let known = strongroom_core::catalogue::Catalogue::new(Arc::clone(&opened.documents), Arc::new(SystemClock));
        let known = known.entries().await.map_err(|_| "the catalogue of backups cannot be read")?;
        let known: Vec<_> = known.iter().filter_map(|entry| entry.manifest.backup_name()).collect();
        let live = Live { store: opened.store.as_ref(), documents: &opened.documents, known: &known };
        let drilled = backups::drill(&shelf, &listing, Some(live), directory, &SystemClock, &random).await?;
        shelf.prove(&drilled.proof, &listing).await?;
        Ok(drilled)
    })?;
    let Drilled { manifest, parts, report, comparison, proof } = drilled;
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    out!("restored {} from {} in {} ms", manifest.name, counted(parts, "part"), proof.took_ms);
    crate::offline::tell(&report);
    if let Some(found) = comparison {
        out!("compared: {} documents are the same, {} were changed since", found.same, found.changed);
    }
    out!("proven at {}", timestamps::iso(Timestamp::from_millis(proof.proven_ms)));
    Ok(())
}

/// Restores the newest backup at the place, or the newest that was taken at `at` or before, into `target`.
///
/// # Errors
/// When there is none, or it is not what it should be.
pub fn restore(
    config: &Config,
    root: Arc<dyn RootOfTrust>,
    at: Option<Timestamp>,
    target: &Place,
    scratch: &Path,
) -> Result<Restored, Box<dyn Error>> {
    let shelf = shelf(config, root)?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listing = shelf.list().await?;
        let limit = at.map_or_else(String::new, |at| format!(" of {} or before", timestamps::iso(at)));
        for fault in listing.faults.values() {
            eprintln!("note: a damaged backup is passed over: {fault}");
        }
        for name in listing.restorable(at) {
            // What was fetched before it was seen to be damaged goes at once.
            let folder = TemporaryDirectory::within(scratch, random.as_ref())?;
            let now = SystemClock.now();
            match backups::restore(&shelf, &listing, name, target, folder.path(), now, &random).await {
                Err(fault) if fault.is_of_content() => eprintln!("note: a damaged backup is passed over: {fault}"),
                restored => return Ok(restored?),
            }
        }
        let none = format!("{}: there is no backup{limit} that can be restored", shelf.describe());
        let advice = "; is this the root of trust that they were made under?";
        Err(if listing.faults.is_empty() { none } else { none + advice }.into())
    })
}

/// Reads an instant, such as `2026-11-29T12:00:00Z`.
///
/// # Errors
/// When it is none.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    timestamps::parse_iso(text).ok_or_else(|| format!("`{text}` is not an instant such as 2026-11-29T12:00:00Z"))
}
