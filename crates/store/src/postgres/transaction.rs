//! The transaction of a group: the lock, what is looked at, what is written, and how its outcome is found afterwards.

use tokio::time::Instant;
use tokio_postgres::Row;

use super::failure::{Trouble, column};
use super::forms;
use super::ledger;
use super::plan::{Kept, Known, Plan, Standing};
use super::session::{Session, System, Values, channel, channel_payload};
use super::sql::Sql;
use super::teller::ChangeRow;
use super::writer::{Done, Job, Stopped, Writer};
use crate::api::{Batch, DocumentKey, StoreError};
use crate::reading::number;
use crate::transfer;

/// Changes of other nodes that are read with a commit, at most. Whoever is further behind forgets all.
const CHANGES_MAX: i64 = 1000;
/// Between two removals of old changes, in commits.
const CHANGES_STEP: u64 = 1024;

/// The turn of a head whose ledger is to be read again in any case. Only what this node committed, and the database made
/// durable, is remembered by its turn: what was merely read, or written without a wait for the disk and the standbys, may be
/// gone after a crash of the database, and its turn may be another commit's then.
const NOT_KNOWN: i64 = -1;

/// The head as it is under the lock.
struct Head {
    turn: i64,
    sequence: u64,
    standing: transfer::Standing,
    has_ledger: bool,
    /// The ledger, when it is not the one that this node knows.
    ledger: Option<Vec<u8>>,
}

/// What a group names, as columns.
#[derive(Default)]
struct Names<'g> {
    keys: Vec<&'g DocumentKey>,
    kind: Vec<&'g str>,
    key: Vec<&'g str>,
    unique_ix: Vec<&'g str>,
    unique_form: Vec<String>,
    topics: Vec<&'g str>,
    trims: Vec<(&'g str, i64)>,
}

impl<'g> Names<'g> {
    fn of(group: &'g [Job]) -> Self {
        let mut names = Self::default();
        group.iter().filter_map(Job::batch).for_each(|batch| names.add(batch));
        names.keys.sort_unstable();
        names.keys.dedup();
        names.topics.sort_unstable();
        names.topics.dedup();
        (names.kind, names.key) = names.keys.iter().map(|key| (key.kind.0, &*key.key)).unzip();
        for job in group {
            if let Job::Trim { topic, through, .. } = job {
                names.trims.push((topic, i64::try_from(*through).unwrap_or(i64::MAX)));
            }
        }
        names
    }

    fn add(&mut self, batch: &'g Batch) {
        self.keys.extend(batch.puts.iter().map(|put| &put.key));
        self.keys.extend(batch.deletes.iter().map(|delete| &delete.key));
        for term in batch.puts.iter().flat_map(|put| &put.unique_added) {
            self.unique_ix.push(term.index.0);
            self.unique_form.push(forms::unique(&term.value));
        }
        self.topics.extend(batch.feed.iter().map(|entry| &*entry.topic));
    }
}

/// What the first flight brought.
struct Seen {
    head: Head,
    before: Vec<ChangeRow>,
    known: Known,
    trimmed: Vec<Vec<(u64, Vec<u8>)>>,
}

impl Writer {
    /// One attempt at a group.
    pub(super) async fn attempt(&mut self, group: &[Job]) -> Result<Done, Stopped> {
        self.shared.check_floor()?;
        self.connected().await?;
        let Some(session) = &self.session else { return Err(super::failure::closed().into()) };
        let asked = Instant::now();
        let Seen { head, before, known, trimmed } = self.look(session, group).await?;
        let kept = match group {
            [Job::KeepLedger { witness, begin, .. }] => {
                let schema = &self.database.schema;
                let kept = ledger::keep(session, schema, witness, *begin, head.ledger.clone()).await;
                Some(Kept { witness: witness.as_ref().clone(), ledger: kept? })
            }
            _ => self.kept_now(&head)?,
        };
        let mut plan = Plan::new(known, kept);
        let (outcomes, unfinished) = self.decide(group, &mut plan, &head, trimmed);
        if !plan.is_changed() {
            session.run("ROLLBACK").await?;
            let kept = if matches!(group, [Job::KeepLedger { .. }]) { plan.kept } else { self.kept.clone() };
            let turn = NOT_KNOWN;
            return Ok(Done { outcomes, unfinished, kept, turn, before, sequence: None, asked });
        }
        let durable = group.iter().zip(&outcomes).any(|(job, outcome)| {
            // Trims may be lost in a crash: a group of nothing else does not wait for the disk.
            outcome.is_ok() && !matches!(job, Job::Trim { .. })
        });
        let done =
            Done { outcomes, unfinished, kept: None, turn: head.turn.saturating_add(1), before, sequence: None, asked };
        self.write(session, plan, &head, durable, done).await
    }

