//! Carries the endpoint's work to its end whatever becomes of the client.
//!
//! The HTTP library drops a request's future when the client goes away. Work dropped half way could leave a change
//! without its answer's record, so it must go on. A task per request would do that, at the price of a spawn and a
//! wake-up for each: measured with `examples/front_cost.rs`, 1 to 2 µs of processor time a request. Here the work
//! runs within the connection's own task, and only when its future is dropped unfinished is what is left of it
//! moved to a task of its own; requests whose client stays, nearly all, pay nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::Answer;

/// Work that is moved, not lost, when dropped.
pub(super) type Work = Pin<Box<dyn Future<Output = Answer> + Send>>;

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

/// The answer; none when the work panicked.
impl Future for Shield<'_> {
    type Output = Option<Answer>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        let Some(work) = self.work.as_mut() else { return Poll::Ready(None) };
        // A panic must cost one answer, not the connection with all its streams.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(answer)) => {
                self.work = None;
                Poll::Ready(Some(answer))
            }
            Err(_) => {
                self.work = None;
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Shield<'_> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.runtime.spawn(async move { drop(work.await) });
        }
    }
}
