//! Connections that are lost in the middle of commits: what was acknowledged is there, once; what was refused is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strongroom_crypto::SystemRandom;
use strongroom_crypto::random::{SeededRandom, bytes};
use strongroom_store::contract::database::sql;
use strongroom_store::contract::fixture::{boxed, entries, feed, put, puts, take, version};
use strongroom_store::{Batch, Engine, LedgerBegin, PostgresConfig, PostgresStore, Store, StoreError};

use super::nodes::{Ear, nodes, witness};
use super::proxy::{self, Proxy};
use super::{config, open, server};

/// A node before which a proxy stands, and the settings of a node that has none.
async fn behind_proxy(settings: PostgresConfig) -> (Proxy, Arc<PostgresStore>, PostgresConfig) {
    let server = server();
    let url = server.database().await.expect("a database");
    let proxy = Proxy::before(server.port).await;
    let straight = PostgresConfig { url: url.clone(), ..settings };
    let node = open(&PostgresConfig { url: proxy.url(&url, server.port), ..straight.clone() }).await;
    node.keep_ledger(witness(), LedgerBegin::New, Batch::named("first")).await.expect("the ledger is kept");
    (proxy, node, straight)
}

fn batch(key: &str, expected: u64) -> Batch {
    Batch { puts: vec![put(key, expected).expect("a put")], ..entries("topic", &["entry"]).expect("an entry") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outcome_of_a_commit_whose_answer_was_lost_is_found() {
    let (proxy, node, _) = behind_proxy(PostgresConfig::default()).await;
    for (round, mode) in [proxy::CUT_AFTER_COMMIT, proxy::CUT_BEFORE_COMMIT].into_iter().cycle().take(10).enumerate() {
        let round = u64::try_from(round).expect("few");
        proxy.set(mode);
        take(&*node, batch("a", round)).await.expect("acknowledged");
        assert_eq!(version(&*node, "a").await, Ok(round + 1), "done once");
    }
    assert_eq!(proxy.hits(), 10);
    assert_eq!(feed(&*node, "topic", 0, 100).await.expect("a feed").len(), 10);
    assert_eq!(node.ledger_faults().await, Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_cannot_be_found_is_told_as_unknown() {
    let settings = PostgresConfig { retry_ms_max: 500, poll_ms: 20, connect_ms_max: 1000, ..PostgresConfig::default() };
    let (proxy, node, straight) = behind_proxy(settings).await;
    let ear = Arc::new(Ear::default());
    node.watch(Arc::<Ear>::clone(&ear));
    proxy.set(proxy::CUT_AND_CLOSE);
    let answer = node.commit(batch("a", 0)).await;
    assert!(matches!(answer, Err(StoreError::Unknown(_))), "{answer:?}");
    // It was carried out, and whoever watches hears of it as soon as the database is back.
    assert_eq!(version(&*open(&straight).await, "a").await, Ok(1));
    proxy.set(proxy::CARRY);
    ear.hears("box a").await;
    assert_eq!(node.commit(batch("a", 0)).await, Err(StoreError::Conflict(boxed("a"))));
    take(&*node, batch("a", 1)).await.expect("it goes on");
    assert_eq!(node.ledger_faults().await, Ok(vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_in_the_middle_holds_nobody_up_and_does_no_harm_later() {
    let settings = PostgresConfig { idle_ms_max: 300, ..PostgresConfig::default() };
    let (proxy, node, straight) = behind_proxy(settings).await;
    let other = open(&straight).await;
    other.keep_ledger(witness(), LedgerBegin::There, Batch::named("first")).await.expect("the ledger is kept");
    proxy.set(proxy::FREEZE);
    let frozen = tokio::spawn({
        let node = Arc::clone(&node);
        async move { node.commit(batch("a", 0)).await }
    });
    while proxy.hits() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It holds the lock that all go through, until the database ends its idle transaction.
    take(&*other, batch("a", 0)).await.expect("the other goes on");
    assert!(!frozen.is_finished());
    proxy.thaw();
    // What it decided on then is not what is there now.
    assert_eq!(frozen.await.expect("no panic"), Err(StoreError::Conflict(boxed("a"))));
    assert_eq!(version(&*node, "a").await, Ok(1));
    assert_eq!(other.ledger_faults().await, Ok(vec![]));
}

/// Makes documents of its own until told to stop; what was acknowledged, and what was left open.
async fn write(store: Arc<PostgresStore>, name: String, stop: Arc<AtomicBool>) -> BTreeMap<String, Option<bool>> {
    let mut told = BTreeMap::new();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("{name}/{number}");
        let answer = store.commit(batch(&key, 0)).await;
        let outcome = match answer {
            Ok(()) => Some(true),
            Err(StoreError::Unknown(_)) => None,
            Err(StoreError::Unavailable(_)) => Some(false),
            Err(other) => panic!("{key}: {other}"),
        };
        told.insert(key, outcome);
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_at_random_lose_nothing_and_make_nothing_twice() {
    let server = server();
    let config = config(&server.database().await.expect("a database"));
    let name = config.url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name").to_owned();
    let [one, other] = nodes(&config).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for at in 0..8 {
        let store = Arc::clone(if at % 2 == 0 { &one } else { &other });
        writers.spawn(write(store, format!("w{at}"), Arc::clone(&stop)));
    }
    let random = SeededRandom::new(3);
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '{name}' AND application_name = 'strongroom'"
    );
    let mut killed = 0;
    for _ in 0..40 {
        let [pause] = bytes(&random).expect("random");
        tokio::time::sleep(Duration::from_millis(u64::from(pause))).await;
        killed += server.sql("postgres", &kill).await.expect("killed").len();
    }
    stop.store(true, Ordering::SeqCst);
    let told: BTreeMap<String, Option<bool>> = writers.join_all().await.into_iter().flatten().collect();
    let mut there = 0;
    for (key, outcome) in &told {
        let found = version(&*one, key).await.expect("a version");
        there += usize::from(found == 1);
        match outcome {
            Some(true) => assert_eq!(found, 1, "{key} was acknowledged"),
            Some(false) => assert_eq!(found, 0, "{key} was refused"),
            None => assert!(found < 2, "{key}"),
        }
    }
    let acknowledged = told.values().filter(|outcome| **outcome == Some(true)).count();
    assert!(killed > 0 && acknowledged > 0, "{killed} connections killed, {acknowledged} commits");
    assert_eq!(feed(&*other, "topic", 0, usize::MAX).await.expect("a feed").len(), there, "an entry for each");
    assert_eq!(other.integrity().await.expect("a check").faults, Vec::<String>::new());
    let unknown = told.values().filter(|outcome| outcome.is_none()).count();
    println!("{killed} connections killed, {acknowledged} of {} commits acknowledged, {unknown} unknown", told.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_behind_the_engine_is_told() {
    let config = config(&server().database().await.expect("a database"));
    let [one, other] = nodes(&config).await;
    let mut batch = entries("topic", &["entry"]).expect("an entry");
    batch.puts = vec![put("a", 0).expect("a put"), put("b", 0).expect("a put")];
    take(&*one, batch).await.expect("taken");
    let old = sql(&config.url, "SELECT encode(ledger, 'hex') FROM strongroom.head").await.expect("the ledger");
    take(&*one, puts([put("a", 1).expect("a put")])).await.expect("taken");
    sql(&config.url, "UPDATE strongroom.document SET version = 1 WHERE key = 'a'").await.expect("changed");
    let faults = other.ledger_faults().await.expect("a look");
    assert_eq!(faults, ["box a: what is stored is of version 1, and version 2 was written last"]);
    sql(&config.url, "UPDATE strongroom.document SET version = 2 WHERE key = 'a'; DELETE FROM strongroom.entry")
        .await
        .expect("changed");
    assert_eq!(
        other.ledger_faults().await.expect("a look"),
        ["an entry of the feed topic: its row, of version 1, is gone"]
    );
    // A ledger of before, under a number that no node has seen.
    let back = format!("UPDATE strongroom.head SET turn = turn + 1, ledger = decode('{}', 'hex')", old[0]);
    sql(&config.url, &back).await.expect("changed");
    let refused = one.commit(puts([put("c", 0).expect("a put")])).await;
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    sql(&config.url, "UPDATE strongroom.head SET ledger = NULL").await.expect("changed");
    let refused = one.commit(puts([put("c", 0).expect("a put")])).await;
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    // A node that has not opened the ledger writes nothing past it.
    let fresh = PostgresStore::open(config.clone(), Arc::new(SystemRandom)).await.expect("it opens");
    sql(&config.url, &back).await.expect("changed");
    let refused = fresh.commit(puts([put("c", 0).expect("a put")])).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    fresh.keep_ledger(witness(), LedgerBegin::Anew, Batch::named("renewed")).await.expect("what is there is right");
    assert_eq!(fresh.integrity().await.expect("a check").faults, Vec::<String>::new());
}
