//! A root key in a file that only the server's user can read.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use strongroom_crypto::aead::generate_key;
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{CryptoError, Random, RootError, random};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret_file::read_up_to;
use crate::text::{self, KeyTextError};

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "file";
/// The permissions of a key file: its owner reads and writes it, nobody else does anything.
const MODE: u32 = 0o600;
/// The permissions that a key file must not have.
const MODE_FORBIDDEN: u32 = 0o077;
/// A key file is one short line; a longer file is not read any further.
const FILE_BYTES_MAX: usize = 256;

/// Why a key file could not be made or used. The texts say how to mend it.
#[derive(Debug, Error)]
pub enum FileError {
    /// There is a file already. Overwriting it could lose the only key to all data.
    #[error("the root key file {0} exists already and is never overwritten")]
    Exists(PathBuf),
    /// There is no such file.
    #[error("the root key file {0} does not exist; without it the data cannot be opened: restore it from its copy")]
    Absent(PathBuf),
    /// Others can get at the key.
    #[error("the root key file {path} is open to other users (mode {mode:04o}): run `chmod 600 {path}`")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to somebody else, who can change it at will.
    #[error(
        "the root key file {path} belongs to user {owner}, but the server runs as user {user}: run `chown {user} {path}`"
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// The number of the user it belongs to.
        owner: u32,
        /// The number of the user the process runs as.
        user: u32,
    },
    /// The path is a symbolic link, which could be turned to another file.
    #[error("the root key file {0} is a symbolic link: configure the path of the file itself")]
    Link(PathBuf),
    /// A folder, device, pipe or socket.
    #[error("the root key file {0} is not a regular file")]
    NotRegular(PathBuf),
    /// The file holds something else.
    #[error("the root key file {path} holds no root key: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What a key looks like.
        source: KeyTextError,
    },
    /// The system refused to read or write.
    #[error("the root key file {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The random source failed, so no key was made.
    #[error("no root key could be made: {0}")]
    Random(#[from] CryptoError),
    /// The key was refused.
    #[error(transparent)]
    Root(#[from] RootError),
}

/// Makes a new key from `random` and stores it in a new file at `path`, with mode 0600. When this returns, file and
/// folder are on disk. The file appears whole or not at all, even if the machine stops on the way.
///
/// # Errors
/// `Exists` when there is a file already, whatever it holds; `Io`, `Random`.
pub fn create(path: &Path, random: &dyn Random) -> Result<KeyRoot, FileError> {
    let io = |source| FileError::Io { path: path.to_owned(), source };
    let key = generate_key(random)?;
    let line = text::encode(&key).map_err(|source| FileError::Content { path: path.to_owned(), source })?;
    let mark = u64::from_be_bytes(random::bytes(random)?);
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{mark:016x}"));
    let draft = Path::new(&draft);
    // A link fails if its name is taken, a rename would replace what is there.
    let made = write_new(draft, &line).and_then(|()| fs::hard_link(draft, path));
    let removed = fs::remove_file(draft);
    match made {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(FileError::Exists(path.to_owned())),
        Err(error) => return Err(io(error)),
    }
    removed.and_then(|()| sync_folder(path)).map_err(io)?;
    Ok(KeyRoot::new(NAME, &origin(path), &key)?)
}

/// Opens the key file at `path`, after making sure that nobody but the user of this process can read or change it.
///
/// # Errors
/// Every kind of [`FileError`] but `Exists` and `Random`.
pub fn open(path: &Path) -> Result<KeyRoot, FileError> {
    let io = |source| FileError::Io { path: path.to_owned(), source };
    // Not blocking, because opening a pipe would wait for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(|_| io(ErrorKind::InvalidInput.into()))?;
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(FileError::Absent(path.to_owned())),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            return Err(FileError::Link(path.to_owned()));
        }
        Err(error) => return Err(io(error)),
    };
    check(path, &file, rustix::process::geteuid().as_raw())?;
    let mut line = Zeroizing::new([0; FILE_BYTES_MAX]);
    let len = read_up_to(&mut file, line.as_mut_slice()).map_err(io)?;
    let line = line.get(..len).unwrap_or_default();
    let key = text::decode(line).map_err(|source| FileError::Content { path: path.to_owned(), source })?;
    Ok(KeyRoot::new(NAME, &origin(path), &key)?)
}

/// Looks at the file that is open, not at the path, which could name another file by now.
fn check(path: &Path, file: &File, user: u32) -> Result<(), FileError> {
    let path = path.to_owned();
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(source) => return Err(FileError::Io { path, source }),
    };
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if !metadata.is_file() {
        Err(FileError::NotRegular(path))
    } else if owner != user {
        Err(FileError::Owner { path, owner, user })
    } else if mode & MODE_FORBIDDEN != 0 {
        Err(FileError::Permissions { path, mode })
    } else {
        Ok(())
    }
}

