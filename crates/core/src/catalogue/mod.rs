//! What backups there are, which are due and which are kept, and who on which node takes them.
//!
//! A backup is an object at a place and a sealed manifest beside it; the last drill's outcome may stand there too. So the
//! place alone tells what there is. The store has the same in documents, which also say how the work stands and who has
//! the lease on it.

mod compare;
mod due;
mod lease;
mod manifest;
mod name;
mod retention;

#[cfg(test)]
mod tests;

pub use compare::{Comparison, compare};
pub use due::{Due, Paces, due};
pub use lease::{Catalogue, Entry, LEASE_MS, Lease, Progress};
pub use manifest::{Manifest, Proof, open_manifest, open_proof, seal_manifest, seal_proof};
pub use name::{BackupName, Object, object};
pub use retention::{Keep, Kept, chain, removable};

use serde::{Deserialize, Serialize};

/// Whether a backup stands by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    /// It holds everything.
    Full,
    /// It holds what differs from the one that it builds on.
    Increment,
}
