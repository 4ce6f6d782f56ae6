//! The index of a trail: which records an account has, by name, user, resource and so on, newest first.
//!
//! It follows the segments and is made of what stands in them, so that losing it loses nothing: what is missing is made
//! anew. It is kept in files beside the segments, each of a part of one segment, and the newest part in memory.

mod chunk;
mod facts;
mod growing;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_types::Timestamp;
use strongroom_types::time::DAY_MS;

use super::calendar::{EVER, Hour};
use super::compressed;
use super::files::{SegmentFiles, named_files, newest_first};
use super::follow::{Follower, Position, Seen};
use super::read::LineReader;
use super::segment_id::SegmentId;
use super::segments::Segments;
use chunk::{Entry, Head};
pub use facts::{Attribute, Facts};
use growing::Growing;

/// How long records can be looked up, as CloudTrail's event history says.
pub const DAYS: i64 = 90;
/// Records in memory before they are written to a file.
const GROWING_MAX: usize = 65_536;
/// Text between two records that is read through rather than passed over, in bytes: a member of a compressed file.
const NEAR_BYTES: u64 = 128 * 1024;
/// Text that is read at a time, in bytes.
const READ_BYTES: u64 = 1024 * 1024;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Whose records.
    pub account: String,
    /// What they have; all of them without.
    pub attribute: Option<(Attribute, String)>,
    /// Events at or after this, in seconds.
    pub from: i64,
    /// Events at or before this, in seconds.
    pub until: i64,
    /// Only what comes behind this, where newer events come first.
    pub behind: Option<Place>,
    /// At most so many.
    pub limit: usize,
}

/// The place of a record among all of its trail: newer events come first, and of one second those written later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Of the event, in seconds.
    pub time: i64,
    /// Where its line begins.
    pub at: Position,
}

/// A record that was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it is.
    pub place: Place,
    /// Its line.
    pub text: String,
}

/// The index of the trail that a process writes. Its calls block.
pub struct Index {
    files: Arc<dyn SegmentFiles>,
    segments: Arc<Segments>,
    state: Mutex<Option<State>>,
}

struct State {
    follower: Follower,
    /// The files, the oldest first.
    chunks: Vec<Chunk>,
    growing: Growing,
}

/// A file of the index.
#[derive(Clone)]
struct Chunk {
    segment: SegmentId,
    name: Arc<str>,
    head: Head,
}

/// A segment that is being read.
struct Reading {
    segment: SegmentId,
    /// Where the next line begins.
    offset: u64,
    lines: LineReader<'static>,
}

impl Reading {
    fn is_near(&self, at: Position) -> bool {
        let ahead = at.offset.checked_sub(self.offset);
        self.segment == at.segment && ahead.is_some_and(|ahead| ahead <= NEAR_BYTES)
    }

    /// The line that begins at `offset`; none when none does.
    fn line_at(&mut self, offset: u64) -> io::Result<Option<String>> {
        while self.offset <= offset {
            let at = self.offset;
            let Some(placed) = self.lines.next_placed()? else { return Ok(None) };
            self.offset = self.offset.saturating_add(placed.length);
            if at == offset {
                return Ok(std::str::from_utf8(placed.line).ok().map(str::to_owned));
            }
        }
        Ok(None)
    }
}