fn origin(path: &Path) -> String {
    format!("key file {}", path.display())
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    // The umask may have taken bits away that the owner needs.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes what was done to the names in the folder of `path` survive a power failure.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Context, RootOfTrust};
    use strongroom_types::SecretBytes;
    use tempfile::TempDir;

    fn folder() -> TempDir {
        tempfile::tempdir().expect("folder")
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).expect("read");
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("text")).collect()
    }

    #[test]
    fn what_was_created_opens_as_the_same_root() {
        let (folder, random, context) = (folder(), SeededRandom::new(1), Context::new("test"));
        let path = folder.path().join("root.key");
        let made = create(&path, &random).expect("create");
        let opened = open(&path).expect("open");
        let key = SecretBytes::new(vec![9; 32]);
        let wrapped = made.wrap(&random, &context, &key).expect("wrap");
        assert_eq!(opened.unwrap(&context, &wrapped).expect("unwrap"), key);
        assert_eq!(opened.describe(), format!("key file {}", path.display()));
    }

    #[test]
    fn the_file_is_one_line_for_its_owner_alone_and_nothing_else_stays() {
        let folder = folder();
        let path = folder.path().join("root.key");
        create(&path, &SeededRandom::new(2)).expect("create");
        let content = fs::read_to_string(&path).expect("read");
        assert!(content.starts_with(crate::PREFIX) && content.ends_with('\n') && content.lines().count() == 1);
        assert_eq!(fs::metadata(&path).expect("metadata").mode() & 0o7777, 0o600);
        assert_eq!(names(&folder), ["root.key"]);
    }

    #[test]
    fn keys_differ() {
        let (folder, random) = (folder(), SeededRandom::new(3));
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        for path in &paths {
            create(path, &random).expect("create");
        }
        let [first, second] = paths.map(|path| fs::read(path).expect("read"));
        assert_ne!(first, second);
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let (folder, random) = (folder(), SeededRandom::new(4));
        let path = folder.path().join("root.key");
        for content in ["", "precious"] {
            fs::write(&path, content).expect("write");
            assert!(matches!(create(&path, &random), Err(FileError::Exists(_))));
            assert_eq!(fs::read_to_string(&path).expect("read"), content);
        }
        fs::remove_file(&path).expect("remove");
        symlink(folder.path().join("elsewhere"), &path).expect("link");
        assert!(matches!(create(&path, &random), Err(FileError::Exists(_))));
        assert_eq!(names(&folder), ["root.key"]);
    }

    #[test]
    fn a_missing_folder_is_an_error_of_the_system() {
        let path = folder().path().join("absent").join("root.key");
        assert!(matches!(create(&path, &SeededRandom::new(5)), Err(FileError::Io { .. })));
        assert!(matches!(open(&path), Err(FileError::Absent(_))));
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_refused() {
        let folder = folder();
        let path = folder.path().join("root.key");
        create(&path, &SeededRandom::new(6)).expect("create");
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
            let error = open(&path).expect_err("open to others").to_string();
            let mend = format!("(mode {mode:04o}): run `chmod 600 {}`", path.display());
            assert!(error.ends_with(&mend), "{error}");
        }
        for mode in [0o600, 0o400, 0o700] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
            open(&path).expect("for the owner alone");
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let folder = folder();
        let path = folder.path().join("root.key");
        create(&path, &SeededRandom::new(7)).expect("create");
        let file = File::open(&path).expect("open");
        let owner = file.metadata().expect("metadata").uid();
        check(&path, &file, owner).expect("own file");
        let error = check(&path, &file, owner + 1).expect_err("another's file").to_string();
        assert!(error.ends_with(&format!("run `chown {} {}`", owner + 1, path.display())), "{error}");
    }

    #[test]
    fn links_folders_and_devices_are_refused() {
        let folder = folder();
        let (path, link) = (folder.path().join("root.key"), folder.path().join("link"));
        create(&path, &SeededRandom::new(8)).expect("create");
        symlink(&path, &link).expect("link");
        assert!(matches!(open(&link), Err(FileError::Link(_))));
        assert!(matches!(open(folder.path()), Err(FileError::NotRegular(_))));
        assert!(matches!(open(Path::new("/dev/null")), Err(FileError::NotRegular(_))));
    }

    #[test]
    fn content_that_is_no_key_is_refused_and_not_repeated() {
        let folder = folder();
        let path = folder.path().join("root.key");
        let valid = format!("{}{}", crate::PREFIX, "A".repeat(43));
        for content in ["", "hunter2", &format!("{valid}=\n{valid}=\n"), &"hunter2".repeat(100)] {
            fs::write(&path, content).expect("write");
            fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode");
            let error = open(&path).expect_err("no key").to_string();
            assert!(error.contains("holds no root key: expected one line"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        fs::write(&path, format!("{valid}=")).expect("write");
        open(&path).expect("a line without its end");
    }
}
