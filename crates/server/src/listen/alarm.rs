//! The one timer of a connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Duration, Instant, Sleep, sleep_until};

use super::line::{Due, Line};
use super::phases::Expiry;

/// How long a connection that was asked to close may take for it.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// When to look again while a request is under way. On HTTP/2 its end need not wake the connection's task.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Rings when a connection's phase has lasted too long.
///
/// It is set anew only when the phase's end comes before the time it is set to, or when it rings; so a connection
/// that keeps its times costs one timer for each `limits.idle_ms_max`, not one for each request.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    set: Option<Instant>,
    /// When a connection that was asked to close must have closed.
    closing_until: Option<Instant>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { sleep: Box::pin(sleep_until(Instant::now())), set: None, closing_until: None }
    }

    /// The connection was asked to close: it has a little time for that once nothing is under way.
    pub(super) fn hurry(&mut self) {
        self.closing_until = Some(Instant::now() + CLOSE_GRACE);
    }

    /// Looks at the connection's phase. When this returns true the alarm must be polled, having been set.
    pub(super) fn set(&mut self, line: &Line) -> bool {
        let Some(due) = self.due(line) else { return false };
        if self.set.is_some_and(|set| set <= due.at) {
            return false;
        }
        self.sleep.as_mut().reset(due.at);
        self.set = Some(due.at);
        true
    }

    /// Whether a phase has lasted too long, and what is to be done about it.
    pub(super) fn poll(&mut self, line: &Line, context: &mut Context<'_>) -> Poll<Expiry> {
        while self.set.is_some() {
            ready!(self.sleep.as_mut().poll(context));
            self.set = None;
            let now = Instant::now();
            let due = self.due(line);
            if let Some(due) = due.filter(|due| due.at <= now) {
                if due.expiry == Expiry::Close {
                    self.closing_until = Some(now + CLOSE_GRACE);
                }
                return Poll::Ready(due.expiry);
            }
            let at = due.map_or(now + LOOK_AGAIN, |due| due.at);
            self.sleep.as_mut().reset(at);
            self.set = Some(at);
        }
        Poll::Pending
    }

    fn due(&self, line: &Line) -> Option<Due> {
        let due = line.due()?;
        match self.closing_until {
            Some(until) if due.expiry == Expiry::Close => Some(Due { at: until, expiry: Expiry::Cut }),
            _ => Some(due),
        }
    }
}
