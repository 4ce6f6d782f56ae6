//! Operations of the differential run, and their text form: one line each, words parted by blanks, so that a failed run
//! can be kept in a file, cut down by hand, and run again.

use std::fmt;
use std::str::{FromStr, SplitWhitespace};

/// Keys that operations name by number. Some are prefixes of others, some are not ASCII.
pub const KEYS: [&str; 12] = [
    "1/a",
    "1/b",
    "1/b/c",
    "1/\u{e9}",
    "1/\u{10ffff}",
    "1/\u{10ffff}x",
    "2",
    "2/a",
    "2/A",
    "2/\u{d7ff}",
    "2/\u{e000}",
    "3",
];
/// Index values that operations name by number.
pub const VALUES: [&str; 10] =
    ["1/a", "1/ab", "1/b", "1/\u{10ffff}", "1/\u{10ffff}\u{10ffff}", "1", "2/\u{d7ff}", "2/\u{e000}", "2/Z", "2/z"];
/// Prefixes that operations name by number.
pub const PREFIXES: [&str; 8] = ["", "1", "1/", "1/a", "1/\u{10ffff}", "2/\u{d7ff}", "2/", "\u{10ffff}"];
/// Topics that operations name by number.
pub const TOPICS: [&str; 2] = ["first", "second"];

/// A number into one of the tables.
pub type Pick = usize;

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Commit a batch.
    Commit(Vec<Part>),
    /// Read a document.
    Get(Pick),
    /// Read documents.
    GetMany(Vec<Pick>),
    /// Look up a unique key.
    Find(Pick),
    /// Read a stretch of the index.
    Range {
        /// The prefix.
        prefix: Pick,
        /// The value and key to go on behind.
        after: Option<(Pick, Pick)>,
        /// The direction.
        descending: bool,
        /// The limit.
        limit: usize,
    },
    /// Read documents in order.
    Scan {
        /// The prefix.
        prefix: Pick,
        /// The key to go on behind.
        after: Option<Pick>,
        /// The limit.
        limit: usize,
    },
    /// Read a topic.
    Feed {
        /// The topic.
        topic: Pick,
        /// The number to go on behind.
        after: u64,
        /// The limit.
        limit: usize,
    },
    /// Trim a topic.
    Trim {
        /// The topic.
        topic: Pick,
        /// The last number to forget.
        through: u64,
    },
    /// Close the engine and open it again.
    Reopen,
}

/// A part of a batch. `slip` is added to the version that the document has: 0 is what a careful caller expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Put a document.
    Put {
        /// Its key.
        key: Pick,
        /// How wrong the expected version is.
        slip: u64,
        /// Length of the plaintext, in bytes.
        bytes: usize,
        /// Terms and unique keys that change.
        marks: Vec<Mark>,
    },
    /// Delete a document.
    Delete {
        /// Its key.
        key: Pick,
        /// How wrong the expected version is.
        slip: u64,
    },
    /// Append to a topic.
    Entry {
        /// The topic.
        topic: Pick,
    },
}

