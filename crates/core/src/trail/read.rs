//! Reading the trail back: the records of a time span as a stream, tolerant of what a crash left.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use serde::Deserialize;
use strongroom_types::Timestamp;
use strongroom_types::time::DAY_MS;
use strongroom_wire::timestamps::parse_iso;
use strongroom_wire::trail_line;

use super::calendar::{EVER, Hour};
use super::compressed;
use super::files::{SegmentFiles, newest_first};
use super::segment_id::SegmentId;
use super::segments::LINE_BYTES_MAX;

/// How far a clock may have been set back between a request and the writing of its record, in ms.
const SET_BACK_MS: i64 = 3_600_000;
/// Hours whose segments [`known_ids`] looks into.
const KNOWN_HOURS_MAX: usize = 2;
/// Segments that it looks into, at most.
const KNOWN_SEGMENTS_MAX: usize = 100;

/// Which records to read.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Events at this instant or later; records have whole seconds.
    pub from: Timestamp,
    /// Events before this instant.
    pub until: Timestamp,
    /// Records written at most this long after `until`, in ms. The record of a change that was committed just before
    /// the server stopped is written when it starts again.
    pub late_ms: i64,
}

impl Span {
    /// Events from `from` until before `until`, written at most a day late.
    #[must_use]
    pub const fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until, late_ms: DAY_MS }
    }
}

/// A record as it stands in the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The segment that it stands in.
    pub segment: SegmentId,
    /// Its event id. A record can stand in the trail twice under one id, when a sync failed after it was written.
    pub event_id: String,
    /// When the event happened.
    pub event_time: Timestamp,
    /// The record, one line of JSON.
    pub text: String,
}

/// The records of a span in the order they were written. Holds one line at a time.
pub struct Lines {
    files: Arc<dyn SegmentFiles>,
    span: Span,
    /// Segments still to be read, the newest first.
    segments: Vec<SegmentId>,
    open: Option<(SegmentId, LineReader<'static>)>,
    damaged: u64,
}

impl Lines {
    /// The records of `span`.
    ///
    /// # Errors
    /// When the folders of the trail cannot be read.
    pub fn open(files: Arc<dyn SegmentFiles>, span: Span) -> io::Result<Self> {
        let first = Hour::of(span.from.plus_millis(-SET_BACK_MS));
        let last = Hour::of(span.until.plus_millis(span.late_ms));
        let segments = newest_first(files.as_ref(), (first, last), usize::MAX)?;
        Ok(Self { files, span, segments, open: None, damaged: 0 })
    }

    /// Lines so far that are no record, such as those that a crash left half written.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some((segment, reader)) = self.open.as_mut() else {
                let Some(segment) = self.segments.pop() else { return Ok(None) };
                match compressed::read(self.files.as_ref(), segment, 0) {
                    Ok(text) => self.open = Some((segment, LineReader::new(text))),
                    // Somebody took the file away meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(of_segment(segment, &error)),
                }
                continue;
            };
            let Some(line) = reader.next().map_err(|error| of_segment(*segment, &error))? else {
                self.open = None;
                continue;
            };
            match Line::read(*segment, line) {
                Some(line) if (self.span.from..self.span.until).contains(&line.event_time) => return Ok(Some(line)),
                Some(_) => {}
                None => self.damaged += 1,
            }
        }
    }
}

/// An error with the segment that it is about.
fn of_segment(segment: SegmentId, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("segment {segment}: {error}"))
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    /// The next record. After an error it goes on with the next segment.
    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_line();
        if next.is_err() {
            self.open = None;
        }
        next.transpose()
    }
}

/// What of a record is looked at here.
#[derive(Deserialize)]
pub(super) struct Mark<'a> {
    #[serde(rename = "eventID", borrow)]
    pub(super) event_id: Cow<'a, str>,
    #[serde(rename = "eventTime", borrow)]
    event_time: Cow<'a, str>,
}

impl<'a> Mark<'a> {
    /// That of a line, and when the event happened; none when it is no record.
    pub(super) fn read(line: &'a str) -> Option<(Self, Timestamp)> {
        let read = || serde_json::from_str(line).ok().filter(|_| line.starts_with('{'));
        let mark: Self = Self::seen(line).or_else(read)?;
        let event_time = parse_iso(&mark.event_time)?;
        Some((mark, event_time))
    }

    /// The same without reading the line as JSON.
    fn seen(line: &'a str) -> Option<Self> {
        let line = trail_line::Line::seen(line)?;
        Some(Self { event_id: line.id.into(), event_time: line.time.into() })
    }
}

impl Line {
    /// The record of a line; none when it is no record.
    fn read(segment: SegmentId, line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let (mark, event_time) = Mark::read(text)?;
        Some(Self { segment, event_id: mark.event_id.into_owned(), event_time, text: text.to_owned() })
    }
}

