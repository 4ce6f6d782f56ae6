//! A store as rows: everything that a connection sees at one moment, sent page by page.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_crypto::Sealed;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::config::SqliteConfig;
use super::feed;
use super::ledger::{TAIL_COLUMN, blob, text};
use super::readers::Snapshot;
use super::{files, schema};
use crate::api::{StoreError, StoreFuture};
use crate::reading::number;
use crate::transfer::{Content, Detail, Exporter, Piece, Place, Record, document_state, entry_state, topic_state};

/// Rows that are sent together, and their bytes.
const ROWS_MAX: usize = 500;
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// The files of a store, which another process may have open and be writing to.
pub struct SqliteFiles {
    database: PathBuf,
    config: SqliteConfig,
}

impl SqliteFiles {
    /// Those in `directory`.
    ///
    /// # Errors
    /// When there is no store, or one that is not finished or of a later release.
    pub fn of(directory: impl AsRef<std::path::Path>) -> Result<Self, StoreError> {
        let database = directory.as_ref().join(files::DATABASE_FILE);
        if !files::check_header(&database)? {
            return Err(StoreError::Unavailable("there is no store in this directory".to_owned()));
        }
        Ok(Self { database, config: SqliteConfig::default() })
    }
}

impl Exporter for SqliteFiles {
    fn export(&self, detail: Detail, to: mpsc::Sender<Piece>) -> StoreFuture<'_, ()> {
        let (database, config) = (self.database.clone(), self.config.clone());
        Box::pin(async move {
            let work = move || {
                let connection = schema::open_reader(&database, &config)?;
                schema::check(&connection)?;
                export(&connection, detail, &to)
            };
            spawn_blocking(work).await.map_err(|_| StoreError::Unavailable("a reading thread died".to_owned()))?
        })
    }
}

/// Sends all that `connection` sees. Blocks where nobody takes it yet; ends early when nobody will.
pub(super) fn export(connection: &Connection, detail: Detail, to: &mpsc::Sender<Piece>) -> Result<(), StoreError> {
    let snapshot = Snapshot::begin(connection)?;
    let ledger: Option<Vec<u8>> =
        snapshot.query_row("SELECT body FROM ledger WHERE id = 1", [], |row| row.get(0)).optional()?;
    let mut pages = Pages { to, rows: Vec::new(), bytes: 0 };
    if to.blocking_send(Piece::Ledger(ledger.map(Sealed::from_storage).transpose()?)).is_err() {
        return Ok(());
    }
    if documents(&snapshot, detail, &mut pages)? && feed_rows(&snapshot, detail, &mut pages)? {
        pages.send();
    }
    Ok(())
}

struct Pages<'t> {
    to: &'t mpsc::Sender<Piece>,
    rows: Vec<Record>,
    bytes: usize,
}

impl Pages<'_> {
    /// Adds a row; false when nobody takes it any more.
    fn add(&mut self, record: Record) -> bool {
        self.bytes += record.bytes();
        self.rows.push(record);
        if self.rows.len() >= ROWS_MAX || self.bytes >= BYTES_MAX { self.send() } else { true }
    }

    fn send(&mut self) -> bool {
        self.bytes = 0;
        self.to.blocking_send(Piece::Rows(std::mem::take(&mut self.rows))).is_ok()
    }
}

fn documents(connection: &Connection, detail: Detail, pages: &mut Pages<'_>) -> Result<bool, StoreError> {
    let body = if detail == Detail::Full { "body" } else { TAIL_COLUMN };
    let sql = format!("SELECT kind, key, version, terms, {body} FROM document ORDER BY kind, key");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let version = number(row.get(2)?)?;
        let content = match detail {
            Detail::Full => Content::Document { version, terms: row.get(3)?, body: Sealed::from_storage(row.get(4)?)? },
            Detail::Outline => Content::Same(document_state(version, blob(row, 3)?, blob(row, 4)?)),
        };
        let place = Place::Document { kind: text(row, 0)?.to_owned(), key: text(row, 1)?.to_owned() };
        if !pages.add(Record { place, content }) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn feed_rows(connection: &Connection, detail: Detail, pages: &mut Pages<'_>) -> Result<bool, StoreError> {
    let topics = feed::ordered_topics(connection)?;
    for topic in &topics {
        let content = match detail {
            Detail::Full => Content::Topic { last: topic.last, remembered: topic.remembered },
            // Of a store that is filled it is to be what is stored.
            Detail::Outline => Content::Same(topic_state(topic.remembered)),
        };
        if !pages.add(Record { place: Place::Topic { name: topic.name.clone() }, content }) {
            return Ok(false);
        }
    }
    for topic in &topics {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT place, id, {} FROM entry WHERE place BETWEEN ?1 AND ?2 ORDER BY place",
            if detail == Detail::Full { "body" } else { TAIL_COLUMN }
        ))?;
        let (first, last) = topic.places;
        let mut rows = statement.query(params![first, last])?;
        while let Some(row) = rows.next()? {
            let sequence = feed::sequence_of(row.get(0)?)?;
            let content = match detail {
                Detail::Full => Content::Entry { id: row.get(1)?, body: Sealed::from_storage(row.get(2)?)? },
                Detail::Outline => Content::Same(entry_state(text(row, 1)?, blob(row, 2)?)),
            };
            if !pages.add(Record { place: Place::Entry { topic: topic.name.clone(), sequence }, content }) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
