//! Telling the watchers of changes, in the order in which they were committed: this node's own by its writer, other
//! nodes' as the table of changes has them. A number that is missing in between is noticed, and then all is forgotten.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use strongroom_crypto::Witness;
use tokio::time::Instant;
use tokio_postgres::Row;

use super::failure::{Trouble, column};
use super::forms;
use super::import::unfinished;
use super::schema::SCHEMA_VERSION;
use super::session::newer;
use crate::activity::Activity;
use crate::api::{Batch, Change, DocumentKey, Kind, StoreError, Watcher};
use crate::reading::number;
use crate::transfer::Standing;

/// Kinds that other nodes' changes may name; behind that, all is forgotten.
const KINDS_MAX: usize = 1000;
/// Longest name of such a kind, in bytes.
const KIND_BYTES_MAX: usize = 64;

/// What the parts of a store share.
pub(super) struct Shared {
    /// Set when no more work is to be taken.
    pub(super) closing: AtomicBool,
    watchers: RwLock<Vec<Arc<dyn Watcher>>>,
    told: Mutex<Told>,
    begun: Instant,
    /// When the last look began after which everything was told, in ns after `begun`.
    heard: AtomicU64,
    kinds: Mutex<HashSet<&'static str>>,
    /// The least schema that a node must know, and the store's standing.
    floor: AtomicI64,
    /// Whether this node works on a store that a copy was not finished into.
    unfinished: bool,
    /// Commits that the ledger counted when this process last saw it.
    pub(super) commits: AtomicU64,
    /// What was done.
    pub(super) activity: Activity,
    /// Attempts at commits that this process has made.
    attempts: AtomicU64,
    witness: RwLock<Option<Witness>>,
}

/// How far the watchers were told.
struct Told {
    sequence: u64,
    /// What distinguishes that commit from others of its number: after a failover or a restore the number may be another
    /// commit's. None when it is not known, at the start.
    mark: Option<Vec<u8>>,
    /// A commit of this node that may be in the table before its watchers were told: its writer tells of it.
    in_flight: Option<u64>,
}

/// A row of the table of changes.
pub(super) struct ChangeRow {
    sequence: u64,
    keys: Option<Vec<u8>>,
    mark: Vec<u8>,
}

impl ChangeRow {
    /// The rows of a statement.
    pub(super) fn of(rows: &[Row]) -> Result<Vec<Self>, Trouble> {
        let row =
            |row: &Row| Ok(Self { sequence: number(column(row, 0)?)?, keys: column(row, 1)?, mark: column(row, 2)? });
        rows.iter().map(row).collect()
    }

    /// The commit's number.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Shared {
    /// For a store whose last commit is number `sequence`.
    pub(super) fn new(sequence: u64, unfinished: bool) -> Self {
        Self {
            closing: AtomicBool::new(false),
            watchers: RwLock::default(),
            told: Mutex::new(Told { sequence, mark: None, in_flight: None }),
            begun: Instant::now(),
            heard: AtomicU64::new(0),
            kinds: Mutex::default(),
            floor: AtomicI64::new(0),
            unfinished,
            commits: AtomicU64::new(0),
            activity: Activity::default(),
            attempts: AtomicU64::new(0),
            witness: RwLock::default(),
        }
    }

