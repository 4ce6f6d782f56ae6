//! The changes of a store that is being filled, as columns for statements over lists.

use std::collections::HashMap;

use super::failure::{Trouble, column};
use super::forms;
use super::session::Session;
use crate::api::StoreError;
use crate::held;
use crate::transfer::{Content, Place, Step};

/// Documents that are put or removed, and rows of the feed.
#[derive(Default)]
pub(super) struct Columns {
    kind: Vec<String>,
    key: Vec<String>,
    version: Vec<i64>,
    terms: Vec<Vec<u8>>,
    body: Vec<Vec<u8>>,
    gone: (Vec<String>, Vec<String>),
    topics: (Vec<String>, Vec<i64>),
    topics_gone: Vec<String>,
    entries: (Vec<String>, Vec<i64>, Vec<String>, Vec<Vec<u8>>),
    entries_gone: (Vec<String>, Vec<i64>),
}

/// Rows of the indexes.
#[derive(Default)]
struct Marks {
    term: (Vec<String>, Vec<String>, Vec<String>),
    long: (Vec<String>, Vec<Vec<u8>>, Vec<String>, Vec<String>),
    unique: (Vec<String>, Vec<String>, Vec<String>, Vec<String>),
}

impl Marks {
    fn add(&mut self, kind: &str, key: &str, list: &[u8]) -> Result<(), StoreError> {
        for mark in held::decode(list)? {
            let (ix, key) = (mark.index.to_owned(), key.to_owned());
            if mark.unique {
                // Of several that hold it one after the other within these changes, the last one does.
                let form = forms::unique(mark.value);
                self.unique.0.push(ix);
                self.unique.1.push(form);
                self.unique.2.push(kind.to_owned());
                self.unique.3.push(key);
            } else if forms::is_long(mark.value, &key) {
                self.long.0.push(ix);
                self.long.1.push(forms::digest(mark.value, &key));
                self.long.2.push(mark.value.to_owned());
                self.long.3.push(key);
            } else {
                self.term.0.push(ix);
                self.term.1.push(mark.value.to_owned());
                self.term.2.push(key);
            }
        }
        Ok(())
    }
}

impl Columns {
    /// Those of `steps`.
    ///
    /// # Errors
    /// `Invalid` for a row that cannot be written.
    pub(super) fn of(steps: Vec<Step>) -> Result<Self, StoreError> {
        let number = |number: u64| {
            i64::try_from(number).map_err(|_| StoreError::Invalid("a version or sequence that is too great"))
        };
        let mut columns = Self::default();
        for step in steps {
            match step {
                Step::Put(record) => match (record.place, record.content) {
                    (Place::Document { kind, key }, Content::Document { version, terms, body }) => {
                        columns.kind.push(kind);
                        columns.key.push(key);
                        columns.version.push(number(version)?);
                        columns.terms.push(terms);
                        columns.body.push(body.as_bytes().to_vec());
                    }
                    (Place::Topic { name }, Content::Topic { last, .. }) => {
                        columns.topics.0.push(name);
                        columns.topics.1.push(number(last)?);
                    }
                    (Place::Entry { topic, sequence }, Content::Entry { id, body }) => {
                        columns.entries.0.push(topic);
                        columns.entries.1.push(number(sequence)?);
                        columns.entries.2.push(id);
                        columns.entries.3.push(body.as_bytes().to_vec());
                    }
                    _ => return Err(StoreError::Invalid("a row that cannot be written")),
                },
                Step::Remove(Place::Document { kind, key }) => {
                    columns.gone.0.push(kind);
                    columns.gone.1.push(key);
                }
                Step::Remove(Place::Topic { name }) => columns.topics_gone.push(name),
                Step::Remove(Place::Entry { topic, sequence }) => {
                    columns.entries_gone.0.push(topic);
                    columns.entries_gone.1.push(number(sequence)?);
                }
            }
        }
        Ok(columns)
    }

