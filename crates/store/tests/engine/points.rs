//! The points of `points.c` at which a process touches the disk: how a fault is set on one, how a trace is read, and what
//! a disk may hold after a power failure.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use strongroom_crypto::random::{SeededRandom, bytes};

use crate::disk;

/// What a disk writes at once.
const SECTOR_BYTES: usize = 512;
/// The directory's own name in a trace.
const ITSELF: &str = ".";

/// The library to load before the C library.
pub fn library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| disk::compiled("points")).clone()
}

/// What was done, in its order.
#[derive(Clone, Debug)]
pub enum Step {
    /// A file was made.
    Create(String),
    /// A file got another name.
    Rename(String, String),
    /// A file was removed.
    Unlink(String),
    /// Bytes were written.
    Write(String, u64, Vec<u8>),
    /// A length was set.
    Truncate(String, u64),
    /// All before on this file, or on the names in the directory, is durable from here on.
    Sync(String),
    /// A sync was refused: what it was to make durable may be lost, and no later sync is known to care for it.
    SyncFailed(String),
    /// The process printed this.
    Said(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(name, offset, bytes) => write!(f, "write {name} {offset} {} bytes", bytes.len()),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Reads a trace. A record that the process did not finish ends it.
pub fn read_trace(path: &Path) -> Vec<Step> {
    let bytes = fs::read(path).expect("the trace");
    let mut rest = bytes.as_slice();
    let mut steps = Vec::new();
    while let Some((step, behind)) = step(rest) {
        steps.push(step);
        rest = behind;
    }
    steps
}

fn step(bytes: &[u8]) -> Option<(Step, &[u8])> {
    let ([letter, name_bytes], rest) = bytes.split_first_chunk()?;
    let (offset, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_bytes))?;
    let (offset, length) = (u64::from_ne_bytes(*offset), u64::from_ne_bytes(*length));
    let name = String::from_utf8(name.to_vec()).expect("a name");
    let stored = if matches!(letter, b'w' | b'm' | b'a') { usize::try_from(length).expect("a length") } else { 0 };
    let (stored, rest) = rest.split_at_checked(stored)?;
    let text = || String::from_utf8_lossy(stored).into_owned();
    let step = match letter {
        b'c' => Step::Create(name),
        b'm' => Step::Rename(name, text()),
        b'u' => Step::Unlink(name),
        b'w' => Step::Write(name, offset, stored.to_vec()),
        b't' => Step::Truncate(name, length),
        b's' => Step::Sync(name),
        b'f' => Step::SyncFailed(name),
        b'a' => Step::Said(text()),
        other => panic!("a trace has no step {other}"),
    };
    Some((step, rest))
}

/// How a change of a file stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next sync makes it durable.
    Waiting,
    /// It survives.
    Durable,
    /// A sync failed on it: it may be on the disk or not, whatever comes.
    Doomed,
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Clone)]
enum Naming {
    Is(String, usize),
    IsNot(String),
}

/// A disk with one directory, as it is for the process and as it may be after a power failure. What was synced is kept.
/// Of what was written to a file since, each sector is kept or not. Of the names given and taken since the directory was
/// synced, those up to some moment are kept, as file systems with a journal do it.
#[derive(Default)]
pub struct Disk {
    files: Vec<Vec<(Change, State)>>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    waiting_names: Vec<Naming>,
}

impl Disk {
    /// Does a step.
    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::Create(name) => {
                self.files.push(Vec::new());
                self.name(Naming::Is(name.clone(), self.files.len() - 1));
            }
            Step::Rename(from, to) => {
                let file = self.names[from];
                self.name(Naming::IsNot(from.clone()));
                self.name(Naming::Is(to.clone(), file));
            }
            Step::Unlink(name) => self.name(Naming::IsNot(name.clone())),
            Step::Write(name, offset, bytes) => {
                self.change(name, Change::Write(usize::try_from(*offset).expect("an offset"), bytes.clone()));
            }
            Step::Truncate(name, length) => {
                self.change(name, Change::Length(usize::try_from(*length).expect("a length")));
            }
            Step::Sync(name) if name == ITSELF => {
                self.durable_names = self.names.clone();
                self.waiting_names.clear();
            }
            // Names that a sync failed on are as uncertain as before it.
            Step::SyncFailed(name) if name == ITSELF => {}
            Step::Sync(name) => self.settle(name, State::Durable),
            Step::SyncFailed(name) => self.settle(name, State::Doomed),
            Step::Said(_) => {}
        }
    }

    fn name(&mut self, naming: Naming) {
        set_name(&mut self.names, &naming);
        self.waiting_names.push(naming);
    }

    /// A file that was removed while it was open is of no interest.
    fn change(&mut self, name: &str, change: Change) {
        if let Some(file) = self.names.get(name) {
            self.files[*file].push((change, State::Waiting));
        }
    }

    fn settle(&mut self, name: &str, outcome: State) {
        let Some(file) = self.names.get(name) else { return };
        for (_, state) in self.files[*file].iter_mut().filter(|(_, state)| *state == State::Waiting) {
            *state = outcome;
        }
    }

    /// Writes into `directory` what is there when the power fails now.
    pub fn survive(&self, directory: &Path, dice: &Dice) {
        // One fate for all: everything kept, mostly kept, by halves, mostly lost, everything lost.
        let kept_of_ten = [10, 9, 5, 1, 0][dice.below(5)];
        let kept_names = match kept_of_ten {
            10 => self.waiting_names.len(),
            0 => 0,
            _ => dice.below(self.waiting_names.len() + 1),
        };
        let mut names = self.durable_names.clone();
        self.waiting_names.iter().take(kept_names).for_each(|naming| set_name(&mut names, naming));
        for (name, file) in names {
            let content = content(&self.files[file], || dice.below(10) < kept_of_ten);
            fs::write(directory.join(name), content).expect("a file");
        }
    }
}

fn set_name(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming {
        Naming::Is(name, file) => names.insert(name.clone(), *file),
        Naming::IsNot(name) => names.remove(name),
    };
}

fn content(changes: &[(Change, State)], kept: impl Fn() -> bool) -> Vec<u8> {
    let mut content: Vec<u8> = Vec::new();
    for (change, state) in changes {
        let durable = *state == State::Durable;
        match change {
            Change::Length(length) => {
                if durable || kept() {
                    content.resize(*length, 0);
                }
            }
            Change::Write(offset, bytes) => {
                for (number, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                    if durable || kept() {
                        let from = offset + number * SECTOR_BYTES;
                        if content.len() < from + sector.len() {
                            content.resize(from + sector.len(), 0);
                        }
                        content[from..from + sector.len()].copy_from_slice(sector);
                    }
                }
            }
        }
    }
    content
}

/// Draws numbers, the same for the same seed.
pub struct Dice(SeededRandom);

impl Dice {
    /// Dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// A number below `bound`.
    pub fn below(&self, bound: usize) -> usize {
        let drawn: [u8; 4] = bytes(&self.0).expect("random bytes");
        usize::try_from(u32::from_be_bytes(drawn)).expect("a number") % bound
    }
}
