//! The worker of backups: takes one when it is due, drills when that is due, and keeps catalogue, figures and warnings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_core::catalogue::{
    BackupName, Catalogue, Due, Entry, Keep, LEASE_MS, Lease, Paces, Progress, due, removable,
};
use strongroom_core::{Documents, Identities};
use strongroom_crypto::{Keyring, Random, RootOfTrust, Witness};
#[cfg(test)]
use strongroom_places::Place;
use strongroom_store::Engine;
use strongroom_types::{Clock, Timestamp};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::drilling::{Drilled, Live, drill};
use super::taking::{Taking, take};
use super::{BackupsError, Listing, Shelf, place, room};
use crate::app::App;
use crate::config::Config;
use crate::figures::BackupFigures;
use crate::scratch::remove_left_behind;
use crate::standing::Standing;

/// Between two looks whether something is due, in ms.
const LOOK_MS: u64 = 5000;
/// Between two looks for backups that others took, in ms.
const ADOPT_MS: i64 = 900_000;
/// Before a failed work is tried again, in ms: doubled with each failure in a row.
const AGAIN_MS: i64 = 60_000;
/// And at most, in ms.
const AGAIN_MS_MAX: i64 = 3_600_000;
/// How long one work may take.
const WORK_MAX: Duration = Duration::from_secs(12 * 3600);
/// Clocks of nodes may differ by so much, in ms.
const AHEAD_MS: i64 = 3_600_000;
/// For so long it is told that somebody else has removed backups, in ms.
const REMOVED_MS: i64 = 7 * 86_400_000;
/// Whose warnings these are.
const WARNS: &str = "backups";

/// What the worker works with.
pub(crate) struct Backups {
    pub(super) shelf: Shelf,
    pub(super) catalogue: Catalogue,
    pub(super) documents: Arc<Documents>,
    identities: Arc<Identities>,
    store: Arc<dyn Engine>,
    witness: Witness,
    paces: Paces,
    keep: Keep,
    age_ms_max: Option<i64>,
    proven_ms_max: Option<i64>,
    /// The directory that holds what is worked on.
    scratch: PathBuf,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Whether the last look failed, so that it is told once.
    fails: AtomicBool,
    /// When this process last looked what is at the place; 0 for never.
    adopted_ms: AtomicI64,
    /// What the figures were last told.
    told: Mutex<Option<Progress>>,
    /// The lease that this node has.
    held: Mutex<Option<Lease>>,
}

/// The store that is backed up.
pub(crate) struct Source<'a> {
    pub(crate) root: &'a Arc<dyn RootOfTrust>,
    pub(crate) documents: &'a Arc<Documents>,
    pub(crate) identities: &'a Arc<Identities>,
    pub(crate) store: &'a Arc<dyn Engine>,
    pub(crate) keyring: &'a Arc<Keyring>,
}

impl Backups {
    /// Those of `source` to the place that `config` names; none when it names none.
    ///
    /// # Errors
    /// When the settings of the place cannot be used.
    pub(crate) fn of(
        config: &Config,
        source: &Source<'_>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Result<Option<Self>, BackupsError> {
        let Some(place) = place(config, clock)? else { return Ok(None) };
        Ok(Some(Self {
            shelf: Shelf::new(place, Arc::clone(source.root), Arc::clone(random)),
            catalogue: Catalogue::new(Arc::clone(source.documents), Arc::clone(clock)),
            documents: Arc::clone(source.documents),
            identities: Arc::clone(source.identities),
            store: Arc::clone(source.store),
            witness: Witness::new(Arc::clone(source.keyring), Arc::clone(random)),
            paces: config.backup.paces(),
            keep: config.backup.keep(),
            age_ms_max: config.backup.age_ms_max(),
            proven_ms_max: config.backup.proven_ms_max(),
            scratch: config.data.directory.clone(),
            clock: Arc::clone(clock),
            random: Arc::clone(random),
            fails: AtomicBool::new(false),
            adopted_ms: AtomicI64::new(0),
            told: Mutex::default(),
            held: Mutex::default(),
        }))
    }

