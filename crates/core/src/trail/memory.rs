//! Files in memory for tests, that fail as disks do: full, erroneous, short of what was asked, forgetful after power
//! loss.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, MutexGuard};

use super::files::{SegmentFile, SegmentFiles};

/// A folder in memory. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct MemoryFiles(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Content>,
    faults: Faults,
}

#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    /// How many of the bytes survive a loss of power.
    synced: usize,
}

/// What goes wrong from now on.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    /// No more bytes than this fit on the disk. A write fills what is left.
    pub(crate) capacity: Option<usize>,
    /// A write(2) takes no more than this many bytes.
    pub(crate) write_bytes_max: Option<usize>,
    /// This many writes succeed, then all fail.
    pub(crate) writes_left: Option<usize>,
    /// Cutting off fails.
    pub(crate) truncate_fails: bool,
    /// So many syncs from now fail, and lose what they were to keep.
    pub(crate) syncs_to_fail: usize,
}

impl MemoryFiles {
    pub(crate) fn set(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// The text of a file.
    pub(crate) fn text(&self, name: &str) -> String {
        let state = self.state();
        String::from_utf8(state.files.get(name).map(|file| file.bytes.clone()).unwrap_or_default()).expect("UTF-8")
    }

    /// All lines of all files, oldest file first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let names: Vec<String> = self.state().files.keys().cloned().collect();
        names.iter().flat_map(|name| self.text(name).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.state().files.insert(name.to_owned(), Content { bytes: bytes.to_vec(), synced: bytes.len() });
    }

    pub(crate) fn remove(&self, name: &str) {
        self.state().files.remove(name);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().files.keys().cloned().collect()
    }

    /// Forgets what no sync has kept.
    pub(crate) fn lose_power(&self) {
        for file in self.state().files.values_mut() {
            file.bytes.truncate(file.synced);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test thread died")
    }
}

impl SegmentFiles for MemoryFiles {
    fn append(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        self.state().files.entry(name.to_owned()).or_default();
        Ok(Box::new(MemoryFile { name: name.to_owned(), files: self.clone() }))
    }

    fn read(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let state = self.state();
        let file = state.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let from = usize::try_from(from).expect("fits").min(file.bytes.len());
        Ok(Box::new(Cursor::new(file.bytes[from..].to_vec())))
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(self.state().files.get(name).ok_or(io::ErrorKind::NotFound)?.bytes.len() as u64)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let content = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let state = self.state();
        let inner = state.files.keys().filter_map(|name| name.strip_prefix(&prefix));
        let names: BTreeSet<&str> = inner.filter_map(|name| name.split('/').next()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

struct MemoryFile {
    name: String,
    files: MemoryFiles,
}

impl MemoryFile {
    fn with<T>(&self, act: impl FnOnce(&mut Content, &mut Faults) -> T) -> T {
        let mut state = self.files.state();
        let State { files, faults } = &mut *state;
        act(files.get_mut(&self.name).expect("created when opened"), faults)
    }
}

impl SegmentFile for MemoryFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let taken: usize = self.files.state().files.values().map(|file| file.bytes.len()).sum();
        self.with(|file, faults| {
            if let Some(left) = faults.writes_left.as_mut() {
                *left = left.checked_sub(1).ok_or_else(|| io::Error::other("broken disk"))?;
            }
            let room = faults.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(taken));
            let count = bytes.len().min(room).min(faults.write_bytes_max.unwrap_or(usize::MAX));
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.bytes.extend_from_slice(&bytes[..count]);
            Ok(count)
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|file, _| Ok(file.bytes.len() as u64))
    }

    fn last_byte(&self) -> io::Result<Option<u8>> {
        self.with(|file, _| Ok(file.bytes.last().copied()))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.with(|file, faults| {
            if faults.truncate_fails {
                return Err(io::Error::other("cannot cut off"));
            }
            file.bytes.truncate(usize::try_from(length).expect("fits"));
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|file, faults| {
            if faults.syncs_to_fail > 0 {
                faults.syncs_to_fail -= 1;
                return Err(io::Error::other("cannot sync"));
            }
            file.synced = file.bytes.len();
            Ok(())
        })
    }
}
