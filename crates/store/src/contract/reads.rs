//! Cases about reads: single documents, ranges of an index, scans, and their order.

use std::sync::Arc;

use strongroom_crypto::random::{SeededRandom, bytes as random_bytes};

use super::fixture::{
    BOX, COLOUR, LID, NAME, Verdict, all, body, colour, delete, deletes, entries, feed, name, named, painted, put,
    puts, same, same_texts, seen, take, text, told, version,
};
use crate::api::{DocumentKey, Entry, Put, Range, Store};

pub async fn a_commit_is_seen_by_the_next_read(store: Arc<dyn Store>) -> Verdict {
    for round in 0..50_u64 {
        let colours = [format!("shade-{round:02}")];
        let colours: Vec<&str> = colours.iter().map(String::as_str).collect();
        let mut batch = puts([painted("a", round, &colours)?]);
        batch.feed = entries("topic", &["entry"])?.feed;
        take(&*store, batch).await?;
        same(&version(&*store, "a").await?, &(round + 1))?;
        let many = store.get_many(BOX, &[text("a")]).await.map_err(told)?;
        same(&many.iter().flatten().map(|row| row.version).collect::<Vec<_>>(), &vec![round + 1])?;
        same(&seen(&*store, all(COLOUR, &format!("shade-{round:02}"))).await?.len(), &1)?;
        same(&feed(&*store, "topic", round, 10).await?.len(), &1)?;
    }
    Ok(())
}

pub async fn many_are_answered_in_the_asked_order(store: Arc<dyn Store>) -> Verdict {
    take(&*store, puts([put("a", 0)?, put("b", 0)?, put("c", 0)?])).await?;
    let keys = ["c", "none", "a", "c"].map(text);
    let rows = store.get_many(BOX, &keys).await.map_err(told)?;
    let found: Vec<Option<Arc<str>>> = rows.into_iter().map(|row| row.map(|row| row.key.key)).collect();
    same(&found, &vec![Some(text("c")), None, Some(text("a")), Some(text("c"))])?;
    same(&store.get_many(LID, &keys).await.map_err(told)?, &vec![None, None, None, None])?;
    same(&store.get_many(BOX, &[]).await.map_err(told)?, &vec![])
}

/// Three boxes, two colours each.
async fn fill(store: &dyn Store) -> Verdict {
    let boxes = [painted("k2", 0, &["m/b", "m/a"])?, painted("k1", 0, &["m/b", "n"])?, painted("k3", 0, &["l", "m"])?];
    take(store, puts(boxes)).await
}

pub async fn a_range_is_in_order_of_value_and_key(store: Arc<dyn Store>) -> Verdict {
    fill(&*store).await?;
    same_texts(&seen(&*store, all(COLOUR, "")).await?, &["l k3", "m k3", "m/a k2", "m/b k1", "m/b k2", "n k1"])?;
    same_texts(&seen(&*store, all(NAME, "")).await?, &[])
}

pub async fn a_range_keeps_to_its_prefix(store: Arc<dyn Store>) -> Verdict {
    fill(&*store).await?;
    same_texts(&seen(&*store, all(COLOUR, "m")).await?, &["m k3", "m/a k2", "m/b k1", "m/b k2"])?;
    same_texts(&seen(&*store, all(COLOUR, "m/")).await?, &["m/a k2", "m/b k1", "m/b k2"])?;
    same_texts(&seen(&*store, all(COLOUR, "m/b")).await?, &["m/b k1", "m/b k2"])?;
    same_texts(&seen(&*store, all(COLOUR, "m/c")).await?, &[])
}

/// `range` with another starting point.
fn behind(range: Range, value: &str, key: &str) -> Range {
    Range { after: Some(Entry { value: value.to_owned(), key: text(key) }), ..range }
}

fn down(range: Range) -> Range {
    Range { descending: true, ..range }
}

pub async fn a_range_goes_on_behind_an_entry(store: Arc<dyn Store>) -> Verdict {
    fill(&*store).await?;
    let m = || all(COLOUR, "m/");
    same_texts(&seen(&*store, behind(m(), "m/b", "k1")).await?, &["m/b k2"])?;
    // The entry need not exist, nor lie within the prefix.
    same_texts(&seen(&*store, behind(m(), "m/b", "k0")).await?, &["m/b k1", "m/b k2"])?;
    same_texts(&seen(&*store, behind(m(), "a", "zzz")).await?, &["m/a k2", "m/b k1", "m/b k2"])?;
    same_texts(&seen(&*store, behind(m(), "m/b", "k2")).await?, &[])?;
    same_texts(&seen(&*store, behind(m(), "z", "")).await?, &[])?;
    same_texts(&seen(&*store, behind(all(COLOUR, ""), "m/b", "k2")).await?, &["n k1"])
}

