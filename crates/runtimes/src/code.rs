//! Unpacked code: archives are read with distrust, kept by their hash as long as they are used, and removed.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::{Duration, Instant};
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::job::CodeSource;
use crate::settings::{Failure, Settings};

/// Bytes of a link's target.
const TARGET_BYTES_MAX: u64 = 4096;

/// What the names of stores' folders begin with.
const PREFIX: &str = "strongroom-functions-";
/// The file that is locked while a store is in use.
const LOCK: &str = "lock";

/// The code of one archive in a folder, which goes when nobody holds it any more.
#[derive(Debug)]
pub struct Code {
    folder: TempDir,
    _share: Share,
}

impl Code {
    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Bytes of the disk that are taken, of those that all unpacked code may have; given back when it is dropped.
#[derive(Debug)]
struct Share {
    taken: Arc<AtomicU64>,
    bytes: u64,
}

impl Share {
    /// A share, unless there is not so much left.
    fn take(taken: &Arc<AtomicU64>, bytes: u64, bytes_max: u64) -> Option<Self> {
        let more = |all: u64| all.checked_add(bytes).filter(|all| *all <= bytes_max);
        taken.try_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(Self { taken: Arc::clone(taken), bytes })
    }

    /// Gives back all but `bytes`.
    fn keep(&mut self, bytes: u64) {
        let excess = self.bytes.saturating_sub(bytes);
        self.taken.fetch_sub(excess, Ordering::SeqCst);
        self.bytes -= excess;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.keep(0);
    }
}

struct Kept {
    code: Arc<OnceCell<Arc<Code>>>,
    used: Instant,
}

/// All code that is unpacked.
pub struct Store {
    /// Held as long as the folder is in use.
    _lock: File,
    home: TempDir,
    bytes_max: u64,
    all_bytes_max: u64,
    files_max: usize,
    /// What all unpacked code takes of the disk.
    taken: Arc<AtomicU64>,
    kept: Mutex<HashMap<String, Kept>>,
}

impl Store {
    /// An empty store in a new folder of its own. Others may pass through it, to what they know the name of, but not list it:
    /// so a function that runs as another user reaches its code.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(settings: &Settings) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        let home = match &settings.scratch {
            Some(scratch) => builder.tempdir_in(scratch)?,
            None => builder.tempdir()?,
        };
        let mode = if settings.user.is_some() { 0o711 } else { 0o700 };
        fs::set_permissions(home.path(), fs::Permissions::from_mode(mode))?;
        let lock = File::create(home.path().join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        if let Some(folder) = home.path().parent() {
            remove_leftovers(folder);
        }
        let kept = Mutex::new(HashMap::new());
        Ok(Self {
            _lock: lock,
            home,
            bytes_max: settings.code_bytes_max,
            all_bytes_max: settings.all_code_bytes_max,
            files_max: settings.code_files_max,
            taken: Arc::default(),
            kept,
        })
    }

    /// The code with this hash, unpacked from its source unless it is there.
    ///
    /// # Errors
    /// The source's, or [`Failure::Code`] for an archive that is wrong or too large.
    pub async fn get(self: &Arc<Self>, hash: &str, source: &impl CodeSource) -> Result<Arc<Code>, Failure> {
        let cell = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = kept
                .entry(hash.to_owned())
                .or_insert_with(|| Kept { code: Arc::new(OnceCell::new()), used: Instant::now() });
            entry.used = Instant::now();
            Arc::clone(&entry.code)
        };
        let make = async || {
            let zip = source.zip().await?;
            let store = Arc::clone(self);
            let unpacked = tokio::task::spawn_blocking(move || store.unpack(zip)).await;
            unpacked.map_err(|_| Failure::Code("unpacking was cut short".to_owned()))?.map(Arc::new)
        };
        cell.get_or_try_init(make).await.cloned()
    }

    /// Takes out the code that nobody has used for `idle`: it is removed when it is dropped.
    pub fn idle(&self, idle: Duration) -> Vec<Arc<OnceCell<Arc<Code>>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = kept.extract_if(|_, entry| {
            let held =
                Arc::strong_count(&entry.code) > 1 || entry.code.get().is_some_and(|code| Arc::strong_count(code) > 1);
            !held && entry.used.elapsed() >= idle
        });
        unused.map(|(_, entry)| entry.code).collect()
    }

    fn unpack(&self, zip: Vec<u8>) -> Result<Code, Failure> {
        let wrong = |error: io::Error| Failure::Code(error.to_string());
        let mut share = Share::take(&self.taken, self.bytes_max, self.all_bytes_max);
        if share.is_none() {
            // What nobody uses now makes room.
            drop(self.idle(Duration::ZERO));
            share = Share::take(&self.taken, self.bytes_max, self.all_bytes_max);
        }
        let mut share = share.ok_or(Failure::Busy)?;
        let folder = tempfile::Builder::new().prefix("code-").tempdir_in(self.home.path()).map_err(wrong)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(wrong)?;
        share.keep(unpack(zip, folder.path(), self.bytes_max, self.files_max)?);
        Ok(Code { folder, _share: share })
    }
}

