//! Damage is told, never a panic, and found by the check.

use std::fs;

use super::{database, filled, home, opened, refused};
use crate::contract::fixture::{BOX, COLOUR, Sealer, all, boxed, delete, deletes, name, named, put, puts, version};
use crate::{DATABASE_FILE, DocumentKey, Engine, Integrity, Kind, Put, SqliteConfig, SqliteStore, Store, StoreError};

#[tokio::test]
async fn damaged_files_are_errors() {
    let home = home();
    drop(filled(home.path()).await);
    let path = home.path().join(DATABASE_FILE);
    let whole = fs::read(&path).expect("the database");
    let mut garbled = whole.clone();
    garbled[..16].copy_from_slice(b"SQLite format 2\0");
    let mut no_schema = whole.clone();
    no_schema[60..64].fill(0);
    for damaged in [&[][..], &whole[..50], &whole[..whole.len() / 2], &garbled, &no_schema] {
        fs::write(&path, damaged).expect("a damaged file");
        let error = refused(home.path());
        assert!(matches!(error, StoreError::Damaged(_)), "{} bytes: {error:?}", damaged.len());
    }
    fs::write(&path, &whole).expect("the whole file");
    assert_eq!(version(&opened(home.path()), "1/7").await, Ok(1));
}

#[tokio::test]
async fn damaged_pages_are_errors_and_found_by_the_check() {
    let home = home();
    drop(filled(home.path()).await);
    let path = home.path().join(DATABASE_FILE);
    let whole = fs::read(&path).expect("the database");
    // Each page in turn, but for the first, which is looked at when the store is opened.
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..][..4096].fill(0xff);
        fs::write(&path, &damaged).expect("a damaged file");
        let store = match SqliteStore::open(home.path(), SqliteConfig::default()) {
            Ok(store) => store,
            Err(StoreError::Damaged(_)) => continue,
            Err(other) => panic!("page {page}: {other:?}"),
        };
        let found = store.integrity().await.expect("the check itself runs");
        assert_ne!(found.faults, Vec::<String>::new(), "page {page}");
        for answer in [
            store.scan(BOX, "", None, 1000).await.map(drop),
            store.range(&all(COLOUR, "")).await.map(drop),
            store.feed("topic", 0, 1000).await.map(drop),
            store.find(&name("1/3")).await.map(drop),
            store.commit(puts([named("new", 0, &["new"]).expect("a put")])).await,
            store.commit(deletes([delete("1/5", 1)])).await,
        ] {
            assert!(matches!(answer, Ok(()) | Err(StoreError::Damaged(_))), "page {page}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_check_compares_indexes_with_documents() {
    let home = home();
    let store = filled(home.path()).await;
    let found = store.integrity().await.expect("the check runs");
    let whole = Integrity { documents: 40, terms: 40, unique_keys: 20, feed_entries: 20, faults: vec![] };
    assert_eq!(found, whole);
    drop(store);
    for (damage, fault) in [
        (
            "INSERT INTO term VALUES ('box-colour', 'stray', '1/3')",
            "the documents list 40 entries of term, but there are 41",
        ),
        ("DELETE FROM term WHERE value = '1/red' AND key = '1/3'", "box 1/3: an entry of index box-colour is missing"),
        ("UPDATE unique_key SET key = '1/4' WHERE value = '1/5'", "box 1/5: an entry of index box-name is missing"),
        ("UPDATE document SET terms = x'00' WHERE key = '1/6'", "box 1/6: its list of terms has no known form"),
        ("UPDATE document SET body = x'00' WHERE key = '1/7'", "box 1/7: its version or body has no known form"),
        ("UPDATE entry SET place = place + 79 WHERE id = '1/19'", "feed topic 99: its number was not given out"),
        (
            "UPDATE entry SET place = place + (1 << 40) WHERE id = '1/18'",
            "feed without a topic 19: its number was not given out",
        ),
        ("UPDATE entry SET body = x'00' WHERE id = '1/0'", "feed topic 1: its body has no known form"),
    ] {
        database(home.path()).execute_batch(damage).expect("the damage");
        let faults = opened(home.path()).integrity().await.expect("the check runs").faults;
        assert!(faults.iter().any(|found| found == fault), "{damage}: {faults:?}");
    }
    let store = opened(home.path());
    let damaged = Err(StoreError::Damaged("a body is not a ciphertext of a known format".to_owned()));
    assert_eq!(store.get(&boxed("1/7")).await, damaged);
    // A document with a damaged list refuses its own commits only.
    let (bad, good) = (puts([put("1/6", 1).expect("a put")]), puts([put("1/8", 1).expect("a put")]));
    let (bad, good) = tokio::join!(store.commit(bad), store.commit(good));
    assert_eq!((bad, good), (Err(StoreError::Damaged("a document's list of terms".to_owned())), Ok(())));
}

#[tokio::test]
async fn counts_and_sizes_are_told() {
    let home = home();
    let store = filled(home.path()).await;
    let lid =
        Put::new(DocumentKey::new(Kind("a-lid"), "1/a"), 0, Sealer::new(1).expect("a sealer").body(9).expect("a body"));
    store.commit(puts([lid])).await.expect("a commit");
    let stats = store.stats().await.expect("counts");
    assert_eq!(stats.documents, [("a-lid".to_owned(), 1), ("box".to_owned(), 40)]);
    assert_eq!(stats.feed_entries, 20);
    assert!(stats.bytes > 40 * 4096, "{stats:?}");
}
