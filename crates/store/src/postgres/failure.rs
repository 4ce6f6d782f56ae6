//! What the database's errors mean to the callers of the store, and what the engine does about them.

use std::error::Error as _;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::FromSql;
use tokio_postgres::{Error, Row};

use crate::api::StoreError;

/// What is to be done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The transaction was rolled back for a reason that passes: the same connection may try again.
    Again,
    /// The connection is lost or not to be used any more: a new one may try again. What it had in hand may have been
    /// carried out.
    Reconnect,
    /// The same would fail again.
    None,
}

/// What is to be done after `error`.
pub(super) fn remedy(error: &Error) -> Remedy {
    let Some(state) = error.code() else {
        // Without the server's word it is the connection, or a parameter that cannot be sent.
        return if error.is_closed() || is_io(error) { Remedy::Reconnect } else { Remedy::None };
    };
    match state.code() {
        // Serialisation failure, deadlock, lock not available in time.
        "40001" | "40P01" | "55P03" => Remedy::Again,
        // Statements that were prepared for tables that have changed since.
        "0A000" if error.as_db_error().is_some_and(|told| told.message().contains("cached plan")) => Remedy::Reconnect,
        // A standby, which was the primary before; an outcome that the server does not know itself.
        "25006" | "40003" => Remedy::Reconnect,
        // The rest of a transaction whose first failure was told before.
        "25P02" => Remedy::Again,
        // Connections, too many of them, shutdown, cancelled statements.
        code if code.starts_with("08") || code.starts_with("57") || code == "53300" || code == "25P03" => {
            Remedy::Reconnect
        }
        _ => Remedy::None,
    }
}

fn is_io(error: &Error) -> bool {
    error.source().is_some_and(|source| source.is::<std::io::Error>())
}

/// The store's error for the database's.
pub(super) fn failure(error: &Error) -> StoreError {
    let Some(state) = error.code() else {
        return StoreError::Unavailable(match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        });
    };
    // The server's detail may repeat what was sent; its message does not.
    let message = error.as_db_error().map_or_else(String::new, |told| told.message().to_owned());
    let text = format!("{message} (SQLSTATE {})", state.code());
    if *state == SqlState::DISK_FULL {
        StoreError::Full
    } else if state.code().starts_with("23") || state.code().starts_with("XX00") && state.code() != "XX000" {
        // No constraint fails unless rows contradict each other: all are checked before they are written.
        StoreError::Damaged(text)
    } else {
        StoreError::Unavailable(text)
    }
}

/// A failure with what is to be done about it.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) remedy: Remedy,
    pub(super) error: StoreError,
}

impl Trouble {
    /// A connection on which something took too long: it is given up.
    pub(super) fn too_slow(what: &str) -> Self {
        let error = StoreError::Unavailable(format!("the database did not answer in time: {what}"));
        Self { remedy: Remedy::Reconnect, error }
    }

    /// A server that was the primary once.
    pub(super) fn displaced(timeline: u32, latest: u32) -> Self {
        let error = StoreError::Unavailable(format!(
            "the database's server is on timeline {timeline}, and was seen on {latest}: another took its place. If it is \
             another database, start this server anew"
        ));
        Self { remedy: Remedy::Reconnect, error }
    }

    /// A connection to a host in whose place another one takes writes: it is given up.
    pub(super) fn moved() -> Self {
        let error = StoreError::Unavailable("another host of the database takes writes".to_owned());
        Self { remedy: Remedy::Reconnect, error }
    }

    /// What is stored is not what this release wrote.
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        StoreError::Damaged(what.into()).into()
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self { remedy: remedy(&error), error: failure(&error) }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self { remedy: Remedy::None, error }
    }
}

impl From<strongroom_crypto::CryptoError> for Trouble {
    fn from(error: strongroom_crypto::CryptoError) -> Self {
        StoreError::from(error).into()
    }
}

/// A column of a row, which is damaged when it is of another type.
pub(super) fn column<'r, T: FromSql<'r>>(row: &'r Row, at: usize) -> Result<T, Trouble> {
    row.try_get(at).map_err(|_| Trouble::damaged("a column of an unexpected type"))
}

/// The store's error once it was closed.
pub(super) fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".to_owned())
}
