//! Figures that cost a look at the store or the disk: looked after in the background, told as they were then.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use prometheus_client::registry::Unit;
use strongroom_core::Error;
use strongroom_core::rotation::Due;
use strongroom_core::secrets::SecretCount;
use strongroom_store::DATABASE_FILE;
use tokio::sync::watch;
use tracing::warn;

use super::family::Families;
use super::sample::seconds;
use crate::app::{App, trail_directory};
use crate::config::{Config, TlsConfig};
use crate::free::free_bytes;
use crate::gate::fault_text;
use crate::listen::CertificateFacts;
use crate::opening::STORE_DIRECTORY;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(15);
/// Between two looks at the files of the trail, in looks.
const FILES_EVERY: u64 = 4;
/// Between two counts of secrets, in looks: an hour.
const COUNT_EVERY: u64 = 240;
/// What the names of digests hold.
const DIGEST: &str = ".digest.";

/// What was seen, and where to look.
#[derive(Debug)]
pub(crate) struct Looks {
    trail: PathBuf,
    /// Of the embedded engine.
    database: Option<PathBuf>,
    tls: TlsConfig,
    accounts_max: usize,
    on: bool,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    trail_waiting: Option<u64>,
    trail_free_bytes: Option<u64>,
    trail: Option<TrailFiles>,
    database_bytes: Option<u64>,
    database_free_bytes: Option<u64>,
    certificate_ends_ms: Option<i64>,
    due: Option<Due>,
    nodes: Option<usize>,
    secrets: BTreeMap<String, SecretCount>,
}

/// What is in the folder of the trail.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct TrailFiles {
    files: u64,
    bytes: u64,
    newest_digest_seconds: Option<f64>,
}

impl Looks {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            trail: trail_directory(config),
            database: config
                .store
                .url
                .is_none()
                .then(|| config.data.directory.join(STORE_DIRECTORY).join(DATABASE_FILE)),
            tls: config.tls.clone(),
            accounts_max: usize::try_from(config.metrics.accounts_max).unwrap_or(usize::MAX),
            on: config.has_figures(),
            seen: Mutex::default(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds what was seen last.
    #[expect(clippy::cast_precision_loss, reason = "figures are told as floating-point numbers")]
    pub(super) fn tell(&self, families: &mut Families) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut gauge = |name, unit, told, value: Option<f64>| {
            // What is not known has a name all the same, so that rules can be held against it.
            families.gauges(name, unit, told, value.map(|value| (Vec::new(), value)));
        };
        let count = |count: Option<u64>| count.map(|count| count as f64);
        let (bytes, timestamp) = (|| Some(Unit::Bytes), || Some(Unit::Seconds));
        let told = "Records of changes that wait for being moved to the trail";
        gauge("trail_waiting_records", None, told, count(seen.trail_waiting));
        gauge("trail_free", bytes(), "Free space of the trail's file system", count(seen.trail_free_bytes));
        gauge("trail_files", None, "Files in the folder of the trail", count(seen.trail.map(|trail| trail.files)));
        let told = "Length of all files in the folder of the trail";
        gauge("trail_size", bytes(), told, count(seen.trail.map(|trail| trail.bytes)));
        let told = "When the trail's newest digest was written";
        let newest = seen.trail.and_then(|trail| trail.newest_digest_seconds);
        gauge("trail_newest_digest_timestamp", timestamp(), told, newest);
        gauge("store_size", bytes(), "Length of the embedded store's files", count(seen.database_bytes));
        gauge("store_free", bytes(), "Free space of the store's file system", count(seen.database_free_bytes));
        let told = "When the certificate that the configuration names ends";
        gauge("tls_certificate_not_after_timestamp", timestamp(), told, seen.certificate_ends_ms.map(seconds));
        let told = "Rotations that are due and not worked on; a thousand stands for that or more";
        gauge("rotations_due", None, told, seen.due.map(|due| due.jobs as f64));
        let told = "For how long the oldest rotation that is due waits";
        gauge("rotations_due_oldest_age", timestamp(), told, seen.due.map(|due| seconds(due.oldest_ms)));
        let told = "Servers on this store that say that they are there";
        gauge("nodes", None, told, seen.nodes.map(|nodes| nodes as f64));
        let (mut all, mut deleted) = (Vec::new(), Vec::new());
        for (account, count) in &seen.secrets {
            all.push((vec![("account", account.clone())], count.all as f64));
            deleted.push((vec![("account", account.clone())], count.deleted as f64));
        }
        let told = "Secrets in this region, those that are scheduled for deletion included; counted each hour";
        families.gauges("secrets", None, told, all);
        let told = "Secrets that are scheduled for deletion; counted each hour";
        families.gauges("secrets_scheduled_for_deletion", None, told, deleted);
    }
}

