//! The newest part of the index, in memory, until it is written to a file.

use std::collections::HashMap;

use super::chunk::Entry;
use super::facts::Facts;
use crate::trail::follow::Position;

/// Records of one segment that are in no file of the index yet.
pub(super) struct Growing {
    /// Where the first may begin.
    pub(super) from: Position,
    /// In the order they were written.
    pub(super) entries: Vec<Entry>,
    /// By the hash of what they can be looked up by: numbers of entries.
    pub(super) terms: HashMap<u64, Vec<u32>>,
}

impl Growing {
    pub(super) fn new(from: Position) -> Self {
        Self { from, entries: Vec::new(), terms: HashMap::new() }
    }

    pub(super) fn add(&mut self, facts: &Facts<'_>, place: u64) {
        let Ok(number) = u32::try_from(self.entries.len()) else { return };
        self.entries.push(Entry { time: facts.time.seconds(), place });
        for term in facts.terms() {
            let numbers = self.terms.entry(term).or_default();
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
        }
    }

    /// The newest records of a hash: at most `limit`, whose events and places are before `before`, at or after `oldest`.
    pub(super) fn newest(&self, hash: u64, (oldest, before): (i64, (i64, u64)), limit: usize) -> Vec<Entry> {
        let numbers = self.terms.get(&hash).into_iter().flatten();
        let entries = numbers.filter_map(|number| self.entries.get(*number as usize));
        let inside = |entry: &&Entry| entry.time >= oldest && (entry.time, entry.place) < before;
        let mut found: Vec<Entry> = entries.filter(inside).copied().collect();
        found.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.time, entry.place)));
        found.truncate(limit);
        found
    }
}