pub async fn a_range_goes_down_as_well(store: Arc<dyn Store>) -> Verdict {
    fill(&*store).await?;
    let m = || down(all(COLOUR, "m/"));
    same_texts(&seen(&*store, down(all(COLOUR, ""))).await?, &["n k1", "m/b k2", "m/b k1", "m/a k2", "m k3", "l k3"])?;
    same_texts(&seen(&*store, m()).await?, &["m/b k2", "m/b k1", "m/a k2"])?;
    same_texts(&seen(&*store, behind(m(), "m/b", "k2")).await?, &["m/b k1", "m/a k2"])?;
    same_texts(&seen(&*store, behind(m(), "z", "a")).await?, &["m/b k2", "m/b k1", "m/a k2"])?;
    same_texts(&seen(&*store, behind(m(), "a", "a")).await?, &[])?;
    same_texts(&seen(&*store, behind(down(all(COLOUR, "")), "m/a", "k2")).await?, &["m k3", "l k3"])?;
    same_texts(&seen(&*store, Range { limit: 2, ..m() }).await?, &["m/b k2", "m/b k1"])
}

pub async fn a_range_and_a_scan_keep_their_limit(store: Arc<dyn Store>) -> Verdict {
    fill(&*store).await?;
    for limit in 0..8 {
        same(&seen(&*store, Range { limit, ..all(COLOUR, "") }).await?.len(), &limit.min(6))?;
        same(&store.scan(BOX, "", None, limit).await.map_err(told)?.len(), &limit.min(3))?;
    }
    same(&seen(&*store, Range { limit: usize::MAX, ..all(COLOUR, "") }).await?.len(), &6)
}

pub async fn order_is_that_of_bytes(store: Arc<dyn Store>) -> Verdict {
    // In UTF-16 the last two would change places; in most languages' alphabets so would the first.
    let ordered = ["A", "Z", "a", "z", "\u{e9}", "\u{1e9e}", "\u{ff5e}", "\u{1f511}"];
    let mut batch = puts([]);
    for value in ordered.iter().rev() {
        batch.puts.push(painted(value, 0, &[value])?);
    }
    take(&*store, batch).await?;
    let found = store.range(&all(COLOUR, "")).await.map_err(told)?;
    same_texts(&found.into_iter().map(|entry| entry.value).collect::<Vec<_>>(), &ordered)?;
    same_texts(&scanned(&*store, "", None, 100).await?, &ordered)?;
    same_texts(&scanned(&*store, "", Some("z"), 2).await?, &["\u{e9}", "\u{1e9e}"])
}

pub async fn a_prefix_may_end_in_the_greatest_character(store: Arc<dyn Store>) -> Verdict {
    let last = "\u{10ffff}";
    let values = ["a", "a\u{10ffff}", "a\u{10ffff}\u{10ffff}", "a\u{10ffff}b", "b", last, "\u{10ffff}x"];
    let mut batch = puts([]);
    for value in values {
        batch.puts.push(painted(value, 0, &[value])?);
    }
    take(&*store, batch).await?;
    for (prefix, wanted) in [("a\u{10ffff}", 3), ("a\u{10ffff}\u{10ffff}", 1), (last, 2), ("a", 4), ("\u{d7ff}", 0)] {
        same(&seen(&*store, all(COLOUR, prefix)).await?.len(), &wanted)?;
        same(&seen(&*store, down(all(COLOUR, prefix))).await?.len(), &wanted)?;
        same(&scanned(&*store, prefix, None, 100).await?.len(), &wanted)?;
    }
    same(&seen(&*store, behind(down(all(COLOUR, last)), "\u{10ffff}x", "\u{10ffff}x")).await?.len(), &1)
}

