//! Carries the endpoint's work to its end whatever becomes of the client.
//!
//! The HTTP library drops a request's future when the client goes away. Work dropped half way could leave a change
//! without its answer's record, so it must go on. A task for each request would do that, at the price of a spawn and
//! a wake-up: `examples/front_cost.rs` shows 3.5 to 5 µs of processor time a request at one connection (on a busy
//! machine where a bare answer costs 20; at 16 and 64 connections the difference drowns in the noise of ±2 µs), and
//! an instruction count 4 600 more. Here the work runs within the connection's own task, and only when its future is
//! dropped unfinished is what is left of it moved to a task of its own; requests whose client stays, nearly all, pay
//! nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::{Answer, Answering};
use crate::listen::Working;

/// The endpoint's work on one request.
pub(super) struct Work {
    answering: Answering,
    /// Counts the work until its end, wherever that is.
    _working: Working,
}

/// Work that panicked. It must cost one answer, not the connection with all its streams.
#[derive(Debug)]
pub(super) struct Panicked;

impl Work {
    pub(super) fn new(answering: Answering, working: Working) -> Self {
        Self { answering, _working: working }
    }

    /// Goes on with the work; not to be called again once it is ready.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Answer, Panicked>> {
        match catch_unwind(AssertUnwindSafe(|| self.answering.as_mut().poll(context))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

/// Waits for its work; when dropped before the work's end, lets it go on by itself.
pub(super) struct Shield<'a> {
    work: Option<Work>,
    runtime: &'a Handle,
}

impl<'a> Shield<'a> {
    pub(super) fn new(work: Work, runtime: &'a Handle) -> Self {
        Self { work: Some(work), runtime }
    }
}

impl Future for Shield<'_> {
    type Output = Result<Answer, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = self.work.as_mut() else { return Poll::Pending };
        let polled = work.poll(context);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

impl Drop for Shield<'_> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.runtime.spawn(finish(work));
        }
    }
}

async fn finish(mut work: Work) {
    drop(work.answering.as_mut().await);
}
