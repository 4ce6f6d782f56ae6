//! Typed documents over the store: seals and opens bodies, derives index terms, keeps decoded documents at hand, and
//! orders writers of the same document on this node.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_crypto::{Context, Keyring, Random, Sealed};
use strongroom_store::{
    Batch, Change, Delete, DocumentKey, Entry, Index, Kind, Put, Range, Row, Store, StoreError, Term, Watcher,
};
use strongroom_types::SecretBytes;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use crate::announcing::Interest;
use crate::error::Error;
use crate::trail::NodeName;

/// Stripes that keys are spread over, for ordering writers and for noticing changes while a document is loaded.
const STRIPES: usize = 1024;
/// Length that most bodies in JSON stay below, in bytes.
const BODY_BYTES_USUAL: usize = 2048;

/// What an entry of the cache takes beside its key's text and its document, in bytes.
const ENTRY_BYTES: u64 = 150;

/// How long other servers' changes are not heard of before that is told, whatever the bound, in ms.
const LOST_MS_MIN: u64 = 1000;

/// Bytes of bodies that are opened in a row before other tasks of the thread get their turn.
const STRETCH_BYTES_MAX: u64 = 128 * 1024;

/// An entity that is kept as one document.
pub trait Document: Clone + Send + Sync + Sized + 'static {
    /// Its kind.
    const KIND: Kind;
    /// Whether decoded documents of this kind are kept in the cache.
    const CACHED: bool = true;

    /// Its key, beginning with the account.
    fn key(&self) -> String;
    /// Its index terms.
    fn terms(&self) -> Vec<Term> {
        Vec::new()
    }
    /// Its index terms, of which those may be missing that `other` has as well. What changes between two states is
    /// found by asking each of them beside the other, so that what follows from equal parts need not be made.
    fn terms_beside(&self, _other: &Self) -> Vec<Term> {
        self.terms()
    }
    /// Its unique keys.
    fn unique(&self) -> Vec<Term> {
        Vec::new()
    }
    /// About how many bytes it takes in memory, when its body has `body_bytes`.
    fn decoded_bytes(&self, body_bytes: u64) -> u64 {
        body_bytes.saturating_mul(2)
    }
    /// The body, before sealing.
    ///
    /// # Errors
    /// When it cannot be written, which is a fault.
    fn to_body(&self) -> Result<SecretBytes, Error>;
    /// The document of a body.
    ///
    /// # Errors
    /// When the body is not what a release of ours wrote.
    fn from_body(body: &SecretBytes) -> Result<Self, Error>;
}

/// A body in JSON.
///
/// # Errors
/// When the entity cannot be written, which is a fault.
pub fn json_body<T: Serialize>(entity: &T) -> Result<SecretBytes, Error> {
    // Room for most entities, so that no copies of a half-written one are left behind while it grows.
    let mut body = Vec::with_capacity(BODY_BYTES_USUAL);
    serde_json::to_writer(&mut body, entity).map_err(|error| Error::internal(format!("cannot write: {error}")))?;
    Ok(SecretBytes::new(body))
}

/// The entity of a body in JSON.
///
/// # Errors
/// When the body is not what a release of ours wrote. Tells where, never what.
pub fn from_json_body<T: DeserializeOwned>(kind: Kind, body: &SecretBytes) -> Result<T, Error> {
    serde_json::from_slice(body.expose()).map_err(|error| {
        Error::internal(format!("a document of kind {} does not read: column {}", kind.0, error.column()))
    })
}

/// A document with the version it has in the store.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The stored version.
    pub version: u64,
    /// The document.
    pub value: Arc<T>,
}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        Self { version: self.version, value: Arc::clone(&self.value) }
    }
}

#[derive(Clone)]
struct Cached {
    version: u64,
    /// What the value takes in memory.
    bytes: u64,
    value: Arc<dyn Any + Send + Sync>,
}