/// A term or unique key of a put that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whether it is added.
    pub added: bool,
    /// Whether it is a unique key.
    pub unique: bool,
    /// Its value.
    pub value: Pick,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(parts) => {
                f.write_str("commit")?;
                parts.iter().try_for_each(|part| write!(f, " {part}"))
            }
            Self::Get(key) => write!(f, "get {key}"),
            Self::GetMany(keys) => {
                f.write_str("many")?;
                keys.iter().try_for_each(|key| write!(f, " {key}"))
            }
            Self::Find(value) => write!(f, "find {value}"),
            Self::Range { prefix, after, descending, limit } => {
                write!(f, "range {prefix} {} {limit}", if *descending { "down" } else { "up" })?;
                after.map_or(Ok(()), |(value, key)| write!(f, " {value} {key}"))
            }
            Self::Scan { prefix, after, limit } => {
                write!(f, "scan {prefix} {limit}")?;
                after.map_or(Ok(()), |key| write!(f, " {key}"))
            }
            Self::Feed { topic, after, limit } => write!(f, "feed {topic} {after} {limit}"),
            Self::Trim { topic, through } => write!(f, "trim {topic} {through}"),
            Self::Reopen => f.write_str("reopen"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, slip, bytes, marks } => {
                write!(f, "put {key} {slip} {bytes}")?;
                marks.iter().try_for_each(|mark| {
                    let sign = if mark.added { '+' } else { '-' };
                    let table = if mark.unique { 'u' } else { 't' };
                    write!(f, " {sign}{table}{}", mark.value)
                })
            }
            Self::Delete { key, slip } => write!(f, "delete {key} {slip}"),
            Self::Entry { topic } => write!(f, "entry {topic}"),
        }
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let wrong = || format!("not an operation: {line}");
        let operation = match words.next().ok_or_else(wrong)? {
            "commit" => return parts(words).map(Self::Commit).ok_or_else(wrong),
            "many" => {
                let keys = words.map(|word| word.parse().ok()).collect::<Option<_>>();
                return keys.map(Self::GetMany).ok_or_else(wrong);
            }
            "get" => number(&mut words).map(Self::Get),
            "find" => number(&mut words).map(Self::Find),
            "range" => range(&mut words),
            "scan" => scan(&mut words),
            "feed" => feed(&mut words),
            "trim" => trim(&mut words),
            "reopen" => Some(Self::Reopen),
            _ => None,
        };
        operation.filter(|_| words.next().is_none()).ok_or_else(wrong)
    }
}

fn number<T: FromStr>(words: &mut SplitWhitespace<'_>) -> Option<T> {
    words.next()?.parse().ok()
}

/// A number that may be missing at the end of a line.
fn last<T: FromStr>(words: &mut SplitWhitespace<'_>) -> Option<Option<T>> {
    words.next().map_or(Some(None), |word| word.parse().ok().map(Some))
}

fn range(words: &mut SplitWhitespace<'_>) -> Option<Operation> {
    let prefix = number(words)?;
    let descending = match words.next()? {
        "down" => true,
        "up" => false,
        _ => return None,
    };
    let limit = number(words)?;
    let after = match last(words)? {
        Some(value) => Some((value, number(words)?)),
        None => None,
    };
    Some(Operation::Range { prefix, after, descending, limit })
}

fn scan(words: &mut SplitWhitespace<'_>) -> Option<Operation> {
    Some(Operation::Scan { prefix: number(words)?, limit: number(words)?, after: last(words)? })
}

fn feed(words: &mut SplitWhitespace<'_>) -> Option<Operation> {
    Some(Operation::Feed { topic: number(words)?, after: number(words)?, limit: number(words)? })
}

fn trim(words: &mut SplitWhitespace<'_>) -> Option<Operation> {
    Some(Operation::Trim { topic: number(words)?, through: number(words)? })
}

fn parts(mut words: SplitWhitespace<'_>) -> Option<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    while let Some(word) = words.next() {
        let part = match word {
            "put" => Part::Put {
                key: number(&mut words)?,
                slip: number(&mut words)?,
                bytes: number(&mut words)?,
                marks: Vec::new(),
            },
            "delete" => Part::Delete { key: number(&mut words)?, slip: number(&mut words)? },
            "entry" => Part::Entry { topic: number(&mut words)? },
            mark => {
                let Some(Part::Put { marks, .. }) = parts.last_mut() else { return None };
                marks.push(self::mark(mark)?);
                continue;
            }
        };
        parts.push(part);
    }
    Some(parts)
}

fn mark(word: &str) -> Option<Mark> {
    let (sign, value) = word.split_at_checked(2)?;
    let (added, unique) = match sign {
        "+t" => (true, false),
        "-t" => (false, false),
        "+u" => (true, true),
        "-u" => (false, true),
        _ => return None,
    };
    Some(Mark { added, unique, value: value.parse().ok()? })
}
