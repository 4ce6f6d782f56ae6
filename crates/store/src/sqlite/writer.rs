//! The writer: one thread that owns the only writing connection and makes all waiting commits durable together.
//!
//! An answer leaves only after the group's COMMIT has returned. When the database fails, the whole group is answered
//! with the error and the connection, which may then believe more than the disk holds, is given up for a new one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Statement};
use strongroom_crypto::Witness;
use strongroom_crypto::ledger::ANCHOR_BYTES;
use strongroom_types::Stopwatch;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::apply::{Statements, Stop};
use super::config::SqliteConfig;
use super::files;
use super::schema;
use crate::activity::Activity;
use crate::api::{Batch, Change, LedgerBegin, StoreError, Watcher};

/// What the writer is asked for.
pub(super) enum Job {
    /// Commit a batch.
    Commit { batch: Batch, answer: Answer },
    /// Trim a topic of the feed.
    Trim { topic: Arc<str>, through: u64, answer: Answer },
    /// Keep the ledger from now on, and commit a batch with that.
    KeepLedger { witness: Box<Witness>, begin: LedgerBegin, first: Batch, answer: Answer },
    /// Name the ledger's anchor.
    SetAnchor { anchor: [u8; ANCHOR_BYTES], answer: Answer },
    /// Nothing; look whether the store is being closed.
    Wake,
}

/// Where the answer to a job goes. Nobody may be there any more.
pub(super) type Answer = oneshot::Sender<Result<(), StoreError>>;

impl Job {
    fn is_commit(&self) -> bool {
        matches!(self, Self::Commit { .. })
    }

    fn bytes(&self) -> usize {
        let Self::Commit { batch, .. } = self else { return 0 };
        let puts = batch.puts.iter().map(|put| put.body.as_bytes().len());
        puts.chain(batch.feed.iter().map(|entry| entry.body.as_bytes().len())).sum()
    }

    fn answer(self, result: Result<(), StoreError>) {
        match self {
            // An asker that has gone away wanted no answer; the work is done all the same.
            Self::Commit { answer, .. }
            | Self::Trim { answer, .. }
            | Self::KeepLedger { answer, .. }
            | Self::SetAnchor { answer, .. } => drop(answer.send(result)),
            Self::Wake => {}
        }
    }
}

/// What the writer shares with the store.
#[derive(Default)]
pub(super) struct Shared {
    /// Set when no more work is to be taken.
    pub(super) closing: AtomicBool,
    /// Told of each group.
    pub(super) watchers: RwLock<Vec<Arc<dyn Watcher>>>,
    /// Who keeps the ledger, once that is known.
    pub(super) witness: RwLock<Option<Witness>>,
    /// Commits that the ledger counted when this process last wrote it or opened it.
    pub(super) commits: AtomicU64,
    /// What was done.
    pub(super) activity: Arc<Activity>,
}

