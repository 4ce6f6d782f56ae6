//! The ledger agrees with what was committed, and tells what was changed behind its back.

use std::path::Path;
use std::sync::Arc;

use strongroom_crypto::aead::generate_key;
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, Witness};

use super::{database, filled, home, opened};
use crate::contract::differential::{generate, run};
use crate::contract::fixture::{boxed, delete, deletes, entries, name, named, put, puts};
use crate::{Batch, Engine, LedgerBegin, SqliteStore, Store, StoreError};

fn witness(seed: u64) -> Witness {
    let random = SeededRandom::new(seed);
    let key = generate_key(&random).expect("a key");
    Witness::new(Arc::new(Keyring::new(&[key]).expect("a ring")), Arc::new(random))
}

/// Opens the store with its ledger, which must be there.
async fn kept(directory: &Path) -> SqliteStore {
    let store = opened(directory);
    store.keep_ledger(witness(1), LedgerBegin::There, Batch::default()).await.expect("the ledger");
    store
}

/// A store with a ledger that began when it was full.
async fn home_with_ledger() -> tempfile::TempDir {
    let home = home();
    let store = filled(home.path()).await;
    store.keep_ledger(witness(1), LedgerBegin::Anew, Batch::default()).await.expect("the ledger");
    assert_eq!(store.ledger_faults().await, Ok(vec![]));
    home
}

#[tokio::test]
async fn it_agrees_after_whatever_was_committed_or_refused() {
    for seed in 0..3 {
        let home = home();
        let open = || async {
            let store = opened(home.path());
            if store.keep_ledger(witness(1), LedgerBegin::There, Batch::default()).await.is_err() {
                store.keep_ledger(witness(1), LedgerBegin::New, Batch::default()).await.expect("a new store");
            }
            Arc::new(store) as Arc<dyn Store>
        };
        let operations = generate(seed, 300).expect("operations");
        assert_eq!(run(&operations, open).await, Ok(()));
        let store = kept(home.path()).await;
        assert_eq!(store.ledger_faults().await, Ok(vec![]), "seed {seed}");
        let commits = store.ledger().await.expect("the ledger").commits();
        assert!(commits > 10, "{commits}");
        drop(store);
        let again = kept(home.path()).await.ledger().await.expect("the ledger").commits();
        assert_eq!(again, commits, "opening counts as no commit");
    }
}

#[tokio::test]
async fn a_commit_is_counted_and_a_trim_is_not() {
    let home = home_with_ledger().await;
    let store = kept(home.path()).await;
    let before = store.ledger().await.expect("the ledger").commits();
    store.commit(entries("topic", &["a", "b"]).expect("entries")).await.expect("a commit");
    store.trim("topic", 7).await.expect("a trim");
    store.commit(puts([put("1/1", 9).expect("a put")])).await.expect_err("a conflict");
    assert_eq!(store.ledger().await.expect("the ledger").commits(), before + 1);
    assert_eq!(store.ledger_faults().await, Ok(vec![]));
    store.set_anchor([5; 16]).await.expect("an anchor");
    let ledger = store.ledger().await.expect("the ledger");
    assert_eq!((ledger.commits(), ledger.anchor()), (before + 2, Some([5; 16])));
}

#[tokio::test]
async fn nothing_is_written_past_it() {
    let home = home_with_ledger().await;
    let store = opened(home.path());
    let refused = Err(StoreError::Unavailable("its ledger was not opened".to_owned()));
    assert_eq!(store.commit(puts([put("1/new", 0).expect("a put")])).await, refused);
    assert_eq!(store.trim("topic", 3).await, refused);
    let altered =
        Err(StoreError::Damaged("its ledger is the key that this ciphertext names is not at hand".to_owned()));
    assert_eq!(store.keep_ledger(witness(2), LedgerBegin::There, Batch::default()).await, altered);
    store
        .keep_ledger(witness(1), LedgerBegin::There, puts([put("1/new", 0).expect("a put")]))
        .await
        .expect("with a first batch");
    assert_eq!(store.ledger_faults().await, Ok(vec![]));
    // What is refused of a first batch takes nothing with it.
    let fresh = super::home();
    let store = opened(fresh.path());
    let taken = store.keep_ledger(witness(1), LedgerBegin::New, puts([put("1/a", 4).expect("a put")])).await;
    assert_eq!(taken, Err(StoreError::Conflict(boxed("1/a"))));
    store.commit(puts([put("1/a", 0).expect("a put")])).await.expect("a store without a ledger");
}

