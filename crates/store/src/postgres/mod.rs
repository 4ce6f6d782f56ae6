//! The engine for many machines: PostgreSQL, or a system that speaks its protocol. Any number of nodes work on one
//! database; each has one writing connection with group commit, readers beside it, and one that hears of the others.

mod config;
mod export;
mod failure;
mod filling;
mod forms;
mod hearing;
mod import;
mod inspect;
mod ledger;
mod plan;
mod pool;
mod probe;
mod queries;
mod schema;
mod session;
mod sql;
mod target;
mod teller;
mod tls;
mod transaction;
mod writer;
mod writes;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_crypto::ledger::{ANCHOR_BYTES, Ledger};
use strongroom_crypto::{Random, Witness};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub use config::{ClientIdentity, PostgresConfig};
pub use import::PostgresImporter;
pub use probe::{Probe, ProbedStore};

use crate::activity::Activity;
use crate::api::{
    Batch, DocumentKey, Entry, FeedRow, Kind, LedgerBegin, Range, Row, Store, StoreError, StoreFuture, Term, Watcher,
};
use crate::engine::{Engine, Integrity, Stats};
use crate::rules;
use crate::transfer::{Detail, Exporter, Piece, Standing};
use failure::{Remedy, closed};
use hearing::Hearing;
use pool::Pool;
use session::Database;
use teller::Shared;
use writer::{Answer, Job, Writer};

/// Attempts at a read that the database does not answer.
const READS_MAX: u32 = 4;

/// A store in a PostgreSQL database, of which this process is one node. Dropping it finishes what waits.
pub struct PostgresStore {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    queue_wait: Duration,
    pool: Pool,
    shared: Arc<Shared>,
    database: Arc<Database>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// Runs a read on a connection of the pool, and once more on another where the first was lost.
macro_rules! reading {
    ($store:expr, |$session:ident| $read:expr) => {
        Box::pin(async move {
            $store.shared.check_floor()?;
            let mut attempts = 0;
            loop {
                attempts += 1;
                let mut lease = None;
                let read = async {
                    let $session = lease.insert($store.pool.take().await?).session()?;
                    $read.await
                };
                let trouble = match read.await {
                    Ok(found) => {
                        $store.shared.activity.read(true);
                        return Ok(found);
                    }
                    Err(trouble) => trouble,
                };
                if trouble.remedy != Remedy::Again
                    && let Some(lease) = &mut lease
                {
                    lease.spoil();
                }
                drop(lease);
                if trouble.remedy == Remedy::None || attempts == READS_MAX {
                    $store.shared.activity.read(false);
                    return Err(trouble.error);
                }
                sleep(Duration::from_millis(10 << (2 * attempts))).await;
            }
        })
    };
}

/// As [`reading`], within a transaction that sees one moment. One that is given up in the middle ends with its connection,
/// which would go on showing that moment to whoever got it next.
macro_rules! looking {
    ($store:expr, |$session:ident| $read:expr) => {
        reading!($store, |$session| async {
            inspect::snapshot($session).await?;
            let found = $read.await;
            $session.run("ROLLBACK").await?;
            $session.occupy(false);
            found
        })
    };
}

impl PostgresStore {
    /// Opens the store in a database, where its tables are made or brought up to this release when they are not there
    /// yet. Its tasks run on the runtime that this is called on. `random` names the node.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached, is not one that a store can be in, or has tables of a later
    /// release that this one does not know; `Damaged` when its tables are not what this release made.
    pub async fn open(config: PostgresConfig, random: Arc<dyn Random>) -> Result<Self, StoreError> {
        let database = Arc::new(Database::of(&config, random.as_ref())?);
        let runtime = database.runtime.clone();
        let opened = schema::open(&database, &config).await.map_err(|trouble| trouble.error)?;
        let shared = Arc::new(Shared::new(opened.sequence, config.unfinished));
        shared.note_floor(opened.floor)?;
        let (jobs, receiver) = mpsc::channel(config.queue_jobs_max.max(1));
        let pool =
            Pool::new(Arc::clone(&database), config.readers_max, Duration::from_millis(config.reader_wait_ms.max(1)));
        let hearing = Hearing {
            database: Arc::clone(&database),
            shared: Arc::clone(&shared),
            poll: Duration::from_millis(config.poll_ms.max(1)),
        };
        runtime.spawn(hearing.run());
        let queue_wait = Duration::from_millis(config.queue_wait_ms);
        let writer = Writer {
            database: Arc::clone(&database),
            config,
            shared: Arc::clone(&shared),
            jobs: receiver,
            pending: Vec::new(),
            session: None,
            kept: None,
            turn: -1,
            last: (0, Duration::ZERO),
        };
        let writer = Mutex::new(Some(runtime.spawn(writer.run())));
        Ok(Self { jobs: Mutex::new(Some(jobs)), queue_wait, pool, shared, database, writer })
    }

