//! The contract that every engine keeps: documents, unique keys, index terms, atomic commits, the feed.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use strongroom_crypto::{Sealed, Witness};
use thiserror::Error;

use crate::transfer::Standing;

/// A future of the store, boxed so that the contract can be used as `dyn Store`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A kind of document, such as `secret`. Lower-case ASCII letters and `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub &'static str);

/// An index, such as `secret-name`. Lower-case ASCII letters and `-`. Documents of one kind only have terms in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(pub &'static str);

/// A document's primary key: its kind, and a key that begins with the account. No NUL character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    /// The kind.
    pub kind: Kind,
    /// The key within the kind.
    pub key: Arc<str>,
}

impl DocumentKey {
    /// The key `key` of `kind`.
    #[must_use]
    pub fn new(kind: Kind, key: impl Into<Arc<str>>) -> Self {
        Self { kind, key: key.into() }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.0, self.key)
    }
}

/// A stored document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub key: DocumentKey,
    /// Its version number: 1 when first put, one more at each change.
    pub version: u64,
    /// Its body.
    pub body: Sealed,
}

/// One value of a document in an index. Ordered by bytes. No NUL character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// The index.
    pub index: Index,
    /// The value; it begins with the account.
    pub value: String,
}

impl Term {
    /// The value `value` of `index`.
    #[must_use]
    pub fn new(index: Index, value: impl Into<String>) -> Self {
        Self { index, value: value.into() }
    }
}

/// Something of the caller's own that goes along with a put and is shown to the watchers once the put is durable, such as
/// the document in the form that a cache keeps. It is never stored, and the store cannot look inside.
pub type Companion = Arc<dyn Any + Send + Sync>;

/// Writes one document. Its new version is `expected + 1`; the body was sealed for that version.
#[derive(Clone, Debug)]
pub struct Put {
    /// Where.
    pub key: DocumentKey,
    /// The version it has now: 0 when it must not exist.
    pub expected: u64,
    /// The new body.
    pub body: Sealed,
    /// Index terms it no longer has. Removing one that is absent is no error.
    pub terms_removed: Vec<Term>,
    /// Index terms it has from now on. Adding one that is present is no error.
    pub terms_added: Vec<Term>,
    /// Unique keys it gives up.
    pub unique_removed: Vec<Term>,
    /// Unique keys it claims; the commit fails with `UniqueTaken` when another document holds one.
    pub unique_added: Vec<Term>,
    /// What goes along to the watchers.
    pub companion: Option<Companion>,
}

impl Put {
    /// A put without any change of terms.
    #[must_use]
    pub fn new(key: DocumentKey, expected: u64, body: Sealed) -> Self {
        Self {
            key,
            expected,
            body,
            terms_removed: Vec::new(),
            terms_added: Vec::new(),
            unique_removed: Vec::new(),
            unique_added: Vec::new(),
            companion: None,
        }
    }
}

/// Removes one document with all its terms and unique keys, whichever they are.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Where.
    pub key: DocumentKey,
    /// The version it has now.
    pub expected: u64,
}

/// An entry of the feed, which a worker reads in order and trims: the one upward signal of the store.
#[derive(Clone, Debug)]
pub struct FeedEntry {
    /// Which worker it is for, such as `trail`.
    pub topic: Arc<str>,
    /// A name for the entry, unique within its topic; part of what the body is sealed for.
    pub id: String,
    /// The content.
    pub body: Sealed,
}

/// An entry of the feed with the place the store gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// Grows with each entry of a topic; never used twice.
    pub sequence: u64,
    /// The name.
    pub id: String,
    /// The content.
    pub body: Sealed,
}

/// Puts, deletes and feed entries that are committed together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The transaction's name, for metrics, such as `put_secret_value`.
    pub name: &'static str,
    /// Documents to write. No document may stand twice in a batch.
    pub puts: Vec<Put>,
    /// Documents to remove.
    pub deletes: Vec<Delete>,
    /// Entries to append to the feed.
    pub feed: Vec<FeedEntry>,
}

impl Batch {
    /// An empty batch with a name.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// What watchers are told of when this is durable.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        let puts = self.puts.iter().map(|put| Change { key: &put.key, companion: put.companion.as_ref() });
        puts.chain(self.deletes.iter().map(|delete| Change { key: &delete.key, companion: None }))
    }
}

