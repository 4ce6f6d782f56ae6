//! Keeps points: what comes waits in memory, is written once a minute, is read across servers, and grows coarser with age.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_store::Batch;
use strongroom_types::{AccountId, Region, Timestamp};

use super::chunk::{Chunk, DAY_MS, HOUR_MS, Names, Tier, place, start_place, tier_place};
use super::metric::Series;
use super::set::Set;
use crate::documents::{Documents, Loaded, retry};
use crate::error::Error;

/// Series of an account and region, at most.
pub const SERIES_MAX: usize = 5000;
/// For how long a metric without new points is named, in ms: two weeks, as AWS says.
pub const NAMED_MS: i64 = 14 * DAY_MS;
/// How exactly it is known when a metric was seen last, in ms.
const SEEN_MS: i64 = 15 * 60_000;
/// Documents read at a time.
const PAGE: usize = 64;

/// What waits to be written: by account, and by instant and series.
type Waiting = HashMap<AccountId, BTreeMap<(i64, Series), Set>>;

/// Points that were read, by their instants in ms since 1970.
pub type Points = BTreeMap<i64, Set>;

/// Who keeps the points of one region's metrics.
pub struct Keeper {
    documents: Arc<Documents>,
    region: Region,
    node: String,
    resolution_ms: i64,
    waiting: Mutex<Waiting>,
    dropped: std::sync::atomic::AtomicU64,
}

/// A series that is wanted, and how long the stretches are that its points are taken together in.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The metric, and the unit; any unit, if none is wanted.
    pub series: Series,
    /// Whether values of other units count too.
    pub any_unit: bool,
    /// The length of a stretch, in ms.
    pub period_ms: i64,
}

impl Wanted {
    fn is(&self, series: &Series) -> bool {
        series.metric == self.series.metric && (self.any_unit || series.unit == self.series.unit)
    }
}

impl Keeper {
    /// The keeper of a server called `node`, with a point for each `resolution_ms`.
    #[must_use]
    pub fn new(documents: Arc<Documents>, region: Region, node: &str, resolution_ms: i64) -> Self {
        let (waiting, dropped) = (Mutex::default(), std::sync::atomic::AtomicU64::new(0));
        Self { documents, region, node: node.to_owned(), resolution_ms: resolution_ms.max(1000), waiting, dropped }
    }

    /// From one point to the next, in ms.
    #[must_use]
    pub fn resolution_ms(&self) -> i64 {
        self.resolution_ms
    }

    /// The beginning of the stretch that an instant lies in, in ms since 1970.
    #[must_use]
    pub fn slot(&self, at: Timestamp) -> i64 {
        at.millis() - at.millis().rem_euclid(self.resolution_ms)
    }

    fn place(&self, account: &AccountId) -> String {
        place(account.as_str(), self.region.as_str())
    }

