//! What a group of batches does, decided in memory from what the database has: each batch is checked against the state
//! that those before it left, and what remains in the end is written. No I/O.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use strongroom_crypto::Sealed;
use strongroom_crypto::ledger::{Ledger, Place, Version, Witness, tail};

use super::forms;
use super::writes::Writes;
use crate::api::{Batch, DocumentKey, FeedEntry, Put, StoreError, Term};
use crate::differing::{DOCUMENT, ENTRY, TOPIC};
use crate::held::{self, Effect, Mark};

/// A document as it is.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) version: u64,
    /// The stored list of its terms and unique keys.
    pub(super) terms: Vec<u8>,
    /// The end of its body, as the ledger knows it.
    pub(super) tail: Vec<u8>,
    /// Its body, when this group writes it.
    pub(super) body: Option<Sealed>,
}

impl Standing {
    fn seen(&self) -> Version<'_> {
        Version { number: self.version, tail: &self.tail, beside: &self.terms }
    }
}

/// What the database has of that which a group names.
#[derive(Default)]
pub(super) struct Known {
    pub(super) documents: HashMap<DocumentKey, Standing>,
    /// Unique keys that are held, as index and form.
    pub(super) held: HashSet<(String, String)>,
    /// Last sequences of topics.
    pub(super) topics: HashMap<String, u64>,
}

/// The ledger while it is kept.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) witness: Witness,
    pub(super) ledger: Ledger,
}

impl Kept {
    fn change(&mut self, place: &Place, before: Option<&Version<'_>>, after: Option<&Version<'_>>) {
        if let Some(before) = before {
            self.ledger.remove(&self.witness.mark(place, before));
        }
        if let Some(after) = after {
            self.ledger.add(&self.witness.mark(place, after));
        }
    }
}

/// A group under decision.
pub(super) struct Plan {
    before: HashMap<DocumentKey, Standing>,
    now: HashMap<DocumentKey, Option<Standing>>,
    held: HashSet<(String, String)>,
    topics_before: HashMap<String, u64>,
    topics: HashMap<String, u64>,
    entries: Vec<(Arc<str>, u64, FeedEntry)>,
    trims: HashMap<Arc<str>, u64>,
    trimmed: HashSet<(Arc<str>, u64)>,
    pub(super) kept: Option<Kept>,
    changed: bool,
}

impl Plan {
    pub(super) fn new(known: Known, kept: Option<Kept>) -> Self {
        Self {
            before: known.documents,
            now: HashMap::new(),
            held: known.held,
            topics: known.topics.clone(),
            topics_before: known.topics,
            entries: Vec::new(),
            trims: HashMap::new(),
            trimmed: HashSet::new(),
            kept,
            changed: false,
        }
    }

