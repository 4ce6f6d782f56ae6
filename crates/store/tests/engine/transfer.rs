//! A store goes from any engine to any other, whole or by increments, and arrives as what it was; what is damaged or cut
//! short does not arrive.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use strongroom_crypto::SystemRandom;
use strongroom_store::contract::differential::{generate, run};
use strongroom_store::contract::fixture::{put, puts};
use strongroom_store::transfer::{
    self, Importer, NewStream, Standing, StreamId, Summary, TransferError, compare, copy, export, fill, seal,
};
use strongroom_store::{
    Batch, Engine, LedgerBegin, PostgresConfig, PostgresImporter, PostgresStore, SqliteConfig, SqliteFiles,
    SqliteImporter, SqliteStore, Store, StoreError,
};
use tempfile::TempDir;

use crate::postgres::nodes::witness;
use crate::postgres::{config, server};

/// Where a store is.
enum Home {
    Directory(TempDir),
    Database(Box<PostgresConfig>),
}

impl Home {
    async fn new(postgres: bool) -> Self {
        if postgres {
            let url = server().database().await.expect("a database");
            return Self::Database(Box::new(PostgresConfig { readers_max: 2, ..config(&url) }));
        }
        Self::Directory(tempfile::tempdir().expect("a directory"))
    }

    async fn try_open(&self) -> Result<Arc<dyn Engine>, StoreError> {
        Ok(match self {
            Self::Directory(home) => Arc::new(SqliteStore::open(home.path(), SqliteConfig::default())?),
            Self::Database(config) => {
                Arc::new(PostgresStore::open(config.as_ref().clone(), Arc::new(SystemRandom)).await?)
            }
        })
    }

    /// Opens the store and keeps its ledger, which begins with it.
    async fn open(&self) -> Arc<dyn Engine> {
        let store = self.try_open().await.expect("the store opens");
        if store.keep_ledger(witness(), LedgerBegin::There, Batch::default()).await.is_err() {
            store.keep_ledger(witness(), LedgerBegin::New, Batch::default()).await.expect("a new store");
        }
        store
    }

    async fn importer(&self) -> Box<dyn Importer> {
        match self {
            Self::Directory(home) => Box::new(SqliteImporter::open(home.path()).expect("the importer opens")),
            Self::Database(config) => {
                let config = config.as_ref().clone();
                Box::new(PostgresImporter::open(config, Arc::new(SystemRandom)).await.expect("the importer opens"))
            }
        }
    }

    /// After the first `count` operations of a history, which always gives the same rows.
    async fn after(postgres: bool, seed: u64, count: usize) -> Self {
        let home = Self::new(postgres).await;
        let operations = generate(seed, count).expect("operations");
        let open = || async {
            let store = home.open().await;
            store as Arc<dyn Store>
        };
        assert_eq!(run(&operations, open).await, Ok(()), "seed {seed}");
        home
    }
}

async fn stream(source: &dyn Engine, number: u8, base: Option<&[u8]>) -> (Summary, Vec<u8>) {
    let base = base.map(|base| Box::new(Cursor::new(base.to_vec())) as Box<_>);
    let new = NewStream { id: StreamId([number; 16]), taken_ms: u64::from(number), base };
    let (summary, bytes) = export(source, new, Vec::new()).await.expect("an export");
    assert_eq!(summary.bytes, u64::try_from(bytes.len()).expect("small"), "{summary:?}");
    (summary, bytes)
}

async fn filled(target: &dyn Importer, after: Option<u8>, bytes: &[u8]) -> Result<Summary, TransferError> {
    let filled = fill(target, after.map(|after| StreamId([after; 16])), Cursor::new(bytes.to_vec())).await?;
    seal(target, &filled, &witness()).await?;
    Ok(filled.summary.expect("it was a stream"))
}

