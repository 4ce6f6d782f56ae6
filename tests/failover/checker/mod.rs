//! Whether a history of one secret's writes and reads is linearizable: whether each of them could have happened at one
//! instant between its call and its return, in an order in which every read finds the last write.

mod search;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display, Formatter};

/// Writes put values that nobody else puts, so a value names its write.
pub type Value = u64;

/// Instants in ns, on one clock for the whole history.
pub type Instant = u64;

/// What was asked, and what became of it. Reads that failed are no part of a history: they say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A write that was acknowledged.
    Written(Value),
    /// A write of which nobody knows: it may have happened at any time since its call, or may still happen, or never.
    PerhapsWritten(Value),
    /// A write that was refused: it must never be seen.
    Refused(Value),
    /// A read and what it found.
    Read(Value),
}

/// One operation of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// When it was called.
    pub start: Instant,
    /// When its answer, or its failure, came.
    pub end: Instant,
    /// What it was.
    pub act: Act,
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A read found what nobody wrote, or what was refused.
    OutOfNowhere(Operation),
    /// A read returned before the write of what it found was called.
    BeforeItsWrite(Operation),
    /// There is no place for this operation, whatever the order of those before it.
    NoPlace {
        /// The operation.
        operation: Operation,
        /// The values that the secret could have had just before its return.
        possible: Vec<Value>,
    },
    /// Two writes put the same value: the history cannot be judged.
    SameValue(Value),
    /// There are more orders to try than the checker is willing to keep.
    TooMany,
}

impl Display for Violation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfNowhere(operation) => write!(out, "a read found what nobody wrote: {operation:?}"),
            Self::BeforeItsWrite(operation) => write!(out, "a read returned before its write began: {operation:?}"),
            Self::NoPlace { operation, possible } => {
                write!(out, "no place for {operation:?}; possible values just before its return: {possible:?}")
            }
            Self::SameValue(value) => write!(out, "two writes put {value}"),
            Self::TooMany => write!(out, "too many orders to try"),
        }
    }
}

/// Judges the history of one secret, which had the value `initial` before all of it. Reads may be `bound` ns old: such a
/// read counts as called that much earlier. A bound of 0 is linearizability itself.
///
/// # Errors
/// The first violation.
pub fn check(initial: Value, history: &[Operation], bound: Instant) -> Result<(), Violation> {
    let mut writes = HashMap::from([(initial, Instant::MIN)]);
    let mut refused = HashSet::new();
    for operation in history {
        let value = match operation.act {
            Act::Written(value) | Act::PerhapsWritten(value) => value,
            Act::Refused(value) => {
                refused.insert(value);
                continue;
            }
            Act::Read(_) => continue,
        };
        if writes.insert(value, operation.start).is_some() {
            return Err(Violation::SameValue(value));
        }
    }
    // When a value was seen for certain for the first time.
    let mut seen: HashMap<Value, Instant> = HashMap::new();
    for operation in history {
        let Act::Read(value) = operation.act else { continue };
        let Some(start) = writes.get(&value).filter(|_| !refused.contains(&value)) else {
            return Err(Violation::OutOfNowhere(*operation));
        };
        if operation.end < *start {
            return Err(Violation::BeforeItsWrite(*operation));
        }
        seen.entry(value).and_modify(|first| *first = operation.end.min(*first)).or_insert(operation.end);
    }
    let bounded = history.iter().filter_map(|operation| bounded(operation, &seen, bound));
    search::search(initial, &bounded.collect::<Vec<_>>())
}

/// An operation as the search takes it: each with an end that it must have happened before. A write of which nobody knows
/// has happened by the end of the first read that found it; when none did, it changes nothing whether it happened.
fn bounded(operation: &Operation, seen: &HashMap<Value, Instant>, bound: Instant) -> Option<Operation> {
    let mut operation = *operation;
    match operation.act {
        Act::Written(_) => {}
        Act::PerhapsWritten(value) => {
            operation.end = *seen.get(&value)?;
            operation.act = Act::Written(value);
        }
        Act::Refused(_) => return None,
        Act::Read(_) => operation.start = operation.start.saturating_sub(bound),
    }
    Some(operation)
}
