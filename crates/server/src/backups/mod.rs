//! Backups: taken when due, kept as configured, and restored for proof.
//!
//! A [`Shelf`] is what is at a place, by what stands there alone. [`take`] puts a backup there, [`restore`] brings one back,
//! [`drill`] does that into a scratch store and holds it against what it should be. The worker does all of it when due, on
//! one node at a time, and keeps the catalogue in the store.

mod drilling;
mod places;
mod restoring;
mod room;
mod shelf;
mod taking;
mod worker;

#[cfg(test)]
mod tests;

pub use drilling::{Drilled, Live, drill};
pub use places::place;
pub use restoring::{Restored, restore};
pub use shelf::{Listing, Shelf, Shelved};
pub use taking::{Taking, take};
pub(crate) use worker::{Backups, Source, until_stopped};

use std::io;
use std::path::Path;

use strongroom_core::Error;
use strongroom_core::backup::BackupError;
use strongroom_core::bootstrap::BootstrapError;
use strongroom_crypto::{CryptoError, RootError};
use strongroom_places::PlaceError;
use strongroom_store::StoreError;
use strongroom_store::transfer::TransferError;
use thiserror::Error;

use crate::gate::fault_text;
use crate::transfer::TransferFault;

/// Why a backup was not taken, restored or proven.
#[derive(Debug, Error)]
pub enum BackupsError {
    /// The place failed.
    #[error("{0}")]
    Place(#[from] PlaceError),
    /// The sealed form is not authentic, or cannot be made.
    #[error("{0}")]
    Sealed(#[from] BackupError),
    /// The store cannot be read as a whole, or not be filled.
    #[error("{0}")]
    Transfer(#[from] TransferError),
    /// The store cannot be made into a backup, or a backup into a store.
    #[error("{0}")]
    Moved(#[from] TransferFault),
    /// The keys of a restored store cannot be had.
    #[error("{0}")]
    Keys(#[from] BootstrapError),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A file in the data directory failed.
    #[error("{0}")]
    File(String),
    /// What was fetched or restored is not what it should be.
    #[error("{0}")]
    Unproven(String),
    /// There is nothing that could be restored.
    #[error("{0}: there is no backup that can be restored")]
    None(String),
    /// Somebody else has the work by now.
    #[error("another node has the work by now")]
    Lost,
    /// Something else failed.
    #[error("{0}")]
    Fault(String),
}

impl BackupsError {
    /// Whether backups that build on what was restored are likely to fail as well.
    fn is_of_chain(&self) -> bool {
        self.is_of_content() || matches!(self, Self::Moved(_))
    }

    /// Whether it is about what was found at the place, rather than about getting it from there.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        match self {
            Self::Place(error) => matches!(error, PlaceError::Absent(_) | PlaceError::Size { .. }),
            Self::Sealed(error) => match error {
                BackupError::Root(error) => !matches!(error, RootError::Unavailable { .. }),
                BackupError::Format | BackupError::Damaged(_) => true,
                _ => false,
            },
            Self::Transfer(error) => !matches!(error, TransferError::Io(_) | TransferError::Store(_)),
            Self::Unproven(_) => true,
            _ => false,
        }
    }
}

impl From<Error> for BackupsError {
    fn from(error: Error) -> Self {
        Self::Fault(fault_text(&error))
    }
}

impl From<CryptoError> for BackupsError {
    fn from(error: CryptoError) -> Self {
        Self::Fault(error.to_string())
    }
}

/// A failure of a file of this machine.
fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupsError {
    move |error| BackupsError::File(format!("{}: {error}", path.display()))
}

/// Does blocking work on a thread for that.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupsError> + Send + 'static,
) -> Result<T, BackupsError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| BackupsError::Fault(error.to_string()))?
}
