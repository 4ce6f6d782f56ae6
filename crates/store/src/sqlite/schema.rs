//! The tables, their numbered migrations, and how a connection to them is opened.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::config::SqliteConfig;
use crate::api::StoreError;
use crate::transfer::Standing;

/// Marks a database file as ours, in its header: the letters `Strg`.
pub(super) const APPLICATION_ID: u32 = 0x5374_7267;
/// Size of a page, in bytes.
pub(super) const PAGE_BYTES: u32 = 4096;
/// The schema this release writes: as many as there are steps.
pub(super) const SCHEMA_VERSION: u32 = 3;

/// Step n leads from schema n to schema n + 1. What a released step makes of a whole store is never changed.
const STEPS: [&str; SCHEMA_VERSION as usize] = [
    // A document keeps the list of its own terms and unique keys, so that a delete finds them without a second index.
    // Rowid tables: a body of 1 KiB stays on its page, where a key table would spill it to another.
    "CREATE TABLE document (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        version INTEGER NOT NULL,
        terms BLOB NOT NULL,
        body BLOB NOT NULL,
        UNIQUE (kind, key)
    ) STRICT;
    CREATE TABLE term (
        ix TEXT NOT NULL,
        value TEXT NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (ix, value, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unique_key (
        ix TEXT NOT NULL,
        value TEXT NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (ix, value)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE feed_topic (
        topic TEXT NOT NULL PRIMARY KEY,
        last_sequence INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE feed (
        topic TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        id TEXT NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (topic, sequence)
    ) STRICT;",
    // An entry's place is one number (see the module `feed`), so that it stands in one tree instead of two. What a topic
    // remembers is needed only for entries that are gone, and so is written when they go, not with each commit. Entries of
    // a damaged store whose topic is not there get one, for no entry may vanish.
    "CREATE TABLE topic (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        last_sequence INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE entry (
        place INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO feed_topic (topic, last_sequence) SELECT topic, max(sequence) FROM feed GROUP BY topic;
    INSERT INTO topic (name, last_sequence) SELECT topic, last_sequence FROM feed_topic ORDER BY topic;
    INSERT INTO entry (place, id, body)
        SELECT (topic.number << 40) + feed.sequence, feed.id, feed.body
        FROM feed JOIN topic ON topic.name = feed.topic ORDER BY topic.number, feed.sequence;
    DROP TABLE feed;
    DROP TABLE feed_topic;",
    // The ledger (see the module `ledger`) begins when whoever holds the keys first opens the store.
    "CREATE TABLE ledger (
        id INTEGER PRIMARY KEY,
        body BLOB NOT NULL
    ) STRICT;",
];

/// Makes a new, empty database of the newest schema in the empty file at `path`.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(&connection)?;
    connection.close().map_err(|(_, error)| error.into())
}

/// Applies the steps that the database lacks, each in its own transaction.
pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let (standing, present) = standing_of(version(connection)?);
    if present > SCHEMA_VERSION {
        return Err(newer(present));
    }
    for (before, step) in (0_u32..).zip(STEPS) {
        if before >= present {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {step} PRAGMA user_version = {after}; COMMIT;",
                after = standing.with(i64::from(before) + 1)
            ))?;
        }
    }
    Ok(())
}

/// Looks whether what the file says of its own form is what this release makes, to the letter: a trigger, a view or
/// another table in it would act on what is read and written.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let model = Connection::open_in_memory()?;
    migrate(&model)?;
    if form(connection)? == form(&model)? {
        return Ok(());
    }
    Err(StoreError::Damaged("its tables are not those that this release makes".to_owned()))
}

/// Each entry of the schema: type, name, table, text.
fn form(connection: &Connection) -> Result<Vec<[Option<String>; 4]>, StoreError> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
    let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// What a stored number says: the standing, and the schema.
pub(super) fn standing_of(stored: u32) -> (Standing, u32) {
    let (standing, schema) = Standing::of(i64::from(stored));
    (standing, u32::try_from(schema).unwrap_or(stored))
}

/// The standing of the store.
pub(super) fn standing(connection: &Connection) -> Result<Standing, StoreError> {
    Ok(standing_of(version(connection)?).0)
}

/// Changes the standing, within the open transaction.
pub(super) fn set_standing(connection: &Connection, standing: Standing) -> Result<(), StoreError> {
    Ok(connection.pragma_update(None, "user_version", standing.with(i64::from(SCHEMA_VERSION)))?)
}

/// Changes the standing of a store that this or another process may have open and be writing to.
pub(super) fn set_standing_beside(path: &Path, config: &SqliteConfig, standing: Standing) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    settle(&connection, config, config.reader_cache_kib)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    check(&connection)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if self::standing(&transaction)? == Standing::Unfinished {
        return Err(unfinished());
    }
    set_standing(&transaction, standing)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error.into())
}

/// The error for a store that a copy was not finished into.
pub(super) fn unfinished() -> StoreError {
    StoreError::Unavailable("a copy into it was begun and not finished: carry it out again".to_owned())
}

/// The error for a database of a later release.
pub(super) fn newer(found: u32) -> StoreError {
    StoreError::Unavailable(format!(
        "its schema is number {found}, made by a later release; this release knows up to number {SCHEMA_VERSION}"
    ))
}

/// Opens the connection that writes. There is only ever one.
pub(super) fn open_writer(path: &Path, config: &SqliteConfig) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection, config, config.writer_cache_kib)?;
    set_journal_mode(&connection, "wal")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // The writer moves pages itself, after it has answered, instead of within a commit.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // A log of the usual size is kept and overwritten, which is faster than growing a new one.
    let kept = i64::from(config.wal_checkpoint_pages) * 2 * i64::from(PAGE_BYTES);
    connection.pragma_update(None, "journal_size_limit", kept)?;
    connection.pragma_update(None, "max_page_count", config.database_pages_max)?;
    Ok(connection)
}

/// Sets the journal mode. The statement answers before it commits the change, so that it must be run to its end: else the
/// mode would be told that it failed to set, and a database without its log loses what it acknowledged.
pub(super) fn set_journal_mode(connection: &Connection, mode: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare(&format!("PRAGMA journal_mode = {mode}"))?;
    let mut rows = statement.query([])?;
    let mut is = String::new();
    while let Some(row) = rows.next()? {
        is = row.get(0)?;
    }
    if is == mode { Ok(()) } else { Err(StoreError::Unavailable(format!("its journal mode is {is} and not {mode}"))) }
}

/// Opens a connection that can only read.
pub(super) fn open_reader(path: &Path, config: &SqliteConfig) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection, config, config.reader_cache_kib)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn settle(connection: &Connection, config: &SqliteConfig, cache_kib: u32) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_millis(config.busy_wait_ms))?;
    // Nothing of the file's schema is ever run, and a page that contradicts itself is an error.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    // Else each new value of a bound of a range has its statement planned anew, for statistics that nobody gathers.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    Ok(())
}