/// A key to look for in the cache. Its hash is that of the [`DocumentKey`] it equals.
#[derive(Hash)]
struct Sought<'a> {
    kind: Kind,
    key: &'a str,
}

impl Equivalent<DocumentKey> for Sought<'_> {
    fn equivalent(&self, key: &DocumentKey) -> bool {
        self.kind == key.kind && *self.key == *key.key
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<DocumentKey, Cached> for ByBytes {
    fn weight(&self, key: &DocumentKey, cached: &Cached) -> u64 {
        // The entry itself takes something too.
        cached.bytes.saturating_add(u64::try_from(key.key.len()).unwrap_or(0) + ENTRY_BYTES)
    }
}

/// What of the cache changes with commits: shared with the store, which tells of them.
struct Memory {
    cache: Cache<DocumentKey, Cached, ByBytes>,
    /// Counts the changes of each stripe. A document that was loaded while its stripe changed is not kept.
    changes: Vec<Mutex<u64>>,
    hasher: RandomState,
}

impl Memory {
    fn stripe(&self, key: &DocumentKey) -> usize {
        usize::try_from(self.hasher.hash_one(key) % STRIPES as u64).unwrap_or(0)
    }

    /// Held while the cache changes in a stripe.
    fn changes_of(&self, key: &DocumentKey) -> Option<MutexGuard<'_, u64>> {
        self.changes.get(self.stripe(key)).map(|changes| changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, key: &DocumentKey) -> u64 {
        self.changes_of(key).map_or(0, |count| *count)
    }

    /// Keeps what was loaded, unless something of its stripe changed since `count` was read.
    fn keep(&self, key: DocumentKey, cached: Cached, count: u64) {
        if let Some(now) = self.changes_of(&key)
            && *now == count
        {
            self.cache.insert(key, cached);
        }
    }

    /// Counts a change of a document, and keeps what it is now or, when that is not known, forgets what it was.
    fn change(&self, key: &DocumentKey, now: Option<Cached>) {
        let Some(mut count) = self.changes_of(key) else { return };
        *count += 1;
        match now {
            Some(cached) => self.cache.insert(key.clone(), cached),
            None => drop(self.cache.remove(key)),
        }
    }
}

/// The store tells of the changes of a document in their order, so that what is kept here is never older than what
/// was acknowledged, and never what is not durable.
impl Watcher for Memory {
    fn changed(&self, changes: &[Change<'_>]) {
        for change in changes {
            let now = change.companion.and_then(|companion| companion.downcast_ref::<Cached>());
            self.change(change.key, now.cloned());
        }
    }

    fn missed(&self) {
        for changes in &self.changes {
            // What is being loaded meanwhile is not kept.
            *changes.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        self.cache.clear();
    }
}

/// The documents of a store.
pub struct Documents {
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    random: Arc<dyn Random>,
    memory: Arc<Memory>,
    writers: Vec<AsyncMutex<()>>,
    age: Age,
    records: Arc<str>,
    interest: Arc<Interest>,
}

/// How long ago the store may have heard of other servers' changes for what is in memory to be answered from.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    /// What is usual, in ms. With 0, a store that several servers share is asked each time.
    pub usual_ms_max: u64,
    /// While other servers' changes are not heard of, in ms: then reads that are answered from memory may be that old. With
    /// 0, nothing is answered from memory then.
    pub lost_ms_max: u64,
}

impl Default for Age {
    fn default() -> Self {
        Self { usual_ms_max: 1000, lost_ms_max: 0 }
    }
}

impl Documents {
    /// The documents of `store`, sealed by `keyring`; decoded ones are cached up to `cache_bytes_max`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, keyring: Arc<Keyring>, random: Arc<dyn Random>, cache_bytes_max: u64) -> Self {
        let entries = usize::try_from(cache_bytes_max / 1500).unwrap_or(usize::MAX).max(16);
        let memory = Arc::new(Memory {
            cache: Cache::with_weighter(entries, cache_bytes_max, ByBytes),
            changes: (0..STRIPES).map(|_| Mutex::new(0)).collect(),
            hasher: RandomState::new(),
        });
        store.watch(Arc::clone(&memory) as Arc<dyn Watcher>);
        let interest = Arc::new(Interest::default());
        store.watch(Arc::clone(&interest) as Arc<dyn Watcher>);
        let writers = (0..STRIPES).map(|_| AsyncMutex::new(())).collect();
        let (age, records) = (Age::default(), NodeName::only().topic());
        Self { store, keyring, random, memory, writers, age, records, interest }
    }

    /// These, with other bounds for how old an answer from memory may be.
    #[must_use]
    pub fn with_age(self, age: Age) -> Self {
        Self { age, ..self }
    }

    /// These, for the server of this name: its records of changes wait in a topic of their own.
    #[must_use]
    pub fn of_node(self, name: &NodeName) -> Self {
        Self { records: name.topic(), ..self }
    }

    /// The topic of the feed that this server's records of changes wait in.
    #[must_use]
    pub fn records(&self) -> &Arc<str> {
        &self.records
    }

    /// Who knows whether events are wanted.
    #[must_use]
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Whether events are to be committed with changes: somebody may want them.
    #[must_use]
    pub fn announces(&self) -> bool {
        self.interest.is_there() || !self.may_recall()
    }

    /// Whether what is in memory may be answered from: all that other servers changed before its bound is known here.
    #[must_use]
    pub fn may_recall(&self) -> bool {
        self.store.behind() <= Duration::from_millis(self.age.usual_ms_max.max(self.age.lost_ms_max))
    }

    /// For how long other servers' changes have not been heard of, when that is longer than is usual.
    #[must_use]
    pub fn lost(&self) -> Option<Duration> {
        let behind = self.store.behind();
        (behind > Duration::from_millis(self.age.usual_ms_max.max(LOST_MS_MIN))).then_some(behind)
    }

    /// The store underneath.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The ring that seals bodies.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The source of randomness.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        self.random.as_ref()
    }

    /// The document at `key`.
    ///
    /// # Errors
    /// When the store fails, or the stored body is not authentic.
    pub async fn load<T: Document>(&self, key: impl AsRef<str> + Into<Arc<str>>) -> Result<Option<Loaded<T>>, Error> {
        if T::CACHED
            && self.may_recall()
            && let Some(hit) = self.memory.cache.get(&Sought { kind: T::KIND, key: key.as_ref() })
            && let Ok(value) = hit.value.downcast::<T>()
        {
            return Ok(Some(Loaded { version: hit.version, value }));
        }
        self.load_newest(key).await
    }

    /// The document at `key` as it is stored, whatever is in memory: for a decision that does not put the document itself,
    /// so that no conflict would tell that another server has changed it.
    ///
    /// # Errors
    /// As [`Documents::load`].
    pub async fn load_newest<T: Document>(&self, key: impl Into<Arc<str>>) -> Result<Option<Loaded<T>>, Error> {
        let key = DocumentKey::new(T::KIND, key);
        let count = self.memory.count(&key);
        let Some(row) = self.store.get(&key).await? else { return Ok(None) };
        let (loaded, bytes) = self.open::<T>(&row.key, row.version, &row.body)?;
        if T::CACHED {
            let bytes = loaded.value.decoded_bytes(bytes);
            let value = Arc::clone(&loaded.value) as Arc<dyn Any + Send + Sync>;
            self.memory.keep(key, Cached { version: row.version, bytes, value }, count);
        }
        Ok(Some(loaded))
    }

    /// The documents at `keys`, those that are there, in that order. Does not fill the cache: listings would empty it.
    ///
    /// # Errors
    /// As [`Documents::load`].
    pub async fn load_many<T: Document>(&self, keys: &[Arc<str>]) -> Result<Vec<Loaded<T>>, Error> {
        let rows = self.store.get_many(T::KIND, keys).await?;
        let mut opened = Vec::with_capacity(rows.len());
        let mut bytes_opened = 0;
        for row in rows.into_iter().flatten() {
            let (loaded, bytes) = self.open::<T>(&row.key, row.version, &row.body)?;
            opened.push(loaded);
            bytes_opened += bytes;
            if bytes_opened >= STRETCH_BYTES_MAX {
                bytes_opened = 0;
                tokio::task::yield_now().await;
            }
        }
        Ok(opened)
    }

    /// The documents that entries of `index` lead to, in that order: those of them that say themselves that they stand
    /// there. The index is not sealed, so that alone it proves nothing.
    ///
    /// # Errors
    /// As [`Documents::load`].
    pub async fn load_entries<T: Document>(&self, index: Index, entries: &[Entry]) -> Result<Vec<Loaded<T>>, Error> {
        let keys: Vec<Arc<str>> = entries.iter().map(|entry| Arc::clone(&entry.key)).collect();
        let mut entries = entries.iter();
        let loaded = self.load_many::<T>(&keys).await?.into_iter();
        let is_there = |loaded: &Loaded<T>| {
            let key = loaded.value.key();
            // Those between are of documents that are gone.
            let entry = entries.find(|entry| *entry.key == *key);
            entry.is_some_and(|entry| stands_at(loaded.value.as_ref(), index, &entry.value))
        };
        Ok(loaded.filter(is_there).collect())
    }

    /// Documents of a kind in the order of their keys.
    ///
    /// # Errors
    /// As [`Documents::load`].
    pub async fn scan<T: Document>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Loaded<T>>, Error> {
        let rows = self.store.scan(T::KIND, prefix, after, limit).await?;
        rows.into_iter().map(|row| self.open::<T>(&row.key, row.version, &row.body).map(|(loaded, _)| loaded)).collect()
    }

    /// Documents of a kind in the order of their keys, those that cannot be opened with a text that says why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn scan_each<T: Document>(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, Result<Loaded<T>, String>)>, Error> {
        let rows = self.store.scan(T::KIND, prefix, after, limit).await?;
        let opened = rows.into_iter().map(|row| {
            let opened = self.open::<T>(&row.key, row.version, &row.body).map(|(loaded, _)| loaded);
            let fault = |error| match error {
                Error::Internal(text) => text.into_owned(),
                Error::Refused(refusal) => refusal.to_string(),
                Error::Conflict => String::new(),
            };
            (Arc::clone(&row.key.key), opened.map_err(fault))
        });
        Ok(opened.collect())
    }

    /// A stretch of an index.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn range(&self, range: &Range) -> Result<Vec<Entry>, Error> {
        Ok(self.store.range(range).await?)
    }

    /// Waits until no other writer of this node holds the key. Conflicts between nodes are still possible.
    pub async fn writer<T: Document>(&self, key: &str) -> Result<AsyncMutexGuard<'_, ()>, Error> {
        let stripe = self.memory.stripe(&DocumentKey::new(T::KIND, key));
        let writer = self.writers.get(stripe).ok_or(Error::Internal("no such stripe".into()))?;
        Ok(writer.lock().await)
    }

    /// Adds to `batch` what turns `before` into `after`. Once that is durable, `after` is what the cache holds.
    ///
    /// # Errors
    /// When the body cannot be written or sealed.
    pub fn put<T: Document>(&self, batch: &mut Batch, before: Option<&Loaded<T>>, after: &Arc<T>) -> Result<(), Error> {
        let key = DocumentKey::new(T::KIND, after.key());
        let expected = before.map_or(0, |loaded| loaded.version);
        let context = document_context(&key, expected + 1);
        let plain = after.to_body()?;
        let body = self.keyring.seal(self.random(), &context, plain.expose())?;
        let mut put = Put::new(key, expected, body);
        match before.map(|loaded| loaded.value.as_ref()) {
            None => (put.terms_added, put.unique_added) = (after.terms(), after.unique()),
            Some(before) => {
                (put.terms_removed, put.terms_added) =
                    difference(before.terms_beside(after), after.terms_beside(before));
                (put.unique_removed, put.unique_added) = difference(before.unique(), after.unique());
            }
        }
        if T::CACHED {
            let bytes = after.decoded_bytes(u64::try_from(plain.len()).unwrap_or(u64::MAX));
            let value = Arc::clone(after) as Arc<dyn Any + Send + Sync>;
            put.companion = Some(Arc::new(Cached { version: expected + 1, bytes, value }));
        }
        batch.puts.push(put);
        Ok(())
    }

    /// Adds to `batch` the removal of a document.
    pub fn delete<T: Document>(&self, batch: &mut Batch, before: &Loaded<T>) {
        let key = DocumentKey::new(T::KIND, before.value.key());
        batch.deletes.push(Delete { key, expected: before.version });
    }

    /// Commits.
    ///
    /// # Errors
    /// `Conflict` when a document was changed meanwhile, `Internal` when the store fails.
    pub async fn commit(&self, batch: Batch) -> Result<(), Error> {
        let puts = batch.puts.iter().map(|put| put.key.clone());
        let keys: Vec<DocumentKey> = puts.chain(batch.deletes.iter().map(|delete| delete.key.clone())).collect();
        let committed = self.store.commit(batch).await;
        if committed.is_err() {
            // Whatever the reason, what the next attempt decides on comes from the store.
            keys.iter().for_each(|key| self.memory.change(key, None));
        }
        Ok(committed?)
    }

    /// Whether a stored row is what was sealed for its place and version.
    #[must_use]
    pub fn is_authentic(&self, row: &Row) -> bool {
        self.keyring.open(&document_context(&row.key, row.version), &row.body).is_ok()
    }

    fn open<T: Document>(&self, key: &DocumentKey, version: u64, body: &Sealed) -> Result<(Loaded<T>, u64), Error> {
        let plain = self
            .keyring
            .open(&document_context(key, version), body)
            .map_err(|error| Error::internal(format!("{key} version {version}: {error}")))?;
        let bytes = u64::try_from(plain.len()).unwrap_or(u64::MAX);
        Ok((Loaded { version, value: Arc::new(T::from_body(&plain)?) }, bytes))
    }
}

