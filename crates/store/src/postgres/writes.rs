//! What a group writes, as columns for statements over lists.

use std::sync::Arc;

use tokio_postgres::Row;

use super::forms;
use super::plan::Standing;
use super::session::{Sent, Session, Values};
use super::sql::Sql;
use crate::api::{DocumentKey, FeedEntry, StoreError};
use crate::held;

/// Bytes of bodies that one statement takes; a longer list goes on in the next.
const STATEMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Rows to be written and removed.
#[derive(Default)]
pub(super) struct Writes {
    removed: Vec<DocumentKey>,
    inserted: Vec<(DocumentKey, Standing)>,
    updated: Vec<(DocumentKey, Standing)>,
    terms_gone: Triples,
    terms_added: Triples,
    long_gone: Long,
    long_added: Long,
    unique_gone: Triples,
    unique_added: Unique,
    pub(super) topics: Vec<(String, u64)>,
    pub(super) entries: Vec<(Arc<str>, u64, FeedEntry)>,
    pub(super) trims: Vec<(Arc<str>, u64)>,
}

/// Index, value and key of each row.
#[derive(Default)]
struct Triples {
    ix: Vec<String>,
    value: Vec<String>,
    key: Vec<String>,
}

/// Rows of the table of long terms.
#[derive(Default)]
struct Long {
    rows: Triples,
    digest: Vec<Vec<u8>>,
}

/// Rows of the table of unique keys.
#[derive(Default)]
struct Unique {
    rows: Triples,
    kind: Vec<String>,
}

impl Triples {
    fn push(&mut self, ix: &str, value: String, key: &str) {
        self.ix.push(ix.to_owned());
        self.value.push(value);
        self.key.push(key.to_owned());
    }
}

impl Writes {
    /// Notes what a document was and is now.
    pub(super) fn document(
        &mut self,
        key: &DocumentKey,
        before: Option<&Standing>,
        after: Option<Standing>,
    ) -> Result<(), StoreError> {
        let was = before.map_or(Ok(Vec::new()), |before| held::decode(&before.terms))?;
        let is = after.as_ref().map_or(Ok(Vec::new()), |after| held::decode(&after.terms))?;
        for mark in was.iter().filter(|mark| is.binary_search(mark).is_err()) {
            match (mark.unique, forms::is_long(mark.value, &key.key)) {
                (true, _) => self.unique_gone.push(mark.index, forms::unique(mark.value), ""),
                (false, false) => self.terms_gone.push(mark.index, mark.value.to_owned(), &key.key),
                (false, true) => self.long_gone.push(mark.index, mark.value, &key.key),
            }
        }
        for mark in is.iter().filter(|mark| was.binary_search(mark).is_err()) {
            match (mark.unique, forms::is_long(mark.value, &key.key)) {
                (true, _) => {
                    self.unique_added.rows.push(mark.index, forms::unique(mark.value), &key.key);
                    self.unique_added.kind.push(key.kind.0.to_owned());
                }
                (false, false) => self.terms_added.push(mark.index, mark.value.to_owned(), &key.key),
                (false, true) => self.long_added.push(mark.index, mark.value, &key.key),
            }
        }
        match (before, after) {
            (None, None) => {}
            (Some(_), None) => self.removed.push(key.clone()),
            (None, Some(after)) => self.inserted.push((key.clone(), after)),
            (Some(_), Some(after)) => self.updated.push((key.clone(), after)),
        }
        Ok(())
    }

    /// The keys of all documents that changed.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let put = self.inserted.iter().chain(&self.updated).map(|(key, _)| key);
        put.chain(&self.removed).map(|key| (key.kind.0, &*key.key))
    }

    /// The columns of the statements.
    pub(super) fn columns<'w>(&'w self) -> Result<Columns<'w>, StoreError> {
        let too_great = || StoreError::Damaged("a number that is too great".to_owned());
        let number = |number: u64| i64::try_from(number).map_err(|_| too_great());
        let trim = |(topic, through): &'w (Arc<str>, u64)| Ok((&**topic, number(*through)?));
        Ok(Columns {
            writes: self,
            removed: Removed::of(&self.removed),
            inserted: Documents::of(&self.inserted, number)?,
            updated: Documents::of(&self.updated, number)?,
            entries: Entries::of(&self.entries, number)?,
            topic_names: self.topics.iter().map(|(name, _)| name.as_str()).collect(),
            topic_last: self.topics.iter().map(|(_, last)| number(*last)).collect::<Result<_, _>>()?,
            trims: self.trims.iter().map(trim).collect::<Result<_, StoreError>>()?,
        })
    }
}

impl Long {
    fn push(&mut self, ix: &str, value: &str, key: &str) {
        self.rows.push(ix, value.to_owned(), key);
        self.digest.push(forms::digest(value, key));
    }
}

