//! Power failures at every point of a short series of commits: as it is, after a sync that failed, after a kill.
//!
//! `STORE_FAULT_ROUNDS` sets how long the series is, `STORE_FAULT_FATES` how often the power fails at a point,
//! `STORE_FAULT_EVERY` behind one in how many steps after another fault, `STORE_FAULT_SEED` what is kept.

use std::fs;
use std::path::Path;

use strongroom_store::{DATABASE_FILE, SqliteConfig, SqliteStore};
use tempfile::TempDir;

use crate::load;
use crate::matrix::{directory, home, rounds, tell};
use crate::points::{self, Dice, Disk, Step};
use crate::series::{self, Heard, Series};

/// Runs the series in `store` and returns what it did to the disk.
fn traced(series: &Series<'_>, home: &TempDir, store: &Path, fault: &[(&str, String)]) -> Vec<Step> {
    let trace = home.path().join("trace");
    let _ = fs::remove_file(&trace);
    let mut environment = vec![("STORE_POINTS_TRACE", trace.to_string_lossy().into_owned())];
    environment.extend(fault.iter().cloned());
    let heard = series::run(series, store, &environment);
    assert!(heard.done || heard.killed, "{heard:?}");
    points::read_trace(&trace)
}

/// The settings for a fault at a point.
fn fault(fault: &str, point: usize, lasting: u64) -> [(&'static str, String); 3] {
    [
        ("STORE_POINTS_FAULT", fault.to_owned()),
        ("STORE_POINTS_AT", point.to_string()),
        ("STORE_POINTS_FOR", lasting.to_string()),
    ]
}

/// A disk, and what was heard of the store on it.
#[derive(Default)]
struct Past {
    disk: Disk,
    heard: Heard,
}

impl Past {
    fn apply(&mut self, step: &Step) {
        self.disk.apply(step);
        if let Step::Said(text) = step {
            text.lines().for_each(|line| self.heard.note(line));
        }
    }

    /// Does the steps, and lets the power fail behind those that `fails_behind` names, with some fates each. Returns how
    /// many times.
    fn power_fails(
        &mut self,
        home: &TempDir,
        steps: &[Step],
        (dice, fates): (&Dice, u64),
        fails_behind: impl Fn(usize) -> bool,
    ) -> u64 {
        let mut failures = 0;
        for (at, step) in steps.iter().enumerate() {
            self.apply(step);
            for _ in (0..fates).filter(|_| fails_behind(at)) {
                let survivor = directory(home);
                self.disk.survive(&survivor, dice);
                if let Err(what) = series::check(&survivor, &self.heard) {
                    let refused = steps.iter().enumerate().find(|(_, step)| matches!(step, Step::SyncFailed(_)));
                    let lately: Vec<String> = steps[at.saturating_sub(60)..=at].iter().map(Step::to_string).collect();
                    panic!(
                        "power failure behind step {at}: {what}; {:?}; first failed sync: {refused:?}; {lately:#?}",
                        self.heard
                    );
                }
                failures += 1;
            }
        }
        failures
    }
}

fn every() -> usize {
    usize::try_from(load::repetitions("STORE_FAULT_EVERY", 16)).expect("a number")
}

fn series(test: &str) -> Series<'_> {
    Series { test, rounds: rounds(), patience: 9, before: Heard::default() }
}

fn fates(default: u64) -> u64 {
    load::repetitions("STORE_FAULT_FATES", default)
}

#[test]
fn a_power_failure_at_every_point() {
    series::work_if_asked();
    let home = home();
    let series = series("outages::a_power_failure_at_every_point");
    let steps = traced(&series, &home, &directory(&home), &[]);
    let changes = steps.iter().filter(|step| !matches!(step, Step::Said(_))).count();
    let failures = Past::default().power_fails(&home, &steps, (&Dice::new(seed()), fates(4)), |_| true);
    tell(&format!("store faults: power failure          {changes:>4} points: {failures} failures, nothing lost"));
}

