//! The newest part of the index, in memory, until it is written to a file.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use foldhash::fast::RandomState;

use super::chunk::{Entry, Term};
use super::facts::Facts;
use crate::trail::follow::Position;

/// Lists at least so long keep their memory from one part to the next: what nearly all records have.
const KEPT_MIN: usize = 4096;

/// Records of one segment that are in no file of the index yet.
pub(super) struct Growing {
    /// Where the first may begin.
    pub(super) from: Position,
    /// In the order they were written.
    pub(super) entries: Vec<Entry>,
    /// 0, 1, 2 and so on, at least as many as there are entries: lists of one number are parts of it.
    numbers: Vec<u32>,
    /// The hash of each entry's event id. Hardly two records have the same, so that a list for each would only cost.
    ids: Vec<u64>,
    /// By the hash of what else they can be looked up by: numbers of entries.
    others: HashMap<u64, Vec<u32>, RandomState>,
}

impl Growing {
    pub(super) fn new(from: Position) -> Self {
        Self { from, entries: Vec::new(), numbers: Vec::new(), ids: Vec::new(), others: HashMap::default() }
    }

    /// Begins anew at `from`. Memory is kept: to get it from the system and give it back costs more than all else here.
    pub(super) fn restart(&mut self, from: Position) {
        self.from = from;
        self.entries.clear();
        self.ids.clear();
        self.others.retain(|_, numbers| {
            let is_kept = numbers.len() >= KEPT_MIN;
            numbers.clear();
            is_kept
        });
    }

    pub(super) fn add(&mut self, facts: &Facts<'_>, place: u64) {
        let Ok(number) = u32::try_from(self.entries.len()) else { return };
        self.entries.push(Entry { time: facts.time.seconds(), place });
        if self.numbers.len() < self.entries.len() {
            self.numbers.push(number);
        }
        let (id, others) = facts.terms();
        self.ids.push(id);
        for term in others {
            match self.others.entry(term) {
                Slot::Vacant(slot) => _ = slot.insert(vec![number]),
                Slot::Occupied(mut slot) => {
                    let numbers = slot.get_mut();
                    if numbers.last() != Some(&number) {
                        numbers.push(number);
                    }
                }
            }
        }
    }

    /// All hashes in ascending order, with the numbers of their entries.
    pub(super) fn terms(&self) -> Vec<Term<'_>> {
        let alone = self.ids.iter().copied().zip(self.numbers.chunks(1));
        let others = self.others.iter().map(|(hash, numbers)| (*hash, numbers.as_slice()));
        let mut terms: Vec<Term<'_>> = alone.chain(others.filter(|(_, numbers)| !numbers.is_empty())).collect();
        terms.sort_unstable_by_key(|(hash, _)| *hash);
        terms
    }

    /// The newest records of a hash: at most `limit`, whose events and places are before `before`, at or after `oldest`.
    pub(super) fn newest(&self, hash: u64, (oldest, before): (i64, (i64, u64)), limit: usize) -> Vec<Entry> {
        let by_id = self.ids.iter().zip(&self.numbers).filter(|(id, _)| **id == hash).map(|(_, number)| number);
        let by_other = self.others.get(&hash).into_iter().flatten();
        let entries = by_id.chain(by_other).filter_map(|number| self.entries.get(*number as usize));
        let inside = |entry: &&Entry| entry.time >= oldest && (entry.time, entry.place) < before;
        let mut found: Vec<Entry> = entries.filter(inside).copied().collect();
        found.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.time, entry.place)));
        found.dedup();
        found.truncate(limit);
        found
    }
}