/// Removes what servers that were killed have left. One that cannot be removed is left to its owner.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !is_own(&entry.path()) {
            continue;
        }
        let lock = File::open(entry.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _kept = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether this user made a store's folder and its lock: in a folder that all may write to, somebody else could have put
/// something there that is waited for when it is opened.
fn is_own(store: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    let own = |path: &Path| fs::symlink_metadata(path).ok().filter(|found| found.uid() == user);
    own(store).is_some_and(|found| found.is_dir()) && own(&store.join(LOCK)).is_some_and(|found| found.is_file())
}

/// What an archive may still take of the disk.
struct Room {
    bytes_max: u64,
    bytes_left: u64,
    /// Folders: the way to one file may be many of them, of which the archive's size does not tell.
    folders_left: usize,
}

/// Unpacks an archive into an empty folder: nothing outside it, no link that leads out, within limits. The bytes of its
/// files.
fn unpack(zip: Vec<u8>, folder: &Path, bytes_max: u64, files_max: usize) -> Result<u64, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Code(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|error| wrong(&error))?;
    if archive.len() > files_max {
        return Err(Failure::Code(format!("it has more than {files_max} files")));
    }
    let mut room = Room { bytes_max, bytes_left: bytes_max, folders_left: files_max };
    let mut links = Vec::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).map_err(|error| wrong(&error))?;
        let name =
            file.enclosed_name().ok_or_else(|| Failure::Code("it has a file whose name leads out".to_owned()))?;
        let done = if file.is_symlink() {
            target(&mut file).map(|target| links.push((name.clone(), target)))
        } else if file.is_dir() {
            room.make(folder, &name)
        } else {
            room.take(&mut file, folder, &name)
        };
        done.map_err(|error| Failure::Code(format!("{}: {error}", name.display())))?;
    }
    // After all files, so that none is written through a link.
    for (name, target) in links {
        let linked = link(&mut room, folder, &name, &target);
        linked.map_err(|error| Failure::Code(format!("{}: {error}", name.display())))?;
    }
    Ok(bytes_max.saturating_sub(room.bytes_left))
}

impl Room {
    /// Makes the folders on the way `name` that are not there yet: real ones, below nothing but real ones.
    fn make(&mut self, folder: &Path, name: &Path) -> io::Result<()> {
        let mut way = folder.to_owned();
        for part in name.components() {
            let Component::Normal(part) = part else { return Err(io::Error::other("a name that leads elsewhere")) };
            way.push(part);
            match fs::symlink_metadata(&way) {
                Ok(found) if found.is_dir() => continue,
                Ok(_) => return Err(io::Error::other("a name below what is no folder")),
                Err(_) => fs::DirBuilder::new().mode(0o755).create(&way)?,
            }
            let left = self.folders_left.checked_sub(1);
            self.folders_left = left.ok_or_else(|| io::Error::other("unpacked, the code has too many folders"))?;
        }
        Ok(())
    }

