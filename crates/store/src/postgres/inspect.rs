//! Looking a store over: whether documents, indexes, feed and ledger agree, and how much there is.

use strongroom_crypto::{Sealed, Witness};

use super::failure::{Trouble, column};
use super::forms;
use super::ledger::{self, Document, Documents};
use super::session::{Session, System, Values};
use crate::api::StoreError;
use crate::engine::{Integrity, Stats};
use crate::held;
use crate::reading::number;

/// Begins a transaction that sees one moment.
pub(super) async fn snapshot(session: &Session) -> Result<(), Trouble> {
    session.occupy(true);
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    if session.system == System::Postgres {
        session.run("SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on").await?;
    }
    Ok(())
}

/// Checks that documents and indexes agree, all as of one moment. The connection is in a snapshot.
pub(super) async fn integrity(
    session: &Session,
    schema: &str,
    witness: Option<&Witness>,
) -> Result<Integrity, Trouble> {
    let mut found = Integrity::default();
    match checked(session, schema, witness, &mut found).await {
        Err(Trouble { error: StoreError::Damaged(what), .. }) => found.fault(what),
        other => other?,
    }
    Ok(found)
}

async fn checked(
    session: &Session,
    schema: &str,
    witness: Option<&Witness>,
    found: &mut Integrity,
) -> Result<(), Trouble> {
    check_documents(session, schema, found).await?;
    // As every list is in the indexes, and no two documents share an entry, equal counts mean that the indexes hold
    // nothing else.
    let stored = count(session, schema, "term").await? + count(session, schema, "long_term").await?;
    for (table, listed, stored) in
        [("term", found.terms, stored), ("unique_key", found.unique_keys, count(session, schema, "unique_key").await?)]
    {
        if stored != listed {
            found.fault(format!("the documents list {listed} entries of {table}, but there are {stored}"));
        }
    }
    check_feed(session, schema, found).await?;
    if let Some(witness) = witness {
        let faults = ledger::differences(session, schema, witness).await?;
        faults.into_iter().for_each(|fault| found.fault(fault));
    }
    Ok(())
}

/// Entries of the indexes that documents list.
#[derive(Default)]
struct Listed<'r> {
    ix: Vec<&'r str>,
    value: Vec<String>,
    kind: Vec<&'r str>,
    key: Vec<&'r str>,
}

impl<'r> Listed<'r> {
    fn push(&mut self, ix: &'r str, value: String, kind: &'r str, key: &'r str) {
        self.ix.push(ix);
        self.value.push(value);
        self.kind.push(kind);
        self.key.push(key);
    }

    /// Tells of those that the query, which knows them as `w`, does not find.
    async fn look(self, session: &Session, sql: &str, found: &mut Integrity) -> Result<(), Trouble> {
        let values: Values<'_> = vec![&self.ix, &self.value, &self.kind, &self.key];
        for row in &session.ask(sql, values).await? {
            let (kind, key, ix): (&str, &str, &str) = (column(row, 0)?, column(row, 1)?, column(row, 2)?);
            found.fault(format!("{kind} {key}: an entry of index {ix} is missing"));
        }
        Ok(())
    }
}

const LISTED: &str = "SELECT w.kind, w.key, w.ix FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[])
    AS w(ix, value, kind, key)";

