//! The stream of a store as bytes.
//!
//! `STRONGROOM-STREAM-1`, line feed; the header: the stream's id (16 bytes), whether it builds on another (1 byte) and that
//! one's id (16 bytes), when it was taken (milliseconds, 8 bytes), the sealed ledger, its length in front (0 for none). Then
//! the rows, each with a byte that says what it is, in the order of their places; of a document's key only what differs from
//! the one before. At last the counts, and the SHA-256 of everything before it. Numbers are big-endian, lengths 4 bytes.
//! Everything that is read is bounded before memory is taken for it.

use std::io::{self, Read, Write};

use strongroom_crypto::Sealed;
use strongroom_crypto::digest::Sha256;

use super::record::{Content, NAME_BYTES_MAX, Place, Record, TERMS_BYTES_MAX};
use super::{Counts, Header, StreamId, Summary, TransferError};
use crate::rules::{BODY_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};

const MAGIC: &[u8; 20] = b"STRONGROOM-STREAM-1\n";
const LEDGER_BYTES_MAX: usize = 64 * 1024;
const DOCUMENT: u8 = 1;
const SAME_DOCUMENT: u8 = 2;
const TOPIC: u8 = 3;
const ENTRY: u8 = 4;
const END: u8 = 9;

/// Writes a stream.
pub(super) struct Writer<W> {
    to: W,
    hash: Sha256,
    bytes: u64,
    header: Header,
    counts: Counts,
    before: (String, String),
}

impl<W: Write> Writer<W> {
    pub(super) fn begin(to: W, header: Header) -> Result<Self, TransferError> {
        let (hash, before) = (Sha256::default(), Default::default());
        let mut writer = Self { to, hash, bytes: 0, header, counts: Counts::default(), before };
        writer.put(MAGIC)?;
        let Header { id, base, taken_ms, ledger } = writer.header.clone();
        writer.put(&id.0)?;
        writer.put(&[u8::from(base.is_some())])?;
        writer.put(&base.unwrap_or_default().0)?;
        writer.number(taken_ms)?;
        writer.part(ledger.as_ref().map(Sealed::as_bytes).unwrap_or_default())?;
        Ok(writer)
    }

    pub(super) fn record(&mut self, record: &Record) -> Result<(), TransferError> {
        self.counts.add(record);
        match (&record.place, &record.content) {
            (Place::Document { kind, key }, Content::Document { version, terms, body }) => {
                self.put(&[DOCUMENT])?;
                self.key(kind, key)?;
                self.number(*version)?;
                self.part(terms)?;
                self.part(body.as_bytes())
            }
            (Place::Document { kind, key }, Content::Same(state)) => {
                self.put(&[SAME_DOCUMENT])?;
                self.key(kind, key)?;
                self.put(state)
            }
            (Place::Topic { name }, Content::Topic { last, remembered }) => {
                self.put(&[TOPIC])?;
                self.part(name.as_bytes())?;
                self.number(*last)?;
                self.number(*remembered)
            }
            (Place::Entry { topic, sequence }, Content::Entry { id, body }) => {
                self.put(&[ENTRY])?;
                self.part(topic.as_bytes())?;
                self.number(*sequence)?;
                self.part(id.as_bytes())?;
                self.part(body.as_bytes())
            }
            _ => Err(TransferError::Format("a row that has no form")),
        }
    }

    /// Ends the stream. What was written is not synced.
    pub(super) fn finish(mut self) -> Result<(Summary, W), TransferError> {
        let Counts { documents, same, topics, entries } = self.counts;
        self.put(&[END])?;
        for count in [documents, same, topics, entries] {
            self.number(count)?;
        }
        let digest = std::mem::take(&mut self.hash).finish();
        self.put(&digest)?;
        self.to.flush()?;
        let Header { id, base, taken_ms, .. } = self.header;
        Ok((Summary { id, base, taken_ms, counts: self.counts, bytes: self.bytes, digest }, self.to))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        self.hash.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(self.to.write_all(bytes)?)
    }

    fn number(&mut self, number: u64) -> Result<(), TransferError> {
        self.put(&number.to_be_bytes())
    }

    fn part(&mut self, part: &[u8]) -> Result<(), TransferError> {
        let length = u32::try_from(part.len()).map_err(|_| TransferError::Format("a row that is too long"))?;
        self.put(&length.to_be_bytes())?;
        self.put(part)
    }

    fn key(&mut self, kind: &str, key: &str) -> Result<(), TransferError> {
        let before = if self.before.0 == kind { self.before.1.as_str() } else { "" };
        let mut shared = before.bytes().zip(key.bytes()).take_while(|(left, right)| left == right).count();
        while !key.is_char_boundary(shared) {
            shared -= 1;
        }
        let rest = key.get(shared..).unwrap_or_default().as_bytes();
        self.part(kind.as_bytes())?;
        let shared = u32::try_from(shared).map_err(|_| TransferError::Format("a key that is too long"))?;
        self.put(&shared.to_be_bytes())?;
        self.part(rest)?;
        self.before = (kind.to_owned(), key.to_owned());
        Ok(())
    }
}

/// Reads a stream.
pub(super) struct Reader<R> {
    from: R,
    hash: Sha256,
    bytes: u64,
    pub(super) header: Header,
    counts: Counts,
    before: Option<Place>,
}

