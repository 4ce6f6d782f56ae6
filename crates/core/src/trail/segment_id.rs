//! Which segment: an hour, and the part of it. Parts are counted from 0; the names of their files sort as they follow.

use std::fmt;
use std::str::FromStr;

use super::calendar::Hour;

/// How the files of a segment end.
const PLAIN_END: &str = ".jsonl";
const COMPRESSED_END: &str = ".jsonl.gz";
const DIGEST_END: &str = ".digest.json";
const INDEX_END: &str = ".index";
/// What all their names begin with.
const START: &str = "trail-";
/// Digits of a part's number in a name, at least.
const PART_DIGITS: usize = 4;
/// Digits of an offset in a name, at least.
const OFFSET_DIGITS: usize = 12;

/// A segment of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// When it was begun.
    pub hour: Hour,
    /// Which of the hour's segments it is, from 0 on.
    pub part: u32,
}

impl SegmentId {
    /// The first of an hour.
    #[must_use]
    pub const fn first(hour: Hour) -> Self {
        Self { hour, part: 0 }
    }

    /// The one behind it in the same hour.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.part.checked_add(1) {
            Some(part) => Self { hour: self.hour, part },
            None => Self::first(self.hour.next()),
        }
    }

    /// Its file, relative to the trail's folder: `2026/05/03/trail-20260503T17.jsonl`, and of later parts
    /// `2026/05/03/trail-20260503T17_0001.jsonl`. The mark before the number sorts behind the dot.
    #[must_use]
    pub fn file(self) -> String {
        self.with_end(PLAIN_END)
    }

    /// Its file when it is compressed.
    #[must_use]
    pub fn compressed_file(self) -> String {
        self.with_end(COMPRESSED_END)
    }

    /// The file of its digest.
    #[must_use]
    pub fn digest_file(self) -> String {
        self.with_end(DIGEST_END)
    }

    /// The file of the index for the part of its text that begins at `offset`.
    #[must_use]
    pub fn index_file(self, offset: u64) -> String {
        self.with_end(&format!(".{offset:0OFFSET_DIGITS$}{INDEX_END}"))
    }

    fn with_end(self, end: &str) -> String {
        format!("{}/{START}{self}{end}", self.hour.folder())
    }

    /// The segment of a segment file's name, whether compressed or not; none for any other file.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        Self::with_ending(name, PLAIN_END).or_else(|| Self::with_ending(name, COMPRESSED_END))
    }

    /// The segment of the name of a segment file that is not compressed; none for any other file.
    #[must_use]
    pub fn of_plain_file(name: &str) -> Option<Self> {
        Self::with_ending(name, PLAIN_END)
    }

    /// The segment of a digest file's name; none for any other file.
    #[must_use]
    pub fn of_digest_file(name: &str) -> Option<Self> {
        Self::with_ending(name, DIGEST_END)
    }

    /// The segment of an index file's name; none for any other file.
    #[must_use]
    pub fn of_index_file(name: &str) -> Option<Self> {
        let (segment, offset) = name.strip_prefix(START)?.strip_suffix(INDEX_END)?.split_once('.')?;
        offset.bytes().all(|byte| byte.is_ascii_digit()).then(|| segment.parse().ok())?
    }

    fn with_ending(name: &str, end: &str) -> Option<Self> {
        name.strip_prefix(START)?.strip_suffix(end)?.parse().ok()
    }
}

/// `20260503T17`, or `20260503T17_0001`.
impl fmt::Display for SegmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.hour.compact())?;
        if self.part > 0 { write!(formatter, "_{:0PART_DIGITS$}", self.part) } else { Ok(()) }
    }
}

/// A text that names no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSegment;

impl fmt::Display for NoSegment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it names no segment of a trail")
    }
}

impl std::error::Error for NoSegment {}

impl FromStr for SegmentId {
    type Err = NoSegment;

    /// Reads what [`fmt::Display`] writes, and no other form of it.
    fn from_str(text: &str) -> Result<Self, NoSegment> {
        let (hour, part) = match text.split_once('_') {
            Some((hour, part)) => (hour, part.parse().map_err(|_| NoSegment)?),
            None => (text, 0),
        };
        let id = Self { hour: Hour::of_compact(hour).ok_or(NoSegment)?, part };
        if id.to_string() == text { Ok(id) } else { Err(NoSegment) }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_types::Timestamp;

    use super::*;

    #[test]
    fn names_sort_as_the_parts_follow_and_are_read_back() {
        let hour = Hour::of(Timestamp::from_seconds(1_525_369_862));
        let mut ids: Vec<SegmentId> = [0, 1, 2, 10, 9999].map(|part| SegmentId { hour, part }).into();
        ids.push(SegmentId::first(hour.next()));
        assert_eq!(ids[0].file(), "2018/05/03/trail-20180503T17.jsonl");
        assert_eq!(ids[1].compressed_file(), "2018/05/03/trail-20180503T17_0001.jsonl.gz");
        assert_eq!(ids[0].next(), ids[1]);
        let index = |id: SegmentId| id.index_file(7);
        for end in [SegmentId::file, SegmentId::compressed_file, SegmentId::digest_file, index] {
            let names: Vec<String> = ids.iter().map(|id| end(*id)).collect();
            assert!(names.is_sorted(), "{names:?}");
        }
        for id in ids {
            let name = |file: String| file.rsplit('/').next().map(str::to_owned).unwrap();
            assert_eq!(SegmentId::of_file(&name(id.file())), Some(id));
            assert_eq!(SegmentId::of_file(&name(id.compressed_file())), Some(id));
            assert_eq!(SegmentId::of_digest_file(&name(id.digest_file())), Some(id));
            assert_eq!(SegmentId::of_index_file(&name(id.index_file(7))), Some(id));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn only_names_of_segment_files_have_a_segment() {
        for other in [
            "trail-20180503T17.json",
            "trail-20180503T25.jsonl",
            "trail-20181303T17.jsonl",
            "x",
            "",
            "trail-20180503T17_1.jsonl",
            "trail-20180503T17_0000.jsonl",
            "trail-20180503T17_+001.jsonl",
            "trail-20180503T17.jsonl.gz.part",
        ] {
            assert_eq!(SegmentId::of_file(other), None, "{other}");
        }
    }
}
