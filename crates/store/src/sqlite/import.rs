//! Filling a store from outside: its one writing connection, and the number that keeps it shut meanwhile.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_crypto::ledger::Ledger;
use strongroom_crypto::{Sealed, Witness};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::config::SqliteConfig;
use super::failure::closed;
use super::files::{self, Hold};
use super::{export, feed, ledger, schema};
use crate::api::{StoreError, StoreFuture};
use crate::held;
use crate::transfer::{Content, Detail, Exporter, Importer, Piece, Place, Record, Standing, Step};

/// A store in a directory that is being filled.
pub struct SqliteImporter {
    database: std::path::PathBuf,
    config: SqliteConfig,
    open: Arc<Mutex<Option<(Connection, Hold)>>>,
}

impl SqliteImporter {
    /// Takes the store in `directory`, which is made if there is none.
    ///
    /// # Errors
    /// When another process has it, or it cannot be used.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let hold = files::take(directory.as_ref(), true)?;
        let (database, config) = (hold.database.clone(), SqliteConfig::default());
        files::write_log_anew(&database)?;
        let connection = schema::open_writer(&database, &config)?;
        schema::migrate(&connection)?;
        schema::check(&connection)?;
        hold.sync_names()?;
        Ok(Self { database, config, open: Arc::new(Mutex::new(Some((connection, hold)))) })
    }

    /// Runs `work` in a transaction on a thread that may block.
    fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let open = Arc::clone(&self.open);
        Box::pin(async move {
            let running = move || {
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                let (connection, _) = open.as_mut().ok_or_else(closed)?;
                let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
                let done = work(&transaction)?;
                transaction.commit()?;
                connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)")?;
                Ok(done)
            };
            let dead = |_| StoreError::Unavailable("a writing thread died".to_owned());
            spawn_blocking(running).await.map_err(dead)?
        })
    }
}

impl Exporter for SqliteImporter {
    fn export(&self, detail: Detail, to: mpsc::Sender<Piece>) -> StoreFuture<'_, ()> {
        let (database, config) = (self.database.clone(), self.config.clone());
        Box::pin(async move {
            let work = move || export::export(&schema::open_reader(&database, &config)?, detail, &to);
            let dead = |_| StoreError::Unavailable("a reading thread died".to_owned());
            spawn_blocking(work).await.map_err(dead)?
        })
    }
}

impl Importer for SqliteImporter {
    fn standing(&self) -> StoreFuture<'_, Standing> {
        self.within(schema::standing)
    }

    fn begin(&self) -> StoreFuture<'_, ()> {
        self.within(|connection| {
            let standing = schema::standing(connection)?;
            if !matches!(standing, Standing::Moved | Standing::Unfinished) && !ledger::is_empty(connection)? {
                return Err(taken());
            }
            schema::set_standing(connection, Standing::Unfinished)
        })
    }

    fn apply(&self, steps: Vec<Step>) -> StoreFuture<'_, ()> {
        self.within(move |connection| {
            check_begun(connection)?;
            steps.iter().try_for_each(|step| match step {
                Step::Put(record) => put(connection, record),
                Step::Remove(place) => remove(connection, place),
            })
        })
    }

    fn documents<'a>(&'a self, kind: &'a str) -> StoreFuture<'a, Vec<(String, Sealed)>> {
        let kind = kind.to_owned();
        self.within(move |connection| {
            let mut statement = connection.prepare("SELECT key, body FROM document WHERE kind = ?1 ORDER BY key")?;
            let mut rows = statement.query(params![kind])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push((row.get(0)?, Sealed::from_storage(row.get(1)?)?));
            }
            Ok(found)
        })
    }

    fn keep<'a>(&'a self, witness: &'a Witness, ledger: &'a Ledger) -> StoreFuture<'a, Vec<String>> {
        let (witness, ledger) = (witness.clone(), ledger.clone());
        self.within(move |connection| {
            check_begun(connection)?;
            let sealed = witness.seal(&ledger)?;
            connection
                .execute("INSERT OR REPLACE INTO ledger (id, body) VALUES (1, ?1)", params![sealed.as_bytes()])?;
            ledger::differences(connection, &witness)
        })
    }

    fn publish(&self) -> StoreFuture<'_, ()> {
        self.within(|connection| {
            check_begun(connection)?;
            schema::set_standing(connection, Standing::Open)
        })
    }

    fn clear(&self) -> StoreFuture<'_, ()> {
        self.within(|connection| {
            check_begun(connection)?;
            connection.execute_batch(
                "DELETE FROM document; DELETE FROM term; DELETE FROM unique_key; DELETE FROM topic; DELETE FROM entry;
                 DELETE FROM ledger",
            )?;
            schema::set_standing(connection, Standing::Open)
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        let open = Arc::clone(&self.open);
        Box::pin(async move {
            let closing = move || {
                let Some((connection, hold)) = open.lock().unwrap_or_else(PoisonError::into_inner).take() else {
                    return Ok(());
                };
                // All of it is in the database when this is done, and nothing in a log beside it.
                connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
                connection.close().map_err(|(_, error)| error)?;
                drop(hold);
                Ok(())
            };
            let dead = |_| StoreError::Unavailable("a writing thread died".to_owned());
            spawn_blocking(closing).await.map_err(dead)?
        })
    }
}