impl Shared {
    /// Who keeps the ledger.
    pub(super) fn witness(&self) -> Option<Witness> {
        self.witness.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The writer's side of the store.
pub(super) struct Writer {
    pub(super) database: PathBuf,
    pub(super) config: SqliteConfig,
    pub(super) shared: Arc<Shared>,
    pub(super) jobs: mpsc::Receiver<Job>,
    /// Work taken from the queue and not begun.
    pub(super) pending: Vec<Job>,
    /// A group that failed and was not answered yet, and why.
    pub(super) failed: Option<(Vec<Job>, StoreError)>,
}

/// How the service of one connection ended.
enum End {
    /// The queue is closed and empty.
    Done,
    /// The connection cannot be trusted any more.
    Suspect,
}

/// The outcome of a group: for each job, whether it stands; or why none does.
type Outcomes = Result<Vec<Result<(), StoreError>>, StoreError>;

impl Writer {
    /// Serves until the store is closed and nothing waits; then empties the log.
    pub(super) fn run(mut self, first: Connection) -> Result<(), StoreError> {
        let mut open = Some(first);
        loop {
            let connection = match open.take() {
                Some(connection) => connection,
                None if !self.fill_group() => {
                    let what = "its connection had failed and could not be opened anew";
                    return Err(StoreError::Unavailable(what.to_owned()));
                }
                None => match self.open_anew() {
                    Ok(connection) => connection,
                    Err(error) => {
                        refuse(self.pending.drain(..), &error);
                        continue;
                    }
                },
            };
            match self.serve(&connection) {
                Ok(End::Done) => {
                    if let Err(error) = checkpoint(&connection, "TRUNCATE") {
                        give_up(connection);
                        return Err(error);
                    }
                    return connection.close().map_err(|(_, error)| error.into());
                }
                Ok(End::Suspect) => {
                    give_up(connection);
                    open = self.open_anew().inspect_err(|error| warn!(%error, "the store cannot be written")).ok();
                }
                Err(error) => {
                    warn!(%error, "the store's connection could not be put to use");
                    give_up(connection);
                    refuse(self.pending.drain(..), &error);
                }
            }
            // Only now: when the disk allows it, nothing of a refused group is left when its callers hear of it.
            if let Some((group, error)) = self.failed.take() {
                refuse(group, &error);
            }
        }
    }

    /// Opens a connection in place of one that failed, and wipes what that may have left at the end of the log.
    fn open_anew(&self) -> Result<Connection, StoreError> {
        files::write_log_anew(&self.database)?;
        let connection = schema::open_writer(&self.database, &self.config)?;
        checkpoint(&connection, "TRUNCATE")?;
        Ok(connection)
    }

    /// Waits for work and takes as much of it as a group may have. False when the queue is closed and empty.
    fn fill_group(&mut self) -> bool {
        if self.pending.is_empty() {
            let Some(job) = self.jobs.blocking_recv() else { return false };
            self.pending.push(job);
        }
        let mut bytes: usize = self.pending.iter().map(Job::bytes).sum();
        while self.pending.len() < self.config.group_jobs_max && bytes < self.config.group_bytes_max {
            let Ok(job) = self.jobs.try_recv() else { break };
            bytes += job.bytes();
            self.pending.push(job);
        }
        if self.shared.closing.load(Ordering::SeqCst) {
            // What is in the queue is still served; nothing new comes in.
            self.jobs.close();
        }
        true
    }

    fn serve(&mut self, connection: &Connection) -> Result<End, StoreError> {
        let mut session = Session::open(connection, &self.config, &self.shared)?;
        while self.fill_group() {
            let group = std::mem::take(&mut self.pending);
            let (began, commits) = (Stopwatch::start(), group.iter().filter(|job| job.is_commit()).count());
            let committed = session.commit(&group);
            if commits > 0 {
                self.shared.activity.group(commits, began.elapsed(), committed.is_ok());
            }
            match committed {
                Ok(outcomes) => {
                    self.know_witness(&group, &outcomes);
                    self.shared.commits.store(session.statements.ledger.commits(), Ordering::SeqCst);
                    self.tell_watchers(&group, &outcomes);
                    self.answer(group, outcomes, &session.unfinished);
                }
                Err(error) => {
                    warn!(%error, jobs = group.len(), "a group of commits failed");
                    self.failed = Some((group, error));
                    return Ok(End::Suspect);
                }
            }
            if let Err(error) = session.keep_log_short() {
                warn!(%error, "the store's log could not be moved to the database");
                return Ok(End::Suspect);
            }
        }
        Ok(End::Done)
    }

    /// Whoever keeps the ledger keeps it on the next connection too.
    fn know_witness(&self, group: &[Job], outcomes: &[Result<(), StoreError>]) {
        for (job, outcome) in group.iter().zip(outcomes) {
            if let (Job::KeepLedger { witness, .. }, Ok(())) = (job, outcome) {
                let mut known = self.shared.witness.write().unwrap_or_else(PoisonError::into_inner);
                *known = Some(Witness::clone(witness));
            }
        }
    }

    /// Tells of what is durable now, before anyone who asked for it hears of it.
    fn tell_watchers(&self, group: &[Job], outcomes: &[Result<(), StoreError>]) {
        let watchers = self.shared.watchers.read().unwrap_or_else(PoisonError::into_inner);
        if watchers.is_empty() {
            return;
        }
        let mut changes: Vec<Change<'_>> = Vec::with_capacity(group.len() * 2);
        for (job, outcome) in group.iter().zip(outcomes) {
            if let (Job::Commit { batch, .. } | Job::KeepLedger { first: batch, .. }, Ok(())) = (job, outcome) {
                changes.extend(batch.changes());
            }
        }
        if !changes.is_empty() {
            watchers.iter().for_each(|watcher| watcher.changed(&changes));
        }
    }

    /// Answers all but the unfinished trims, which go into the next group.
    fn answer(&mut self, group: Vec<Job>, outcomes: Vec<Result<(), StoreError>>, unfinished: &[usize]) {
        for (at, (job, outcome)) in group.into_iter().zip(outcomes).enumerate() {
            if unfinished.contains(&at) {
                self.pending.push(job);
            } else {
                job.answer(outcome);
            }
        }
    }
}

/// Closes a connection that failed, without moving the log into the database: the log may not be on the disk.
fn give_up(connection: Connection) {
    // It cannot fail on a connection that is open; were it the last one, the log would be moved.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    drop(connection);
}

fn refuse(jobs: impl IntoIterator<Item = Job>, error: &StoreError) {
    jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
}

/// A connection in service: its statements, and what it has still to do.
struct Session<'c> {
    config: SqliteConfig,
    statements: Statements<'c>,
    begin: Statement<'c>,
    standing: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
    connection: &'c Connection,
    /// Places in the last group of the trims that were not finished.
    unfinished: Vec<usize>,
    /// Pages in the log when moving them was last tried.
    tried_at: i64,
}

impl<'c> Session<'c> {
    fn open(connection: &'c Connection, config: &SqliteConfig, shared: &Shared) -> Result<Self, StoreError> {
        let known = shared.witness().map(|witness| (witness, shared.commits.load(Ordering::SeqCst)));
        Ok(Self {
            config: config.clone(),
            statements: Statements::prepare(connection, known)?,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            standing: connection.prepare("PRAGMA user_version")?,
            commit: connection.prepare("COMMIT")?,
            rollback: connection.prepare("ROLLBACK")?,
            connection,
            unfinished: Vec::new(),
            tried_at: 0,
        })
    }

