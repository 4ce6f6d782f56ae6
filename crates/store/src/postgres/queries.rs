//! What is read: documents, index ranges, scans, the feed.

use std::collections::HashMap;
use std::sync::Arc;

use strongroom_crypto::Sealed;

use super::failure::{Trouble, column};
use super::forms;
use super::session::{Session, Values};
use super::sql::Sql;
use crate::api::{DocumentKey, Entry, FeedRow, Kind, Range, Row, StoreError, Term};
use crate::reading::{bounded, disorder, end_of, number};

/// Whether a text can be in the store at all: none has a NUL, and the database takes none.
fn is_storable(text: &str) -> bool {
    !text.as_bytes().contains(&0)
}

/// The document at `key`.
pub(super) async fn get(session: &Session, key: &DocumentKey) -> Result<Option<Row>, Trouble> {
    if !is_storable(&key.key) {
        return Ok(None);
    }
    let rows = session.rows(Sql::Get, vec![&key.kind.0, &&*key.key]).await?;
    rows.first().map(|found| row(key.clone(), column(found, 0)?, column(found, 1)?)).transpose()
}

/// The documents at `keys`, all as of one moment.
pub(super) async fn get_many(session: &Session, kind: Kind, keys: &[Arc<str>]) -> Result<Vec<Option<Row>>, Trouble> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut wanted: Vec<&str> = keys.iter().map(|key| &**key).filter(|key| is_storable(key)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found: HashMap<String, Row> = HashMap::new();
    for next in &session.rows(Sql::GetMany, vec![&kind.0, &wanted]).await? {
        let key: String = column(next, 0)?;
        let document = DocumentKey::new(kind, key.as_str());
        found.insert(key, row(document, column(next, 1)?, column(next, 2)?)?);
    }
    Ok(keys.iter().map(|key| found.get(&**key).cloned()).collect())
}

/// The holder of a unique key.
pub(super) async fn find(session: &Session, term: &Term) -> Result<Option<Arc<str>>, Trouble> {
    if !is_storable(&term.value) {
        return Ok(None);
    }
    let form = forms::unique(&term.value);
    let rows = session.rows(Sql::Find, vec![&term.index.0, &form]).await?;
    rows.first().map(|found| Ok(Arc::from(column::<&str>(found, 0)?))).transpose()
}

/// A stretch of an index, between two ends that do not belong to it. The lower end is always there: no key is empty,
/// so everything that begins with the prefix stands behind (prefix, "").
pub(super) async fn range(session: &Session, range: &Range) -> Result<Vec<Entry>, Trouble> {
    if !is_storable(&range.prefix) {
        return Ok(Vec::new());
    }
    let after = range.after.as_ref().map(|after| (after.value.as_str(), &*after.key));
    if after.is_some_and(|(value, key)| !is_storable(value) || !is_storable(key)) {
        return Err(StoreError::Invalid("a NUL character in a key or value").into());
    }
    let first = (range.prefix.as_str(), "");
    let end = end_of(&range.prefix);
    let last = end.as_deref().map(|end| (end, ""));
    let (lower, upper) = if range.descending {
        (first, last.into_iter().chain(after).min())
    } else {
        (after.map_or(first, |after| after.max(first)), last)
    };
    let limit = bounded(range.limit);
    let sql = match (range.descending, upper.is_some()) {
        (false, true) => Sql::RangeUpTo,
        (false, false) => Sql::RangeUp,
        (true, true) => Sql::RangeDownTo,
        (true, false) => Sql::RangeDown,
    };
    let mut values: Values<'_> = vec![&range.index.0, &lower.0, &lower.1, &limit];
    if let Some((value, key)) = &upper {
        values.push(value);
        values.push(key);
    }
    let mut entries = Vec::new();
    for found in &session.rows(sql, values).await? {
        entries.push(Entry { value: column(found, 0)?, key: Arc::from(column::<&str>(found, 1)?) });
    }
    // Long terms come behind the others.
    entries.sort_unstable();
    if range.descending {
        entries.reverse();
    }
    entries.truncate(range.limit);
    let begins = range.after.as_ref();
    let follows = |entry: &Entry| match begins {
        Some(after) if range.descending => entry < after,
        Some(after) => entry > after,
        None => true,
    };
    if entries.iter().all(|entry| follows(entry) && entry.value.starts_with(&range.prefix)) {
        Ok(entries)
    } else {
        Err(disorder().into())
    }
}

/// Documents of a kind, in the order of their keys.
pub(super) async fn scan(
    session: &Session,
    kind: Kind,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Row>, Trouble> {
    if !is_storable(prefix) {
        return Ok(Vec::new());
    }
    if after.is_some_and(|after| !is_storable(after)) {
        return Err(StoreError::Invalid("a NUL character in a key or value").into());
    }
    let end = end_of(prefix);
    let limit = bounded(limit);
    // From the prefix on, or behind `after` where that comes later.
    let (from, behind) = match after {
        Some(after) if after >= prefix => (after, true),
        _ => (prefix, false),
    };
    let sql = match (behind, end.is_some()) {
        (false, true) => Sql::ScanFromTo,
        (false, false) => Sql::ScanFrom,
        (true, true) => Sql::ScanBehindTo,
        (true, false) => Sql::ScanBehind,
    };
    let mut values: Values<'_> = vec![&kind.0, &from, &limit];
    if let Some(end) = &end {
        values.push(end);
    }
    let mut rows: Vec<Row> = Vec::new();
    for next in &session.rows(sql, values).await? {
        let key: Arc<str> = Arc::from(column::<&str>(next, 0)?);
        let before = rows.last().map(|row| &*row.key.key).or(after);
        if before.is_some_and(|before| *key <= *before) || !key.starts_with(prefix) {
            return Err(disorder().into());
        }
        rows.push(row(DocumentKey::new(kind, key), column(next, 1)?, column(next, 2)?)?);
    }
    Ok(rows)
}

/// Entries of a topic behind `after`.
pub(super) async fn feed(session: &Session, topic: &str, after: u64, limit: usize) -> Result<Vec<FeedRow>, Trouble> {
    let Ok(from) = i64::try_from(after) else { return Ok(Vec::new()) };
    let limit = bounded(limit);
    let mut rows: Vec<FeedRow> = Vec::new();
    for next in &session.rows(Sql::Feed, vec![&topic, &from, &limit]).await? {
        let sequence = number(column(next, 0)?)?;
        if sequence <= rows.last().map_or(after, |before| before.sequence) {
            return Err(disorder().into());
        }
        let body = Sealed::from_storage(column(next, 2)?)?;
        rows.push(FeedRow { sequence, id: column(next, 1)?, body });
    }
    Ok(rows)
}

fn row(key: DocumentKey, version: i64, body: Vec<u8>) -> Result<Row, Trouble> {
    Ok(Row { key, version: number(version)?, body: Sealed::from_storage(body)? })
}
