//! `strongroom backup`, `restore` and `verify`: work on the data itself, beside a running server or without one.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use strongroom_core::backup;
use strongroom_core::verification::Report;
use strongroom_crypto::{Random, RootOfTrust, SystemRandom};
use strongroom_server::anchor;
use strongroom_server::app::trail_directory;
use strongroom_server::config::Config;
use strongroom_server::opening;
use strongroom_server::verification::{Beside, look_over};
use strongroom_store::{SqliteConfig, SqliteStore};
use strongroom_types::ids::uuid_v4;
use strongroom_types::{Clock as _, SystemClock};

use crate::data::{self, STORE_DIRECTORY};
use crate::process::TemporaryDirectory;
use crate::{audit, process, roots, settings, store};

/// Where the data is.
#[derive(Args)]
pub struct DataArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The configuration file, if the roots of trust are named in one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl DataArgs {
    /// Those of a data directory and a configuration file.
    pub fn new(data: PathBuf, config: Option<PathBuf>) -> Self {
        Self { data, config }
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.data
    }

    /// The settings that the flags ask for.
    ///
    /// # Errors
    /// When there is no such data directory, the configuration file cannot be read, or something in it is wrong.
    pub fn settings(&self) -> Result<Config, Box<dyn Error>> {
        let config = settings::load(self.config.as_deref(), |config| config.data.directory.clone_from(&self.data))?;
        let directory = self.data.display();
        match fs::metadata(&self.data) {
            Ok(found) if found.is_dir() => Ok(config),
            Ok(_) => Err(format!("the data directory {directory} is not a directory").into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("the data directory {directory} does not exist").into())
            }
            Err(error) => Err(format!("the data directory {directory}: {error}").into()),
        }
    }

    /// As [`DataArgs::settings`], for a command that works on a store that is there.
    ///
    /// # Errors
    /// As those, and when there is no store.
    pub fn settings_of_store(&self) -> Result<Config, Box<dyn Error>> {
        let config = self.settings()?;
        if config.store.url.is_some() || self.store().is_dir() {
            return Ok(config);
        }
        Err(format!("the data directory {} holds no store", self.data.display()).into())
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.data.join(STORE_DIRECTORY)
    }
}

/// Flags of `strongroom backup`.
#[derive(Args)]
pub struct BackupArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The file to make. It must not exist.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Makes a sealed backup of the store, also while a server runs.
///
/// # Errors
/// When the store cannot be read, the root of trust is not available, or the file cannot be written.
pub fn back_up(args: &BackupArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.data.settings_of_store()?;
    forbid_database(&config)?;
    if args.to.symlink_metadata().is_ok() {
        return Err(format!("{}: there is a file already; nothing was changed", args.to.display()).into());
    }
    let root = roots::open(&config, false, &SystemRandom)?;
    let scratch = TemporaryDirectory::within(&args.data.data, &SystemRandom)?;
    let copy = scratch.path().join("copy");
    SqliteStore::copy_of(args.data.store(), &copy, &SqliteConfig::default())?;
    // A name that nobody else has: what is removed after a failure is certainly this command's own.
    let number = strongroom_crypto::random::bytes(&SystemRandom)?;
    let mut draft = args.to.clone().into_os_string();
    draft.push(format!(".{}.part", uuid_v4(number)));
    let draft = PathBuf::from(draft);
    let bytes = write_backup(root.as_ref(), &copy, &draft).inspect_err(|_| drop(fs::remove_file(&draft)))?;
    // A link fails when there is a file already, where a rename would replace it.
    let placed = fs::hard_link(&draft, &args.to);
    fs::remove_file(&draft)?;
    placed.map_err(|error| format!("{}: {error}", args.to.display()))?;
    sync_directory_of(&args.to)?;
    println!("{}: {bytes} bytes of data, sealed under {}", args.to.display(), root.describe());
    Ok(())
}

/// A database is backed up, and restored, by its own means.
fn forbid_database(config: &Config) -> Result<(), Box<dyn Error>> {
    if config.store.url.is_none() {
        return Ok(());
    }
    Err("the store is in a PostgreSQL database: back it up and restore it with the database's own means, which \
         docs/postgresql.md describes"
        .into())
}

