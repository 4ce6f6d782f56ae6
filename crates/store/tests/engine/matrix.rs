//! Every fault at every point: a short series of commits, from the store's making to its closing, is run once for each
//! call by which it touches the disk, and that call fails, or the process dies there. Counts are printed.
//!
//! `STORE_FAULT_ROUNDS` sets how long the series is, `STORE_FAULT_STRIDE` takes only every so many points,
//! `STORE_FAULT_FATES` sets how often the power fails at a point, `STORE_FAULT_EVERY` behind one in how many steps after a
//! failed sync, `STORE_FAULT_SEED` what is kept then.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use strongroom_store::{DATABASE_FILE, SqliteConfig, SqliteStore};
use tempfile::TempDir;

use crate::load;
use crate::points::{self, Dice, Disk, Step};
use crate::series::{self, Heard, Series};

/// Rounds of the series: enough that the log begins anew, and documents and feed entries go.
const ROUNDS: u64 = 5;
/// Refusals to bear of a fault that passes, and of one that stays.
const PATIENCE: u64 = 40;
const PATIENCE_FOR_EVER: u64 = 3;

/// A directory in memory where there is one: what the faults do is worked out here, not by the disk of the machine.
pub fn home() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

/// The directory of the store in `home`, new and empty.
fn directory(home: &TempDir) -> PathBuf {
    let directory = fs::canonicalize(home.path()).expect("a path").join("store");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("a directory");
    directory
}

fn rounds() -> u64 {
    load::repetitions("STORE_FAULT_ROUNDS", ROUNDS)
}

/// Tells the counts past the test harness, which keeps to itself what a test prints.
fn tell(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).expect("standard error");
}

/// What came of one fault at all its points.
#[derive(Default)]
struct Tally {
    points: u64,
    killed: u64,
    went_on: u64,
    refused_and_went_on: u64,
    gave_up: u64,
    later_there: u64,
    refusals: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, heard: &Heard, there: u64) {
        self.points += 1;
        match heard {
            Heard { killed: true, .. } => self.killed += 1,
            Heard { done: true, refusals, .. } if refusals.is_empty() => self.went_on += 1,
            Heard { done: true, .. } => self.refused_and_went_on += 1,
            _ => self.gave_up += 1,
        }
        self.later_there += u64::from(there > heard.acknowledged);
        for refusal in &heard.refusals {
            *self.refusals.entry(refusal.clone()).or_default() += 1;
        }
    }

    fn tell(&self, name: &str) {
        let Self { points, killed, went_on, refused_and_went_on, gave_up, later_there, .. } = self;
        tell(&format!(
            "store faults: {name:<22} {points:>5} points: {killed:>5} killed, {went_on:>5} not noticed, \
             {refused_and_went_on:>5} refused and went on, {gave_up:>5} gave up; {later_there:>4} with one commit more \
             than was told"
        ));
        for (refusal, times) in &self.refusals {
            tell(&format!("store faults: {name:<22} {times:>5} × {refusal}"));
        }
    }
}

/// Runs the series with `fault` at each of its points, for `lasting` points or for ever. `judge` says what is wrong with
/// what was heard; what is stored is checked whatever was heard.
fn at_every_point(test: &str, fault: &str, lasting: Option<u64>, judge: impl Fn(&Heard) -> Result<(), String>) {
    let home = home();
    let patience = if lasting.is_some() { PATIENCE } else { PATIENCE_FOR_EVER };
    let series = Series { test, rounds: rounds(), patience };
    let count_file = home.path().join("count");
    let mut environment = vec![
        ("STORE_POINTS_FAULT", fault.to_owned()),
        ("STORE_POINTS_COUNT", count_file.to_string_lossy().into_owned()),
    ];
    let store = directory(&home);
    let heard = series::run(&series, &store, &environment);
    assert!(heard.done && heard.refusals.is_empty(), "without a fault: {heard:?}");
    assert_eq!(series::check(&store, &heard), Ok(rounds()), "without a fault");
    let count: u64 = fs::read_to_string(&count_file).expect("the count").parse().expect("a number");
    assert!(count > 2 * rounds(), "{fault} has {count} points only");

    environment.push(("STORE_POINTS_AT", String::new()));
    if let Some(lasting) = lasting {
        environment.push(("STORE_POINTS_FOR", lasting.to_string()));
    }
    let name = lasting.map_or_else(|| format!("{fault}, for ever"), |lasting| format!("{fault}, for {lasting}"));
    let stride = usize::try_from(load::repetitions("STORE_FAULT_STRIDE", 1)).expect("a stride");
    let mut tally = Tally::default();
    for point in (1..=count).step_by(stride) {
        environment[2].1 = point.to_string();
        let store = directory(&home);
        let heard = series::run(&series, &store, &environment);
        let there = series::check(&store, &heard)
            .and_then(|there| if heard.wrong.is_empty() { Ok(there) } else { Err("a wrong answer".to_owned()) })
            .and_then(|there| judge(&heard).map(|()| there));
        match there {
            Ok(there) => tally.add(&heard, there),
            Err(what) => panic!("{name} at point {point} of {count}: {what}; {heard:?}"),
        }
    }
    tally.tell(&name);
}

