//! The store's ledger: sums over all documents and feed entries, changed with each commit in its own transaction, sealed
//! by who holds the keys. What it says of a store is found by [`differences`].

use rusqlite::{Connection, OptionalExtension, Statement, params};
use strongroom_crypto::ledger::{Ledger, Mark, Place, TAIL_BYTES, Version, Witness, tail};
use strongroom_crypto::{CryptoError, Sealed};

use super::feed::{self, Item};
use crate::api::{LedgerBegin, StoreError};
use crate::differing::{DOCUMENT, Differing, ENTRY, Names, TOPIC};
use crate::held;
use crate::reading::number;

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
    /// For a connection; opens the ledger when its witness is known already, which must not count fewer commits than
    /// were made.
    pub(super) fn prepare(connection: &'c Connection, known: Option<(Witness, u64)>) -> Result<Self, StoreError> {
        let sealed = read(connection)?;
        let write = connection.prepare("INSERT OR REPLACE INTO ledger (id, body) VALUES (1, ?1)")?;
        let exists = sealed.is_some();
        let open = match (known, sealed) {
            (Some((witness, commits)), Some(sealed)) => {
                let ledger = open(&witness, &sealed)?;
                if ledger.commits() < commits {
                    return Err(StoreError::Damaged("its ledger is older than the last commit".to_owned()));
                }
                Some((witness, ledger))
            }
            (Some(_), None) => return Err(gone()),
            (None, _) => None,
        };
        Ok(Self { write, exists, open, changed: false })
    }

    /// Commits that it counts.
    pub(super) fn commits(&self) -> u64 {
        self.open.as_ref().map_or(0, |(_, ledger)| ledger.commits())
    }

    /// Nothing may be written past a ledger that was not opened.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.exists && self.open.is_none() {
            return Err(StoreError::Unavailable("its ledger was not opened".to_owned()));
        }
        Ok(())
    }

    /// Opens the ledger, or begins one with all that is stored.
    pub(super) fn keep(
        &mut self,
        connection: &Connection,
        witness: &Witness,
        begin: LedgerBegin,
    ) -> Result<(), StoreError> {
        let ledger = match begin {
            LedgerBegin::There => stored(connection, witness)?,
            LedgerBegin::New if is_empty(connection)? => taken(connection, witness)?,
            LedgerBegin::New => {
                return Err(StoreError::Damaged("it holds something, but not what it hangs on".to_owned()));
            }
            LedgerBegin::Anew => anew(connection, witness)?,
        };
        self.changed = begin != LedgerBegin::There;
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

    /// Notes that the document `key` of `kind`, which was `before`, is now `after`.
    pub(super) fn note(&mut self, kind: &str, key: &str, before: Option<&Version<'_>>, after: Option<&Version<'_>>) {
        self.change(|witness| witness.place(DOCUMENT, kind, key), before, after);
    }

    /// Notes that a topic of the feed remembers another sequence.
    pub(super) fn note_topic(&mut self, name: &str, before: Option<u64>, after: u64) {
        let version = |number| Version { number, tail: &[], beside: &[] };
        let before = before.map(version);
        self.change(|witness| witness.place(TOPIC, name, ""), before.as_ref(), Some(&version(after)));
    }

    /// Notes that an entry of the feed came or went.
    pub(super) fn note_entry(&mut self, topic: &str, sequence: u64, tail: &[u8], came: bool) {
        let entry = Version { number: sequence, tail, beside: &[] };
        let (before, after) = if came { (None, Some(&entry)) } else { (Some(&entry), None) };
        self.change(|witness| witness.place(ENTRY, topic, ""), before, after);
    }

    fn change(
        &mut self,
        place: impl FnOnce(&Witness) -> Place,
        before: Option<&Version<'_>>,
        after: Option<&Version<'_>>,
    ) {
        let Some((witness, ledger)) = &mut self.open else { return };
        let place = place(witness);
        if let Some(before) = before {
            ledger.remove(&witness.mark(&place, before));
        }
        if let Some(after) = after {
            ledger.add(&witness.mark(&place, after));
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

/// Whether there is no row at all.
pub(super) fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM document) OR EXISTS (SELECT 1 FROM entry)
        OR EXISTS (SELECT 1 FROM topic) OR EXISTS (SELECT 1 FROM ledger)";
    let any: bool = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(!any)
}

/// A ledger of what is stored now.
fn taken(connection: &Connection, witness: &Witness) -> Result<Ledger, StoreError> {
    let mut ledger = Ledger::default();
    each_row(connection, witness, |mark, _| ledger.add(&mark))?;
    Ok(ledger)
}

/// Makes the indexes anew from the lists that stand beside the documents.
fn rebuild_indexes(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("DELETE FROM term; DELETE FROM unique_key")?;
    let mut add_term = connection.prepare("INSERT OR IGNORE INTO term (ix, value, key) VALUES (?1, ?2, ?3)")?;
    let mut claim = connection.prepare("INSERT INTO unique_key (ix, value, kind, key) VALUES (?1, ?2, ?3, ?4)")?;
    let mut documents = connection.prepare("SELECT kind, key, terms FROM document")?;
    let mut rows = documents.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, key, list) = (text(row, 0)?, text(row, 1)?, blob(row, 2)?);
        for mark in held::decode(list)? {
            if mark.unique {
                claim.execute(params![mark.index, mark.value, kind, key])?;
            } else {
                add_term.execute(params![mark.index, mark.value, key])?;
            }
        }
    }
    Ok(())
}

