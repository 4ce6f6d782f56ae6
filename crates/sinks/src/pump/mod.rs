//! What brings the trail's records to a sink: reads a batch, gives it to the sink until that has it, remembers how far it is.

use std::fmt::Debug;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_types::{Clock, Timestamp};
use tracing::{error, info, warn};

use crate::{Batch, Sink, SinkError, Taken, unavailable};

/// Between two writings of how far it is, in ms. What was delivered meanwhile is delivered again after a crash.
const SAVE_MS: i64 = 1000;
/// Before another attempt, doubled each time, in ms.
const PAUSE_MS: u64 = 250;

/// A batch is small when it is less than this part of a full one.
const SMALL: usize = 4;
/// Characters of a failure that are told.
const WORDS_MAX: usize = 500;

/// The trail as it is followed. All of it blocks for as long as the disk does, and a pump with it: pumps run on a thread
/// where nothing else does.
pub trait Trail: Send + Sync + 'static {
    /// A place between two records.
    type Position: Clone + Debug + Ord + Send + Sync + 'static;

    /// What stands behind `from`.
    ///
    /// # Errors
    /// When the trail cannot be read.
    fn lag(&self, from: &Self::Position) -> io::Result<Lag>;

    /// The records behind `from`, which others may share, of about `bytes_max` at most, and the place behind them; none when
    /// there are none yet. With `until` all up to there, which once were so many, and none behind it.
    ///
    /// # Errors
    /// When the trail cannot be read.
    fn read(
        &self,
        from: &Self::Position,
        until: Option<&Self::Position>,
        bytes_max: usize,
    ) -> io::Result<Option<(Arc<Batch>, Self::Position)>>;

    /// Writes down how far a sink is, for good.
    ///
    /// # Errors
    /// When it cannot be written. What was written before stays.
    fn save(&self, sink: &str, saved: &Saved<Self::Position>) -> io::Result<()>;
}

/// What a sink has not got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Its length.
    pub bytes: u64,
    /// When the first record of it happened.
    pub oldest: Option<Timestamp>,
}

/// How far a sink is, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved<P> {
    /// Behind the last record that the far side has.
    pub through: P,
    /// Where the batch ends that may have been sent since, where that matters.
    pub trying: Option<P>,
}

/// How much and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes of a batch, about.
    pub batch_bytes_max: usize,
    /// How long records are waited for until a batch is full, in ms.
    pub gather_ms: i64,
    /// Time for a batch, in ms.
    pub time_ms_max: u64,
    /// Between two looks for records, in ms.
    pub idle_ms: u64,
    /// After a batch that was far from full, in ms: those that come meanwhile go together.
    pub rest_ms: u64,
    /// The longest pause before another attempt, in ms.
    pub pause_ms_max: u64,
}

/// How a sink is doing, for whoever wants to know.
#[derive(Debug)]
pub struct Progress<P>(Mutex<State<P>>);

/// The same, as of one moment.
#[derive(Clone, Debug)]
pub struct State<P> {
    /// Behind the last record that the far side has.
    pub position: P,
    /// The same, as it is written down: what stands before it is never read again.
    pub saved: P,
    /// Records that were delivered.
    pub delivered: u64,
    /// Records that the far side refused for good.
    pub refused: u64,
    /// Records in whose place a mark went.
    pub shortened: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// When something was delivered last, or there was nothing to deliver.
    pub last_success: Option<Timestamp>,
    /// Since when it fails, and why.
    pub failing: Option<(Timestamp, String)>,
}

impl<P: Clone> Progress<P> {
    fn new(saved: &P) -> Self {
        Self(Mutex::new(State {
            position: saved.clone(),
            saved: saved.clone(),
            delivered: 0,
            refused: 0,
            shortened: 0,
            failures: 0,
            last_success: None,
            failing: None,
        }))
    }

