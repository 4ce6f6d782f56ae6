//! Names, manifests, what is due, what is kept, and one lease among several nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{Keyring, Random, aead};
use strongroom_store::MemoryStore;
use strongroom_types::{MockClock, Timestamp};

use super::*;
use crate::documents::Documents;

const DAY_MS: i64 = 86_400_000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + day * DAY_MS)
}

fn name(day: i64, kind: BackupKind) -> BackupName {
    BackupName::new(at(day), kind, &SeededRandom::new(u64::try_from(day).unwrap())).unwrap()
}

fn root(seed: u64) -> KeyRoot {
    KeyRoot::new("file", "test", &aead::generate_key(&SeededRandom::new(seed)).unwrap()).unwrap()
}

fn manifest(name: &BackupName, base: Option<&BackupName>) -> Manifest {
    Manifest {
        name: name.to_string(),
        kind: name.kind(),
        builds_on: base.map(ToString::to_string),
        taken_ms: name.taken().millis(),
        took_ms: 5,
        account: "123456789012".to_owned(),
        commits: 7,
        documents: 3,
        object_bytes: 100,
        object_sha256: "ab".repeat(32),
        plain_bytes: 90,
        release: "0.1.0".to_owned(),
    }
}

#[test]
fn names_say_when_and_what_and_sort_by_time() {
    let first = BackupName::new(Timestamp::from_millis(1_795_955_135_007), BackupKind::Full, &SeededRandom::new(1));
    let first = first.unwrap();
    assert!(first.as_str().starts_with("20261129T122535007Z-full-"), "{first}");
    assert_eq!((first.taken().millis(), first.kind()), (1_795_955_135_007, BackupKind::Full));
    assert_eq!(BackupName::parse(first.as_str()), Some(first.clone()));
    assert!(first < BackupName::new(at(20), BackupKind::Increment, &SeededRandom::new(1)).unwrap());
    assert_eq!(object(&first.backup()), Some(Object::Backup(first.clone())));
    assert_eq!(object(&first.manifest()), Some(Object::Manifest(first.clone())));
    assert_eq!(object(&first.proof(at(3))), Some(Object::Proof(first, at(3))));
    for foreign in [
        "",
        "notes",
        "20261129T122535007Z-full-0a1b2c3d",
        "20261129T122535007Z-half-0a1b2c3d.backup",
        "20261129T122535007Z-full-0A1b2c3d.backup",
        "20261329T122535007Z-full-0a1b2c3d.backup",
        "20261129T122535Z-full-0a1b2c3d.backup",
        "20261129T122535007Z-full-0a1b2c3d-x.manifest",
        "20261129T122535007Z-full-0a1b2c3d.proof-",
    ] {
        assert_eq!(object(foreign), None, "{foreign}");
    }
}

#[test]
fn a_manifest_is_bound_to_its_name_and_its_root() {
    let (full, other) = (name(1, BackupKind::Full), name(2, BackupKind::Full));
    let increment = name(3, BackupKind::Increment);
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(9));
    let sealed = |manifest: &Manifest| seal_manifest(&root(1), Arc::clone(&random), manifest).unwrap();
    let told = manifest(&full, None);
    assert_eq!(open_manifest(&root(1), &full, &sealed(&told)).unwrap(), told);
    assert!(open_manifest(&root(2), &full, &sealed(&told)).is_err(), "another root");
    assert!(open_manifest(&root(1), &other, &sealed(&told)).is_err(), "an older one in place of a newer");
    assert!(open_manifest(&root(1), &increment, &sealed(&manifest(&increment, None))).is_err(), "no base");
    assert!(open_manifest(&root(1), &full, &sealed(&manifest(&full, Some(&increment)))).is_err(), "a base");
    let mut altered = sealed(&told);
    let last = altered.len() - 1;
    altered[last] ^= 1;
    assert!(open_manifest(&root(1), &full, &altered).is_err());
    let proof = Proof { name: full.to_string(), proven_ms: 1, took_ms: 2, documents: 3, compared: 4 };
    let sealed_proof = seal_proof(&root(1), Arc::clone(&random), &proof).unwrap();
    assert_eq!(open_proof(&root(1), &full, &sealed_proof).unwrap(), proof);
    assert!(open_proof(&root(1), &other, &sealed_proof).is_err());
    assert!(open_manifest(&root(1), &full, &sealed_proof).is_err(), "a proof is no manifest");
}

/// Full backups on days 0 and 10, increments on all days between and after, each on the one before.
fn history() -> BTreeMap<BackupName, Kept> {
    let mut backups = BTreeMap::new();
    let mut base = None;
    for day in 0..20 {
        let kind = if day % 10 == 0 { BackupKind::Full } else { BackupKind::Increment };
        let own = name(day, kind);
        let base_of = base.take().filter(|_| kind == BackupKind::Increment);
        backups.insert(own.clone(), Kept { base: base_of, proven: None });
        base = Some(own);
    }
    backups
}

fn days(names: &[BackupName]) -> Vec<i64> {
    names.iter().map(|name| (name.taken().millis() - at(0).millis()) / DAY_MS).collect()
}

#[test]
fn what_others_need_is_kept() {
    let backups = history();
    let keep = |last, days, full| Keep { last, days, full };
    let removed = |keep| days(&removable(&backups, keep, at(19)));
    assert_eq!(removed(keep(1, 0, 0)), (0..10).rev().collect::<Vec<_>>(), "the newest with its chain");
    assert_eq!(removed(keep(0, 0, 0)), (0..10).rev().collect::<Vec<_>>(), "never all");
    assert_eq!(removed(keep(0, 0, 2)), (1..10).rev().collect::<Vec<_>>());
    assert_eq!(removed(keep(0, 9, 0)), (0..10).rev().collect::<Vec<_>>());
    assert_eq!(removed(keep(0, 10, 0)), [0_i64; 0], "day 9 is within 10 days, and needs those before it");
    assert_eq!(removed(keep(20, 0, 0)), [0_i64; 0]);
    let newest = backups.keys().next_back().unwrap();
    assert_eq!(days(&chain(&backups, newest).unwrap()), (10..20).collect::<Vec<_>>());
}

