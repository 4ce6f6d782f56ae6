//! Several nodes on one database: no update is lost, leases' fences hold, everybody hears of everybody's changes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, SystemRandom, Witness, aead};
use strongroom_store::contract::database::sql;
use strongroom_store::contract::fixture::{boxed, delete, deletes, entries, named, put, puts, take, version};
use strongroom_store::{
    Batch, Change, Engine, LedgerBegin, PostgresConfig, PostgresStore, Put, Store, StoreError, Watcher,
};

use super::{config, open, server};

/// Who keeps the ledgers of the tests.
pub fn witness() -> Witness {
    let key = aead::generate_key(&SeededRandom::new(11)).expect("a key");
    Witness::new(Arc::new(Keyring::new(&[key]).expect("a ring")), Arc::new(SystemRandom))
}

/// Nodes of a new store that keeps its ledger.
pub async fn nodes<const N: usize>(config: &PostgresConfig) -> [Arc<PostgresStore>; N] {
    let mut nodes = Vec::new();
    for number in 0..N {
        let node = open(config).await;
        let begin = if number == 0 { LedgerBegin::New } else { LedgerBegin::There };
        node.keep_ledger(witness(), begin, Batch::named("first")).await.expect("the ledger is kept");
        nodes.push(node);
    }
    nodes.try_into().ok().expect("as many as were asked for")
}

/// What a watcher heard.
#[derive(Default)]
pub struct Ear {
    pub keys: Mutex<Vec<(String, bool)>>,
    pub missed: AtomicUsize,
}