/// Whether a document says itself that it stands at `value` in `index`.
pub fn stands_at<T: Document>(document: &T, index: Index, value: &str) -> bool {
    document.terms().iter().any(|term| term.index == index && term.value == value)
}

/// What a document's body is bound to.
fn document_context(key: &DocumentKey, version: u64) -> Context {
    Context::new("document").field(key.kind.0).field(key.key.as_bytes()).number(version)
}

/// What is only in `before`, and what is only in `after`.
fn difference(mut before: Vec<Term>, mut after: Vec<Term>) -> (Vec<Term>, Vec<Term>) {
    before.sort_unstable();
    after.sort_unstable();
    let both: Vec<bool> = before.iter().map(|term| after.binary_search(term).is_ok()).collect();
    after.retain(|term| before.binary_search(term).is_err());
    let mut both = both.into_iter();
    before.retain(|_| !both.next().unwrap_or_default());
    (before, after)
}

/// Runs `attempt` until it does not meet a conflict, at most a few times: on one node writers of a document wait for
/// each other, so conflicts come only from other nodes.
///
/// # Errors
/// What `attempt` fails with; `Internal` when conflicts do not end.
pub async fn retry<T, F, R>(mut attempt: F) -> Result<T, Error>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, Error>>,
{
    for _ in 0..ATTEMPTS_MAX {
        match attempt().await {
            Err(Error::Conflict) => {}
            other => return other,
        }
    }
    Err(Error::Internal(StoreError::Unavailable("too many conflicting writers".into()).to_string().into()))
}

/// Attempts at a change before conflicts count as a fault.
const ATTEMPTS_MAX: u32 = 16;
