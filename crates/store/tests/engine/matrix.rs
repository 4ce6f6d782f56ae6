//! Every fault at every point: a short series of commits, from the store's making to its closing, is run once for each
//! call by which it touches the disk, and that call fails, or the process dies there. Counts are printed.
//!
//! `STORE_FAULT_ROUNDS` sets how long the series is, `STORE_FAULT_STRIDE` takes only every so many points,
//! `STORE_FAULT_STARTS` sets from how many killed stores it is gone on.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::load;
use crate::series::{self, Heard, Series};

/// Rounds of the series: enough that the log begins anew, and documents and feed entries go.
const ROUNDS: u64 = 4;
/// Refusals to bear of a fault that passes, and of one that stays.
const PATIENCE: u64 = 40;
const PATIENCE_FOR_EVER: u64 = 3;

/// A directory in memory where there is one: what the faults do is worked out here, not by the disk of the machine.
pub fn home() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

/// The directory of the store in `home`, new and empty.
pub fn directory(home: &TempDir) -> PathBuf {
    let directory = fs::canonicalize(home.path()).expect("a path").join("store");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("a directory");
    directory
}

pub fn rounds() -> u64 {
    load::repetitions("STORE_FAULT_ROUNDS", ROUNDS)
}

/// Tells the counts past the test harness, which keeps to itself what a test prints.
pub fn tell(line: &str) {
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

/// Where a series begins.
#[derive(Default)]
struct Start {
    /// The files of a store that was killed; without, there is none yet.
    files: Vec<(OsString, Vec<u8>)>,
    /// What its process said.
    heard: Heard,
}

impl Start {
    /// A store whose process was killed when so much of a hundred of its changes were done.
    fn killed(test: &str, home: &TempDir, percent: u64) -> Self {
        let series = Series { test, rounds: rounds(), patience: 0, before: Heard::default() };
        let count = count(home, &Self::default(), &series, "before");
        let store = directory(home);
        let at = (count * percent / 100).to_string();
        let fault = [("STORE_POINTS_FAULT", "before".to_owned()), ("STORE_POINTS_AT", at)];
        let heard = series::run(&series, &store, &fault);
        assert!(heard.killed && !heard.copied, "{heard:?}");
        let files = fs::read_dir(&store).expect("the directory").map(|file| {
            let file = file.expect("a file");
            (file.file_name(), fs::read(file.path()).expect("its content"))
        });
        Self { files: files.collect(), heard: Heard { killed: false, ..heard } }
    }

    fn directory(&self, home: &TempDir) -> PathBuf {
        let directory = directory(home);
        for (name, content) in &self.files {
            fs::write(directory.join(name), content).expect("a file");
        }
        directory
    }
}

/// How many points `fault` has in a series that meets none.
fn count(home: &TempDir, start: &Start, series: &Series<'_>, fault: &str) -> u64 {
    let file = home.path().join("count");
    let environment =
        [("STORE_POINTS_FAULT", fault.to_owned()), ("STORE_POINTS_COUNT", file.to_string_lossy().into_owned())];
    let store = start.directory(home);
    let heard = series::run(series, &store, &environment);
    assert!(heard.done && heard.refusals.is_empty(), "without a fault: {heard:?}");
    assert_eq!(series::check(&store, &heard), Ok(series.rounds), "without a fault");
    let count: u64 = fs::read_to_string(&file).expect("the count").parse().expect("a number");
    assert!(count > series.rounds, "{fault} has {count} points only");
    count
}

/// Runs the series with `fault` at each of its points, for `lasting` points or for ever. `judge` says what is wrong with
/// what was heard; what is stored is checked whatever was heard.
fn at_every_point(
    test: &str,
    start: &Start,
    (fault, lasting): (&str, Option<u64>),
    judge: impl Fn(&Heard) -> Result<(), String>,
) {
    let home = home();
    let patience = if lasting.is_some() { PATIENCE } else { PATIENCE_FOR_EVER };
    let series = Series { test, rounds: rounds(), patience, before: start.heard.clone() };
    let count = count(&home, start, &series, fault);
    let name = format!(
        "{}{fault}, {}",
        if start.files.is_empty() { "" } else { "killed, then " },
        lasting.map_or_else(|| "for ever".to_owned(), |lasting| format!("for {lasting}"))
    );
    let stride = usize::try_from(load::repetitions("STORE_FAULT_STRIDE", 1)).expect("a stride");
    let mut tally = Tally::default();
    for point in (1..=count).step_by(stride) {
        let mut environment = vec![("STORE_POINTS_FAULT", fault.to_owned()), ("STORE_POINTS_AT", point.to_string())];
        environment.extend(lasting.map(|lasting| ("STORE_POINTS_FOR", lasting.to_string())));
        let store = start.directory(&home);
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
    at_every_point(test, &Start::default(), (fault, Some(1)), clear);
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
    let start = Start::default();
    at_every_point(test, &start, (fault, Some(1)), goes_on);
    at_every_point(test, &start, (fault, Some(6)), goes_on);
    at_every_point(test, &start, (fault, None), clear);
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

/// The same with a store whose process was killed: reading its log and going on with it are full of points too.
#[test]
fn a_start_after_a_kill_fails_at_every_point() {
    series::work_if_asked();
    let test = "matrix::a_start_after_a_kill_fails_at_every_point";
    let home = home();
    // Where the copy is made, the last tenth, there is no more to go on with.
    let parts = load::repetitions("STORE_FAULT_STARTS", 1) + 1;
    for percent in (1..parts).map(|part| 90 * part / parts) {
        let start = Start::killed(test, &home, percent);
        at_every_point(test, &start, ("before", Some(1)), clear);
        at_every_point(test, &start, ("torn", Some(1)), clear);
        for fault in ["full", "write", "sync", "read", "readonly"] {
            at_every_point(test, &start, (fault, Some(6)), goes_on);
        }
    }
}

/// The store looks at no wall clock: the series runs as ever while that jumps by years.
#[test]
fn a_clock_that_jumps() {
    series::work_if_asked();
    let home = home();
    let looks = home.path().join("looks");
    let series =
        Series { test: "matrix::a_clock_that_jumps", rounds: 4 * rounds(), patience: 0, before: Heard::default() };
    let store = directory(&home);
    let heard = series::run(&series, &store, &[("STORE_POINTS_CLOCK", looks.to_string_lossy().into_owned())]);
    assert!(heard.done && heard.refusals.is_empty() && heard.wrong.is_empty(), "{heard:?}");
    assert_eq!(series::check(&store, &heard), Ok(series.rounds));
    let looks = fs::read_to_string(looks).expect("the count");
    tell(&format!("store faults: a clock that jumps: {} commits, {looks} looks at the wall clock", series.rounds));
}
