//! The store's ledger: sums over all documents and feed entries, changed with each commit in its own transaction, sealed
//! by who holds the keys. What it says of a store is found by [`differences`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, Statement, params};
use strongroom_crypto::ledger::{Ledger, Mark, Place, TAIL_BYTES, Witness, tail};
use strongroom_crypto::{CryptoError, Sealed};

use super::feed::{self, Item};
use super::queries::number;
use crate::api::StoreError;

/// Kind that the feed's entries have in the ledger. No document's kind holds a colon.
const FEED: &str = "feed:";
/// Part of a statement that reads the end of a body.
pub(super) const TAIL_COLUMN: &str = "substr(body, -16)";
const _: () = assert!(TAIL_BYTES == 16, "as the column says");

/// The writer's side.
pub(super) struct LedgerWriter<'c> {
    write: Statement<'c>,
    /// Whether the store has one.
    exists: bool,
    open: Option<(Witness, Ledger)>,
    changed: bool,
}

impl<'c> LedgerWriter<'c> {
    /// For a connection; opens the ledger when `witness` is known already.
    pub(super) fn prepare(connection: &'c Connection, witness: Option<Witness>) -> Result<Self, StoreError> {
        let sealed = read(connection)?;
        let write = connection.prepare("INSERT OR REPLACE INTO ledger (id, body) VALUES (1, ?1)")?;
        let exists = sealed.is_some();
        let open = match (witness, sealed) {
            (Some(witness), Some(sealed)) => {
                let ledger = open(&witness, &sealed)?;
                Some((witness, ledger))
            }
            (Some(_), None) => return Err(gone()),
            (None, _) => None,
        };
        Ok(Self { write, exists, open, changed: false })
    }

    /// Nothing may be written past a ledger that was not opened.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.exists && self.open.is_none() {
            return Err(StoreError::Unavailable("its ledger was not opened".to_owned()));
        }
        Ok(())
    }

    /// Opens the ledger, or begins one with all that is stored.
    pub(super) fn keep(&mut self, connection: &Connection, witness: &Witness, must: bool) -> Result<(), StoreError> {
        let ledger = match read(connection)? {
            Some(sealed) => open(witness, &sealed)?,
            None if must => return Err(gone()),
            None => {
                self.changed = true;
                taken(connection, witness)?
            }
        };
        self.open = Some((witness.clone(), ledger));
        Ok(())
    }

    /// Takes back what [`LedgerWriter::keep`] did, when nothing of it was written.
    pub(super) fn give_up(&mut self) {
        self.open = None;
        self.changed = false;
    }

    /// Names the anchor from the next commit on.
    pub(super) fn set_anchor(&mut self, anchor: [u8; 16]) {
        if let Some((_, ledger)) = &mut self.open {
            ledger.set_anchor(anchor);
            self.changed = true;
        }
    }

    /// Notes that the row `key` of `kind`, which was of version and tail `before`, is now `after`.
    pub(super) fn note(&mut self, kind: &str, key: &str, before: Option<Version<'_>>, after: Option<Version<'_>>) {
        let Some((witness, ledger)) = &mut self.open else { return };
        let place = witness.place(kind, key);
        if let Some((version, tail)) = before {
            ledger.remove(&witness.mark(&place, version, tail));
        }
        if let Some((version, tail)) = after {
            ledger.add(&witness.mark(&place, version, tail));
        }
        self.changed = true;
    }

    /// Notes that an entry of the feed came or went.
    pub(super) fn note_entry(&mut self, topic: &str, sequence: u64, tail: &[u8], came: bool) {
        let Some((witness, ledger)) = &mut self.open else { return };
        let mark = entry_mark(witness, topic, sequence, tail);
        if came {
            ledger.add(&mark);
        } else {
            ledger.remove(&mark);
        }
        self.changed = true;
    }

    /// Writes the ledger into the open transaction, counted as one commit more when that is to be durable.
    pub(super) fn write(&mut self, durable: bool) -> Result<(), StoreError> {
        let Some((witness, ledger)) = self.open.as_mut().filter(|_| self.changed) else { return Ok(()) };
        if durable {
            ledger.count_commit();
        }
        self.write.execute(params![witness.seal(ledger)?.as_bytes()])?;
        self.exists = true;
        self.changed = false;
        Ok(())
    }
}

/// A row's version, and the end of its body.
pub(super) type Version<'a> = (u64, &'a [u8]);

fn gone() -> StoreError {
    StoreError::Damaged("its ledger is gone".to_owned())
}

fn open(witness: &Witness, sealed: &Sealed) -> Result<Ledger, StoreError> {
    witness.open(sealed).map_err(|error| StoreError::Damaged(format!("its ledger is {error}")))
}

fn read(connection: &Connection) -> Result<Option<Sealed>, StoreError> {
    let mut statement = connection.prepare("SELECT body FROM ledger WHERE id = 1")?;
    let body: Option<Vec<u8>> = statement.query_row([], |row| row.get(0)).optional()?;
    let sealed = body.map(Sealed::from_storage).transpose();
    sealed.map_err(|error: CryptoError| StoreError::Damaged(format!("its ledger is {error}")))
}

