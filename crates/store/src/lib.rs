//! The store's contract and its engines: sealed documents and plain indexes. Knows nothing of what is sealed.

pub mod api;

pub use api::*;
