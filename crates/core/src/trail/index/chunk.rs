//! A file of the index: the records of a part of a segment, by what they can be looked up by.
//!
//! Records are ranked from the newest event to the oldest. Behind a head of fixed length stand the times of the events,
//! the places of the records in the segment's text, a table of hashes in ascending order, and for each hash the ranks of
//! its records: the first, and the distance of each from the one before, in groups of seven bits. All numbers are little
//! endian. What does not read as that is an error, which is mended by making the file anew.

use std::io::{self, Read};

use crate::trail::compressed::write_all;
use crate::trail::files::SegmentFiles;

/// How a file begins: the version is in it.
const MAGIC: &[u8; 8] = b"SRINDEX2";
/// The head: the magic, two offsets, two times, two counts.
const HEAD_BYTES: usize = 8 + 4 * 8 + 2 * 4;
const TIME_BYTES: u64 = 8;
const PLACE_BYTES: u64 = 8;
/// An entry of the table: a hash, where its ranks begin, how many there are.
const ENTRY_BYTES: usize = 16;
/// Entries read at a time when one is looked for.
const WINDOW: u64 = 64;
/// While a file is written.
const PART_END: &str = ".part";

/// A record that is to be put into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Of the event, in seconds.
    pub(super) time: i64,
    /// Where its line begins in the segment's text.
    pub(super) place: u64,
}

/// What is in memory of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The part of the segment's text.
    pub(super) from: u64,
    pub(super) to: u64,
    /// The times of its oldest and its newest event.
    pub(super) oldest: i64,
    pub(super) newest: i64,
    pub(super) records: u32,
    terms: u32,
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.from.to_le_bytes());
        bytes.extend(self.to.to_le_bytes());
        bytes.extend(self.oldest.to_le_bytes());
        bytes.extend(self.newest.to_le_bytes());
        bytes.extend(self.records.to_le_bytes());
        bytes.extend(self.terms.to_le_bytes());
        bytes
    }

    /// Reads that of a file.
    pub(super) fn read(files: &dyn SegmentFiles, name: &str) -> io::Result<Self> {
        let bytes = read(files, name, 0, HEAD_BYTES as u64)?;
        let mut numbers = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
        let mut next = |length: usize| {
            let (number, rest) = numbers.split_at_checked(length)?;
            numbers = rest;
            let mut whole = [0; 8];
            whole.get_mut(..length)?.copy_from_slice(number);
            Some(u64::from_le_bytes(whole))
        };
        let mut head = || {
            Some(Self {
                from: next(8)?,
                to: next(8)?,
                oldest: next(8)?.cast_signed(),
                newest: next(8)?.cast_signed(),
                records: u32::try_from(next(4)?).ok()?,
                terms: u32::try_from(next(4)?).ok()?,
            })
        };
        let head = head().ok_or_else(broken)?;
        let is_one = head.from < head.to && head.oldest <= head.newest && head.ranks_at() <= files.length(name)?;
        is_one.then_some(head).ok_or_else(broken)
    }

    fn times_at(&self) -> u64 {
        HEAD_BYTES as u64
    }

    fn places_at(&self) -> u64 {
        self.times_at() + u64::from(self.records) * TIME_BYTES
    }

    fn terms_at(&self) -> u64 {
        self.places_at() + u64::from(self.records) * PLACE_BYTES
    }

    fn ranks_at(&self) -> u64 {
        self.terms_at() + u64::from(self.terms) * ENTRY_BYTES as u64
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a file of the trail's index does not read as one")
}

/// A hash, and the numbers of the records that have it. A hash may come more than once.
pub(super) type Term<'n> = (u64, &'n [u32]);

