//! What SQLite's and the file system's errors mean to the callers of the store.

use std::io;

use rusqlite::{Error, ErrorCode};
use strongroom_crypto::CryptoError;

use crate::api::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::Full,
                // SQLite tells a read that the disk refuses in the same words.
                ErrorCode::DatabaseCorrupt => Self::Damaged(format!("{error}, or the disk does not read it")),
                ErrorCode::NotADatabase => Self::Damaged(error.to_string()),
                // No constraint fails unless rows contradict each other: all are checked before they are written.
                ErrorCode::ConstraintViolation => Self::Damaged(error.to_string()),
                _ => Self::Unavailable(error.to_string()),
            },
            Error::FromSqlConversionFailure(..) | Error::IntegralValueOutOfRange(..) | Error::InvalidColumnType(..) => {
                Self::Damaged("a column of an unexpected type or range".to_owned())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<CryptoError> for StoreError {
    fn from(error: CryptoError) -> Self {
        Self::Damaged(format!("a body is {error}"))
    }
}

/// The store's error for a failed file operation.
pub(super) fn file_failure(what: &str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Unavailable(format!("{what}: {error}")),
    }
}

/// The store's error once it was closed.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".to_owned())
}
