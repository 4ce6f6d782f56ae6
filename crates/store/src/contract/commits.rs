//! Cases about commits: atomicity, expected versions, unique keys, terms.

use std::sync::Arc;

use super::fixture::{
    COLOUR, LID, Sealer, Verdict, all, body, boxed, colour, delete, deletes, entries, feed, name, named, painted, put,
    puts, refuse, same, same_texts, seen, take, text, told, version,
};
use crate::api::{Batch, DocumentKey, Put, Store, StoreError};

pub async fn a_batch_is_taken_wholly_or_not_at_all(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([named("held", 0, &["taken"])?])).await?;
    let mut batch = entries("topic", &["entry"])?;
    batch.puts = vec![painted("new", 0, &["red"])?, named("other", 0, &["free"])?, named("late", 0, &["taken"])?];
    batch.deletes = vec![delete("held", 7)];
    refuse(&*store, batch.clone(), StoreError::Conflict(boxed("held"))).await?;
    batch.deletes.clear();
    refuse(&*store, batch.clone(), StoreError::UniqueTaken(name("taken"))).await?;
    same(&version(&*store, "new").await?, &0)?;
    same(&version(&*store, "held").await?, &1)?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &[])?;
    same(&store.find(&name("free")).await, &Ok(None))?;
    same(&feed(&*store, "topic", 0, 10).await?, &vec![])?;
    batch.puts.pop();
    take(&*store, batch).await?;
    same(&version(&*store, "new").await?, &1)?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &["red new"])?;
    same(&store.find(&name("free")).await, &Ok(Some(text("other"))))?;
    same(&feed(&*store, "topic", 0, 10).await?, &vec![(1, "entry".to_owned())])
}

pub async fn an_expected_version_must_be_the_present_one(store: Arc<dyn Store>) -> Verdict {
    refuse(&*store, puts([put("a", 1)?]), StoreError::Conflict(boxed("a"))).await?;
    take(&*store, puts([put("a", 0)?])).await?;
    for wrong in [0, 2, u64::MAX] {
        refuse(&*store, puts([put("a", wrong)?]), StoreError::Conflict(boxed("a"))).await?;
    }
    take(&*store, puts([put("a", 1)?])).await?;
    same(&version(&*store, "a").await?, &2)
}

pub async fn versions_count_up_from_one_and_begin_anew_after_a_delete(store: Arc<dyn Store>) -> Verdict {
    for expected in 0..3 {
        take(&*store, puts([put("a", expected)?])).await?;
        let row = store.get(&boxed("a")).await.map_err(told)?.ok_or("it is not there")?;
        same(&row.version, &(expected + 1))?;
        same(&row.body, &body(expected)?)?;
        same(&row.key, &boxed("a"))?;
    }
    take(&*store, deletes([delete("a", 3)])).await?;
    same(&version(&*store, "a").await?, &0)?;
    take(&*store, puts([put("a", 0)?])).await?;
    same(&version(&*store, "a").await?, &1)
}

pub async fn a_delete_expects_a_version_too(store: Arc<dyn Store>) -> Verdict {
    refuse(&*store, deletes([delete("a", 1)]), StoreError::Conflict(boxed("a"))).await?;
    take(&*store, puts([put("a", 0)?])).await?;
    refuse(&*store, deletes([delete("a", 2)]), StoreError::Conflict(boxed("a"))).await?;
    match store.commit(deletes([delete("a", 0)])).await {
        Err(StoreError::Invalid(_)) => same(&version(&*store, "a").await?, &1),
        other => Err(format!("a delete of nothing was answered with {other:?}")),
    }
}

pub async fn a_document_stands_once_in_a_batch(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([put("a", 0)?])).await?;
    let twice_put = puts([put("b", 0)?, put("b", 0)?]);
    let twice_deleted = deletes([delete("a", 1), delete("a", 1)]);
    let both = Batch { deletes: vec![delete("a", 1)], ..puts([put("a", 1)?]) };
    for batch in [twice_put, twice_deleted, both] {
        let answer = store.commit(batch).await;
        if !matches!(answer, Err(StoreError::Invalid(_))) {
            return Err(format!("answered with {answer:?}"));
        }
    }
    same(&version(&*store, "a").await?, &1)?;
    same(&version(&*store, "b").await?, &0)
}