/// Reads lines of bounded length.
pub(super) struct LineReader<'f> {
    file: BufReader<Box<dyn Read + Send + 'f>>,
    /// A line that is not whole in the reader's buffer.
    line: Vec<u8>,
    /// Bytes of the buffer that were given out last.
    given: usize,
    /// Bytes read so far.
    read: u64,
}

/// A line, and where it stands.
pub(super) struct Placed<'l> {
    /// Without its end. Of a line that is too long there is only its last part, which is no record.
    pub(super) line: &'l [u8],
    /// Bytes from the beginning to behind its end.
    pub(super) behind: u64,
    /// Its bytes, with its end.
    pub(super) length: u64,
    /// Whether it has an end.
    pub(super) ended: bool,
}

impl<'f> LineReader<'f> {
    pub(super) fn new(file: Box<dyn Read + Send + 'f>) -> Self {
        Self { file: BufReader::with_capacity(64 * 1024, file), line: Vec::new(), given: 0, read: 0 }
    }

    /// What is in the buffer, which is filled when it is empty.
    fn filled(&mut self) -> io::Result<&[u8]> {
        while let Err(error) = self.file.fill_buf() {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(self.file.buffer())
    }

    /// The next line without its end. Of a line that is too long there is only its last part, which is no record.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(self.next_placed()?.map(|placed| placed.line))
    }

    /// The next line with its place.
    pub(super) fn next_placed(&mut self) -> io::Result<Option<Placed<'_>>> {
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let before = self.read;
        self.file.consume(std::mem::take(&mut self.given));
        if let Some(length) = memchr::memchr(b'\n', self.filled()?) {
            self.given = length.saturating_add(1);
            let bytes = u64::try_from(self.given).unwrap_or(u64::MAX);
            self.read = self.read.saturating_add(bytes);
            let placed = |line| Placed { line, behind: self.read, length: bytes, ended: true };
            return Ok(self.file.buffer().get(..length).map(placed));
        }
        loop {
            self.line.clear();
            let count = self.file.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            if count == 0 {
                return Ok(None);
            }
            self.read = self.read.saturating_add(count);
            let (behind, length) = (self.read, self.read.saturating_sub(before));
            let ended = self.line.last() == Some(&b'\n');
            if ended || count < limit {
                let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
                // As a fresh borrow, for the loop's sake.
                let end = line.len();
                return Ok(self.line.get(..end).map(|line| Placed { line, behind, length, ended }));
            }
        }
    }
}

