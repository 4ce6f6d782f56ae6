//! One batch inside the writer's transaction: first every expectation is checked, then everything is written, so that
//! a refused batch leaves nothing behind and needs no savepoint.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Statement, params};
use strongroom_crypto::Witness;
use strongroom_crypto::ledger::Version;

use super::feed::Feed;
use super::ledger::{LedgerWriter, TAIL_COLUMN, tail_of};
use crate::api::{Batch, DocumentKey, LedgerBegin, Put, StoreError, Term};
use crate::held::{self, Effect, Mark};
use crate::reading::number;

/// Why a batch was not applied.
pub(super) enum Stop {
    /// An expectation does not hold. Nothing of the batch was written; the transaction goes on.
    Refused(StoreError),
    /// The database failed. The transaction must not be committed.
    Broken(StoreError),
}

impl<E: Into<StoreError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// A document as it is now.
struct Current {
    id: i64,
    version: i64,
    terms: Vec<u8>,
    /// The end of its body, as the ledger knows it.
    tail: Vec<u8>,
}

/// One document of a batch: what it was and what it will be.
struct Change<'a> {
    key: &'a DocumentKey,
    /// Its row and stored list, when it exists.
    current: Option<&'a Current>,
    /// What becomes of its terms and unique keys.
    effect: Effect<'a>,
    /// The list to store, when it is put and the list changes.
    list: Option<Vec<u8>>,
    /// Nothing when it is deleted.
    put: Option<&'a Put>,
}

impl<'a> Change<'a> {
    fn gone(&self) -> impl Iterator<Item = Mark<'a>> {
        self.effect.gone.iter().copied()
    }

    fn added(&self) -> impl Iterator<Item = Mark<'a>> {
        self.effect.added.iter().copied()
    }
}