pub async fn keys_and_values_follow_the_rules(store: Arc<dyn Store>) -> Verdict {
    let long = "k".repeat(crate::KEY_BYTES_MAX + 1);
    let longest = "k".repeat(crate::KEY_BYTES_MAX);
    let value = "v".repeat(crate::VALUE_BYTES_MAX);
    let wrong = [
        puts([put("", 0)?]),
        puts([put("nul\0", 0)?]),
        puts([put(&long, 0)?]),
        puts([painted("a", 0, &[""])?]),
        puts([painted("a", 0, &["nul\0nul"])?]),
        puts([named("a", 0, &[&format!("{value}v")])?]),
        deletes([delete("", 1)]),
        entries("topic", &[""])?,
    ];
    for batch in wrong {
        let answer = store.commit(batch).await;
        if !matches!(answer, Err(StoreError::Invalid(_))) {
            return Err(format!("answered with {answer:?}"));
        }
    }
    let put = Put { terms_added: vec![colour(&value)], ..named(&longest, 0, &[&value])? };
    take(&*store, puts([put])).await?;
    same(&store.find(&name(&value)).await, &Ok(Some(text(&longest))))?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &[&format!("{value} {longest}")])
}

pub async fn an_empty_batch_changes_nothing(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([put("a", 0)?])).await?;
    take(&*store, Batch::named("empty")).await?;
    same(&version(&*store, "a").await?, &1)
}

pub async fn kinds_are_apart(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([put("a", 0)?])).await?;
    let lid = DocumentKey::new(LID, "a");
    same(&store.get(&lid).await, &Ok(None))?;
    take(&*store, puts([Put::new(lid.clone(), 0, body(9)?)])).await?;
    take(&*store, deletes([delete("a", 1)])).await?;
    same(&store.get(&lid).await.map_err(told)?.map(|row| row.body), &Some(body(9)?))
}

pub async fn a_unique_key_has_one_holder(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([named("a", 0, &["one", "two"])?])).await?;
    refuse(&*store, puts([named("b", 0, &["three", "two"])?]), StoreError::UniqueTaken(name("two"))).await?;
    same(&store.find(&name("three")).await, &Ok(None))?;
    // Its holder may claim it again.
    take(&*store, puts([named("a", 1, &["two"])?])).await?;
    for held in ["one", "two"] {
        same(&store.find(&name(held)).await, &Ok(Some(text("a"))))?;
    }
    Ok(())
}

pub async fn a_unique_key_can_be_claimed_again_once_released(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([named("a", 0, &["one"])?])).await?;
    take(&*store, puts([Put { unique_removed: vec![name("one")], ..named("a", 1, &["two"])? }])).await?;
    same(&store.find(&name("one")).await, &Ok(None))?;
    take(&*store, puts([named("b", 0, &["one"])?])).await?;
    same(&store.find(&name("one")).await, &Ok(Some(text("b"))))?;
    same(&store.find(&name("two")).await, &Ok(Some(text("a"))))?;
    // What is removed and added in one put is kept.
    take(&*store, puts([Put { unique_removed: vec![name("two")], ..named("a", 2, &["two"])? }])).await?;
    refuse(&*store, puts([named("b", 1, &["two"])?]), StoreError::UniqueTaken(name("two"))).await
}

pub async fn unique_keys_can_be_swapped_in_one_batch(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([named("a", 0, &["one"])?, named("b", 0, &["two"])?])).await?;
    let a = Put { unique_removed: vec![name("one")], ..named("a", 1, &["two"])? };
    let b = Put { unique_removed: vec![name("two")], ..named("b", 1, &["one"])? };
    refuse(&*store, puts([a.clone()]), StoreError::UniqueTaken(name("two"))).await?;
    take(&*store, puts([a, b])).await?;
    same(&store.find(&name("one")).await, &Ok(Some(text("b"))))?;
    same(&store.find(&name("two")).await, &Ok(Some(text("a"))))
}