/// What is refused is refused with a reason, and a disk that fails is not told as damage for certain.
fn clear(heard: &Heard) -> Result<(), String> {
    let known = |line: &String| {
        let text = line.split_once(' ').map_or("", |(_, text)| text);
        text == "the disk of the store is full"
            || text.starts_with("the store is not available: ")
            || text == "the store is damaged: database disk image is malformed, or the disk does not read it"
    };
    heard.refusals.iter().find(|line| !known(line)).map_or(Ok(()), |line| Err(format!("unclear: {line}")))
}

/// When the fault has passed, the store works again without being opened anew.
fn goes_on(heard: &Heard) -> Result<(), String> {
    if heard.done { clear(heard) } else { Err("it did not go on".to_owned()) }
}

fn kill(test: &str, fault: &str) {
    series::work_if_asked();
    at_every_point(test, fault, Some(1), clear);
}

#[test]
fn a_kill_before_every_change() {
    kill("matrix::a_kill_before_every_change", "before");
}

#[test]
fn a_kill_after_every_change() {
    kill("matrix::a_kill_after_every_change", "after");
}

#[test]
fn a_kill_within_every_write() {
    kill("matrix::a_kill_within_every_write", "torn");
}

/// The fault passes after one call, after some, or not while the process lives.
fn fail(test: &str, fault: &str) {
    series::work_if_asked();
    at_every_point(test, fault, Some(1), goes_on);
    at_every_point(test, fault, Some(6), goes_on);
    at_every_point(test, fault, None, clear);
}

#[test]
fn a_full_disk_at_every_point() {
    fail("matrix::a_full_disk_at_every_point", "full");
}

#[test]
fn a_disk_that_fills_up_within_every_write() {
    fail("matrix::a_disk_that_fills_up_within_every_write", "short");
}

#[test]
fn a_disk_that_does_not_write_at_every_point() {
    fail("matrix::a_disk_that_does_not_write_at_every_point", "write");
}

#[test]
fn a_disk_that_does_not_sync_at_every_point() {
    fail("matrix::a_disk_that_does_not_sync_at_every_point", "sync");
}

#[test]
fn a_disk_that_does_not_read_at_every_point() {
    fail("matrix::a_disk_that_does_not_read_at_every_point", "read");
}

#[test]
fn a_disk_made_read_only_at_every_point() {
    fail("matrix::a_disk_made_read_only_at_every_point", "readonly");
}

/// The store looks at no wall clock: the series runs as ever while that jumps by years.
#[test]
fn a_clock_that_jumps() {
    series::work_if_asked();
    let home = home();
    let looks = home.path().join("looks");
    let series = Series { test: "matrix::a_clock_that_jumps", rounds: 4 * rounds(), patience: 0 };
    let store = directory(&home);
    let heard = series::run(&series, &store, &[("STORE_POINTS_CLOCK", looks.to_string_lossy().into_owned())]);
    assert!(heard.done && heard.refusals.is_empty() && heard.wrong.is_empty(), "{heard:?}");
    assert_eq!(series::check(&store, &heard), Ok(series.rounds));
    let looks = fs::read_to_string(looks).expect("the count");
    tell(&format!("store faults: a clock that jumps: {} commits, {looks} looks at the wall clock", series.rounds));
}

