//! The connections that are open, so that the longest idle one can give its place to a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::line::Line;

/// The open connections in the order in which they were opened.
#[derive(Default)]
pub(super) struct Lines {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    lines: BTreeMap<u64, Weak<Line>>,
}

/// A connection's place among the open ones; left when dropped.
pub(super) struct Entered {
    lines: Arc<Lines>,
    number: u64,
}

impl Lines {
    /// Adds a connection.
    pub(super) fn enter(self: &Arc<Self>, line: &Arc<Line>) -> Entered {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.next;
        open.next += 1;
        open.lines.insert(number, Arc::downgrade(line));
        Entered { lines: Arc::clone(self), number }
    }

    /// Asks the connection that has been idle for longest to close. Looks at every connection, but is called only when
    /// a new one finds no place.
    pub(super) fn close_longest_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = open.lines.values().filter_map(Weak::upgrade).filter_map(|line| Some((line.idle_since()?, line)));
        // Idle times are kept in milliseconds; among those of one millisecond it may be any.
        if let Some((_, line)) = idle.min_by_key(|(since, _)| *since) {
            tracing::debug!(peer = %line.peer, "an idle connection gives its place to a new one");
            line.ask_to_close();
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.lines.open.lock().unwrap_or_else(PoisonError::into_inner).lines.remove(&self.number);
    }
}