    /// Hands a job to the writer and waits for its answer. The job is carried out even if this wait is given up.
    async fn ask(&self, job: impl FnOnce(Answer) -> Job) -> Result<(), StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        if let Err(refused) = jobs.try_send(job(answer)) {
            let mpsc::error::TrySendError::Full(job) = refused else { return Err(ended()) };
            match timeout(self.queue_wait, jobs.send(job)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(ended()),
                Err(_) => return Err(StoreError::Unavailable("too many commits are waiting".to_owned())),
            }
        }
        drop(jobs);
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    fn witness(&self) -> Result<Witness, StoreError> {
        self.shared.witness().ok_or_else(|| StoreError::Unavailable("its ledger is not kept".to_owned()))
    }

    /// Takes no new work. What waits is still done.
    fn stop(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.pool.close();
        self.database.news.notify_one();
    }
}

/// Why the writer answers no more: its runtime has ended.
fn ended() -> StoreError {
    StoreError::Unknown("the store's writer ended".to_owned())
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Store for PostgresStore {
    fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>> {
        reading!(self, |session| queries::get(session, key))
    }

    fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>> {
        reading!(self, |session| queries::get_many(session, kind, keys))
    }

    fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>> {
        reading!(self, |session| queries::find(session, term))
    }

    fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<Entry>> {
        reading!(self, |session| queries::range(session, range))
    }

    fn scan<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Row>> {
        reading!(self, |session| queries::scan(session, kind, prefix, after, limit))
    }

    fn commit(&self, batch: Batch) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            rules::check(&batch)?;
            self.ask(|answer| Job::Commit { batch, answer }).await
        })
    }

    fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>> {
        reading!(self, |session| queries::feed(session, topic, after, limit))
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

    fn behind(&self) -> Duration {
        self.shared.behind()
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.shared.watch(watcher);
    }
}

impl Exporter for PostgresStore {
    /// On a connection of its own.
    fn export(&self, detail: Detail, to: mpsc::Sender<Piece>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.shared.check_floor()?;
            let session = self.database.connect(&[]).await.map_err(|trouble| trouble.error)?;
            export::export(&session, &self.database.schema, detail, &to).await.map_err(|trouble| trouble.error)
        })
    }
}

impl Engine for PostgresStore {
    fn standing(&self) -> StoreFuture<'_, Standing> {
        reading!(self, |session| schema::standing(session, &self.database.schema))
    }

    fn set_standing(&self, standing: Standing) -> StoreFuture<'_, ()> {
        Box::pin(
            async move { import::change_standing(&self.database, standing).await.map_err(|trouble| trouble.error) },
        )
    }

    fn ledger(&self) -> StoreFuture<'_, Ledger> {
        let schema = &self.database.schema;
        Box::pin(async move {
            let witness = self.witness()?;
            let (witness, stored) = (&witness, self);
            let found: StoreFuture<'_, Ledger> = reading!(stored, |session| ledger::stored(session, schema, witness));
            found.await
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
        reading!(self, |session| inspect::documents_about(session, &self.database.schema))
    }

    fn integrity(&self) -> StoreFuture<'_, Integrity> {
        looking!(self, |session| {
            let witness = self.shared.witness();
            async move { inspect::integrity(session, &self.database.schema, witness.as_ref()).await }
        })
    }

    fn ledger_faults(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move {
            let witness = self.witness()?;
            let (witness, schema, store) = (&witness, &self.database.schema, self);
            let found: StoreFuture<'_, Vec<String>> =
                looking!(store, |session| ledger::differences(session, schema, witness));
            found.await
        })
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        looking!(self, |session| inspect::stats(session, &self.database.schema))
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.stop();
            let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            match writer {
                Some(writer) => writer.await.map_err(|_| StoreError::Unavailable("its writer died".to_owned())),
                None => Ok(()),
            }
        })
    }
}
