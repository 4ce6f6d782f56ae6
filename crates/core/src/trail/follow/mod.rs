//! Following a trail: its records in the order they were written, from a position on, over open, closed and compressed
//! segments alike.
//!
//! Who follows keeps the position behind what it has dealt with, and goes on from there after a restart. What cannot be
//! read is told and passed over: lines that are no record, and segments that are not there any more.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use strongroom_types::Timestamp;

use super::calendar::{EVER, Hour};
use super::compressed;
use super::files::{SegmentFiles, newest_first};
use super::read::{LineReader, Mark, Placed};
use super::segment_id::{NoSegment, SegmentId};
use super::segments::Segments;

/// A place in a trail: between two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment.
    pub segment: SegmentId,
    /// Bytes of the segment's text before it.
    pub offset: u64,
}

impl Position {
    /// Before all that a trail can hold.
    pub const START: Self = Self { segment: SegmentId::first(EVER.0), offset: 0 };

    /// The beginning of a segment.
    #[must_use]
    pub const fn before(segment: SegmentId) -> Self {
        Self { segment, offset: 0 }
    }

    /// The end of a trail as it is now: who follows from here learns of what comes.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn end_of(files: &dyn SegmentFiles) -> io::Result<Self> {
        let Some(segment) = newest_first(files, EVER, 1)?.first().copied() else { return Ok(Self::START) };
        Ok(Self { segment, offset: compressed::length(files, segment)? })
    }
}

/// The hour that the oldest segment of a trail was begun in; none while it holds nothing.
///
/// # Errors
/// When the trail cannot be read.
pub fn oldest(files: &dyn SegmentFiles) -> io::Result<Option<Hour>> {
    Ok(newest_first(files, EVER, usize::MAX)?.last().map(|segment| segment.hour))
}

/// To be stored: `20260503T17:12345`, or `20260503T17_0001:12345`.
impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.segment, self.offset)
    }
}

impl FromStr for Position {
    type Err = NoSegment;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, NoSegment> {
        let (segment, offset) = text.split_once(':').ok_or(NoSegment)?;
        Ok(Self { segment: segment.parse()?, offset: offset.parse().map_err(|_| NoSegment)? })
    }
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where its line begins.
    pub at: Position,
    /// Behind its line.
    pub behind: Position,
    /// Its event id. A record can stand in the trail twice under one id, when a sync failed after it was written.
    pub event_id: String,
    /// When the event happened.
    pub event_time: Timestamp,
    /// The record, one line of JSON without its end.
    pub text: String,
}

/// What stands in a trail, one thing behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A record.
    Record(Record),
    /// What is no record, such as a line that a crash left half written, or a damaged part of a compressed file.
    Damaged {
        /// Where it begins.
        at: Position,
        /// Where the next record may begin.
        behind: Position,
    },
    /// Segments that were to be read and are not there any more.
    Gap {
        /// Up to where all was read.
        from: Position,
        /// Where it goes on.
        behind: Position,
    },
}

impl Found {
    /// Behind it: where to go on when it was dealt with.
    #[must_use]
    pub const fn behind(&self) -> Position {
        match self {
            Self::Record(record) => record.behind,
            Self::Damaged { behind, .. } | Self::Gap { behind, .. } => *behind,
        }
    }
}

/// What is seen of a trail, without a copy of it.
#[derive(Debug)]
pub enum Seen<'l> {
    /// A line, without its end. It need not be a record.
    Line {
        /// Where it begins.
        at: Position,
        /// Behind its end.
        behind: Position,
        /// Its text.
        line: &'l [u8],
    },
    /// As [`Found::Damaged`], but for lines that are no record.
    Damaged {
        /// Where it begins.
        at: Position,
        /// Where the next record may begin.
        behind: Position,
    },
    /// As [`Found::Gap`].
    Gap {
        /// Up to where all was read.
        from: Position,
        /// Where it goes on.
        behind: Position,
    },
}

impl Seen<'_> {
    /// Behind it, as [`Found::behind`].
    #[must_use]
    pub const fn behind(&self) -> Position {
        match self {
            Self::Line { behind, .. } | Self::Damaged { behind, .. } | Self::Gap { behind, .. } => *behind,
        }
    }

    fn found(self) -> Found {
        match self {
            Self::Line { at, behind, line } => {
                Record::read(line, at, behind).map_or(Found::Damaged { at, behind }, Found::Record)
            }
            Self::Damaged { at, behind } => Found::Damaged { at, behind },
            Self::Gap { from, behind } => Found::Gap { from, behind },
        }
    }
}

/// What is told of all that is seen, and how much more may be.
struct Telling<'t> {
    tell: &'t mut dyn FnMut(Seen<'_>),
    told: bool,
    /// Bytes of lines that may still be read.
    left: u64,
}

impl Telling<'_> {
    fn tell(&mut self, seen: Seen<'_>) {
        self.told = true;
        (self.tell)(seen);
    }
}

/// Reads a trail on and on. Holds no file open between two calls.
pub struct Follower {
    files: Arc<dyn SegmentFiles>,
    /// Who writes the trail in this process: nothing is read that is not written for good.
    writer: Option<Arc<Segments>>,
    position: Position,
}

impl Follower {
    /// Follows the trail in `files` from `position` on. In the process that writes the trail, [`Follower::of`] is to be
    /// used: what is half written may be taken back by who writes.
    #[must_use]
    pub fn new(files: Arc<dyn SegmentFiles>, position: Position) -> Self {
        Self { files, writer: None, position }
    }

    /// Follows the trail that `segments` writes.
    #[must_use]
    pub fn of(segments: &Arc<Segments>, position: Position) -> Self {
        Self { files: Arc::clone(segments.files()), writer: Some(Arc::clone(segments)), position }
    }

