//! A store at work: full, held up, closing, with a long log or a long trim.

use std::fs;
use std::sync::Arc;

use super::{database, home, opened};
use crate::contract::fixture::{
    BOX, COLOUR, Sealer, all, boxed, colour, delete, deletes, entries, feed, put, puts, seen, version,
};
use crate::{Engine, Put, SqliteConfig, SqliteStore, Store, StoreError};

#[tokio::test]
async fn a_full_database_refuses_until_there_is_room() {
    let home = home();
    let config = SqliteConfig { database_pages_max: 100, ..SqliteConfig::default() };
    let store = SqliteStore::open(home.path(), config).expect("the store opens");
    let sealer = Sealer::new(1).expect("a sealer");
    let mut kept = 0;
    let full = loop {
        let key = format!("{kept}");
        let put =
            Put { terms_added: vec![colour(&key)], ..Put::new(boxed(&key), 0, sealer.body(9000).expect("a body")) };
        match store.commit(puts([put])).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, StoreError::Full);
    assert!(kept > 10, "{kept}");
    assert_eq!(seen(&store, all(COLOUR, "")).await.expect("entries").len(), kept);
    assert_eq!(version(&store, &format!("{kept}")).await, Ok(0));
    store.commit(deletes([delete("3", 1)])).await.expect("a delete makes room");
    let body = sealer.body(9000).expect("a body");
    store.commit(puts([Put::new(boxed("last"), 0, body)])).await.expect("there is room again");
    assert_eq!(store.integrity().await.expect("the check runs").faults, Vec::<String>::new());
}