    pub(super) fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.watchers.write().unwrap_or_else(PoisonError::into_inner).push(watcher);
    }

    /// Who keeps the ledger.
    pub(super) fn witness(&self) -> Option<Witness> {
        self.witness.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_witness(&self, witness: Witness) {
        *self.witness.write().unwrap_or_else(PoisonError::into_inner) = Some(witness);
    }

    /// Notes the least schema that a node must know.
    ///
    /// # Errors
    /// When this release does not know it.
    pub(super) fn note_floor(&self, floor: i64) -> Result<(), StoreError> {
        self.floor.store(floor, Ordering::SeqCst);
        self.check_floor()
    }

    /// Refuses a store that another node has made one that this release does not know.
    pub(super) fn check_floor(&self) -> Result<(), StoreError> {
        let (standing, floor) = Standing::of(self.floor.load(Ordering::SeqCst));
        if floor > SCHEMA_VERSION {
            return Err(newer(floor, SCHEMA_VERSION));
        }
        if standing == Standing::Unfinished && !self.unfinished { Err(unfinished()) } else { Ok(()) }
    }

    /// For how long the watchers may not have been told of something.
    pub(super) fn behind(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_nanos(self.heard.load(Ordering::SeqCst)))
    }

    /// Everything that was committed before `began` was told.
    pub(super) fn heard(&self, began: Instant) {
        let began = began.saturating_duration_since(self.begun).as_nanos();
        self.heard.fetch_max(u64::try_from(began).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last commit that the watchers were told of.
    pub(super) fn told_sequence(&self) -> u64 {
        self.told().sequence
    }

    /// What one attempt at a commit of `node` is known by: no other has it.
    pub(super) fn mark(&self, node: &[u8; 16]) -> Vec<u8> {
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst);
        [node.as_slice(), &attempt.to_be_bytes()].concat()
    }

    /// This node is about to make commit `sequence`.
    pub(super) fn begin(&self, sequence: u64) {
        self.told().in_flight = Some(sequence);
    }

    /// This node is not going to tell of the commit that it began.
    pub(super) fn give_up(&self) {
        self.told().in_flight = None;
    }

    /// Tells of other nodes' changes. False when the next one is this node's and not yet told.
    pub(super) fn tell(&self, rows: &[ChangeRow]) -> bool {
        let mut told = self.told();
        self.tell_rows(&mut told, rows)
    }

    fn tell_rows(&self, told: &mut Told, rows: &[ChangeRow]) -> bool {
        for row in rows {
            if row.sequence <= told.sequence {
                if row.sequence == told.sequence {
                    self.confirm_mark(told, Some(&row.mark));
                }
                continue;
            }
            if told.in_flight == Some(row.sequence) {
                return false;
            }
            let keys = row.keys.as_deref().and_then(forms::read_changes).and_then(|keys| self.keys(&keys));
            match keys {
                Some(keys) if row.sequence == told.sequence + 1 => {
                    let changes: Vec<Change<'_>> = keys.iter().map(|key| Change { key, companion: None }).collect();
                    self.changed(&changes);
                }
                _ => self.missed(),
            }
            (told.sequence, told.mark) = (row.sequence, Some(row.mark.clone()));
        }
        true
    }

    /// The commit that was told last is, by the database, the one with `mark`. If it was another, all is forgotten: the
    /// database has lost commits, and given their numbers to others.
    fn confirm_mark(&self, told: &mut Told, mark: Option<&Vec<u8>>) {
        if told.mark.as_ref() != mark {
            if told.mark.is_some() {
                self.missed();
            }
            told.mark = mark.cloned();
        }
    }

    /// As [`Shared::confirm_mark`], if the last commit that was told is still number `sequence`.
    pub(super) fn confirm(&self, sequence: u64, mark: Option<&Vec<u8>>) {
        let mut told = self.told();
        if told.sequence == sequence {
            self.confirm_mark(&mut told, mark);
        }
    }

    /// The last commit is number `sequence`, but what led there is not to be had. False when this node is about to tell of
    /// a commit of its own.
    pub(super) fn skip_to(&self, sequence: u64, mark: Option<&Vec<u8>>) -> bool {
        let mut told = self.told();
        if told.in_flight.is_some_and(|own| own <= sequence) {
            return false;
        }
        if told.sequence == sequence {
            self.confirm_mark(&mut told, mark);
        } else {
            self.missed();
            (told.sequence, told.mark) = (sequence, mark.cloned());
        }
        true
    }

    /// Tells of this node's commit `sequence`, which has `mark`, before which other nodes made those of `rows`.
    pub(super) fn tell_own<'b>(
        &self,
        rows: &[ChangeRow],
        (sequence, mark): (u64, &Vec<u8>),
        batches: impl Iterator<Item = &'b Batch>,
    ) {
        let mut told = self.told();
        told.in_flight = None;
        self.tell_rows(&mut told, rows);
        if told.sequence == sequence && told.mark.as_ref() == Some(mark) {
            // It was told when nobody knew whether it would be: what went along may be older than what came after it.
            return;
        }
        if told.sequence + 1 != sequence {
            // Something is missing in between; or what was told is of a past that the database has lost.
            self.missed();
        }
        let changes: Vec<Change<'_>> = batches.flat_map(Batch::changes).collect();
        self.changed(&changes);
        (told.sequence, told.mark) = (sequence, Some(mark.clone()));
    }

    fn changed(&self, changes: &[Change<'_>]) {
        if !changes.is_empty() {
            let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
            watchers.iter().for_each(|watcher| watcher.changed(changes));
        }
    }

    fn missed(&self) {
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        watchers.iter().for_each(|watcher| watcher.missed());
    }

    /// Keys of which this process may never have seen the kind.
    fn keys(&self, keys: &[(&str, &str)]) -> Option<Vec<DocumentKey>> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|(kind, key)| Some(DocumentKey::new(Kind(known(&mut kinds, kind)?), *key))).collect()
    }
}

/// A kind's name that stays: there are only so many.
fn known(kinds: &mut HashSet<&'static str>, kind: &str) -> Option<&'static str> {
    if let Some(kind) = kinds.get(kind) {
        return Some(kind);
    }
    if kinds.len() >= KINDS_MAX || kind.len() > KIND_BYTES_MAX {
        return None;
    }
    let kept: &'static str = Box::leak(kind.to_owned().into_boxed_str());
    kinds.insert(kept);
    Some(kept)
}