    /// Where it is: behind all that was returned. Moves on over ends of segments too, so store it also when nothing was
    /// returned.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Goes on from another place.
    pub const fn go_to(&mut self, position: Position) {
        self.position = position;
    }

    /// What comes next, until the lines have `bytes_max` bytes together; at least one thing, unless there is nothing
    /// more for now. Blocks for as long as reading takes.
    ///
    /// # Errors
    /// When the trail cannot be read. Nothing is passed over then: the next call tries again.
    pub fn next(&mut self, bytes_max: u64) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        self.look(bytes_max, &mut |seen| found.push(seen.found()))?;
        Ok(found)
    }

    /// As [`Follower::next`], but tells of what comes next instead of making copies of it.
    ///
    /// # Errors
    /// As [`Follower::next`], and only when nothing was told.
    pub fn look(&mut self, bytes_max: u64, tell: &mut dyn FnMut(Seen<'_>)) -> io::Result<()> {
        let mut telling = Telling { tell, told: false, left: bytes_max.max(1) };
        let start = self.position;
        let result = loop {
            match self.step(&mut telling) {
                Ok(true) if telling.left > 0 => {}
                Ok(_) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        match result {
            Err(error) if !telling.told => {
                self.position = start;
                Err(error)
            }
            // Told first what was read, and the error next time.
            _ => Ok(()),
        }
    }

    /// Reads on in the present segment or goes over to the next. Whether there may be more.
    fn step(&mut self, telling: &mut Telling<'_>) -> io::Result<bool> {
        let end = self.writer.as_ref().and_then(|writer| writer.end());
        if end.is_some_and(|end| end <= self.position) {
            return Ok(false);
        }
        // Looked for before reading: what is read then is all that the segment will ever have.
        let next = if end.is_some_and(|end| end.segment == self.position.segment) { None } else { self.following()? };
        let limit = end.filter(|end| end.segment == self.position.segment).map(|end| end.offset);
        let before = self.position;
        match self.read(telling, limit, next.is_some()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some(next) = next else { return Ok(false) };
                let behind = Position::before(next);
                if self.position != Position::START {
                    telling.tell(Seen::Gap { from: self.position, behind });
                }
                self.position = behind;
                return Ok(true);
            }
            // What could be read of a damaged part was; it is tried again from there.
            Err(_) if self.position != before => return Ok(true),
            Err(error) if self.is_damage(&error)? => {
                let behind =
                    match compressed::next_member(self.files.as_ref(), self.position.segment, self.position.offset)? {
                        Some(offset) => Position { offset, ..self.position },
                        None => match next {
                            Some(next) => Position::before(next),
                            None => return Err(error),
                        },
                    };
                telling.tell(Seen::Damaged { at: self.position, behind });
                self.position = behind;
                return Ok(true);
            }
            Err(error) => return Err(error),
        }
        match next {
            Some(next) if telling.left > 0 => {
                self.position = Position::before(next);
                Ok(true)
            }
            _ => Ok(telling.left == 0),
        }
    }

    /// Whether an error says that a compressed file is not as it was written.
    fn is_damage(&self, error: &io::Error) -> io::Result<bool> {
        if !compressed::is_damage(error) {
            return Ok(false);
        }
        match self.files.length(&self.position.segment.file()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
            Ok(_) => Ok(false),
        }
    }

    /// The segment behind the present one.
    fn following(&self) -> io::Result<Option<SegmentId>> {
        let newer = newest_first(self.files.as_ref(), (self.position.segment.hour, EVER.1), usize::MAX)?;
        Ok(newer.into_iter().take_while(|id| *id > self.position.segment).last())
    }

    /// Reads lines of the present segment, up to `limit` bytes of its text. The last line is waited for when it has no
    /// end, unless the segment is closed.
    fn read(&mut self, telling: &mut Telling<'_>, limit: Option<u64>, closed: bool) -> io::Result<()> {
        let segment = self.position.segment;
        // With the byte before, as a position is behind a line's end. Compressed text does not change any more.
        let plain = self.files.length(&segment.file()).is_ok();
        let from = self.position.offset.saturating_sub(u64::from(plain));
        let room = limit.unwrap_or(u64::MAX).saturating_sub(from);
        let text = io::Read::take(compressed::read(self.files.as_ref(), segment, from)?, room);
        let mut lines = LineReader::new(Box::new(text));
        if from < self.position.offset {
            let Some(Placed { line, behind, ended, .. }) = lines.next_placed()? else { return Ok(()) };
            // The file was cut off meanwhile, and what it is now has its lines in other places.
            if !line.is_empty() {
                if ended || closed {
                    let behind = Position { segment, offset: from + behind };
                    telling.tell(Seen::Damaged { at: self.position, behind });
                    self.position = behind;
                }
                if !ended {
                    return Ok(());
                }
            }
        }
        while telling.left > 0 {
            let Some(Placed { line, behind, ended, .. }) = lines.next_placed()? else { return Ok(()) };
            if !ended && !closed {
                return Ok(());
            }
            let (at, behind) = (self.position, Position { segment, offset: from + behind });
            telling.left = telling.left.saturating_sub(behind.offset.saturating_sub(at.offset));
            telling.tell(Seen::Line { at, behind, line });
            self.position = behind;
        }
        Ok(())
    }
}

impl Record {
    /// The record of a line; none when it is no record.
    fn read(line: &[u8], at: Position, behind: Position) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let (mark, event_time) = Mark::read(text)?;
        Some(Self { at, behind, event_id: mark.event_id.into_owned(), event_time, text: text.to_owned() })
    }

    /// The hour that its segment was begun in.
    #[must_use]
    pub const fn hour(&self) -> Hour {
        self.at.segment.hour
    }
}

#[cfg(test)]
mod tests;
