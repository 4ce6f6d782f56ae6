//! The bare database behind the engine's back, as a hostile disk changes it.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::fixture::told;

/// Runs statements on the database file at `path`, with the one at `old`, if any, attached under that name.
///
/// # Errors
/// When one of them fails.
pub fn change(path: &Path, old: Option<&Path>, statements: &str) -> Result<(), String> {
    let bare = Connection::open(path).map_err(told)?;
    if let Some(old) = old {
        bare.execute("ATTACH ?1 AS old", [old.to_string_lossy()]).map_err(told)?;
    }
    bare.execute_batch(statements).map_err(told)
}

/// All rows of the database file at `path` in words, but for numbers that mean nothing outside it.
///
/// # Errors
/// When they cannot be read.
pub fn rows(path: &Path) -> Result<Vec<String>, String> {
    read(path).map_err(told)
}

fn read(path: &Path) -> rusqlite::Result<Vec<String>> {
    let bare = Connection::open(path)?;
    let mut found = Vec::new();
    for (table, columns) in [
        ("document", "kind, key, version, terms, body"),
        ("term", "ix, value, key"),
        ("unique_key", "ix, value, kind, key"),
        ("topic", "name, last_sequence"),
        ("entry", "id, body"),
        ("ledger", "id, body"),
    ] {
        let mut statement = bare.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {columns}"))?;
        let width = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..width).map(|at| row.get::<_, Value>(at)).collect::<Result<Vec<_>, _>>()?;
            found.push(format!("{table} {values:?}"));
        }
    }
    Ok(found)
}