    /// Does what is due, if anything, unless another node is at it.
    pub(super) async fn look(&self, figures: &BackupFigures) -> Result<(), BackupsError> {
        let now = self.clock.now();
        let due = due(&self.catalogue.progress().await?, self.paces, now);
        let since = now.millis().saturating_sub(self.adopted_ms.load(Ordering::Relaxed)).saturating_abs();
        if due.is_none() && since < ADOPT_MS {
            return Ok(());
        }
        let Some(lease) = self.catalogue.take().await? else { return Ok(()) };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
        self.adopted_ms.store(now.millis(), Ordering::Relaxed);
        let working = async {
            // A place that hangs for ever is given up at last; warnings tell of it long before.
            tokio::time::timeout(WORK_MAX, async {
                match due {
                    Some(due) => self.work(lease, due, figures).await,
                    None => self.adopt(lease).await.map(drop),
                }
            })
            .await
            .unwrap_or_else(|_| {
                Err(BackupsError::Fault("the work on backups was given up after half a day".to_owned()))
            })
        };
        let done = tokio::select! {
            done = working => done,
            lost = self.hold(lease) => Err(lost),
        };
        self.give_back().await?;
        match done {
            Err(BackupsError::Lost) => {
                warn!("another node has the work on backups by now");
                Ok(())
            }
            done => done,
        }
    }