    /// The first flight: begins, takes the lock, and looks at what the group names.
    async fn look(&self, session: &Session, group: &[Job]) -> Result<Seen, Trouble> {
        let names = Names::of(group);
        let told = i64::try_from(self.shared.told_sequence()).unwrap_or(i64::MAX);
        let known_turn = if matches!(group, [Job::KeepLedger { .. }]) { NOT_KNOWN } else { self.known_turn() };
        let trim_max = i64::from(self.config.trim_entries_max.max(1));
        let mut sent = vec![
            session.send_text(self.database.begin()),
            session.send(Sql::LockHead, vec![&known_turn]),
            session.send(Sql::Changes, vec![&told, &CHANGES_MAX]),
        ];
        let mut add = |is_empty: bool, sql: Sql, values| {
            if !is_empty {
                sent.push(session.send(sql, values));
            }
        };
        add(names.key.is_empty(), Sql::Documents, vec![&names.kind, &names.key]);
        add(names.unique_ix.is_empty(), Sql::Holders, vec![&names.unique_ix, &names.unique_form]);
        add(names.topics.is_empty(), Sql::Topics, vec![&names.topics]);
        for (topic, through) in &names.trims {
            add(false, Sql::Trimmed, vec![topic, through, &trim_max]);
        }
        let mut answers = session.flight(sent).await?.into_iter().skip(1);
        let mut next = |is_empty: bool| if is_empty { Vec::new() } else { answers.next().unwrap_or_default() };
        let head = Head::of(&next(false), |floor| self.shared.note_floor(floor))?;
        let before = ChangeRow::of(&next(false))?;
        let mut known = Known::default();
        documents(&names.keys, &next(names.key.is_empty()), &mut known)?;
        for row in next(names.unique_ix.is_empty()) {
            known.held.insert((column(&row, 0)?, column(&row, 1)?));
        }
        for row in next(names.topics.is_empty()) {
            known.topics.insert(column(&row, 0)?, number(column(&row, 1)?)?);
        }
        let trimmed = names
            .trims
            .iter()
            .map(|_| next(false).iter().map(|row| Ok((number(column(row, 0)?)?, column(row, 1)?))).collect());
        let trimmed = trimmed.collect::<Result<_, Trouble>>()?;
        Ok(Seen { head, before, known, trimmed })
    }

    fn known_turn(&self) -> i64 {
        if self.kept.is_some() { self.turn } else { NOT_KNOWN }
    }

    /// The ledger as it is under the lock, when it is kept. Never less than what this node knows.
    fn kept_now(&self, head: &Head) -> Result<Option<Kept>, Trouble> {
        let Some(kept) = &self.kept else { return Ok(None) };
        if !head.has_ledger {
            return Err(Trouble::damaged("its ledger is gone"));
        }
        if head.turn == self.turn {
            return Ok(Some(kept.clone()));
        }
        let ledger = ledger::open(&kept.witness, head.ledger.clone())?;
        if ledger.commits() < kept.ledger.commits() || head.turn < self.turn {
            return Err(Trouble::damaged("its ledger is older than the last commit"));
        }
        Ok(Some(Kept { witness: kept.witness.clone(), ledger }))
    }

