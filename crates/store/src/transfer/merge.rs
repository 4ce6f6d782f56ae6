//! Two sequences of rows in one order, held against each other.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::record::{Content, Place, Record, State};
use super::{Importer, Piece, Step, TransferError};

/// Changes that are carried out together, at most, and their bytes.
const STEPS_MAX: usize = 1000;
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rows as they arrive.
pub(super) struct Rows {
    from: mpsc::Receiver<Piece>,
    here: VecDeque<Record>,
}

impl Rows {
    pub(super) fn new(from: mpsc::Receiver<Piece>) -> Self {
        Self { from, here: VecDeque::new() }
    }

    /// The next row, which stays where it is.
    pub(super) async fn peek(&mut self) -> Option<&Record> {
        while self.here.is_empty() {
            match self.from.recv().await? {
                Piece::Rows(rows) => self.here.extend(rows),
                Piece::Ledger(_) => {}
            }
        }
        self.here.front()
    }

    pub(super) async fn next(&mut self) -> Option<Record> {
        self.peek().await?;
        self.here.pop_front()
    }
}

/// What two sequences have at a place.
pub(super) enum Pair {
    /// The first alone has something.
    First(Record),
    /// The second alone has something.
    Second(Place),
    /// Both have.
    Both(Record, State),
}

/// The next place of two sequences.
pub(super) async fn next_pair(first: &mut Rows, second: &mut Rows) -> Option<Pair> {
    let Some(left) = first.peek().await.map(|record| record.place.clone()) else {
        return second.next().await.map(|record| Pair::Second(record.place));
    };
    match second.peek().await {
        Some(right) if right.place < left => second.next().await.map(|record| Pair::Second(record.place)),
        Some(right) if right.place == left => {
            let state = right.state();
            second.next().await;
            first.next().await.map(|record| Pair::Both(record, state))
        }
        _ => first.next().await.map(Pair::First),
    }
}

/// Has `target`, which holds what `outline` says, hold what `rows` says.
pub(super) async fn merge(
    target: &dyn Importer,
    rows: &mut Rows,
    outline: &mut Rows,
    mut each: impl FnMut(&Record),
) -> Result<u64, TransferError> {
    let (mut steps, mut bytes, mut total) = (Vec::new(), 0, 0);
    while let Some(pair) = next_pair(rows, outline).await {
        let step = match pair {
            Pair::Second(place) => Some(Step::Remove(place)),
            Pair::First(record) => {
                each(&record);
                if matches!(record.content, Content::Same(_)) {
                    return Err(TransferError::Base(format!("{} is not here", told(&record.place))));
                }
                Some(Step::Put(record))
            }
            Pair::Both(record, state) => {
                each(&record);
                match &record.content {
                    _ if record.state() == state => None,
                    Content::Same(_) => {
                        return Err(TransferError::Base(format!("{} is another", told(&record.place))));
                    }
                    _ => Some(Step::Put(record)),
                }
            }
        };
        if let Some(step) = step {
            bytes += match &step {
                Step::Put(record) => record.bytes(),
                Step::Remove(_) => 64,
            };
            total += 1;
            steps.push(step);
        }
        if steps.len() >= STEPS_MAX || bytes >= BYTES_MAX {
            target.apply(std::mem::take(&mut steps)).await?;
            bytes = 0;
        }
    }
    if !steps.is_empty() {
        target.apply(steps).await?;
    }
    Ok(total)
}

/// A place in words.
pub(super) fn told(place: &Place) -> String {
    match place {
        Place::Document { kind, key } => format!("{kind} {key}"),
        Place::Topic { name } => format!("the feed {name}"),
        Place::Entry { topic, sequence } => format!("entry {sequence} of the feed {topic}"),
    }
}