    /// Whether anything is to be written.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    fn standing(&self, key: &DocumentKey) -> Option<&Standing> {
        self.now.get(key).map_or_else(|| self.before.get(key), Option::as_ref)
    }

    /// Takes a batch that [`crate::rules::check`] has passed, or leaves everything as it is.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let puts = batch.puts.iter().map(|put| (&put.key, put.expected));
        let deletes = batch.deletes.iter().map(|delete| (&delete.key, delete.expected));
        for (key, expected) in puts.chain(deletes) {
            if self.standing(key).map_or(0, |standing| standing.version) != expected {
                return Err(StoreError::Conflict(key.clone()));
            }
        }
        let mut next: Vec<(DocumentKey, Option<Standing>)> = Vec::new();
        let (mut released, mut claimed) = (HashSet::new(), HashSet::new());
        for (key, put) in documents(batch) {
            let current = self.standing(key);
            let before = current.map_or(Ok(Vec::new()), |current| held::decode(&current.terms))?;
            let effect = match put {
                Some(put) => Effect::of(&before, put),
                None => Effect { gone: before.clone(), added: Vec::new() },
            };
            released.extend(effect.gone.iter().filter(|mark| mark.unique).map(name));
            for mark in effect.added.iter().filter(|mark| mark.unique) {
                if !claimed.insert(name(mark)) {
                    return Err(taken(batch, mark));
                }
            }
            next.push((key.clone(), put.map(|put| written(put, &effect.encode(&before)))));
        }
        if let Some(name) = claimed.iter().find(|name| self.held.contains(*name) && !released.contains(*name)) {
            return Err(taken_form(batch, name));
        }
        self.held.retain(|name| !released.contains(name));
        self.held.extend(claimed);
        self.changed |= !next.is_empty() || !batch.feed.is_empty();
        next.into_iter().for_each(|(key, after)| self.put(key, after));
        batch.feed.iter().for_each(|entry| self.append(entry));
        Ok(())
    }

    fn put(&mut self, key: DocumentKey, after: Option<Standing>) {
        if let Some(mut kept) = self.kept.take() {
            let place = kept.witness.place(DOCUMENT, key.kind.0, &key.key);
            let before = self.standing(&key).map(Standing::seen);
            kept.change(&place, before.as_ref(), after.as_ref().map(Standing::seen).as_ref());
            self.kept = Some(kept);
        }
        self.now.insert(key, after);
    }

    fn append(&mut self, entry: &FeedEntry) {
        let last = self.topics.entry(entry.topic.as_ref().to_owned()).or_insert(0);
        *last += 1;
        let sequence = *last;
        if let Some(kept) = &mut self.kept {
            let place = kept.witness.place(ENTRY, &entry.topic, "");
            let seen = Version { number: sequence, tail: tail(entry.body.as_bytes()), beside: &[] };
            kept.change(&place, None, Some(&seen));
        }
        self.entries.push((Arc::clone(&entry.topic), sequence, entry.clone()));
    }

    /// Takes the first entries of a topic, which are `entries` with the ends of their bodies, out.
    pub(super) fn trim(&mut self, topic: &Arc<str>, entries: &[(u64, Vec<u8>)]) {
        for (sequence, tail) in entries {
            if !self.trimmed.insert((Arc::clone(topic), *sequence)) {
                continue;
            }
            if let Some(kept) = &mut self.kept {
                let place = kept.witness.place(ENTRY, topic, "");
                kept.change(&place, Some(&Version { number: *sequence, tail, beside: &[] }), None);
            }
            let through = self.trims.entry(Arc::clone(topic)).or_insert(0);
            *through = (*through).max(*sequence);
            self.changed = true;
        }
    }

    /// Has the ledger written although nothing else changed in it.
    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    /// What is to be written.
    ///
    /// # Errors
    /// When a list of terms that was decided on cannot be read.
    pub(super) fn finish(mut self) -> Result<(Writes, Option<Kept>), StoreError> {
        let mut writes = Writes::default();
        let mut topics: Vec<(String, u64)> = Vec::new();
        for (name, last) in std::mem::take(&mut self.topics) {
            let before = self.topics_before.get(&name).copied();
            if before == Some(last) {
                continue;
            }
            if let Some(kept) = &mut self.kept {
                let place = kept.witness.place(TOPIC, &name, "");
                let seen = |number| Version { number, tail: &[], beside: &[] };
                kept.change(&place, before.map(seen).as_ref(), Some(&seen(last)));
            }
            topics.push((name, last));
        }
        for (key, after) in self.now {
            writes.document(&key, self.before.get(&key), after)?;
        }
        writes.topics = topics;
        writes.entries = self.entries;
        writes.trims = self.trims.into_iter().collect();
        Ok((writes, self.kept))
    }
}

/// The documents of a batch, puts first.
fn documents(batch: &Batch) -> impl Iterator<Item = (&DocumentKey, Option<&Put>)> {
    let puts = batch.puts.iter().map(|put| (&put.key, Some(put)));
    puts.chain(batch.deletes.iter().map(|delete| (&delete.key, None)))
}

fn written(put: &Put, terms: &[u8]) -> Standing {
    Standing {
        version: put.expected + 1,
        terms: terms.to_vec(),
        tail: tail(put.body.as_bytes()).to_vec(),
        body: Some(put.body.clone()),
    }
}

/// A unique key as it stands in its index.
fn name(mark: &Mark<'_>) -> (String, String) {
    (mark.index.to_owned(), forms::unique(mark.value))
}

fn taken(batch: &Batch, mark: &Mark<'_>) -> StoreError {
    taken_form(batch, &name(mark))
}

/// The error for a unique key, in the terms of the batch that claims it.
fn taken_form(batch: &Batch, (index, form): &(String, String)) -> StoreError {
    let mut claims = batch.puts.iter().flat_map(|put| &put.unique_added);
    claims.find(|term| term.index.0 == index && forms::unique(&term.value) == *form).map_or_else(
        || StoreError::Damaged("a unique key without a claim".to_owned()),
        |term: &Term| StoreError::UniqueTaken(term.clone()),
    )
}
