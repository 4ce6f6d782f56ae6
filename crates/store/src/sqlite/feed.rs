//! The feed: topics, each of entries that are numbered without gaps and forgotten from the first one on.
//!
//! An entry's place is its topic's number and its sequence in one integer, so that a topic is a stretch of one tree and
//! a new entry mostly falls on the page of the one before. A topic remembers a sequence only so that no number is given
//! out twice when its entries are gone; as long as there are any, the last of them tells more.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Statement, params};
use strongroom_crypto::Sealed;

use super::ledger::{LedgerWriter, blob, tail_of};
use crate::api::{FeedEntry, FeedRow, StoreError};
use crate::reading::{bounded, disorder, number};

/// Bits of a place that are the sequence. A thousand entries a second take 34 years to fill them.
const SEQUENCE_BITS: u32 = 40;
const SEQUENCE_MAX: i64 = (1 << SEQUENCE_BITS) - 1;
/// Most topics; their numbers fill the rest of a place but its sign.
const TOPICS_MAX: i64 = (1 << (63 - SEQUENCE_BITS)) - 1;

/// A topic as the writer knows it.
#[derive(Clone, Copy)]
struct Topic {
    number: i64,
    /// The last sequence that was given out.
    last: i64,
    /// The last sequence as it is stored, which the ledger knows as well.
    remembered: i64,
}

/// The writer's side.
pub(super) struct Feed<'c> {
    append: Statement<'c>,
    begin: Statement<'c>,
    remember: Statement<'c>,
    first: Statement<'c>,
    tails: Statement<'c>,
    trim: Statement<'c>,
    topics: HashMap<String, Topic>,
}

impl<'c> Feed<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, StoreError> {
        Ok(Self {
            append: connection.prepare("INSERT INTO entry (place, id, body) VALUES (?1, ?2, ?3)")?,
            begin: connection.prepare("INSERT INTO topic (number, name, last_sequence) VALUES (?1, ?2, 0)")?,
            remember: connection.prepare("UPDATE topic SET last_sequence = ?2 WHERE number = ?1")?,
            first: connection.prepare("SELECT min(place) FROM entry WHERE place BETWEEN ?1 AND ?2")?,
            tails: connection.prepare("SELECT place, substr(body, -16) FROM entry WHERE place BETWEEN ?1 AND ?2")?,
            trim: connection.prepare("DELETE FROM entry WHERE place BETWEEN ?1 AND ?2")?,
            topics: topics(connection)?,
        })
    }

    /// Appends within the open transaction. When that is not committed, this must not be used any more.
    pub(super) fn append(&mut self, entries: &[FeedEntry], ledger: &mut LedgerWriter<'_>) -> Result<(), StoreError> {
        for entry in entries {
            let place = self.next_place(&entry.topic, ledger)?;
            self.append.execute(params![place, entry.id, entry.body.as_bytes()])?;
            ledger.note_entry(&entry.topic, number(place & SEQUENCE_MAX)?, tail_of(&entry.body), true);
        }
        Ok(())
    }

    fn next_place(&mut self, name: &str, ledger: &mut LedgerWriter<'_>) -> Result<i64, StoreError> {
        if let Some(topic) = self.topics.get_mut(name) {
            topic.last += 1;
            return place(topic.number, topic.last);
        }
        let number = self.topics.values().map(|topic| topic.number).max().unwrap_or(0) + 1;
        let place = place(number, 1)?;
        self.begin.execute(params![number, name])?;
        ledger.note_topic(name, None, 0);
        self.topics.insert(name.to_owned(), Topic { number, last: 1, remembered: 0 });
        Ok(place)
    }

    /// Takes at most `entries_max` entries up to and including `through` out of a topic. Whether more remain.
    pub(super) fn trim(
        &mut self,
        name: &str,
        through: u64,
        entries_max: u32,
        ledger: &mut LedgerWriter<'_>,
    ) -> Result<bool, StoreError> {
        let Some(topic) = self.topics.get_mut(name) else { return Ok(false) };
        let through = i64::try_from(through).unwrap_or(i64::MAX).min(topic.last);
        let (lowest, through) = (place(topic.number, 0)?, place(topic.number, through)?);
        let first: Option<i64> = self.first.query_row(params![lowest, through], |row| row.get(0))?;
        let Some(first) = first else { return Ok(false) };
        let until = through.min(first.saturating_add(i64::from(entries_max.max(1)) - 1));
        let mut tails = self.tails.query(params![first, until])?;
        while let Some(row) = tails.next()? {
            let place: i64 = row.get(0)?;
            ledger.note_entry(name, number(place & SEQUENCE_MAX)?, blob(row, 1)?, false);
        }
        self.trim.execute(params![first, until])?;
        self.remember.execute(params![topic.number, topic.last])?;
        ledger.note_topic(name, Some(number(topic.remembered)?), number(topic.last)?);
        topic.remembered = topic.last;
        Ok(until < through)
    }
}

/// The topics that there are.
fn topics(connection: &Connection) -> Result<HashMap<String, Topic>, StoreError> {
    let mut topics = connection.prepare("SELECT name, number, last_sequence FROM topic")?;
    let mut last = connection.prepare("SELECT max(place) FROM entry WHERE place BETWEEN ?1 AND ?2")?;
    let mut rows = topics.query([])?;
    let mut found = HashMap::new();
    while let Some(row) = rows.next()? {
        let (number, remembered): (i64, i64) = (row.get(1)?, row.get(2)?);
        if !(0..=SEQUENCE_MAX).contains(&remembered) {
            return Err(StoreError::Damaged(format!("topic {number} of the feed remembers entry {remembered}")));
        }
        let ends = params![place(number, 0)?, place(number, SEQUENCE_MAX)?];
        let last: Option<i64> = last.query_row(ends, |row| row.get(0))?;
        let last = last.map_or(0, |last| last & SEQUENCE_MAX).max(remembered);
        found.insert(row.get(0)?, Topic { number, last, remembered });
    }
    Ok(found)
}

