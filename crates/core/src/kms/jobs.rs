//! Background work on keys that no caller waits for: ends of waiting periods, automatic rotations.

use std::sync::Arc;

use strongroom_store::{Batch, Index, Range};
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

impl Kms {
    /// Deletes keys whose waiting period is over, with their aliases and grants; gives new material to keys whose time has
    /// come; deletes imported material that has expired; each at most `max` at a time. Returns how many keys changed.
    ///
    /// # Errors
    /// Faults of the store or the root of trust.
    pub async fn do_due_work(&self, now: Timestamp, max: usize) -> Result<usize, Error> {
        let mut changed = 0;
        for key in self.due(BY_PURGE, now, max).await? {
            changed += usize::from(self.delete_due(&key, now).await?);
        }
        for key in self.due(BY_ROTATION, now, max).await? {
            changed += usize::from(self.rotate_due(&key, now).await?);
        }
        for key in self.due(BY_EXPIRY, now, max).await? {
            changed += usize::from(self.forget_expired(&key, now).await?);
        }
        Ok(changed)
    }

    /// The keys of documents whose instant in an index is not later than now, the earliest first.
    async fn due(&self, index: Index, now: Timestamp, max: usize) -> Result<Vec<Arc<str>>, Error> {
        let range = Range { index, prefix: String::new(), after: None, descending: false, limit: max };
        let end = instant(now.millis());
        let entries = self.documents.range(&range).await?;
        Ok(entries.into_iter().take_while(|entry| entry.value <= end).map(|entry| entry.key).collect())
    }

    async fn delete_due(&self, place: &Arc<str>, now: Timestamp) -> Result<bool, Error> {
        let _turn = self.documents.writer::<Key>(place).await?;
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
            for material in after.materials.iter_mut().filter(|material| material.expires_ms.is_some()) {
                forgotten |= !material.is_usable(now) && material.forget();
            }
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
