//! `strongroom backup` and `restore`: a store of either engine as a sealed file, beside a running server or without one.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use strongroom_crypto::{Random, RootOfTrust, SystemRandom};
use strongroom_server::config::Config;
use strongroom_server::opening;
use strongroom_server::transfer::{self, Bytes, Place, Restored, TransferFault};
use strongroom_store::transfer::{Exporter, Summary};
use strongroom_store::{Engine, SqliteFiles};
use strongroom_types::ids::uuid_v4;
use strongroom_types::{Clock as _, SystemClock, Timestamp};

use crate::data::{self, STORE_DIRECTORY};
use crate::kept::{self, KeptCommand};
use crate::offline::{DataArgs, tell};
use crate::output::out;
use crate::process::TemporaryDirectory;
use crate::{process, roots};

/// Flags of `strongroom backup`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BackupArgs {
    #[command(subcommand)]
    kept: Option<KeptCommand>,
    /// The data directory.
    #[arg(long, value_name = "DIR", required = true)]
    data: Option<PathBuf>,
    /// The configuration file, if the roots of trust are named in one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file to make. It must not exist.
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<PathBuf>,
    /// A backup that was made before: the new one holds what has changed since, and is restored behind it.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
}

/// A backup to a file.
struct ToFile<'a> {
    data: DataArgs,
    to: &'a Path,
    since: Option<&'a Path>,
}

/// Makes a sealed backup of the store, also while a server runs, or works on those at the configured place.
///
/// # Errors
/// When the store cannot be read, the root of trust is not available, or the file cannot be written.
pub fn back_up(args: &BackupArgs) -> Result<(), Box<dyn Error>> {
    let BackupArgs { kept, data, config, to, since } = args;
    match (kept, data, to) {
        (Some(command), ..) => kept::run(command),
        (None, Some(data), Some(to)) => {
            let data = DataArgs::new(data.clone(), config.clone());
            to_file(&ToFile { data, to, since: since.as_deref() })
        }
        (None, ..) => Err("say where to: --data DIR --to FILE, or one of list, take and drill".into()),
    }
}

fn to_file(args: &ToFile<'_>) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.data.settings_of_store()?;
    if args.to.symlink_metadata().is_ok() {
        return Err(format!("{}: there is a file already; nothing was changed", args.to.display()).into());
    }
    let root = roots::open(&config, false, &SystemRandom)?;
    let base = args.since.map(opened).transpose()?;
    // A name that nobody else has: what is removed after a failure is certainly this command's own.
    let number = strongroom_crypto::random::bytes(&SystemRandom)?;
    let mut draft = args.to.to_owned().into_os_string();
    draft.push(format!(".{}.part", uuid_v4(number)));
    let draft = PathBuf::from(draft);
    let written = write_backup(&config, &args.data.store(), Arc::clone(&root) as _, base, &draft);
    let summary = written.inspect_err(|_| drop(fs::remove_file(&draft)))?;
    // A link fails when there is a file already, where a rename would replace it.
    let placed = fs::hard_link(&draft, args.to);
    fs::remove_file(&draft)?;
    placed.map_err(|error| format!("{}: {error}", args.to.display()))?;
    sync_directory_of(args.to)?;
    out!("{}: {}, sealed under {}", args.to.display(), told(&summary), root.describe());
    Ok(())
}

/// What a backup holds, in words.
fn told(summary: &Summary) -> String {
    let (bytes, counts) = (summary.bytes, summary.counts);
    let id = summary.id;
    match summary.base {
        Some(base) => format!(
            "backup {id}, {bytes} bytes of data: {} documents that are not as in backup {base}, {} that are",
            counts.documents, counts.same
        ),
        None => format!("backup {id}, {bytes} bytes of data, {} documents", counts.documents),
    }
}

fn write_backup(
    config: &Config,
    store: &Path,
    root: Arc<dyn RootOfTrust>,
    base: Option<Bytes>,
    draft: &Path,
) -> Result<Summary, Box<dyn Error>> {
    let file = private_file(draft).map_err(|error| format!("{}: {error}", draft.display()))?;
    let to = BufWriter::new(file);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let source = Source::open(config, store, &random).await?;
        let now = SystemClock.now();
        let made = transfer::back_up(source.exporter(), root, &random, now, base, to).await;
        source.close().await?;
        let (summary, to) = made?;
        to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(summary)
    })
}

/// A store that is read as a whole, while servers may be working on it.
pub enum Source {
    /// The embedded engine's files.
    Files(SqliteFiles),
    /// A store in a database.
    Database(Arc<dyn Engine>),
}