    /// Writes them within the open transaction.
    pub(super) async fn write(&self, session: &Session, schema: &str) -> Result<(), Trouble> {
        if !self.kind.is_empty() || !self.gone.0.is_empty() {
            self.forget_marks(session, schema).await?;
        }
        if !self.gone.0.is_empty() {
            let sql = format!(
                "DELETE FROM {schema}.document AS d USING unnest($1::TEXT[], $2::TEXT[]) AS w(kind, key)
                 WHERE d.kind = w.kind AND d.key = w.key"
            );
            session.ask(&sql, vec![&self.gone.0, &self.gone.1]).await?;
        }
        if !self.kind.is_empty() {
            let sql = format!(
                "INSERT INTO {schema}.document (kind, key, version, terms, body)
                 SELECT kind, key, version, terms, body
                 FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BYTEA[], $5::BYTEA[])
                 AS w(kind, key, version, terms, body)
                 ON CONFLICT (kind, key) DO UPDATE
                 SET version = excluded.version, terms = excluded.terms, body = excluded.body"
            );
            let values = vec![&self.kind as _, &self.key as _, &self.version as _, &self.terms as _, &self.body as _];
            session.ask(&sql, values).await?;
            self.add_marks(session, schema).await?;
        }
        self.write_feed(session, schema).await
    }

    /// Takes what the documents had in the indexes before out of them, as far as it is their own still.
    async fn forget_marks(&self, session: &Session, schema: &str) -> Result<(), Trouble> {
        let sql = format!(
            "SELECT d.kind, d.key, d.terms FROM unnest($1::TEXT[], $2::TEXT[]) AS w(kind, key)
             JOIN {schema}.document AS d ON d.kind = w.kind AND d.key = w.key"
        );
        let kinds: Vec<&str> = self.kind.iter().chain(&self.gone.0).map(String::as_str).collect();
        let keys: Vec<&str> = self.key.iter().chain(&self.gone.1).map(String::as_str).collect();
        let mut marks = Marks::default();
        for row in &session.ask(&sql, vec![&kinds, &keys]).await? {
            marks.add(column(row, 0)?, column(row, 1)?, column(row, 2)?)?;
        }
        let Marks { term, long, unique } = &marks;
        if !term.0.is_empty() {
            let sql = format!(
                "DELETE FROM {schema}.term AS t USING unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS w(ix, value, key)
                 WHERE t.ix = w.ix AND t.value = w.value AND t.key = w.key"
            );
            session.ask(&sql, vec![&term.0, &term.1, &term.2]).await?;
        }
        if !long.0.is_empty() {
            let sql = format!(
                "DELETE FROM {schema}.long_term AS t USING unnest($1::TEXT[], $2::BYTEA[]) AS w(ix, digest)
                 WHERE t.ix = w.ix AND t.digest = w.digest"
            );
            session.ask(&sql, vec![&long.0, &long.1]).await?;
        }
        if !unique.0.is_empty() {
            let sql = format!(
                "DELETE FROM {schema}.unique_key AS u
                 USING unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[]) AS w(ix, value, kind, key)
                 WHERE u.ix = w.ix AND u.value = w.value AND u.kind = w.kind AND u.key = w.key"
            );
            session.ask(&sql, vec![&unique.0, &unique.1, &unique.2, &unique.3]).await?;
        }
        Ok(())
    }

    async fn add_marks(&self, session: &Session, schema: &str) -> Result<(), Trouble> {
        let mut marks = Marks::default();
        for ((kind, key), list) in self.kind.iter().zip(&self.key).zip(&self.terms) {
            marks.add(kind, key, list)?;
        }
        let Marks { term, long, unique } = &marks;
        if !term.0.is_empty() {
            let sql = format!(
                "INSERT INTO {schema}.term (ix, value, key) SELECT ix, value, key
                 FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS w(ix, value, key) ON CONFLICT DO NOTHING"
            );
            session.ask(&sql, vec![&term.0, &term.1, &term.2]).await?;
        }
        if !long.0.is_empty() {
            let sql = format!(
                "INSERT INTO {schema}.long_term (ix, digest, value, key) SELECT ix, digest, value, key
                 FROM unnest($1::TEXT[], $2::BYTEA[], $3::TEXT[], $4::TEXT[]) AS w(ix, digest, value, key)
                 ON CONFLICT DO NOTHING"
            );
            session.ask(&sql, vec![&long.0, &long.1, &long.2, &long.3]).await?;
        }
        if unique.0.is_empty() {
            return Ok(());
        }
        let mut last: HashMap<(&str, &str), (&str, &str)> = HashMap::new();
        for (((ix, value), kind), key) in unique.0.iter().zip(&unique.1).zip(&unique.2).zip(&unique.3) {
            last.insert((ix, value), (kind, key));
        }
        let (names, holders): (Vec<_>, Vec<_>) = last.into_iter().unzip();
        let (ix, value): (Vec<&str>, Vec<&str>) = names.into_iter().unzip();
        let (kind, key): (Vec<&str>, Vec<&str>) = holders.into_iter().unzip();
        // The one who held it before comes later, or has come already.
        let sql = format!(
            "INSERT INTO {schema}.unique_key (ix, value, kind, key) SELECT ix, value, kind, key
             FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[]) AS w(ix, value, kind, key)
             ON CONFLICT (ix, value) DO UPDATE SET kind = excluded.kind, key = excluded.key"
        );
        session.ask(&sql, vec![&ix, &value, &kind, &key]).await.map(drop)
    }

    async fn write_feed(&self, session: &Session, schema: &str) -> Result<(), Trouble> {
        if !self.topics_gone.is_empty() {
            let topics = vec![&self.topics_gone as _];
            session.ask(&format!("DELETE FROM {schema}.entry WHERE topic = ANY($1)"), topics).await?;
            let topics = vec![&self.topics_gone as _];
            session.ask(&format!("DELETE FROM {schema}.topic WHERE name = ANY($1)"), topics).await?;
        }
        if !self.topics.0.is_empty() {
            let sql = format!(
                "INSERT INTO {schema}.topic (name, last_sequence)
                 SELECT name, last_sequence FROM unnest($1::TEXT[], $2::BIGINT[]) AS w(name, last_sequence)
                 ON CONFLICT (name) DO UPDATE SET last_sequence = excluded.last_sequence"
            );
            session.ask(&sql, vec![&self.topics.0, &self.topics.1]).await?;
        }
        if !self.entries_gone.0.is_empty() {
            let sql = format!(
                "DELETE FROM {schema}.entry AS e USING unnest($1::TEXT[], $2::BIGINT[]) AS w(topic, sequence)
                 WHERE e.topic = w.topic AND e.sequence = w.sequence"
            );
            session.ask(&sql, vec![&self.entries_gone.0, &self.entries_gone.1]).await?;
        }
        if self.entries.0.is_empty() {
            return Ok(());
        }
        let (topic, sequence, id, body) = &self.entries;
        let sql = format!(
            "INSERT INTO {schema}.entry (topic, sequence, id, body) SELECT topic, sequence, id, body
             FROM unnest($1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BYTEA[]) AS w(topic, sequence, id, body)
             ON CONFLICT (topic, sequence) DO UPDATE SET id = excluded.id, body = excluded.body"
        );
        session.ask(&sql, vec![topic, sequence, id, body]).await.map(drop)
    }
}
