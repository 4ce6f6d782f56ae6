//! The data directory at the start of a server: made if it is not there, and never shared between developer mode and
//! the real thing.

use std::error::Error;
use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use strongroom_server::credentials::CREDENTIALS_FILE;
use strongroom_store::DATABASE_FILE;

use crate::process;
use crate::roots::ROOT_KEY_FILE;

/// The directory of the store inside the data directory.
pub const STORE_DIRECTORY: &str = "store";
/// The file that marks data made in developer mode, where anybody could write and read.
const DEV_FILE: &str = "dev";

/// Whether the directory is marked as developer mode's.
pub fn is_dev(directory: &Path) -> bool {
    directory.join(DEV_FILE).symlink_metadata().is_ok()
}

/// Makes the directory ready for a start and tells whether it is the first one. The store may be `elsewhere`, in a
/// database.
///
/// # Errors
/// When it cannot be made, others can write to it, its store is gone, or it is developer mode's and `dev` is not asked
/// for, or the other way round. Nothing in it was changed then.
pub fn prepare(directory: &Path, dev: bool, elsewhere: bool) -> Result<bool, Box<dyn Error>> {
    process::make_directory(directory)?;
    let there = |name: &str| directory.join(name).symlink_metadata().is_ok();
    let (first, marked) = (!there(STORE_DIRECTORY), is_dev(directory));
    let shown = directory.display();
    if marked && !dev {
        return Err(format!(
            "the data directory {shown} was made with --dev, which lets anybody in: start it with --dev, or name another \
             directory"
        )
        .into());
    }
    if dev && !marked && (!first || there(ROOT_KEY_FILE)) {
        return Err(format!(
            "the data directory {shown} was not made with --dev, which would let anybody read it: start it without \
             --dev, or name another directory"
        )
        .into());
    }
    // Whoever made the credentials made a store first: it is missing, and its access key must not be written over.
    if !elsewhere && there(CREDENTIALS_FILE) && !directory.join(STORE_DIRECTORY).join(DATABASE_FILE).exists() {
        return Err(format!(
            "the data directory {shown} holds credentials but no store: put the store back or restore a backup into \
             another directory; to begin with a new account, move credentials away"
        )
        .into());
    }
    check_credentials(&directory.join(CREDENTIALS_FILE))?;
    if dev && !marked {
        // Before anything else is made: what a start that was cut short leaves behind is marked too.
        let mark = directory.join(DEV_FILE);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&mark);
        made.and_then(|file| file.sync_all()).map_err(|error| format!("{}: {error}", mark.display()))?;
    }
    Ok(first)
}

/// The root access key is for the server's user alone.
fn check_credentials(path: &Path) -> Result<(), Box<dyn Error>> {
    let Ok(found) = path.metadata() else { return Ok(()) };
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(format!("{path} holds the root access key and others can read it (mode {mode:04o}): run `chmod 600 {path}`")
        .into())
}
