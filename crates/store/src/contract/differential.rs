//! The differential run: random operations on an engine and on the model in memory, whose answers must be the same.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;

use strongroom_crypto::Random;
use strongroom_crypto::random::{SeededRandom, bytes};

use super::fixture::{BOX, COLOUR, NAME, Sealer, told};
use super::operation::{KEYS, Mark, Operation, PREFIXES, Part, Pick, TOPICS, VALUES};
use crate::MemoryStore;
use crate::api::{Batch, Delete, DocumentKey, Entry, FeedEntry, Put, Range, Row, Store, StoreError, Term};

/// Where an engine's answers part from the model's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What was asked and what the two answered.
    pub what: String,
    /// All operations up to that one, in the form that [`replay`] takes.
    pub replay: String,
}

/// `count` random operations; the same for the same `seed`.
///
/// # Errors
/// When the random source fails.
pub fn generate(seed: u64, count: usize) -> Result<Vec<Operation>, String> {
    let mut dice = Dice(SeededRandom::new(seed));
    (0..count).map(|_| dice.operation()).collect()
}

/// Runs operations on the engine that `open` opens and on the model. `Reopen` drops the engine and calls `open` again,
/// which must then find what was there.
///
/// # Errors
/// The first difference.
pub async fn run<F: Future<Output = Arc<dyn Store>>>(
    operations: &[Operation],
    open: impl Fn() -> F,
) -> Result<(), Difference> {
    let model = MemoryStore::new();
    let sealer = Sealer::new(0);
    let mut engine = open().await;
    // What is there in the end is compared as a whole.
    let all = [
        Operation::Scan { prefix: 0, after: None, limit: usize::MAX },
        Operation::Range { prefix: 0, after: None, descending: false, limit: usize::MAX },
        Operation::Feed { topic: 0, after: 0, limit: usize::MAX },
        Operation::Feed { topic: 1, after: 0, limit: usize::MAX },
    ];
    for (at, operation) in operations.iter().chain(&all).enumerate() {
        if *operation == Operation::Reopen {
            drop(engine);
            engine = open().await;
            continue;
        }
        let compared = match &sealer {
            Ok(sealer) => compare(operation, &model, &*engine, sealer).await,
            Err(error) => Err(error.clone()),
        };
        if let Err(what) = compared {
            return Err(Difference {
                what: format!("operation {at}, {operation}: {what}"),
                replay: text(operations, at),
            });
        }
    }
    Ok(())
}

/// As [`run`], for operations in their text form, one a line.
///
/// # Errors
/// The first difference, or the line that is no operation.
pub async fn replay<F: Future<Output = Arc<dyn Store>>>(text: &str, open: impl Fn() -> F) -> Result<(), Difference> {
    let operations: Result<Vec<Operation>, String> = text.lines().map(str::parse).collect();
    match operations {
        Ok(operations) => run(&operations, open).await,
        Err(what) => Err(Difference { what, replay: text.to_owned() }),
    }
}

/// The first operations up to number `at`, in their text form.
fn text(operations: &[Operation], at: usize) -> String {
    operations.iter().take(at.saturating_add(1)).fold(String::new(), |mut text, operation| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{operation}");
        text
    })
}

async fn compare(operation: &Operation, model: &dyn Store, engine: &dyn Store, sealer: &Sealer) -> Result<(), String> {
    let (wanted, found) = if let Operation::Commit(parts) = operation {
        let batch = batch(parts, model, sealer).await?;
        (format!("{:?}", kind(model.commit(batch.clone()).await)), format!("{:?}", kind(engine.commit(batch).await)))
    } else {
        (ask(operation, model).await, ask(operation, engine).await)
    };
    if wanted == found { Ok(()) } else { Err(format!("the engine answers {found}, the model {wanted}")) }
}

/// Errors are compared by their kind.
fn kind(answer: Result<(), StoreError>) -> Result<(), &'static str> {
    answer.map_err(|error| match error {
        StoreError::Conflict(_) => "conflict",
        StoreError::UniqueTaken(_) => "unique taken",
        StoreError::Full => "full",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Damaged(_) => "damaged",
        StoreError::Unknown(_) => "unknown",
        StoreError::Frozen(_) => "frozen",
        StoreError::Invalid(_) => "invalid",
    })
}

/// The answer to a read, as text.
async fn ask(operation: &Operation, store: &dyn Store) -> String {
    match operation {
        Operation::Get(key) => format!("{:?}", store.get(&document(*key)).await.map(|row| row.map(plain))),
        Operation::GetMany(keys) => {
            let keys: Vec<Arc<str>> = keys.iter().map(|key| Arc::from(pick(&KEYS, *key))).collect();
            let rows = store.get_many(BOX, &keys).await;
            format!("{:?}", rows.map(|rows| rows.into_iter().map(|row| row.map(plain)).collect::<Vec<_>>()))
        }
        Operation::Find(value) => format!("{:?}", store.find(&Term::new(NAME, pick(&VALUES, *value))).await),
        Operation::Range { prefix, after, descending, limit } => {
            let after = after
                .map(|(value, key)| Entry { value: pick(&VALUES, value).to_owned(), key: Arc::from(pick(&KEYS, key)) });
            let prefix = pick(&PREFIXES, *prefix).to_owned();
            let range = Range { index: COLOUR, prefix, after, descending: *descending, limit: *limit };
            format!("{:?}", store.range(&range).await)
        }
        Operation::Scan { prefix, after, limit } => {
            let after = after.map(|key| pick(&KEYS, key));
            let rows = store.scan(BOX, pick(&PREFIXES, *prefix), after, *limit).await;
            format!("{:?}", rows.map(|rows| rows.into_iter().map(plain).collect::<Vec<_>>()))
        }
        Operation::Feed { topic, after, limit } => {
            let rows = store.feed(pick(&TOPICS, *topic), *after, *limit).await;
            let plain = rows.map(|rows| {
                rows.into_iter().map(|row| (row.sequence, row.id, row.body.as_bytes().to_vec())).collect::<Vec<_>>()
            });
            format!("{plain:?}")
        }
        Operation::Trim { topic, through } => format!("{:?}", store.trim(pick(&TOPICS, *topic), *through).await),
        Operation::Commit(_) | Operation::Reopen => String::new(),
    }
}