/// What arrived is what was there, for the engine, the ledger and the next commit.
async fn check_arrived(source: &dyn Engine, home: &Home) {
    let target = home.open().await;
    compare(source, target.as_ref()).await.expect("they are the same");
    let (was, is) = (source.integrity().await.expect("checked"), target.integrity().await.expect("checked"));
    assert_eq!(is.faults, Vec::<String>::new());
    assert_eq!(is, was);
    assert_eq!(target.ledger_faults().await, Ok(vec![]));
    let (was, is) = (source.ledger().await.expect("a ledger"), target.ledger().await.expect("a ledger"));
    assert_eq!((is.commits(), is.anchor()), (was.commits(), was.anchor()));
    target.commit(puts([put("beyond", 0).expect("a put")])).await.expect("it takes changes");
    assert_eq!(target.ledger_faults().await, Ok(vec![]));
    target.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_arrive_whole_and_by_increments() {
    for (seed, [first, second, third, target]) in
        [[false, true, false, true], [true, false, true, false], [false, false, false, false]].into_iter().enumerate()
    {
        let seed = u64::try_from(seed).expect("small");
        let one = Home::after(first, seed, 250).await.open().await;
        let (_, whole) = stream(one.as_ref(), 1, None).await;
        let two = Home::after(second, seed, 500).await.open().await;
        let (summary, increment) = stream(two.as_ref(), 2, Some(&whole)).await;
        assert_eq!(summary.base, Some(StreamId([1; 16])));
        let three = Home::after(third, seed, 508).await.open().await;
        let (last, further) = stream(three.as_ref(), 3, Some(&increment)).await;
        assert!(last.counts.same > 0, "{last:?}");

        let home = Home::new(target).await;
        let importer = home.importer().await;
        filled(importer.as_ref(), None, &whole).await.expect("all of the first");
        assert!(home.try_open().await.is_err(), "what is unfinished is not opened");
        filled(importer.as_ref(), Some(1), &increment).await.expect("what came then");
        assert_eq!(filled(importer.as_ref(), Some(2), &further).await.expect("and at last"), last);
        importer.publish().await.expect("published");
        importer.close().await.expect("closed");
        check_arrived(three.as_ref(), &home).await;

        // Straight from one to the other, in two passes.
        let straight = Home::new(!target).await;
        let importer = straight.importer().await;
        copy(one.as_ref(), importer.as_ref()).await.expect("a first pass");
        let pass = copy(three.as_ref(), importer.as_ref()).await.expect("a second pass");
        seal(importer.as_ref(), &pass, &witness()).await.expect("it agrees");
        assert_eq!(copy(three.as_ref(), importer.as_ref()).await.expect("nothing is left").changed, 0);
        importer.publish().await.expect("published");
        importer.close().await.expect("closed");
        check_arrived(three.as_ref(), &straight).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_increment_on_something_else_and_a_damaged_stream_are_refused() {
    let one = Home::after(false, 5, 300).await.open().await;
    let (_, whole) = stream(one.as_ref(), 1, None).await;
    let two = Home::after(false, 5, 306).await.open().await;
    let (_, increment) = stream(two.as_ref(), 2, Some(&whole)).await;
    let home = Home::new(false).await;
    let importer = home.importer().await;
    let alone = filled(importer.as_ref(), None, &increment).await;
    assert!(matches!(alone, Err(TransferError::Base(_))), "{alone:?}");
    let alone = filled(importer.as_ref(), Some(1), &increment).await;
    assert!(matches!(alone, Err(TransferError::Base(_))), "{alone:?}");
    for at in (0..whole.len()).step_by(97) {
        let mut altered = whole.clone();
        altered[at] ^= 0x20;
        let told = filled(importer.as_ref(), None, &altered).await;
        assert!(told.is_err(), "byte {at} of {}", whole.len());
    }
    for length in (0..whole.len()).step_by(211) {
        assert!(filled(importer.as_ref(), None, &whole[..length]).await.is_err(), "{length} bytes");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(filled(importer.as_ref(), None, &longer).await.is_err());
    importer.clear().await.expect("cleared");
    importer.close().await.expect("closed");
    let again = home.open().await;
    assert_eq!(again.integrity().await.expect("checked").documents, 0, "and it is a new store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_rows_that_the_ledger_does_not_know_is_found_out() {
    let one = Home::after(false, 6, 300).await;
    let store = one.open().await;
    let other = Home::after(true, 7, 300).await.open().await;
    let target = Home::new(true).await;
    let importer = target.importer().await;
    // The rows of one store under the ledger of another.
    let pass = copy(store.as_ref(), importer.as_ref()).await.expect("a pass");
    copy(other.as_ref(), importer.as_ref()).await.expect("another");
    let told = seal(importer.as_ref(), &pass, &witness()).await;
    assert!(matches!(told, Err(TransferError::Differs(_))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_store_is_read_and_takes_no_changes_whoever_froze_it() {
    for postgres in [false, true] {
        let home = Home::after(postgres, 8, 100).await;
        let store = home.open().await;
        let change = || async { store.commit(puts([put("frost", 0).expect("a put")])).await };
        match &home {
            // Beside the process that has it open.
            Home::Directory(home) => SqliteStore::set_standing_of(home.path(), Standing::Frozen).expect("frozen"),
            Home::Database(_) => home.open().await.set_standing(Standing::Frozen).await.expect("frozen"),
        }
        assert_eq!(change().await, Err(StoreError::Frozen(Standing::Frozen)));
        assert_eq!(store.standing().await, Ok(Standing::Frozen));
        assert_eq!(store.trim("first", 1).await, Ok(()), "what was moved out of the feed is forgotten all the same");
        assert_eq!(store.ledger_faults().await, Ok(vec![]));
        let read = store.integrity().await.expect("it is read");
        assert!(read.documents > 0 && read.faults.is_empty(), "{read:?}");
        let target = Home::new(false).await;
        let importer = target.importer().await;
        copy(store.as_ref(), importer.as_ref()).await.expect("it is copied");
        store.set_standing(Standing::Moved).await.expect("moved");
        assert_eq!(change().await, Err(StoreError::Frozen(Standing::Moved)));
        store.close().await.expect("closed");
        drop(store);
        let again = home.open().await;
        assert_eq!(again.standing().await, Ok(Standing::Moved), "it lasts");
        again.set_standing(Standing::Open).await.expect("thawed");
        again.commit(puts([put("frost", 0).expect("a put")])).await.expect("it takes changes again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_use_is_not_filled_and_one_that_was_moved_is() {
    for postgres in [false, true] {
        let home = Home::after(postgres, 9, 200).await;
        let newer = Home::after(!postgres, 9, 300).await.open().await;
        let importer = home.importer().await;
        let told = copy(newer.as_ref(), importer.as_ref()).await;
        assert!(matches!(told, Err(TransferError::Store(StoreError::Unavailable(_)))), "{told:?}");
        importer.close().await.expect("closed");
        let store = home.open().await;
        store.set_standing(Standing::Moved).await.expect("moved");
        store.close().await.expect("closed");
        drop(store);
        let importer = home.importer().await;
        let pass = copy(newer.as_ref(), importer.as_ref()).await.expect("a pass");
        seal(importer.as_ref(), &pass, &witness()).await.expect("it agrees");
        importer.publish().await.expect("published");
        importer.close().await.expect("closed");
        check_arrived(newer.as_ref(), &home).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_a_store_are_exported_beside_the_process_that_writes_them() {
    let home = Home::after(false, 10, 200).await;
    let store = home.open().await;
    let Home::Directory(directory) = &home else { return };
    let path: &Path = directory.path();
    let target = Home::new(false).await;
    let importer = target.importer().await;
    let files = SqliteFiles::of(path).expect("its files");
    for version in 0..20 {
        store.commit(puts([put("busy", version).expect("a put")])).await.expect("a commit");
        let pass = copy(&files, importer.as_ref()).await.expect("a pass");
        seal(importer.as_ref(), &pass, &witness()).await.expect("one moment of it");
    }
    importer.publish().await.expect("published");
    importer.close().await.expect("closed");
    check_arrived(store.as_ref(), &target).await;
    let header = transfer::read_header(&b"STRONGROOM-BACKUP-1\n"[..]);
    assert!(matches!(header, Err(TransferError::Format(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_into_a_database_outlives_its_connections_and_has_none_beside_it() {
    let one = Home::after(false, 11, 300).await.open().await;
    for plain in [false, true] {
        let Home::Database(config) = Home::new(true).await else { return };
        let home = Home::Database(Box::new(PostgresConfig { plain, ..*config }));
        let importer = home.importer().await;
        copy(one.as_ref(), importer.as_ref()).await.expect("a pass");
        if !plain {
            let other = home.importer().await;
            let told = copy(one.as_ref(), other.as_ref()).await;
            assert!(matches!(told, Err(TransferError::Store(StoreError::Unavailable(_)))), "{told:?}");
        }
        let killing = async {
            for _ in 0..20 {
                let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE pid <> pg_backend_pid() AND query LIKE '%FOR UPDATE%'";
                server().sql("postgres", kill).await.expect("killed");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let ((), pass) = tokio::join!(killing, copy(one.as_ref(), importer.as_ref()));
        let pass = match pass {
            Ok(pass) => pass,
            // Its snapshot was lost: the next pass is whole.
            Err(_) => copy(one.as_ref(), importer.as_ref()).await.expect("a pass"),
        };
        seal(importer.as_ref(), &pass, &witness()).await.expect("it agrees");
        importer.publish().await.expect("published");
        importer.close().await.expect("closed");
        check_arrived(one.as_ref(), &home).await;
    }
}