    /// Gives the work back, if this node has it.
    async fn give_back(&self) -> Result<(), BackupsError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(lease) = held else { return Ok(()) };
        Ok(self.catalogue.give_back(lease).await?)
    }

    /// Keeps the lease until it is lost.
    async fn hold(&self, lease: Lease) -> BackupsError {
        loop {
            tokio::time::sleep(Duration::from_millis(u64::try_from(LEASE_MS / 4).unwrap_or_default())).await;
            match self.catalogue.renew(lease).await {
                Ok(true) => {}
                Ok(false) => return BackupsError::Lost,
                // It is lost when this lasts; the next attempt tells.
                Err(error) => warn!(error = ?error, "the lease on backups cannot be renewed"),
            }
        }
    }

    async fn work(&self, lease: Lease, due: Due, figures: &BackupFigures) -> Result<(), BackupsError> {
        match due {
            Due::Backup(_) => match self.back_up(lease).await {
                Err(BackupsError::Lost) => Err(BackupsError::Lost),
                Err(fault) => {
                    figures.failures.inc();
                    error!(%fault, place = self.shelf.describe(), "no backup could be taken; it is tried again");
                    let now = self.clock.now();
                    let failed = |progress: &mut Progress| progress.failed(now, pause_ms(progress.backup_failures));
                    self.keep_if_mine(lease, &[], &[], failed).await
                }
                Ok(()) => Ok(()),
            },
            Due::Drill => match self.drill(lease).await {
                Err(BackupsError::Lost) => Err(BackupsError::Lost),
                Err(fault) => {
                    figures.drill_failures.inc();
                    error!(%fault, place = self.shelf.describe(), "the drill of backups proved nothing; it is tried again");
                    let (now, text) = (self.clock.now(), fault.to_string());
                    let unproven = |progress: &mut Progress| progress.unproven(text.clone(), now, AGAIN_MS_MAX);
                    self.keep_if_mine(lease, &[], &[], unproven).await
                }
                Ok(()) => Ok(()),
            },
        }
    }

    async fn keep_if_mine(
        &self,
        lease: Lease,
        entries: &[Entry],
        gone: &[BackupName],
        change: impl FnMut(&mut Progress),
    ) -> Result<(), BackupsError> {
        if self.catalogue.change(lease, entries, gone, change).await? { Ok(()) } else { Err(BackupsError::Lost) }
    }

    /// The first account of the store.
    async fn account(&self) -> Result<String, BackupsError> {
        let account = self.identities.first_account().await?;
        Ok(account.map(|account| account.as_str().to_owned()).unwrap_or_default())
    }

    /// The catalogue's entries for what is at the place.
    fn entries(&self, listing: &Listing) -> Vec<Entry> {
        let entry = |shelved: &super::Shelved| Entry {
            manifest: shelved.manifest.clone(),
            place: self.shelf.describe(),
            proof: shelved.proof.clone(),
        };
        listing.backups.values().map(entry).collect()
    }

    /// What is at the place. The catalogue learns of what others put there: the command line, and, after this store was
    /// restored from a backup, the life before that.
    async fn adopt(&self, lease: Lease) -> Result<Listing, BackupsError> {
        let listing = self.shelf.list().await?;
        let account = self.account().await?;
        if let Some(foreign) = listing.backups.values().find(|shelved| shelved.manifest.account != account) {
            let (account, place) = (&foreign.manifest.account, self.shelf.describe());
            let text = format!("{place} has backups of account {account}: name another directory, bucket or prefix");
            return Err(BackupsError::Fault(text));
        }
        for fault in listing.faults.values() {
            warn!(%fault, "a backup at the place is damaged");
        }
        let known: BTreeMap<String, Entry> =
            self.catalogue.entries().await?.into_iter().map(|entry| (entry.manifest.name.clone(), entry)).collect();
        let mut entries = self.entries(&listing);
        entries.retain(|entry| known.get(&entry.manifest.name) != Some(entry));
        let (newest_ms, newest_full_ms) = listing.newest_ms();
        let now = self.clock.now();
        if newest_ms.is_some_and(|newest_ms| newest_ms.saturating_sub(now.millis()) > AHEAD_MS) {
            let place = self.shelf.describe();
            warn!(
                place,
                "the newest backup is named later than now, by a clock that was ahead: new ones are named behind it"
            );
        }
        let proof = listing.backups.values().filter_map(|shelved| shelved.proof.clone()).max_by_key(|p| p.proven_ms);
        let change = |progress: &mut Progress| {
            progress.learnt(newest_ms, newest_full_ms, now);
            if let Some(proof) = proof.as_ref().filter(|proof| progress.proven_ms < Some(proof.proven_ms)) {
                progress.proven(proof);
            }
        };
        self.keep_if_mine(lease, &entries, &[], change).await?;
        Ok(listing)
    }

    async fn back_up(&self, lease: Lease) -> Result<(), BackupsError> {
        let listing = self.adopt(lease).await?;
        // What is at the place decides: somebody may have taken one by hand.
        let kind = match due(&self.catalogue.progress().await?, self.paces, self.clock.now()) {
            Some(Due::Backup(kind)) => kind,
            _ => return Ok(()),
        };
        let taking = Taking {
            source: self.store.as_ref(),
            witness: &self.witness,
            account: self.account().await?,
            scratch: &self.scratch,
            clock: self.clock.as_ref(),
            random: Arc::clone(&self.random),
        };
        room::check(&self.scratch, room::for_backup(&listing))?;
        let manifest = take(&taking, &self.shelf, &listing, kind).await?;
        info!(backup = manifest.name, bytes = manifest.object_bytes, documents = manifest.documents, "took a backup");
        let entry = Entry { manifest: manifest.clone(), place: self.shelf.describe(), proof: None };
        let now = self.clock.now();
        self.keep_if_mine(lease, &[entry], &[], |progress| progress.succeeded(&manifest, now)).await?;
        if let Err(error) = self.retain(lease).await {
            // The backup was taken all the same; the next one tries again.
            warn!(%error, "backups that need not be kept could not be removed");
        }
        Ok(())
    }

    /// Removes the backups that need not be kept.
    async fn retain(&self, lease: Lease) -> Result<(), BackupsError> {
        let listing = self.shelf.list().await?;
        let now = self.clock.now();
        for name in removable(&listing.kept(), self.keep, now) {
            // Who has lost the lease removes nothing more.
            self.keep_if_mine(lease, &[], std::slice::from_ref(&name), |_| ()).await?;
            self.shelf.remove(&name, &listing).await?;
            info!(backup = %name, "removed a backup that need not be kept");
        }
        self.shelf.remove_strays(&listing, now).await
    }

    async fn drill(&self, lease: Lease) -> Result<(), BackupsError> {
        let known = self.catalogue.entries().await?;
        let known: Vec<BackupName> = known.iter().filter_map(|entry| entry.manifest.backup_name()).collect();
        // A restore on a new machine has nothing but what stands at the place.
        self.shelf.forget();
        let listing = self.adopt(lease).await?;
        room::check(&self.scratch, room::for_drill(&listing))?;
        let live = Live { store: self.store.as_ref(), documents: &self.documents, known: &known };
        let clock = self.clock.as_ref();
        let drilled = match drill(&self.shelf, &listing, Some(live), &self.scratch, clock, &self.random).await {
            // What the listing tells of, no backup builds on anyway.
            Err(fault) if fault.is_of_chain() && listing.faults.is_empty() => {
                self.keep_if_mine(lease, &[], &[], |progress| progress.is_distrusted = true).await?;
                return Err(fault);
            }
            drilled => drilled?,
        };
        self.shelf.prove(&drilled.proof, &listing).await?;
        let Drilled { manifest, proof, parts, .. } = drilled;
        info!(backup = manifest.name, parts, took_ms = proof.took_ms, compared = proof.compared, "proved a backup");
        // What is older than a proven backup and is not there any more is of no use.
        let gone: Vec<BackupName> = known
            .into_iter()
            .filter(|name| !listing.backups.contains_key(name) && !listing.faults.contains_key(name))
            .collect();
        for name in &gone {
            warn!(backup = %name, "a backup is not at the place any more");
        }
        let entry = Entry { manifest, place: self.shelf.describe(), proof: Some(proof.clone()) };
        let kept = |progress: &mut Progress| {
            progress.proven(&proof);
            if !gone.is_empty() {
                progress.removed_ms = Some(proof.proven_ms);
            }
        };
        self.keep_if_mine(lease, &[entry], &gone, kept).await
    }

    /// Tells figures and warnings how the work stands.
    pub(super) async fn tell(&self, figures: &BackupFigures, standing: &Standing) -> Result<(), BackupsError> {
        let progress = self.catalogue.progress().await?;
        standing.warn(WARNS, self.warnings(&progress, self.clock.now()));
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&progress) {
            // Whoever changes an entry changes how the work stands.
            return Ok(());
        }
        let entries = self.catalogue.entries().await?;
        let seconds = |ms: Option<i64>| std::time::Duration::from_millis(u64::try_from(ms.unwrap_or(0)).unwrap_or(0));
        figures.last_success.set(seconds(progress.newest_ms).as_secs_f64());
        figures.last_proven.set(seconds(progress.proven_ms).as_secs_f64());
        figures.drill_seconds.set(seconds(progress.proven_took_ms).as_secs_f64());
        let bytes = |entry: &Entry| i64::try_from(entry.manifest.object_bytes).unwrap_or(i64::MAX);
        figures.newest_bytes.set(entries.last().map_or(0, bytes));
        figures.newest_seconds.set(seconds(entries.last().map(|entry| entry.manifest.took_ms)).as_secs_f64());
        figures.kept.set(i64::try_from(entries.len()).unwrap_or(i64::MAX));
        figures.kept_bytes.set(entries.iter().map(bytes).fold(0, i64::saturating_add));
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
        Ok(())
    }

    /// Tells the log when something fails that is no matter of a single backup: once, not at every look.
    fn note(&self, outcome: Result<(), BackupsError>) {
        note(&self.fails, outcome);
    }

    /// The same at another place.
    #[cfg(test)]
    pub(super) fn at(&self, place: Arc<dyn Place>) -> Self {
        Self {
            shelf: Shelf::new(place, Arc::clone(self.shelf.root()), Arc::clone(&self.random)),
            catalogue: Catalogue::new(Arc::clone(&self.documents), Arc::clone(&self.clock)),
            documents: Arc::clone(&self.documents),
            identities: Arc::clone(&self.identities),
            store: Arc::clone(&self.store),
            witness: self.witness.clone(),
            scratch: self.scratch.clone(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            fails: AtomicBool::new(false),
            adopted_ms: AtomicI64::new(0),
            told: Mutex::default(),
            held: Mutex::default(),
            ..*self
        }
    }

    /// What somebody should know. Names neither places nor faults: whoever reaches the port may read it.
    pub(super) fn warnings(&self, progress: &Progress, now: Timestamp) -> Vec<String> {
        let mut told = Vec::new();
        let is_old = |at_ms: Option<i64>, max: Option<i64>| {
            // Before there is one, counted from when they were first to be taken.
            let since = at_ms.or(progress.began_ms);
            since.zip(max).is_some_and(|(since, max)| now.millis().saturating_sub(since) > max)
        };
        if is_old(progress.newest_ms, self.age_ms_max) {
            told.push("the newest backup is older than backup.age_hours_max".to_owned());
        }
        if progress.backup_failures > 0 || self.fails.load(Ordering::Relaxed) {
            told.push("the last backup could not be taken: see the log".to_owned());
        }
        if is_old(progress.proven_ms, self.proven_ms_max) {
            told.push("the last proven restore of a backup is longer ago than backup.proven_hours_max".to_owned());
        }
        // Retention takes a backup out of the catalogue before it removes it.
        if progress.removed_ms.is_some_and(|at_ms| now.millis().saturating_sub(at_ms) < REMOVED_MS) {
            told.push("backups were removed by somebody else in the last days: see the log".to_owned());
        }
        if progress.drill_fault.is_some() {
            told.push("the last drill of backups proved nothing: see the log".to_owned());
        }
        told
    }
}

