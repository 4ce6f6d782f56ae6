//! A store as rows: everything that one transaction sees, sent page by page.

use strongroom_crypto::Sealed;
use tokio::sync::mpsc;
use tokio_postgres::Row;

use super::failure::{Trouble, column};
use super::session::{Session, System};
use super::sql::TAIL;
use crate::api::StoreError;
use crate::reading::number;
use crate::transfer::{Content, Detail, Piece, Place, Record, document_state, entry_state, topic_state};

/// Rows that are looked at together.
const PAGE: i64 = 500;
/// Bytes of bodies that are fetched together. A single one may be longer.
const BYTES_MAX: i64 = 4 * 1024 * 1024;

/// Sends all that is stored as of one moment, on a connection of its own. Waits where nobody takes it yet; ends early when
/// nobody will.
pub(super) async fn export(
    session: &Session,
    schema: &str,
    detail: Detail,
    to: &mpsc::Sender<Piece>,
) -> Result<(), Trouble> {
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    if session.system == System::Postgres {
        // Whoever takes the rows may be slow, and the snapshot must last.
        session.run("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    }
    let rows = session.ask(&format!("SELECT ledger FROM {schema}.head WHERE id = 1"), vec![]).await?;
    let ledger: Option<Vec<u8>> = rows.first().map_or(Ok(None), |row| column(row, 0))?;
    let taken = to.send(Piece::Ledger(ledger.map(Sealed::from_storage).transpose()?)).await.is_ok();
    if taken && documents(session, schema, detail, to).await? && topics(session, schema, detail, to).await? {
        entries(session, schema, detail, to).await?;
    }
    session.run("ROLLBACK").await
}

async fn send(to: &mpsc::Sender<Piece>, rows: Vec<Record>) -> bool {
    to.send(Piece::Rows(rows)).await.is_ok()
}

async fn documents(session: &Session, schema: &str, detail: Detail, to: &mpsc::Sender<Piece>) -> Result<bool, Trouble> {
    let outline = format!(
        "SELECT kind, key, version, terms, {TAIL}, CAST(length(body) + length(terms) AS BIGINT) FROM {schema}.document
         WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3"
    );
    let whole = format!(
        "SELECT kind, key, version, terms, body FROM {schema}.document
         WHERE (kind, key) > ($1, $2) AND (kind, key) <= ($3, $4) ORDER BY kind, key"
    );
    let mut after = (String::new(), String::new());
    loop {
        let page = session.ask(&outline, vec![&after.0, &after.1, &PAGE]).await?;
        if page.is_empty() {
            return Ok(true);
        }
        if detail == Detail::Outline {
            let last = page.last().map(|row| Ok::<_, Trouble>((column(row, 0)?, column(row, 1)?))).transpose()?;
            let rows: Result<Vec<Record>, Trouble> = page.iter().map(outlined).collect();
            if !send(to, rows?).await {
                return Ok(false);
            }
            after = last.unwrap_or_default();
            continue;
        }
        for end in ends(&page)? {
            let rows = session.ask(&whole, vec![&after.0, &after.1, &end.0, &end.1]).await?;
            let rows: Result<Vec<Record>, Trouble> = rows.iter().map(document).collect();
            if !send(to, rows?).await {
                return Ok(false);
            }
            after = end;
        }
    }
}

/// Where the page is to be cut so that no part has too many bytes.
fn ends(page: &[Row]) -> Result<Vec<(String, String)>, Trouble> {
    let mut ends: Vec<(String, String)> = Vec::new();
    let (mut bytes, mut last) = (0_i64, None);
    for row in page {
        let length: i64 = column(row, 5)?;
        if bytes > 0 && bytes.saturating_add(length) > BYTES_MAX {
            ends.extend(last.take());
            bytes = 0;
        }
        bytes = bytes.saturating_add(length.max(1));
        last = Some((column(row, 0)?, column(row, 1)?));
    }
    ends.extend(last);
    Ok(ends)
}

fn place(row: &Row) -> Result<Place, Trouble> {
    Ok(Place::Document { kind: column(row, 0)?, key: column(row, 1)? })
}

fn outlined(row: &Row) -> Result<Record, Trouble> {
    let state = document_state(number(column(row, 2)?)?, column(row, 3)?, column(row, 4)?);
    Ok(Record { place: place(row)?, content: Content::Same(state) })
}

fn document(row: &Row) -> Result<Record, Trouble> {
    let version = number(column(row, 2)?)?;
    let content = Content::Document { version, terms: column(row, 3)?, body: Sealed::from_storage(column(row, 4)?)? };
    Ok(Record { place: place(row)?, content })
}

async fn topics(session: &Session, schema: &str, detail: Detail, to: &mpsc::Sender<Piece>) -> Result<bool, Trouble> {
    let sql = format!("SELECT name, last_sequence FROM {schema}.topic ORDER BY name");
    let mut rows = Vec::new();
    for row in &session.ask(&sql, vec![]).await? {
        let last = number(column(row, 1)?)?;
        let content = match detail {
            Detail::Full => Content::Topic { last, remembered: last },
            Detail::Outline => Content::Same(topic_state(last)),
        };
        rows.push(Record { place: Place::Topic { name: column(row, 0)? }, content });
    }
    Ok(send(to, rows).await)
}

async fn entries(session: &Session, schema: &str, detail: Detail, to: &mpsc::Sender<Piece>) -> Result<(), Trouble> {
    let body = if detail == Detail::Full { "body" } else { TAIL };
    let sql = format!(
        "SELECT topic, sequence, id, {body} FROM {schema}.entry WHERE (topic, sequence) > ($1, $2)
         ORDER BY topic, sequence LIMIT $3"
    );
    // Entries are records of the trail, of a few KiB.
    const ENTRIES: i64 = 200;
    let mut after = (String::new(), 0_i64);
    loop {
        let page = session.ask(&sql, vec![&after.0, &after.1, &ENTRIES]).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let next = (column(last, 0)?, column(last, 1)?);
        let mut rows = Vec::with_capacity(page.len());
        for row in &page {
            let content = match detail {
                Detail::Full => Content::Entry { id: column(row, 2)?, body: Sealed::from_storage(column(row, 3)?)? },
                Detail::Outline => Content::Same(entry_state(column(row, 2)?, column(row, 3)?)),
            };
            let sequence = number(column(row, 1)?)?;
            rows.push(Record { place: Place::Entry { topic: column(row, 0)?, sequence }, content });
        }
        if !send(to, rows).await {
            return Ok(());
        }
        after = next;
    }
}

/// What reading is told when there is nobody who could be asked.
pub(super) fn no_head() -> StoreError {
    StoreError::Damaged("its head is gone".to_owned())
}