impl<R: Read> Reader<R> {
    pub(super) fn begin(from: R) -> Result<Self, TransferError> {
        let header = Header { id: StreamId::default(), base: None, taken_ms: 0, ledger: None };
        let (hash, counts) = (Sha256::default(), Counts::default());
        let mut reader = Self { from, hash, bytes: 0, header, counts, before: None };
        if &reader.take::<20>()? != MAGIC {
            return Err(TransferError::Format("it does not begin like one that this release reads"));
        }
        let id = StreamId(reader.take()?);
        let has_base = reader.take::<1>()?;
        let base = StreamId(reader.take()?);
        let taken_ms = reader.number()?;
        let ledger = reader.part(LEDGER_BYTES_MAX)?;
        let ledger = if ledger.is_empty() { None } else { Some(sealed(ledger)?) };
        reader.header = Header { id, base: (has_base == [1]).then_some(base), taken_ms, ledger };
        Ok(reader)
    }

    /// The next row; what the stream was when it has ended as it should.
    pub(super) fn next(&mut self) -> Result<Result<Record, Summary>, TransferError> {
        let [tag] = self.take()?;
        let (place, content) = match tag {
            DOCUMENT => {
                let place = self.key()?;
                let version = self.number()?;
                let terms = self.part(TERMS_BYTES_MAX)?;
                (place, Content::Document { version, terms, body: sealed(self.part(BODY_BYTES_MAX)?)? })
            }
            SAME_DOCUMENT => (self.key()?, Content::Same(self.take()?)),
            TOPIC => {
                let name = self.text(NAME_BYTES_MAX)?;
                let (last, remembered) = (self.number()?, self.number()?);
                (Place::Topic { name }, Content::Topic { last, remembered })
            }
            ENTRY => {
                let (topic, sequence) = (self.text(NAME_BYTES_MAX)?, self.number()?);
                let id = self.text(VALUE_BYTES_MAX)?;
                (Place::Entry { topic, sequence }, Content::Entry { id, body: sealed(self.part(BODY_BYTES_MAX)?)? })
            }
            END => return self.end().map(Err),
            _ => return Err(TransferError::Format("a row of no known sort")),
        };
        if self.before.as_ref().is_some_and(|before| *before >= place) {
            return Err(TransferError::Format("rows that are not in order"));
        }
        let record = Record { place, content };
        record.check()?;
        self.before = Some(record.place.clone());
        self.counts.add(&record);
        Ok(Ok(record))
    }

    fn end(&mut self) -> Result<Summary, TransferError> {
        let counts =
            Counts { documents: self.number()?, same: self.number()?, topics: self.number()?, entries: self.number()? };
        let expected = std::mem::take(&mut self.hash).finish();
        let digest = self.take()?;
        if counts != self.counts || digest != expected {
            return Err(TransferError::Format("its counts or its digest are not those of what is in it"));
        }
        if self.from.read(&mut [0])? != 0 {
            return Err(TransferError::Format("something stands behind its end"));
        }
        let Header { id, base, taken_ms, .. } = self.header;
        Ok(Summary { id, base, taken_ms, counts, bytes: self.bytes, digest })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], TransferError> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(cut)?;
        self.note(&bytes);
        Ok(bytes)
    }

    fn note(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }

    fn number(&mut self) -> Result<u64, TransferError> {
        Ok(u64::from_be_bytes(self.take()?))
    }

    fn length(&mut self, bytes_max: usize) -> Result<usize, TransferError> {
        let length = usize::try_from(u32::from_be_bytes(self.take()?)).unwrap_or(usize::MAX);
        if length > bytes_max { Err(TransferError::Format("a row that is too long")) } else { Ok(length) }
    }

    fn part(&mut self, bytes_max: usize) -> Result<Vec<u8>, TransferError> {
        let length = self.length(bytes_max)?;
        let mut part = Vec::new();
        // Memory grows with what is there, not with what the length says.
        (&mut self.from).take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(&mut part)?;
        if part.len() != length {
            return Err(TransferError::Format("it is cut short"));
        }
        self.note(&part);
        Ok(part)
    }

    fn text(&mut self, bytes_max: usize) -> Result<String, TransferError> {
        String::from_utf8(self.part(bytes_max)?).map_err(|_| TransferError::Format("a name that is no text"))
    }

    fn key(&mut self) -> Result<Place, TransferError> {
        let kind = self.text(NAME_BYTES_MAX)?;
        let shared = self.length(KEY_BYTES_MAX)?;
        let rest = self.text(KEY_BYTES_MAX)?;
        let before = match &self.before {
            Some(Place::Document { kind: former, key }) if *former == kind => key.as_str(),
            _ => "",
        };
        let shared = before.get(..shared).ok_or(TransferError::Format("a key that goes on from none"))?;
        Ok(Place::Document { key: format!("{shared}{rest}"), kind })
    }
}

fn cut(error: io::Error) -> TransferError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        TransferError::Format("it is cut short")
    } else {
        TransferError::Io(error)
    }
}

fn sealed(bytes: Vec<u8>) -> Result<Sealed, TransferError> {
    Sealed::from_storage(bytes).map_err(|_| TransferError::Format("a body that is not sealed"))
}
