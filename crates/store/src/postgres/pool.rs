//! A bounded pool of connections that read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::failure::{Trouble, closed};
use super::session::{Database, Session};
use super::sql::READS;
use crate::api::StoreError;

/// Connections that are free, and how many there may be.
pub(super) struct Pool {
    database: Arc<Database>,
    free: Mutex<Vec<Session>>,
    places: Semaphore,
    wait: Duration,
}

impl Pool {
    pub(super) fn new(database: Arc<Database>, connections_max: usize, wait: Duration) -> Self {
        Self { database, free: Mutex::default(), places: Semaphore::new(connections_max.max(1)), wait }
    }

    /// A free connection, or a new one where there may be more; waits when there may not.
    pub(super) async fn take(&self) -> Result<Lease<'_>, Trouble> {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => match timeout(self.wait, self.places.acquire()).await {
                Ok(place) => place.map_err(|_| closed())?,
                Err(_) => {
                    let what = "no reading connection became free in time";
                    return Err(StoreError::Unavailable(what.to_owned()).into());
                }
            },
        };
        if self.places.is_closed() {
            return Err(closed().into());
        }
        loop {
            let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match free {
                Some(session) if !self.database.is_of_use(&session) => {}
                Some(session) => return Ok(Lease { session: Some(session), pool: self, _place: place }),
                None => break,
            }
        }
        let session = self.database.connect(&READS).await?;
        Ok(Lease { session: Some(session), pool: self, _place: place })
    }

    /// Closes the free connections, and those in use when they come back.
    pub(super) fn close(&self) {
        self.places.close();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A connection on loan.
pub(super) struct Lease<'p> {
    session: Option<Session>,
    pool: &'p Pool,
    _place: SemaphorePermit<'p>,
}

impl Lease<'_> {
    /// The connection.
    pub(super) fn session(&self) -> Result<&Session, Trouble> {
        self.session.as_ref().ok_or_else(|| closed().into())
    }

    /// It is not to be used again.
    pub(super) fn spoil(&mut self) {
        self.session = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        if !session.is_closed() && !session.is_occupied() && !self.pool.places.is_closed() {
            self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}
