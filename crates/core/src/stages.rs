//! The stages of a request, timed when the request is one of those that are traced.
//!
//! Whoever serves a request runs it under a [`Trace`]; a stage begins with [`begin`] and ends when what that returns is
//! dropped. Of requests that are not traced, a stage costs a look at a variable of the task. A stage has a fixed name and
//! two instants: nothing of a request can get into it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_types::Stopwatch;

/// Stages of one request that are kept; a request that does more is told up to there.
const STAGES_MAX: usize = 128;

tokio::task_local! {
    static TRACE: Arc<Trace>;
}

/// The stages of one request.
#[derive(Debug)]
pub struct Trace {
    began: Stopwatch,
    stages: Mutex<Stages>,
}

#[derive(Debug, Default)]
struct Stages {
    all: Vec<Stage>,
    /// Those that have not ended, by their places.
    open: Vec<usize>,
    /// Stages beyond the bound.
    left_out: u32,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What was done.
    pub name: &'static str,
    /// The place of the stage that it is a part of; none for a part of the request itself.
    pub within: Option<usize>,
    /// When it began, after the request did.
    pub began: Duration,
    /// How long it took; none when it has not ended.
    pub took: Option<Duration>,
}

impl Trace {
    /// The trace of a request that begins now.
    #[must_use]
    pub fn begin() -> Arc<Self> {
        Arc::new(Self { began: Stopwatch::start(), stages: Mutex::default() })
    }

    /// How long the request has taken so far.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The stages so far in the order in which they began, and how many were left out.
    #[must_use]
    pub fn stages(&self) -> (Vec<Stage>, u32) {
        let stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        (stages.all.clone(), stages.left_out)
    }

    fn open(&self, name: &'static str) -> Option<usize> {
        let began = self.began.elapsed();
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        if stages.all.len() == STAGES_MAX {
            stages.left_out = stages.left_out.saturating_add(1);
            return None;
        }
        let place = stages.all.len();
        let within = stages.open.last().copied();
        stages.all.push(Stage { name, within, began, took: None });
        stages.open.push(place);
        Some(place)
    }

    fn close(&self, place: usize) {
        let now = self.began.elapsed();
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        stages.open.retain(|open| *open != place);
        if let Some(stage) = stages.all.get_mut(place) {
            stage.took = Some(now.saturating_sub(stage.began));
        }
    }
}

/// Carries out `work`, whose stages go to `trace`.
pub async fn traced<F: Future>(trace: Arc<Trace>, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

/// A stage that goes on until this is dropped.
#[derive(Debug)]
#[must_use = "a stage ends when this is dropped"]
pub struct Open(Option<(Arc<Trace>, usize)>);

/// Begins a stage of the request that is being served, if that is traced.
pub fn begin(name: &'static str) -> Open {
    Open(TRACE.try_with(|trace| trace.open(name).map(|place| (Arc::clone(trace), place))).ok().flatten())
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some((trace, place)) = &self.0 {
            trace.close(*place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stages_are_within_those_that_are_open() {
        let trace = Trace::begin();
        traced(Arc::clone(&trace), async {
            drop(begin("authn"));
            let operation = begin("operation");
            {
                let _read = begin("store");
                tokio::task::yield_now().await;
            }
            drop(begin("authorize"));
            drop(operation);
            let _unended = begin("trail");
            let (stages, left_out) = trace.stages();
            let told: Vec<_> = stages.iter().map(|stage| (stage.name, stage.within, stage.took.is_some())).collect();
            let expected = [
                ("authn", None, true),
                ("operation", None, true),
                ("store", Some(1), true),
                ("authorize", Some(1), true),
                ("trail", None, false),
            ];
            assert_eq!((told.as_slice(), left_out), (expected.as_slice(), 0));
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_not_traced_keeps_nothing_and_what_is_is_bounded() {
        assert!(begin("store").0.is_none());
        let trace = Trace::begin();
        traced(Arc::clone(&trace), async { (0..STAGES_MAX + 3).for_each(|_| drop(begin("store"))) }).await;
        let (stages, left_out) = trace.stages();
        assert_eq!((stages.len(), left_out), (STAGES_MAX, 3));
    }
}