/// A topic, and where its entries stand.
pub(super) struct Stretch {
    pub(super) name: String,
    pub(super) last: u64,
    pub(super) remembered: u64,
    pub(super) places: (i64, i64),
}

/// All topics, in the order of their names.
pub(super) fn ordered_topics(connection: &Connection) -> Result<Vec<Stretch>, StoreError> {
    let stretch = |(name, topic): (String, Topic)| {
        let (last, remembered) = (number(topic.last)?, number(topic.remembered)?);
        let places = (place(topic.number, 0)?, place(topic.number, SEQUENCE_MAX)?);
        Ok(Stretch { name, last, remembered, places })
    };
    let mut found: Vec<Stretch> = topics(connection)?.into_iter().map(stretch).collect::<Result<_, StoreError>>()?;
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Where the entries of topic `number` stand.
pub(super) fn places(number: i64) -> Result<(i64, i64), StoreError> {
    Ok((place(number, 0)?, place(number, SEQUENCE_MAX)?))
}

/// The sequence of the entry at `place`.
pub(super) fn sequence_of(place: i64) -> Result<u64, StoreError> {
    number(place & SEQUENCE_MAX)
}

/// Where entry `sequence` of topic `number` stands.
pub(super) fn place(number: i64, sequence: i64) -> Result<i64, StoreError> {
    if !(1..=TOPICS_MAX).contains(&number) || !(0..=SEQUENCE_MAX).contains(&sequence) {
        return Err(StoreError::Damaged(format!("entry {sequence} of topic {number} has no place in the feed")));
    }
    Ok((number << SEQUENCE_BITS) | sequence)
}

/// Entries of a topic behind `after`.
pub(super) fn read(connection: &Connection, topic: &str, after: u64, limit: usize) -> Result<Vec<FeedRow>, StoreError> {
    let begin = after;
    let Some(after) = i64::try_from(after).ok().filter(|after| *after < SEQUENCE_MAX) else { return Ok(Vec::new()) };
    let mut topics = connection.prepare_cached("SELECT number FROM topic WHERE name = ?1")?;
    let found: Option<i64> = topics.query_row(params![topic], |row| row.get(0)).optional()?;
    let Some(topic) = found else { return Ok(Vec::new()) };
    let mut entries = connection
        .prepare_cached("SELECT place, id, body FROM entry WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT ?3")?;
    let mut found = entries.query(params![place(topic, after + 1)?, place(topic, SEQUENCE_MAX)?, bounded(limit)])?;
    let mut rows = Vec::new();
    while let Some(next) = found.next()? {
        let place: i64 = next.get(0)?;
        let body = Sealed::from_storage(next.get(2)?)?;
        let sequence = number(place & SEQUENCE_MAX)?;
        if sequence <= rows.last().map_or(begin, |before: &FeedRow| before.sequence) {
            return Err(disorder());
        }
        rows.push(FeedRow { sequence, id: next.get(1)?, body });
    }
    Ok(rows)
}

/// A row of the feed, as the ledger knows it.
pub(super) enum Item<'a> {
    /// A topic, with the sequence that it remembers.
    Topic { name: &'a str, remembered: u64 },
    /// An entry of a topic, with the end of its body.
    Entry { topic: &'a str, sequence: u64, tail: &'a [u8] },
}

/// Calls `each` with every topic and every entry that has one.
pub(super) fn each_item(connection: &Connection, mut each: impl FnMut(&Item<'_>)) -> Result<(), StoreError> {
    let mut entries = connection
        .prepare("SELECT place, substr(body, -16) FROM entry WHERE place BETWEEN ?1 AND ?2 ORDER BY place")?;
    for (name, topic) in topics(connection)? {
        each(&Item::Topic { name: &name, remembered: number(topic.remembered)? });
        let mut rows = entries.query(params![place(topic.number, 0)?, place(topic.number, SEQUENCE_MAX)?])?;
        while let Some(row) = rows.next()? {
            let place: i64 = row.get(0)?;
            let sequence = number(place & SEQUENCE_MAX)?;
            each(&Item::Entry { topic: &name, sequence, tail: blob(row, 1)? });
        }
    }
    Ok(())
}

/// Looks all entries over: how many there are. `fault` is told of what is wrong with them.
pub(super) fn check(connection: &Connection, mut fault: impl FnMut(String)) -> Result<u64, StoreError> {
    let mut entries = connection.prepare(
        "SELECT entry.place, entry.body, topic.name
         FROM entry LEFT JOIN topic ON topic.number = entry.place >> ?1 ORDER BY entry.place",
    )?;
    let mut rows = entries.query(params![SEQUENCE_BITS])?;
    let (mut count, mut before) = (0, None);
    while let Some(row) = rows.next()? {
        let (place, name): (i64, Option<String>) = (row.get(0)?, row.get(2)?);
        let (number, sequence) = (place >> SEQUENCE_BITS, place & SEQUENCE_MAX);
        let follows = before.is_none_or(|before| before >> SEQUENCE_BITS != number || before + 1 == place);
        let topic = name.as_deref().unwrap_or("without a topic");
        if name.is_none() || sequence < 1 || !follows {
            fault(format!("feed {topic} {sequence}: its number was not given out"));
        }
        if Sealed::from_storage(row.get(1)?).is_err() {
            fault(format!("feed {topic} {sequence}: its body has no known form"));
        }
        before = Some(place);
        count += 1;
    }
    Ok(count)
}
