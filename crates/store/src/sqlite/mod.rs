//! The embedded engine: SQLite in write-ahead mode, one writing thread with group commit, readers beside it.

mod apply;
mod config;
mod copy;
mod export;
mod failure;
mod feed;
mod files;
mod import;
mod inspect;
mod ledger;
mod queries;
mod readers;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use strongroom_crypto::Witness;
use strongroom_crypto::ledger::{ANCHOR_BYTES, Ledger};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

pub use config::SqliteConfig;
pub use export::SqliteFiles;
pub use files::DATABASE_FILE;
pub use import::SqliteImporter;

use crate::activity::Activity;
use crate::api::{
    Batch, DocumentKey, Entry, FeedRow, Kind, LedgerBegin, Range, Row, Store, StoreError, StoreFuture, Term, Watcher,
};
use crate::engine::{Engine, Integrity, Stats};
use crate::reading::number;
use crate::rules;
use crate::transfer::{Detail, Exporter, Piece, Standing};
use failure::closed;
use files::Hold;
use readers::{Readers, Snapshot};
use writer::{Answer, Job, Shared, Writer};

/// A store in a directory of its own. Dropping it finishes what waits and closes it.
pub struct SqliteStore {
    jobs: mpsc::Sender<Job>,
    queue_wait: Duration,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
    point: Readers,
    scans: Scans,
    database: PathBuf,
    config: SqliteConfig,
    /// Let go last, when nothing touches the files any more.
    _hold: Hold,
}

/// Readers for what may take long, which runs on threads that may block.
struct Scans {
    readers: Arc<Readers>,
    places: Arc<Semaphore>,
    wait: Duration,
}

impl SqliteStore {
    /// Opens the store in `directory`, which is made if it is not there. Only one process can have it open. Blocks
    /// while it reads the log of a process that was killed. Reads and commits then need a Tokio runtime with time.
    ///
    /// # Errors
    /// `Unavailable` when another holds it, when the files cannot be used, or when what is there is another program's
    /// database or one of a later release; `Damaged` when it is not whole; `Full` when there is no space to make it.
    pub fn open(directory: impl AsRef<Path>, config: SqliteConfig) -> Result<Self, StoreError> {
        let hold = files::take(directory.as_ref(), config.unfinished)?;
        let database = hold.database.clone();
        files::write_log_anew(&database)?;
        let connection = schema::open_writer(&database, &config)?;
        schema::migrate(&connection)?;
        schema::check(&connection)?;
        // The header alone may be older than what stands in the log.
        if !config.unfinished && schema::standing(&connection)? == Standing::Unfinished {
            return Err(schema::unfinished());
        }
        hold.sync_names()?;
        let shared = Arc::new(Shared::default());
        let activity = Arc::clone(&shared.activity);
        let point = Readers::open(&database, &config, config.point_readers_max, &activity)?;
        let scans = Scans {
            readers: Arc::new(Readers::open(&database, &config, config.scan_readers_max, &activity)?),
            places: Arc::new(Semaphore::new(config.scan_readers_max.max(1))),
            wait: Duration::from_millis(config.reader_wait_ms),
        };
        let (jobs, receiver) = mpsc::channel(config.queue_jobs_max.max(1));
        let queue_wait = Duration::from_millis(config.queue_wait_ms);
        let writer = Writer {
            database: database.clone(),
            config: config.clone(),
            shared: Arc::clone(&shared),
            jobs: receiver,
            pending: Vec::new(),
            failed: None,
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(connection))
            .map_err(|error| failure::file_failure("the writer's thread cannot be started", &error))?;
        Ok(Self {
            jobs,
            queue_wait,
            shared,
            thread: Mutex::new(Some(thread)),
            point,
            scans,
            database,
            config,
            _hold: hold,
        })
    }

    /// Takes no new work, finishes what waits, moves the log into the database and closes the files. Blocks until that
    /// is done. Whatever is asked of the store afterwards is answered with `Unavailable`. Further calls do nothing.
    ///
    /// # Errors
    /// When the log could not be moved or the files not be closed; what was acknowledged is in the log then, and is
    /// found there when the store is opened again.
    pub fn close(&self) -> Result<(), StoreError> {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        self.shared.closing.store(true, Ordering::SeqCst);
        // When the queue is full the writer is awake and will see the flag.
        let _ = self.jobs.try_send(Job::Wake);
        self.point.close();
        self.scans.readers.close();
        if thread.thread().id() == thread::current().id() {
            // Dropped by a watcher, on the writer's own thread: it ends by itself when it is done.
            return Ok(());
        }
        thread.join().unwrap_or_else(|_| Err(StoreError::Unavailable("its writer died".to_owned())))
    }

