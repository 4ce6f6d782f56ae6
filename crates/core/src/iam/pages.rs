//! Pages of IAM's lists: `MaxItems`, `Marker`, `IsTruncated`.

use std::sync::Arc;

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
/// Longest value of an index, or place in a list, that stands whole in a marker, in bytes. A marker of IAM has 320
/// characters at most, and it is sealed; paths, ARNs and keys of tags may be longer.
const WHOLE_BYTES_MAX: usize = 100;

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

/// The place of a document in an index, for a marker. A long value is left out: the key leads to it.
pub(super) fn place_in_index(value: &str, key: &str) -> String {
    let value = if value.len() > WHOLE_BYTES_MAX { "" } else { value };
    format!("{value}{JOINT}{key}")
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
        let prefix = path_value(account, prefix);
        let after = match marker {
            None => None,
            Some(marker) => {
                let place = page::open(&self.documents, &query, marker).map_err(|_| refusals::invalid_marker())?;
                let entry = self.entry_of::<T>(index, &prefix, &place).await?;
                Some(entry.ok_or_else(refusals::invalid_marker)?)
            }
        };
        let limit = limit(max_items);
        let range = Range { index, prefix, after, descending: false, limit: limit + 1 };
        let mut entries = self.documents.range(&range).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let marker = match entries.last().filter(|_| more) {
            Some(last) => Some(page::seal(&self.documents, &query, &place_in_index(&last.value, &last.key))?),
            None => None,
        };
        Ok(Page { items: self.documents.load_entries::<T>(index, &entries).await?, marker })
    }

    /// The entry of a place in an index; nothing when it is none, or a document that is gone has to tell its value.
    pub(super) async fn entry_of<T: Document>(
        &self,
        index: Index,
        prefix: &str,
        place: &str,
    ) -> Result<Option<Entry>, Error> {
        let Some((value, key)) = place.split_once(JOINT) else { return Ok(None) };
        let key: Arc<str> = key.into();
        if !value.is_empty() {
            return Ok(Some(Entry { value: value.to_owned(), key }));
        }
        let found = self.documents.load_many::<T>(&[Arc::clone(&key)]).await?;
        let terms = found.iter().flat_map(|found| found.value.terms());
        let value = terms.into_iter().find(|term| term.index == index && term.value.starts_with(prefix));
        Ok(value.map(|term| Entry { value: term.value, key }))
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
        let places: Vec<String> = items.iter().map(&place).collect();
        let mut kept: Vec<usize> = match marker {
            None => (0..places.len()).collect(),
            Some(marker) => {
                let after = page::open(&self.documents, query, marker).map_err(|_| refusals::invalid_marker())?;
                behind(&places, &after)
            }
        };
        let limit = limit(max_items);
        let more = kept.len() > limit;
        kept.truncate(limit);
        let marker = match kept.last().filter(|_| more) {
            Some(last) => Some(page::seal(&self.documents, query, &place_in_list(&places, *last))?),
            None => None,
        };
        let mut kept = kept.into_iter().peekable();
        let on_page = items.into_iter().enumerate().filter(|(at, _)| kept.next_if_eq(at).is_some());
        Ok(Page { items: on_page.map(|(_, item)| item).collect(), marker })
    }
}

/// Which items of a list stand behind a place. What stood there may be gone: then the list goes on behind where it would
/// stand if it is sorted, and from the beginning if not.
fn behind(places: &[String], after: &str) -> Vec<usize> {
    let (text, found) = match after.split_once(JOINT) {
        None => (after, places.iter().position(|place| place == after)),
        Some((start, number)) => {
            let alike = places.iter().enumerate().filter(|(_, place)| is_cut_to(place, start));
            let number: usize = number.parse().unwrap_or_default();
            (start, alike.map(|(at, _)| at).nth(number.saturating_sub(1)))
        }
    };
    match found {
        Some(at) => (at + 1..places.len()).collect(),
        None => (0..places.len()).filter(|at| places.get(*at).is_some_and(|place| place.as_str() > text)).collect(),
    }
}

/// A place in a list, for a marker. Of a long one there is the beginning, with the how manieth it is of those that begin
/// alike.
fn place_in_list(places: &[String], at: usize) -> String {
    let Some(place) = places.get(at) else { return String::new() };
    if place.len() <= WHOLE_BYTES_MAX {
        return place.clone();
    }
    let start = cut(place);
    let number = places.iter().take(at + 1).filter(|place| is_cut_to(place, start)).count();
    format!("{start}{JOINT}{number}")
}

fn cut(place: &str) -> &str {
    place.get(..place.floor_char_boundary(WHOLE_BYTES_MAX)).unwrap_or_default()
}

fn is_cut_to(place: &str, start: &str) -> bool {
    place.len() > WHOLE_BYTES_MAX && cut(place) == start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_on_whether_short_or_long() {
        let long = "ä".repeat(WHOLE_BYTES_MAX);
        let places: Vec<String> = ["a".to_owned(), format!("{long}1"), format!("{long}2"), "b".to_owned()].into();
        for at in 0..places.len() {
            let place = place_in_list(&places, at);
            assert!(place.len() <= WHOLE_BYTES_MAX + 4, "{place}");
            assert_eq!(behind(&places, &place), (at + 1..places.len()).collect::<Vec<_>>(), "{at}");
        }
    }

    #[test]
    fn what_is_gone_leads_to_where_it_stood() {
        let places: Vec<String> = ["a", "c"].map(ToOwned::to_owned).into();
        assert_eq!(behind(&places, "b"), [1]);
        assert_eq!(behind(&places, &format!("b{JOINT}7")), [1]);
        assert_eq!(place_in_index(&"x".repeat(WHOLE_BYTES_MAX + 1), "key"), format!("{JOINT}key"));
        assert_eq!(place_in_index("x", "key"), format!("x{JOINT}key"));
    }
}