    /// Adds values. They are written with the next flush. Beyond what may wait they are dropped, and counted.
    pub fn add(&self, account: &AccountId, series: Series, at: Timestamp, set: Set) {
        let slot = self.slot(at);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let of_account = waiting.entry(account.clone()).or_default();
        let full = of_account.len() >= 2 * SERIES_MAX;
        match of_account.get_mut(&(slot, series.clone())) {
            Some(known) => known.add(&set),
            None if full => {
                self.dropped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            None => drop(of_account.insert((slot, series), set)),
        }
    }

    /// Takes how many points were dropped because there were too many series.
    #[must_use]
    pub fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, std::sync::atomic::Ordering::Relaxed)
    }

    /// Whether values wait of a stretch that has ended: they came too late for the flush at its end, and alarms look at it
    /// soon.
    #[must_use]
    pub fn has_late(&self, now: Timestamp) -> bool {
        let slot = self.slot(now);
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().filter_map(|points| points.keys().next()).any(|(first, _)| *first < slot)
    }

    /// Writes what waits. What cannot be written waits on.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn flush(&self, now: Timestamp) -> Result<(), Error> {
        let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut outcome = Ok(());
        for (account, points) in taken {
            if let Err(error) = self.write(&account, &points, now).await {
                self.put_back(account, points);
                outcome = Err(error);
            }
        }
        outcome
    }

    /// The same of one account, for whoever waits for it: others' points may take longer.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn flush_of(&self, account: &AccountId, now: Timestamp) -> Result<(), Error> {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
        let Some(points) = taken else { return Ok(()) };
        let outcome = self.write(account, &points, now).await;
        if outcome.is_err() {
            self.put_back(account.clone(), points);
        }
        outcome
    }

    fn put_back(&self, account: AccountId, points: BTreeMap<(i64, Series), Set>) {
        for ((slot, series), set) in points {
            self.add(&account, series, Timestamp::from_millis(slot), set);
        }
    }

    /// Writes the points of an account at once.
    async fn write(
        &self,
        account: &AccountId,
        points: &BTreeMap<(i64, Series), Set>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let place = self.place(account);
        let _turn = self.documents.writer::<Names>(&place).await?;
        retry(|| async {
            let mut batch = Batch::named("put_metric_points");
            let names = self.documents.load::<Names>(place.clone()).await?;
            let seen = self.name(&mut batch, &place, names.as_ref(), points, now)?;
            let mut hours: BTreeMap<i64, Vec<(&Series, i64, &Set)>> = BTreeMap::new();
            for ((slot, series), set) in points {
                if seen.contains_key(series) {
                    hours.entry(slot - slot.rem_euclid(HOUR_MS)).or_default().push((series, *slot, set));
                } else {
                    self.dropped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
            for (start_ms, points) in hours {
                let key = Chunk::key_of(&place, Tier::Fine, start_ms, &self.node);
                let before = self.documents.load::<Chunk>(key).await?;
                let empty = || Chunk::new(&place, Tier::Fine, start_ms, &self.node);
                let mut after = before.as_ref().map_or_else(empty, |before| before.value.as_ref().clone());
                points.into_iter().for_each(|(series, slot, set)| after.add(series, slot, set));
                after.lighten();
                self.documents.put(&mut batch, before.as_ref(), &Arc::new(after))?;
            }
            if batch.puts.is_empty() { Ok(()) } else { self.documents.commit(batch).await }
        })
        .await
    }

    /// Names the metrics of new points. Gives those that are named then: beyond [`SERIES_MAX`], new ones are not.
    fn name(
        &self,
        batch: &mut Batch,
        place: &str,
        before: Option<&Loaded<Names>>,
        points: &BTreeMap<(i64, Series), Set>,
        now: Timestamp,
    ) -> Result<BTreeMap<Series, i64>, Error> {
        let known = before.map(|before| before.value.seen.clone()).unwrap_or_default();
        let mut seen = known.clone();
        for (slot, series) in points.keys() {
            let last = seen.get(series).copied();
            let is_old = last.is_none_or(|last| slot.saturating_sub(last) >= SEEN_MS);
            if is_old && (last.is_some() || seen.len() < SERIES_MAX) {
                seen.insert(series.clone(), *slot);
            }
        }
        if seen != known {
            seen.retain(|_, last| now.millis().saturating_sub(*last) < NAMED_MS + DAY_MS);
            let after = Names { place: place.to_owned(), seen: seen.clone() };
            self.documents.put(batch, before, &Arc::new(after))?;
        }
        Ok(seen)
    }

    /// The metrics of an account that had points within two weeks, and when last.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn names(&self, account: &AccountId, now: Timestamp) -> Result<BTreeMap<Series, i64>, Error> {
        let names = self.documents.load::<Names>(self.place(account)).await?;
        let mut seen = names.map(|names| names.value.seen.clone()).unwrap_or_default();
        seen.retain(|_, last| now.millis().saturating_sub(*last) < NAMED_MS);
        Ok(seen)
    }

    /// The points of each wanted series from one instant to before another. Points that are coarser than what is wanted
    /// are left out.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn read(
        &self,
        account: &AccountId,
        wanted: &[Wanted],
        (from_ms, until_ms): (i64, i64),
    ) -> Result<Vec<Points>, Error> {
        let mut found = vec![Points::new(); wanted.len()];
        let place = self.place(account);
        for tier in Tier::ALL {
            let point_ms = tier.point_ms(self.resolution_ms);
            if wanted.iter().all(|wanted| wanted.period_ms % point_ms != 0) {
                continue;
            }
            let first = from_ms - from_ms.rem_euclid(tier.span_ms());
            let mut after = start_place(&place, tier, first);
            loop {
                let prefix = tier_place(&place, tier);
                let page = self.documents.scan::<Chunk>(&prefix, Some(&after), PAGE).await?;
                for chunk in page.iter().filter(|chunk| chunk.value.start_ms < until_ms) {
                    gather(&chunk.value, wanted, point_ms, (from_ms, until_ms), &mut found);
                }
                match page.last() {
                    Some(last) if page.len() == PAGE && last.value.start_ms < until_ms => {
                        after = Chunk::key_of(&place, tier, last.value.start_ms, &last.value.node);
                    }
                    _ => break,
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(found)
    }

    /// Makes one account's old points coarser, and removes the oldest: a day at a time, at most `days_max` of them.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn grow_coarser(&self, account: &AccountId, now: Timestamp, days_max: usize) -> Result<(), Error> {
        let place = self.place(account);
        for tier in Tier::ALL {
            for _ in 0..days_max {
                let oldest = self.documents.scan::<Chunk>(&tier_place(&place, tier), None, 1).await?;
                let Some(start_ms) = oldest.first().map(|oldest| oldest.value.start_ms) else { break };
                let day = start_ms - start_ms.rem_euclid(DAY_MS);
                if now.millis() < day.saturating_add(DAY_MS).saturating_add(tier.kept_ms()) {
                    break;
                }
                self.move_day(&place, tier, day).await?;
            }
        }
        Ok(())
    }

    /// Moves the points of a day from one tier to the next, in one commit, so that none is counted twice.
    async fn move_day(&self, place: &str, tier: Tier, day: i64) -> Result<(), Error> {
        let _turn = self.documents.writer::<Names>(place).await?;
        let mut batch = Batch::named("coarsen_metric_points");
        let next = tier.next();
        let key = next.map(|next| Chunk::key_of(place, next, day, ""));
        let before = match key {
            Some(key) => self.documents.load::<Chunk>(key).await?,
            None => None,
        };
        let mut merged = next.map(|next| match &before {
            Some(before) => before.value.as_ref().clone(),
            None => Chunk::new(place, next, day, ""),
        });
        let mut after = start_place(place, tier, day);
        'pages: loop {
            let page = self.documents.scan::<Chunk>(&tier_place(place, tier), Some(&after), PAGE).await?;
            for old in &page {
                if old.value.start_ms >= day + DAY_MS {
                    break 'pages;
                }
                if let (Some(merged), Some(next)) = (&mut merged, next) {
                    take_in(merged, &old.value, next.point_ms(self.resolution_ms));
                }
                self.documents.delete(&mut batch, old);
            }
            match page.last() {
                Some(last) if page.len() == PAGE => {
                    after = Chunk::key_of(place, tier, last.value.start_ms, &last.value.node);
                }
                _ => break,
            }
        }
        if let Some(merged) = merged {
            self.documents.put(&mut batch, before.as_ref(), &Arc::new(merged))?;
        }
        match self.documents.commit(batch).await {
            // Another server did it.
            Err(Error::Conflict) => Ok(()),
            other => other,
        }
    }
}

/// Takes the points of a finer chunk into a coarser one.
fn take_in(merged: &mut Chunk, old: &Chunk, point_ms: i64) {
    for (series, points) in &old.series {
        for (second, set) in points {
            let at = old.start_ms + i64::from(*second) * 1000;
            merged.add(series, at - at.rem_euclid(point_ms), set);
        }
    }
}

fn gather(chunk: &Chunk, wanted: &[Wanted], point_ms: i64, (from_ms, until_ms): (i64, i64), found: &mut [Points]) {
    for (wanted, found) in wanted.iter().zip(found).filter(|(wanted, _)| wanted.period_ms % point_ms == 0) {
        for series in chunk.series.keys().filter(|series| wanted.is(series)) {
            for (at, set) in chunk.points(series).filter(|(at, _)| (from_ms..until_ms).contains(at)) {
                match found.get_mut(&at) {
                    Some(known) => known.add(set),
                    None => drop(found.insert(at, set.clone())),
                }
            }
        }
    }
}
