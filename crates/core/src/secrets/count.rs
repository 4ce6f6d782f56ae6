//! How many secrets there are: what CloudWatch's ResourceCount tells of them.

use strongroom_store::{Index, Range};
use strongroom_types::{AccountId, Region};

use super::Secrets;
use super::model::{BY_NAME, BY_PURGE, place};
use crate::error::Error;

/// Entries that are read at once.
const STRETCH: usize = 1000;

/// How many secrets an account has in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecretCount {
    /// All of them, those that are scheduled for deletion included.
    pub all: u64,
    /// Those that are scheduled for deletion.
    pub deleted: u64,
}

impl Secrets {
    /// Counts an account's secrets in a region by its index, a thousand at once. Takes time that grows with their number.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn count(&self, account: &AccountId, region: &Region) -> Result<SecretCount, Error> {
        let place = place(account.as_str(), region.as_str());
        let (all, deleted) = (self.entries(BY_NAME, &place).await?, self.entries(BY_PURGE, &place).await?);
        Ok(SecretCount { all, deleted })
    }

    async fn entries(&self, index: Index, prefix: &str) -> Result<u64, Error> {
        let (mut count, mut after) = (0, None);
        loop {
            let range = Range { index, prefix: prefix.to_owned(), after, descending: false, limit: STRETCH };
            let entries = self.documents.range(&range).await?;
            count += u64::try_from(entries.len()).unwrap_or(u64::MAX);
            if entries.len() < STRETCH {
                return Ok(count);
            }
            after = entries.last().cloned();
        }
    }
}
