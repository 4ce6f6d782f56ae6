//! The engine's own promises, beyond the contract.

mod damage;
mod files;
mod ledger;
mod running;

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::contract::fixture::{Sealer, boxed, entries, name, painted, puts};
use crate::{Batch, DATABASE_FILE, Put, SqliteConfig, SqliteStore, Store, StoreError};

fn home() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn opened(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, SqliteConfig::default()).expect("the store opens")
}

fn refused(directory: &Path) -> StoreError {
    SqliteStore::open(directory, SqliteConfig::default()).err().expect("the store does not open")
}

/// The bare database of a closed store.
fn database(directory: &Path) -> Connection {
    Connection::open(directory.join(DATABASE_FILE)).expect("the database")
}

/// Names and contents of all files in a directory.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a file")))
        .collect();
    files.sort();
    files
}

async fn filled(directory: &Path) -> SqliteStore {
    let store = opened(directory);
    let sealer = Sealer::new(1).expect("a sealer");
    for round in 0..20 {
        let key = format!("1/{round}");
        let both = Put { unique_added: vec![name(&key)], ..painted(&key, 0, &["1/red", "1/blue"]).expect("a put") };
        let big = Put::new(boxed(&format!("1/big/{round}")), 0, sealer.body(9000).expect("a body"));
        let batch = Batch { feed: entries("topic", &[&key]).expect("entries").feed, ..puts([both, big]) };
        store.commit(batch).await.expect("a commit");
    }
    store
}
