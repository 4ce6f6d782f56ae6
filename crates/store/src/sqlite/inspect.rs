//! Looking a store over: whether it is whole, and how much is in it.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, params};
use strongroom_crypto::{Sealed, Witness};

use super::feed;
use super::files;
use super::ledger;
use super::readers::Snapshot;
use crate::api::StoreError;
use crate::engine::{FAULTS_MAX, Integrity, Stats};
use crate::held;

/// Checks the file's structure and that documents and indexes agree, all as of one moment.
pub(super) fn integrity(connection: &Connection, witness: Option<&Witness>) -> Result<Integrity, StoreError> {
    let snapshot = Snapshot::begin(connection)?;
    let mut found = Integrity::default();
    let checked = check_structure(&snapshot, &mut found)
        .and_then(|()| check_documents(&snapshot, &mut found))
        .and_then(|()| check_counts(&snapshot, &mut found))
        .and_then(|()| check_feed(&snapshot, &mut found))
        .and_then(|()| check_ledger(&snapshot, witness, &mut found));
    match checked {
        Err(StoreError::Damaged(what)) => found.fault(what),
        other => other?,
    }
    Ok(found)
}

fn check_structure(connection: &Connection, found: &mut Integrity) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FAULTS_MAX})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            found.fault(line);
        }
    }
    Ok(())
}

/// Every document's list of terms must be in the indexes.
fn check_documents(connection: &Connection, found: &mut Integrity) -> Result<(), StoreError> {
    let mut documents = connection.prepare("SELECT kind, key, version, terms, body FROM document")?;
    let mut term = connection.prepare("SELECT 1 FROM term WHERE ix = ?1 AND value = ?2 AND key = ?3")?;
    let mut unique =
        connection.prepare("SELECT 1 FROM unique_key WHERE ix = ?1 AND value = ?2 AND kind = ?3 AND key = ?4")?;
    let mut rows = documents.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, key): (String, String) = (row.get(0)?, row.get(1)?);
        let version: i64 = row.get(2)?;
        let terms: Vec<u8> = row.get(3)?;
        found.documents += 1;
        if version < 1 || Sealed::from_storage(row.get(4)?).is_err() {
            found.fault(format!("{kind} {key}: its version or body has no known form"));
        }
        let Ok(marks) = held::decode(&terms) else {
            found.fault(format!("{kind} {key}: its list of terms has no known form"));
            continue;
        };
        for mark in marks {
            let present = if mark.unique {
                found.unique_keys += 1;
                unique.exists(params![mark.index, mark.value, kind, key])?
            } else {
                found.terms += 1;
                term.exists(params![mark.index, mark.value, key])?
            };
            if !present {
                found.fault(format!("{kind} {key}: an entry of index {} is missing", mark.index));
            }
        }
    }
    Ok(())
}

/// As every list is in the indexes, and no two documents share an entry, equal counts mean that the indexes hold
/// nothing else.
fn check_counts(connection: &Connection, found: &mut Integrity) -> Result<(), StoreError> {
    for (table, listed) in [("term", found.terms), ("unique_key", found.unique_keys)] {
        let stored = count(connection, table)?;
        if stored != listed {
            found.fault(format!("the documents list {listed} entries of {table}, but there are {stored}"));
        }
    }
    Ok(())
}

fn check_feed(connection: &Connection, found: &mut Integrity) -> Result<(), StoreError> {
    found.feed_entries = feed::check(connection, |fault| found.fault(fault))?;
    Ok(())
}

fn check_ledger(connection: &Connection, witness: Option<&Witness>, found: &mut Integrity) -> Result<(), StoreError> {
    let faults = witness.map_or(Ok(Vec::new()), |witness| ledger::differences(connection, witness))?;
    faults.into_iter().for_each(|fault| found.fault(fault));
    Ok(())
}

/// Counts documents and entries, and measures the files.
pub(super) fn stats(connection: &Connection, database: &Path) -> Result<Stats, StoreError> {
    let snapshot = Snapshot::begin(connection)?;
    let mut statement = snapshot.prepare("SELECT kind, count(*) FROM document GROUP BY kind ORDER BY kind")?;
    let kinds = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let documents = kinds
        .map(|kind| kind.map(|(kind, count): (String, i64)| (kind, u64::try_from(count).unwrap_or(0))))
        .collect::<Result<_, _>>()?;
    let sizes =
        ["", "-wal"].map(|suffix| fs::metadata(files::with_suffix(database, suffix)).map_or(0, |file| file.len()));
    Ok(Stats { documents, feed_entries: count(&snapshot, "entry")?, bytes: sizes.iter().sum() })
}

fn count(connection: &Connection, table: &str) -> Result<u64, StoreError> {
    let count: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}