impl Watcher for Ear {
    fn changed(&self, changes: &[Change<'_>]) {
        let keys = changes.iter().map(|change| (change.key.to_string(), change.companion.is_some()));
        self.keys.lock().expect("no panic").extend(keys);
    }

    fn missed(&self) {
        self.missed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Ear {
    fn heard(&self) -> Vec<(String, bool)> {
        self.keys.lock().expect("no panic").clone()
    }

    pub async fn hears(&self, key: &str) {
        for _ in 0..1000 {
            if self.keys.lock().expect("no panic").iter().any(|(heard, _)| heard == key) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody told of {key}");
    }
}

/// Writes version after version of one document, whoever else does, until it made `count` of them itself.
async fn count_up(store: Arc<PostgresStore>, key: &str, count: u64) -> u64 {
    let mut made = 0;
    while made < count {
        let present = version(&*store, key).await.expect("a version");
        match store.commit(puts([put(key, present).expect("a put")])).await {
            Ok(()) => made += 1,
            Err(StoreError::Conflict(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_lose_no_update() {
    lose_no_update(config(&server().database().await.expect("a database"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_whose_transactions_fail_where_they_meet_lose_no_update() {
    let config = config(&server().database().await.expect("a database"));
    lose_no_update(PostgresConfig { plain: true, ..config.clone() }).await;
    let met = "SELECT xact_rollback > 0 FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(sql(&config.url, met).await, Ok(vec!["t".to_owned()]), "some were tried again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_nodes_that_begin_a_store_at_once_one_does() {
    let config = config(&server().database().await.expect("a database"));
    let mut beginning = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let node = open(&config).await;
        beginning.spawn(async move {
            let begun = node.keep_ledger(witness(), LedgerBegin::New, puts([put("key", 0).expect("a put")])).await;
            (node, begun)
        });
    }
    let all = beginning.join_all().await;
    assert_eq!(all.iter().filter(|(_, begun)| begun.is_ok()).count(), 1);
    for (node, _) in all {
        node.keep_ledger(witness(), LedgerBegin::There, Batch::named("kept")).await.expect("it is there");
        assert_eq!(version(&*node, "key").await, Ok(1));
        assert_eq!(node.ledger_faults().await, Ok(vec![]));
    }
}

async fn lose_no_update(config: PostgresConfig) {
    let [one, other] = nodes(&config).await;
    let mut writers = tokio::task::JoinSet::new();
    for at in 0..12 {
        let store = Arc::clone(if at % 2 == 0 { &one } else { &other });
        writers.spawn(async move { count_up(store, if at < 6 { "a" } else { "b" }, 25).await });
    }
    writers.join_all().await;
    for node in [&one, &other] {
        assert_eq!(version(&**node, "a").await, Ok(150));
        assert_eq!(version(&**node, "b").await, Ok(150));
        assert_eq!(node.ledger_faults().await, Ok(vec![]));
        assert_eq!(node.integrity().await.expect("a check").faults, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_taken_over_fences_its_holder_off() {
    let config = config(&server().database().await.expect("a database"));
    let [one, other] = nodes(&config).await;
    take(&*one, puts([put("lease", 0).expect("a put")])).await.expect("one holds it");
    // Its fence is the lease's version. The other takes over.
    take(&*other, puts([put("lease", 1).expect("a put")])).await.expect("the other takes it over");
    let effect = |expected| Batch {
        puts: vec![put("lease", expected).expect("a put"), put("effect", 0).expect("a put")],
        ..entries("done", &["effect"]).expect("an entry")
    };
    assert_eq!(one.commit(effect(1)).await, Err(StoreError::Conflict(boxed("lease"))));
    assert_eq!(version(&*one, "effect").await, Ok(0));
    assert_eq!(other.commit(effect(2)).await, Ok(()));
    assert_eq!(version(&*one, "effect").await, Ok(1));
    // Many that all want to do a thing once.
    let mut holders = tokio::task::JoinSet::new();
    for at in 0..16 {
        let store = Arc::clone(if at % 2 == 0 { &one } else { &other });
        holders.spawn(async move { store.commit(puts([named("once", 0, &["once"]).expect("a put")])).await.is_ok() });
    }
    assert_eq!(holders.join_all().await.into_iter().filter(|done| *done).count(), 1);
}

async fn everybody_hears(config: PostgresConfig) {
    let [one, other] = nodes(&config).await;
    let (at_one, at_other) = (Arc::new(Ear::default()), Arc::new(Ear::default()));
    one.watch(Arc::<Ear>::clone(&at_one));
    other.watch(Arc::<Ear>::clone(&at_other));
    for round in 0..20 {
        let companion: Put = Put { companion: Some(Arc::new(round)), ..put("a", round).expect("a put") };
        take(&*one, puts([companion])).await.expect("taken");
    }
    take(&*one, puts([put("last", 0).expect("a put")])).await.expect("taken");
    at_other.hears("box last").await;
    let mut wanted = vec![("box a".to_owned(), true); 20];
    wanted.push(("box last".to_owned(), false));
    assert_eq!(at_one.heard(), wanted);
    wanted.iter_mut().for_each(|(_, companion)| *companion = false);
    assert_eq!(at_other.heard(), wanted, "in order, each once, without what went along");
    take(&*other, deletes([delete("last", 1)])).await.expect("taken");
    take(&*other, puts([put("b", 0).expect("a put")])).await.expect("taken");
    at_one.hears("box b").await;
    assert_eq!((at_one.missed.load(Ordering::SeqCst), at_other.missed.load(Ordering::SeqCst)), (0, 0));
    assert!(one.behind() < Duration::from_secs(5) && other.behind() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_told_of_changes() {
    // No look comes in time: only notifications tell.
    let config = config(&server().database().await.expect("a database"));
    everybody_hears(PostgresConfig { poll_ms: 600_000, ..config }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_look_for_changes_where_nothing_tells_of_them() {
    let config = config(&server().database().await.expect("a database"));
    everybody_hears(PostgresConfig { poll_ms: 50, plain: true, ..config }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_hears_what_others_did_before_it_wrote() {
    let config = config(&server().database().await.expect("a database"));
    let [one, other] = nodes(&PostgresConfig { poll_ms: 600_000, plain: true, ..config }).await;
    let ear = Arc::new(Ear::default());
    other.watch(Arc::<Ear>::clone(&ear));
    take(&*one, puts([put("a", 0).expect("a put")])).await.expect("taken");
    take(&*other, puts([put("b", 0).expect("a put")])).await.expect("taken");
    let heard: Vec<String> = ear.heard().into_iter().map(|(key, _)| key).collect();
    assert_eq!(heard, ["box a", "box b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_in_the_changes_is_noticed() {
    let config = config(&server().database().await.expect("a database"));
    let [one, other] = nodes(&PostgresConfig { poll_ms: 600_000, plain: true, ..config.clone() }).await;
    let ear = Arc::new(Ear::default());
    other.watch(Arc::<Ear>::clone(&ear));
    // The other's first look, at its start, is to be over.
    tokio::time::sleep(Duration::from_secs(1)).await;
    take(&*one, puts([put("a", 0).expect("a put")])).await.expect("taken");
    take(&*one, puts([put("b", 0).expect("a put")])).await.expect("taken");
    sql(&config.url, "DELETE FROM strongroom.change WHERE sequence = (SELECT sequence - 1 FROM strongroom.head)")
        .await
        .expect("the row of a goes");
    take(&*other, puts([put("c", 0).expect("a put")])).await.expect("taken");
    assert_eq!(ear.missed.load(Ordering::SeqCst), 1);
    assert_eq!(ear.heard().last(), Some(&("box c".to_owned(), false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_is_given_up_shows_nobody_its_moment() {
    let config = config(&server().database().await.expect("a database"));
    let [one] = nodes(&PostgresConfig { readers_max: 1, ..config }).await;
    for round in 0..60 {
        // What asked for it goes away, now here, now there.
        let _ = tokio::time::timeout(Duration::from_micros(500 * round), one.integrity()).await;
        take(&*one, puts([put("a", round).expect("a put")])).await.expect("taken");
        assert_eq!(version(&*one, "a").await, Ok(round + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_knows_for_how_long_it_heard_nothing() {
    let server = server();
    let config = config(&server.database().await.expect("a database"));
    let name = config.url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name").to_owned();
    let [one] = nodes(&PostgresConfig { poll_ms: 20, retry_ms_max: 500, ..config }).await;
    // One after the other: within one transaction, those that come back at once would still be let in.
    server.sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await.expect("shut");
    let away = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    server.sql("postgres", &away).await.expect("cut off");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(one.behind() > Duration::from_secs(1), "{:?}", one.behind());
    let refused = one.commit(puts([put("a", 0).expect("a put")])).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(one.get(&boxed("a")).await, Err(StoreError::Unavailable(_))));
    server.sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.expect("let in");
    for _ in 0..500 {
        if one.behind() < Duration::from_millis(500) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(one.behind() < Duration::from_millis(500), "{:?}", one.behind());
    take(&*one, puts([put("a", 0).expect("a put")])).await.expect("it goes on");
}