#[tokio::test]
async fn what_was_changed_behind_its_back_is_named() {
    let save = "ATTACH ':memory:' AS old; CREATE TABLE old.saved AS SELECT * FROM document WHERE key = '1/3';";
    let update = async |store: &SqliteStore| {
        store.commit(puts([put("1/3", 1).expect("a put")])).await.expect("a commit");
        store.commit(puts([put("1/3", 2).expect("a put")])).await.expect("a commit");
    };
    let home = home_with_ledger().await;
    let bare = database(home.path());
    bare.execute_batch(save).expect("saved");
    let store = kept(home.path()).await;
    update(&store).await;
    drop(store);
    let copy = std::fs::read(home.path().join(crate::DATABASE_FILE)).expect("the database");
    drop(bare);
    for (damage, faults) in [
        // The old row, with everything that belongs to it.
        (
            "UPDATE document SET (version, terms, body) = (SELECT version, terms, body FROM first.document WHERE key = '1/3')
                WHERE key = '1/3'",
            &["box 1/3: what is stored is of version 1, and version 3 was written last"][..],
        ),
        (
            "UPDATE document SET body = (SELECT body FROM document WHERE key = '1/big/4') WHERE key = '1/4'",
            &["box 1/4: what is stored is another than the one that was written"],
        ),
        (
            "UPDATE document SET key = '1/55' WHERE key = '1/5'",
            &["box 1/55: what is stored was not written, or was deleted", "box 1/5: its row, of version 1, is gone"],
        ),
        (
            "DELETE FROM document WHERE key = '1/big/3'",
            &["a row that nothing names: its row, of version 1, is gone"],
        ),
        ("DELETE FROM document WHERE key = '1/6'", &["box 1/6: its row, of version 1, is gone"]),
        (
            "UPDATE document SET terms = (SELECT terms FROM document WHERE key = '1/7') WHERE key = '1/8'",
            &["box 1/8: what is stored is another than the one that was written"],
        ),
        ("DELETE FROM entry WHERE id = '1/19'", &["an entry of the feed topic: its row, of version 20, is gone"]),
        ("UPDATE document SET version = 9", &["more rows than can be named are not those that were written last"]),
    ] {
        let other = super::home();
        std::fs::write(other.path().join(crate::DATABASE_FILE), &copy).expect("a copy");
        drop(filled(&other.path().join("first")).await);
        let bare = database(other.path());
        let first = other.path().join("first").join(crate::DATABASE_FILE);
        bare.execute_batch(&format!("ATTACH '{}' AS first", first.display())).expect("attached");
        bare.execute_batch(damage).expect("the damage");
        drop(bare);
        let store = kept(other.path()).await;
        let found = store.ledger_faults().await.expect("the check runs");
        for fault in faults {
            assert!(found.iter().any(|found| found == fault), "{damage}: {found:?}");
        }
        assert!(store.integrity().await.expect("the check runs").faults.len() >= found.len(), "{damage}");
    }
}

#[tokio::test]
async fn a_ledger_that_is_gone_or_altered_is_told() {
    for damage in
        ["DELETE FROM ledger", "UPDATE ledger SET body = substr(body, 1, 3000)", "UPDATE ledger SET body = x'00'"]
    {
        let home = home_with_ledger().await;
        database(home.path()).execute_batch(damage).expect("the damage");
        let store = opened(home.path());
        let told = store.keep_ledger(witness(1), LedgerBegin::There, Batch::default()).await;
        assert!(matches!(told, Err(StoreError::Damaged(_))), "{damage}: {told:?}");
    }
}

