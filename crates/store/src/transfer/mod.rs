//! Moving a store: one consistent state of it as a sequence of rows that no engine has invented, into a stream of bytes or
//! straight into another engine.
//!
//! An [`Exporter`] sends what is stored as of one moment; an [`Importer`] takes the rows that differ. What comes is held
//! against what is there, row by row in one order, so that filling an empty store, adding an increment, and bringing an
//! earlier copy up to date are the same work, and one that was cut short can be begun again. Until an import is ended its
//! store is [`Standing::Unfinished`] and is not opened.

mod format;
mod merge;
mod record;
mod standing;
mod work;

use std::fmt;
use std::io;

use strongroom_crypto::ledger::Ledger;
use strongroom_crypto::{Sealed, Witness};
use thiserror::Error;
use tokio::sync::mpsc;

pub use record::{Content, Place, Record, State};
pub(crate) use record::{document_state, entry_state, topic_state};
pub use standing::Standing;
pub use work::{Filled, NewStream, beginnings, compare, copy, export, fill, read_header, read_through, seal};

use crate::api::{StoreError, StoreFuture};

/// The name of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub [u8; 16]);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How a stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub id: StreamId,
    /// The stream that it builds on; nothing when it holds everything.
    pub base: Option<StreamId>,
    /// When it was taken, in milliseconds since 1970.
    pub taken_ms: u64,
    /// The store's sealed ledger at that moment.
    pub ledger: Option<Sealed>,
}

/// How many rows a stream has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents with all that belongs to them.
    pub documents: u64,
    /// Documents that are as the stream before has them.
    pub same: u64,
    /// Topics of the feed.
    pub topics: u64,
    /// Entries of the feed.
    pub entries: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, record: &Record) {
        match (&record.place, &record.content) {
            (Place::Document { .. }, Content::Same(_)) => self.same += 1,
            (Place::Document { .. }, _) => self.documents += 1,
            (Place::Topic { .. }, _) => self.topics += 1,
            (Place::Entry { .. }, _) => self.entries += 1,
        }
    }
}

/// What a stream was, once it was written or read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its name.
    pub id: StreamId,
    /// The stream that it builds on.
    pub base: Option<StreamId>,
    /// When it was taken, in milliseconds since 1970.
    pub taken_ms: u64,
    /// What is in it.
    pub counts: Counts,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of all of it but this.
    pub digest: [u8; 32],
}

/// Why a store cannot be moved.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The source or the target failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Reading or writing the stream failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The stream is not one that this release can read.
    #[error("the stream is damaged: {0}")]
    Format(&'static str),
    /// The stream builds on something else than what is there.
    #[error("the stream builds on another state of the store than what is here: {0}")]
    Base(String),
    /// What was imported is not what the source's ledger vouches for, or not what the source holds.
    #[error("what was copied is not what was there: {}", .0.join("; "))]
    Differs(Vec<String>),
}

/// What an exporter sends.
#[derive(Debug)]
pub enum Piece {
    /// Once, first: the sealed ledger.
    Ledger(Option<Sealed>),
    /// Rows, in the order of their places.
    Rows(Vec<Record>),
}

/// How much of each row is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All of it.
    Full,
    /// Only the digest of its state.
    Outline,
}

/// Where a store can be read as a whole.
pub trait Exporter: Send + Sync {
    /// Sends everything that is stored as of one moment. When nobody takes it any more, it ends early.
    ///
    /// # Errors
    /// When reading fails.
    fn export(&self, detail: Detail, to: mpsc::Sender<Piece>) -> StoreFuture<'_, ()>;
}

/// A change of a store that is being filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The row is to stand there, whatever was.
    Put(Record),
    /// Nothing is to stand there.
    Remove(Place),
}

/// A store that is being filled. No other process works on it.
pub trait Importer: Exporter {
    /// What may be done with the store that is there.
    ///
    /// # Errors
    /// When reading fails.
    fn standing(&self) -> StoreFuture<'_, Standing>;

    /// Marks the store as unfinished. One that is [`Standing::Moved`] or unfinished already may hold something.
    ///
    /// # Errors
    /// When another store is there, or it cannot be written.
    fn begin(&self) -> StoreFuture<'_, ()>;

    /// Carries out changes, all or none.
    ///
    /// # Errors
    /// When it was not begun, or writing fails.
    fn apply(&self, steps: Vec<Step>) -> StoreFuture<'_, ()>;

    /// The keys and bodies of all documents of a kind, in the order of their keys.
    ///
    /// # Errors
    /// When reading fails.
    fn documents<'a>(&'a self, kind: &'a str) -> StoreFuture<'a, Vec<(String, Sealed)>>;

    /// Stores the ledger, and holds it against all rows: what differs, in words.
    ///
    /// # Errors
    /// When reading or writing fails.
    fn keep<'a>(&'a self, witness: &'a Witness, ledger: &'a Ledger) -> StoreFuture<'a, Vec<String>>;

    /// Ends the import: the store may be opened from now on.
    ///
    /// # Errors
    /// When it was not begun, or writing fails.
    fn publish(&self) -> StoreFuture<'_, ()>;

    /// Takes everything out of an unfinished store, which is one that holds nothing then.
    ///
    /// # Errors
    /// When it was not begun, or writing fails.
    fn clear(&self) -> StoreFuture<'_, ()>;

    /// Lets go of the storage. Nothing may be asked afterwards.
    ///
    /// # Errors
    /// When it could not be closed.
    fn close(&self) -> StoreFuture<'_, ()>;
}
