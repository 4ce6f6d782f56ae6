//! Counts the invocations that run, by function.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::concurrency::ACCOUNT_MAX;

/// The invocations that run on this node.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<String, u32>>);

/// A place among those that run; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    running: Arc<Running>,
    function: String,
}

impl Running {
    /// A place for an invocation of a function, unless as many as `reserved` run, or as many of all as may.
    pub(super) fn enter(self: &Arc<Self>, function: &str, reserved: Option<u32>) -> Option<Slot> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u32 = running.values().copied().fold(0, u32::saturating_add);
        let own = running.get(function).copied().unwrap_or_default();
        if all >= ACCOUNT_MAX || reserved.is_some_and(|reserved| own >= reserved) {
            return None;
        }
        running.insert(function.to_owned(), own + 1);
        Some(Slot { running: Arc::clone(self), function: function.to_owned() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut running = self.running.0.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(&self.function) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(running.remove(&self.function)),
        }
    }
}

/// Bytes of all events together that are to be run later; an event that waits is in memory until it has ended well or has
/// been given up, which takes minutes where its function fails.
const LATER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of them that one function's may be, so that others' find room.
const LATER_BYTES_OF_ONE_MAX: usize = LATER_BYTES_MAX / 4;
/// Bytes that an event counts for beside its own.
const LATER_BYTES_EACH: usize = 16 * 1024;

/// The bytes of events that are to be run later, by function.
#[derive(Debug, Default)]
pub(super) struct Later(Mutex<HashMap<String, usize>>);

/// Room for an event; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    later: Arc<Later>,
    function: String,
    bytes: usize,
}

impl Later {
    /// Room for an event of a function, unless there is none left.
    pub(super) fn enter(self: &Arc<Self>, function: &str, event_bytes: usize) -> Option<Room> {
        let bytes = event_bytes.saturating_add(LATER_BYTES_EACH);
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = waiting.values().copied().fold(bytes, usize::saturating_add);
        let own = waiting.get(function).copied().unwrap_or_default().saturating_add(bytes);
        if all > LATER_BYTES_MAX || own > LATER_BYTES_OF_ONE_MAX {
            return None;
        }
        waiting.insert(function.to_owned(), own);
        Some(Room { later: Arc::clone(self), function: function.to_owned(), bytes })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut waiting = self.later.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.get_mut(&self.function) {
            Some(bytes) if *bytes > self.bytes => *bytes -= self.bytes,
            _ => drop(waiting.remove(&self.function)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_wait_are_bounded_in_all_and_of_one_function() {
        let later = Arc::new(Later::default());
        let event = 1024 * 1024 - LATER_BYTES_EACH;
        let take = |function: &str| std::iter::from_fn(|| later.enter(function, event)).collect::<Vec<_>>();
        let first = take("a");
        assert_eq!(first.len(), 16);
        assert!(later.enter("a", 0).is_none());
        let others: Vec<_> = ["b", "c", "d", "e"].into_iter().flat_map(take).collect();
        assert_eq!(others.len(), 48);
        assert!(later.enter("f", 0).is_none());
        drop(first);
        assert!(later.enter("f", 0).is_some());
        drop(others);
        assert!(later.0.lock().expect("unlocked").is_empty());
    }

    #[test]
    fn as_many_run_as_are_reserved_and_places_are_given_back() {
        let running = Arc::new(Running::default());
        let first = running.enter("f", Some(2)).expect("a place");
        let second = running.enter("f", Some(2)).expect("a place");
        assert!(running.enter("f", Some(2)).is_none());
        assert!(running.enter("f", Some(0)).is_none());
        assert!(running.enter("g", Some(1)).is_some(), "another function's places are its own");
        drop(first);
        assert!(running.enter("f", Some(2)).is_some());
        drop(second);
        assert!(running.0.lock().expect("unlocked").is_empty());
    }
}
