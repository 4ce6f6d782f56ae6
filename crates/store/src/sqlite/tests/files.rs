//! Files and their modes, refusals to open, copies.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::super::files::create_private;
use super::{contents, database, filled, home, opened, refused};
use crate::contract::fixture::{entries, feed, put, puts, version};
use crate::{DATABASE_FILE, Engine, Integrity, SqliteStore, Store, StoreError};

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let home = home();
    let directory = home.path().join("a/b");
    drop(filled(&directory).await);
    for file in fs::read_dir(&directory).expect("the directory") {
        fs::set_permissions(file.expect("a file").path(), fs::Permissions::from_mode(0o666)).expect("a mode");
    }
    let store = filled_again(&directory).await;
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for file in ["strongroom.db", "strongroom.db-wal", "strongroom.db-shm"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
    let copy = home.path().join("copy");
    store.backup_to(&copy).await.expect("a copy");
    assert_eq!(mode(&copy), 0o600);
}

async fn filled_again(directory: &Path) -> SqliteStore {
    let store = opened(directory);
    store.commit(puts([put("again", 0).expect("a put")])).await.expect("a commit");
    store
}

#[tokio::test]
async fn a_store_is_open_once() {
    let home = home();
    let store = opened(home.path());
    assert_eq!(
        refused(home.path()),
        StoreError::Unavailable("it is open already: stop the server that runs on it first".to_owned())
    );
    store.commit(puts([put("a", 0).expect("a put")])).await.expect("the first is not disturbed");
    drop(store);
    assert_eq!(version(&opened(home.path()), "a").await, Ok(1));
}

#[test]
fn a_foreign_file_is_left_alone() {
    let home = home();
    let path = home.path().join(DATABASE_FILE);
    let foreign = Connection::open(&path).expect("a database");
    foreign.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE document (id INTEGER)").expect("a table");
    foreign.close().expect("closed");
    let before = contents(home.path());
    assert_eq!(refused(home.path()), StoreError::Unavailable("the database is not one of Strongroom".to_owned()));
    assert_eq!(contents(home.path()), before);
}

#[tokio::test]
async fn a_later_schema_is_left_alone() {
    let home = home();
    drop(filled(home.path()).await);
    fs::remove_file(home.path().join("strongroom.lock")).expect("the lock file");
    let later = database(home.path());
    let known: u32 = later.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
    later.pragma_update(None, "user_version", known + 1).expect("a later version");
    later.close().expect("closed");
    let before = contents(home.path());
    let StoreError::Unavailable(what) = refused(home.path()) else { panic!("the error's kind") };
    assert!(what.contains("number 3") && what.contains("later release"), "{what}");
    assert_eq!(contents(home.path()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_of_one_moment_while_commits_go_on() {
    let home = home();
    let store = Arc::new(filled(&home.path().join("store")).await);
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            // In each batch, two documents reach the same version.
            for round in 0..u64::MAX {
                let batch = puts([put("one", round).expect("a put"), put("two", round).expect("a put")]);
                store.commit(batch).await.expect("a commit");
            }
        })
    };
    for number in 0..5 {
        let (copy, restored) = (home.path().join(format!("copy-{number}")), home.path().join(format!("{number}")));
        store.backup_to(&copy).await.expect("a copy");
        assert!(matches!(store.backup_to(&copy).await, Err(StoreError::Unavailable(_))), "a copy is not overwritten");
        SqliteStore::restore(&copy, &restored).expect("a store of the copy");
        assert!(matches!(SqliteStore::restore(&copy, &restored), Err(StoreError::Unavailable(_))));
        let restored = opened(&restored);
        assert_eq!(restored.integrity().await.expect("the check runs").faults, Vec::<String>::new());
        assert_eq!(version(&restored, "one").await, version(&restored, "two").await);
        assert_eq!(version(&restored, "1/19").await, Ok(1));
        // Numbers of the feed go on where they were.
        restored.commit(entries("topic", &["next"]).expect("entries")).await.expect("a commit");
        assert_eq!(feed(&restored, "topic", 20, 9).await, Ok(vec![(21, "next".to_owned())]));
    }
    writer.abort();
    let names: Vec<String> = contents_names(home.path());
    assert!(names.iter().all(|name| !name.contains("part") && !name.ends_with("-wal")), "{names:?}");
}

