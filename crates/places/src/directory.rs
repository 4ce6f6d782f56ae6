//! A place that is a directory, such as one on another disk or machine.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::{Content, Entry, Place, PlaceError, PlaceFuture, check_name, is_name};

/// Permission bits of a directory in which others than its owner can put and replace files.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// How the name of a draft ends; it begins with a dot, so that it is no object's.
const DRAFT_SUFFIX: &str = ".part";

/// A directory. An object is a file in it; what is being written is a draft, which gets its name once it is on the disk.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The directory at `path`, which is looked at when it is used: it may be on a disk that is not always there.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn fault(&self, error: &io::Error) -> PlaceError {
        let text = format!("{}: {error}", self.path.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PlaceError::Full(self.describe()),
            _ => PlaceError::Unavailable(text),
        }
    }

    /// Looks whether the directory can be used, and makes it when it is missing and its parent is there.
    fn check(&self) -> Result<(), PlaceError> {
        let found = match fs::metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return DirBuilder::new().mode(0o700).create(&self.path).map_err(|error| self.fault(&error));
            }
            Err(error) => return Err(self.fault(&error)),
        };
        let mode = found.permissions().mode() & 0o7777;
        if !found.is_dir() {
            Err(PlaceError::Unavailable(format!("{} is not a directory", self.path.display())))
        } else if mode & WRITABLE_BY_OTHERS != 0 {
            Err(PlaceError::Unavailable(format!(
                "{0} can be written by other users (mode {mode:04o}): run `chmod go-w {0}`",
                self.path.display()
            )))
        } else {
            Ok(())
        }
    }

    fn put(&self, name: &str, content: Content<'_>) -> Result<(), PlaceError> {
        self.check()?;
        let to = self.path.join(name);
        if to.symlink_metadata().is_ok() {
            return Err(PlaceError::Exists(name.to_owned()));
        }
        self.remove_drafts();
        let draft = self.path.join(format!(".{name}{DRAFT_SUFFIX}"));
        let placed = self.write(&draft, content).and_then(|_held| self.place(&draft, &to, name));
        if placed.is_err() {
            // A draft that cannot be removed now goes with the next object that is put.
            let _ = fs::remove_file(&draft);
        }
        placed?;
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(|error| self.fault(&error))
    }

    /// Writes a draft to the disk. The file that is returned holds it against being taken for one left behind.
    fn write(&self, draft: &Path, content: Content<'_>) -> Result<File, PlaceError> {
        let written = || {
            let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
            // Where files cannot be locked, nobody takes one for left behind either.
            let _ = to.try_lock();
            match content {
                Content::Bytes(bytes) => to.write_all(bytes)?,
                Content::File(path) => drop(io::copy(&mut File::open(path)?, &mut to)?),
            }
            to.sync_all()?;
            Ok(to)
        };
        written().map_err(|error| self.fault(&error))
    }

    fn place(&self, draft: &Path, to: &Path, name: &str) -> Result<(), PlaceError> {
        match rustix::fs::renameat_with(CWD, draft, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => Err(PlaceError::Exists(name.to_owned())),
            // Not every file system has that; names are not used twice anyway.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::rename(draft, to).map_err(|error| self.fault(&error))
            }
            placed => placed.map_err(|error| self.fault(&error.into())),
        }
    }

    /// Removes drafts that nobody is writing any more.
    fn remove_drafts(&self) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let named = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(DRAFT_SUFFIX));
            if !named.is_some_and(is_name) || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            let Ok(draft) = File::open(entry.path()) else { continue };
            if !matches!(draft.try_lock(), Err(TryLockError::WouldBlock)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn list(&self) -> Result<Vec<Entry>, PlaceError> {
        self.check()?;
        let listed = || {
            let mut found = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                if is_name(&name) && entry.file_type()?.is_file() {
                    found.push(Entry { name, bytes: entry.metadata()?.len() });
                }
            }
            found.sort();
            Ok(found)
        };
        listed().map_err(|error| self.fault(&error))
    }

    fn open(&self, name: &str, bytes_max: u64) -> Result<io::Take<File>, PlaceError> {
        self.check()?;
        let opened = File::open(self.path.join(name)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => PlaceError::Absent(name.to_owned()),
            _ => self.fault(&error),
        })?;
        let found = opened.metadata().map_err(|error| self.fault(&error))?;
        if found.len() > bytes_max {
            return Err(PlaceError::Size { name: name.to_owned(), bytes_max });
        }
        Ok(opened.take(bytes_max))
    }

    fn read(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, PlaceError> {
        let mut bytes = Vec::new();
        self.open(name, bytes_max)?.read_to_end(&mut bytes).map_err(|error| self.fault(&error))?;
        Ok(bytes)
    }

    fn fetch(&self, name: &str, to: &Path, bytes_max: u64) -> Result<u64, PlaceError> {
        let mut from = self.open(name, bytes_max)?;
        let copied = || io::copy(&mut from, &mut new_file(to)?);
        let copied = { copied }().map_err(|error| PlaceError::Unavailable(format!("{}: {error}", to.display())))?;
        Ok(copied)
    }

    fn delete(&self, name: &str) -> Result<(), PlaceError> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.fault(&error)),
            _ => Ok(()),
        }
    }

    /// Does blocking work on a thread for that.
    fn aside<'a, T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Self) -> Result<T, PlaceError> + Send + 'static,
    ) -> PlaceFuture<'a, T> {
        let (own, checked) = (self.clone(), check_name(name));
        Box::pin(async move {
            checked?;
            let done = tokio::task::spawn_blocking(move || work(&own)).await;
            done.map_err(|error| PlaceError::Unavailable(error.to_string()))?
        })
    }
}