impl Source {
    /// The store of `config`, of which the embedded engine's is in `directory`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(config: &Config, directory: &Path, random: &Arc<dyn Random>) -> Result<Self, Box<dyn Error>> {
        if config.store.url.is_none() {
            return Ok(Self::Files(SqliteFiles::of(directory)?));
        }
        Ok(Self::Database(opening::engine(config, directory, random).await?))
    }

    /// What sends its rows.
    pub fn exporter(&self) -> &dyn Exporter {
        match self {
            Self::Files(files) => files,
            Self::Database(store) => store.as_ref(),
        }
    }

    /// Lets go of it.
    ///
    /// # Errors
    /// When it could not be closed.
    pub async fn close(&self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Files(_) => Ok(()),
            Self::Database(store) => Ok(store.close().await?),
        }
    }
}

/// Flags of `strongroom restore`.
#[derive(Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FILE", required_unless_present = "from_place")]
    from: Option<PathBuf>,
    /// Backups that were made since, each on the one before.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "from")]
    and: Vec<PathBuf>,
    /// Takes the newest backup at the place that the configuration names, with whatever it builds on.
    #[arg(long, conflicts_with = "from")]
    from_place: bool,
    /// With --from-place, the newest one that was taken at this instant or before, such as 2026-11-29T12:00:00Z.
    #[arg(long, value_name = "TIME", requires = "from_place", value_parser = kept::instant)]
    at: Option<Timestamp>,
    #[command(flatten)]
    data: DataArgs,
}

/// Restores a backup, and those that build on it, into a data directory that holds no store yet, or into the database that
/// the configuration names, and verifies all of it.
///
/// # Errors
/// When there is a store, the directory is developer mode's, a backup is not whole, its root of trust is not available, or
/// what was restored does not verify; nothing is left in place of a store then.
pub fn restore(args: &RestoreArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.data.settings()?;
    let store = args.data.store();
    let in_database = config.store.url.is_some();
    if !in_database && store.exists() {
        return Err(format!("{}: there is a store already; nothing was changed", store.display()).into());
    }
    if data::is_dev(args.data.directory()) {
        let directory = args.data.directory().display();
        return Err(format!(
            "the data directory {directory} was made with --dev, which lets anybody in: name another directory; nothing \
             was changed"
        )
        .into());
    }
    let chain = args.from.iter().chain(&args.and).map(|path| opened(path)).collect::<Result<Vec<_>, _>>()?;
    let root: Arc<dyn RootOfTrust> = roots::open(&config, false, &SystemRandom)?;
    let scratch = TemporaryDirectory::within(args.data.directory(), &SystemRandom)?;
    let fresh = scratch.path().join(STORE_DIRECTORY);
    let place = Place::of(&config, &fresh)?;
    let (report, what) = if args.from_place {
        let restored = kept::restore(&config, root, args.at, &place, scratch.path())?;
        (restored.report, Some(format!("backup {}, of {} parts", restored.manifest.name, restored.parts)))
    } else {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let now = SystemClock.now();
        let restored = runtime.block_on(transfer::put_back(&place, &root, &random, now, chain, scratch.path()));
        let Restored { report, summary } = restored.map_err(with_faults)?;
        (report, summary.as_ref().map(told))
    };
    if !in_database {
        fs::rename(&fresh, &store)?;
        sync_directory_of(&store)?;
    }
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    if let Some(what) = what {
        out!("restored: {what}");
    }
    tell(&report);
    Ok(())
}

/// Prints the faults one by one.
pub fn with_faults(fault: TransferFault) -> Box<dyn Error> {
    let TransferFault::Faulty(report) = fault else { return fault.into() };
    for fault in &report.faults {
        eprintln!("fault: {fault}");
    }
    "the store does not verify".into()
}

fn opened(path: &Path) -> Result<Bytes, Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        backup: BackupArgs,
    }

    #[test]
    fn a_backup_goes_to_a_file_or_to_the_place() {
        let line = |line: &str| Line::try_parse_from(line.split(' ')).map(|line| line.backup);
        let file = line("backup --data here --to there").expect("flags");
        assert_eq!((file.data, file.to), (Some(PathBuf::from("here")), Some(PathBuf::from("there"))));
        assert!(file.kept.is_none());
        assert!(line("backup take --data here").expect("flags").kept.is_some());
        assert!(line("backup --data here").is_err() && line("backup --to there").is_err());
        assert!(line("backup --data here --to there list --config file").is_err());
    }

    #[test]
    fn nothing_is_restored_among_developer_data() {
        let directory = TemporaryDirectory::new(&SystemRandom).expect("directory");
        fs::write(directory.path().join("dev"), "").expect("marked");
        let data = DataArgs::new(directory.path().to_owned(), None);
        let args = RestoreArgs {
            from: Some(directory.path().join("no-backup")),
            and: Vec::new(),
            from_place: false,
            at: None,
            data,
        };
        let told = restore(&args).expect_err("refused").to_string();
        assert!(told.contains("was made with --dev"), "{told}");
        assert_eq!(fs::read_dir(directory.path()).expect("a listing").count(), 1);
    }
}