fn contents_names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_leaves_nothing() {
    let home = home();
    let store = filled(&home.path().join("store")).await;
    let nowhere = home.path().join("missing/copy");
    assert!(matches!(store.backup_to(&nowhere).await, Err(StoreError::Unavailable(_))));
    let nothing = home.path().join("no-copy");
    assert!(matches!(SqliteStore::restore(&nothing, home.path().join("new")), Err(StoreError::Unavailable(_))));
    fs::write(&nothing, "no database at all").expect("a file");
    assert!(matches!(SqliteStore::restore(&nothing, home.path().join("new")), Err(StoreError::Damaged(_))));
    assert_eq!(contents_names(home.path()).len(), 2);
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error() {
    let home = home();
    fs::write(home.path().join("file"), "").expect("a file");
    // Under a file, and where nobody may make anything.
    for place in [home.path().join("file/store"), "/proc/strongroom".into(), "/proc".into()] {
        assert!(matches!(refused(&place), StoreError::Unavailable(_)), "{}", place.display());
    }
}

#[test]
fn every_read_uses_an_index() {
    let home = home();
    drop(opened(home.path()));
    let database = database(home.path());
    let plan = |sql: &str| -> Vec<String> {
        let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
        let lines = statement.query_map([], |row| row.get(3)).expect("a plan");
        lines.collect::<Result<_, _>>().expect("lines")
    };
    for descending in ["", "DESC"] {
        let sql = format!(
            "SELECT value, key FROM term WHERE ix = 'i' AND (value, key) > ('a', 'b') AND (value, key) < ('c', 'd')
             ORDER BY value {descending}, key {descending} LIMIT 9"
        );
        assert_eq!(plan(&sql), ["SEARCH term USING PRIMARY KEY (ix=? AND (value,key)>(?,?) AND (value,key)<(?,?))"]);
    }
    let scan =
        "SELECT key, version, body FROM document WHERE kind = 'k' AND key > 'a' AND key < 'b' ORDER BY key LIMIT 9";
    assert_eq!(plan(scan), ["SEARCH document USING INDEX sqlite_autoindex_document_1 (kind=? AND key>? AND key<?)"]);
    let feed = "SELECT place, id, body FROM entry WHERE place BETWEEN 1 AND 9 ORDER BY place LIMIT 9";
    assert_eq!(plan(feed), ["SEARCH entry USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]);
    let topic = "SELECT number FROM topic WHERE name = 't'";
    assert_eq!(plan(topic), ["SEARCH topic USING COVERING INDEX sqlite_autoindex_topic_1 (name=?)"]);
}

/// A store as the release of schema 1 left it.
fn of_schema_1(directory: &Path) {
    create_private(&directory.join(DATABASE_FILE)).expect("a file");
    database(directory).execute_batch(include_str!("schema_1.sql")).expect("the old store");
}

#[tokio::test]
async fn a_store_of_schema_1_is_taken_over() {
    let home = home();
    of_schema_1(home.path());
    for round in 0..2 {
        let store = opened(home.path());
        let whole = Integrity { documents: 7, terms: 38, unique_keys: 0, feed_entries: 2, faults: vec![] };
        assert_eq!(store.integrity().await.expect("the check runs"), whole, "round {round}");
        let waiting = feed(&store, "trail", 0, 9).await.expect("entries");
        assert_eq!(waiting.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [3, 4], "round {round}");
        let counts = store.stats().await.expect("counts").documents;
        assert!(counts.contains(&("secret-version".to_owned(), 2)), "{counts:?}");
    }
    let store = opened(home.path());
    store.trim("trail", 4).await.expect("a trim");
    // Numbers go on where they were, whether entries are left or not.
    for (topic, next) in [("trail", 5), ("forgotten", 8), ("new", 1)] {
        store.commit(entries(topic, &["next"]).expect("entries")).await.expect("a commit");
        assert_eq!(feed(&store, topic, 0, 9).await, Ok(vec![(next, "next".to_owned())]), "{topic}");
    }
}

#[tokio::test]
async fn a_takeover_loses_no_entry_without_a_topic() {
    let home = home();
    of_schema_1(home.path());
    database(home.path()).execute_batch("DELETE FROM feed_topic WHERE topic = 'trail'").expect("damage");
    let store = opened(home.path());
    let waiting = feed(&store, "trail", 0, 9).await.expect("entries");
    assert_eq!(waiting.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(), [3, 4]);
}

#[tokio::test]
async fn a_sequence_that_cannot_have_been_given_out_is_damage() {
    for sequence in [i64::MAX, 1 << 40, -1] {
        let home = home();
        let store = opened(home.path());
        store.commit(entries("t", &["one"]).expect("entries")).await.expect("a commit");
        store.close().expect("closed");
        let change = format!("UPDATE topic SET last_sequence = {sequence}");
        database(home.path()).execute_batch(&change).expect("damage");
        refused(home.path());
    }
}

#[test]
fn a_takeover_that_is_cut_short_changes_nothing() {
    let home = home();
    of_schema_1(home.path());
    // Something in the way of the step's last table.
    database(home.path()).execute_batch("CREATE TABLE entry (a)").expect("a table");
    let tables = || -> Vec<String> {
        let database = database(home.path());
        let mut statement =
            database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").expect("a statement");
        let names = statement.query_map([], |row| row.get(0)).expect("tables");
        names.collect::<Result<_, _>>().expect("names")
    };
    let before = tables();
    refused(home.path());
    assert_eq!(tables(), before);
    database(home.path()).execute_batch("DROP TABLE entry").expect("gone");
    drop(opened(home.path()));
    assert_eq!(tables(), ["document", "entry", "ledger", "term", "topic", "unique_key"]);
}
