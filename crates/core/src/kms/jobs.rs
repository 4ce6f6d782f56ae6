//! Background work on keys that no caller waits for: ends of waiting periods, automatic rotations.

use std::sync::Arc;

use strongroom_store::{Batch, Entry, Index, Range};
use strongroom_types::Timestamp;

use super::Kms;
use super::alias::{self, Alias};
use super::grant::{self, Grant};
use super::key::{BY_EXPIRY, BY_PURGE, BY_ROTATION, Key, RotatedBy, Rotation, Standing, instant};
use super::states::DAY_MS;
use crate::documents::{Loaded, retry};
use crate::error::Error;

/// Grants that are removed with one commit.
const TOGETHER_MAX: usize = 500;
/// Entries of an index that are read at once.
const STRETCH: usize = 200;

/// What a round of work has done so far.
#[derive(Default)]
struct Round {
    /// Keys that were changed.
    changed: usize,
    /// The first fault.
    fault: Option<Error>,
}

impl Round {
    fn fail(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }
}

impl Kms {
    /// Deletes keys whose waiting period is over, with their aliases and grants; deletes imported material that has
    /// expired; gives new material to keys whose time has come; each at most `max` at a time. Returns how many keys
    /// changed. What fails for one key ends the work on no other.
    ///
    /// # Errors
    /// The first of the faults of the store or the root of trust.
    pub async fn do_due_work(&self, now: Timestamp, max: usize) -> Result<usize, Error> {
        let mut round = Round::default();
        // Rotation is the last, as it alone needs the root of trust.
        for index in [BY_PURGE, BY_EXPIRY, BY_ROTATION] {
            self.work_on(index, now, max, &mut round).await;
        }
        round.fault.map_or(Ok(round.changed), Err)
    }

    /// Works on the keys whose instant in an index is not later than now, the earliest first, until `max` of them have
    /// changed. Those that fail or have nothing to be done are passed by, so that none waits behind them.
    async fn work_on(&self, index: Index, now: Timestamp, max: usize, round: &mut Round) {
        let (end, mut changed, mut after) = (instant(now.millis()), 0, None::<Entry>);
        while changed < max {
            let range = Range { index, prefix: String::new(), after, descending: false, limit: STRETCH };
            let entries = match self.documents.range(&range).await {
                Ok(entries) => entries,
                Err(error) => return round.fail(error),
            };
            after = entries.last().cloned();
            let due: Vec<Entry> = entries.into_iter().take_while(|entry| entry.value <= end).collect();
            for entry in &due {
                if changed == max {
                    return;
                }
                let done = match index {
                    BY_PURGE => self.delete_due(&entry.key, now).await,
                    BY_EXPIRY => self.forget_expired(&entry.key, now).await,
                    _ => self.rotate_due(&entry.key, now).await,
                };
                match done {
                    Ok(is_changed) => {
                        changed += usize::from(is_changed);
                        round.changed += usize::from(is_changed);
                    }
                    Err(error) => round.fail(error),
                }
            }
            if due.len() < STRETCH {
                return;
            }
        }
    }

    async fn delete_due(&self, place: &Arc<str>, now: Timestamp) -> Result<bool, Error> {
        let _turn = self.documents.writer::<Key>(place).await?;
        retry(|| self.delete_once(place, now)).await
    }

    async fn delete_once(&self, place: &Arc<str>, now: Timestamp) -> Result<bool, Error> {
        let Some(key) = self.documents.load::<Key>(Arc::clone(place)).await? else { return Ok(false) };
        if !key.value.is_due(now) {
            return Ok(false);
        }
        let prefix = grant::prefix_of(&key.value.account, &key.value.region, &key.value.key_id);
        loop {
            let grants = self.documents.scan::<Grant>(&prefix, None, TOGETHER_MAX).await?;
            if grants.is_empty() {
                break;
            }
            let mut batch = Batch::named("delete_grants_of_key");
            grants.iter().for_each(|grant| self.documents.delete(&mut batch, grant));
            self.documents.commit(batch).await?;
        }
        let mut batch = Batch::named("delete_key");
        for name in &key.value.aliases {
            let place = alias::document_key(&key.value.account, &key.value.region, name);
            if let Some(alias) = self.documents.load::<Alias>(place).await? {
                self.documents.delete(&mut batch, &alias);
            }
        }
        self.documents.delete(&mut batch, &key);
        self.documents.commit(batch).await?;
        Ok(true)
    }

    async fn rotate_due(&self, place: &Arc<str>, now: Timestamp) -> Result<bool, Error> {
        let _turn = self.documents.writer::<Key>(place).await?;
        retry(|| async {
            let Some(before) = self.documents.load::<Key>(Arc::clone(place)).await? else { return Ok(false) };
            let Some(after) = self.rotated(&before, now)? else { return Ok(false) };
            let mut batch = Batch::named("rotate_key");
            self.documents.put(&mut batch, Some(&before), &Arc::new(after))?;
            self.documents.commit(batch).await?;
            Ok(true)
        })
        .await
    }

    async fn forget_expired(&self, place: &Arc<str>, now: Timestamp) -> Result<bool, Error> {
        let _turn = self.documents.writer::<Key>(place).await?;
        retry(|| async {
            let Some(before) = self.documents.load::<Key>(Arc::clone(place)).await? else { return Ok(false) };
            let mut after = Key::clone(&before.value);
            let mut forgotten = false;
            for material in &mut after.materials {
                forgotten |= !material.is_usable(now) && material.forget();
            }
            // What never was in use needs no id to be known again by.
            forgotten |= after.pending.take_if(|material| !material.is_usable(now)).is_some();
            if forgotten {
                let mut batch = Batch::named("expire_key_material");
                self.documents.put(&mut batch, Some(&before), &Arc::new(after))?;
                self.documents.commit(batch).await?;
            }
            Ok(forgotten)
        })
        .await
    }

    /// The key with new material, if its time has come. A disabled key does not rotate; once it is enabled again, it
    /// does at once, as the guide has it.
    fn rotated(&self, before: &Loaded<Key>, now: Timestamp) -> Result<Option<Key>, Error> {
        let mut after = Key::clone(&before.value);
        let due = after.rotation.filter(|rotation| rotation.next_ms <= now.millis());
        let Some(Rotation { period_days, .. }) = due.filter(|_| after.standing == Standing::Enabled) else {
            return Ok(None);
        };
        self.rotate(&mut after, RotatedBy::Period, now)?;
        let next_ms = now.millis().saturating_add(i64::from(period_days) * DAY_MS);
        after.rotation = Some(Rotation { period_days, next_ms });
        Ok(Some(after))
    }
}
