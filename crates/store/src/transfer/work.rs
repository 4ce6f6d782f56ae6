//! The work of moving: a store into a stream, a stream into a store, a store into a store, and the comparison of two.

use std::io::{Read, Write};

use strongroom_crypto::ledger::{Version, Witness};
use strongroom_crypto::{CryptoError, Sealed};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::format::{Reader, Writer};
use super::merge::{Pair, Rows, merge, next_pair, told};
use super::record::{Content, Place, Record};
use super::{Detail, Exporter, Header, Importer, Piece, StreamId, Summary, TransferError};
use crate::api::StoreError;
use crate::differing::TOPIC;

/// Pieces that wait for whoever takes them.
const PIECES_MAX: usize = 4;
/// Rows that are handed on together, and their bytes.
const ROWS_MAX: usize = 500;
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// Differences that are told.
const DIFFERENCES_MAX: usize = 100;

/// A stream that is to be made.
pub struct NewStream {
    /// Its name, which no other stream has.
    pub id: StreamId,
    /// When it is taken, in milliseconds since 1970.
    pub taken_ms: u64,
    /// The stream that it is to build on, whole or itself an increment.
    pub base: Option<Box<dyn Read + Send>>,
}

/// What a store was filled with, before that was held against the ledger.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The source's ledger.
    ledger: Option<Sealed>,
    /// Topics: name, the sequence that the source's engine has stored, the last that was given out.
    topics: Vec<(String, u64, u64)>,
    /// Rows that were written or removed.
    pub changed: u64,
    /// Entries of the feed that the source has.
    pub entries: u64,
    /// The stream, if it was one.
    pub summary: Option<Summary>,
}

impl Filled {
    fn note(&mut self, record: &Record) {
        self.entries += u64::from(matches!(record.place, Place::Entry { .. }));
        if let (Place::Topic { name }, Content::Topic { last, remembered }) = (&record.place, &record.content) {
            self.topics.push((name.clone(), *remembered, *last));
        }
    }
}

/// Reads how a stream begins.
///
/// # Errors
/// When it is not one that this release can read.
pub fn read_header(from: impl Read) -> Result<Header, TransferError> {
    Ok(Reader::begin(from)?.header)
}

/// Reads a stream to its end, without a store: whether it is whole.
///
/// # Errors
/// When it is not one that this release can read, or damaged.
pub fn read_through(from: impl Read) -> Result<Summary, TransferError> {
    let mut reader = Reader::begin(from)?;
    loop {
        if let Err(summary) = reader.next()? {
            return Ok(summary);
        }
    }
}

/// Writes all that `source` holds as of one moment into a stream; what the stream before has already is only named.
/// Returns the writer, flushed and not synced.
///
/// # Errors
/// When reading or writing fails, or the stream before is damaged.
pub async fn export<W: Write + Send + 'static>(
    source: &dyn Exporter,
    stream: NewStream,
    to: W,
) -> Result<(Summary, W), TransferError> {
    let (rows_to, mut rows) = mpsc::channel(PIECES_MAX);
    let (ready_to, ready) = mpsc::channel::<Vec<Record>>(PIECES_MAX);
    let (ledger_to, ledger) = oneshot::channel();
    let NewStream { id, taken_ms, base } = stream;
    let (base_id, mut before, reading) = read_base(base).await?;
    let writing = spawn_blocking(move || write(to, id, base_id, taken_ms, ledger, ready));
    let sorting = async move {
        let Some(Piece::Ledger(ledger)) = rows.recv().await else { return };
        if ledger_to.send(ledger).is_err() {
            return;
        }
        let mut rows = Rows::new(rows);
        let (mut page, mut bytes) = (Vec::new(), 0);
        while let Some(pair) = next_pair(&mut rows, &mut before).await {
            let record = match pair {
                Pair::Second(_) => continue,
                Pair::Both(record, state) if record.state() == state && is_document(&record) => {
                    Record { content: Content::Same(state), place: record.place }
                }
                Pair::First(record) | Pair::Both(record, _) => record,
            };
            bytes += record.bytes();
            page.push(record);
            if page.len() >= ROWS_MAX || bytes >= BYTES_MAX {
                bytes = 0;
                if ready_to.send(std::mem::take(&mut page)).await.is_err() {
                    return;
                }
            }
        }
        if !page.is_empty() {
            // Whoever writes has failed then, and says so.
            let _ = ready_to.send(page).await;
        }
    };
    let (exported, (), written) = tokio::join!(source.export(Detail::Full, rows_to), sorting, writing);
    if let Some(reading) = reading {
        reading.await.map_err(|_| died())??;
    }
    exported?;
    written.map_err(|_| died())?
}

fn is_document(record: &Record) -> bool {
    matches!(record.place, Place::Document { .. })
}

fn died() -> StoreError {
    StoreError::Unavailable("a thread that moved the store died".to_owned())
}

type Reading = tokio::task::JoinHandle<Result<Summary, TransferError>>;

