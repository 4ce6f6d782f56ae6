//! What can go wrong in the bench, in words for the person who runs it.

use std::io;

use thiserror::Error;

/// Why a command of the bench failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The machine refused something: a file, a process, a socket.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the machine said.
        source: io::Error,
    },
    /// The HTTP connection failed.
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// SQLite refused something.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A report cannot be read or written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A run is void: requests failed, an answer is not what was asked for, a server did not start.
    #[error("{0}")]
    Void(String),
}

impl Failure {
    /// An I/O failure while doing `what`; for `map_err`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }

    /// A run that does not count, and why.
    pub fn void(why: impl Into<String>) -> Self {
        Self::Void(why.into())
    }
}