/// The statements of the writer, prepared once for a connection.
pub(super) struct Statements<'c> {
    load: Statement<'c>,
    insert: Statement<'c>,
    update: Statement<'c>,
    delete: Statement<'c>,
    add_term: Statement<'c>,
    remove_term: Statement<'c>,
    holder: Statement<'c>,
    claim: Statement<'c>,
    release: Statement<'c>,
    pub(super) feed: Feed<'c>,
    pub(super) ledger: LedgerWriter<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection, known: Option<(Witness, u64)>) -> Result<Self, StoreError> {
        Ok(Self {
            load: connection.prepare(&format!(
                "SELECT id, version, terms, {TAIL_COLUMN} FROM document WHERE kind = ?1 AND key = ?2"
            ))?,
            insert: connection
                .prepare("INSERT INTO document (kind, key, version, terms, body) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            update: connection.prepare("UPDATE document SET version = ?2, terms = ?3, body = ?4 WHERE id = ?1")?,
            delete: connection.prepare("DELETE FROM document WHERE id = ?1")?,
            add_term: connection.prepare("INSERT INTO term (ix, value, key) VALUES (?1, ?2, ?3)")?,
            remove_term: connection.prepare("DELETE FROM term WHERE ix = ?1 AND value = ?2 AND key = ?3")?,
            holder: connection.prepare("SELECT 1 FROM unique_key WHERE ix = ?1 AND value = ?2")?,
            claim: connection.prepare("INSERT INTO unique_key (ix, value, kind, key) VALUES (?1, ?2, ?3, ?4)")?,
            release: connection.prepare("DELETE FROM unique_key WHERE ix = ?1 AND value = ?2")?,
            feed: Feed::prepare(connection)?,
            ledger: LedgerWriter::prepare(connection, known)?,
        })
    }

    /// Checks and applies a batch that [`crate::rules::check`] has passed.
    pub(super) fn apply(&mut self, batch: &Batch) -> Result<(), Stop> {
        self.ledger.check_open().map_err(Stop::Refused)?;
        let current = self.load_all(batch)?;
        // A document with a damaged list is the trouble of the batch that names it, not of the whole group.
        let changes = plan(batch, &current).map_err(Stop::Refused)?;
        self.check_claims(&changes)?;
        self.write(&changes).map_err(Stop::Broken)?;
        self.feed.append(&batch.feed, &mut self.ledger).map_err(Stop::Broken)
    }

    /// Opens or begins the ledger, and applies what is to be committed with that.
    pub(super) fn keep_ledger(
        &mut self,
        connection: &Connection,
        witness: &Witness,
        begin: LedgerBegin,
        first: &Batch,
    ) -> Result<(), Stop> {
        self.ledger.keep(connection, witness, begin).map_err(Stop::Refused)?;
        let applied = self.apply(first);
        if applied.is_err() {
            self.ledger.give_up();
        }
        applied
    }

    /// The batch's documents as they are, puts first, each of the version that the batch expects.
    fn load_all(&mut self, batch: &Batch) -> Result<Vec<Option<Current>>, Stop> {
        let puts = batch.puts.iter().map(|put| (&put.key, put.expected));
        let deletes = batch.deletes.iter().map(|delete| (&delete.key, delete.expected));
        let mut all = Vec::with_capacity(batch.puts.len() + batch.deletes.len());
        for (key, expected) in puts.chain(deletes) {
            let current = self
                .load
                .query_row(params![key.kind.0, &*key.key], |row| {
                    Ok(Current { id: row.get(0)?, version: row.get(1)?, terms: row.get(2)?, tail: row.get(3)? })
                })
                .optional()?;
            let version = current.as_ref().map_or(0, |current| current.version);
            if u64::try_from(version) != Ok(expected) {
                return Err(Stop::Refused(StoreError::Conflict(key.clone())));
            }
            all.push(current);
        }
        Ok(all)
    }

    /// After the batch, no two documents may hold the same unique key.
    fn check_claims(&mut self, changes: &[Change<'_>]) -> Result<(), Stop> {
        if changes.iter().all(|change| change.added().all(|mark| !mark.unique)) {
            return Ok(());
        }
        let released: HashSet<Mark<'_>> = changes.iter().flat_map(Change::gone).filter(|mark| mark.unique).collect();
        let mut claimed = HashSet::new();
        for mark in changes.iter().flat_map(Change::added).filter(|mark| mark.unique) {
            let free = claimed.insert(mark)
                && (released.contains(&mark) || !self.holder.exists(params![mark.index, mark.value])?);
            if !free {
                return Err(Stop::Refused(taken(changes, mark)));
            }
        }
        Ok(())
    }

    fn write(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        for change in changes {
            for mark in change.gone() {
                if mark.unique {
                    self.release.execute(params![mark.index, mark.value])?;
                } else {
                    self.remove_term.execute(params![mark.index, mark.value, &*change.key.key])?;
                }
            }
        }
        for change in changes {
            self.write_document(change)?;
            for mark in change.added() {
                let key = &*change.key.key;
                if mark.unique {
                    self.claim.execute(params![mark.index, mark.value, change.key.kind.0, key])?;
                } else {
                    self.add_term.execute(params![mark.index, mark.value, key])?;
                }
            }
        }
        Ok(())
    }

    /// Has the ledger know of a change.
    fn note(&mut self, change: &Change<'_>) -> Result<(), StoreError> {
        let before = match change.current {
            None => None,
            Some(Current { version, tail, terms, .. }) => {
                Some(Version { number: number(*version)?, tail, beside: terms })
            }
        };
        let list = change.list.as_deref().or(change.current.map(|current| &*current.terms)).unwrap_or_default();
        let after = change.put.map(|put| Version { number: put.expected + 1, tail: tail_of(&put.body), beside: list });
        self.ledger.note(change.key.kind.0, &change.key.key, before.as_ref(), after.as_ref());
        Ok(())
    }

    fn write_document(&mut self, change: &Change<'_>) -> Result<(), StoreError> {
        self.note(change)?;
        let Some(put) = change.put else {
            if let Some(current) = change.current {
                self.delete.execute(params![current.id])?;
            }
            return Ok(());
        };
        let body = put.body.as_bytes();
        let Some(current) = change.current else {
            let list = change.list.as_deref().unwrap_or_default();
            self.insert.execute(params![put.key.kind.0, &*put.key.key, 1, list, body])?;
            return Ok(());
        };
        let version = current.version + 1;
        let list = change.list.as_ref().unwrap_or(&current.terms);
        self.update.execute(params![current.id, version, list, body])?;
        Ok(())
    }
}

fn plan<'a>(batch: &'a Batch, current: &'a [Option<Current>]) -> Result<Vec<Change<'a>>, StoreError> {
    let puts = batch.puts.iter().map(|put| (&put.key, Some(put)));
    let deletes = batch.deletes.iter().map(|delete| (&delete.key, None));
    puts.chain(deletes)
        .zip(current)
        .map(|((key, put), current)| {
            let current = current.as_ref();
            let before = current.map_or(Ok(Vec::new()), |current| held::decode(&current.terms))?;
            let Some(put) = put else {
                let effect = Effect { gone: before, added: Vec::new() };
                return Ok(Change { key, current, effect, list: None, put: None });
            };
            let effect = Effect::of(&before, put);
            let list = if effect.is_nothing() { None } else { Some(effect.encode(&before)) };
            Ok(Change { key, current, effect, list, put: Some(put) })
        })
        .collect()
}

/// The error for `mark`, in the terms of the batch that claims it.
fn taken(changes: &[Change<'_>], mark: Mark<'_>) -> StoreError {
    let claims = changes.iter().filter_map(|change| change.put).flat_map(|put| &put.unique_added);
    let mut named = claims.filter(|term| term.index.0 == mark.index && term.value == mark.value);
    named.next().map_or_else(
        || StoreError::Damaged("a unique key without a claim".to_owned()),
        |term: &Term| StoreError::UniqueTaken(term.clone()),
    )
}
