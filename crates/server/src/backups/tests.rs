//! Backups of a server's store: what is due is done, what is wrong at the place is found, and nothing counts before it is whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use strongroom_core::catalogue::{BackupKind, LEASE_MS};
use strongroom_crypto::Random;
use strongroom_places::{Content, Directory, Entry, Place, PlaceError, PlaceFuture};
use strongroom_types::Clock as _;
use tempfile::TempDir;

use super::*;
use crate::tests::House;

const HOUR_MS: i64 = 3_600_000;

/// A house whose backups go to a directory.
struct Backed {
    house: House,
    place: PathBuf,
    _folder: TempDir,
}

impl Backed {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut crate::config::BackupConfig)) -> Self {
        let folder = TempDir::new().unwrap();
        let place = folder.path().join("backups");
        let house = House::open(|config| {
            config.backup.directory = Some(place.clone());
            change(&mut config.backup);
        })
        .await;
        Self { house, place, _folder: folder }
    }

    fn backups(&self) -> &Backups {
        self.house.app.backups.as_ref().unwrap()
    }

    async fn look(&self) {
        self.look_with(self.backups()).await;
    }

    async fn look_with(&self, backups: &Backups) {
        backups.look(&self.house.app.figures.backups).await.unwrap();
        backups.tell(&self.house.app.figures.backups, &self.house.app.standing).await.unwrap();
    }

    async fn create(&self, name: &str) {
        let token = format!("{name:0>36}");
        let body = format!(r#"{{"Name":"{name}","SecretString":"value of {name}","ClientRequestToken":"{token}"}}"#);
        assert_eq!(self.house.call("CreateSecret", &body, true).await.status, 200);
    }

    /// The backups in the catalogue, by kind.
    async fn kinds(&self) -> Vec<BackupKind> {
        self.backups().catalogue.entries().await.unwrap().iter().map(|entry| entry.manifest.kind).collect()
    }

    fn hours(&self, hours: i64) {
        self.house.clock.advance_millis(hours * HOUR_MS);
    }

    /// A full backup with an increment on it, neither proven yet, and a third that is full again.
    async fn with_three() -> Self {
        let backed = Self::with(|backup| (backup.full_every_hours, backup.drill_every_hours) = (2, 1)).await;
        backed.create("one").await;
        backed.look().await;
        backed.create("two").await;
        backed.hours(1);
        backed.look().await;
        backed.create("three").await;
        assert_eq!(backed.kinds().await, [BackupKind::Full, BackupKind::Increment]);
        backed
    }

    /// Files at the place whose names end so, the oldest backup's first.
    fn files(&self, suffix: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(&self.place).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.to_str().unwrap().ends_with(suffix));
        found.sort();
        found
    }

    /// Scratch directories in the data directory.
    fn left_behind(&self) -> usize {
        let names = fs::read_dir(&self.house.directory).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().starts_with("strongroom-")).count()
    }

    fn drill_failures(&self) -> u64 {
        self.house.app.figures.backups.drill_failures.get()
    }
}