    /// Copies the store as it is at one moment into a new file at `path`, while work goes on. The copy is complete and
    /// durable when this returns, and nothing stands at `path` before.
    ///
    /// # Errors
    /// When `path` exists or cannot be written.
    pub async fn backup_to(&self, path: impl Into<PathBuf>) -> Result<(), StoreError> {
        let path = path.into();
        self.scan_with(move |connection| copy::copy(connection, &path)).await
    }

    /// Copies the store in `directory`, which another process may have open and be writing to, as it is at one moment
    /// into a new file at `path`.
    ///
    /// # Errors
    /// When there is no store, or `path` exists or cannot be written.
    pub fn copy_of(
        directory: impl AsRef<Path>,
        path: impl AsRef<Path>,
        config: &SqliteConfig,
    ) -> Result<(), StoreError> {
        let database = directory.as_ref().join(DATABASE_FILE);
        if !files::check_header(&database)? {
            return Err(StoreError::Unavailable("there is no store in this directory".to_owned()));
        }
        copy::copy(&schema::open_reader(&database, config)?, path.as_ref())
    }

    /// Makes a store in `directory` from a copy that `backup_to` made.
    ///
    /// # Errors
    /// When there is a store in `directory` already, or the copy is not one that this release knows.
    pub fn restore(backup: impl AsRef<Path>, directory: impl AsRef<Path>) -> Result<(), StoreError> {
        copy::restore(backup.as_ref(), directory.as_ref())
    }

    /// As [`SqliteStore::restore`], from the copy's bytes.
    ///
    /// # Errors
    /// As there, and when they cannot be read.
    pub fn restore_from(mut copy: impl Read, directory: impl AsRef<Path>) -> Result<(), StoreError> {
        copy::restore_from(&mut copy, directory.as_ref())
    }

    /// Changes the standing of the store in `directory`, which another process may have open and be writing to: each of
    /// its commits from then on is refused, or taken again.
    ///
    /// # Errors
    /// When there is no store, it cannot be written, or a copy into it was not finished.
    pub fn set_standing_of(directory: impl AsRef<Path>, standing: Standing) -> Result<(), StoreError> {
        let database = directory.as_ref().join(DATABASE_FILE);
        if !files::check_header(&database)? {
            return Err(StoreError::Unavailable("there is no store in this directory".to_owned()));
        }
        schema::set_standing_beside(&database, &SqliteConfig::default(), standing)
    }

    /// The standing of the store in `directory`, which another process may have open.
    ///
    /// # Errors
    /// When there is no store, or it cannot be read.
    pub fn standing_of(directory: impl AsRef<Path>) -> Result<Standing, StoreError> {
        let database = directory.as_ref().join(DATABASE_FILE);
        if !files::check_header(&database)? {
            return Err(StoreError::Unavailable("there is no store in this directory".to_owned()));
        }
        schema::standing(&schema::open_reader(&database, &SqliteConfig::default())?)
    }

    fn witness(&self) -> Result<Witness, StoreError> {
        self.shared.witness().ok_or_else(|| StoreError::Unavailable("its ledger is not kept".to_owned()))
    }