/// Writes a file whole, so that a crash leaves either nothing or all of it. `terms` are in ascending order.
pub(super) fn write(
    files: &dyn SegmentFiles,
    name: &str,
    (from, to): (u64, u64),
    entries: &[Entry],
    terms: &[Term<'_>],
) -> io::Result<Head> {
    let mut order: Vec<u32> = (0..u32::try_from(entries.len()).map_err(io::Error::other)?).collect();
    let entry = |number: &u32| entries.get(*number as usize).map(|entry| (entry.time, entry.place));
    order.sort_unstable_by_key(|number| std::cmp::Reverse(entry(number)));
    let mut ranks = vec![0_u32; order.len()];
    for (rank, number) in (0_u32..).zip(&order) {
        if let Some(place) = ranks.get_mut(*number as usize) {
            *place = rank;
        }
    }
    let time = |number: Option<&u32>| number.and_then(entry).map_or(0, |(time, _)| time);
    let head = Head {
        from,
        to,
        oldest: time(order.last()),
        newest: time(order.first()),
        records: u32::try_from(entries.len()).map_err(io::Error::other)?,
        terms: u32::try_from(hashes(terms).count()).map_err(io::Error::other)?,
    };
    let mut bytes = head.bytes();
    bytes.reserve(usize::try_from(head.ranks_at()).unwrap_or(0));
    for (time, _) in order.iter().filter_map(entry) {
        bytes.extend(time.to_le_bytes());
    }
    for (_, place) in order.iter().filter_map(entry) {
        bytes.extend(place.to_le_bytes());
    }
    let mut all_ranks = Vec::new();
    let mut of_term: Vec<u32> = Vec::new();
    for (hash, same) in hashes(terms) {
        of_term.clear();
        let numbers = same.iter().flat_map(|(_, numbers)| *numbers);
        of_term.extend(numbers.filter_map(|number| ranks.get(*number as usize).copied()));
        of_term.sort_unstable();
        of_term.dedup();
        bytes.extend(hash.to_le_bytes());
        bytes.extend(u32::try_from(all_ranks.len()).map_err(io::Error::other)?.to_le_bytes());
        bytes.extend(u32::try_from(of_term.len()).map_err(io::Error::other)?.to_le_bytes());
        let mut before = 0;
        for rank in of_term.iter().copied() {
            push_number(&mut all_ranks, rank - before);
            before = rank;
        }
    }
    bytes.extend(all_ranks);
    let part = [name, PART_END].concat();
    let file = files.append(&part)?;
    file.truncate(0)?;
    write_all(file.as_ref(), &bytes)?;
    file.sync()?;
    files.rename(&part, name)?;
    Ok(head)
}

/// Each hash once, with its parts.
fn hashes<'t, 'n>(terms: &'t [Term<'n>]) -> impl Iterator<Item = (u64, &'t [Term<'n>])> {
    terms.chunk_by(|left, right| left.0 == right.0).filter_map(|same| Some((same.first()?.0, same)))
}

fn push_number(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read(files: &dyn SegmentFiles, name: &str, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files.read(name, at)?.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(broken()) }
}

/// The ranks of a hash's records within `within`, in ascending order, at most `limit` of them.
fn ranks(
    files: &dyn SegmentFiles,
    name: &str,
    head: &Head,
    hash: u64,
    within: (u32, u32),
    limit: usize,
) -> io::Result<Vec<u32>> {
    let Some((start, count)) = find(files, name, head, hash)? else { return Ok(Vec::new()) };
    let mut bytes = io::BufReader::new(files.read(name, head.ranks_at() + u64::from(start))?).bytes();
    let mut found = Vec::new();
    let mut rank = 0_u32;
    for number in 0..count {
        let mut distance = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = bytes.next().ok_or_else(broken)??;
            distance |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        rank = rank.checked_add(distance).ok_or_else(broken)?;
        if rank >= head.records || (distance == 0 && number > 0) {
            return Err(broken());
        }
        if rank >= within.1 || found.len() >= limit {
            break;
        }
        if rank >= within.0 {
            found.push(rank);
        }
    }
    Ok(found)
}

/// Where the ranks of a hash begin and how many there are. Hashes are spread evenly, so its place in the table is nearly
/// known.
fn find(files: &dyn SegmentFiles, name: &str, head: &Head, hash: u64) -> io::Result<Option<(u32, u32)>> {
    let (mut low, mut high) = (0, u64::from(head.terms));
    let mut guess = u64::try_from((u128::from(hash) * u128::from(high)) >> 64).unwrap_or(0);
    while low < high {
        let from = guess.saturating_sub(WINDOW / 2).clamp(low, high - 1);
        let count = WINDOW.min(high - from);
        let bytes = read(files, name, head.terms_at() + from * ENTRY_BYTES as u64, count * ENTRY_BYTES as u64)?;
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        let key = |entry: &[u8; ENTRY_BYTES]| entry.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        match entries.binary_search_by_key(&hash, key) {
            Ok(at) => {
                let rest = entries.get(at).and_then(|entry| entry.last_chunk::<8>()).ok_or_else(broken)?;
                let [a, b, c, d, e, f, g, h] = *rest;
                return Ok(Some((u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))));
            }
            Err(0) => high = from,
            Err(at) if at == entries.len() => low = from + count,
            Err(_) => return Ok(None),
        }
        guess = low + (high - low) / 2;
    }
    Ok(None)
}

