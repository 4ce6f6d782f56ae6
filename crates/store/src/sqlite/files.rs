//! The files of a store: their names and modes, the lock, and what is looked at before SQLite touches anything.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{self, Path, PathBuf};

use super::failure::file_failure;
use super::schema;
use crate::api::StoreError;
use crate::transfer::Standing;

/// The database's file name in the store's directory.
pub const DATABASE_FILE: &str = "strongroom.db";
const LOCK_FILE: &str = "strongroom.lock";
/// Owner only.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// How much of a log is written anew at a time.
const LOG_PIECE_BYTES: usize = 1024 * 1024;
/// SQLite's header: how it begins, its length, and where in it the two numbers stand that a program may choose.
const HEADER_MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// An exclusive hold on a store's directory. It ends when this is dropped, or with the process.
pub(super) struct Hold {
    /// The database.
    pub(super) database: PathBuf,
    lock: File,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Closing alone would not do while a process that is just being started still has a copy of the handle. If it
        // fails, the lock ends with the last copy.
        let _ = self.lock.unlock();
    }
}

/// Takes hold of the store in `directory`, which is made if there is none.
///
/// # Errors
/// When another process holds it, or what is there is not a store that this release knows; nothing was changed then.
pub(super) fn take(directory: &Path, unfinished: bool) -> Result<Hold, StoreError> {
    // Absolute, so that no name reads as an option or URI, and a change of the working directory changes nothing.
    let directory = &path::absolute(directory).map_err(|error| file_failure("its directory has no path", &error))?;
    let present = check_form(&directory.join(DATABASE_FILE), unfinished)?;
    let hold = hold(directory)?;
    if !present && !hold.database.exists() {
        create_database(directory, &hold.database)?;
    }
    for suffix in ["", "-wal", "-shm"] {
        restrict(&with_suffix(&hold.database, suffix))?;
    }
    Ok(hold)
}

impl Hold {
    /// Makes the names of the files that are there durable. SQLite does that too when it begins a log, but takes no notice
    /// when it fails, and a commit in a log without a name is lost when the power fails.
    pub(super) fn sync_names(&self) -> Result<(), StoreError> {
        let directory = self.database.parent().unwrap_or(Path::new("/"));
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| file_failure("its directory cannot be synced", &error))
    }
}

/// Takes hold of `directory`, which is made if it is not there, whatever is in it.
pub(super) fn hold(directory: &Path) -> Result<Hold, StoreError> {
    make_directory(directory).map_err(|error| file_failure("its directory cannot be made", &error))?;
    let lock = lock(&directory.join(LOCK_FILE))?;
    Ok(Hold { database: directory.join(DATABASE_FILE), lock })
}

/// Makes a directory and those above it that are missing, durably.
fn make_directory(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)?;
    missing.into_iter().filter_map(Path::parent).try_for_each(|parent| File::open(parent)?.sync_all())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|error| file_failure("its lock file cannot be opened", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::Unavailable("it is open already: stop the server that runs on it first".to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(file_failure("its lock file cannot be locked", &error)),
    }
}

/// Whether there is a database. Reads its header without SQLite, which might change the files by opening them.
pub(super) fn check_header(database: &Path) -> Result<bool, StoreError> {
    check_form(database, false)
}

/// As [`check_header`]; `unfinished` lets a store pass that a copy was not finished into.
fn check_form(database: &Path, unfinished: bool) -> Result<bool, StoreError> {
    let mut file = match File::open(database) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(file_failure("its database cannot be opened", &error)),
    };
    let mut header = [0; HEADER_BYTES];
    if let Err(error) = file.read_exact(&mut header) {
        return Err(match error.kind() {
            io::ErrorKind::UnexpectedEof => StoreError::Damaged("the database file is cut short".to_owned()),
            _ => file_failure("its database cannot be read", &error),
        });
    }
    if !header.starts_with(HEADER_MAGIC) {
        return Err(StoreError::Damaged("the database file does not begin like one".to_owned()));
    }
    if number_at(&header, APPLICATION_ID_AT) != Some(schema::APPLICATION_ID) {
        return Err(StoreError::Unavailable("the database is not one of Strongroom".to_owned()));
    }
    match number_at(&header, USER_VERSION_AT).map(schema::standing_of) {
        Some((Standing::Unfinished, _)) if !unfinished => Err(schema::unfinished()),
        Some((_, found)) if found > schema::SCHEMA_VERSION => Err(schema::newer(found)),
        Some((_, 0)) | None => Err(StoreError::Damaged("the database has no schema number".to_owned())),
        Some(_) => Ok(true),
    }
}

fn number_at(header: &[u8; HEADER_BYTES], at: usize) -> Option<u32> {
    header.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Makes the database under another name and then gives it its own, so that it is never seen half made.
fn create_database(directory: &Path, database: &Path) -> Result<(), StoreError> {
    let draft = with_suffix(database, ".new");
    remove_if_present(&draft)?;
    remove_if_present(&with_suffix(&draft, "-journal"))?;
    create_private(&draft)?;
    schema::create(&draft)?;
    publish(&draft, database, directory)
}

/// Makes an empty file that only its owner may read and write.
pub(super) fn create_private(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .create_new(true)
        .read(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|error| file_failure("a file cannot be made", &error))
}

/// Gives a finished file its name, durably. When that fails, no file has the name.
pub(super) fn publish(draft: &Path, name: &Path, directory: &Path) -> Result<(), StoreError> {
    let durably = || -> io::Result<()> {
        File::open(draft)?.sync_all()?;
        fs::rename(draft, name)?;
        File::open(directory)?.sync_all().inspect_err(|_| {
            // If this fails too, the file is there as a whole, though not for certain after a power failure.
            let _ = fs::remove_file(name);
        })
    };
    durably().map_err(|error| file_failure("a file cannot be put in its place", &error))
}

/// Writes the log of `database` over itself and syncs it. When a sync failed, the next one may succeed without what the
/// first was for, as the system takes that for written; and a page that stands in the database before its log is on the
/// disk is mixed with older ones when the power fails. Only for who holds the store and has no connection that writes.
pub(super) fn write_log_anew(database: &Path) -> Result<(), StoreError> {
    let anew = || -> io::Result<()> {
        let log = match OpenOptions::new().read(true).write(true).open(with_suffix(database, "-wal")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let mut piece = vec![0; LOG_PIECE_BYTES];
        let mut at = 0;
        loop {
            let length = log.read_at(&mut piece, at)?;
            let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
            log.write_all_at(read, at)?;
            at += u64::try_from(length).unwrap_or_default();
        }
        if at == 0 { Ok(()) } else { log.sync_all() }
    };
    anew().map_err(|error| file_failure("its log cannot be written anew", &error))
}

/// `path` with `suffix` appended to its file name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a file that may be absent.
pub(super) fn remove_if_present(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_failure("a file cannot be removed", &error)),
        _ => Ok(()),
    }
}

/// Takes the rights of group and world from a file, if it is there.
fn restrict(path: &Path) -> Result<(), StoreError> {
    let change = |error: io::Error| file_failure("the mode of a file cannot be changed", &error);
    match fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o777 != FILE_MODE => {
            fs::set_permissions(path, Permissions::from_mode(FILE_MODE)).map_err(change)
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(change(error)),
        _ => Ok(()),
    }
}
