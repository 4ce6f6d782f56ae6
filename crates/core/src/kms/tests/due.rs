//! Work that is due: what cannot be done holds nothing else up.

use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_crypto::{Context, Witness};
use strongroom_store::{
    DocumentKey, Entry, FeedRow, Kind, Put, Range, Row, Store, StoreError, StoreFuture, Term, Watcher,
};

use super::*;
use crate::kms::key::{BY_ROTATION, KEY, instant};

/// A store in which another node is faster with the next few commits.
#[derive(Default)]
struct Contested {
    inner: MemoryStore,
    conflicts: AtomicUsize,
}

impl Store for Contested {
    fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>> {
        self.inner.get(key)
    }
    fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>> {
        self.inner.get_many(kind, keys)
    }
    fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>> {
        self.inner.find(term)
    }
    fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<Entry>> {
        self.inner.range(range)
    }
    fn scan<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Row>> {
        self.inner.scan(kind, prefix, after, limit)
    }
    fn commit(&self, batch: Batch) -> StoreFuture<'_, ()> {
        let left = self.conflicts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => Box::pin(async { Err(StoreError::Conflict(DocumentKey::new(KEY, "contested"))) }),
            Err(_) => self.inner.commit(batch),
        }
    }
    fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>> {
        self.inner.feed(topic, after, limit)
    }
    fn trim<'a>(&'a self, topic: &'a str, through: u64) -> StoreFuture<'a, ()> {
        self.inner.trim(topic, through)
    }
    fn keep_ledger(&self, witness: Witness, begin: strongroom_store::LedgerBegin, first: Batch) -> StoreFuture<'_, ()> {
        self.inner.keep_ledger(witness, begin, first)
    }
    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.inner.watch(watcher);
    }
}

#[tokio::test]
async fn disabled_keys_that_are_long_due_hold_up_no_others_rotation() {
    let house = House::new();
    let mut idle = Vec::new();
    // More than are looked at in one round.
    for _ in 0..12 {
        let key = house.create().await;
        house.act(&key, &Step::RotateEvery(90)).await.expect("on");
        house.act(&key, &Step::Disable).await.expect("disabled");
        idle.push(key);
    }
    house.clock.advance_days(1);
    let key = house.create().await;
    house.act(&key, &Step::RotateEvery(90)).await.expect("on");
    house.clock.advance_days(90);
    assert_eq!((house.work().await, house.materials(&key).await), (1, 2));
    let range = Range { index: BY_ROTATION, prefix: String::new(), after: None, descending: false, limit: 100 };
    assert_eq!(house.documents.range(&range).await.expect("read").len(), 1, "only what can rotate waits for it");
    house.act(&idle[0], &Step::Enable).await.expect("enabled");
    assert_eq!((house.work().await, house.materials(&idle[0]).await), (1, 2), "it was long due");
}

#[tokio::test]
async fn a_key_that_fails_holds_up_no_other() {
    let house = House::new();
    let key = house.create().await;
    house.act(&key, &Step::RotateEvery(90)).await.expect("on");
    let mut batch = Batch::named("test");
    for number in 0..12 {
        let place = DocumentKey::new(KEY, key::document_key(ACCOUNT, "us-east-1", &format!("damaged-{number}")));
        let damaged = house.documents.keyring().seal(house.random.as_ref(), &Context::new("elsewhere"), b"{}");
        let mut put = Put::new(place, 0, damaged.expect("sealed"));
        put.terms_added.push(Term::new(BY_ROTATION, instant(number)));
        batch.puts.push(put);
    }
    house.documents.commit(batch).await.expect("committed");
    house.clock.advance_days(90);
    let told = house.kms.do_due_work(house.clock.now(), 10).await;
    assert!(matches!(told, Err(Error::Internal(_))), "it is told: {told:?}");
    assert_eq!(house.materials(&key).await, 2);
}

#[tokio::test]
async fn a_deletion_that_meets_another_writer_is_tried_again() {
    let store = Arc::new(Contested::default());
    let house = House::over(Arc::clone(&store) as Arc<dyn Store>);
    let key = house.create().await;
    house.grant(&key).await;
    house.act(&key, &Step::Schedule(7)).await.expect("scheduled");
    house.clock.advance_days(7);
    store.conflicts.store(2, Ordering::SeqCst);
    assert_eq!(house.work().await, 1);
    assert!(house.documents.scan::<Key>("", None, 10).await.expect("read").is_empty());
}