/// Where records that fit may be: in a file, or in memory.
enum Source<'a> {
    File(&'a Chunk),
    Memory(&'a Growing),
}

impl Index {
    /// The index of the trail that `segments` writes. Nothing is read before it is first used.
    #[must_use]
    pub fn new(segments: Arc<Segments>) -> Self {
        Self { files: Arc::clone(segments.files()), segments, state: Mutex::default() }
    }

    /// Reads on in the trail, about `bytes_max` bytes of it, and returns whether all that there is was read.
    ///
    /// # Errors
    /// When the trail cannot be read or a file of the index not written. The next call goes on.
    pub fn catch_up(&self, now: Timestamp, bytes_max: u64) -> io::Result<bool> {
        let mut state = self.state();
        let state = self.opened(&mut state, now)?;
        let mut left = bytes_max;
        while left > 0 {
            let before = state.follower.position();
            let read = self.read(state, READ_BYTES.min(left))?;
            self.close(state)?;
            if read == 0 && state.follower.position() == before {
                return Ok(true);
            }
            left = left.saturating_sub(read.max(1));
        }
        Ok(false)
    }

    /// Up to where the trail was read; none before the first use.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.state().as_ref().map(|state| state.follower.position())
    }

    /// Forgets what is too old to be looked up.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget_old(&self, now: Timestamp) -> io::Result<()> {
        let mut state = self.state();
        let Some(state) = state.as_mut() else { return Ok(()) };
        let first = first_hour(now);
        let old = state.chunks.partition_point(|chunk| chunk.segment.hour < first);
        for chunk in state.chunks.drain(..old) {
            match self.files.remove(&chunk.name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The records that are looked for, newest first, among those that were read so far.
    ///
    /// # Errors
    /// When the trail or its index cannot be read.
    pub fn lookup(&self, lookup: &Lookup) -> io::Result<Vec<Hit>> {
        let mut lookup = lookup.clone();
        let wanted = lookup.limit;
        let mut hits: Vec<Hit> = Vec::new();
        loop {
            lookup.limit = wanted - hits.len();
            let places = self.places(&lookup)?;
            let complete = places.len() < lookup.limit;
            lookup.behind = places.last().copied().or(lookup.behind);
            let texts = self.texts(&places)?;
            for (place, text) in places.into_iter().zip(texts) {
                let Some(text) = text else { continue };
                let fits = Facts::of(&text).is_some_and(|facts| fits(&facts, &lookup));
                if fits && hits.iter().all(|hit| hit.text != text) {
                    hits.push(Hit { place, text });
                }
            }
            if complete || hits.len() >= wanted {
                return Ok(hits);
            }
        }
    }

    /// The places of records that seem to fit, in order.
    fn places(&self, lookup: &Lookup) -> io::Result<Vec<Place>> {
        let mut state = self.state();
        let Some(opened) = state.as_ref() else { return Ok(Vec::new()) };
        self.places_in(opened, lookup).map_err(|(name, error)| {
            if error.kind() == io::ErrorKind::InvalidData {
                // It is made anew, with all behind it. Where it cannot be removed the next lookup tries again.
                let _ = self.files.remove(&name);
                *state = None;
            }
            error
        })
    }

    /// The same, or the file that cannot be read.
    fn places_in(&self, state: &State, lookup: &Lookup) -> Result<Vec<Place>, (Arc<str>, io::Error)> {
        let attribute = lookup.attribute.as_ref();
        let hash = facts::term(&lookup.account, attribute.map(|(attribute, value)| (*attribute, value.as_str())));
        let newest_in_memory = state.growing.entries.iter().map(|entry| entry.time).max();
        let mut sources: Vec<(i64, SegmentId, Source<'_>)> = state
            .chunks
            .iter()
            .filter(|chunk| chunk.head.records > 0)
            .map(|chunk| (chunk.head.newest, chunk.segment, Source::File(chunk)))
            .collect();
        let in_memory = |time| (time, state.growing.from.segment, Source::Memory(&state.growing));
        sources.extend(newest_in_memory.map(in_memory));
        sources.sort_by_key(|(newest, segment, _)| Reverse((*newest, *segment)));
        let mut places: Vec<Place> = Vec::new();
        for (newest, segment, source) in sources {
            // What is left is older than all that was found.
            if places.len() >= lookup.limit && places.last().is_some_and(|last| last.time > newest)
                || newest < lookup.from
            {
                break;
            }
            let bounds = (lookup.from, before(lookup, segment));
            let found = match source {
                Source::Memory(growing) => growing.newest(hash, bounds, lookup.limit),
                Source::File(chunk) => match self.newest(chunk, hash, bounds, lookup.limit) {
                    // Removed with its segment.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                    found => found.map_err(|error| (Arc::clone(&chunk.name), error))?,
                },
            };
            let place = |entry: Entry| Place { time: entry.time, at: Position { segment, offset: entry.place } };
            places.extend(found.into_iter().map(place));
            places.sort_unstable_by_key(|place| Reverse(*place));
            places.truncate(lookup.limit);
        }
        Ok(places)
    }

    fn newest(&self, chunk: &Chunk, hash: u64, bounds: (i64, (i64, u64)), limit: usize) -> io::Result<Vec<Entry>> {
        // Nothing of it is older than where it begins.
        if bounds.1.0 < chunk.head.oldest {
            return Ok(Vec::new());
        }
        chunk::newest(self.files.as_ref(), &chunk.name, &chunk.head, hash, bounds, limit)
    }

    /// The lines at places; none for those that are not there any more. What is near one another is read in one go.
    fn texts(&self, places: &[Place]) -> io::Result<Vec<Option<String>>> {
        let mut order: Vec<(Position, usize)> = places.iter().map(|place| place.at).zip(0..).collect();
        order.sort_unstable();
        let mut texts = vec![None; places.len()];
        let mut open: Option<Reading> = None;
        for (at, index) in order {
            let read = match open.take().filter(|reading| reading.is_near(at)) {
                Some(reading) => Ok(reading),
                None => compressed::read(self.files.as_ref(), at.segment, at.offset).map(|text| Reading {
                    segment: at.segment,
                    offset: at.offset,
                    lines: LineReader::new(text),
                }),
            };
            let read = read.and_then(|mut reading| {
                let text = reading.line_at(at.offset)?;
                open = Some(reading);
                Ok(text)
            });
            match read {
                Ok(text) => texts.get_mut(index).into_iter().for_each(|place| place.clone_from(&text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound || compressed::is_damage(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(texts)
    }

    /// Reads on in the trail. Returns how many bytes of it were records.
    fn read(&self, state: &mut State, bytes_max: u64) -> io::Result<u64> {
        let State { follower, chunks, growing } = state;
        let mut taken = Ok(0);
        let looked = follower.look(bytes_max, &mut |seen| {
            // Once something cannot be written, nothing behind it is taken.
            if let Ok(read) = taken {
                taken = self.take(chunks, growing, seen).map(|more| read + more);
            }
        });
        if taken.is_err() {
            // What was not taken is read again.
            follower.go_to(growing.from);
            growing.restart(growing.from);
        }
        looked.and(taken)
    }

    /// Puts what was seen into the index. Returns how many bytes of records it was.
    fn take(&self, chunks: &mut Vec<Chunk>, growing: &mut Growing, seen: Seen<'_>) -> io::Result<u64> {
        let (at, behind) = match seen {
            Seen::Line { at, behind, .. } | Seen::Damaged { at, behind } | Seen::Gap { from: at, behind } => {
                (at, behind)
            }
        };
        if at.segment != growing.from.segment || growing.entries.len() >= GROWING_MAX {
            self.flush(chunks, growing, at)?;
        }
        let mut read = 0;
        if let Seen::Line { line, .. } = seen
            && let Some(facts) = Facts::seen(line)
        {
            read = behind.offset.saturating_sub(at.offset);
            growing.add(&facts, at.offset);
        }
        if behind.segment != growing.from.segment {
            self.flush(chunks, growing, behind)?;
        }
        Ok(read)
    }

    /// Writes what is in memory when its segment is closed, so that it is not read anew after a restart.
    fn close(&self, state: &mut State) -> io::Result<()> {
        let position = state.follower.position();
        let is_open = position.segment == state.growing.from.segment;
        if is_open { Ok(()) } else { self.flush(&mut state.chunks, &mut state.growing, position) }
    }

    /// Writes what is in memory to a file, and goes on at `next`.
    fn flush(&self, chunks: &mut Vec<Chunk>, growing: &mut Growing, next: Position) -> io::Result<()> {
        let from = growing.from;
        let to = if next.segment == from.segment {
            next.offset
        } else {
            match compressed::length(self.files.as_ref(), from.segment) {
                Ok(length) => length,
                // There was no segment, or there is none any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => from.offset,
                Err(error) => return Err(error),
            }
        };
        if to > from.offset {
            // The index must not know of records that a loss of power takes away.
            self.segments.sync()?;
            let name = from.segment.index_file(from.offset);
            let head = chunk::write(self.files.as_ref(), &name, (from.offset, to), &growing.entries, &growing.terms())?;
            chunks.push(Chunk { segment: from.segment, name: name.into(), head });
        }
        growing.restart(next);
        Ok(())
    }

    fn opened<'a>(&self, state: &'a mut Option<State>, now: Timestamp) -> io::Result<&'a mut State> {
        let opened = match state.take() {
            Some(opened) => opened,
            None => self.open(now)?,
        };
        Ok(state.insert(opened))
    }

    /// Finds what there is of the index, and where the trail is to be read on.
    fn open(&self, now: Timestamp) -> io::Result<State> {
        let files = self.files.as_ref();
        let span = (first_hour(now), EVER.1);
        let mut segments = newest_first(files, span, usize::MAX)?;
        segments.reverse();
        let mut names = named_files(files, EVER, SegmentId::of_index_file)?;
        names.reverse();
        let mut unread = names.iter().peekable();
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut start = segments.first().map_or(Position::START, |first| Position::before(*first));
        for segment in segments {
            let mut covered = Position::before(segment);
            while unread.next_if(|(id, _)| *id < segment).is_some() {}
            while let Some((_, name)) = unread.next_if(|(id, _)| *id == segment) {
                // What does not read is made anew, and what does not follow was made anew already.
                let Ok(head) = Head::read(files, name) else { continue };
                if head.from == covered.offset {
                    covered.offset = head.to;
                    chunks.push(Chunk { segment, name: name.as_str().into(), head });
                }
            }
            start = covered;
            let length = compressed::length(files, segment)?;
            if covered.offset < length {
                break;
            }
            if covered.offset > length {
                // The segment has lost its end, with what this knows of it.
                while chunks.pop_if(|chunk| chunk.segment == segment).is_some() {}
                start = Position::before(segment);
                break;
            }
        }
        let used: HashSet<&str> = chunks.iter().map(|chunk| &*chunk.name).collect();
        for (_, name) in names.iter().filter(|(_, name)| !used.contains(name.as_str())) {
            match files.remove(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let follower = Follower::of(&self.segments, start);
        Ok(State { follower, chunks, growing: Growing::new(start) })
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first hour whose records can be looked up.
fn first_hour(now: Timestamp) -> Hour {
    Hour::of(now.plus_millis(-(DAYS + 1) * DAY_MS))
}

/// The time and place in `segment` before which records come behind those that were answered.
fn before(lookup: &Lookup, segment: SegmentId) -> (i64, u64) {
    let until = (lookup.until.saturating_add(1), 0);
    let Some(Place { time, at }) = lookup.behind else { return until };
    let behind = match segment.cmp(&at.segment) {
        std::cmp::Ordering::Less => (time.saturating_add(1), 0),
        std::cmp::Ordering::Equal => (time, at.offset),
        std::cmp::Ordering::Greater => (time, 0),
    };
    behind.min(until)
}

fn fits(facts: &Facts<'_>, lookup: &Lookup) -> bool {
    let has = lookup.attribute.as_ref().is_none_or(|(attribute, value)| facts.has(*attribute, value));
    has && facts.account == lookup.account && (lookup.from..=lookup.until).contains(&facts.time.seconds())
}

#[cfg(test)]
mod tests;
