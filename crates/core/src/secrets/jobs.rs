//! Background work on secrets that no caller waits for.

use std::sync::Arc;

use strongroom_store::Batch;

use super::Secrets;
use super::access_days::{self, Days};
use super::model::Secret;
use crate::documents::{Document, Loaded, retry};
use crate::error::Error;

/// Secrets whose days are written with one commit.
const WRITTEN_TOGETHER_MAX: usize = 100;

impl Secrets {
    /// Writes down the days of last access that were noted since the last run. Returns how many secrets changed.
    ///
    /// Not a change by anybody: neither LastChangedDate nor the trail knows of it.
    ///
    /// # Errors
    /// Faults of the store; what was not written is noted again for the next run.
    pub async fn flush_access_days(&self) -> Result<usize, Error> {
        let mut pending: Vec<(Arc<str>, Days)> =
            self.access_days.take().into_iter().map(|(key, days)| (key.into(), days)).collect();
        pending.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut written = 0;
        while !pending.is_empty() {
            let some = pending.split_off(pending.len().saturating_sub(WRITTEN_TOGETHER_MAX));
            match self.write_days(&some).await {
                Ok(changed) => written += changed,
                Err(error) => {
                    self.access_days.put_back(pending.into_iter().chain(some));
                    return Err(error);
                }
            }
        }
        Ok(written)
    }

    /// Writes the days of some secrets with one commit or, when one of them is changed meanwhile, one by one.
    async fn write_days(&self, some: &[(Arc<str>, Days)]) -> Result<usize, Error> {
        let keys: Vec<Arc<str>> = some.iter().map(|(key, _)| Arc::clone(key)).collect();
        let mut batch = Batch::named("flush_access_days");
        let mut changed = 0;
        for before in self.documents.load_many::<Secret>(&keys).await? {
            let key = before.value.key();
            let days = some.iter().find(|(of, _)| **of == *key).map(|(_, days)| days);
            changed += usize::from(self.add_days(&mut batch, &before, days)?);
        }
        if changed == 0 {
            return Ok(0);
        }
        match self.documents.commit(batch).await {
            Err(Error::Conflict) => {}
            done => return done.map(|()| changed),
        }
        let mut changed = 0;
        for (key, days) in some {
            changed += usize::from(self.write_days_of_one(key, days).await?);
        }
        Ok(changed)
    }

    async fn write_days_of_one(&self, key: &Arc<str>, days: &Days) -> Result<bool, Error> {
        let _writer = self.documents.writer::<Secret>(key).await?;
        retry(|| async {
            let Some(before) = self.documents.load::<Secret>(Arc::clone(key)).await? else { return Ok(false) };
            let mut batch = Batch::named("flush_access_days");
            if !self.add_days(&mut batch, &before, Some(days))? {
                return Ok(false);
            }
            self.documents.commit(batch).await?;
            Ok(true)
        })
        .await
    }

    /// Adds to `batch` what writes `days` into a secret, if they change it.
    fn add_days(&self, batch: &mut Batch, before: &Loaded<Secret>, days: Option<&Days>) -> Result<bool, Error> {
        let mut after = Secret::clone(&before.value);
        if !days.is_some_and(|days| access_days::apply(&mut after, days)) {
            return Ok(false);
        }
        self.documents.put(batch, Some(before), &Arc::new(after))?;
        Ok(true)
    }
}