fn write_backup(root: &dyn RootOfTrust, copy: &Path, draft: &Path) -> Result<u64, Box<dyn Error>> {
    let file = private_file(draft).map_err(|error| format!("{}: {error}", draft.display()))?;
    let mut to = BufWriter::new(file);
    let bytes = backup::seal(root, &SystemRandom, &mut BufReader::new(File::open(copy)?), &mut to)?;
    to.flush()?;
    to.get_ref().sync_all()?;
    Ok(bytes)
}

/// Flags of `strongroom restore`.
#[derive(Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// Restores a backup into a data directory that holds no store yet, and verifies all of it.
///
/// # Errors
/// When there is a store, the directory is developer mode's, the backup is not whole, its root of trust is not
/// available, or what was restored does not verify; nothing is left in place of a store then.
pub fn restore(args: &RestoreArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.data.settings()?;
    forbid_database(&config)?;
    let store = args.data.store();
    if store.exists() {
        return Err(format!("{}: there is a store already; nothing was changed", store.display()).into());
    }
    if data::is_dev(&args.data.data) {
        let directory = args.data.data.display();
        return Err(format!(
            "the data directory {directory} was made with --dev, which lets anybody in: name another directory; nothing \
             was changed"
        )
        .into());
    }
    let root = roots::open(&config, false, &SystemRandom)?;
    let scratch = TemporaryDirectory::within(&args.data.data, &SystemRandom)?;
    let plain = scratch.path().join("copy");
    let mut to = BufWriter::new(private_file(&plain)?);
    let from = File::open(&args.from).map_err(|error| format!("{}: {error}", args.from.display()))?;
    backup::open(root.as_ref(), &mut BufReader::new(from), &mut to)?;
    to.flush()?;
    drop(to);
    let fresh = scratch.path().join(STORE_DIRECTORY);
    SqliteStore::restore(&plain, &fresh)?;
    let report = verify_store(&config, &fresh, root, Beside::default())?;
    fs::rename(&fresh, &store)?;
    sync_directory_of(&store)?;
    tell(&report);
    Ok(())
}

/// Verifies the store, also while a server runs: a copy as of one moment is what is looked at.
///
/// # Errors
/// When the store cannot be read, or something in it is wrong; every fault is printed.
pub fn verify_data(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    // Before the store is copied, which is then as far as the anchor or further.
    let anchor = args.settings_of_store()?.data.anchor;
    let text = anchor.as_deref().map(anchor::fetch).transpose()?.flatten();
    let report = store::on_copy(args, |config, copy, root| {
        let trail = trail_directory(&config);
        let anchor = anchor.as_deref().map(|path| (path, text.as_deref()));
        verify_store(&config, copy, root, Beside { trail: Some(&trail), anchor })
    })?;
    tell(&report);
    Ok(())
}

/// Opens the store in `directory`, looks at all of it, and fails unless everything is in order.
fn verify_store(
    config: &Config,
    directory: &Path,
    root: Arc<dyn RootOfTrust>,
    beside: Beside<'_>,
) -> Result<Report, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let store = opening::engine(config, directory, &random).await?;
        let report = look_over(&store, root, random, SystemClock.now(), beside).await?;
        store.close().await?;
        Ok::<_, Box<dyn Error>>(report)
    })?;
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    for fault in &report.faults {
        eprintln!("fault: {fault}");
    }
    if report.faults.is_empty() { Ok(report) } else { Err("the store does not verify".into()) }
}

fn tell(report: &Report) {
    let Report { secrets, values, documents, index_entries, .. } = report;
    println!(
        "verified: {secrets} secrets, {values} values, {documents} documents opened, {index_entries} index entries \
         agree"
    );
    if let Some(trail) = &report.trail {
        println!("{}", audit::told(trail));
    }
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
    use super::*;

    #[test]
    fn nothing_is_restored_among_developer_data() {
        let directory = TemporaryDirectory::new(&SystemRandom).expect("directory");
        fs::write(directory.path().join("dev"), "").expect("marked");
        let data = DataArgs { data: directory.path().to_owned(), config: None };
        let args = RestoreArgs { from: directory.path().join("no-backup"), data };
        let told = restore(&args).expect_err("refused").to_string();
        assert!(told.contains("was made with --dev"), "{told}");
        assert_eq!(fs::read_dir(directory.path()).expect("a listing").count(), 1);
    }
}