/// The rows of the stream before.
async fn read_base(
    base: Option<Box<dyn Read + Send>>,
) -> Result<(Option<StreamId>, Rows, Option<Reading>), TransferError> {
    let (to, rows) = mpsc::channel(PIECES_MAX);
    let Some(base) = base else { return Ok((None, Rows::new(rows), None)) };
    let (header_to, header) = oneshot::channel();
    let reading = spawn_blocking(move || read(base, header_to, &to, Detail::Outline));
    match header.await {
        Ok(header) => Ok((Some(header.id), Rows::new(rows), Some(reading))),
        Err(_) => Err(reading.await.map_err(|_| died())?.err().unwrap_or_else(|| died().into())),
    }
}

fn write<W: Write>(
    to: W,
    id: StreamId,
    base: Option<StreamId>,
    taken_ms: u64,
    ledger: oneshot::Receiver<Option<Sealed>>,
    mut ready: mpsc::Receiver<Vec<Record>>,
) -> Result<(Summary, W), TransferError> {
    // The source has failed before it sent anything, and says so.
    let ledger = ledger.blocking_recv().map_err(|_| died())?;
    let mut writer = Writer::begin(to, Header { id, base, taken_ms, ledger })?;
    while let Some(rows) = ready.blocking_recv() {
        rows.iter().try_for_each(|record| writer.record(record))?;
    }
    writer.finish()
}

/// Reads a stream to its end, and sends its rows.
fn read(
    from: impl Read,
    header: oneshot::Sender<Header>,
    to: &mpsc::Sender<Piece>,
    detail: Detail,
) -> Result<Summary, TransferError> {
    let mut reader = Reader::begin(from)?;
    // Whoever has gone away wants no more of it.
    let _ = header.send(reader.header.clone());
    let (mut page, mut bytes) = (Vec::new(), 0);
    loop {
        let ended = match reader.next()? {
            Ok(mut record) => {
                if detail == Detail::Outline {
                    record.content = Content::Same(record.state());
                }
                bytes += record.bytes();
                page.push(record);
                None
            }
            Err(summary) => Some(summary),
        };
        if ended.is_some() || page.len() >= ROWS_MAX || bytes >= BYTES_MAX {
            bytes = 0;
            let gone = to.blocking_send(Piece::Rows(std::mem::take(&mut page))).is_err();
            if let Some(summary) = ended {
                return Ok(summary);
            }
            if gone {
                return Err(TransferError::Format("nobody takes it"));
            }
        }
    }
}

/// Has `target` hold what the stream says: all of it, or what an increment changes in what is there, which is the stream
/// `after`. The target is unfinished then, and to be sealed and published.
///
/// # Errors
/// When the stream is damaged or builds on something else, another store is there, or reading or writing fails.
pub async fn fill(
    target: &dyn Importer,
    after: Option<StreamId>,
    from: impl Read + Send + 'static,
) -> Result<Filled, TransferError> {
    let (to, rows) = mpsc::channel(PIECES_MAX);
    let (header_to, header) = oneshot::channel();
    let reading = spawn_blocking(move || read(from, header_to, &to, Detail::Full));
    let Ok(header) = header.await else {
        return Err(reading.await.map_err(|_| died())?.err().unwrap_or_else(|| died().into()));
    };
    if header.base.is_some() && header.base != after {
        let here = after.map_or_else(|| "none".to_owned(), |after| after.to_string());
        let wanted = header.base.unwrap_or_default();
        return Err(TransferError::Base(format!("stream {} builds on stream {wanted}, and {here} is here", header.id)));
    }
    let merged = take(target, Rows::new(rows), header.ledger).await;
    let read = reading.await.map_err(|_| died())?;
    // Where the target refused, the stream was not read further, and the reason is the target's.
    let mut filled = match (merged, read) {
        (Err(error), Err(TransferError::Format("nobody takes it")) | Ok(_)) => return Err(error),
        (_, Err(error)) => return Err(error),
        (Ok(filled), Ok(summary)) => Filled { summary: Some(summary), ..filled },
    };
    filled.topics.sort();
    Ok(filled)
}

/// Has `target` hold what `source` holds as of one moment. The target is unfinished then, and to be sealed and published.
///
/// # Errors
/// When another store is there, or reading or writing fails.
pub async fn copy(source: &dyn Exporter, target: &dyn Importer) -> Result<Filled, TransferError> {
    let (to, mut rows) = mpsc::channel(PIECES_MAX);
    let taking = async move {
        let Some(Piece::Ledger(ledger)) = rows.recv().await else { return Err(died().into()) };
        take(target, Rows::new(rows), ledger).await
    };
    let (exported, taken) = tokio::join!(source.export(Detail::Full, to), taking);
    exported?;
    taken
}

