//! Power failures, made from a trace of what was done to the disk: at any moment, what was synced is kept; of what was
//! written since, anything or nothing is, in any order and in parts of sectors.

use std::fs;
use std::path::Path;

use strongroom_crypto::random::{SeededRandom, bytes};
use strongroom_store::{DATABASE_FILE, SqliteStore};

use crate::disk::{self, File, Step};
use crate::load::{self, Load, Rounds};

/// What a disk writes at once.
const SECTOR_BYTES: usize = 512;
const TASKS: u64 = 4;
/// Acknowledgements after which the load is stopped: enough for several moves of the log into the database.
const ACKNOWLEDGED: u64 = 400;

/// `STORE_POWER_FAILURES` sets at how many moments.
#[test]
fn acknowledged_commits_survive_power_failures() {
    load::work_if_asked();
    let home = tempfile::tempdir().expect("a directory");
    let store = home.path().join("store");
    let trace = home.path().join("trace");
    drop(SqliteStore::open(&store, load::config()).expect("a new store"));
    let empty = fs::read(store.join(DATABASE_FILE)).expect("the new database");

    let library = disk::library();
    let environment = [("LD_PRELOAD", library.as_path()), ("STORE_DISK_TRACE", trace.as_path())];
    let mut load = Load::start("power::acknowledged_commits_survive_power_failures", &store, TASKS, &environment);
    let mut lines = 0;
    load.listen(&mut Rounds::new(), |_| {
        lines += 1;
        lines >= ACKNOWLEDGED
    });
    load.kill();
    let steps = disk::read_trace(&trace);
    let syncs = |wanted| steps.iter().filter(|step| matches!(step, Step::Sync(file) if *file == wanted)).count();
    assert!(syncs(File::Database) > 2 && syncs(File::Log) > 20, "the run was too short to show anything");

    let dice = Dice(SeededRandom::new(std::process::id().into()));
    for failure in 0..load::repetitions("STORE_POWER_FAILURES", 60) {
        let moment = dice.below(steps.len());
        let past = steps.get(..moment).expect("a moment of the run");
        let disk = home.path().join(format!("disk-{failure}"));
        fs::create_dir(&disk).expect("a directory");
        fs::write(disk.join(DATABASE_FILE), survivor(past, File::Database, empty.clone(), &dice)).expect("a database");
        fs::write(disk.join(format!("{DATABASE_FILE}-wal")), survivor(past, File::Log, Vec::new(), &dice))
            .expect("a log");
        let mut rounds = Rounds::new();
        for step in past {
            if let Step::Said(line) = step {
                load::note(&mut rounds, line);
            }
        }
        if let Err(what) = load::check(&disk, TASKS, &rounds) {
            panic!("power failure after {moment} of {} steps: {what}", steps.len());
        }
        fs::remove_dir_all(&disk).expect("the directory is removed");
    }
    assert!(Path::new(&store).exists());
}

/// What of `file` is on the disk when the power fails after `steps`.
fn survivor(steps: &[Step], file: File, start: Vec<u8>, dice: &Dice) -> Vec<u8> {
    let synced = steps.iter().rposition(|step| matches!(step, Step::Sync(of) if *of == file)).unwrap_or(0);
    let mut content = start;
    // One fate for all of them: mostly kept, mostly lost, or by halves.
    let kept_of_ten = [1, 5, 9][dice.below(3)];
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Truncate(of, length) if *of == file && (at < synced || dice.below(10) < kept_of_ten) => {
                content.resize(usize::try_from(*length).expect("a length"), 0);
            }
            Step::Write(of, offset, bytes) if *of == file => {
                let offset = usize::try_from(*offset).expect("an offset");
                for (number, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                    if at < synced || dice.below(10) < kept_of_ten {
                        let from = offset + number * SECTOR_BYTES;
                        if content.len() < from + sector.len() {
                            content.resize(from + sector.len(), 0);
                        }
                        content[from..from + sector.len()].copy_from_slice(sector);
                    }
                }
            }
            _ => {}
        }
    }
    content
}

struct Dice(SeededRandom);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        let drawn: [u8; 4] = bytes(&self.0).expect("random bytes");
        usize::try_from(u32::from_be_bytes(drawn)).expect("a number") % bound
    }
}
