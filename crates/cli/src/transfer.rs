//! `strongroom store`: moves a store to another engine while it is read, and has it take no changes, or take them again.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use strongroom_core::bootstrap::{SEALING_KEY, ring_of};
use strongroom_crypto::{Random, RootOfTrust, SystemRandom, Witness};
use strongroom_server::transfer::{self, Place};
use strongroom_store::SqliteStore;
use strongroom_store::transfer::{self as rows, Filled, Importer, Standing};
use strongroom_types::{Clock as _, SystemClock};

use crate::backup::{Source, with_faults};
use crate::data::STORE_DIRECTORY;
use crate::offline::{DataArgs, tell};
use crate::output::out;
use crate::{process, roots, settings};

/// Looks at whether the servers have moved the last records of changes to their trails, and the pause between two.
const LOOKS_MAX: u32 = 30;
const LOOK_PAUSE: Duration = Duration::from_millis(300);

/// Commands on the store as a whole.
#[derive(Subcommand)]
pub enum StoreCommand {
    /// Copies the store into another engine while servers read and write it; with --final, moves it there.
    Copy(CopyArgs),
    /// Has the store take no changes; all servers go on reading it.
    Freeze(DataArgs),
    /// Has the store take changes again.
    Thaw(ThawArgs),
    /// Tells whether the store takes changes.
    Standing(DataArgs),
}

/// Flags of `strongroom store copy`.
#[derive(Args)]
pub struct CopyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The configuration of the servers that are to have the store. Where its store is, must be nothing, or an earlier
    /// copy of this store, which is brought up to date.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Has the source take no changes any more, copies the rest, verifies all of it, and opens the copy.
    #[arg(long = "final")]
    is_final: bool,
}

/// Flags of `strongroom store thaw`.
#[derive(Args)]
pub struct ThawArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Also a store that was moved: its copy must not be in use.
    #[arg(long)]
    force: bool,
}

/// Carries a command out.
///
/// # Errors
/// When it cannot be carried out.
pub fn run(command: &StoreCommand) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match command {
        StoreCommand::Copy(args) => runtime.block_on(copy(args)),
        StoreCommand::Freeze(data) => runtime.block_on(async {
            let here = Here::open(data).await?;
            here.change(&[Standing::Open, Standing::Frozen], Standing::Frozen).await?;
            out!("the store is frozen: it is read, and takes no changes until it is thawed");
            here.source.close().await
        }),
        StoreCommand::Thaw(args) => runtime.block_on(async {
            let here = Here::open(&args.data).await?;
            let from = [Standing::Open, Standing::Frozen, Standing::Moved];
            here.change(from.get(..if args.force { 3 } else { 2 }).unwrap_or_default(), Standing::Open).await?;
            out!("the store takes changes");
            here.source.close().await
        }),
        StoreCommand::Standing(data) => runtime.block_on(async {
            let here = Here::open(data).await?;
            out!("{}", here.standing().await?);
            here.source.close().await
        }),
    }
}

/// The store of a data directory, which servers may be working on.
struct Here {
    source: Source,
    directory: PathBuf,
    root: Arc<dyn RootOfTrust>,
    random: Arc<dyn Random>,
}

impl Here {
    async fn open(data: &DataArgs) -> Result<Self, Box<dyn Error>> {
        let config = data.settings_of_store()?;
        let root = roots::open(&config, false, &SystemRandom)?;
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let source = Source::open(&config, &data.store(), &random).await?;
        Ok(Self { source, directory: data.store(), root, random })
    }

    async fn standing(&self) -> Result<Standing, Box<dyn Error>> {
        Ok(match &self.source {
            Source::Files(_) => SqliteStore::standing_of(&self.directory)?,
            Source::Database(store) => store.standing().await?,
        })
    }

    /// Changes the standing, when it is one of `from`. What it was.
    async fn change(&self, from: &[Standing], to: Standing) -> Result<Standing, Box<dyn Error>> {
        let before = self.standing().await?;
        if !from.contains(&before) {
            let hint =
                if before == Standing::Moved { ": --force takes changes here again, and not at the copy" } else { "" };
            return Err(format!("the store is {before}{hint}").into());
        }
        if before != to {
            match &self.source {
                Source::Files(_) => SqliteStore::set_standing_of(&self.directory, to)?,
                Source::Database(store) => store.set_standing(to).await?,
            }
        }
        Ok(before)
    }
}

