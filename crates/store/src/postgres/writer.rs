//! The writer: one task that owns the only writing connection and makes all waiting commits durable together.
//!
//! Each group is one transaction: it locks the head, which all writers of all nodes go through, looks at what the group
//! names, is decided in memory and written. Two flights of statements, whatever the group holds. An answer leaves only
//! after COMMIT was answered, or after it was found, behind the same lock, that it was carried out.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use strongroom_crypto::Witness;
use strongroom_crypto::ledger::ANCHOR_BYTES;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use super::config::PostgresConfig;
use super::failure::{Remedy, Trouble};
use super::plan::Kept;
use super::session::{Database, Session};
use super::sql::WRITES;
use super::teller::{ChangeRow, Shared};
use crate::api::{Batch, LedgerBegin, StoreError};

/// What the writer is asked for.
pub(super) enum Job {
    /// Commit a batch.
    Commit { batch: Batch, answer: Answer },
    /// Trim a topic of the feed.
    Trim { topic: Arc<str>, through: u64, answer: Answer },
    /// Keep the ledger from now on, and commit a batch with that. Makes a group of its own.
    KeepLedger { witness: Box<Witness>, begin: LedgerBegin, first: Batch, answer: Answer },
    /// Name the ledger's anchor.
    SetAnchor { anchor: [u8; ANCHOR_BYTES], answer: Answer },
}

/// Where the answer to a job goes. Nobody may be there any more.
pub(super) type Answer = oneshot::Sender<Result<(), StoreError>>;

impl Job {
    fn bytes(&self) -> usize {
        let Self::Commit { batch, .. } = self else { return 0 };
        let puts = batch.puts.iter().map(|put| put.body.as_bytes().len());
        puts.chain(batch.feed.iter().map(|entry| entry.body.as_bytes().len())).sum()
    }

    /// The batch that it commits, if any.
    pub(super) fn batch(&self) -> Option<&Batch> {
        match self {
            Self::Commit { batch, .. } | Self::KeepLedger { first: batch, .. } => Some(batch),
            Self::Trim { .. } | Self::SetAnchor { .. } => None,
        }
    }

    fn answer(self, result: Result<(), StoreError>) {
        let (Self::Commit { answer, .. }
        | Self::Trim { answer, .. }
        | Self::KeepLedger { answer, .. }
        | Self::SetAnchor { answer, .. }) = self;
        // An asker that has gone away wanted no answer; the work is done all the same.
        drop(answer.send(result));
    }
}

/// The writer's side of the store.
pub(super) struct Writer {
    pub(super) database: Arc<Database>,
    pub(super) config: PostgresConfig,
    pub(super) shared: Arc<Shared>,
    pub(super) jobs: mpsc::Receiver<Job>,
    /// Work taken from the queue and not begun.
    pub(super) pending: Vec<Job>,
    pub(super) session: Option<Session>,
    /// The ledger as it stood after the head's turn `turn`, while it is kept; a negative turn is that of no head, so that
    /// the ledger is read again.
    pub(super) kept: Option<Kept>,
    pub(super) turn: i64,
    /// Jobs of the last group, and how long it took.
    pub(super) last: (usize, Duration),
}

/// Longest wait for those whose last commits were answered together to come with their next ones.
const GATHER_MAX: Duration = Duration::from_millis(2);

/// What a transaction did, to be told once it is durable.
pub(super) struct Done {
    /// For each job, whether it stands.
    pub(super) outcomes: Vec<Result<(), StoreError>>,
    /// Places in the group of the trims that were not finished.
    pub(super) unfinished: Vec<usize>,
    pub(super) kept: Option<Kept>,
    pub(super) turn: i64,
    /// Changes that other nodes made before.
    pub(super) before: Vec<ChangeRow>,
    /// Its number and mark, when it changed more than trims do.
    pub(super) sequence: Option<(u64, Vec<u8>)>,
    /// When its first look at the database began: what was committed before that was told.
    pub(super) asked: Instant,
}

/// Why a transaction was not carried out, as far as that is known.
pub(super) enum Stopped {
    /// Nothing of it was.
    Before(Trouble),
    /// It may have been, as the commit of this number.
    Unknown(Box<Done>, (u64, Vec<u8>), Trouble),
}

impl<E: Into<Trouble>> From<E> for Stopped {
    fn from(trouble: E) -> Self {
        Self::Before(trouble.into())
    }
}

impl Writer {
    /// Serves until the store is closed and nothing waits.
    pub(super) async fn run(mut self) {
        while self.fill_group().await {
            let group = self.take_group();
            let (jobs, began) = (group.len(), Instant::now());
            let commits = group.iter().filter(|job| matches!(job, Job::Commit { .. })).count();
            let stands = self.carry_out(group).await;
            if commits > 0 {
                self.shared.activity.group(commits, began.elapsed(), stands);
            }
            self.last = (jobs, began.elapsed());
        }
    }

    /// Waits for work and takes what there is. False when the queue is closed and empty.
    async fn fill_group(&mut self) -> bool {
        if self.pending.is_empty() {
            let Some(job) = self.jobs.recv().await else { return false };
            self.pending.push(job);
        }
        self.gather().await;
        let mut bytes: usize = self.pending.iter().map(Job::bytes).sum();
        while self.pending.len() < self.config.group_jobs_max && bytes < self.config.group_bytes_max {
            let Ok(job) = self.jobs.try_recv() else { break };
            bytes += job.bytes();
            self.pending.push(job);
        }
        true
    }