    /// Unpacks a file.
    fn take(&mut self, file: &mut ZipFile<'_, Cursor<Vec<u8>>>, folder: &Path, name: &Path) -> io::Result<()> {
        self.make(folder, name.parent().unwrap_or(Path::new("")))?;
        let mode = if file.unix_mode().is_some_and(|mode| mode & 0o111 != 0) { 0o555 } else { 0o444 };
        let mut out = OpenOptions::new().write(true).create_new(true).mode(mode).open(folder.join(name))?;
        // One byte more than there is room for tells that the code is too large, whatever the archive says of its size.
        let written = io::copy(&mut file.take(self.bytes_left.saturating_add(1)), &mut out)?;
        out.flush()?;
        let left = self.bytes_left.checked_sub(written);
        let bytes_max = self.bytes_max;
        self.bytes_left =
            left.ok_or_else(|| io::Error::other(format!("unpacked, the code has more than {bytes_max} bytes")))?;
        Ok(())
    }
}

fn target(file: &mut ZipFile<'_, Cursor<Vec<u8>>>) -> io::Result<PathBuf> {
    let mut text = String::new();
    file.take(TARGET_BYTES_MAX).read_to_string(&mut text)?;
    Ok(PathBuf::from(text))
}

/// Makes a link that leads to something inside the folder, whatever other links it leads through: its own place is below
/// real folders alone, and it goes up from there before it goes down, so no step up is taken from where a link led.
fn link(room: &mut Room, folder: &Path, name: &Path, target: &Path) -> io::Result<()> {
    let out = || io::Error::other("a link that leads out");
    let place = name.parent().unwrap_or(Path::new(""));
    room.make(folder, place)?;
    let mut depth = place.components().count();
    let mut goes_down = false;
    for part in target.components() {
        match part {
            Component::Normal(_) => goes_down = true,
            Component::CurDir => {}
            Component::ParentDir if goes_down => return Err(out()),
            Component::ParentDir => depth = depth.checked_sub(1).ok_or_else(out)?,
            Component::RootDir | Component::Prefix(_) => return Err(out()),
        }
    }
    std::os::unix::fs::symlink(target, folder.join(name))
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(build: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        build(&mut writer);
        writer.finish().unwrap().into_inner()
    }

    fn unpacked(zip: Vec<u8>) -> Result<TempDir, String> {
        let folder = TempDir::new().unwrap();
        let home = folder.path().join("inner");
        fs::create_dir(&home).unwrap();
        unpack(zip, &home, 1000, 10).map_err(|failure| failure.to_string())?;
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing outside");
        Ok(folder)
    }

    fn options() -> SimpleFileOptions {
        SimpleFileOptions::default()
    }

    #[test]
    fn files_folders_modes_and_inner_links_are_kept() {
        let zip = archive(|zip| {
            zip.start_file("a/run", options().unix_permissions(0o755)).unwrap();
            zip.write_all(b"x").unwrap();
            zip.add_directory("b/c", options()).unwrap();
            zip.add_symlink("b/link", "../a/run", options()).unwrap();
        });
        let folder = unpacked(zip).unwrap();
        let home = folder.path().join("inner");
        assert_eq!(fs::metadata(home.join("a/run")).unwrap().permissions().mode() & 0o777, 0o555);
        assert_eq!(fs::read(home.join("b/link")).unwrap(), b"x");
        assert!(home.join("b/c").is_dir());
    }

    #[test]
    fn what_a_killed_server_left_is_removed_and_what_is_used_stays() {
        let folder = TempDir::new().unwrap();
        let left = folder.path().join(format!("{PREFIX}left"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        fs::create_dir(folder.path().join("other")).unwrap();
        // Whoever opens it waits for a writer.
        let trap = folder.path().join(format!("{PREFIX}trap"));
        fs::create_dir(&trap).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(trap.join(LOCK)).status().unwrap().success());
        let clock = std::sync::Arc::new(strongroom_types::SystemClock);
        let mut settings = Settings::new(Vec::new(), clock);
        settings.scratch = Some(folder.path().to_owned());
        let first = Store::open(&settings).unwrap();
        let second = Store::open(&settings).unwrap();
        assert!(!left.exists() && first.home.path().exists() && second.home.path().exists());
        assert!(folder.path().join("other").exists());
    }

    #[tokio::test]
    async fn all_code_together_is_bounded_and_what_nobody_uses_makes_room() {
        struct Zip(Vec<u8>);
        impl CodeSource for Zip {
            async fn zip(&self) -> Result<Vec<u8>, Failure> {
                Ok(self.0.clone())
            }
        }
        let zip = Zip(archive(|zip| {
            zip.start_file("x", options()).unwrap();
            zip.write_all(&[7; 600]).unwrap();
        }));
        let folder = TempDir::new().unwrap();
        let mut settings = Settings::new(Vec::new(), std::sync::Arc::new(strongroom_types::SystemClock));
        settings.scratch = Some(folder.path().to_owned());
        (settings.code_bytes_max, settings.all_code_bytes_max) = (1000, 2000);
        let store = Arc::new(Store::open(&settings).unwrap());
        let first = store.get("first", &zip).await.unwrap();
        let second = store.get("second", &zip).await.unwrap();
        assert!(matches!(store.get("third", &zip).await, Err(Failure::Busy)));
        drop(second);
        let third = store.get("third", &zip).await.unwrap();
        drop((first, third));
        drop(store.idle(Duration::ZERO));
        assert_eq!(store.taken.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn nothing_leads_out() {
        let paths = ["../out", "/etc/out", "a/../../out"];
        for path in paths {
            let zip = archive(|zip| {
                zip.start_file(path, options()).unwrap();
            });
            // A leading slash may be taken off; then the file is inside.
            if let Ok(folder) = unpacked(zip) {
                assert!(folder.path().join("inner/etc/out").exists(), "{path}");
            }
        }
        for target in ["/etc/passwd", "../../x", "a/../../../x", "a/../x"] {
            let zip = archive(|zip| zip.add_symlink("d/link", target, options()).unwrap());
            assert!(unpacked(zip).unwrap_err().contains("leads out"), "{target}");
        }
    }

    #[test]
    fn no_chain_of_links_leads_out() {
        // The first leads to the archive's folder, from which the second goes up, and the third is made there.
        let chain = |last: bool| {
            archive(|zip| {
                zip.add_symlink("a/b/up", "../..", options()).unwrap();
                zip.add_symlink("a/out", "b/up/..", options()).unwrap();
                if last {
                    zip.add_symlink("a/out/made/x", "y", options()).unwrap();
                }
            })
        };
        for last in [false, true] {
            assert!(unpacked(chain(last)).unwrap_err().contains("leads out"));
        }
        let below = archive(|zip| {
            zip.add_symlink("a/b/up", "../..", options()).unwrap();
            zip.add_symlink("a/b/up/c/x", "y", options()).unwrap();
        });
        assert!(unpacked(below).unwrap_err().contains("below what is no folder"));
        let through = archive(|zip| {
            zip.add_symlink("a/b/up", "../..", options()).unwrap();
            zip.add_symlink("a/in", "b/up/a", options()).unwrap();
        });
        let folder = unpacked(through).unwrap();
        let home = folder.path().join("inner");
        assert_eq!(home.join("a/in").canonicalize().unwrap(), home.join("a").canonicalize().unwrap());
    }

    #[test]
    fn folders_are_bounded_too() {
        let deep = archive(|zip| zip.start_file("a/".repeat(11) + "x", options()).unwrap());
        assert!(unpacked(deep).unwrap_err().contains("too many folders"));
        let shared = archive(|zip| {
            (0..9).for_each(|at| zip.start_file("a/".repeat(10) + &at.to_string(), options()).unwrap());
        });
        assert!(unpacked(shared).is_ok());
    }

    #[test]
    fn no_file_is_written_through_a_link() {
        let zip = archive(|zip| {
            zip.add_symlink("d", "e", options()).unwrap();
            zip.start_file("d/x", options()).unwrap();
        });
        assert!(unpacked(zip).is_err());
    }

    #[test]
    fn sizes_and_numbers_are_bounded() {
        let large = archive(|zip| {
            zip.start_file("zeros", options()).unwrap();
            zip.write_all(&[0; 1001]).unwrap();
        });
        assert_eq!(
            unpacked(large).unwrap_err(),
            "the function's code cannot be used: zeros: unpacked, the code has more than 1000 bytes"
        );
        let many = archive(|zip| (0..11).for_each(|at| zip.start_file(at.to_string(), options()).unwrap()));
        assert!(unpacked(many).unwrap_err().contains("more than 10 files"));
        assert!(unpacked(b"no archive".to_vec()).is_err());
    }
}
