//! The contract in its plainest form, in memory: the model that other engines are held against, and an engine for
//! tests. Indexes are not kept but read off the documents, so that they cannot be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use strongroom_crypto::{Sealed, Witness};

use crate::api::{
    Batch, Change, DocumentKey, Entry, FeedRow, Kind, LedgerBegin, Put, Range, Row, Store, StoreError, StoreFuture,
    Term, Watcher,
};
use crate::rules;

/// A store that forgets everything when it is dropped.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    /// Held from a change until its watchers were told, so that they hear of changes in their order.
    telling: Mutex<()>,
    watchers: RwLock<Vec<Arc<dyn Watcher>>>,
}

#[derive(Default)]
struct State {
    documents: BTreeMap<DocumentKey, Document>,
    feed: BTreeMap<Arc<str>, Topic>,
}

#[derive(Clone)]
struct Document {
    version: u64,
    body: Sealed,
    terms: BTreeSet<Term>,
    unique: BTreeSet<Term>,
}

#[derive(Default)]
struct Topic {
    last: u64,
    entries: BTreeMap<u64, FeedRow>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        self.state.lock().map_err(|_| StoreError::Unavailable("a thread died while it held the store".to_owned()))
    }

    fn commit_now(&self, batch: Batch) -> Result<(), StoreError> {
        rules::check(&batch)?;
        let watchers = self.watchers.read().map(|watchers| watchers.clone()).unwrap_or_default();
        if watchers.is_empty() {
            return self.state()?.apply(batch);
        }
        let told = batch.clone();
        let _turn = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        self.state()?.apply(batch)?;
        let changes: Vec<Change<'_>> = told.changes().collect();
        if !changes.is_empty() {
            watchers.iter().for_each(|watcher| watcher.changed(&changes));
        }
        Ok(())
    }
}

impl State {
    fn row(&self, key: &DocumentKey) -> Option<Row> {
        let document = self.documents.get(key)?;
        Some(Row { key: key.clone(), version: document.version, body: document.body.clone() })
    }

    fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        let expectations = batch
            .puts
            .iter()
            .map(|put| (&put.key, put.expected))
            .chain(batch.deletes.iter().map(|delete| (&delete.key, delete.expected)));
        for (key, expected) in expectations {
            if self.documents.get(key).map_or(0, |document| document.version) != expected {
                return Err(StoreError::Conflict(key.clone()));
            }
        }
        let after: Vec<(DocumentKey, Document)> = batch.puts.into_iter().map(|put| self.amended(put)).collect();
        let gone: Vec<DocumentKey> = batch.deletes.into_iter().map(|delete| delete.key).collect();
        self.check_unique(&after, &gone)?;
        for key in &gone {
            self.documents.remove(key);
        }
        self.documents.extend(after);
        for entry in batch.feed {
            let topic = self.feed.entry(entry.topic).or_default();
            topic.last += 1;
            topic.entries.insert(topic.last, FeedRow { sequence: topic.last, id: entry.id, body: entry.body });
        }
        Ok(())
    }

    /// The document as it will be after `put`.
    fn amended(&self, put: Put) -> (DocumentKey, Document) {
        let (mut terms, mut unique) = self
            .documents
            .get(&put.key)
            .map(|document| (document.terms.clone(), document.unique.clone()))
            .unwrap_or_default();
        terms.retain(|term| !put.terms_removed.contains(term));
        unique.retain(|term| !put.unique_removed.contains(term));
        terms.extend(put.terms_added);
        unique.extend(put.unique_added);
        (put.key, Document { version: put.expected + 1, body: put.body, terms, unique })
    }

    /// After the batch, no two documents may hold the same unique key.
    fn check_unique(&self, after: &[(DocumentKey, Document)], gone: &[DocumentKey]) -> Result<(), StoreError> {
        let untouched = self
            .documents
            .iter()
            .filter(|(key, _)| !gone.contains(key) && !after.iter().any(|(changed, _)| changed == *key))
            .map(|(_, document)| document);
        let mut held = BTreeSet::new();
        for document in untouched.chain(after.iter().map(|(_, document)| document)) {
            for term in &document.unique {
                if !held.insert(term) {
                    return Err(StoreError::UniqueTaken(term.clone()));
                }
            }
        }
        Ok(())
    }

    fn range(&self, range: &Range) -> Vec<Entry> {
        let mut entries: BTreeSet<Entry> = BTreeSet::new();
        for (key, document) in &self.documents {
            for term in &document.terms {
                if term.index == range.index && term.value.starts_with(&range.prefix) {
                    entries.insert(Entry { value: term.value.clone(), key: key.key.clone() });
                }
            }
        }
        let behind = |entry: &Entry| match &range.after {
            None => true,
            Some(after) if range.descending => entry < after,
            Some(after) => entry > after,
        };
        if range.descending {
            entries.into_iter().rev().filter(behind).take(range.limit).collect()
        } else {
            entries.into_iter().filter(behind).take(range.limit).collect()
        }
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>> {
        Box::pin(async move { Ok(self.state()?.row(key)) })
    }

    fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>> {
        Box::pin(async move {
            let state = self.state()?;
            Ok(keys.iter().map(|key| state.row(&DocumentKey::new(kind, key.clone()))).collect())
        })
    }

    fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>> {
        Box::pin(async move {
            let state = self.state()?;
            let holder = state.documents.iter().find(|(_, document)| document.unique.contains(term));
            Ok(holder.map(|(key, _)| key.key.clone()))
        })
    }

    fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<Entry>> {
        Box::pin(async move { Ok(self.state()?.range(range)) })
    }

    fn scan<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Row>> {
        Box::pin(async move {
            let state = self.state()?;
            let keys = state.documents.keys().filter(|key| {
                key.kind == kind && key.key.starts_with(prefix) && after.is_none_or(|after| &*key.key > after)
            });
            Ok(keys.filter_map(|key| state.row(key)).take(limit).collect())
        })
    }

    fn commit(&self, batch: Batch) -> StoreFuture<'_, ()> {
        Box::pin(async move { self.commit_now(batch) })
    }

    fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>> {
        Box::pin(async move {
            let state = self.state()?;
            let entries = state.feed.get(topic).into_iter().flat_map(|topic| topic.entries.values());
            Ok(entries.filter(|row| row.sequence > after).take(limit).cloned().collect())
        })
    }

    fn trim<'a>(&'a self, topic: &'a str, through: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if let Some(topic) = self.state()?.feed.get_mut(topic) {
                topic.entries.retain(|sequence, _| *sequence > through);
            }
            Ok(())
        })
    }

    /// Keeps none, as nobody can change a store in memory behind its back.
    fn keep_ledger(&self, _witness: Witness, _begin: LedgerBegin, first: Batch) -> StoreFuture<'_, ()> {
        self.commit(first)
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        if let Ok(mut watchers) = self.watchers.write() {
            watchers.push(watcher);
        }
    }
}
