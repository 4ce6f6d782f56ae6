//! A process under write load is killed: every acknowledged commit is there, none is there in part.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use strongroom_crypto::random::{SeededRandom, bytes};

use crate::disk;
use crate::load::{self, Load, Rounds};

/// Kills at random moments, all on one store. `STORE_KILLS` sets how many.
#[test]
fn acknowledged_commits_survive_kills_at_random() {
    load::work_if_asked();
    let home = tempfile::tempdir().expect("a directory");
    let random = SeededRandom::new(std::process::id().into());
    let mut rounds = Rounds::new();
    for kill in 0..load::repetitions("STORE_KILLS", 25) {
        let before = load::sum(&rounds);
        let mut load = Load::start("kills::acknowledged_commits_survive_kills_at_random", home.path(), 12, &[]);
        load.listen(&mut rounds, |line| line.starts_with("ack "));
        // From the first acknowledgement on, the moment is left to chance.
        let [delay] = bytes(&random).expect("a random byte");
        sleep(Duration::from_millis(u64::from(delay)));
        load.kill();
        load.listen(&mut rounds, |_| false);
        assert!(load::sum(&rounds) > before, "kill {kill}: nothing was acknowledged");
        rounds = load::check(home.path(), 12, &rounds).unwrap_or_else(|what| panic!("kill {kill}: {what}"));
    }
}

/// Kills in the middle of a write to the disk, or in place of a sync. `STORE_KILL_POINTS` sets how many.
#[test]
fn acknowledged_commits_survive_a_kill_within_each_write() {
    load::work_if_asked();
    let home = tempfile::tempdir().expect("a directory");
    let library = disk::library();
    let mut rounds = Rounds::new();
    for point in 0..load::repetitions("STORE_KILL_POINTS", 40) {
        // The first points come one after the other, the later ones further apart, up to within checkpoints.
        let at = 1 + point + point * point / 8;
        let number = at.to_string();
        let environment = [("LD_PRELOAD", library.as_path()), ("STORE_DISK_KILL_AT", Path::new(&number))];
        let name = "kills::acknowledged_commits_survive_a_kill_within_each_write";
        let mut load = Load::start(name, home.path(), 3, &environment);
        load.listen(&mut rounds, |_| false);
        rounds = load::check(home.path(), 3, &rounds).unwrap_or_else(|what| panic!("step {at}: {what}"));
    }
    assert!(load::sum(&rounds) > 0, "nothing was ever acknowledged");
}