/// Runs the series once and returns what it did to the disk.
fn traced(series: &Series<'_>, home: &TempDir, fault: &[(&str, String)]) -> Vec<Step> {
    let trace = home.path().join("trace");
    let _ = fs::remove_file(&trace);
    let mut environment = vec![("STORE_POINTS_TRACE", trace.to_string_lossy().into_owned())];
    environment.extend(fault.iter().cloned());
    let heard = series::run(series, &directory(home), &environment);
    assert!(heard.done, "{heard:?}");
    points::read_trace(&trace)
}

/// Lets the power fail behind each of the steps that `fails_behind` names, with some fates each. Returns how many times.
fn power_fails(home: &TempDir, steps: &[Step], dice: &Dice, fates: u64, fails_behind: impl Fn(usize) -> bool) -> u64 {
    let (mut disk, mut heard, mut failures) = (Disk::default(), Heard::default(), 0);
    for (at, step) in steps.iter().enumerate() {
        disk.apply(step);
        if let Step::Said(text) = step {
            text.lines().for_each(|line| heard.note(line));
        }
        for _ in (0..fates).filter(|_| fails_behind(at)) {
            let survivor = directory(home);
            disk.survive(&survivor, dice);
            if let Err(what) = series::check(&survivor, &heard) {
                let refused = steps.iter().enumerate().find(|(_, step)| matches!(step, Step::SyncFailed(_)));
                let lately: Vec<String> = steps[at.saturating_sub(60)..=at].iter().map(Step::to_string).collect();
                panic!(
                    "power failure behind step {at}: {what}; {heard:?}; first failed sync: {refused:?}; {lately:#?}"
                );
            }
            failures += 1;
        }
    }
    failures
}

fn fates(default: u64) -> u64 {
    load::repetitions("STORE_FAULT_FATES", default)
}

#[test]
fn a_power_failure_at_every_point() {
    series::work_if_asked();
    let home = home();
    let series = Series { test: "matrix::a_power_failure_at_every_point", rounds: rounds(), patience: 0 };
    let steps = traced(&series, &home, &[]);
    let changes = steps.iter().filter(|step| !matches!(step, Step::Said(_))).count();
    let dice = Dice::new(seed());
    let failures = power_fails(&home, &steps, &dice, fates(4), |_| true);
    tell(&format!("store faults: power failure         {changes:>5} points: {failures} failures, nothing lost"));
}

/// A sync that failed may have lost what it was for, and the next one may succeed without it, as on Linux.
#[test]
fn a_power_failure_after_every_failed_sync() {
    series::work_if_asked();
    let home = home();
    let series = Series { test: "matrix::a_power_failure_after_every_failed_sync", rounds: rounds(), patience: 9 };
    let steps = traced(&series, &home, &[]);
    let syncs = steps.iter().filter(|step| matches!(step, Step::Sync(_))).count();
    let dice = Dice::new(seed());
    for lasting in ["1", "3"] {
        let (mut failures, mut points) = (0, 0);
        for point in 1..=syncs {
            let fault = ["sync", &point.to_string(), lasting].map(str::to_owned);
            let names = ["STORE_POINTS_FAULT", "STORE_POINTS_AT", "STORE_POINTS_FOR"];
            let steps = traced(&series, &home, &names.into_iter().zip(fault).collect::<Vec<_>>());
            let Some(failed) = steps.iter().position(|step| matches!(step, Step::SyncFailed(_))) else { continue };
            points += 1;
            let every = usize::try_from(load::repetitions("STORE_FAULT_EVERY", 16)).expect("a number");
            failures += power_fails(&home, &steps, &dice, fates(1), |at| at >= failed && dice.below(every) == 0);
        }
        assert!(points > 0, "no sync failed");
        tell(&format!(
            "store faults: {lasting} syncs lost, then power {points:>3} points: {failures} failures, nothing lost"
        ));
    }
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