    async fn scan_with<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let runtime =
            Handle::try_current().map_err(|_| StoreError::Unavailable("there is no runtime here".to_owned()))?;
        let places = Arc::clone(&self.scans.places);
        let place = match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => timeout(self.scans.wait, places.acquire_owned())
                .await
                .map_err(|_| StoreError::Unavailable("no reading connection became free in time".to_owned()))?
                .map_err(|_| closed())?,
        };
        let readers = Arc::clone(&self.scans.readers);
        let reading = runtime.spawn_blocking(move || {
            let result = readers.take().and_then(|reader| reader.run(read));
            drop(place);
            result
        });
        reading.await.unwrap_or_else(|_| Err(StoreError::Unavailable("a reading thread died".to_owned())))
    }

    /// Hands a job to the writer and waits for its answer. The job is carried out even if this wait is given up.
    async fn ask(&self, job: impl FnOnce(Answer) -> Job) -> Result<(), StoreError> {
        if self.shared.closing.load(Ordering::SeqCst) {
            return Err(closed());
        }
        let (answer, answered) = oneshot::channel();
        if let Err(refused) = self.jobs.try_send(job(answer)) {
            let mpsc::error::TrySendError::Full(job) = refused else { return Err(self.ended()) };
            match timeout(self.queue_wait, self.jobs.send(job)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(self.ended()),
                Err(_) => return Err(StoreError::Unavailable("too many commits are waiting".to_owned())),
            }
        }
        answered.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Why the writer answers no more.
    fn ended(&self) -> StoreError {
        if self.shared.closing.load(Ordering::SeqCst) {
            closed()
        } else {
            StoreError::Unavailable("its writer died".to_owned())
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Err(error) = Self::close(self) {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }
}

impl Store for SqliteStore {
    fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>> {
        Box::pin(async move { self.point.take()?.run(|connection| queries::get(connection, key)) })
    }

    fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>> {
        let keys = keys.to_vec();
        Box::pin(self.scan_with(move |connection| queries::get_many(connection, kind, &keys)))
    }

    fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>> {
        Box::pin(async move { self.point.take()?.run(|connection| queries::find(connection, term)) })
    }

    fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<Entry>> {
        let range = range.clone();
        Box::pin(self.scan_with(move |connection| queries::range(connection, &range)))
    }

    fn scan<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Row>> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        Box::pin(self.scan_with(move |connection| queries::scan(connection, kind, &prefix, after.as_deref(), limit)))
    }

    fn commit(&self, batch: Batch) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            rules::check(&batch)?;
            self.ask(|answer| Job::Commit { batch, answer }).await
        })
    }

    fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>> {
        let topic = topic.to_owned();
        Box::pin(self.scan_with(move |connection| feed::read(connection, &topic, after, limit)))
    }

    fn trim<'a>(&'a self, topic: &'a str, through: u64) -> StoreFuture<'a, ()> {
        Box::pin(self.ask(move |answer| Job::Trim { topic: topic.into(), through, answer }))
    }

    fn keep_ledger(&self, witness: Witness, begin: LedgerBegin, first: Batch) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            rules::check(&first)?;
            self.ask(|answer| Job::KeepLedger { witness: Box::new(witness), begin, first, answer }).await
        })
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.shared.watchers.write().unwrap_or_else(PoisonError::into_inner).push(watcher);
    }
}

impl Exporter for SqliteStore {
    fn export(&self, detail: Detail, to: mpsc::Sender<Piece>) -> StoreFuture<'_, ()> {
        Box::pin(self.scan_with(move |connection| export::export(connection, detail, &to)))
    }
}

impl Engine for SqliteStore {
    fn standing(&self) -> StoreFuture<'_, Standing> {
        Box::pin(async move { self.point.take()?.run(schema::standing) })
    }

    fn set_standing(&self, standing: Standing) -> StoreFuture<'_, ()> {
        let (database, config) = (self.database.clone(), self.config.clone());
        Box::pin(self.scan_with(move |_| schema::set_standing_beside(&database, &config, standing)))
    }

    fn ledger(&self) -> StoreFuture<'_, Ledger> {
        Box::pin(async move {
            let witness = self.witness()?;
            self.scan_with(move |connection| ledger::stored(connection, &witness)).await
        })
    }

    fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::SeqCst)
    }

    fn activity(&self) -> Option<&Activity> {
        Some(&self.shared.activity)
    }

    fn set_anchor(&self, anchor: [u8; ANCHOR_BYTES]) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.witness()?;
            self.ask(|answer| Job::SetAnchor { anchor, answer }).await
        })
    }

    fn documents_about(&self) -> StoreFuture<'_, u64> {
        Box::pin(self.scan_with(|connection| {
            let last: Option<i64> = connection.query_row("SELECT max(id) FROM document", [], |row| row.get(0))?;
            number(last.unwrap_or(0))
        }))
    }

    fn integrity(&self) -> StoreFuture<'_, Integrity> {
        let witness = self.shared.witness();
        Box::pin(self.scan_with(move |connection| inspect::integrity(connection, witness.as_ref())))
    }

    fn ledger_faults(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move {
            let witness = self.witness()?;
            self.scan_with(move |connection| {
                let snapshot = Snapshot::begin(connection)?;
                ledger::differences(&snapshot, &witness)
            })
            .await
        })
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        let database = self.database.clone();
        Box::pin(self.scan_with(move |connection| inspect::stats(connection, &database)))
    }

    /// Blocks until the log was moved into the database.
    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move { Self::close(self) })
    }
}