async fn copy(args: &CopyArgs) -> Result<(), Box<dyn Error>> {
    let here = Here::open(&args.data).await?;
    let config = settings::load(Some(&args.to), |_| {})?;
    let directory = config.data.directory.join(STORE_DIRECTORY);
    let same = match &here.source {
        Source::Files(_) => {
            config.store.url.is_none() && directory.canonicalize().ok() == here.directory.canonicalize().ok()
        }
        Source::Database(_) => {
            config.store.url.is_some()
                && config.store.url == args.data.settings()?.store.url
                && config.store.schema == args.data.settings()?.store.schema
        }
    };
    if same {
        return Err("the source and the target are the same store".into());
    }
    let place = Place::of(&config, &directory)?;
    let importer = place.importer(&here.random).await?;
    check_target(&here, importer.as_ref()).await?;
    let pass = rows::copy(here.source.exporter(), importer.as_ref()).await?;
    out!("copied: {} rows that were not there as they are", pass.changed);
    if !args.is_final {
        transfer::seal(importer.as_ref(), &here.root, &here.random, &pass).await?;
        importer.close().await?;
        here.source.close().await?;
        out!(
            "the copy agrees with the ledger, and stays shut: the same command brings it up to date, and with --final \
             moves the store"
        );
        return Ok(());
    }
    let before = here.change(&[Standing::Open, Standing::Frozen, Standing::Moved], Standing::Frozen).await?;
    out!("the source takes no changes any more, and is read");
    let moved = finish(&here, &place, importer).await;
    if moved.is_err() && here.standing().await.is_ok_and(|standing| standing == Standing::Frozen) {
        // Nothing was lost: whoever writes goes on where they were.
        here.change(&[Standing::Frozen], before).await?;
        eprintln!("the source is {before} again; the copy stays shut");
    }
    here.source.close().await?;
    moved
}

/// Refuses a target that holds another store, or more than the source does. Nothing was changed then.
async fn check_target(here: &Here, importer: &dyn Importer) -> Result<(), Box<dyn Error>> {
    let there = importer.standing().await?;
    if here.standing().await? == Standing::Moved && there != Standing::Unfinished {
        return Err("the source was moved: its copy is the store, and is to be copied; nothing was changed".into());
    }
    let (ledger, keys) = rows::beginnings(here.source.exporter(), SEALING_KEY.0).await?;
    let held = importer.documents(SEALING_KEY.0).await?;
    if there == Standing::Open || there == Standing::Frozen {
        // The importer itself refuses one that holds anything.
        return Ok(());
    }
    if held.iter().any(|key| !keys.contains(key)) {
        return Err("what is there is another store; nothing was changed".into());
    }
    if there == Standing::Unfinished || held.is_empty() {
        return Ok(());
    }
    let (other, _) = rows::beginnings(importer, SEALING_KEY.0).await?;
    let witness = Witness::new(ring_of(here.root.as_ref(), &keys)?, Arc::clone(&here.random));
    let commits = |ledger: Option<strongroom_crypto::Sealed>| -> Result<u64, Box<dyn Error>> {
        Ok(ledger.map_or(Ok(0), |ledger| witness.open(&ledger).map(|ledger| ledger.commits()))?)
    };
    let (mine, theirs) = (commits(ledger)?, commits(other)?);
    if theirs > mine {
        return Err(format!(
            "what is there counts {theirs} commits and the source {mine}: it is the newer one; nothing was changed"
        )
        .into());
    }
    Ok(())
}

/// The last pass, from a source that takes no changes; then everything is compared and opened, and the copy is the store.
async fn finish(here: &Here, place: &Place, importer: Box<dyn Importer>) -> Result<(), Box<dyn Error>> {
    let pass = settled(here, importer.as_ref()).await?;
    transfer::seal(importer.as_ref(), &here.root, &here.random, &pass).await?;
    let documents = rows::compare(here.source.exporter(), importer.as_ref()).await?;
    importer.close().await?;
    let report = transfer::verified(place, &here.root, &here.random, SystemClock.now()).await.map_err(with_faults)?;
    out!("compared: {documents} documents are the same, byte for byte");
    tell(&report);
    let importer = place.importer(&here.random).await?;
    // Should this be cut short here, none of both takes changes, and the command goes on where it was.
    here.change(&[Standing::Frozen], Standing::Moved).await?;
    importer.publish().await?;
    importer.close().await?;
    out!("moved: start servers on the copy; the source is read, and takes no changes");
    Ok(())
}

/// Copies until the servers have moved all records of changes to their trails, or seem not to be there.
async fn settled(here: &Here, importer: &dyn Importer) -> Result<Filled, Box<dyn Error>> {
    let mut looks = 0;
    loop {
        let pass = rows::copy(here.source.exporter(), importer).await?;
        if pass.entries == 0 {
            return Ok(pass);
        }
        looks += 1;
        if looks == LOOKS_MAX {
            eprintln!(
                "note: {} records of changes wait for the trail; they go along, and servers on the copy move them to theirs",
                pass.entries
            );
            return Ok(pass);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}
