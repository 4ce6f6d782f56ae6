//! Pages of IAM's lists: `MaxItems`, `Marker`, `IsTruncated`.

use strongroom_store::{Entry, Index, Range};

use super::{Iam, refusals};
use crate::documents::{Document, Loaded};
use crate::error::Error;
use crate::identities::entity::path_value;
use crate::page;

/// Entries on a page when the caller does not say (IAM's API reference).
pub(super) const PAGE_DEFAULT: usize = 100;
/// What joins the parts of a place within an index: no value of an index has it.
pub(super) const JOINT: char = '\u{1}';

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// Where the next one goes on; none when this is the last.
    pub(super) marker: Option<String>,
}

impl<T> Page<T> {
    /// Whether there are more.
    pub(super) fn is_truncated(&self) -> Option<bool> {
        Some(self.marker.is_some())
    }

    /// The page with everything on it turned into something else.
    pub(super) fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(turn).collect(), marker: self.marker }
    }
}

/// How many entries a page may have.
pub(super) fn limit(max_items: Option<i32>) -> usize {
    max_items.and_then(|max| usize::try_from(max).ok()).map_or(PAGE_DEFAULT, |max| max.clamp(1, 1000))
}

impl Iam {
    /// A page of the documents whose value in `index` begins with the account and `prefix`, in the index's order.
    ///
    /// # Errors
    /// ValidationError for a marker that is none of this list.
    pub(super) async fn page<T: Document>(
        &self,
        operation: &str,
        account: &str,
        index: Index,
        prefix: &str,
        max_items: Option<i32>,
        marker: Option<&str>,
    ) -> Result<Page<Loaded<T>>, Error> {
        let query = page::Query::new(operation).part(account).part(prefix);
        let after = marker.map(|marker| self.entry_of(&query, marker)).transpose()?;
        let limit = limit(max_items);
        let range = Range { index, prefix: path_value(account, prefix), after, descending: false, limit: limit + 1 };
        let mut entries = self.documents.range(&range).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let marker = match entries.last().filter(|_| more) {
            Some(last) => Some(page::seal(&self.documents, &query, &format!("{}{JOINT}{}", last.value, last.key))?),
            None => None,
        };
        let keys: Vec<_> = entries.into_iter().map(|entry| entry.key).collect();
        Ok(Page { items: self.documents.load_many::<T>(&keys).await?, marker })
    }

    fn entry_of(&self, query: &page::Query, marker: &str) -> Result<Entry, Error> {
        let place = page::open(&self.documents, query, marker).map_err(|_| refusals::invalid_marker())?;
        let (value, key) = place.split_once(JOINT).ok_or_else(refusals::invalid_marker)?;
        Ok(Entry { value: value.to_owned(), key: key.into() })
    }

    /// How many entries of an index begin with the account and `prefix`, counted up to `max`.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn count_under(
        &self,
        account: &str,
        index: Index,
        prefix: &str,
        max: usize,
    ) -> Result<usize, Error> {
        let range = Range { index, prefix: path_value(account, prefix), after: None, descending: false, limit: max };
        Ok(self.documents.range(&range).await?.len())
    }

    /// A page of a list that stands in one document, in the order given. `place` tells each item's place.
    ///
    /// # Errors
    /// ValidationError for a marker that is none of this list.
    pub(super) fn page_of<T>(
        &self,
        query: &page::Query,
        items: Vec<T>,
        place: impl Fn(&T) -> String,
        max_items: Option<i32>,
        marker: Option<&str>,
    ) -> Result<Page<T>, Error> {
        let mut items = items;
        if let Some(marker) = marker {
            let after = page::open(&self.documents, query, marker).map_err(|_| refusals::invalid_marker())?;
            // What stood there may be gone: then the list goes on behind where it would stand if it is sorted, and
            // from the beginning if not.
            if let Some(at) = items.iter().position(|item| place(item) == after) {
                items.drain(..=at);
            } else {
                items.retain(|item| place(item) > after);
            }
        }
        let limit = limit(max_items);
        let more = items.len() > limit;
        items.truncate(limit);
        let marker = match items.last().filter(|_| more) {
            Some(last) => Some(page::seal(&self.documents, query, &place(last))?),
            None => None,
        };
        Ok(Page { items, marker })
    }
}
