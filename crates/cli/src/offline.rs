//! Where the data of a command is; and `strongroom verify`, which works beside a running server or without one.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use strongroom_core::verification::Report;
use strongroom_crypto::{Random, RootOfTrust, SystemRandom};
use strongroom_server::anchor;
use strongroom_server::app::trail_directory;
use strongroom_server::config::Config;
use strongroom_server::opening;
use strongroom_server::verification::{Beside, look_over};
use strongroom_types::{Clock as _, SystemClock};

use crate::data::STORE_DIRECTORY;
use crate::output::out;
use crate::{audit, settings, store};

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
        Err(format!(
            "the data directory {} holds no store; one in a database is named by --config",
            self.data.display()
        )
        .into())
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.data.join(STORE_DIRECTORY)
    }
}

/// Verifies the store, also while a server runs: a copy as of one moment is what is looked at.
///
/// # Errors
/// When the store cannot be read, or something in it is wrong; every fault is printed.
pub fn verify_data(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    // Before the store is copied, which is then as far as the anchor or further.
    let anchor = args.settings_of_store()?.data.anchor;
    let text = anchor.as_deref().map(anchor::fetch).transpose()?.flatten();
    let report = store::on_copy(args, |config, copy, root, faults| {
        let trail = trail_directory(&config);
        let anchor = anchor.as_deref().map(|path| (path, text.as_deref()));
        verify_store(&config, copy, root, Beside { trail: Some(&trail), anchor }, faults)
    })?;
    tell(&report);
    Ok(())
}

/// Opens the store in `directory`, looks at all of it, and fails unless everything is in order and there are no `faults`.
fn verify_store(
    config: &Config,
    directory: &Path,
    root: Arc<dyn RootOfTrust>,
    beside: Beside<'_>,
    mut faults: Vec<String>,
) -> Result<Report, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let store = opening::engine(config, directory, &random).await?;
        let mut report = look_over(&store, root, random, SystemClock.now(), beside).await?;
        if beside.anchor.is_none() && store.ledger().await.is_ok_and(|ledger| ledger.anchor().is_some()) {
            report.notes.push("the store has an anchor, which was not looked at: name it with --config".to_owned());
        }
        store.close().await?;
        Ok::<_, Box<dyn Error>>(report)
    })?;
    for note in &report.notes {
        eprintln!("note: {note}");
    }
    faults.extend(report.faults.iter().cloned());
    // What the database has against itself, its copy mostly has too.
    faults.sort();
    faults.dedup();
    for fault in &faults {
        eprintln!("fault: {fault}");
    }
    if faults.is_empty() { Ok(report) } else { Err("the store does not verify".into()) }
}

/// Prints what was looked at.
pub fn tell(report: &Report) {
    let Report { secrets, values, documents, index_entries, .. } = report;
    out!(
        "verified: {secrets} secrets, {values} values, {documents} documents opened, {index_entries} index entries \
         agree"
    );
    if let Some(trail) = &report.trail {
        out!("{}", audit::told(trail));
    }
}