#[test]
fn the_only_proven_backup_is_kept_and_so_is_the_newest_that_is_whole() {
    let mut backups = history();
    let third = backups.keys().nth(3).unwrap().clone();
    backups.get_mut(&third).unwrap().proven = Some(at(4));
    let keep = Keep { last: 1, days: 0, full: 0 };
    assert_eq!(days(&removable(&backups, keep, at(19))), (4..10).rev().collect::<Vec<_>>());
    // The newest chain has lost its beginning: what can still be restored is kept beside what was asked for.
    let full = backups.keys().nth(10).unwrap().clone();
    backups.remove(&full);
    assert_eq!(chain(&backups, backups.keys().next_back().unwrap()), None);
    assert_eq!(days(&removable(&backups, keep, at(19))), (11..19).rev().collect::<Vec<_>>());
}

#[test]
fn what_is_due_follows_the_paces() {
    let paces = Paces { every_ms: DAY_MS, full_every_ms: 7 * DAY_MS, drill_every_ms: Some(2 * DAY_MS) };
    let mut progress = Progress::default();
    assert_eq!(due(&progress, paces, at(0)), Some(Due::Backup(BackupKind::Full)), "none yet");
    progress.failed(at(0), 1000);
    assert_eq!(due(&progress, paces, at(0)), None, "not at once again");
    assert_eq!(due(&progress, paces, at(0).plus_millis(1000)), Some(Due::Backup(BackupKind::Full)));
    progress.succeeded(&manifest(&name(0, BackupKind::Full), None));
    assert_eq!(due(&progress, paces, at(0)), Some(Due::Drill), "never yet");
    progress.unproven("the place is gone".to_owned(), at(0), 1000);
    assert_eq!(due(&progress, paces, at(0)), None);
    let proof = Proof { name: String::new(), proven_ms: at(0).millis(), took_ms: 1, documents: 1, compared: 1 };
    progress.proven(&proof);
    assert_eq!((progress.drill_fault.as_ref(), due(&progress, paces, at(0))), (None, None));
    assert_eq!(due(&progress, paces, at(1)), Some(Due::Backup(BackupKind::Increment)));
    assert_eq!(due(&progress, paces, at(7)), Some(Due::Backup(BackupKind::Full)));
    assert_eq!(due(&progress, paces, at(-30)), Some(Due::Backup(BackupKind::Full)), "the clock was set back");
    let full = at(0).millis();
    progress.newest_ms = Some(at(3).millis());
    progress.newest_full_ms = Some(full);
    assert_eq!(due(&progress, paces, at(3)), Some(Due::Drill));
    assert_eq!(due(&progress, Paces { drill_every_ms: None, ..paces }, at(3)), None);
}

async fn catalogue(clock: &MockClock) -> Catalogue {
    let random: Arc<dyn Random> = Arc::new(SeededRandom::new(3));
    let keyring = Arc::new(Keyring::new(&[aead::generate_key(random.as_ref()).unwrap()]).unwrap());
    let documents = Documents::new(Arc::new(MemoryStore::default()), keyring, random, 1 << 20);
    Catalogue::new(Arc::new(documents), Arc::new(clock.clone()))
}

#[tokio::test]
async fn one_has_the_lease_and_whoever_lost_it_writes_nothing() {
    let clock = MockClock::at(at(0));
    let catalogue = catalogue(&clock).await;
    let first = catalogue.take().await.unwrap().unwrap();
    assert_eq!(catalogue.take().await.unwrap(), None);
    clock.advance_millis(LEASE_MS - 1);
    assert!(catalogue.renew(first).await.unwrap());
    clock.advance_millis(LEASE_MS - 1);
    assert_eq!(catalogue.take().await.unwrap(), None, "it was renewed");
    clock.advance_millis(1);
    let second = catalogue.take().await.unwrap().unwrap();
    let entry =
        |day| Entry { manifest: manifest(&name(day, BackupKind::Full), None), place: "here".to_owned(), proof: None };
    // The first was frozen and goes on now.
    assert!(!catalogue.renew(first).await.unwrap());
    assert!(!catalogue.change(first, &[entry(1)], &[], |progress| progress.newest_ms = Some(1)).await.unwrap());
    assert_eq!(catalogue.entries().await.unwrap(), []);
    let entries = [entry(2), entry(1)];
    assert!(catalogue.change(second, &entries, &[], |progress| progress.newest_ms = Some(2)).await.unwrap());
    assert_eq!(catalogue.entries().await.unwrap(), [entry(1), entry(2)]);
    assert_eq!(catalogue.progress().await.unwrap().newest_ms, Some(2));
    assert!(catalogue.change(second, &[], &[name(1, BackupKind::Full)], |_| ()).await.unwrap());
    assert_eq!(catalogue.entries().await.unwrap(), [entry(2)]);
    catalogue.give_back(second).await.unwrap();
    assert!(catalogue.take().await.unwrap().is_some());
}

#[tokio::test]
async fn a_lease_from_a_clock_that_ran_ahead_ends() {
    let clock = MockClock::at(at(5));
    let catalogue = catalogue(&clock).await;
    catalogue.take().await.unwrap().unwrap();
    clock.set(at(0));
    assert!(catalogue.take().await.unwrap().is_some());
}