    /// What becomes of each job, and which trims are not finished.
    fn decide(
        &self,
        group: &[Job],
        plan: &mut Plan,
        head: &Head,
        trimmed: Vec<Vec<(u64, Vec<u8>)>>,
    ) -> (Vec<Result<(), StoreError>>, Vec<usize>) {
        // Nothing may be written past a ledger that was not opened.
        let closed = head.has_ledger && plan.kept.is_none();
        let not_opened = || Err(StoreError::Unavailable("its ledger was not opened".to_owned()));
        let frozen = head.standing.refuses_changes() && !self.config.unfinished;
        let mut trimmed = trimmed.into_iter();
        let (mut outcomes, mut unfinished) = (Vec::with_capacity(group.len()), Vec::new());
        let full = usize::try_from(self.config.trim_entries_max.max(1)).unwrap_or(usize::MAX);
        for (at, job) in group.iter().enumerate() {
            let entries = if matches!(job, Job::Trim { .. }) { trimmed.next().unwrap_or_default() } else { Vec::new() };
            outcomes.push(match job {
                _ if closed => not_opened(),
                Job::Commit { .. } | Job::SetAnchor { .. } if frozen => Err(StoreError::Frozen(head.standing)),
                Job::KeepLedger { begin, .. } if frozen && *begin != crate::api::LedgerBegin::There => {
                    Err(StoreError::Frozen(head.standing))
                }
                Job::Commit { batch, .. } => plan.apply(batch),
                Job::KeepLedger { begin, first, .. } => {
                    let applied = plan.apply(first);
                    if applied.is_ok() && *begin != crate::api::LedgerBegin::There {
                        plan.touch();
                    }
                    applied
                }
                Job::Trim { topic, .. } => {
                    plan.trim(topic, &entries);
                    if entries.len() == full {
                        unfinished.push(at);
                    }
                    Ok(())
                }
                Job::SetAnchor { anchor, .. } => match &mut plan.kept {
                    Some(kept) => {
                        kept.ledger.set_anchor(*anchor);
                        plan.touch();
                        Ok(())
                    }
                    None => Err(StoreError::Unavailable("its ledger is not kept".to_owned())),
                },
            });
        }
        (outcomes, unfinished)
    }

    /// The second flight: writes and commits.
    async fn write(
        &self,
        session: &Session,
        plan: Plan,
        head: &Head,
        durable: bool,
        mut done: Done,
    ) -> Result<Done, Stopped> {
        let (writes, mut kept) = plan.finish()?;
        let sequence = if durable { head.sequence + 1 } else { head.sequence };
        let mut body = None;
        if let Some(kept) = &mut kept {
            if durable {
                kept.ledger.count_commit();
            }
            let sealed = kept.witness.seal(&kept.ledger).map_err(StoreError::from)?;
            body = Some(sealed.as_bytes().to_vec());
        }
        let columns = writes.columns()?;
        let keys = forms::changes(writes.keys());
        let stored_sequence = i64::try_from(sequence).map_err(|_| Trouble::damaged("a number that is too great"))?;
        let mark = self.shared.mark(&self.database.node);
        let old = i64::try_from(sequence.saturating_sub(self.config.changes_max)).unwrap_or(0);
        let news = news(&self.database.schema, &self.database.node);
        let mut sent = Vec::new();
        if !durable && session.system == System::Postgres {
            sent.push(session.send_text("SET LOCAL synchronous_commit = off"));
        }
        sent.extend(columns.statements(session));
        if durable {
            sent.push(session.send(Sql::InsertChange, vec![&stored_sequence, &mark, &keys]));
        }
        if durable && sequence.is_multiple_of(CHANGES_STEP) {
            sent.push(session.send(Sql::DropChanges, vec![&old]));
        }
        sent.push(session.send(Sql::MoveHead, vec![&done.turn, &stored_sequence, &body]));
        sent.push(session.send_text("COMMIT"));
        if durable && self.database.tells(session) {
            // Behind the commit: whether anybody hears it does not matter to what was committed.
            sent.push(session.send_news(&news));
        }
        if durable {
            self.shared.begin(sequence);
        }
        let written = session.flight(sent).await;
        done.kept = kept;
        match written {
            Ok(_) if durable => Ok(Done { sequence: Some((sequence, mark)), ..done }),
            Ok(_) => Ok(Done { kept: self.kept.clone(), turn: NOT_KNOWN, ..done }),
            Err(trouble) if durable => {
                done.sequence = Some((sequence, mark.clone()));
                Err(Stopped::Unknown(Box::new(done), (sequence, mark), trouble))
            }
            // A trim that was carried out is carried out once more, and finds nothing.
            Err(trouble) => Err(Stopped::Before(trouble)),
        }
    }

