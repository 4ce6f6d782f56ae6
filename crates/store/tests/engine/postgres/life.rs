//! The contract, and the differential runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_crypto::Witness;
use strongroom_store::contract::differential::{generate, run};
use strongroom_store::{
    Batch, DocumentKey, Engine, Entry, FeedRow, Kind, LedgerBegin, PostgresConfig, PostgresStore, Range, Row, Store,
    StoreFuture, Term, Watcher, contract,
};

use super::nodes::{nodes, witness};
use super::{config, open, schema_name, server};
use crate::differential::keep;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_engine_keeps_the_contract() {
    let url = server().database().await.expect("a database");
    let passed = contract::run(|| async {
        let config = PostgresConfig { schema: schema_name(), readers_max: 4, ..config(&url) };
        open(&config).await as Arc<dyn Store>
    })
    .await;
    assert_eq!(passed, Ok(contract::CASES.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_answers_like_the_model() {
    for seed in 0..4 {
        let config = config(&server().database().await.expect("a database"));
        let operations = generate(seed, 1000).expect("operations");
        if let Err(difference) = run(&operations, || async { open(&config).await as Arc<dyn Store> }).await {
            panic!("seed {seed}: {}", keep("postgres", &difference));
        }
        let found = open(&config).await.integrity().await.expect("the check runs");
        assert_eq!(found.faults, Vec::<String>::new(), "seed {seed}");
        assert!(found.documents > 0 && found.terms > 0 && found.unique_keys > 0, "seed {seed}: {found:?}");
    }
}

/// Two nodes, asked by turns.
struct Turns([Arc<PostgresStore>; 2], AtomicUsize);

impl Turns {
    fn next(&self) -> &PostgresStore {
        &self.0[self.1.fetch_add(1, Ordering::SeqCst) % 2]
    }
}

impl Store for Turns {
    fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>> {
        self.next().get(key)
    }

    fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>> {
        self.next().get_many(kind, keys)
    }

    fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>> {
        self.next().find(term)
    }

    fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<Entry>> {
        self.next().range(range)
    }

    fn scan<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Row>> {
        self.next().scan(kind, prefix, after, limit)
    }

    fn commit(&self, batch: Batch) -> StoreFuture<'_, ()> {
        self.next().commit(batch)
    }

    fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>> {
        self.next().feed(topic, after, limit)
    }

    fn trim<'a>(&'a self, topic: &'a str, through: u64) -> StoreFuture<'a, ()> {
        self.next().trim(topic, through)
    }

    fn keep_ledger(&self, witness: Witness, begin: LedgerBegin, first: Batch) -> StoreFuture<'_, ()> {
        self.next().keep_ledger(witness, begin, first)
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.0.iter().for_each(|node| node.watch(Arc::clone(&watcher)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_with_a_ledger_answer_like_the_model() {
    for (seed, plain) in [(10, false), (11, true)] {
        let config = config(&server().database().await.expect("a database"));
        let config = PostgresConfig { plain, trim_entries_max: 3, ..config };
        nodes::<1>(&config).await;
        let open_two = || async {
            let [one, other] = [open(&config).await, open(&config).await];
            for node in [&one, &other] {
                node.keep_ledger(witness(), LedgerBegin::There, Batch::named("kept"))
                    .await
                    .expect("the ledger is kept");
            }
            Arc::new(Turns([one, other], AtomicUsize::new(0))) as Arc<dyn Store>
        };
        let operations = generate(seed, 800).expect("operations");
        if let Err(difference) = run(&operations, open_two).await {
            panic!("seed {seed}: {}", keep("postgres-nodes", &difference));
        }
        let [last] = [open(&config).await];
        last.keep_ledger(witness(), LedgerBegin::There, Batch::named("kept")).await.expect("the ledger is kept");
        assert_eq!(last.integrity().await.expect("the check runs").faults, Vec::<String>::new(), "seed {seed}");
    }
}
