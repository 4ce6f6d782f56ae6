//! Cases about what happens over time: the feed, many writers at once, writers that go away, watchers.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use super::fixture::{
    Verdict, body, boxed, delete, entries, feed, put, puts, refuse, same, same_texts, take, told, version,
};
use crate::api::{Batch, Change, DocumentKey, Put, Store, StoreError, Watcher};

pub async fn the_feed_is_in_order_and_by_topic(store: Arc<dyn Store>) -> Verdict {
    take(&*store, entries("one", &["a", "b"])?).await?;
    let mut mixed = entries("two", &["x"])?;
    mixed.feed.extend(entries("one", &["c"])?.feed);
    take(&*store, mixed).await?;
    let owned = |rows: &[(u64, &str)]| rows.iter().map(|(at, id)| (*at, (*id).to_owned())).collect::<Vec<_>>();
    same(&feed(&*store, "one", 0, 10).await?, &owned(&[(1, "a"), (2, "b"), (3, "c")]))?;
    same(&feed(&*store, "two", 0, 10).await?, &owned(&[(1, "x")]))?;
    same(&feed(&*store, "one", 1, 1).await?, &owned(&[(2, "b")]))?;
    same(&feed(&*store, "one", 3, 10).await?, &vec![])?;
    same(&feed(&*store, "one", u64::MAX, 10).await?, &vec![])?;
    same(&feed(&*store, "three", 0, 10).await?, &vec![])?;
    let bodies = store.feed("one", 0, 10).await.map_err(told)?;
    same(&bodies.into_iter().map(|row| row.body).collect::<Vec<_>>(), &vec![body(1)?, body(1)?, body(1)?])
}

pub async fn a_trimmed_number_is_never_used_again(store: Arc<dyn Store>) -> Verdict {
    take(&*store, entries("one", &["a", "b", "c"])?).await?;
    take(&*store, entries("two", &["x"])?).await?;
    store.trim("one", 2).await.map_err(told)?;
    same(&feed(&*store, "one", 0, 10).await?, &vec![(3, "c".to_owned())])?;
    store.trim("one", u64::MAX).await.map_err(told)?;
    store.trim("one", 1).await.map_err(told)?;
    store.trim("none", 5).await.map_err(told)?;
    same(&feed(&*store, "one", 0, 10).await?, &vec![])?;
    same(&feed(&*store, "two", 0, 10).await?.len(), &1)?;
    take(&*store, entries("one", &["d"])?).await?;
    same(&feed(&*store, "one", 0, 10).await?, &vec![(4, "d".to_owned())])
}

pub async fn one_of_many_writers_of_a_version_wins(store: Arc<dyn Store>) -> Verdict {
    for round in 0..10_u64 {
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (store, batch) = (Arc::clone(&store), puts([put("a", round)?]));
            writers.spawn(async move { store.commit(batch).await });
        }
        let answers = writers.join_all().await;
        same(&answers.iter().filter(|answer| answer.is_ok()).count(), &1)?;
        let lost = Err(StoreError::Conflict(boxed("a")));
        same(&answers.iter().filter(|answer| **answer == lost).count(), &15)?;
        same(&version(&*store, "a").await?, &(round + 1))?;
    }
    Ok(())
}

pub async fn a_commit_goes_on_when_nobody_waits_for_it(store: Arc<dyn Store>) -> Verdict {
    let mut commit = store.commit(puts([put("a", 0)?]));
    // Begun by one poll, then given up, whether it is done or not.
    let _ = poll_fn(|context| Poll::Ready(Pin::new(&mut commit).poll(context))).await;
    drop(commit);
    // The queue is in order: when this is answered, the one before it is done.
    take(&*store, puts([put("b", 0)?])).await?;
    same(&version(&*store, "a").await?, &1)
}

/// Remembers what it heard.
#[derive(Default)]
struct Ear(Mutex<Vec<DocumentKey>>);

impl Watcher for Ear {
    fn changed(&self, changes: &[Change<'_>]) {
        let keys = changes.iter().map(|change| change.key.clone());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
    }

    fn missed(&self) {}
}

pub async fn watchers_hear_of_a_change_before_its_writer(store: Arc<dyn Store>) -> Verdict {
    let ears = [Arc::new(Ear::default()), Arc::new(Ear::default())];
    for ear in &ears {
        store.watch(Arc::<Ear>::clone(ear));
    }
    let heard = |wanted: &[&str]| {
        ears.iter().try_for_each(|ear| {
            let mut keys = ear.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut found: Vec<String> = keys.drain(..).map(|key| key.to_string()).collect();
            found.sort();
            same_texts(&found, wanted)
        })
    };
    take(&*store, puts([put("a", 0)?, put("b", 0)?])).await?;
    heard(&["box a", "box b"])?;
    take(&*store, Batch { deletes: vec![delete("a", 1)], ..puts([put("b", 1)?]) }).await?;
    heard(&["box a", "box b"])?;
    refuse(&*store, puts([put("b", 0)?]), StoreError::Conflict(boxed("b"))).await?;
    take(&*store, entries("topic", &["entry"])?).await?;
    heard(&[])
}

/// Remembers the versions that went along; 0 where nothing did.
#[derive(Default)]
struct Log(Mutex<Vec<u64>>);

impl Watcher for Log {
    fn changed(&self, changes: &[Change<'_>]) {
        let version = |change: &Change<'_>| change.companion.and_then(|companion| companion.downcast_ref().copied());
        let versions = changes.iter().map(|change| version(change).unwrap_or(0));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(versions);
    }

    fn missed(&self) {}
}

pub async fn watchers_hear_in_order_and_see_what_went_along(store: Arc<dyn Store>) -> Verdict {
    let log = Arc::new(Log::default());
    store.watch(Arc::<Log>::clone(&log));
    let accompanied = |expected: u64| -> Result<Put, String> {
        Ok(Put { companion: Some(Arc::new(expected + 1)), ..put("a", expected)? })
    };
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut tries = Vec::new();
        for expected in 0..50 {
            tries.push(puts([accompanied(expected)?]));
        }
        let store = Arc::clone(&store);
        // Each tries every version until somebody has made it, without a pause for the others to be told.
        writers.spawn(async move {
            for batch in tries {
                while let Err(StoreError::Conflict(key)) = store.commit(batch.clone()).await {
                    let expected = batch.puts.first().map_or(0, |put| put.expected);
                    match store.get(&key).await {
                        Ok(row) if row.as_ref().map_or(0, |row| row.version) < expected => {}
                        _ => break,
                    }
                }
            }
        });
    }
    writers.join_all().await;
    let heard = || std::mem::take(&mut *log.0.lock().unwrap_or_else(PoisonError::into_inner));
    same(&heard(), &(1..=50).collect())?;
    take(&*store, Batch { deletes: vec![delete("a", 50)], ..puts([put("b", 0)?]) }).await?;
    same(&heard(), &vec![0, 0])
}