    /// Whether commit `sequence` is the one with `mark`. Behind the head's lock nothing of it is under way any more; and as this
    /// writes and commits itself, what it finds is as durable as any commit, also on the standbys that commits wait for.
    pub(super) async fn look_for(&mut self, sequence: u64, mark: &[u8]) -> Result<bool, Trouble> {
        self.connected().await?;
        let Some(session) = &self.session else { return Err(super::failure::closed().into()) };
        let (known_turn, number) = (NOT_KNOWN, i64::try_from(sequence).unwrap_or(i64::MAX));
        let head: Values<'_> = vec![&known_turn];
        let sent = vec![
            session.send_text(self.database.begin()),
            session.send(Sql::LockHead, head),
            session.send(Sql::ChangeAt, vec![&number]),
        ];
        let mut answers = session.flight(sent).await?.into_iter().skip(1);
        let head = Head::of(&answers.next().unwrap_or_default(), |_| Ok(()))?;
        let rows = answers.next().unwrap_or_default();
        let maker: Option<Vec<u8>> = rows.first().map(|row| column(row, 0)).transpose()?;
        if maker.is_none() && head.sequence >= sequence {
            return Err(StoreError::Unavailable("the number of the commit was forgotten meanwhile".to_owned()).into());
        }
        let schema = &self.database.schema;
        session.run(&format!("UPDATE {schema}.head SET turn = turn + 1 WHERE id = 1")).await?;
        session.run("COMMIT").await?;
        Ok(maker.is_some_and(|maker| maker == mark))
    }
}

/// Tells other nodes that there is something new. Without a wait for the disk, which the commit has had already: a
/// notification is a transaction of its own and would be flushed too.
fn news(schema: &str, node: &[u8; 16]) -> String {
    let (channel, node) = (channel(schema), channel_payload(node));
    format!("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {channel}, '{node}'; COMMIT")
}

impl Head {
    fn of(rows: &[Row], check_floor: impl FnOnce(i64) -> Result<(), StoreError>) -> Result<Self, Trouble> {
        let row = rows.first().ok_or_else(|| Trouble::damaged("its head is gone"))?;
        let floor = column(row, 2)?;
        check_floor(floor)?;
        let (standing, _) = transfer::Standing::of(floor);
        let sequence = number(column(row, 1)?)?;
        Ok(Self { turn: column(row, 0)?, sequence, standing, has_ledger: column(row, 3)?, ledger: column(row, 4)? })
    }
}

/// The documents of `keys` as the database has them.
fn documents(keys: &[&DocumentKey], rows: &[Row], known: &mut Known) -> Result<(), Trouble> {
    for row in rows {
        let (kind, key): (&str, &str) = (column(row, 0)?, column(row, 1)?);
        let sought = keys.binary_search_by(|other| (other.kind.0, &*other.key).cmp(&(kind, key)));
        let Some(key) = sought.ok().and_then(|at| keys.get(at)) else { continue };
        let version = number(column(row, 2)?)?;
        let standing = Standing { version, terms: column(row, 3)?, tail: column(row, 4)?, body: None };
        known.documents.insert((*key).clone(), standing);
    }
    Ok(())
}
