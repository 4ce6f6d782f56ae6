//! The store's contract and its engines: sealed documents and plain indexes. Knows nothing of what is sealed.

mod activity;
pub mod api;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod differing;
mod engine;
mod held;
mod memory;
mod postgres;
mod reading;
mod rules;
mod sqlite;
pub mod transfer;

pub use activity::Activity;
pub use api::{
    Batch, Change, Companion, Delete, DocumentKey, Entry, FeedEntry, FeedRow, Index, Kind, LedgerBegin, Put, Range,
    Row, Store, StoreError, StoreFuture, Term, Watcher,
};
pub use engine::{Engine, Integrity, Stats};
pub use memory::MemoryStore;
pub use postgres::{ClientIdentity, PostgresConfig, PostgresImporter, PostgresStore, Probe, ProbedStore};
pub use rules::{BATCH_DOCUMENTS_MAX, BODY_BYTES_MAX, KEY_BYTES_MAX, TERMS_MAX, VALUE_BYTES_MAX};
pub use sqlite::{DATABASE_FILE, SqliteConfig, SqliteFiles, SqliteImporter, SqliteStore};
