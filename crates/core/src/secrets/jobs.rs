//! Background work on secrets that no caller waits for.

use std::sync::Arc;

use strongroom_store::Batch;

use super::Secrets;
use super::access_days::{self, Pending};
use super::model::Secret;
use crate::documents::retry;
use crate::error::Error;

impl Secrets {
    /// Writes down the days of last access that were noted since the last run. Returns how many secrets changed.
    ///
    /// Not a change by anybody: neither LastChangedDate nor the trail knows of it.
    ///
    /// # Errors
    /// Faults of the store; what was noted and not written is lost.
    pub async fn flush_access_days(&self) -> Result<usize, Error> {
        let pending: Pending = self.access_days.take();
        let mut written = 0;
        for (key, days) in pending {
            let _writer = self.documents.writer::<Secret>(&key).await?;
            let changed = retry(|| async {
                let Some(before) = self.documents.load::<Secret>(key.as_str()).await? else { return Ok(false) };
                let mut after = Secret::clone(&before.value);
                if !access_days::apply(&mut after, &days) {
                    return Ok(false);
                }
                let mut batch = Batch::named("flush_access_days");
                self.documents.put(&mut batch, Some(&before), &Arc::new(after))?;
                self.documents.commit(batch).await?;
                Ok(true)
            })
            .await?;
            written += usize::from(changed);
        }
        Ok(written)
    }
}