/// The newest records of a hash: at most `limit`, whose events and places are before `before`, at or after `oldest`.
pub(super) fn newest(
    files: &dyn SegmentFiles,
    name: &str,
    head: &Head,
    hash: u64,
    (oldest, before): (i64, (i64, u64)),
    limit: usize,
) -> io::Result<Vec<Entry>> {
    let inside = oldest <= head.oldest && before.0 > head.newest;
    let within = if inside { (0, head.records) } else { bounds(files, name, head, oldest, before)? };
    let found = ranks(files, name, head, hash, within, limit)?;
    let number = |at: u64| {
        let bytes = read(files, name, at, 8)?;
        bytes.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(broken)
    };
    let entry = |rank: u32| {
        let rank = u64::from(rank);
        let time = number(head.times_at() + rank * TIME_BYTES)?.cast_signed();
        let entry = Entry { time, place: number(head.places_at() + rank * PLACE_BYTES)? };
        // Whoever asks for what comes behind a place must never get that place again.
        let is_within = time >= oldest && (time, entry.place) < before;
        is_within.then_some(entry).ok_or_else(broken)
    };
    found.into_iter().map(entry).collect()
}

/// The ranks whose events are before `before`, in time and place, and at or after `oldest`.
fn bounds(
    files: &dyn SegmentFiles,
    name: &str,
    head: &Head,
    oldest: i64,
    before: (i64, u64),
) -> io::Result<(u32, u32)> {
    let column = |at: u64| read(files, name, at, u64::from(head.records) * 8);
    let (times, places) = (column(head.times_at())?, column(head.places_at())?);
    let (times, _) = times.as_chunks::<8>();
    let (places, _) = places.as_chunks::<8>();
    let time = |at: usize| times.get(at).map_or(0, |bytes| i64::from_le_bytes(*bytes));
    let place = |at: usize| places.get(at).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let first = partition(times.len(), |at| (time(at), place(at)) >= before);
    let last = partition(times.len(), |at| time(at) >= oldest);
    Ok((u32::try_from(first).unwrap_or(u32::MAX), u32::try_from(last).unwrap_or(u32::MAX)))
}

/// How many of the first numbers fulfil `is`, which those behind them do not.
fn partition(count: usize, is: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if is(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::memory::MemoryFiles;

    #[test]
    fn what_was_written_is_found_newest_first_and_within_bounds() {
        let files = MemoryFiles::default();
        let entries: Vec<Entry> =
            (0..5000).map(|n| Entry { time: 1000 + i64::from(n as u32 / 3), place: n * 100 }).collect();
        let numbers: Vec<u32> = (0..5000).collect();
        let mut terms = Vec::new();
        for number in &numbers {
            for hash in [7, u64::from(number % 40) << 58, u64::from(*number).wrapping_mul(0x9e37_79b9_7f4a_7c15)] {
                terms.push((hash, std::slice::from_ref(number)));
            }
        }
        terms.sort();
        let head = write(&files, "x", (3, 9), &entries, &terms).unwrap();
        assert_eq!(Head::read(&files, "x").unwrap(), head);
        assert_eq!((head.from, head.to, head.oldest, head.newest, head.records), (3, 9, 1000, 2666, 5000));
        let all = (0, (i64::MAX, 0));
        let found = |hash, bounds, limit| newest(&files, "x", &head, hash, bounds, limit).unwrap();
        let expected: Vec<Entry> = entries.iter().rev().copied().collect();
        assert_eq!(found(7, all, usize::MAX), expected);
        assert_eq!(found(7, all, 3), expected[..3]);
        for number in [0, 1, 77, 4999] {
            let hash = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            assert!(found(hash, all, usize::MAX).contains(&entries[number]), "{number}");
        }
        assert_eq!(found(8, all, 9), []);
        let before = |number: usize| (entries[number].time, entries[number].place);
        assert_eq!(found(7, (0, before(100)), 2), [entries[99], entries[98]]);
        assert_eq!(found(7, (2660, before(4998)), usize::MAX).last(), Some(&entries[4980]));
        assert_eq!(found(7, (3000, (i64::MAX, 0)), 9), []);
        // Whatever was cut off or changed is an error or finds something else, and harms nothing.
        let whole = read(&files, "x", 0, files.length("x").unwrap()).unwrap();
        for length in [0, 10, HEAD_BYTES, whole.len() / 2] {
            files.put("x", &whole[..length]);
            let _ = newest(&files, "x", &head, 7, (0, before(100)), 9);
            assert!(length >= HEAD_BYTES || Head::read(&files, "x").is_err());
        }
    }
}