#[tokio::test]
async fn a_deleted_document_may_come_back() {
    let home = home_with_ledger().await;
    let store = kept(home.path()).await;
    store.commit(deletes([delete("1/3", 1)])).await.expect("a commit");
    store.commit(puts([named("1/3", 0, &["1/3"]).expect("a put")])).await.expect("a commit");
    assert_eq!(store.find(&name("1/3")).await, Ok(Some("1/3".into())));
    assert_eq!(store.ledger_faults().await, Ok(vec![]));
}

#[tokio::test]
async fn a_row_that_was_put_back_is_told_also_when_it_was_used_since() {
    let home = home_with_ledger().await;
    let bare = database(home.path());
    let row = "SELECT kind, key, version, terms, body FROM document WHERE key = '1/3'";
    bare.execute_batch(&format!("CREATE TEMP TABLE saved AS {row}")).expect("saved");
    let store = kept(home.path()).await;
    store.commit(deletes([delete("1/3", 1)])).await.expect("a commit");
    drop(store);
    let back = "INSERT INTO document (kind, key, version, terms, body) SELECT * FROM temp.saved;
        INSERT INTO term SELECT ix, value, '1/3' FROM (SELECT DISTINCT ix, value FROM term);
        INSERT INTO unique_key VALUES ('box-name', '1/3', 'box', '1/3')";
    bare.execute_batch(back).expect("put back");
    drop(bare);
    let store = kept(home.path()).await;
    store.commit(puts([put("1/3", 1).expect("a put")])).await.expect("it is taken for the last that was written");
    let told = store.ledger_faults().await.expect("the check runs");
    assert!(
        told.iter().any(|fault| fault.starts_with("box 1/3: what was written last is not what stood there")),
        "{told:?}"
    );
    store.commit(deletes([delete("1/3", 2)])).await.expect("a commit");
    assert_eq!(store.ledger_faults().await.expect("the check runs").len(), 1, "for ever");
}

#[tokio::test]
async fn a_store_whose_ledger_went_back_is_not_written() {
    let home = home_with_ledger().await;
    let old = std::fs::read(home.path().join(crate::DATABASE_FILE)).expect("the database");
    let store = kept(home.path()).await;
    store.commit(puts([put("1/new", 0).expect("a put")])).await.expect("a commit");
    let commits = store.commits();
    assert_eq!(store.ledger().await.expect("the ledger").commits(), commits);
    drop(store);
    std::fs::write(home.path().join(crate::DATABASE_FILE), old).expect("put back");
    let store = kept(home.path()).await;
    assert!(store.commits() < commits, "a new process takes what is there");
}

#[test]
fn tables_that_are_not_ours_are_refused() {
    for change in [
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE other (x)",
        "CREATE INDEX i ON entry (id)",
        "ALTER TABLE ledger ADD COLUMN more TEXT",
        "DROP TABLE ledger; CREATE TABLE ledger (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    ] {
        let home = home();
        drop(opened(home.path()));
        database(home.path()).execute_batch(change).expect("the change");
        let told = SqliteStore::open(home.path(), crate::SqliteConfig::default()).err();
        let expected = StoreError::Damaged("its tables are not those that this release makes".to_owned());
        assert_eq!(told, Some(expected), "{change}");
    }
}

#[tokio::test]
async fn what_is_taken_for_right_gets_its_indexes_anew() {
    let home = home_with_ledger().await;
    let damage = "DELETE FROM term WHERE key = '1/3'; INSERT INTO term VALUES ('box-colour', 'stray', '1/4');
        DELETE FROM unique_key";
    database(home.path()).execute_batch(damage).expect("the damage");
    let store = kept(home.path()).await;
    assert!(!store.integrity().await.expect("the check runs").faults.is_empty());
    store.keep_ledger(witness(1), LedgerBegin::Anew, Batch::default()).await.expect("taken for right");
    assert_eq!(store.integrity().await.expect("the check runs").faults, Vec::<String>::new());
    assert_eq!(store.find(&name("1/3")).await, Ok(Some("1/3".into())));
}
