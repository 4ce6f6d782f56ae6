//! The differential run of the SQLite engine against the model in memory.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use strongroom_store::contract::differential::{Difference, generate, replay, run};
use strongroom_store::{Engine, MemoryStore, SqliteConfig, SqliteStore, Store};

async fn open(directory: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(directory, SqliteConfig::default()).expect("the store opens"))
}

/// On failure, the operations are left in a file to be run again by [`a_kept_run_can_be_run_again`]'s means.
pub fn keep(engine: &str, difference: &Difference) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("store-differential-{engine}.replay"));
    fs::write(&path, &difference.replay).expect("the replay file can be written");
    format!("{}; the operations are in {}", difference.what, path.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_answers_like_the_model() {
    for seed in 0..4 {
        let home = tempfile::tempdir().expect("a directory");
        let operations = generate(seed, 1000).expect("operations");
        if let Err(difference) = run(&operations, || open(home.path())).await {
            panic!("seed {seed}: {}", keep("sqlite", &difference));
        }
        let store = SqliteStore::open(home.path(), SqliteConfig::default()).expect("the store opens");
        let found = store.integrity().await.expect("the check runs");
        assert_eq!(found.faults, Vec::<String>::new(), "seed {seed}");
        assert!(found.documents > 0 && found.terms > 0 && found.unique_keys > 0, "seed {seed}: {found:?}");
    }
}

#[tokio::test]
async fn a_kept_run_can_be_run_again() {
    let operations = generate(7, 400).expect("operations");
    let text: String = operations.iter().map(|operation| format!("{operation}\n")).collect();
    let read: Vec<_> = text.lines().map(|line| line.parse().expect("a line reads back")).collect();
    assert_eq!(operations, read);
    let home = tempfile::tempdir().expect("a directory");
    assert_eq!(replay(&text, || open(home.path())).await, Ok(()));
}

#[tokio::test]
async fn a_wrong_engine_is_found_out() {
    // An engine that forgets everything when it is opened again.
    let forgetful = || async { Arc::new(MemoryStore::new()) as Arc<dyn Store> };
    let text = "commit put 1 0 20 +t2\nget 1\nreopen\nget 1\nfind 0";
    let difference = replay(text, forgetful).await.expect_err("the loss is noticed");
    assert!(difference.what.starts_with("operation 3, get 1: the engine answers Ok(None)"), "{}", difference.what);
    assert_eq!(difference.replay.lines().last(), Some("get 1"));
    let difference = replay("commit put 1 x", forgetful).await.expect_err("not an operation");
    assert_eq!(difference.what, "not an operation: commit put 1 x");
}