/// Every document's list of terms must be in the indexes.
async fn check_documents(session: &Session, schema: &str, found: &mut Integrity) -> Result<(), Trouble> {
    let missing = |table: &str, rest: &str| {
        format!(
            "{LISTED} WHERE NOT EXISTS (SELECT 1 FROM {schema}.{table} AS t
             WHERE t.ix = w.ix AND t.value = w.value AND t.key = w.key {rest}) LIMIT 100"
        )
    };
    let (in_term, in_unique) = (missing("term", ""), missing("unique_key", "AND t.kind = w.kind"));
    let in_long = missing("long_term", "");
    let mut pages = Documents::new(schema);
    while let Some(rows) = pages.next(session).await? {
        let (mut terms, mut long, mut unique) = (Listed::default(), Listed::default(), Listed::default());
        for row in &rows {
            let Document { kind, key, terms: list, .. } = match Document::of(row) {
                Ok(document) => document,
                Err(trouble) => {
                    found.fault(trouble.error.to_string());
                    continue;
                }
            };
            found.documents += 1;
            if column::<i64>(row, 2)? < 1 || Sealed::from_storage(column(row, 5)?).is_err() {
                found.fault(format!("{kind} {key}: its version or body has no known form"));
            }
            let Ok(marks) = held::decode(list) else {
                found.fault(format!("{kind} {key}: its list of terms has no known form"));
                continue;
            };
            for mark in marks {
                if mark.unique {
                    found.unique_keys += 1;
                    unique.push(mark.index, forms::unique(mark.value), kind, key);
                } else {
                    found.terms += 1;
                    let list = if forms::is_long(mark.value, key) { &mut long } else { &mut terms };
                    list.push(mark.index, mark.value.to_owned(), kind, key);
                }
            }
        }
        terms.look(session, &in_term, found).await?;
        unique.look(session, &in_unique, found).await?;
        if !long.ix.is_empty() {
            long.look(session, &in_long, found).await?;
        }
    }
    Ok(())
}

/// The entries of each topic must follow one another and end where the topic says.
async fn check_feed(session: &Session, schema: &str, found: &mut Integrity) -> Result<(), Trouble> {
    let sql = format!(
        "SELECT e.topic, min(e.sequence), max(e.sequence), count(*), max(t.last_sequence)
         FROM {schema}.entry AS e LEFT JOIN {schema}.topic AS t ON t.name = e.topic GROUP BY e.topic"
    );
    for row in &session.ask(&sql, vec![]).await? {
        let topic: &str = column(row, 0)?;
        let (first, last, entries): (i64, i64, i64) = (column(row, 1)?, column(row, 2)?, column(row, 3)?);
        let given_out: Option<i64> = column(row, 4)?;
        found.feed_entries += number(entries)?;
        if first < 1 || last - first + 1 != entries || given_out != Some(last) {
            found.fault(format!("feed {topic}: entries {first} to {last} are not those that were given out"));
        }
    }
    Ok(())
}

/// Counts documents and entries, and measures the tables.
pub(super) async fn stats(session: &Session, schema: &str) -> Result<Stats, Trouble> {
    let sql = format!("SELECT kind, count(*) FROM {schema}.document GROUP BY kind ORDER BY kind");
    let mut documents = Vec::new();
    for row in &session.ask(&sql, vec![]).await? {
        documents.push((column(row, 0)?, number(column(row, 1)?)?));
    }
    let mut bytes = 0;
    if session.system == System::Postgres {
        let sql = "SELECT CAST(coalesce(sum(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'";
        let rows = session.ask(sql, vec![&schema]).await?;
        bytes = rows.first().map_or(Ok(0), |row| number(column(row, 0)?).map_err(Trouble::from))?;
    }
    Ok(Stats { documents, feed_entries: count(session, schema, "entry").await?, bytes })
}

/// How many documents there are, up to a number that is many anyway.
pub(super) async fn documents_about(session: &Session, schema: &str) -> Result<u64, Trouble> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {schema}.document LIMIT 100000) AS first");
    let rows = session.ask(&sql, vec![]).await?;
    rows.first().map_or(Ok(0), |row| number(column(row, 0)?).map_err(Trouble::from))
}

async fn count(session: &Session, schema: &str, table: &str) -> Result<u64, Trouble> {
    let rows = session.ask(&format!("SELECT count(*) FROM {schema}.{table}"), vec![]).await?;
    rows.first().map_or(Ok(0), |row| number(column(row, 0)?).map_err(Trouble::from))
}