    /// Writers that were answered together mostly come back together: the first of them does not make a group of its
    /// own, which all others would have to wait for. Costs a wait only when there are fewer of them than before.
    async fn gather(&mut self) {
        let (jobs, took) = self.last;
        let until = Instant::now() + (took / 4).min(GATHER_MAX);
        while self.pending.len() < jobs.min(self.config.group_jobs_max) {
            match timeout_at(until, self.jobs.recv()).await {
                Ok(Some(job)) => self.pending.push(job),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// As much of what was taken as may stand in one transaction.
    fn take_group(&mut self) -> Vec<Job> {
        let alone = |job: &Job| matches!(job, Job::KeepLedger { .. });
        let end = match self.pending.iter().position(alone) {
            Some(0) => 1,
            Some(at) => at,
            None => self.pending.len(),
        };
        self.pending.drain(..end).collect()
    }

    /// Carries a group out, however often that has to be tried, and answers it. Whether it stands.
    async fn carry_out(&mut self, group: Vec<Job>) -> bool {
        let began = Instant::now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let trouble = match self.attempt(&group).await {
                Ok(done) => {
                    self.conclude(group, done);
                    return true;
                }
                Err(Stopped::Before(trouble)) => trouble,
                Err(Stopped::Unknown(done, (sequence, mark), trouble)) => {
                    match self.find_out(sequence, &mark, began).await {
                        Ok(true) => {
                            self.conclude(group, *done);
                            return true;
                        }
                        Ok(false) => {
                            self.shared.give_up();
                            Trouble { remedy: trouble.remedy, error: trouble.error }
                        }
                        Err(error) => {
                            // Should it have been committed, the watchers hear of it as of another node's.
                            self.shared.give_up();
                            warn!(%error, sequence, "whether a group was committed is not known");
                            refuse(group, &StoreError::Unknown(error.to_string()));
                            return false;
                        }
                    }
                }
            };
            self.let_go(trouble.remedy).await;
            let in_time = began.elapsed() < Duration::from_millis(self.config.retry_ms_max);
            let again = match trouble.remedy {
                Remedy::Again => attempts < self.config.attempts_max,
                Remedy::Reconnect => !self.shared.closing.load(Ordering::SeqCst),
                Remedy::None => false,
            };
            if !again || !in_time {
                self.refuse_each(group, trouble).await;
                return false;
            }
            sleep(pause(trouble.remedy, attempts)).await;
        }
    }

    /// Refuses a group; where one job may be to blame for what happened to all, each is tried by itself.
    async fn refuse_each(&mut self, group: Vec<Job>, trouble: Trouble) {
        warn!(error = %trouble.error, jobs = group.len(), "a group of commits failed");
        if trouble.remedy != Remedy::None || group.len() < 2 {
            return refuse(group, &trouble.error);
        }
        for job in group {
            Box::pin(self.carry_out(vec![job])).await;
        }
    }

    /// Ends what is left of a transaction that failed.
    async fn let_go(&mut self, remedy: Remedy) {
        let Some(session) = self.session.take() else { return };
        if remedy == Remedy::Again && session.run("ROLLBACK").await.is_ok() {
            self.session = Some(session);
        }
    }

    /// The writing connection; a new one when there is none.
    pub(super) async fn connected(&mut self) -> Result<(), Trouble> {
        if !self.session.as_ref().is_some_and(|session| self.database.is_of_use(session)) {
            self.session = None;
            self.session = Some(self.database.connect(&WRITES).await?);
        }
        Ok(())
    }

    /// Whether commit `sequence` of this node was carried out, after its connection was lost.
    async fn find_out(&mut self, sequence: u64, mark: &[u8], began: Instant) -> Result<bool, StoreError> {
        let mut attempts = 0;
        loop {
            // The transaction may still be under way on the connection before; its lock says when it is over.
            self.session = None;
            attempts += 1;
            let trouble = match self.look_for(sequence, mark).await {
                Ok(found) => return Ok(found),
                Err(trouble) => trouble,
            };
            let limit = Duration::from_millis(self.config.retry_ms_max);
            if trouble.remedy == Remedy::None || began.elapsed() >= limit {
                self.session = None;
                return Err(trouble.error);
            }
            sleep(pause(trouble.remedy, attempts)).await;
        }
    }

    /// Tells the watchers, then whoever asked.
    fn conclude(&mut self, group: Vec<Job>, done: Done) {
        let Done { outcomes, unfinished, kept, turn, before, sequence, asked } = done;
        if let Some(kept) = &kept {
            self.shared.commits.store(kept.ledger.commits(), Ordering::SeqCst);
            if self.kept.is_none() || group.iter().any(|job| matches!(job, Job::KeepLedger { .. })) {
                self.shared.set_witness(kept.witness.clone());
            }
        }
        (self.kept, self.turn) = (kept, turn);
        match sequence {
            Some((sequence, mark)) => {
                let stands = group.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
                let own = (sequence, &mark);
                self.shared.tell_own(&before, own, stands.filter_map(|(job, _)| job.batch()));
                self.shared.heard(asked);
            }
            None => drop(self.shared.tell(&before)),
        }
        let mut again = Vec::new();
        for (at, (job, outcome)) in group.into_iter().zip(outcomes).enumerate() {
            if unfinished.contains(&at) {
                again.push(job);
            } else {
                job.answer(outcome);
            }
        }
        again.append(&mut self.pending);
        self.pending = again;
    }
}

/// Before the next attempt: longer each time, and longer for a database that is away.
fn pause(remedy: Remedy, attempts: u32) -> Duration {
    let (first_ms, most_ms) = if remedy == Remedy::Again { (2, 200) } else { (50, 1000) };
    Duration::from_millis((first_ms << attempts.min(10)).min(most_ms))
}

fn refuse(jobs: impl IntoIterator<Item = Job>, error: &StoreError) {
    jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
}