/// A sync that failed may have lost what it was for, and the next one may succeed without it, as on Linux.
#[test]
fn a_power_failure_after_every_failed_sync() {
    series::work_if_asked();
    let home = home();
    let series = series("outages::a_power_failure_after_every_failed_sync");
    let steps = traced(&series, &home, &directory(&home), &[]);
    let syncs = steps.iter().filter(|step| matches!(step, Step::Sync(_))).count();
    let (dice, every) = (Dice::new(seed()), every());
    for lasting in [1, 3] {
        let (mut failures, mut points) = (0, 0);
        for point in 1..=syncs {
            let steps = traced(&series, &home, &directory(&home), &fault("sync", point, lasting));
            let Some(failed) = steps.iter().position(|step| matches!(step, Step::SyncFailed(_))) else { continue };
            points += 1;
            // Most is to be seen while the store comes to terms with the failure.
            let behind = |at: usize| match at.checked_sub(failed) {
                None => false,
                Some(0..24) => dice.below(2) == 0,
                Some(_) => dice.below(2 * every) == 0,
            };
            // Closing is short, and a process that ends has no second try.
            let fates = if steps.len() - failed < 40 { 8 } else { 1 };
            failures += Past::default().power_fails(&home, &steps, (&dice, fates), behind);
        }
        assert!(points > 0, "no sync failed");
        tell(&format!(
            "store faults: {lasting} syncs lost, then power {points:>4} points: {failures} failures, nothing lost"
        ));
    }
}

/// What a process that was killed had not synced is not durable for the next one either, though it can be read.
#[test]
fn a_power_failure_after_a_kill_and_a_start() {
    series::work_if_asked();
    let home = home();
    let first = series("outages::a_power_failure_after_a_kill_and_a_start");
    let changes = |steps: &[Step]| steps.iter().filter(|step| !matches!(step, Step::Said(_))).count();
    let all = changes(&traced(&first, &home, &directory(&home), &[]));
    let (dice, every) = (Dice::new(seed()), every());
    let (mut failures, mut points) = (0, 0);
    for point in (1..all).step_by(every) {
        let store = directory(&home);
        let mut past = Past::default();
        traced(&first, &home, &store, &fault("after", point, 1)).iter().for_each(|step| past.apply(step));
        let second = Series { before: past.heard.clone(), ..series(first.test) };
        let steps = traced(&second, &home, &store, &[]);
        points += 1;
        failures += past.power_fails(&home, &steps, (&dice, 1), |_| dice.below(every) == 0);
    }
    tell(&format!("store faults: killed, then power     {points:>4} points: {failures} failures, nothing lost"));
}

/// The seed of what is drawn; another one with each run.
fn seed() -> u64 {
    load::repetitions("STORE_FAULT_SEED", std::process::id().into())
}

/// The model of a disk does lose what is not synced, and a store that loses it is found out.
#[test]
fn a_loss_is_found_out() {
    let home = home();
    let store = directory(&home);
    drop(SqliteStore::open(&store, SqliteConfig::default()).expect("a new store"));
    let heard = Heard { kept: true, acknowledged: 1, ..Heard::default() };
    assert!(series::check(&store, &heard).is_err());
    assert!(Path::new(&store.join(DATABASE_FILE)).exists());
    let mut disk = Disk::default();
    for step in [
        Step::Create("a".to_owned()),
        Step::Sync(".".to_owned()),
        Step::Write("a".to_owned(), 0, vec![1; 3]),
        Step::Sync("a".to_owned()),
        Step::Write("a".to_owned(), 3, vec![2; 3]),
        Step::Create("b".to_owned()),
    ] {
        disk.apply(&step);
    }
    let (mut lost, mut kept) = (0, 0);
    for _ in 0..200 {
        let survivor = directory(&home);
        disk.survive(&survivor, &Dice::new(lost * 1000 + kept));
        match fs::read(survivor.join("a")).expect("what was synced").as_slice() {
            [1, 1, 1] => lost += 1,
            [1, 1, 1, 2, 2, 2] => kept += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(lost > 0 && kept > 0, "{lost} lost, {kept} kept");
}