async fn scanned(store: &dyn Store, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, String> {
    let rows = store.scan(BOX, prefix, after, limit).await.map_err(told)?;
    Ok(rows.into_iter().map(|row| row.key.key.to_string()).collect())
}

pub async fn a_scan_walks_the_keys_of_one_kind(store: Arc<dyn Store>) -> Verdict {
    let mut batch = puts([]);
    for key in ["1/b", "1/a", "2/a", "1", "1/c"] {
        batch.puts.push(put(key, 0)?);
    }
    batch.puts.push(Put::new(DocumentKey::new(LID, "1/d"), 0, body(3)?));
    take(&*store, batch).await?;
    take(&*store, puts([put("1/b", 1)?])).await?;
    same_texts(&scanned(&*store, "", None, 100).await?, &["1", "1/a", "1/b", "1/c", "2/a"])?;
    same_texts(&scanned(&*store, "1/", None, 100).await?, &["1/a", "1/b", "1/c"])?;
    same_texts(&scanned(&*store, "1/", Some("1/a"), 100).await?, &["1/b", "1/c"])?;
    same_texts(&scanned(&*store, "1/", Some("0"), 1).await?, &["1/a"])?;
    same_texts(&scanned(&*store, "1/", Some("1/c"), 100).await?, &[])?;
    same_texts(&scanned(&*store, "1/", Some("2/a"), 100).await?, &[])?;
    let rows = store.scan(BOX, "1/b", None, 1).await.map_err(told)?;
    same(&rows.iter().map(|row| (row.version, row.body.clone())).collect::<Vec<_>>(), &vec![(2, body(1)?)])?;
    same(&store.scan(LID, "", None, 100).await.map_err(told)?.len(), &1)
}

/// A text of `bytes` bytes that cannot be made shorter.
fn dense(seed: u64, bytes: usize) -> Result<String, String> {
    let random = SeededRandom::new(seed);
    let mut text = String::with_capacity(bytes + 64);
    while text.len() < bytes {
        let drawn: [u8; 32] = random_bytes(&random).map_err(told)?;
        text.extend(drawn.iter().map(|byte| char::from(33 + byte % 90)));
    }
    text.truncate(bytes);
    Ok(text)
}

pub async fn long_values_are_kept_in_their_order(store: Arc<dyn Store>) -> Verdict {
    let root = dense(1, 3000)?;
    let longest = dense(2, crate::VALUE_BYTES_MAX)?;
    let key = dense(3, crate::KEY_BYTES_MAX)?;
    // Long and short ones between one another, and long ones that differ in their ends alone.
    let short: String = root.chars().take(1000).collect();
    let mut values = vec![root.clone() + "a", root.clone(), root.clone() + "b", short.clone(), short + "~", longest];
    let mut batch = puts([Put { unique_added: values.iter().map(|value| name(value)).collect(), ..put(&key, 0)? }]);
    if let Some(first) = batch.puts.first_mut() {
        first.terms_added = values.iter().map(|value| colour(value)).collect();
    }
    batch.puts.push(painted("k", 0, &[&root])?);
    take(&*store, batch).await?;
    values.push(root.clone());
    values.sort();
    let listed = |range: Range| {
        let store = Arc::clone(&store);
        async move {
            let entries = store.range(&range).await.map_err(told)?;
            Ok::<_, String>(entries.into_iter().map(|entry| entry.value).collect::<Vec<_>>())
        }
    };
    same(&listed(all(COLOUR, "")).await?, &values)?;
    let begun: Vec<String> = values.iter().filter(|value| value.starts_with(&root)).cloned().collect();
    same(&begun.len(), &4)?;
    same(&listed(all(COLOUR, &root)).await?, &begun)?;
    let one_by_one = |after: Option<Entry>| Range { after, limit: 1, descending: true, ..all(COLOUR, "") };
    let mut after = None;
    for wanted in values.iter().rev() {
        let found = store.range(&one_by_one(after)).await.map_err(told)?;
        same(&found.iter().map(|entry| &entry.value).collect::<Vec<_>>(), &vec![wanted])?;
        after = found.into_iter().next();
    }
    same(&store.find(&name(&(root.clone() + "b"))).await, &Ok(Some(text(&key))))?;
    same(&store.find(&name(&(root.clone() + "c"))).await, &Ok(None))?;
    let gone = Put { terms_removed: vec![colour(&root)], unique_removed: vec![name(&root)], ..put(&key, 1)? };
    take(&*store, puts([gone])).await?;
    same(&listed(all(COLOUR, &root)).await?.len(), &3)?;
    same(&store.find(&name(&root)).await, &Ok(None))?;
    take(&*store, puts([named("b", 0, &[&root])?])).await?;
    take(&*store, deletes([delete(&key, 2)])).await?;
    same(&listed(all(COLOUR, "")).await?, &vec![root])
}
