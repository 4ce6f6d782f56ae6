//! Looks for texts in the memory of a running process.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use memchr::memmem::Finder;

/// Bytes read at once.
const CHUNK: usize = 1 << 16;
/// Bytes of a value that are looked for as one: few, since a freed block loses its beginning to the allocator.
pub const PIECE: usize = 16;
/// Pieces of one form of a value that are looked for: at its beginning, its end and evenly between.
const PIECES: usize = 5;
/// Bytes of a page of memory, and of what the kernel tells about it.
const PAGE: u64 = 4096;
const PAGE_ENTRY: usize = 8;
/// The bits of that which say that the page is in memory, or swapped out of it.
const PAGE_IS_THERE: u64 = 0b11 << 62;

/// A form of a value, of which pieces are looked for.
pub struct Wanted {
    /// What it is, for messages.
    pub name: String,
    finders: Vec<Finder<'static>>,
}

impl Wanted {
    /// The pieces of `bytes`, which must be long enough for one.
    pub fn new(name: impl Into<String>, bytes: &[u8]) -> Self {
        let last = bytes.len().checked_sub(PIECE).expect("long enough");
        let mut places: Vec<usize> = (0..PIECES).map(|n| last * n / (PIECES - 1)).collect();
        places.dedup();
        let finders = places.iter().map(|at| Finder::new(&bytes[*at..*at + PIECE]).into_owned()).collect();
        Self { name: name.into(), finders }
    }
}

/// A place where something was found.
pub struct Hit {
    /// Which of the values.
    pub name: String,
    /// Where, with what stands around it.
    pub place: String,
}

/// Looks through all writable memory of the process `pid`: heap, anonymous mappings, stacks, data of the binary.
pub fn search(pid: u32, wanted: &[Wanted]) -> io::Result<Vec<Hit>> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let pages = File::open(format!("/proc/{pid}/pagemap"))?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let stacks = stacks(pid)?;
    let mut hits = Vec::new();
    let mut chunk = vec![0; CHUNK + PIECE];
    let zeros = vec![0; CHUNK + PIECE];
    let mut readable = 0_u64;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("an address");
        let (mut at, end) = (number(start), number(end));
        let of: Vec<&str> =
            stacks.iter().filter(|(top, _)| (at..end).contains(top)).map(|(_, name)| name.as_str()).collect();
        let mapping = format!("{line}{}", if of.is_empty() { String::new() } else { format!(", stack of {of:?}") });
        while at < end {
            if !is_there(&pages, at)? {
                at += CHUNK as u64;
                continue;
            }
            let wish = usize::try_from(end - at).unwrap_or(usize::MAX).min(chunk.len());
            // What was unmapped meanwhile is not there to be found.
            let Ok(read) = memory.read_at(&mut chunk[..wish], at) else { break };
            if read == 0 {
                break;
            }
            // Most of what an allocator sets aside was never used.
            if chunk[..read] != zeros[..read] {
                readable += read as u64;
                look(&chunk[..read], at, &mapping, wanted, &mut hits);
            }
            // Pieces that lie across the border are found in the next chunk.
            at += if read > CHUNK { CHUNK as u64 } else { read as u64 };
        }
    }
    println!("{readable} bytes of memory searched that are not zero");
    if readable == 0 {
        return Err(io::Error::other("no byte of it could be read"));
    }
    Ok(hits)
}

/// Where the stacks of the threads are that wait, and the threads' names.
fn stacks(pid: u32) -> io::Result<Vec<(u64, String)>> {
    let mut stacks = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        // A thread that has just ended has none.
        let read = |file| fs::read_to_string(task.join(file)).unwrap_or_default();
        let (call, name) = (read("syscall"), read("comm"));
        let top = call.split_whitespace().rev().nth(1).and_then(|top| top.strip_prefix("0x"));
        if let Some(top) = top.and_then(|top| u64::from_str_radix(top, 16).ok()) {
            stacks.push((top, name.trim().to_owned()));
        }
    }
    Ok(stacks)
}

/// Whether the process has ever touched a page of the chunk at `at`.
fn is_there(pages: &File, at: u64) -> io::Result<bool> {
    let mut entries = vec![0; (CHUNK / 4096 + 1) * PAGE_ENTRY];
    let read = pages.read_at(&mut entries, at / PAGE * PAGE_ENTRY as u64)?;
    let (entries, _) = entries[..read].as_chunks::<PAGE_ENTRY>();
    Ok(entries.iter().any(|entry| u64::from_ne_bytes(*entry) & PAGE_IS_THERE != 0))
}

fn look(bytes: &[u8], base: u64, mapping: &str, wanted: &[Wanted], hits: &mut Vec<Hit>) {
    for value in wanted {
        for (number, finder) in value.finders.iter().enumerate() {
            for at in finder.find_iter(bytes) {
                let around = &bytes[at.saturating_sub(64)..bytes.len().min(at + 96)];
                let around: String =
                    around.iter().map(|b| if b.is_ascii_graphic() { char::from(*b) } else { '.' }).collect();
                let place = format!("piece {number} at {:x} in [{mapping}]: {around}", base + at as u64);
                hits.push(Hit { name: value.name.clone(), place });
            }
        }
    }
}
