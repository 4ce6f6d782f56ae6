//! Names, bodies and small steps that the suite's cases are made of.

use std::fmt::Debug;
use std::sync::Arc;

use strongroom_crypto::aead::generate_key;
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Context, Keyring, Sealed};

use crate::api::{Batch, Delete, DocumentKey, Entry, FeedEntry, Index, Kind, Put, Range, Store, StoreError, Term};

/// A kind of documents.
pub const BOX: Kind = Kind("box");
/// Another kind.
pub const LID: Kind = Kind("lid");
/// An index of boxes.
pub const COLOUR: Index = Index("box-colour");
/// The index of unique keys of boxes.
pub const NAME: Index = Index("box-name");

/// What a case found to be wrong.
pub type Verdict = Result<(), String>;

/// Seals test bodies. The same seed gives the same bodies.
pub struct Sealer {
    ring: Keyring,
    random: SeededRandom,
}

impl Sealer {
    /// A sealer with a key of its own.
    ///
    /// # Errors
    /// When the cipher library refuses.
    pub fn new(seed: u64) -> Result<Self, String> {
        let random = SeededRandom::new(seed);
        let key = generate_key(&random).map_err(told)?;
        Ok(Self { ring: Keyring::new(&[key]).map_err(told)?, random })
    }

    /// A sealed body with a plaintext of `bytes` bytes.
    ///
    /// # Errors
    /// When the cipher library refuses.
    pub fn body(&self, bytes: usize) -> Result<Sealed, String> {
        self.ring.seal(&self.random, &Context::new("store contract"), &vec![b'x'; bytes]).map_err(told)
    }
}

/// One small sealed body, always the same for the same `seed`.
pub fn body(seed: u64) -> Result<Sealed, String> {
    Sealer::new(seed)?.body(20)
}

/// The key of a box.
pub fn boxed(key: &str) -> DocumentKey {
    DocumentKey::new(BOX, key)
}

/// The term `value` of the colours.
pub fn colour(value: &str) -> Term {
    Term::new(COLOUR, value)
}

/// The unique key `value` of the names.
pub fn name(value: &str) -> Term {
    Term::new(NAME, value)
}

/// A put of the box `key` without terms.
pub fn put(key: &str, expected: u64) -> Result<Put, String> {
    Ok(Put::new(boxed(key), expected, body(expected)?))
}

/// A put of the box `key` that adds colours.
pub fn painted(key: &str, expected: u64, colours: &[&str]) -> Result<Put, String> {
    Ok(Put { terms_added: colours.iter().map(|value| colour(value)).collect(), ..put(key, expected)? })
}

/// A put of the box `key` that claims names.
pub fn named(key: &str, expected: u64, names: &[&str]) -> Result<Put, String> {
    Ok(Put { unique_added: names.iter().map(|value| name(value)).collect(), ..put(key, expected)? })
}

/// A delete of the box `key`.
pub fn delete(key: &str, expected: u64) -> Delete {
    Delete { key: boxed(key), expected }
}

/// A batch of puts.
pub fn puts(puts: impl IntoIterator<Item = Put>) -> Batch {
    Batch { puts: puts.into_iter().collect(), ..Batch::named("contract") }
}

/// A batch of one delete.
pub fn deletes(deletes: impl IntoIterator<Item = Delete>) -> Batch {
    Batch { deletes: deletes.into_iter().collect(), ..Batch::named("contract") }
}

/// A batch of feed entries with these names.
pub fn entries(topic: &'static str, ids: &[&str]) -> Result<Batch, String> {
    let feed = ids.iter().map(|id| Ok(FeedEntry { topic: topic.into(), id: (*id).to_owned(), body: body(1)? }));
    Ok(Batch { feed: feed.collect::<Result<_, String>>()?, ..Batch::named("contract") })
}

/// The whole of an index, or what begins with `prefix`.
pub fn all(index: Index, prefix: &str) -> Range {
    Range { index, prefix: prefix.to_owned(), after: None, descending: false, limit: 1000 }
}

/// What stands in a stretch of an index, as `value key` texts.
pub async fn seen(store: &dyn Store, range: Range) -> Result<Vec<String>, String> {
    let entries = store.range(&range).await.map_err(told)?;
    Ok(entries.into_iter().map(|Entry { value, key }| format!("{value} {key}")).collect())
}

/// The version of the box `key`; 0 when there is none.
pub async fn version(store: &dyn Store, key: &str) -> Result<u64, String> {
    Ok(store.get(&boxed(key)).await.map_err(told)?.map_or(0, |row| row.version))
}

/// The names and numbers of a topic's entries.
pub async fn feed(
    store: &dyn Store,
    topic: &'static str,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, String)>, String> {
    let rows = store.feed(topic, after, limit).await.map_err(told)?;
    Ok(rows.into_iter().map(|row| (row.sequence, row.id)).collect())
}

/// Commits a batch that must be taken.
pub async fn take(store: &dyn Store, batch: Batch) -> Verdict {
    store.commit(batch).await.map_err(told)
}

/// Commits a batch that must be refused with `error`.
pub async fn refuse(store: &dyn Store, batch: Batch, error: StoreError) -> Verdict {
    same(&store.commit(batch).await, &Err(error))
}

/// Whether two things are equal; if not, both are told.
pub fn same<T: PartialEq + Debug>(found: &T, wanted: &T) -> Verdict {
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}, wanted {wanted:?}")) }
}

/// As [`same`], for texts in a list.
pub fn same_texts(found: &[String], wanted: &[&str]) -> Verdict {
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}, wanted {wanted:?}")) }
}

/// A shared key text.
pub fn text(value: &str) -> Arc<str> {
    Arc::from(value)
}

/// An error as text.
pub fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