    /// How it is now.
    pub fn now(&self) -> State<P> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be done after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next step.
    Step,
    /// The next step, after so many ms: there is nothing to do.
    Idle(u64),
    /// The next step, after so many ms: something failed.
    Retry(u64),
}

/// Brings records to one sink.
pub struct Pump<T: Trail> {
    name: String,
    trail: Arc<T>,
    sink: Box<dyn Sink>,
    pace: Pace,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress<T::Position>>,
    /// The batch that is being sent, and where it ends.
    flight: Option<(Arc<Batch>, T::Position)>,
    /// Where the first batch has to end: the one that may have been sent before a crash.
    again: Option<T::Position>,
    /// Since when records wait for their batch to be full.
    gathering: Option<Timestamp>,
    /// When it was last written down how far it is.
    saved_at: Timestamp,
    pause_ms: u64,
}

impl<T: Trail> Pump<T> {
    /// What brings the records behind `saved` to `sink`, which is called `name`.
    pub fn new(
        name: &str,
        trail: Arc<T>,
        sink: Box<dyn Sink>,
        pace: Pace,
        clock: Arc<dyn Clock>,
        saved: Saved<T::Position>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            trail,
            pace,
            progress: Arc::new(Progress::new(&saved.through)),
            flight: None,
            again: saved.trying.filter(|_| sink.names_batches()),
            gathering: None,
            saved_at: clock.now(),
            pause_ms: PAUSE_MS,
            sink,
            clock,
        }
    }

    /// Where the sink is, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.sink.describe()
    }

    /// What the sink is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is doing.
    #[must_use]
    pub fn progress(&self) -> &Arc<Progress<T::Position>> {
        &self.progress
    }

    /// Does what is to be done next: at most one batch. With `at_once` it does not wait for a batch to be full.
    pub async fn step(&mut self, at_once: bool) -> Next {
        match self.step_or_fail(at_once).await {
            Ok(next) => next,
            Err(error) => self.note_failure(&error),
        }
    }

    /// Delivers what there is, until there is nothing left or something fails, and writes down how far it is.
    /// Returns whether nothing is left.
    pub async fn finish(&mut self) -> bool {
        let mut next = self.step(true).await;
        while next == Next::Step {
            next = self.step(true).await;
        }
        self.save(None).is_ok() && matches!(next, Next::Idle(_))
    }

    async fn step_or_fail(&mut self, at_once: bool) -> Result<Next, SinkError> {
        if self.flight.is_none() && !self.take_off(at_once)? {
            return Ok(Next::Idle(self.pace.idle_ms));
        }
        let Some((batch, end)) = &self.flight else { return Ok(Next::Idle(self.pace.idle_ms)) };
        let ms = self.pace.time_ms_max;
        let sent = tokio::time::timeout(Duration::from_millis(ms), self.sink.send(batch)).await;
        let taken = sent.unwrap_or(Err(SinkError::Time { ms }))?;
        let (records, end) = (batch.count(), end.clone());
        let small = batch.bytes() < self.pace.batch_bytes_max / SMALL;
        self.note_success(records, taken, end);
        self.flight = None;
        if self.clock.now().millis_since(self.saved_at) >= SAVE_MS {
            self.save(None)?;
        }
        let rests = small && !at_once && self.pace.rest_ms > 0;
        Ok(if rests { Next::Idle(self.pace.rest_ms) } else { Next::Step })
    }

    /// Reads the next batch, when it is time for it.
    fn take_off(&mut self, at_once: bool) -> Result<bool, SinkError> {
        let mut from = self.progress.lock().position.clone();
        if self.again.is_none() && !at_once && self.pace.gather_ms > 0 && !self.is_gathered(&from)? {
            return Ok(false);
        }
        let (mut until, bytes_max) = (self.again.take(), self.pace.batch_bytes_max);
        loop {
            let read = self.trail.read(&from, until.take().as_ref(), bytes_max);
            match read.map_err(|error| unavailable(format!("the trail cannot be read: {error}")))? {
                None => {
                    self.idle()?;
                    return Ok(false);
                }
                // Nothing for a sink, such as the end of a segment: records may stand behind it.
                Some((batch, end)) if batch.is_empty() => {
                    self.progress.lock().position = end.clone();
                    from = end;
                }
                Some((batch, end)) => {
                    if self.sink.names_batches() {
                        self.save(Some(end.clone()))?;
                    }
                    self.gathering = None;
                    self.flight = Some((batch, end));
                    return Ok(true);
                }
            }
        }
    }

    /// Whether enough records wait for a batch, or have waited long enough.
    fn is_gathered(&mut self, from: &T::Position) -> Result<bool, SinkError> {
        let lag = self.trail.lag(from).map_err(|error| unavailable(format!("the trail cannot be read: {error}")))?;
        let now = self.clock.now();
        if lag.bytes == 0 {
            self.gathering = None;
            self.idle()?;
            return Ok(false);
        }
        let since = *self.gathering.get_or_insert(now);
        let full = usize::try_from(lag.bytes).is_ok_and(|bytes| bytes < self.pace.batch_bytes_max);
        Ok(!full || now.millis_since(since) >= self.pace.gather_ms)
    }

    fn idle(&mut self) -> Result<(), SinkError> {
        let unsaved = {
            let mut state = self.progress.lock();
            state.last_success = Some(self.clock.now());
            state.position != state.saved
        };
        if unsaved { self.save(None) } else { Ok(()) }
    }

    fn save(&mut self, trying: Option<T::Position>) -> Result<(), SinkError> {
        let through = self.progress.lock().position.clone();
        let saved = Saved { through: through.clone(), trying };
        let written = self.trail.save(&self.name, &saved);
        written.map_err(|error| unavailable(format!("how far it is cannot be written down: {error}")))?;
        self.progress.lock().saved = through;
        self.saved_at = self.clock.now();
        Ok(())
    }

    fn note_success(&mut self, records: usize, taken: Taken, end: T::Position) {
        self.pause_ms = PAUSE_MS;
        let mut state = self.progress.lock();
        state.position = end;
        state.delivered = state.delivered.saturating_add(u64::try_from(records).unwrap_or(u64::MAX));
        state.refused = state.refused.saturating_add(taken.refused);
        state.shortened = state.shortened.saturating_add(taken.shortened);
        state.last_success = Some(self.clock.now());
        let failed = state.failing.take().is_some();
        drop(state);
        if failed {
            info!(sink = self.name, "the trail's records are delivered again");
        }
        let (refused, shortened) = (taken.refused, taken.shortened);
        if refused > 0 || shortened > 0 {
            let Some((batch, _)) = &self.flight else { return };
            let mut ids = batch.records().map(|record| record.marks().id);
            let first = ids.next();
            let last = ids.next_back().or(first);
            warn!(sink = self.name, refused, shortened, why = taken.why, ?first, ?last, "records did not go whole");
        }
    }

    fn note_failure(&mut self, failure: &SinkError) -> Next {
        let pause_ms = self.pause_ms.min(self.pace.pause_ms_max);
        self.pause_ms = self.pause_ms.saturating_mul(2).min(self.pace.pause_ms_max);
        let now = self.clock.now();
        let mut state = self.progress.lock();
        state.failures = state.failures.saturating_add(1);
        let since = state.failing.as_ref().map(|(since, _)| *since);
        // The far side may have had a say in it.
        let failure: String = failure.to_string().chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect();
        state.failing = Some((since.unwrap_or(now), failure.clone()));
        drop(state);
        // Told once, not at every attempt.
        if since.is_none() {
            error!(sink = self.name, to = self.sink.describe(), failure, "the trail's records are not delivered");
        }
        Next::Retry(pause_ms)
    }
}

#[cfg(test)]
mod tests;
