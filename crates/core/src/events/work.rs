//! The work of events: taken from the feed, held against the rules, delivered to targets; done by one server at a time.
//!
//! An event is forgotten by the feed after its deliveries are committed, and a delivery after its target has taken it, so
//! that a death at any point leaves each of them to be done again: at least once.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_patterns::Pattern;
use strongroom_store::{Batch, Entry, FeedRow, Kind, Range};
use strongroom_types::SecretBytes;
use tracing::{error, warn};

use super::Events;
use super::delivery::{BY_DEAD, BY_DUE, DELIVERY, Delivery, Failure, account_in, due_prefix, instant};
use super::rule::Rule;
use crate::announcing::{self, TOPIC};
use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;

/// How long the work is its taker's, in ms, unless that renews it.
pub const LEASE_MS: i64 = 15_000;
/// Entries of the feed that are sorted at once.
const BATCH_ENTRIES_MAX: usize = 200;
/// Deliveries that are committed at once.
const BATCH_DELIVERIES_MAX: usize = 500;
/// Bytes of events from which deliveries are committed.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Documents that are read at once.
const STRETCH: usize = 200;
/// Entries of the index of due deliveries that are looked at, to find some whose targets have room.
const LOOKED_AT_MAX: usize = 20_000;
/// Of those, of one account.
const LOOKED_AT_OF_ACCOUNT_MAX: usize = 5000;
/// How long deliveries that were given up are kept, in days: as long as a queue could.
const DEAD_DAYS: i64 = 14;
/// Dead deliveries that one round forgets, at most.
const FORGOTTEN_MAX: usize = 500;

/// Who does the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    holder: String,
    until_ms: i64,
}

/// The key of the only document of its kind.
const LEASE_KEY: &str = "work";

impl Document for Lease {
    const KIND: Kind = Kind("event-lease");
    const CACHED: bool = false;

    fn key(&self) -> String {
        LEASE_KEY.to_owned()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(Self::KIND, body)
    }
}

/// What became of an attempt to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The target has the event.
    Delivered,
    /// It is tried again.
    Failed,
    /// It is a dead letter.
    GivenUp,
}

/// Deliveries that are to be committed together.
#[derive(Default)]
struct Gathered {
    deliveries: Vec<Delivery>,
    bytes: usize,
}

impl Gathered {
    fn add(&mut self, delivery: Delivery) {
        self.bytes = self.bytes.saturating_add(delivery.event.len());
        self.deliveries.push(delivery);
    }

    fn is_full(&self) -> bool {
        self.deliveries.len() >= BATCH_DELIVERIES_MAX || self.bytes >= BATCH_BYTES_MAX
    }
}

/// Whether there is room for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Yes,
    /// Not for its target.
    ForOtherTargets,
    /// For none of its account.
    No,
}

/// A rule that events are held against.
struct Held {
    rule: Arc<Rule>,
    pattern: Pattern,
}

impl Events {
    /// Whether the work is this server's now: it takes it when nobody has it, and keeps it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn lead(&self, holder: &str) -> Result<bool, Error> {
        let now = self.clock.now();
        let found = self.documents.load_newest::<Lease>(LEASE_KEY).await?;
        if let Some(found) = &found {
            let left_ms = found.value.until_ms.saturating_sub(now.millis());
            let is_own = found.value.holder == holder;
            // A lease of more than its length was given under a clock that has since been set back.
            if !is_own && (1..=LEASE_MS).contains(&left_ms) {
                return Ok(false);
            }
            if is_own && (LEASE_MS / 2..=LEASE_MS).contains(&left_ms) {
                return Ok(true);
            }
        }
        let mine = Lease { holder: holder.to_owned(), until_ms: now.plus_millis(LEASE_MS).millis() };
        let mut batch = Batch::named("lead_events");
        self.documents.put(&mut batch, found.as_ref(), &Arc::new(mine))?;
        match self.documents.commit(batch).await {
            Ok(()) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Leaves the work to others, at an orderly stop.
    ///
    /// # Errors
    /// Faults of the store; the lease ends by itself then.
    pub async fn leave(&self, holder: &str) -> Result<(), Error> {
        let found = self.documents.load_newest::<Lease>(LEASE_KEY).await?;
        let Some(found) = found.filter(|found| found.value.holder == holder) else { return Ok(()) };
        let mut batch = Batch::named("leave_events");
        self.documents.delete(&mut batch, &found);
        match self.documents.commit(batch).await {
            Err(Error::Conflict) => Ok(()),
            done => done,
        }
    }

    /// Makes deliveries of all events that wait in the feed, and returns how many. For the server that has the lead.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn sort(&self) -> Result<usize, Error> {
        let store = Arc::clone(self.documents.store());
        let mut made = 0;
        loop {
            let rows = store.feed(TOPIC, 0, BATCH_ENTRIES_MAX).await?;
            let Some(last) = rows.last() else { break };
            // Read behind the events, so that a rule that was there before an event is held against it.
            let rules = self.rules_now().await?;
            let mut deliveries = Gathered::default();
            for row in &rows {
                for delivery in self.deliveries_of(row, &rules) {
                    deliveries.add(delivery);
                    if deliveries.is_full() {
                        made += self.keep(std::mem::take(&mut deliveries)).await?;
                    }
                }
                // Large events and many rules take a while.
                tokio::task::yield_now().await;
            }
            made += self.keep(deliveries).await?;
            store.trim(TOPIC, last.sequence).await?;
            if rows.len() < BATCH_ENTRIES_MAX {
                break;
            }
        }
        self.look_for_rules().await?;
        Ok(made)
    }