/// The stored ledger.
pub(super) fn stored(connection: &Connection, witness: &Witness) -> Result<Ledger, StoreError> {
    open(witness, &read(connection)?.ok_or_else(gone)?)
}

/// A ledger of what is stored now.
fn taken(connection: &Connection, witness: &Witness) -> Result<Ledger, StoreError> {
    let mut ledger = Ledger::default();
    each_row(connection, witness, |mark, _| ledger.add(&mark))?;
    Ok(ledger)
}

fn entry_mark(witness: &Witness, topic: &str, sequence: u64, tail: &[u8]) -> Mark {
    witness.mark(&witness.place(&format!("{FEED}{topic}"), ""), sequence, tail)
}

/// Calls `each` with the mark of each stored row, and what makes its name.
fn each_row(
    connection: &Connection,
    witness: &Witness,
    mut each: impl FnMut(Mark, &dyn Fn() -> String),
) -> Result<(), StoreError> {
    let mut documents = connection.prepare(&format!("SELECT kind, key, version, {TAIL_COLUMN} FROM document"))?;
    let mut rows = documents.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, key) = (text(row, 0)?, text(row, 1)?);
        let version = number(row.get(2)?)?;
        let mark = witness.mark(&witness.place(kind, key), version, blob(row, 3)?);
        each(mark, &|| format!("{kind} {key}"));
    }
    feed::each_item(connection, |item| match item {
        Item::Topic { name, remembered } => {
            let mark = witness.mark(&witness.place(feed::TOPIC, name), *remembered, &[]);
            each(mark, &|| format!("what is remembered of the feed {name}"));
        }
        Item::Entry { topic, sequence, tail } => {
            let mark = entry_mark(witness, topic, *sequence, tail);
            each(mark, &|| format!("entry {sequence} of the feed {topic}"));
        }
    })
}

fn text<'r>(row: &'r rusqlite::Row<'_>, at: usize) -> Result<&'r str, StoreError> {
    row.get_ref(at)?.as_str().map_err(|_| StoreError::Damaged("a column that is no text".to_owned()))
}

pub(super) fn blob<'r>(row: &'r rusqlite::Row<'_>, at: usize) -> Result<&'r [u8], StoreError> {
    row.get_ref(at)?.as_blob().map_err(|_| StoreError::Damaged("a column that is no bytes".to_owned()))
}

/// What is stored and is not what was last written, each in words. `connection` sees one moment.
pub(super) fn differences(connection: &Connection, witness: &Witness) -> Result<Vec<String>, StoreError> {
    let expected = stored(connection, witness)?;
    let found = expected.difference(&taken(connection, witness)?);
    if found.is_none() {
        return Ok(Vec::new());
    }
    let mut missing: BTreeMap<u64, Mark> = found.missing.iter().map(|mark| (mark.place, *mark)).collect();
    let extra: BTreeSet<Mark> = found.extra.iter().copied().collect();
    let mut faults = Vec::new();
    each_row(connection, witness, |mark, name| {
        if !extra.contains(&mark) {
            return;
        }
        // A feed's entries share their place; their sequence is the version.
        let fault = match missing.remove(&mark.place) {
            Some(written) if written.version == mark.version => "is another than the one that was written".to_owned(),
            Some(written) => {
                format!("is of version {}, and version {} was written last", mark.version, written.version)
            }
            None => "was not written, or was deleted".to_owned(),
        };
        faults.push(format!("{}: what is stored {fault}", name()));
    })?;
    let names = names_of(connection, witness, &missing)?;
    for mark in missing.values() {
        let name = names.get(&mark.place).map_or("a document or entry that nothing names", String::as_str);
        faults.push(format!("{name}: its row, of version {}, is gone", mark.version));
    }
    if found.more {
        faults.push("more rows than can be named are not those that were written last".to_owned());
    }
    Ok(faults)
}

/// Names of rows that are gone, as far as indexes and topics still tell of them.
fn names_of(
    connection: &Connection,
    witness: &Witness,
    missing: &BTreeMap<u64, Mark>,
) -> Result<HashMap<u64, String>, StoreError> {
    let mut names = HashMap::new();
    if missing.is_empty() {
        return Ok(names);
    }
    let mut look = |place: Place, name: String| {
        let number = witness.number(&place);
        if missing.contains_key(&number) {
            names.insert(number, name);
        }
    };
    let column = |sql: &str| -> Result<Vec<String>, StoreError> {
        let mut statement = connection.prepare(sql)?;
        let found = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    };
    for topic in column("SELECT name FROM topic")? {
        look(witness.place(&format!("{FEED}{topic}"), ""), format!("an entry of the feed {topic}"));
    }
    let kinds = column("SELECT DISTINCT kind FROM document UNION SELECT DISTINCT kind FROM unique_key")?;
    for key in column("SELECT key FROM term UNION SELECT key FROM unique_key")? {
        for kind in &kinds {
            look(witness.place(kind, &key), format!("{kind} {key}"));
        }
    }
    Ok(names)
}

/// The end of a body that is about to be stored.
pub(super) fn tail_of(body: &Sealed) -> &[u8] {
    tail(body.as_bytes())
}