fn taken() -> StoreError {
    StoreError::Unavailable("there is a store already, which is not an earlier copy; nothing was changed".to_owned())
}

fn check_begun(connection: &Connection) -> Result<(), StoreError> {
    if schema::standing(connection)? == Standing::Unfinished {
        return Ok(());
    }
    Err(StoreError::Unavailable("no copy into it was begun".to_owned()))
}

fn put(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    match (&record.place, &record.content) {
        (Place::Document { kind, key }, Content::Document { version, terms, body }) => {
            forget_terms(connection, kind, key)?;
            let version = i64::try_from(*version).map_err(|_| StoreError::Invalid("a version that is too great"))?;
            let mut write = connection.prepare_cached(
                "INSERT INTO document (kind, key, version, terms, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (kind, key) DO UPDATE SET version = ?3, terms = ?4, body = ?5",
            )?;
            write.execute(params![kind, key, version, terms, body.as_bytes()])?;
            let mut add =
                connection.prepare_cached("INSERT OR IGNORE INTO term (ix, value, key) VALUES (?1, ?2, ?3)")?;
            // The one who held it before comes later, or has come already.
            let mut claim = connection
                .prepare_cached("INSERT OR REPLACE INTO unique_key (ix, value, kind, key) VALUES (?1, ?2, ?3, ?4)")?;
            for mark in held::decode(terms)? {
                if mark.unique {
                    claim.execute(params![mark.index, mark.value, kind, key])?;
                } else {
                    add.execute(params![mark.index, mark.value, key])?;
                }
            }
            Ok(())
        }
        (Place::Topic { name }, Content::Topic { last, .. }) => {
            let last = i64::try_from(*last).map_err(|_| StoreError::Invalid("a sequence that is too great"))?;
            let mut write = connection.prepare_cached(
                "INSERT INTO topic (number, name, last_sequence)
                 VALUES ((SELECT coalesce(max(number), 0) + 1 FROM topic), ?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET last_sequence = ?2",
            )?;
            write.execute(params![name, last]).map(drop).map_err(StoreError::from)
        }
        (Place::Entry { topic, sequence }, Content::Entry { id, body }) => {
            let Some(number) = topic_number(connection, topic)? else {
                return Err(StoreError::Invalid("an entry of a topic that is not there"));
            };
            let sequence = i64::try_from(*sequence).map_err(|_| StoreError::Invalid("a sequence that is too great"))?;
            let mut write =
                connection.prepare_cached("INSERT OR REPLACE INTO entry (place, id, body) VALUES (?1, ?2, ?3)")?;
            write.execute(params![feed::place(number, sequence)?, id, body.as_bytes()])?;
            Ok(())
        }
        _ => Err(StoreError::Invalid("a row that cannot be written")),
    }
}

fn remove(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    match place {
        Place::Document { kind, key } => {
            forget_terms(connection, kind, key)?;
            let mut delete = connection.prepare_cached("DELETE FROM document WHERE kind = ?1 AND key = ?2")?;
            delete.execute(params![kind, key])?;
        }
        Place::Topic { name } => {
            if let Some(number) = topic_number(connection, name)? {
                let (first, last) = feed::places(number)?;
                connection.execute("DELETE FROM entry WHERE place BETWEEN ?1 AND ?2", params![first, last])?;
                connection.execute("DELETE FROM topic WHERE number = ?1", params![number])?;
            }
        }
        Place::Entry { topic, sequence } => {
            let sequence = i64::try_from(*sequence).map_err(|_| StoreError::Invalid("a sequence that is too great"))?;
            if let Some(number) = topic_number(connection, topic)? {
                let place = feed::place(number, sequence)?;
                connection.prepare_cached("DELETE FROM entry WHERE place = ?1")?.execute(params![place])?;
            }
        }
    }
    Ok(())
}

fn topic_number(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let mut find = connection.prepare_cached("SELECT number FROM topic WHERE name = ?1")?;
    Ok(find.query_row(params![name], |row| row.get(0)).optional()?)
}

/// Takes the entries of a document out of the indexes, as far as they are its own still.
fn forget_terms(connection: &Connection, kind: &str, key: &str) -> Result<(), StoreError> {
    let mut find = connection.prepare_cached("SELECT terms FROM document WHERE kind = ?1 AND key = ?2")?;
    let found: Option<Vec<u8>> = find.query_row(params![kind, key], |row| row.get(0)).optional()?;
    let Some(list) = found else { return Ok(()) };
    let mut drop_term = connection.prepare_cached("DELETE FROM term WHERE ix = ?1 AND value = ?2 AND key = ?3")?;
    let mut release =
        connection.prepare_cached("DELETE FROM unique_key WHERE ix = ?1 AND value = ?2 AND kind = ?3 AND key = ?4")?;
    for mark in held::decode(&list)? {
        if mark.unique {
            release.execute(params![mark.index, mark.value, kind, key])?;
        } else {
            drop_term.execute(params![mark.index, mark.value, key])?;
        }
    }
    Ok(())
}