/// A ledger of what is stored now, with indexes made anew from it, which goes on counting where the one before stopped, if that can be opened.
fn anew(connection: &Connection, witness: &Witness) -> Result<Ledger, StoreError> {
    rebuild_indexes(connection)?;
    let mut ledger = taken(connection, witness)?;
    if let Ok(before) = stored(connection, witness) {
        ledger.go_on_from(&before);
    }
    Ok(ledger)
}

/// Calls `each` with the mark of each stored row, and what makes its name.
fn each_row(
    connection: &Connection,
    witness: &Witness,
    mut each: impl FnMut(Mark, &dyn Fn() -> String),
) -> Result<(), StoreError> {
    let mut documents =
        connection.prepare(&format!("SELECT kind, key, version, {TAIL_COLUMN}, terms FROM document"))?;
    let mut rows = documents.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, key) = (text(row, 0)?, text(row, 1)?);
        let version = Version { number: number(row.get(2)?)?, tail: blob(row, 3)?, beside: blob(row, 4)? };
        let mark = witness.mark(&witness.place(DOCUMENT, kind, key), &version);
        each(mark, &|| format!("{kind} {key}"));
    }
    feed::each_item(connection, |item| match *item {
        Item::Topic { name, remembered } => {
            let version = Version { number: remembered, tail: &[], beside: &[] };
            let mark = witness.mark(&witness.place(TOPIC, name, ""), &version);
            each(mark, &|| format!("what is remembered of the feed {name}"));
        }
        Item::Entry { topic, sequence, tail } => {
            let version = Version { number: sequence, tail, beside: &[] };
            let mark = witness.mark(&witness.place(ENTRY, topic, ""), &version);
            each(mark, &|| format!("entry {sequence} of the feed {topic}"));
        }
    })
}

pub(super) fn text<'r>(row: &'r rusqlite::Row<'_>, at: usize) -> Result<&'r str, StoreError> {
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
    let mut differing = Differing::new(found);
    each_row(connection, witness, |mark, name| differing.look_at(mark, name))?;
    let mut names = differing.unnamed();
    if !names.is_empty() {
        look_for_names(connection, witness, &mut names)?;
    }
    Ok(differing.told(&names))
}

/// Looks through all that still tells of rows that are not there.
fn look_for_names(connection: &Connection, witness: &Witness, names: &mut Names) -> Result<(), StoreError> {
    let column = |sql: &str| -> Result<Vec<String>, StoreError> {
        let mut statement = connection.prepare(sql)?;
        let found = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    };
    for topic in column("SELECT name FROM topic")? {
        names.look_at_topic(witness, &topic);
    }
    let kinds = column("SELECT DISTINCT kind FROM document UNION SELECT DISTINCT kind FROM unique_key")?;
    for key in column("SELECT key FROM term UNION SELECT key FROM unique_key UNION SELECT key FROM document")? {
        for kind in &kinds {
            names.look_at_document(witness, kind, &key);
        }
    }
    Ok(())
}

/// The end of a body that is about to be stored.
pub(super) fn tail_of(body: &Sealed) -> &[u8] {
    tail(body.as_bytes())
}