/// A new file for its owner alone.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

impl Place for Directory {
    fn describe(&self) -> String {
        format!("directory {}", self.path.display())
    }

    fn put<'a>(&'a self, name: &'a str, content: Content<'a>) -> PlaceFuture<'a, ()> {
        let own = name.to_owned();
        match content {
            Content::Bytes(bytes) => {
                let bytes = bytes.to_vec();
                self.aside(name, move |place| place.put(&own, Content::Bytes(&bytes)))
            }
            Content::File(path) => {
                let path = path.to_owned();
                self.aside(name, move |place| place.put(&own, Content::File(&path)))
            }
        }
    }

    fn list(&self) -> PlaceFuture<'_, Vec<Entry>> {
        self.aside("all", Self::list)
    }

    fn read<'a>(&'a self, name: &'a str, bytes_max: u64) -> PlaceFuture<'a, Vec<u8>> {
        let own = name.to_owned();
        self.aside(name, move |place| place.read(&own, bytes_max))
    }

    fn fetch<'a>(&'a self, name: &'a str, to: &'a Path, bytes_max: u64) -> PlaceFuture<'a, u64> {
        let (own, to) = (name.to_owned(), to.to_owned());
        self.aside(name, move |place| place.fetch(&own, &to, bytes_max))
    }

    fn delete<'a>(&'a self, name: &'a str) -> PlaceFuture<'a, ()> {
        let own = name.to_owned();
        self.aside(name, move |place| place.delete(&own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_is_there_wholly_and_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let place = Directory::new(&folder.path().join("backups"));
        assert_eq!(Place::list(&place).await.unwrap(), []);
        let file = folder.path().join("content");
        fs::write(&file, [7; 1000]).unwrap();
        Place::put(&place, "b", Content::File(&file)).await.unwrap();
        Place::put(&place, "a", Content::Bytes(b"short")).await.unwrap();
        let again = Place::put(&place, "a", Content::Bytes(b"other")).await;
        assert_eq!(again, Err(PlaceError::Exists("a".to_owned())));
        let listed: Vec<(String, u64)> =
            Place::list(&place).await.unwrap().into_iter().map(|entry| (entry.name, entry.bytes)).collect();
        assert_eq!(listed, [("a".to_owned(), 5), ("b".to_owned(), 1000)]);
        assert_eq!(Place::read(&place, "a", 5).await.unwrap(), b"short");
        assert_eq!(Place::read(&place, "a", 4).await, Err(PlaceError::Size { name: "a".to_owned(), bytes_max: 4 }));
        let to = folder.path().join("fetched");
        assert_eq!(Place::fetch(&place, "b", &to, 1000).await, Ok(1000));
        assert_eq!(fs::read(&to).unwrap(), [7; 1000]);
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        Place::delete(&place, "b").await.unwrap();
        Place::delete(&place, "b").await.unwrap();
        assert_eq!(Place::read(&place, "b", 5).await, Err(PlaceError::Absent("b".to_owned())));
        let outside = Place::read(&place, "../content", 5000).await;
        assert_eq!(outside, Err(PlaceError::Name("../content".to_owned())));
    }

    #[tokio::test]
    async fn drafts_left_behind_go_and_those_being_written_stay() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let place = Directory::new(folder.path());
        for name in [".left.part", ".held.part", ".notes"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let held = File::open(folder.path().join(".held.part")).unwrap();
        held.try_lock().unwrap();
        Place::put(&place, "a", Content::Bytes(b"1")).await.unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".held.part", ".notes", "a"]);
        assert_eq!(Place::list(&place).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_directory_that_others_can_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
        let told = Place::put(&Directory::new(folder.path()), "a", Content::Bytes(b"1")).await.unwrap_err().to_string();
        assert!(told.contains("can be written by other users (mode 0770)"), "{told}");
        let nowhere = Directory::new(&folder.path().join("no/where"));
        assert!(matches!(Place::list(&nowhere).await, Err(PlaceError::Unavailable(_))));
    }
}
