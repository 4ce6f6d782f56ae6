//! A bounded pool of connections that read.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::config::SqliteConfig;
use super::failure::closed;
use super::schema;
use crate::activity::Activity;
use crate::api::StoreError;

/// Prepared statements that a connection keeps; there are fewer in this crate.
const STATEMENTS_MAX: usize = 32;

/// Connections that are free, until the pool is closed.
pub(super) struct Readers {
    free: Mutex<Option<Vec<Connection>>>,
    returned: Condvar,
    wait: Duration,
    activity: Arc<Activity>,
}

impl Readers {
    pub(super) fn open(
        path: &Path,
        config: &SqliteConfig,
        count: usize,
        activity: &Arc<Activity>,
    ) -> Result<Self, StoreError> {
        let connections = (0..count.max(1)).map(|_| {
            let connection = schema::open_reader(path, config)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            Ok(connection)
        });
        Ok(Self {
            free: Mutex::new(Some(connections.collect::<Result<_, StoreError>>()?)),
            returned: Condvar::new(),
            wait: Duration::from_millis(config.reader_wait_ms),
            activity: Arc::clone(activity),
        })
    }

    /// Takes a free connection, or waits for one.
    pub(super) fn take(&self) -> Result<Reader<'_>, StoreError> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .returned
            .wait_timeout_while(free, self.wait, |free| free.as_ref().is_some_and(Vec::is_empty))
            .unwrap_or_else(PoisonError::into_inner);
        let connection = free.as_mut().ok_or_else(closed)?.pop();
        connection
            .map(|connection| Reader { connection: Some(connection), pool: self })
            .ok_or_else(|| StoreError::Unavailable("no reading connection became free in time".to_owned()))
    }

    /// Closes the free connections, and those in use when they come back.
    pub(super) fn close(&self) {
        drop(self.free.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.returned.notify_all();
    }
}

/// A connection on loan.
pub(super) struct Reader<'p> {
    connection: Option<Connection>,
    pool: &'p Readers,
}

impl Reader<'_> {
    /// Runs `read`. Its error is the store's.
    pub(super) fn run<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let read = self.connection.as_ref().ok_or_else(closed).and_then(read);
        self.pool.activity.read(read.is_ok());
        read
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(free) = free.as_mut() {
            free.push(connection);
            self.pool.returned.notify_one();
        }
    }
}

/// A read transaction: everything inside it sees the same state of the store. It ends when this is dropped.
pub(super) struct Snapshot<'c>(rusqlite::Transaction<'c>);

impl<'c> Snapshot<'c> {
    pub(super) fn begin(connection: &'c Connection) -> Result<Self, StoreError> {
        Ok(Self(connection.unchecked_transaction()?))
    }
}

impl Deref for Snapshot<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}