    /// Tells those who commit events whether there are rules, when that may have changed.
    async fn look_for_rules(&self) -> Result<(), Error> {
        let changes = self.documents.interest().changes();
        // One more than was seen, as nothing was seen at first.
        if self.seen.swap(changes.wrapping_add(1), Ordering::SeqCst) == changes.wrapping_add(1) {
            return Ok(());
        }
        match self.rules_now().await {
            Ok(rules) => {
                self.documents.interest().note(!rules.is_empty(), changes);
                Ok(())
            }
            Err(fault) => {
                self.seen.store(0, Ordering::SeqCst);
                Err(fault)
            }
        }
    }

    /// Whether there are rules, for a server that does not have the lead.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn follow(&self) -> Result<(), Error> {
        self.look_for_rules().await
    }

    /// The rules that are switched on, of all accounts.
    async fn rules_now(&self) -> Result<Vec<Held>, Error> {
        let (mut held, mut after) = (Vec::new(), None::<String>);
        loop {
            let found = self.documents.scan::<Rule>("", after.as_deref(), STRETCH).await?;
            after = found.last().map(|last| last.value.key());
            let whole = found.len() == STRETCH;
            for rule in found.into_iter().map(|found| found.value).filter(|rule| rule.is_enabled()) {
                match Pattern::parse(&rule.pattern) {
                    Ok(pattern) => held.push(Held { rule, pattern }),
                    Err(fault) => error!(rule = %rule.arn(), %fault, "a stored rule has no pattern that can be read"),
                }
            }
            if !whole {
                return Ok(held);
            }
        }
    }

    /// The deliveries of an event, made one by one: each has the event.
    fn deliveries_of<'a>(&self, row: &'a FeedRow, rules: &'a [Held]) -> impl Iterator<Item = Delivery> + 'a {
        let opened = announcing::open(self.documents.keyring(), row).map_err(|error| error.to_string());
        let read = opened.and_then(|text| {
            let event = serde_json::from_str::<Value>(&text).map_err(|error| error.to_string())?;
            Ok((text, event))
        });
        if let Err(fault) = &read {
            // It never will be readable, and must not keep the others back.
            error!(id = row.id, %fault, "an event was altered in the store, and is left out");
        }
        let now = self.clock.now();
        read.into_iter().flat_map(move |(text, event)| {
            let of = |member: &str| event.get(member).and_then(Value::as_str).unwrap_or_default();
            let is_own = |rule: &Rule| rule.account == of("account") && rule.region == of("region");
            let matching = rules.iter().filter(|held| is_own(&held.rule) && held.pattern.matches(&event));
            let matching: Vec<&Rule> = matching.map(|held| held.rule.as_ref()).collect();
            let targets = matching.into_iter().flat_map(|rule| rule.targets.iter().map(move |target| (rule, target)));
            targets.map(move |(rule, target)| Delivery::begin(rule, target, &row.id, &text, now))
        })
    }

    /// Commits deliveries, those that are not there from an attempt before.
    async fn keep(&self, gathered: Gathered) -> Result<usize, Error> {
        if gathered.deliveries.is_empty() {
            return Ok(0);
        }
        let keys: Vec<Arc<str>> = gathered.deliveries.iter().map(|delivery| delivery.key().into()).collect();
        let there = self.documents.store().get_many(DELIVERY, &keys).await?;
        let mut batch = Batch::named("sort_events");
        for (delivery, there) in gathered.deliveries.into_iter().zip(there) {
            if there.is_none() {
                self.documents.put(&mut batch, None, &Arc::new(delivery))?;
            }
        }
        let made = batch.puts.len();
        if made > 0 {
            self.documents.commit(batch).await?;
        }
        Ok(made)
    }

    /// Deliveries that are due, at most `max`: of one account after another, those of each the longest first. `room` is asked
    /// with the key of each, and takes a place when it says yes. The next call begins with the accounts behind those that
    /// this one came to, so that what one account has waiting keeps none of the others back.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn due(
        &self,
        max: usize,
        under_way: &HashSet<Arc<str>>,
        mut room: impl FnMut(&str) -> Room + Send,
    ) -> Result<Vec<Loaded<Delivery>>, Error> {
        let now_ms = self.clock.now().millis();
        let first = self.turn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut chosen, mut looked_at, mut from, mut is_round) = (Vec::new(), 0, first.clone(), first.is_empty());
        while chosen.len() < max && looked_at < LOOKED_AT_MAX {
            match self.account_behind(&from).await? {
                Some(account) if is_round && !first.is_empty() && account > first => break,
                Some(account) => {
                    looked_at += 1 + self.due_of(&account, now_ms, max, under_way, &mut room, &mut chosen).await?;
                    from = account;
                }
                None if is_round => {
                    from.clear();
                    break;
                }
                None => {
                    from.clear();
                    is_round = true;
                }
            }
        }
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = from;
        let mut due = self.documents.load_entries::<Delivery>(BY_DUE, &chosen).await?;
        due.retain(|found| found.value.due_ms.is_some_and(|due_ms| due_ms <= now_ms));
        Ok(due)
    }

    /// The first account behind another that has deliveries.
    async fn account_behind(&self, account: &str) -> Result<Option<String>, Error> {
        let prefix = due_prefix(self.region.as_str());
        // Behind every instant.
        let last = [&prefix, account, ":", &instant(i64::MAX)].concat();
        let after = (!account.is_empty()).then(|| Entry { value: last, key: "".into() });
        let range = Range { index: BY_DUE, prefix, after, descending: false, limit: 1 };
        let found = self.documents.range(&range).await?;
        Ok(found.first().map(|entry| account_in(&entry.key).to_owned()))
    }

    /// Adds due deliveries of an account to `chosen`, and tells how many were looked at.
    async fn due_of(
        &self,
        account: &str,
        now_ms: i64,
        max: usize,
        under_way: &HashSet<Arc<str>>,
        room: &mut (impl FnMut(&str) -> Room + Send),
        chosen: &mut Vec<Entry>,
    ) -> Result<usize, Error> {
        let prefix = [&due_prefix(self.region.as_str()), account, ":"].concat();
        let end = prefix.clone() + &instant(now_ms);
        let (mut after, mut looked_at) = (None, 0);
        while looked_at < LOOKED_AT_OF_ACCOUNT_MAX {
            let range = Range { index: BY_DUE, prefix: prefix.clone(), after, descending: false, limit: STRETCH };
            let entries = self.documents.range(&range).await?;
            let whole = entries.len() == STRETCH;
            looked_at += entries.len();
            after = entries.last().cloned();
            for entry in entries {
                if entry.value > end || chosen.len() >= max {
                    return Ok(looked_at);
                }
                if under_way.contains(&entry.key) {
                    continue;
                }
                match room(&entry.key) {
                    Room::Yes => chosen.push(entry),
                    Room::ForOtherTargets => {}
                    Room::No => return Ok(looked_at),
                }
            }
            if !whole {
                break;
            }
        }
        Ok(looked_at)
    }

    /// Writes down how an attempt ended: forgets the delivery, or keeps it for the next attempt or as a dead letter. None
    /// when another server has had the work meanwhile: then it stands as that one left it.
    ///
    /// # Errors
    /// Faults of the store; the attempt is made again then.
    pub async fn settle(
        &self,
        delivery: &Loaded<Delivery>,
        ended: Result<(), Failure>,
    ) -> Result<Option<Settled>, Error> {
        let (mut batch, mut text) = (Batch::named("settle_event"), String::new());
        let settled = match ended {
            Ok(()) => {
                self.documents.delete(&mut batch, delivery);
                Settled::Delivered
            }
            Err(failure) => {
                let after = delivery.value.failed(&failure, self.clock.now());
                let settled = if after.dead_ms.is_some() { Settled::GivenUp } else { Settled::Failed };
                self.documents.put(&mut batch, Some(delivery), &Arc::new(after))?;
                text = failure.text;
                settled
            }
        };
        match self.documents.commit(batch).await {
            Err(Error::Conflict) => return Ok(None),
            done => done?,
        }
        if settled == Settled::GivenUp {
            let Delivery { rule_arn: rule, target, event_id: event, .. } = delivery.value.as_ref();
            warn!(rule, target = target.id, event, failure = text, "an event was not delivered, and is kept");
        }
        Ok(Some(settled))
    }

    /// Forgets deliveries that were given up long ago.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn forget_dead(&self, account: &str) -> Result<usize, Error> {
        let prefix = super::delivery::dead_prefix(account, self.region.as_str());
        let end = prefix.clone() + &instant(self.clock.now().plus_days(-DEAD_DAYS).millis());
        let range = Range { index: BY_DEAD, prefix, after: None, descending: false, limit: FORGOTTEN_MAX };
        let mut entries = self.documents.range(&range).await?;
        entries.retain(|entry| entry.value < end);
        let old = self.documents.load_entries::<Delivery>(BY_DEAD, &entries).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let mut batch = Batch::named("forget_dead_events");
        old.iter().for_each(|dead| self.documents.delete(&mut batch, dead));
        match self.documents.commit(batch).await {
            Err(Error::Conflict) => Ok(0),
            done => done.map(|()| old.len()),
        }
    }
}
