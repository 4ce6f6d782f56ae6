//! What is read: documents, index ranges, scans.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, ToSql, params};
use strongroom_crypto::Sealed;

use super::readers::Snapshot;
use crate::api::{DocumentKey, Entry, Kind, Range, Row, StoreError, Term};
use crate::reading::{bounded, disorder, end_of, number};

/// The document at `key`.
pub(super) fn get(connection: &Connection, key: &DocumentKey) -> Result<Option<Row>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT version, body FROM document WHERE kind = ?1 AND key = ?2")?;
    let found = statement.query_row(params![key.kind.0, &*key.key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    found.map(|(version, body)| row(key.clone(), version, body)).transpose()
}

/// The documents at `keys`, all as of one moment.
pub(super) fn get_many(connection: &Connection, kind: Kind, keys: &[Arc<str>]) -> Result<Vec<Option<Row>>, StoreError> {
    let snapshot = Snapshot::begin(connection)?;
    keys.iter().map(|key| get(&snapshot, &DocumentKey::new(kind, key.clone()))).collect()
}

/// The holder of a unique key.
pub(super) fn find(connection: &Connection, term: &Term) -> Result<Option<Arc<str>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT key FROM unique_key WHERE ix = ?1 AND value = ?2")?;
    Ok(statement.query_row(params![term.index.0, term.value], |row| row.get(0)).optional()?)
}

/// A stretch of an index, between two ends that do not belong to it. The lower end is always there: no key is empty,
/// so everything that begins with the prefix stands behind (prefix, "").
pub(super) fn range(connection: &Connection, range: &Range) -> Result<Vec<Entry>, StoreError> {
    let first = (range.prefix.as_str(), "");
    let end = end_of(&range.prefix);
    let last = end.as_deref().map(|end| (end, ""));
    let after = range.after.as_ref().map(|after| (after.value.as_str(), &*after.key));
    let (lower, upper) = if range.descending {
        (first, last.into_iter().chain(after).min())
    } else {
        (after.map_or(first, |after| after.max(first)), last)
    };
    let limit = bounded(range.limit);
    let sql = match (range.descending, upper) {
        (false, Some(_)) => {
            "SELECT value, key FROM term WHERE ix = ?1 AND (value, key) > (?2, ?3) AND (value, key) < (?5, ?6)
             ORDER BY value, key LIMIT ?4"
        }
        (false, None) => {
            "SELECT value, key FROM term WHERE ix = ?1 AND (value, key) > (?2, ?3) ORDER BY value, key LIMIT ?4"
        }
        (true, Some(_)) => {
            "SELECT value, key FROM term WHERE ix = ?1 AND (value, key) > (?2, ?3) AND (value, key) < (?5, ?6)
             ORDER BY value DESC, key DESC LIMIT ?4"
        }
        (true, None) => {
            "SELECT value, key FROM term WHERE ix = ?1 AND (value, key) > (?2, ?3)
             ORDER BY value DESC, key DESC LIMIT ?4"
        }
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut values: Vec<&dyn ToSql> = vec![&range.index.0, &lower.0, &lower.1, &limit];
    if let Some((value, key)) = &upper {
        values.extend([value as &dyn ToSql, key]);
    }
    let rows = statement.query_map(values.as_slice(), |row| Ok(Entry { value: row.get(0)?, key: row.get(1)? }))?;
    let mut entries: Vec<Entry> = Vec::new();
    for entry in rows {
        let entry = entry?;
        let before = entries.last().or(range.after.as_ref());
        let follows = before.is_none_or(|before| if range.descending { entry < *before } else { entry > *before });
        if !follows || !entry.value.starts_with(&range.prefix) {
            return Err(disorder());
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Documents of a kind, in the order of their keys.
pub(super) fn scan(
    connection: &Connection,
    kind: Kind,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let end = end_of(prefix);
    let limit = bounded(limit);
    // From the prefix on, or behind `after` where that comes later.
    let (from, behind) = match after {
        Some(after) if after >= prefix => (after, true),
        _ => (prefix, false),
    };
    let sql = match (behind, end.is_some()) {
        (false, true) => {
            "SELECT key, version, body FROM document WHERE kind = ?1 AND key >= ?2 AND key < ?4 ORDER BY key LIMIT ?3"
        }
        (false, false) => "SELECT key, version, body FROM document WHERE kind = ?1 AND key >= ?2 ORDER BY key LIMIT ?3",
        (true, true) => {
            "SELECT key, version, body FROM document WHERE kind = ?1 AND key > ?2 AND key < ?4 ORDER BY key LIMIT ?3"
        }
        (true, false) => "SELECT key, version, body FROM document WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut values: Vec<&dyn ToSql> = vec![&kind.0, &from, &limit];
    if let Some(end) = &end {
        values.push(end);
    }
    let mut found = statement.query(values.as_slice())?;
    let mut rows: Vec<Row> = Vec::new();
    while let Some(next) = found.next()? {
        let key: Arc<str> = next.get(0)?;
        let before = rows.last().map(|row| &*row.key.key).or(after);
        if before.is_some_and(|before| *key <= *before) || !key.starts_with(prefix) {
            return Err(disorder());
        }
        rows.push(row(DocumentKey::new(kind, key), next.get(1)?, next.get(2)?)?);
    }
    Ok(rows)
}

fn row(key: DocumentKey, version: i64, body: Vec<u8>) -> Result<Row, StoreError> {
    Ok(Row { key, version: number(version)?, body: Sealed::from_storage(body)? })
}