#[tokio::test]
async fn another_programs_lock_is_waited_for_and_then_told() {
    let home = home();
    let config = SqliteConfig { busy_wait_ms: 20, ..SqliteConfig::default() };
    let store = SqliteStore::open(home.path(), config).expect("the store opens");
    let other = database(home.path());
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    for _ in 0..2 {
        let answer = store.commit(puts([put("a", 0).expect("a put")])).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    other.execute_batch("ROLLBACK").expect("the lock is given up");
    store.commit(puts([put("a", 0).expect("a put")])).await.expect("the store goes on");
    assert_eq!(version(&store, "a").await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_finishes_what_waits_and_then_refuses() {
    let home = home();
    let store = Arc::new(opened(home.path()));
    let waiting: Vec<_> = (0..100)
        .map(|number| {
            let (store, batch) = (Arc::clone(&store), puts([put(&format!("{number}"), 0).expect("a put")]));
            tokio::spawn(async move { store.commit(batch).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let closing = Arc::clone(&store);
    let closed_now = tokio::task::spawn_blocking(move || closing.close()).await.expect("a thread");
    assert_eq!(closed_now, Ok(()));
    assert_eq!(store.close(), Ok(()));
    let closed = Err(StoreError::Unavailable("it was closed".to_owned()));
    let mut done = Vec::new();
    for (number, waiting) in waiting.into_iter().enumerate() {
        let answer = waiting.await.expect("a task");
        assert!(answer == Ok(()) || answer == closed, "{answer:?}");
        done.push((number, answer.is_ok()));
    }
    assert_eq!(store.commit(puts([])).await, closed);
    assert_eq!(store.get(&boxed("1")).await.map(drop), closed);
    assert_eq!(store.scan(BOX, "", None, 1).await.map(drop), closed);
    assert_eq!(store.trim("topic", 1).await, closed);
    drop(store);
    assert_eq!(fs::metadata(home.path().join("strongroom.db-wal")).map_or(0, |log| log.len()), 0);
    let store = opened(home.path());
    for (number, kept) in done {
        assert_eq!(version(&store, &number.to_string()).await, Ok(u64::from(kept)), "{number}");
    }
}

#[tokio::test]
async fn the_log_stays_short() {
    let home = home();
    let config = SqliteConfig { wal_checkpoint_pages: 50, wal_pages_max: 200, ..SqliteConfig::default() };
    let store = SqliteStore::open(home.path(), config).expect("the store opens");
    let sealer = Sealer::new(1).expect("a sealer");
    for round in 0..300 {
        let body = sealer.body(20_000).expect("a body");
        store.commit(puts([Put::new(boxed("a"), round, body)])).await.expect("a commit");
    }
    // 300 commits of at least 6 pages each went through it.
    let log = fs::metadata(home.path().join("strongroom.db-wal")).expect("the log").len();
    assert!(log < 150 * 4096, "{log} bytes");
}

#[tokio::test]
async fn a_long_trim_is_done_in_steps() {
    let home = home();
    let config = SqliteConfig { trim_entries_max: 3, ..SqliteConfig::default() };
    let store = SqliteStore::open(home.path(), config).expect("the store opens");
    let ids: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    store.commit(entries("topic", &ids).expect("entries")).await.expect("a commit");
    let (trim, commit) =
        tokio::join!(store.trim("topic", 17), store.commit(entries("topic", &["21"]).expect("entries")));
    assert_eq!((trim, commit), (Ok(()), Ok(())));
    let left: Vec<u64> = feed(&store, "topic", 0, 100).await.expect("entries").into_iter().map(|(at, _)| at).collect();
    assert_eq!(left, [18, 19, 20, 21]);
    drop(store);
    assert_eq!(feed(&opened(home.path()), "topic", 20, 100).await, Ok(vec![(21, "21".to_owned())]));
}

#[tokio::test]
async fn a_number_of_the_feed_is_not_used_again_after_opening_anew() {
    let home = home();
    let store = opened(home.path());
    store.commit(entries("topic", &["a", "b"]).expect("entries")).await.expect("a commit");
    store.trim("topic", 2).await.expect("a trim");
    drop(store);
    let store = opened(home.path());
    store.commit(entries("topic", &["c"]).expect("entries")).await.expect("a commit");
    assert_eq!(feed(&store, "topic", 0, 9).await, Ok(vec![(3, "c".to_owned())]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_told_after_its_wait() {
    let home = home();
    let config = SqliteConfig {
        queue_jobs_max: 1,
        queue_wait_ms: 50,
        group_jobs_max: 1,
        busy_wait_ms: 60_000,
        ..SqliteConfig::default()
    };
    let store = Arc::new(SqliteStore::open(home.path(), config).expect("the store opens"));
    let other = database(home.path());
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock that holds the writer up");
    let mut commits = tokio::task::JoinSet::new();
    for key in ["a", "b", "c", "d", "e"] {
        let (store, batch) = (Arc::clone(&store), puts([put(key, 0).expect("a put")]));
        commits.spawn(async move { store.commit(batch).await });
    }
    // The writer has one and the queue has room for one, so at least three of the five find no place.
    let full = Err(StoreError::Unavailable("too many commits are waiting".to_owned()));
    for _ in 0..3 {
        assert_eq!(commits.join_next().await.expect("a commit").expect("a task"), full);
    }
    other.execute_batch("ROLLBACK").expect("the lock is given up");
    let mut stored = 0;
    while let Some(answer) = commits.join_next().await {
        let answer = answer.expect("a task");
        assert!(answer == Ok(()) || answer == full, "{answer:?}");
        stored += usize::from(answer.is_ok());
    }
    assert!(stored > 0, "the writer's own was refused too");
    assert_eq!(store.scan(BOX, "", None, 9).await.expect("rows").len(), stored);
}

#[tokio::test]
async fn topics_of_the_feed_keep_apart() {
    let home = home();
    for round in 0..3_u64 {
        let store = opened(home.path());
        for topic in ["b", "a", "c"] {
            store.commit(entries(topic, &["1", "2"]).expect("entries")).await.expect("a commit");
            let first = round * 2 + 1;
            let both = vec![(first, "1".to_owned()), (first + 1, "2".to_owned())];
            assert_eq!(feed(&store, topic, first - 1, 9).await, Ok(both), "{topic} {round}");
        }
        // What is trimmed of one is left in the others, and a trim beyond the end takes no number away.
        store.trim("a", u64::MAX).await.expect("a trim");
        store.trim("unknown", 9).await.expect("a trim");
        assert_eq!(feed(&store, "a", 0, 9).await, Ok(vec![]));
        assert_eq!(feed(&store, "a", u64::MAX, 9).await, Ok(vec![]));
        let left = usize::try_from(round * 2 + 2).expect("a number");
        assert_eq!(feed(&store, "c", 0, 99).await.map(|rows| rows.len()), Ok(left));
        assert_eq!(store.integrity().await.expect("the check runs").faults, Vec::<String>::new());
    }
}