/// A row with its body's bytes, which the row's own text leaves out.
fn plain(row: Row) -> (DocumentKey, u64, Vec<u8>) {
    (row.key, row.version, row.body.as_bytes().to_vec())
}

/// The batch that `parts` stand for, with the versions that the model's documents have now.
async fn batch(parts: &[Part], model: &dyn Store, sealer: &Sealer) -> Result<Batch, String> {
    let mut batch = Batch::named("differential");
    for part in parts {
        match part {
            Part::Put { key, slip, bytes, marks } => {
                let expected = version(model, *key).await?.wrapping_add(*slip);
                let terms = |added, unique, index| {
                    let wanted = marks.iter().filter(move |mark| mark.added == added && mark.unique == unique);
                    wanted.map(|mark| Term::new(index, pick(&VALUES, mark.value))).collect()
                };
                batch.puts.push(Put {
                    key: document(*key),
                    expected,
                    body: sealer.body(*bytes)?,
                    terms_removed: terms(false, false, COLOUR),
                    terms_added: terms(true, false, COLOUR),
                    unique_removed: terms(false, true, NAME),
                    unique_added: terms(true, true, NAME),
                    companion: None,
                });
            }
            Part::Delete { key, slip } => {
                let expected = version(model, *key).await?.wrapping_add(*slip);
                batch.deletes.push(Delete { key: document(*key), expected });
            }
            Part::Entry { topic } => {
                let topic = pick(&TOPICS, *topic);
                batch.feed.push(FeedEntry { topic: topic.into(), id: format!("of {topic}"), body: sealer.body(30)? });
            }
        }
    }
    Ok(batch)
}

async fn version(model: &dyn Store, key: Pick) -> Result<u64, String> {
    Ok(model.get(&document(key)).await.map_err(told)?.map_or(0, |row| row.version))
}

fn document(key: Pick) -> DocumentKey {
    DocumentKey::new(BOX, pick(&KEYS, key))
}

/// Numbers from outside the table, as a hand-made replay may have, begin again from its start.
fn pick(table: &[&'static str], at: Pick) -> &'static str {
    table.get(at % table.len().max(1)).copied().unwrap_or_default()
}

/// Chooses at random.
struct Dice(SeededRandom);

impl Dice {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> Result<usize, String> {
        let drawn: [u8; 4] = bytes(&self.0 as &dyn Random).map_err(told)?;
        usize::try_from(u32::from_be_bytes(drawn)).map(|drawn| drawn % bound.max(1)).map_err(told)
    }

    /// True once in `times`.
    fn rarely(&mut self, times: usize) -> Result<bool, String> {
        Ok(self.below(times)? == 0)
    }

    fn operation(&mut self) -> Result<Operation, String> {
        Ok(match self.below(100)? {
            0..50 => {
                let count = [0, 1, 1, 1, 2, 2, 3, 5].get(self.below(8)?).copied().unwrap_or(1);
                Operation::Commit((0..count).map(|_| self.part()).collect::<Result<_, _>>()?)
            }
            50..60 => Operation::Get(self.below(KEYS.len())?),
            60..65 => {
                let count = self.below(5)?;
                Operation::GetMany((0..count).map(|_| self.below(KEYS.len())).collect::<Result<_, _>>()?)
            }
            65..72 => Operation::Find(self.below(VALUES.len())?),
            72..84 => Operation::Range {
                prefix: self.below(PREFIXES.len())?,
                after: if self.rarely(2)? { Some((self.below(VALUES.len())?, self.below(KEYS.len())?)) } else { None },
                descending: self.rarely(2)?,
                limit: self.below(12)?,
            },
            84..91 => Operation::Scan {
                prefix: self.below(PREFIXES.len())?,
                after: if self.rarely(2)? { Some(self.below(KEYS.len())?) } else { None },
                limit: self.below(8)?,
            },
            91..95 => Operation::Feed { topic: self.below(2)?, after: self.number(40)?, limit: self.below(20)? },
            95..98 => Operation::Trim { topic: self.below(2)?, through: self.number(60)? },
            _ => Operation::Reopen,
        })
    }

    fn number(&mut self, bound: usize) -> Result<u64, String> {
        u64::try_from(self.below(bound)?).map_err(told)
    }

    fn part(&mut self) -> Result<Part, String> {
        let key = self.below(KEYS.len())?;
        let slip = if self.rarely(12)? { self.number(3)? } else { 0 };
        Ok(match self.below(10)? {
            0..7 => {
                let bytes = if self.rarely(40)? { 10_000 } else { self.below(1500)? };
                let count = self.below(5)?;
                let marks = (0..count).map(|_| self.mark()).collect::<Result<_, _>>()?;
                Part::Put { key, slip, bytes, marks }
            }
            7..9 => Part::Delete { key, slip },
            _ => Part::Entry { topic: self.below(2)? },
        })
    }

    fn mark(&mut self) -> Result<Mark, String> {
        Ok(Mark { added: !self.rarely(3)?, unique: self.rarely(3)?, value: self.below(VALUES.len())? })
    }
}
