//! What a server asks of the engine of its store beside documents: the ledger, checks of the whole, counts, an end.

use strongroom_crypto::ledger::{ANCHOR_BYTES, Ledger};

use crate::activity::Activity;
use crate::api::{Store, StoreFuture};
use crate::transfer::{Exporter, Standing};

/// Most faults that are told.
pub(crate) const FAULTS_MAX: usize = 100;

/// What a check of the whole store found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Documents seen.
    pub documents: u64,
    /// Index terms that the documents hold.
    pub terms: u64,
    /// Unique keys that the documents hold.
    pub unique_keys: u64,
    /// Feed entries seen.
    pub feed_entries: u64,
    /// What is wrong, at most the first hundred faults. Nothing when the store is whole.
    pub faults: Vec<String>,
}

impl Integrity {
    pub(crate) fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

/// How much is in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Documents by kind, in the order of the kinds' names.
    pub documents: Vec<(String, u64)>,
    /// Entries of the feed that were not trimmed.
    pub feed_entries: u64,
    /// Size of what the engine keeps on disk, in bytes.
    pub bytes: u64,
}

/// An engine as a server keeps it.
pub trait Engine: Store + Exporter {
    /// Whether the store takes changes, as it is stored now.
    ///
    /// # Errors
    /// When reading fails.
    fn standing(&self) -> StoreFuture<'_, Standing>;

    /// Has the store take changes again, or no more. Durable, and true of every commit of every process that begins after
    /// this is done: none that was begun before is acknowledged later, unless it is part of what is read then.
    ///
    /// # Errors
    /// When it cannot be written, or a copy into the store was not finished.
    fn set_standing(&self, standing: Standing) -> StoreFuture<'_, ()>;

    /// The ledger as it stands, once it is kept.
    ///
    /// # Errors
    /// When it is not kept yet, is gone or not authentic.
    fn ledger(&self) -> StoreFuture<'_, Ledger>;

    /// Commits that the ledger counts, by what this process wrote or last saw, and not by what the storage says now; 0
    /// before it is kept.
    fn commits(&self) -> u64;

    /// What this process has had the engine do, in numbers; none where nobody counts.
    fn activity(&self) -> Option<&Activity> {
        None
    }

    /// Names in the ledger the anchor that knows of this store from now on.
    ///
    /// # Errors
    /// When it cannot be written, or the ledger is not kept.
    fn set_anchor(&self, anchor: [u8; ANCHOR_BYTES]) -> StoreFuture<'_, ()>;

    /// About how many documents there are: enough to know whether looking at all of them takes long.
    ///
    /// # Errors
    /// When reading fails.
    fn documents_about(&self) -> StoreFuture<'_, u64>;

    /// Reads everything and compares the indexes, and the ledger when it is kept, with the documents. Takes as long as
    /// reading the whole store does.
    ///
    /// # Errors
    /// When reading fails. What is found to be wrong is no error but part of the answer.
    fn integrity(&self) -> StoreFuture<'_, Integrity>;

    /// Holds the ledger against all that is stored, without opening it: what is not the last that was written, in words.
    /// Reads every row.
    ///
    /// # Errors
    /// When reading fails, or the ledger is not kept.
    fn ledger_faults(&self) -> StoreFuture<'_, Vec<String>>;

    /// Counts what is stored. Takes time that grows with the number of documents.
    ///
    /// # Errors
    /// When reading fails.
    fn stats(&self) -> StoreFuture<'_, Stats>;

    /// Takes no new work, finishes what waits and lets go of the storage. Whatever is asked of the store afterwards is
    /// answered with `Unavailable`. Further calls do nothing.
    ///
    /// # Errors
    /// When it could not be closed; what was acknowledged is found when the store is opened again.
    fn close(&self) -> StoreFuture<'_, ()>;
}