    /// Applies a group in one transaction. When this returns `Ok`, all that it says is durable.
    fn commit(&mut self, group: &[Job]) -> Outcomes {
        self.unfinished.clear();
        // Trims may be lost in a crash, so a group of nothing else does not wait for the disk.
        let durable = group.iter().any(|job| !matches!(job, Job::Trim { .. } | Job::Wake));
        if !durable {
            self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        }
        let outcomes = self.transact(group, durable);
        if !durable {
            self.connection.pragma_update(None, "synchronous", "FULL")?;
        }
        outcomes
    }

    fn transact(&mut self, group: &[Job], durable: bool) -> Outcomes {
        self.begin.execute([])?;
        let applied = self.apply(group).and_then(|(outcomes, wrote)| {
            if wrote {
                self.statements.ledger.write(durable)?;
                self.commit.execute([])?;
            } else {
                self.rollback.execute([])?;
            }
            Ok(outcomes)
        });
        if applied.is_err() && !self.connection.is_autocommit() {
            // The connection is given up anyway; rolling back only lets go of the lock at once.
            let _ = self.rollback.execute([]);
        }
        applied
    }

    /// The outcome of each job, and whether any of them wrote.
    fn apply(&mut self, group: &[Job]) -> Result<(Vec<Result<(), StoreError>>, bool), StoreError> {
        let mut outcomes = Vec::with_capacity(group.len());
        let mut wrote = false;
        // Within the transaction: another process may have changed it just before.
        let (standing, _) = schema::standing_of(self.standing.query_row([], |row| row.get(0))?);
        // A store that is being filled is written by nobody else.
        let frozen = standing.refuses_changes() && !self.config.unfinished;
        for (at, job) in group.iter().enumerate() {
            let outcome = match job {
                Job::Commit { .. } | Job::SetAnchor { .. } if frozen => {
                    Err(Stop::Refused(StoreError::Frozen(standing)))
                }
                Job::KeepLedger { begin, .. } if frozen && *begin != LedgerBegin::There => {
                    Err(Stop::Refused(StoreError::Frozen(standing)))
                }
                Job::Commit { batch, .. } => self.statements.apply(batch),
                Job::Trim { topic, through, .. } => self.trim(at, topic, *through),
                Job::KeepLedger { witness, begin, first, .. } => {
                    self.statements.keep_ledger(self.connection, witness, *begin, first)
                }
                Job::SetAnchor { anchor, .. } => {
                    self.statements.ledger.set_anchor(*anchor);
                    Ok(())
                }
                Job::Wake => Ok(()),
            };
            match outcome {
                Ok(()) => {
                    wrote |= !matches!(job, Job::Wake);
                    outcomes.push(Ok(()));
                }
                Err(Stop::Refused(error)) => outcomes.push(Err(error)),
                Err(Stop::Broken(error)) => return Err(error),
            }
        }
        Ok((outcomes, wrote))
    }

    fn trim(&mut self, at: usize, topic: &str, through: u64) -> Result<(), Stop> {
        let Statements { feed, ledger, .. } = &mut self.statements;
        ledger.check_open().map_err(Stop::Refused)?;
        if feed.trim(topic, through, self.config.trim_entries_max, ledger)? {
            self.unfinished.push(at);
        }
        Ok(())
    }

    /// Moves pages from the log into the database when there are many, so that the log begins anew.
    fn keep_log_short(&mut self) -> Result<(), StoreError> {
        let log = checkpoint(self.connection, "NOOP")?;
        if log.pages < self.tried_at {
            self.tried_at = 0;
        }
        // While a reader holds the log up, trying again is put off until it has grown as much again.
        if log.pages - log.moved.max(self.tried_at) < i64::from(self.config.wal_checkpoint_pages) {
            return Ok(());
        }
        self.tried_at = log.pages;
        if log.pages < i64::from(self.config.wal_pages_max) {
            // Waits for no reader; the log begins anew at the first commit that meets none in it.
            return checkpoint(self.connection, "PASSIVE").map(drop);
        }
        self.connection.busy_timeout(Duration::from_millis(self.config.wal_wait_ms))?;
        let moved = checkpoint(self.connection, "RESTART").map(drop);
        self.connection.busy_timeout(Duration::from_millis(self.config.busy_wait_ms))?;
        moved
    }
}

/// The state of the log, in pages.
struct Log {
    pages: i64,
    moved: i64,
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<Log, StoreError> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([], |row| Ok(Log { pages: row.get(1)?, moved: row.get(2)? }))?)
}