/// Looks again and again, until `stopped` says so. Ends at once when nobody asks for figures.
pub(crate) async fn repeat(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if !app.figures.looks.on {
        return;
    }
    let mut fails = false;
    for number in 0_u64.. {
        let looked = tokio::select! {
            _ = stopped.changed() => return,
            looked = look(&app, number) => looked,
        };
        if let Err(fault) = &looked
            && !fails
        {
            warn!(fault = %fault_text(fault), "figures of the store cannot be worked out");
        }
        fails = looked.is_err();
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Looks once; `number` counts the looks.
pub(super) async fn look(app: &Arc<App>, number: u64) -> Result<(), Error> {
    let looks = &app.figures.looks;
    let files = number.is_multiple_of(FILES_EVERY);
    let aside = Arc::clone(app);
    // What blocks.
    let looked = tokio::task::spawn_blocking(move || look_at_files(&aside.figures.looks, files)).await;
    if looked.is_err() {
        return Err(Error::internal("the look at the files did not end well"));
    }
    let waiting = app.outbox.waiting().await?;
    looks.change(|seen| seen.trail_waiting = Some(waiting));
    let due = app.rotations.due().await?;
    looks.change(|seen| seen.due = Some(due));
    let nodes = app.node.nodes.present(app.clock.now()).await?;
    looks.change(|seen| seen.nodes = Some(nodes));
    if number.is_multiple_of(COUNT_EVERY) {
        let mut secrets = BTreeMap::new();
        for account in app.identities.accounts().await?.into_iter().take(looks.accounts_max) {
            let count = app.secrets.count(&account, &app.region).await?;
            secrets.insert(account.as_str().to_owned(), count);
        }
        looks.change(|seen| seen.secrets = secrets);
    }
    Ok(())
}

fn look_at_files(looks: &Looks, trail: bool) {
    let length = |path: &Path| fs::metadata(path).ok().map(|found| found.len());
    let trail_free_bytes = free_bytes(&looks.trail).ok();
    let database_bytes = looks.database.as_ref().and_then(|database| {
        let mut log = database.clone().into_os_string();
        log.push("-wal");
        Some(length(database)?.saturating_add(length(Path::new(&log)).unwrap_or(0)))
    });
    let folder = looks.database.as_ref().and_then(|database| database.parent());
    let database_free_bytes = folder.and_then(|folder| free_bytes(folder).ok());
    let certificate = CertificateFacts::read(&looks.tls).ok().flatten();
    let trail = trail.then(|| {
        let mut found = TrailFiles::default();
        count_files(&looks.trail, &mut found);
        found
    });
    looks.change(|seen| {
        (seen.trail_free_bytes, seen.database_bytes) = (trail_free_bytes, database_bytes);
        seen.database_free_bytes = database_free_bytes;
        seen.certificate_ends_ms = certificate.map(|facts| facts.not_after.millis());
        seen.trail = trail.or(seen.trail);
    });
}

/// Counts the files under a folder. What cannot be read is left out.
fn count_files(folder: &Path, found: &mut TrailFiles) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            count_files(&entry.path(), found);
            continue;
        }
        found.files += 1;
        found.bytes = found.bytes.saturating_add(metadata.len());
        if entry.file_name().to_string_lossy().contains(DIGEST) {
            let written = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let written = written.map(|since| since.as_secs_f64());
            if written > found.newest_digest_seconds {
                found.newest_digest_seconds = written;
            }
        }
    }
}
