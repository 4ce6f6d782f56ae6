//! Online copies of a store, and a store made from such a copy.

use std::fs::File;
use std::io::{self, Read};
use std::path::{self, Path};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::failure::file_failure;
use super::files;
use super::readers::Snapshot;
use super::schema;
use crate::api::StoreError;

/// Pages copied at a time.
const STEP_PAGES: i32 = 1024;

/// Copies what `connection` sees into a new file at `path`.
pub(super) fn copy(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Err(StoreError::Unavailable("there is a file already where the copy should go".to_owned()));
    }
    let draft = files::with_suffix(path, ".part");
    files::remove_if_present(&draft)?;
    files::create_private(&draft)?;
    let copied = fill(connection, &draft).and_then(|()| files::publish(&draft, path, directory_of(path)));
    if copied.is_err() {
        // The first error is the one to tell; a leftover is removed by the next attempt too.
        let _ = files::remove_if_present(&draft);
    }
    copied
}

fn fill(connection: &Connection, draft: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = Connection::open_with_flags(draft, flags)?;
    // The file is synced as a whole before it gets its name.
    to.pragma_update(None, "synchronous", "OFF")?;
    // One read transaction around all steps: commits meanwhile neither change the copy nor start it over.
    let snapshot = Snapshot::begin(connection)?;
    let _: u32 = snapshot.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let copying = Backup::new(&snapshot, &mut to)?;
    loop {
        match copying.step(STEP_PAGES)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(StoreError::Unavailable("the copy is locked by another program".to_owned())),
        }
    }
    drop(copying);
    // The copy is to be one file without a log beside it.
    schema::set_journal_mode(&to, "delete")?;
    to.close().map_err(|(_, error)| error.into())
}

/// Makes a store in `directory` from the copy at `backup`.
pub(super) fn restore(backup: &Path, directory: &Path) -> Result<(), StoreError> {
    if !files::check_header(backup)? {
        return Err(StoreError::Unavailable("there is no such copy".to_owned()));
    }
    let mut from = File::open(backup).map_err(|error| file_failure("the copy cannot be read", &error))?;
    restore_from(&mut from, directory)
}

/// Makes a store in `directory` from what a copy holds.
pub(super) fn restore_from(from: &mut dyn Read, directory: &Path) -> Result<(), StoreError> {
    let directory = &path::absolute(directory).map_err(|error| file_failure("its directory has no path", &error))?;
    let hold = files::hold(directory)?;
    if hold.database.exists() {
        return Err(StoreError::Unavailable("there is a store already where it should be restored".to_owned()));
    }
    let draft = files::with_suffix(&hold.database, ".new");
    files::remove_if_present(&draft)?;
    let mut to = files::create_private(&draft)?;
    io::copy(from, &mut to).map_err(|error| file_failure("the copy cannot be read or written", &error))?;
    if let Err(error) = files::check_header(&draft) {
        files::remove_if_present(&draft)?;
        return Err(error);
    }
    files::publish(&draft, &hold.database, directory)
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
