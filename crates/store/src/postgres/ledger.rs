//! The store's ledger in the database: how it is begun, and held against all that is stored.

use strongroom_crypto::ledger::{Ledger, Mark, Version, Witness};
use strongroom_crypto::{CryptoError, Sealed};
use tokio_postgres::Row;

use super::failure::{Trouble, column};
use super::forms;
use super::session::Session;
use super::sql::TAIL;
use crate::api::{LedgerBegin, StoreError};
use crate::differing::{DOCUMENT, Differing, ENTRY, Names, TOPIC};
use crate::held;
use crate::reading::number;

/// Rows that are read at once.
const PAGE: i64 = 2000;

/// What the stored form is, opened.
pub(super) fn open(witness: &Witness, body: Option<Vec<u8>>) -> Result<Ledger, StoreError> {
    let damaged = |error: CryptoError| StoreError::Damaged(format!("its ledger is {error}"));
    let body = body.ok_or_else(|| StoreError::Damaged("its ledger is gone".to_owned()))?;
    witness.open(&Sealed::from_storage(body).map_err(damaged)?).map_err(damaged)
}

/// The stored ledger.
pub(super) async fn stored(session: &Session, schema: &str, witness: &Witness) -> Result<Ledger, Trouble> {
    let rows = session.ask(&format!("SELECT ledger FROM {schema}.head WHERE id = 1"), vec![]).await?;
    let body = rows.first().map_or(Ok(None), |row| column(row, 0))?;
    Ok(open(witness, body)?)
}

/// Opens the ledger, or begins one with all that is stored, within the transaction that holds the head. `body` is what
/// stands there.
pub(super) async fn keep(
    session: &Session,
    schema: &str,
    witness: &Witness,
    begin: LedgerBegin,
    body: Option<Vec<u8>>,
) -> Result<Ledger, Trouble> {
    match begin {
        LedgerBegin::There => Ok(open(witness, body)?),
        LedgerBegin::New if body.is_none() && is_empty(session, schema).await? => Ok(Ledger::default()),
        LedgerBegin::New => Err(Trouble::damaged("it holds something, but not what it hangs on")),
        LedgerBegin::Anew => {
            rebuild_indexes(session, schema).await?;
            let mut ledger = taken(session, schema, witness).await?;
            if let Ok(before) = open(witness, body) {
                ledger.go_on_from(&before);
            }
            Ok(ledger)
        }
    }
}

/// Whether there is no row at all.
pub(super) async fn is_empty(session: &Session, schema: &str) -> Result<bool, Trouble> {
    let sql = format!(
        "(SELECT 1 FROM {schema}.document LIMIT 1) UNION ALL (SELECT 1 FROM {schema}.entry LIMIT 1)
         UNION ALL (SELECT 1 FROM {schema}.topic LIMIT 1)"
    );
    Ok(session.ask(&sql, vec![]).await?.is_empty())
}

/// Makes the indexes anew from the lists that stand beside the documents.
async fn rebuild_indexes(session: &Session, schema: &str) -> Result<(), Trouble> {
    for table in ["term", "long_term", "unique_key"] {
        session.run(&format!("DELETE FROM {schema}.{table}")).await?;
    }
    let (term, long, unique) = (
        format!("INSERT INTO {schema}.term (ix, value, key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
        format!(
            "INSERT INTO {schema}.long_term (ix, digest, value, key) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
        ),
        format!("INSERT INTO {schema}.unique_key (ix, value, kind, key) VALUES ($1, $2, $3, $4)"),
    );
    let mut pages = Documents::new(schema);
    while let Some(rows) = pages.next(session).await? {
        for row in &rows {
            let document = Document::of(row)?;
            for mark in held::decode(document.terms)? {
                let (kind, key) = (document.kind, document.key);
                if mark.unique {
                    let form = forms::unique(mark.value);
                    session.ask(&unique, vec![&mark.index, &form, &kind, &key]).await?;
                } else if forms::is_long(mark.value, key) {
                    let digest = forms::digest(mark.value, key);
                    session.ask(&long, vec![&mark.index, &digest, &mark.value, &key]).await?;
                } else {
                    session.ask(&term, vec![&mark.index, &mark.value, &key]).await?;
                }
            }
        }
    }
    Ok(())
}

/// All documents, page by page.
pub(super) struct Documents {
    sql: String,
    after: Option<(String, String)>,
}

/// What the ledger knows of a document.
pub(super) struct Document<'r> {
    pub(super) kind: &'r str,
    pub(super) key: &'r str,
    version: u64,
    tail: &'r [u8],
    pub(super) terms: &'r [u8],
}

impl<'r> Document<'r> {
    pub(super) fn of(row: &'r Row) -> Result<Self, Trouble> {
        let version = number(column(row, 2)?)?;
        Ok(Self { kind: column(row, 0)?, key: column(row, 1)?, version, tail: column(row, 3)?, terms: column(row, 4)? })
    }
}

