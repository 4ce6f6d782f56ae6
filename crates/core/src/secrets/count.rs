//! How many secrets an account has in a region, those that wait for deletion included.

use strongroom_store::Range;
use strongroom_types::{AccountId, Region};

use super::Secrets;
use super::model::{BY_NAME, place};
use crate::error::Error;

/// Index entries read at a time.
const PAGE: usize = 1000;

impl Secrets {
    /// How many there are. The cost grows with their number; others get their turn in between.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn count(&self, account: &AccountId, region: &Region) -> Result<u64, Error> {
        let prefix = place(account.as_str(), region.as_str());
        let mut range = Range { index: BY_NAME, prefix, after: None, descending: false, limit: PAGE };
        let mut count = 0;
        loop {
            let page = self.documents.range(&range).await?;
            count += u64::try_from(page.len()).unwrap_or(0);
            if page.len() < PAGE {
                return Ok(count);
            }
            range.after = page.into_iter().next_back();
            tokio::task::yield_now().await;
        }
    }
}
