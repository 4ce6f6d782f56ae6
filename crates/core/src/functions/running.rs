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

#[cfg(test)]
mod tests {
    use super::*;

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