impl Documents {
    pub(super) fn new(schema: &str) -> Self {
        let sql = format!(
            "SELECT kind, key, version, {TAIL}, terms, substr(body, 1, 256) FROM {schema}.document
             WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3"
        );
        Self { sql, after: Some((String::new(), String::new())) }
    }

    pub(super) async fn next(&mut self, session: &Session) -> Result<Option<Vec<Row>>, Trouble> {
        let Some((kind, key)) = self.after.take() else { return Ok(None) };
        let rows = session.ask(&self.sql, vec![&kind, &key, &PAGE]).await?;
        self.after = rows.last().map(|last| Ok::<_, Trouble>((column(last, 0)?, column(last, 1)?))).transpose()?;
        Ok((!rows.is_empty()).then_some(rows))
    }
}

/// A ledger of what is stored now.
async fn taken(session: &Session, schema: &str, witness: &Witness) -> Result<Ledger, Trouble> {
    let mut ledger = Ledger::default();
    each_row(session, schema, witness, |mark, _| ledger.add(&mark)).await?;
    Ok(ledger)
}

/// Calls `each` with the mark of each stored row, and what makes its name.
async fn each_row(
    session: &Session,
    schema: &str,
    witness: &Witness,
    mut each: impl FnMut(Mark, &dyn Fn() -> String) + Send,
) -> Result<(), Trouble> {
    let mut pages = Documents::new(schema);
    while let Some(rows) = pages.next(session).await? {
        for row in &rows {
            let document = Document::of(row)?;
            let (kind, key) = (document.kind, document.key);
            let version = Version { number: document.version, tail: document.tail, beside: document.terms };
            each(witness.mark(&witness.place(DOCUMENT, kind, key), &version), &|| format!("{kind} {key}"));
        }
    }
    for row in &session.ask(&format!("SELECT name, last_sequence FROM {schema}.topic"), vec![]).await? {
        let name: &str = column(row, 0)?;
        let version = Version { number: number(column(row, 1)?)?, tail: &[], beside: &[] };
        let mark = witness.mark(&witness.place(TOPIC, name, ""), &version);
        each(mark, &|| format!("what is remembered of the feed {name}"));
    }
    let sql = format!(
        "SELECT topic, sequence, {TAIL} FROM {schema}.entry WHERE (topic, sequence) > ($1, $2)
         ORDER BY topic, sequence LIMIT $3"
    );
    let mut after = (String::new(), 0_i64);
    loop {
        let rows = session.ask(&sql, vec![&after.0, &after.1, &PAGE]).await?;
        for row in &rows {
            let (topic, sequence): (&str, u64) = (column(row, 0)?, number(column(row, 1)?)?);
            let version = Version { number: sequence, tail: column(row, 2)?, beside: &[] };
            let mark = witness.mark(&witness.place(ENTRY, topic, ""), &version);
            each(mark, &|| format!("entry {sequence} of the feed {topic}"));
        }
        let Some(last) = rows.last() else { return Ok(()) };
        after = (column(last, 0)?, column(last, 1)?);
    }
}

/// What is stored and is not what was last written, each in words. The connection sees one moment.
pub(super) async fn differences(session: &Session, schema: &str, witness: &Witness) -> Result<Vec<String>, Trouble> {
    let expected = stored(session, schema, witness).await?;
    let found = expected.difference(&taken(session, schema, witness).await?);
    if found.is_none() {
        return Ok(Vec::new());
    }
    let mut differing = Differing::new(found);
    each_row(session, schema, witness, |mark, name| differing.look_at(mark, name)).await?;
    let mut names = differing.unnamed();
    if !names.is_empty() {
        look_for_names(session, schema, witness, &mut names).await?;
    }
    Ok(differing.told(&names))
}

/// Looks through all that still tells of rows that are not there.
async fn look_for_names(session: &Session, schema: &str, witness: &Witness, names: &mut Names) -> Result<(), Trouble> {
    for row in &session.ask(&format!("SELECT name FROM {schema}.topic"), vec![]).await? {
        names.look_at_topic(witness, column(row, 0)?);
    }
    let kinds =
        format!("SELECT DISTINCT kind FROM {schema}.document UNION SELECT DISTINCT kind FROM {schema}.unique_key");
    let kinds = session.ask(&kinds, vec![]).await?;
    let keys = format!(
        "SELECT key FROM {schema}.term UNION SELECT key FROM {schema}.long_term
         UNION SELECT key FROM {schema}.unique_key UNION SELECT key FROM {schema}.document"
    );
    for row in &session.ask(&keys, vec![]).await? {
        let key: &str = column(row, 0)?;
        for kind in &kinds {
            names.look_at_document(witness, column(kind, 0)?, key);
        }
    }
    Ok(())
}