async fn take(target: &dyn Importer, mut rows: Rows, ledger: Option<Sealed>) -> Result<Filled, TransferError> {
    target.begin().await?;
    let mut filled = Filled { ledger, topics: Vec::new(), changed: 0, entries: 0, summary: None };
    let (to, outline) = mpsc::channel(PIECES_MAX);
    let merging = async {
        let mut outline = Rows::new(outline);
        merge(target, &mut rows, &mut outline, |record| filled.note(record)).await
    };
    let (outlined, merged) = tokio::join!(target.export(Detail::Outline, to), merging);
    outlined?;
    filled.changed = merged?;
    Ok(filled)
}

/// Holds what a store was filled with against the source's ledger, row by row as far as they differ, and gives it that
/// ledger. A source without one leaves it without.
///
/// # Errors
/// `Differs` when anything is not what the ledger vouches for; when reading or writing fails.
pub async fn seal(target: &dyn Importer, filled: &Filled, witness: &Witness) -> Result<(), TransferError> {
    let Some(sealed) = &filled.ledger else { return Ok(()) };
    let damaged = |error: CryptoError| StoreError::Damaged(format!("the source's ledger is {error}"));
    let mut ledger = witness.open(sealed).map_err(damaged)?;
    // What a topic remembers is the engine's own affair.
    for (name, remembered, last) in filled.topics.iter().filter(|(_, remembered, last)| remembered != last) {
        let place = witness.place(TOPIC, name, "");
        let version = |number: &u64| Version { number: *number, tail: &[], beside: &[] };
        ledger.remove(&witness.mark(&place, &version(remembered)));
        ledger.add(&witness.mark(&place, &version(last)));
    }
    let faults = target.keep(witness, &ledger).await?;
    if faults.is_empty() { Ok(()) } else { Err(TransferError::Differs(faults)) }
}

/// The sealed ledger of a store, and the keys and bodies of all documents of a kind.
///
/// # Errors
/// When reading fails.
pub async fn beginnings(
    source: &dyn Exporter,
    kind: &str,
) -> Result<(Option<Sealed>, Vec<(String, Sealed)>), TransferError> {
    let (to, mut pieces) = mpsc::channel(1);
    let looking = async move {
        let Some(Piece::Ledger(ledger)) = pieces.recv().await else { return Err(died().into()) };
        let (mut rows, mut found) = (Rows::new(pieces), Vec::new());
        while let Some(record) = rows.next().await {
            match (record.place, record.content) {
                (Place::Document { kind: of, key }, Content::Document { body, .. }) if of == kind => {
                    found.push((key, body));
                }
                (Place::Document { kind: of, .. }, _) if of.as_str() < kind => {}
                _ => break,
            }
        }
        Ok((ledger, found))
    };
    let (exported, found) = tokio::join!(source.export(Detail::Full, to), looking);
    exported?;
    found
}

/// Compares two stores row by row: place, version, terms, and each body byte for byte. How many documents were compared.
///
/// # Errors
/// `Differs` with the places where they do; when reading fails.
pub async fn compare(source: &dyn Exporter, target: &dyn Exporter) -> Result<u64, TransferError> {
    let (source_to, left) = mpsc::channel(PIECES_MAX);
    let (target_to, right) = mpsc::channel(PIECES_MAX);
    let comparing = async {
        let (mut left, mut right) = (Rows::new(left), Rows::new(right));
        let (mut documents, mut differences) = (0_u64, Vec::new());
        loop {
            let (Some(one), Some(other)) = (left.peek().await, right.peek().await) else { break };
            let fault = match one.place.cmp(&other.place) {
                std::cmp::Ordering::Less => Some(format!("{} is missing", told(&one.place))),
                std::cmp::Ordering::Greater => Some(format!("{} was added", told(&other.place))),
                std::cmp::Ordering::Equal if is_equal(one, other) => None,
                std::cmp::Ordering::Equal => Some(format!("{} is another", told(&one.place))),
            };
            let (step_left, step_right) = (one.place <= other.place, other.place <= one.place);
            documents += u64::from(step_left && is_document(one));
            if step_left {
                left.next().await;
            }
            if step_right {
                right.next().await;
            }
            differences.extend(fault.filter(|_| differences.len() < DIFFERENCES_MAX));
        }
        if let Some(one) = left.peek().await {
            differences.push(format!("{} is missing", told(&one.place)));
        }
        if let Some(other) = right.peek().await {
            differences.push(format!("{} was added", told(&other.place)));
        }
        (documents, differences)
    };
    let (exported, other, (documents, differences)) =
        tokio::join!(source.export(Detail::Full, source_to), target.export(Detail::Full, target_to), comparing);
    exported?;
    other?;
    if differences.is_empty() { Ok(documents) } else { Err(TransferError::Differs(differences)) }
}

fn is_equal(one: &Record, other: &Record) -> bool {
    match (&one.content, &other.content) {
        // What a topic remembers is the engine's own affair.
        (Content::Topic { last: one, .. }, Content::Topic { last: other, .. }) => one == other,
        (one, other) => one == other,
    }
}
