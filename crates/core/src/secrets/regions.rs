//! Which regions hold secrets: a server shows those of its own alone.

use strongroom_types::{AccountId, Region};

use super::Secrets;
use super::model::{Secret, place};
use crate::documents::{Document as _, Documents};
use crate::error::Error;

impl Secrets {
    /// The regions in which an account has secrets.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn regions(&self, account: &AccountId) -> Result<Vec<Region>, Error> {
        regions_of(&self.documents, account).await
    }
}

/// The regions in which an account has secrets. One query for each: the keys of a region lie together, and the next query
/// begins behind them.
///
/// # Errors
/// Faults of the store.
pub async fn regions_of(documents: &Documents, account: &AccountId) -> Result<Vec<Region>, Error> {
    let prefix = format!("{account}:");
    let (mut regions, mut behind) = (Vec::new(), None::<String>);
    loop {
        let page = documents.store().scan(Secret::KIND, &prefix, behind.as_deref(), 1).await?;
        let Some(row) = page.first() else { return Ok(regions) };
        let name = row.key.key.strip_prefix(&prefix).and_then(|rest| rest.split_once(':'));
        let (name, _) = name.ok_or(Error::Internal("the key of a secret does not read".into()))?;
        regions.push(Region::parse(name).map_err(|error| Error::internal(error.to_string()))?);
        let mut place = place(account.as_str(), name);
        // The colon behind the region's name gives way to the letter behind the colon: no key of the region is
        // as great, and none of another region lies between.
        place.pop();
        place.push(';');
        behind = Some(place);
    }
}