/// Asks for a stretch of an index, in the order of (value, key).
#[derive(Clone, Debug)]
pub struct Range {
    /// The index.
    pub index: Index,
    /// Only values that begin with this.
    pub prefix: String,
    /// Only entries behind this one in the asked order (greater ascending, smaller descending).
    pub after: Option<Entry>,
    /// From the greatest to the smallest.
    pub descending: bool,
    /// At most this many entries.
    pub limit: usize,
}

/// An entry of an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The term's value.
    pub value: String,
    /// The key of the document that has it; the kind follows from the index.
    pub key: Arc<str>,
}

/// A change of a document that is durable.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Which document.
    pub key: &'a DocumentKey,
    /// What went along with the put, when it was put by this process and something did. Nothing for a delete.
    pub companion: Option<&'a Companion>,
}

/// Told of changes after they are durable and before any writer hears of its success. Must be quick and not block.
///
/// Changes of one document are told in the order in which they were made, by one thread at a time: who keeps what went
/// along with the last one keeps what is stored. An engine that also hears of other processes' changes keeps to that.
pub trait Watcher: Send + Sync {
    /// These documents were put or deleted.
    fn changed(&self, changes: &[Change<'_>]);

    /// Changes of other processes were missed: any document may have been changed. Whoever keeps something drops it all.
    fn missed(&self);
}

/// What can go wrong in a store.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StoreError {
    /// A document does not have the version that the batch expects. Load it anew and decide again.
    #[error("{0} was changed meanwhile")]
    Conflict(DocumentKey),
    /// Another document holds a unique key that the batch claims.
    #[error("another document has the value of index {}", .0.index.0)]
    UniqueTaken(Term),
    /// The disk is full. Nothing of the batch was written.
    #[error("the disk of the store is full")]
    Full,
    /// The store cannot be used: I/O error, lock held by another process, closed.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What is stored is not what this release wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// Whether the batch was committed is not known: the storage was lost in the middle of it. It was either committed
    /// wholly or not at all, and whoever wants to know reads again.
    #[error("whether the store took the batch is not known: {0}")]
    Unknown(String),
    /// The store takes no changes now, by its operator's word: it is frozen, or was moved. Nothing was written.
    #[error("the store takes no changes: it is {0}")]
    Frozen(Standing),
    /// The batch breaks a rule of the contract, whatever is stored: a mistake of the caller. Nothing was written.
    #[error("the batch is not allowed: {0}")]
    Invalid(&'static str),
}

/// What a store's ledger is when it begins to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerBegin {
    /// It is there.
    There,
    /// The store holds nothing at all: one is begun.
    New,
    /// What is stored is taken for right: one is begun with that, whatever was there.
    Anew,
}

/// Documents and indexes, kept durably. A commit that was answered survives any crash; a commit that was refused left
/// nothing behind, unless the process ended while the disk still failed: then it may be there, as a whole. Reads see every
/// commit that was answered before they began.
pub trait Store: Send + Sync + 'static {
    /// The document at `key`.
    fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>>;

    /// The documents at `keys`, in that order.
    fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>>;

    /// The key of the document that holds the unique key `term`.
    fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>>;

    /// A stretch of an index.
    fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<Entry>>;

    /// Documents of a kind whose key begins with `prefix`, in the order of their keys, behind `after`, at most
    /// `limit`.
    fn scan<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Row>>;

    /// Commits a batch: durable when the future is done, wholly or not at all. Once begun it is carried out even if
    /// the future is dropped.
    fn commit(&self, batch: Batch) -> StoreFuture<'_, ()>;

    /// Entries of a topic behind `after`, in order, at most `limit`.
    fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>>;

    /// Forgets the entries of a topic up to and including `through`. Need not be durable at once: an entry may come
    /// back after a crash.
    fn trim<'a>(&'a self, topic: &'a str, through: u64) -> StoreFuture<'a, ()>;

    /// Has the engine keep its ledger (see [`strongroom_crypto::ledger`]) from now on: sums over all rows, changed with
    /// each commit in its own transaction. `first` is committed together with that. A store that has a ledger takes no
    /// commit before this.
    ///
    /// # Errors
    /// `Damaged` when the ledger is not what `begin` says, or not authentic; those of a commit of `first`.
    fn keep_ledger(&self, witness: Witness, begin: LedgerBegin, first: Batch) -> StoreFuture<'_, ()>;

    /// For how long the watchers may not have been told of changes that other processes made. Zero where there are no
    /// other processes. Whoever keeps documents in memory must not answer from there when this is more than it may be.
    fn behind(&self) -> Duration {
        Duration::ZERO
    }

    /// Adds a watcher. There is no way to remove one: it lives as long as the store.
    fn watch(&self, watcher: Arc<dyn Watcher>);
}