/// Which of `wanted` event ids stand in the newest segments already, looking back over `bytes_max` at most. When there
/// are any, those segments are synced: what a process wrote before it was killed need not be on the disk yet.
pub(super) fn known_ids(
    files: &dyn SegmentFiles,
    wanted: &HashSet<String>,
    mut bytes_max: u64,
) -> io::Result<HashSet<String>> {
    let mut known = HashSet::new();
    let mut segments = newest_first(files, EVER, KNOWN_SEGMENTS_MAX)?;
    let mut hours: Vec<Hour> = segments.iter().map(|segment| segment.hour).collect();
    hours.dedup();
    let oldest = hours.get(KNOWN_HOURS_MAX - 1).copied();
    segments.retain(|segment| oldest.is_none_or(|oldest| segment.hour >= oldest));
    for segment in &segments {
        if bytes_max == 0 {
            break;
        }
        let length = compressed::length(files, *segment)?;
        let from = length.saturating_sub(bytes_max);
        bytes_max = bytes_max.saturating_sub(length);
        // Begun in the middle of a line, the first is no record and falls out.
        let mut reader = LineReader::new(compressed::read(files, *segment, from)?);
        while let Some(line) = reader.next()? {
            let mark = std::str::from_utf8(line).ok().and_then(Mark::read);
            if let Some(id) = mark.and_then(|(mark, _)| wanted.get(&*mark.event_id)) {
                known.insert(id.clone());
            }
        }
    }
    if !known.is_empty() {
        for segment in &segments {
            // What is compressed is on the disk.
            match files.length(&segment.file()) {
                Ok(_) => files.append(&segment.file())?.sync()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::memory::MemoryFiles;
    use crate::trail::record::tests::{record, success};

    const HOUR_MS: i64 = 3_600_000;

    fn text(id: &str, ms: i64) -> String {
        record(id, Timestamp::from_millis(ms)).finish(&success())
    }

    fn put(files: &MemoryFiles, hour_ms: i64, content: &[u8]) {
        files.put(&SegmentId::first(Hour::of(Timestamp::from_millis(hour_ms))).file(), content);
    }

    fn ids(files: &MemoryFiles, from: i64, until: i64) -> (Vec<String>, u64) {
        let span = Span::new(Timestamp::from_millis(from), Timestamp::from_millis(until));
        let mut lines = Lines::open(Arc::new(files.clone()), span).expect("open");
        let ids = lines.by_ref().map(|line| line.expect("read").event_id).collect();
        (ids, lines.damaged())
    }

    #[test]
    fn records_of_a_span_come_in_the_order_they_were_written() {
        let files = MemoryFiles::default();
        let day = 400 * DAY_MS;
        put(&files, day, format!("{}\n{}\n", text("a", day), text("b", day + 5000)).as_bytes());
        put(&files, day + HOUR_MS, format!("{}\n", text("c", day + HOUR_MS)).as_bytes());
        put(&files, day + DAY_MS, format!("{}\n", text("late", day + 7000)).as_bytes());
        put(&files, day + 40 * DAY_MS, format!("{}\n", text("much later", day + 7000)).as_bytes());
        put(&files, day - 2 * HOUR_MS, format!("{}\n", text("misplaced", day + 7000)).as_bytes());
        assert_eq!(ids(&files, day + 1000, day + HOUR_MS), (vec!["b".into(), "late".into()], 0));
        assert_eq!(ids(&files, day, day + 2 * HOUR_MS).0, ["a", "b", "c", "late"]);
        assert_eq!(ids(&files, day + 3 * HOUR_MS, day + 4 * HOUR_MS).0, Vec::<String>::new());
    }

    #[test]
    fn what_a_crash_left_is_counted_and_skipped() {
        let files = MemoryFiles::default();
        let whole = text("whole", 0);
        let mut content = format!("{}\n{whole}\n\n", whole.split_at(100).0).into_bytes();
        content.extend_from_slice(&[0; 300]);
        content.push(b'\n');
        content.extend(vec![b'x'; LINE_BYTES_MAX * 2 + 5]);
        content.extend_from_slice(format!("\n{}", text("no end", 0)).as_bytes());
        put(&files, 0, &content);
        assert_eq!(ids(&files, 0, 1), (vec!["whole".into(), "no end".into()], 4));
    }

    #[test]
    fn what_is_seen_of_a_line_is_what_reading_it_gives() {
        use crate::trail::record::Outcome;

        let mut other = record("e-1", Timestamp::from_seconds(1_525_369_862));
        other.tls = Some(Arc::new(crate::trail::record::TlsDetails {
            version: "TLSv1.3".into(),
            cipher_suite: "TLS_AES_128_GCM_SHA256".into(),
            host: "localhost:8443".into(),
        }));
        let nested = r#"{"eventID":"x","eventTime":"y","o":{"a":1,"eventID":"z"}}"#;
        other.request_parameters = Some(nested.to_owned());
        other.user_agent = r#"a,"eventID":"forged","eventTime":"2020-01-01T00:00:00Z"#.into();
        other.additional_event_data = vec![("note", r#"","eventID":"forged"#.to_owned())];
        let outcomes = [
            success(),
            Outcome::Success { response_elements: Some(nested.to_owned()), resources: Vec::new() },
            Outcome::Failure { code: "X".into(), message: r#"{"eventVersion":"#.into() },
        ];
        let mut lines: Vec<String> = outcomes.iter().map(|outcome| other.finish(outcome)).collect();
        other.tls = None;
        lines.extend(outcomes.iter().map(|outcome| other.finish(outcome)));
        for line in lines {
            let seen = Mark::seen(&line).unwrap();
            let read: Mark<'_> = serde_json::from_str(&line).unwrap();
            assert_eq!((&seen.event_id, &seen.event_time), (&read.event_id, &read.event_time), "{line}");
            // What a crash leaves is not taken for whole.
            for cut in 0..line.len() {
                for torn in [
                    line.as_bytes()[..cut].to_vec(),
                    [&line.as_bytes()[..cut], line.as_bytes()].concat(),
                    [&line.as_bytes()[..cut], &[0; 9], &line.as_bytes()[cut..]].concat(),
                ] {
                    let read = std::str::from_utf8(&torn).ok().and_then(Mark::read);
                    assert_eq!(read.is_some(), cut == 0 && torn == line.as_bytes(), "{cut}");
                }
            }
        }
        let escaped = record("e\"1", Timestamp::from_seconds(0)).finish(&success());
        assert!(Mark::seen(&escaped).is_none());
        assert_eq!(Mark::read(&escaped).unwrap().0.event_id, "e\"1");
    }

    #[test]
    fn known_ids_are_found_in_the_last_two_segments() {
        let files = MemoryFiles::default();
        for (hour, id) in [(0, "a"), (1, "b"), (2, "c")] {
            put(&files, hour * HOUR_MS, format!("{}\n{}\n", text("filler", 0), text(id, 0)).as_bytes());
        }
        let wanted: HashSet<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
        let known = |bytes_max| {
            let mut known: Vec<String> = known_ids(&files, &wanted, bytes_max).expect("read").into_iter().collect();
            known.sort();
            known
        };
        assert_eq!(known(1 << 20), ["b", "c"]);
        assert_eq!(known(u64::try_from(text("c", 0).len()).expect("fits") + 10), ["c"]);
    }
}