pub async fn two_claims_in_one_batch_are_refused(store: Arc<dyn Store>) -> Verdict {
    let batch = puts([named("a", 0, &["one"])?, named("b", 0, &["one"])?]);
    refuse(&*store, batch, StoreError::UniqueTaken(name("one"))).await?;
    same(&store.find(&name("one")).await, &Ok(None))?;
    same(&version(&*store, "a").await?, &0)?;
    // Also when the key was free because a third document gives it up.
    take(&*store, puts([named("c", 0, &["one"])?])).await?;
    let release = Put { unique_removed: vec![name("one")], ..put("c", 1)? };
    let batch = puts([named("a", 0, &["one"])?, release, named("b", 0, &["one"])?]);
    refuse(&*store, batch, StoreError::UniqueTaken(name("one"))).await?;
    same(&store.find(&name("one")).await, &Ok(Some(text("c"))))
}

pub async fn a_deleted_document_frees_its_unique_keys_within_the_batch(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([named("a", 0, &["one"])?])).await?;
    take(&*store, Batch { deletes: vec![delete("a", 1)], ..puts([named("b", 0, &["one"])?]) }).await?;
    same(&store.find(&name("one")).await, &Ok(Some(text("b"))))?;
    same(&version(&*store, "a").await?, &0)
}

pub async fn only_the_holder_releases_a_unique_key(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([named("a", 0, &["one"])?])).await?;
    take(&*store, puts([Put { unique_removed: vec![name("one")], ..put("b", 0)? }])).await?;
    same(&store.find(&name("one")).await, &Ok(Some(text("a"))))?;
    let thief = Put { unique_removed: vec![name("one")], ..named("b", 1, &["one"])? };
    refuse(&*store, puts([thief]), StoreError::UniqueTaken(name("one"))).await
}

pub async fn terms_follow_the_differences(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([painted("a", 0, &["red", "blue", "red"])?, painted("b", 0, &["red"])?])).await?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &["blue a", "red a", "red b"])?;
    // One removed, one absent removed, one present added, one new added; the other document's stay.
    let change = Put { terms_removed: vec![colour("red"), colour("white")], ..painted("a", 1, &["blue", "green"])? };
    take(&*store, puts([change])).await?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &["blue a", "green a", "red b"])?;
    // What is removed and added in one put is there afterwards; a put without terms leaves them alone.
    take(&*store, puts([Put { terms_removed: vec![colour("blue")], ..painted("a", 2, &["blue"])? }])).await?;
    take(&*store, puts([put("a", 3)?])).await?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &["blue a", "green a", "red b"])
}

pub async fn a_delete_removes_terms_and_unique_keys(store: Arc<dyn Store>) -> Verdict {
    let both = Put { terms_added: vec![colour("red"), colour("blue")], ..named("a", 0, &["one"])? };
    take(&*store, puts([both, painted("b", 0, &["red"])?])).await?;
    take(&*store, puts([painted("a", 1, &["green"])?])).await?;
    take(&*store, deletes([delete("a", 2)])).await?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &["red b"])?;
    same(&store.find(&name("one")).await, &Ok(None))?;
    take(&*store, puts([named("a", 0, &["one"])?])).await?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &["red b"])
}

pub async fn big_bodies_are_kept(store: Arc<dyn Store>) -> Verdict {
    let sealer = Sealer::new(5)?;
    let bodies = [sealer.body(0)?, sealer.body(4096)?, sealer.body(200 * 1024)?];
    for (version, body) in (0_u64..).zip(&bodies) {
        take(&*store, puts([Put::new(boxed("a"), version, body.clone())])).await?;
        same(&store.get(&boxed("a")).await.map_err(told)?.map(|row| row.body), &Some(body.clone()))?;
    }
    Ok(())
}
