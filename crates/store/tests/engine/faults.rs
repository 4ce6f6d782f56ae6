//! A disk that is full, fails to write or fails to sync: commits are refused, nothing is lost or half there, and work
//! goes on by itself when the disk does.

use std::fs;
use std::path::Path;

use crate::disk;
use crate::load::{self, Load, Rounds};

/// Switches one kind of fault on and off under load.
fn go_through(fault: &str, test: &str, refusal: &str) {
    load::work_if_asked();
    let home = tempfile::tempdir().expect("a directory");
    let store = home.path().join("store");
    let switches = home.path().join("switches");
    fs::create_dir(&switches).expect("a directory");
    let switch = switches.join(fault);
    let library = disk::library();
    let environment = [("LD_PRELOAD", library.as_path()), ("STORE_DISK_SWITCHES", switches.as_path())];
    let mut rounds = Rounds::new();
    let mut load = Load::start(test, &store, 4, &environment);
    let mut lines = 0;
    for _ in 0..3 {
        load.listen(&mut rounds, |line| {
            lines += u64::from(line.starts_with("ack "));
            lines % 30 == 29
        });
        lines = 0;
        fs::write(&switch, "").expect("the fault is switched on");
        // Two refusals, so that the second meets a store that has already failed.
        let mut refused = 0;
        load.listen(&mut rounds, |line| {
            let refusal_told = line.starts_with("err ");
            assert!(!refusal_told || line.contains(refusal), "refused with: {line}");
            refused += u64::from(refusal_told);
            refused >= 8
        });
        assert!(refused >= 8, "the load ended when the disk failed");
        fs::remove_file(&switch).expect("the fault is switched off");
        let before = load::sum(&rounds);
        load.listen(&mut rounds, |line| line.starts_with("ack "));
        assert!(load::sum(&rounds) > before, "nothing was acknowledged after the fault");
    }
    load.kill();
    load.listen(&mut rounds, |_| false);
    load::check(&store, 4, &rounds).unwrap_or_else(|what| panic!("{what}"));
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    go_through("full", "faults::a_full_disk_refuses_and_loses_nothing", "the disk of the store is full");
}

#[test]
fn a_disk_that_fills_up_within_a_write_loses_nothing() {
    go_through("short", "faults::a_disk_that_fills_up_within_a_write_loses_nothing", "the disk of the store is full");
}

#[test]
fn a_disk_that_does_not_write_loses_nothing() {
    go_through("error", "faults::a_disk_that_does_not_write_loses_nothing", "the store is not available");
}

#[test]
fn a_disk_that_does_not_sync_loses_nothing() {
    go_through("sync", "faults::a_disk_that_does_not_sync_loses_nothing", "the store is not available");
}

/// More acknowledgements than are ever on their way to the one who listens.
const ACKS_UNTIL_SET_AGAIN: u32 = 500;

/// A sync fails once: the refused commit, whose bytes are in the log, must not come to life when the log is next read.
#[test]
fn a_refused_commit_stays_refused() {
    load::work_if_asked();
    let home = tempfile::tempdir().expect("a directory");
    let store = home.path().join("store");
    let switches = home.path().join("switches");
    fs::create_dir(&switches).expect("a directory");
    let library = disk::library();
    let environment = [
        ("LD_PRELOAD", library.as_path()),
        ("STORE_DISK_SWITCHES", switches.as_path()),
        (load::STOP, Path::new("yes")),
    ];
    let mut rounds = Rounds::new();
    for _ in 0..5 {
        let mut load = Load::start("faults::a_refused_commit_stays_refused", &store, 1, &environment);
        let (mut refused, mut since_set) = (false, ACKS_UNTIL_SET_AGAIN);
        load.listen(&mut rounds, |line| {
            refused = line.starts_with("err ");
            // The fault may also meet the log's move into the database, which refuses nobody; then it is set again. Not
            // at once: lines that lag behind would set it for what follows the refused commit, the log's cleaning.
            if line.starts_with("ack ") {
                since_set += 1;
            }
            if since_set > ACKS_UNTIL_SET_AGAIN {
                since_set = 0;
                fs::write(switches.join("once"), "").expect("the fault is switched on");
            }
            refused
        });
        assert!(refused, "nothing was refused");
        load.kill();
        let _ = fs::remove_file(switches.join("once"));
        let present = load::check(&store, 1, &rounds).unwrap_or_else(|what| panic!("{what}"));
        assert_eq!(present, rounds);
    }
}