impl<'w> Columns<'w> {
    /// The statements, in the order in which they are to be carried out.
    pub(super) fn statements<'a>(&'a self, session: &'a Session) -> Vec<Sent<'a, Vec<Row>>> {
        let mut sent = Vec::new();
        let Writes { terms_gone, terms_added, long_gone, long_added, unique_gone, unique_added, .. } = self.writes;
        let mut add = |is_empty: bool, sql: Sql, values: Values<'a>| {
            if !is_empty {
                sent.push(session.send(sql, values));
            }
        };
        let Triples { ix, value, key } = terms_gone;
        add(ix.is_empty(), Sql::DeleteTerms, vec![ix, value, key]);
        add(long_gone.digest.is_empty(), Sql::DeleteLongTerms, vec![&long_gone.rows.ix, &long_gone.digest]);
        add(unique_gone.ix.is_empty(), Sql::DeleteUnique, vec![&unique_gone.ix, &unique_gone.value]);
        add(self.removed.key.is_empty(), Sql::DeleteDocuments, vec![&self.removed.kind, &self.removed.key]);
        self.inserted.iter().for_each(|list| add(false, Sql::InsertDocuments, list.values()));
        self.updated.iter().for_each(|list| add(false, Sql::UpdateDocuments, list.values()));
        let Triples { ix, value, key } = terms_added;
        add(ix.is_empty(), Sql::InsertTerms, vec![ix, value, key]);
        let Long { rows: Triples { ix, value, key }, digest } = long_added;
        add(ix.is_empty(), Sql::InsertLongTerms, vec![ix, digest, value, key]);
        let Unique { rows: Triples { ix, value, key }, kind } = unique_added;
        add(ix.is_empty(), Sql::InsertUnique, vec![ix, value, kind, key]);
        for Entries { topic, sequence, id, body, .. } in &self.entries {
            add(false, Sql::InsertEntries, vec![topic, sequence, id, body]);
        }
        add(self.topic_names.is_empty(), Sql::PutTopics, vec![&self.topic_names, &self.topic_last]);
        for (topic, through) in &self.trims {
            add(false, Sql::DeleteEntries, vec![topic, through]);
        }
        sent
    }
}

/// The same as columns, to be kept while the statements are under way.
pub(super) struct Columns<'w> {
    writes: &'w Writes,
    removed: Removed<'w>,
    inserted: Vec<Documents<'w>>,
    updated: Vec<Documents<'w>>,
    entries: Vec<Entries<'w>>,
    topic_names: Vec<&'w str>,
    topic_last: Vec<i64>,
    trims: Vec<(&'w str, i64)>,
}

struct Removed<'w> {
    kind: Vec<&'w str>,
    key: Vec<&'w str>,
}

impl<'w> Removed<'w> {
    fn of(keys: &'w [DocumentKey]) -> Self {
        Self { kind: keys.iter().map(|key| key.kind.0).collect(), key: keys.iter().map(|key| &*key.key).collect() }
    }
}

#[derive(Default)]
struct Documents<'w> {
    kind: Vec<&'w str>,
    key: Vec<&'w str>,
    version: Vec<i64>,
    terms: Vec<&'w [u8]>,
    body: Vec<&'w [u8]>,
    bytes: usize,
}

impl<'w> Documents<'w> {
    fn of(
        rows: &'w [(DocumentKey, Standing)],
        number: impl Fn(u64) -> Result<i64, StoreError>,
    ) -> Result<Vec<Self>, StoreError> {
        let mut lists: Vec<Self> = Vec::new();
        for (key, standing) in rows {
            let body = standing.body.as_ref().map(|body| body.as_bytes()).unwrap_or_default();
            let bytes = body.len() + standing.terms.len();
            let full = lists.last().is_none_or(|list| list.bytes + bytes > STATEMENT_BYTES_MAX);
            if full {
                lists.push(Self::default());
            }
            let Some(list) = lists.last_mut() else { continue };
            list.kind.push(key.kind.0);
            list.key.push(&key.key);
            list.version.push(number(standing.version)?);
            list.terms.push(&standing.terms);
            list.body.push(body);
            list.bytes += bytes;
        }
        Ok(lists)
    }

    fn values(&self) -> Values<'_> {
        vec![&self.kind, &self.key, &self.version, &self.terms, &self.body]
    }
}

#[derive(Default)]
struct Entries<'w> {
    topic: Vec<&'w str>,
    sequence: Vec<i64>,
    id: Vec<&'w str>,
    body: Vec<&'w [u8]>,
    bytes: usize,
}

impl<'w> Entries<'w> {
    fn of(
        rows: &'w [(Arc<str>, u64, FeedEntry)],
        number: impl Fn(u64) -> Result<i64, StoreError>,
    ) -> Result<Vec<Self>, StoreError> {
        let mut lists: Vec<Self> = Vec::new();
        for (topic, sequence, entry) in rows {
            let bytes = entry.body.as_bytes().len() + entry.id.len();
            if lists.last().is_none_or(|list| list.bytes + bytes > STATEMENT_BYTES_MAX) {
                lists.push(Self::default());
            }
            let Some(list) = lists.last_mut() else { continue };
            list.topic.push(topic);
            list.sequence.push(number(*sequence)?);
            list.id.push(&entry.id);
            list.body.push(entry.body.as_bytes());
            list.bytes += bytes;
        }
        Ok(lists)
    }
}
