//! The search: calls and returns in the order of time, and every state that the secret may be in after each of them (Wing
//! and Gong's search with Lowe's memo, breadth first).

use std::collections::HashSet;

use super::{Act, Operation, Value, Violation};

/// States kept at most at once.
const STATES_MAX: usize = 2_000_000;

/// What the secret may be: its value, and which of the operations under way have happened.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    value: Value,
    /// Numbers of operations, ascending.
    happened: Vec<usize>,
}

impl State {
    fn has(&self, number: usize) -> bool {
        self.happened.binary_search(&number).is_ok()
    }

    fn add(&mut self, number: usize) {
        if let Err(place) = self.happened.binary_search(&number) {
            self.happened.insert(place, number);
        }
    }

    fn remove(&mut self, number: usize) {
        if let Ok(place) = self.happened.binary_search(&number) {
            self.happened.remove(place);
        }
    }
}

/// A call or a return of the operation with this number. At one instant calls come first, so that operations that touch
/// count as simultaneous.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Call(usize),
    Return(usize),
}

/// A search under way.
struct Search<'a> {
    history: &'a [Operation],
    under_way: Vec<usize>,
    states: HashSet<State>,
}

/// Looks for an order of the operations, all of which have happened by their ends.
pub fn search(initial: Value, history: &[Operation]) -> Result<(), Violation> {
    let mut events = Vec::with_capacity(history.len() * 2);
    for (number, operation) in history.iter().enumerate() {
        events.push((operation.start, Event::Call(number)));
        // A read that found a write before it was called for sure was refused before; clocks do not run backwards.
        events.push((operation.end.max(operation.start), Event::Return(number)));
    }
    events.sort_unstable();
    let first = State { value: initial, happened: Vec::new() };
    let mut search = Search { history, under_way: Vec::new(), states: HashSet::from([first]) };
    for (_, event) in events {
        match event {
            Event::Call(number) => search.call(number),
            Event::Return(number) => search.finish(number)?,
        }
    }
    Ok(())
}

impl Search<'_> {
    fn call(&mut self, number: usize) {
        self.under_way.push(number);
        let Act::Read(value) = self.history[number].act else { return };
        let states = std::mem::take(&mut self.states);
        let happens = |mut state: State| {
            if state.value == value {
                state.add(number);
            }
            state
        };
        self.states = states.into_iter().map(happens).collect();
    }

    /// The states in which `number` has happened: writes happen as late as they can, just before a return that needs them.
    fn finish(&mut self, number: usize) -> Result<(), Violation> {
        let mut tried = HashSet::new();
        let mut open: Vec<State> = std::mem::take(&mut self.states).into_iter().collect();
        let mut possible = HashSet::new();
        while let Some(mut state) = open.pop() {
            possible.insert(state.value);
            if state.has(number) {
                state.remove(number);
                self.states.insert(state);
                continue;
            }
            for next in &self.under_way {
                let Act::Written(value) = self.history[*next].act else { continue };
                if state.has(*next) {
                    continue;
                }
                let next = self.written(&state, *next, value);
                if tried.insert(next.clone()) {
                    open.push(next);
                }
            }
            if tried.len() + self.states.len() > STATES_MAX {
                return Err(Violation::TooMany);
            }
        }
        self.under_way.retain(|other| *other != number);
        if self.states.is_empty() {
            let mut possible: Vec<Value> = possible.into_iter().collect();
            possible.sort_unstable();
            return Err(Violation::NoPlace { operation: self.history[number], possible });
        }
        Ok(())
    }

    /// `state` after a write. Reads under way that find its value happen with it: a read changes nothing, so the first
    /// chance is as good as any.
    fn written(&self, state: &State, number: usize, value: Value) -> State {
        let mut next = State { value, happened: state.happened.clone() };
        next.add(number);
        for other in &self.under_way {
            if self.history[*other].act == Act::Read(value) {
                next.add(*other);
            }
        }
        next
    }
}