/// Tells the log of the first of failures that follow one another.
fn note(fails: &AtomicBool, outcome: Result<(), BackupsError>) {
    match outcome {
        Ok(()) => fails.store(false, Ordering::Relaxed),
        Err(fault) if !fails.swap(true, Ordering::Relaxed) => {
            error!(%fault, "the catalogue of backups cannot be kept");
        }
        Err(_) => {}
    }
}

/// Before work that failed `failures` times before is tried again, in ms.
fn pause_ms(failures: u32) -> i64 {
    AGAIN_MS.saturating_mul(1_i64.checked_shl(failures.min(20)).unwrap_or(i64::MAX)).min(AGAIN_MS_MAX)
}

/// Works until it is stopped. What is under way is left then: nothing of it counts before it is whole.
pub(crate) async fn until_stopped(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let Some(backups) = &app.backups else { return };
    // What a killed server was at: parts of the store, restored or on their way to the place.
    let scratch = backups.scratch.clone();
    if tokio::task::spawn_blocking(move || remove_left_behind(&scratch)).await.is_err() {
        warn!("what work on backups has left behind could not be looked for");
    }
    let pause = || tokio::time::sleep(Duration::from_millis(LOOK_MS));
    let figures = &app.figures.backups;
    let working = async {
        loop {
            // A store that is frozen or was moved is none to take backups of.
            if app.standing.takes_changes() {
                backups.note(backups.look(figures).await);
            }
            pause().await;
        }
    };
    // Beside the work, which may hang with the place: that is to be told then.
    let untold = AtomicBool::new(false);
    let telling = async {
        loop {
            note(&untold, backups.tell(figures, &app.standing).await);
            pause().await;
        }
    };
    tokio::select! {
        _ = stopped.changed() => {}
        () = working => {}
        () = telling => {}
    }
    // Another node need not wait for the lease to end.
    if app.standing.takes_changes() {
        backups.note(backups.give_back().await);
    }
}