const FULL: BackupKind = BackupKind::Full;
const INCREMENT: BackupKind = BackupKind::Increment;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_done_and_what_was_taken_is_proven() {
    let backed = Backed::with(|backup| backup.full_every_hours = 3).await;
    backed.create("one").await;
    backed.look().await;
    assert_eq!(backed.kinds().await, [FULL]);
    backed.look().await;
    let progress = backed.backups().catalogue.progress().await.unwrap();
    assert_eq!(progress.proven_ms, Some(backed.house.clock.now().millis()));
    let entries = backed.backups().catalogue.entries().await.unwrap();
    let proof = entries[0].proof.as_ref().unwrap();
    assert!(proof.compared > 3 && proof.documents > proof.compared, "{proof:?}");
    backed.look().await;
    assert_eq!(backed.kinds().await, [FULL], "nothing more is due");
    for (hour, kinds) in
        [(1, vec![FULL, INCREMENT]), (2, vec![FULL, INCREMENT, INCREMENT]), (3, vec![FULL, INCREMENT, INCREMENT, FULL])]
    {
        backed.create(&format!("more-{hour}")).await;
        backed.hours(1);
        backed.look().await;
        assert_eq!(backed.kinds().await, kinds);
    }
    assert_eq!(backed.house.app.standing.warnings(), [""; 0]);
    let text = String::from_utf8(
        backed.house.app.figures.answer(&backed.house.app, crate::front::Form::OpenMetrics).body.expose().to_vec(),
    )
    .unwrap();
    assert!(text.contains("strongroom_backup_kept 4"), "{text}");
    assert!(text.contains("strongroom_backup_failures_total 0"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_chain_is_the_store_again() {
    let backed = Backed::with_three().await;
    let shelf = &backed.backups().shelf;
    let listing = shelf.list().await.unwrap();
    let folder = TempDir::new().unwrap();
    let target = crate::transfer::Place::embedded(&folder.path().join("store"));
    let newest = listing.newest(None).unwrap();
    let random: Arc<dyn Random> = Arc::new(strongroom_crypto::SystemRandom);
    let now = backed.house.clock.now();
    let restored = restore(shelf, &listing, newest, &target, folder.path(), now, &random).await.unwrap();
    assert_eq!((restored.parts, restored.report.secrets), (2, 2));
    let again = House::open_in(folder.path(), 12, |_| {}).await.unwrap();
    for name in ["one", "two"] {
        let told = again.call("GetSecretValue", &format!(r#"{{"SecretId":"{name}"}}"#), true).await;
        assert!(told.text.contains(&format!("value of {name}")), "{told:?}");
    }
    assert_eq!(again.call("GetSecretValue", r#"{"SecretId":"three"}"#, true).await.status, 400, "it came later");
    // The first of them by time.
    let first = listing.newest(Some(listing.backups.keys().next().unwrap().taken())).unwrap();
    assert_eq!(first.kind(), FULL);
}

type Harm = fn(&Backed);

/// What somebody may do to a place, and what the drill says of it.
const HARMS: [(&str, Harm, &str); 10] = [
    ("altered", |backed| alter(&backed.files(".backup")[1]), "another object than the one that was put there"),
    ("altered base", |backed| alter(&backed.files(".backup")[0]), "another object than the one that was put there"),
    ("cut off", |backed| cut(&backed.files(".backup")[1]), "bytes in place of"),
    ("swapped", |backed| swap(&backed.files(".backup")), "is damaged"),
    ("older in place of newer", |backed| replace(backed, false), "is damaged"),
    ("older with its manifest", |backed| replace(backed, true), "its manifest: "),
    ("newest removed", |backed| remove(&backed.files("increment"), backed), "is not at the place"),
    ("manifest removed", |backed| fs::remove_file(&backed.files(".manifest")[1]).unwrap(), "is not at the place"),
    ("manifest altered", |backed| alter(&backed.files(".manifest")[1]), "its manifest: "),
    ("object removed", |backed| fs::remove_file(&backed.files(".backup")[1]).unwrap(), "only its manifest is there"),
];

fn alter(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
}

fn swap(paths: &[PathBuf]) {
    let (first, second) = (fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
    fs::write(&paths[0], second).unwrap();
    fs::write(&paths[1], first).unwrap();
}

fn replace(backed: &Backed, manifest: bool) {
    let files = backed.files(".backup");
    fs::copy(&files[0], &files[1]).unwrap();
    if manifest {
        let files = backed.files(".manifest");
        fs::copy(&files[0], &files[1]).unwrap();
    }
}

fn remove(_: &[PathBuf], backed: &Backed) {
    for file in [backed.files(".backup"), backed.files(".manifest")] {
        fs::remove_file(&file[1]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_at_the_place_the_drill_tells() {
    for (what, harm, wanted) in HARMS {
        let backed = Backed::with_three().await;
        let before: Vec<(PathBuf, Vec<u8>)> =
            backed.files("").into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        harm(&backed);
        // The drill is due, no backup is. A cold look, as that of a node which knows no manifest yet.
        let cold = backed.backups().at(Arc::new(Directory::new(&backed.place)));
        backed.look_with(&cold).await;
        let progress = cold.catalogue.progress().await.unwrap();
        let fault = progress.drill_fault.clone().unwrap_or_default();
        assert!(fault.contains(wanted), "{what}: {fault}");
        assert_eq!((progress.proven_ms, backed.drill_failures()), (None, 1), "{what}");
        assert_eq!(backed.house.app.standing.warnings(), ["the last drill of backups proved nothing: see the log"]);
        assert_eq!(backed.left_behind(), 0, "{what}");
        // Put right again, the next drill proves it.
        for (path, bytes) in before {
            fs::write(path, bytes).unwrap();
        }
        backed.house.clock.advance_millis(HOUR_MS - 1);
        let again = backed.backups().at(Arc::new(Directory::new(&backed.place)));
        let listing = again.shelf.list().await.unwrap();
        assert_eq!((listing.backups.len(), listing.faults.len()), (2, 0), "{what}");
        backed.house.clock.advance_millis(1);
        backed.look_with(&again).await;
        backed.look_with(&again).await;
        assert!(again.catalogue.progress().await.unwrap().proven_ms.is_some(), "{what}");
        assert_eq!(backed.house.app.standing.warnings(), [""; 0], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_that_somebody_removed_are_told_also_when_there_are_newer_ones() {
    let backed = Backed::with_three().await;
    remove(&[], &backed);
    // A backup is due before the drill, and so there is a newer one than that which is gone.
    backed.hours(1);
    backed.look().await;
    backed.look().await;
    let told = "backups were removed by somebody else in the last days: see the log";
    assert_eq!((backed.house.app.standing.warnings(), backed.drill_failures()), (vec![told.to_owned()], 0));
    assert_eq!(backed.kinds().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_opens_what_stands_at_the_place_and_not_what_was_there() {
    let backed = Backed::with_three().await;
    backed.backups().shelf.list().await.unwrap();
    alter(&backed.files(".manifest")[1]);
    // The drill is due, and this node has opened that manifest before.
    backed.look().await;
    let fault = backed.backups().catalogue.progress().await.unwrap().drill_fault.unwrap_or_default();
    assert!(fault.contains("its manifest: "), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_built_on_what_could_not_be_restored() {
    let backed = Backed::with(|backup| (backup.full_every_hours, backup.drill_every_hours) = (100, 1)).await;
    backed.look().await;
    backed.hours(1);
    backed.look().await;
    alter(&backed.files(".backup")[0]);
    backed.look().await;
    assert_eq!((backed.kinds().await, backed.drill_failures()), (vec![FULL, INCREMENT], 1));
    backed.hours(1);
    backed.look().await;
    backed.look().await;
    assert_eq!(backed.kinds().await, [FULL, INCREMENT, FULL]);
    let progress = backed.backups().catalogue.progress().await.unwrap();
    assert_eq!((progress.is_distrusted, progress.drill_fault), (false, None));
    backed.hours(1);
    backed.look().await;
    assert_eq!(backed.kinds().await, [FULL, INCREMENT, FULL, INCREMENT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_that_others_put_there_hide_neither_backups_nor_the_proof() {
    let backed = Backed::open().await;
    backed.look().await;
    backed.look().await;
    let name = backed.backups().catalogue.entries().await.unwrap()[0].manifest.backup_name().unwrap();
    let proven = backed.house.clock.now();
    for (number, bytes) in
        [(1, vec![0; 300_000]), (2, Vec::new()), (3, fs::read(&backed.files(".manifest")[0]).unwrap())]
    {
        fs::write(backed.place.join(name.proof(proven.plus_millis(number))), bytes).unwrap();
    }
    let listing = backed.backups().shelf.list().await.unwrap();
    let proof = listing.backups.get(&name).and_then(|shelved| shelved.proof.as_ref());
    assert_eq!(proof.map(|proof| proof.proven_ms), Some(proven.millis()));
    backed.hours(1);
    backed.look().await;
    assert_eq!(backed.kinds().await, [FULL, INCREMENT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_clock_was_ahead_the_newest_backup_is_still_the_last_one() {
    const YEAR_MS: i64 = 365 * 24 * HOUR_MS;
    let backed = Backed::with(|backup| backup.drill_every_hours = 0).await;
    backed.house.clock.advance_millis(YEAR_MS);
    backed.look().await;
    backed.house.clock.advance_millis(-YEAR_MS);
    for count in 2..5 {
        backed.create(&format!("later-{count}")).await;
        backed.hours(1);
        for _ in 0..3 {
            // Not more than one an hour, also where the place is looked at anew.
            let cold = backed.backups().at(Arc::new(Directory::new(&backed.place)));
            backed.look_with(&cold).await;
        }
        let listing = backed.backups().shelf.list().await.unwrap();
        assert_eq!(listing.backups.len(), count);
        let most = listing.backups.values().map(|shelved| shelved.manifest.commits).max();
        let newest = listing.backups.get(listing.newest(None).unwrap()).unwrap();
        // How old the last full one is, nobody knows at first.
        let kind = if count == 2 { FULL } else { INCREMENT };
        assert_eq!((newest.manifest.kind, Some(newest.manifest.commits)), (kind, most));
    }
    backed.hours(30);
    let progress = backed.backups().catalogue.progress().await.unwrap();
    let told = backed.backups().warnings(&progress, backed.house.clock.now());
    assert_eq!(told, ["the newest backup is older than backup.age_hours_max"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_could_compare_nothing_proves_nothing() {
    let backed = Backed::open().await;
    backed.look().await;
    let (folder, place) = (TempDir::new().unwrap(), backed.place.join("other"));
    let other = House::open_in(folder.path(), 13, |config| config.backup.directory = Some(place)).await.unwrap();
    for name in ["a", "b", "c", "d"] {
        let token = format!("{name:0>36}");
        let body = format!(r#"{{"Name":"{name}","SecretString":"value","ClientRequestToken":"{token}"}}"#);
        assert_eq!(other.call("CreateSecret", &body, true).await.status, 200);
    }
    let listing = backed.backups().shelf.list().await.unwrap();
    let live =
        Live { store: other.app.store.as_ref(), documents: &other.app.backups.as_ref().unwrap().documents, known: &[] };
    let random: Arc<dyn Random> = Arc::new(strongroom_crypto::SystemRandom);
    let clock = &backed.house.clock;
    let drilled = drill(&backed.backups().shelf, &listing, Some(live), &backed.house.directory, clock, &random).await;
    let told = drilled.map(|drilled| drilled.proof).unwrap_err().to_string();
    assert!(told.contains("nothing in it is as the live store has it"), "{told}");
}

/// A place that fails as it is told.
struct Faulty {
    inner: Directory,
    mode: Arc<AtomicU8>,
}

const FINE: u8 = 0;
const IS_FULL: u8 = 1;
const FAILS_IN_THE_MIDDLE: u8 = 2;
const HANGS: u8 = 3;
const LOSES_ANSWERS: u8 = 4;

impl Place for Faulty {
    fn describe(&self) -> String {
        "a faulty place".to_owned()
    }

    fn put<'a>(&'a self, name: &'a str, content: Content<'a>) -> PlaceFuture<'a, ()> {
        Box::pin(async move {
            match self.mode.load(Ordering::SeqCst) {
                IS_FULL => return Err(PlaceError::Full(self.describe())),
                FAILS_IN_THE_MIDDLE if name.ends_with(".manifest") => {
                    return Err(PlaceError::Unavailable("the line was cut".to_owned()));
                }
                HANGS => std::future::pending::<()>().await,
                LOSES_ANSWERS if name.ends_with(".manifest") => {
                    self.inner.put(name, content).await?;
                    return Err(PlaceError::Unavailable("the line was cut".to_owned()));
                }
                _ => {}
            }
            self.inner.put(name, content).await
        })
    }

    fn list(&self) -> PlaceFuture<'_, Vec<Entry>> {
        self.inner.list()
    }

    fn read<'a>(&'a self, name: &'a str, bytes_max: u64) -> PlaceFuture<'a, Vec<u8>> {
        self.inner.read(name, bytes_max)
    }

    fn fetch<'a>(&'a self, name: &'a str, to: &'a Path, bytes_max: u64) -> PlaceFuture<'a, u64> {
        self.inner.fetch(name, to, bytes_max)
    }

    fn delete<'a>(&'a self, name: &'a str) -> PlaceFuture<'a, ()> {
        Box::pin(async move {
            // A line that is cut stays so for a while.
            if self.mode.load(Ordering::SeqCst) == FAILS_IN_THE_MIDDLE {
                return Err(PlaceError::Unavailable("the line was cut".to_owned()));
            }
            self.inner.delete(name).await
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_fails_is_told_and_tried_again() {
    for fault in [IS_FULL, FAILS_IN_THE_MIDDLE, LOSES_ANSWERS] {
        let backed = Backed::open().await;
        let mode = Arc::new(AtomicU8::new(fault));
        let faulty = Faulty { inner: Directory::new(&backed.place), mode: Arc::clone(&mode) };
        let backups = backed.backups().at(Arc::new(faulty));
        backed.look_with(&backups).await;
        assert_eq!(backed.house.app.figures.backups.failures.get(), 1);
        assert_eq!((backed.kinds().await.len(), backups.shelf.list().await.unwrap().backups.len()), (0, 0));
        backed.look_with(&backups).await;
        assert_eq!(backed.house.app.figures.backups.failures.get(), 1, "not at once");
        backed.house.clock.advance_millis(60_000);
        backed.look_with(&backups).await;
        assert_eq!(backed.house.app.figures.backups.failures.get(), 2);
        backed.house.clock.advance_millis(60_000);
        backed.look_with(&backups).await;
        assert_eq!(backed.house.app.figures.backups.failures.get(), 2, "later and later");
        backed.hours(26);
        mode.store(FINE, Ordering::SeqCst);
        let told = backups.warnings(&backups.catalogue.progress().await.unwrap(), backed.house.clock.now());
        assert_eq!(
            told,
            ["the newest backup is older than backup.age_hours_max", "the last backup could not be taken: see the log"]
        );
        backed.look_with(&backups).await;
        assert_eq!(backed.kinds().await, [FULL]);
        // What was left of the attempts has gone.
        assert_eq!((backed.files(".backup").len(), backed.files(".manifest").len()), (1, 1));
        assert_eq!(backups.catalogue.progress().await.unwrap().backup_failures, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hangs_loses_the_work_to_another() {
    let backed = Backed::open().await;
    let faulty = Faulty { inner: Directory::new(&backed.place), mode: Arc::new(AtomicU8::new(HANGS)) };
    let hanging = backed.backups().at(Arc::new(faulty));
    let app = Arc::clone(&backed.house.app);
    let stuck = tokio::spawn(async move { hanging.look(&app.figures.backups).await });
    while backed.left_behind() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    backed.look().await;
    assert_eq!(backed.kinds().await.len(), 0, "the other has the lease");
    backed.house.clock.advance_millis(LEASE_MS + 1);
    backed.look().await;
    assert_eq!(backed.kinds().await, [FULL], "its lease has ended");
    stuck.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_need_not_be_kept_goes_and_chains_stay_whole() {
    let backed = Backed::with(|backup| {
        (backup.keep_last, backup.keep_days, backup.keep_full) = (2, 0, 0);
        (backup.full_every_hours, backup.drill_every_hours) = (3, 0);
    })
    .await;
    for _ in 0..6 {
        backed.look().await;
        backed.hours(1);
    }
    // Hours 0 and 3 were full; the last two are increments on the second.
    assert_eq!(backed.files(".manifest").len(), 3);
    backed.look().await;
    backed.hours(1);
    backed.look().await;
    assert_eq!(backed.files(".manifest").len(), 2, "a full one and an increment");
    assert_eq!(backed.files(".backup").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_of_another_account_are_not_mixed_with_ones_own() {
    let backed = Backed::open().await;
    backed.look().await;
    let place = backed.place.clone();
    let other = House::open(|config| {
        config.backup.directory = Some(place);
        config.account.id = Some(strongroom_types::AccountId::parse("999999999999").unwrap());
    })
    .await;
    let backups = other.app.backups.as_ref().unwrap();
    backups.look(&other.app.figures.backups).await.unwrap();
    assert_eq!(other.app.figures.backups.failures.get(), 1);
    assert_eq!(backed.files(".backup").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_took_is_learnt_from_the_place() {
    let backed = Backed::with_three().await;
    let entries = backed.backups().catalogue.entries().await.unwrap();
    // As after a restore from before them.
    let lease = backed.backups().catalogue.take().await.unwrap().unwrap();
    let gone: Vec<_> = entries.iter().filter_map(|entry| entry.manifest.backup_name()).collect();
    let forget = |progress: &mut strongroom_core::catalogue::Progress| *progress = progress.clone();
    assert!(backed.backups().catalogue.change(lease, &[], &gone, forget).await.unwrap());
    backed.backups().catalogue.give_back(lease).await.unwrap();
    assert_eq!(backed.kinds().await.len(), 0);
    backed.look().await;
    assert_eq!(backed.kinds().await, [FULL, INCREMENT]);
}
