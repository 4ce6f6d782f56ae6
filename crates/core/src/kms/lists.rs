//! ListKeys, and pages of lists whose places are at hand.

use strongroom_wire::kms::{KeyListEntry, ListKeysRequest, ListKeysResponse, ResourceOwnerType};

use super::key::Key;
use super::{Kms, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::page;

/// Keys on a page when the caller does not say (KMS's API reference).
const KEYS_DEFAULT: usize = 100;

/// A part of a list.
pub(super) struct Page {
    /// The places on it, in order.
    pub(super) items: Vec<String>,
    /// The marker of the next one; none when this is the last.
    pub(super) next: Option<String>,
}

/// How many entries a page may have.
pub(super) fn limit(asked: Option<i32>, default: usize) -> usize {
    asked.and_then(|limit| usize::try_from(limit).ok()).map_or(default, |limit| limit.clamp(1, 1000))
}

impl Kms {
    /// The page of `places`, which are sorted, behind `marker`.
    ///
    /// # Errors
    /// InvalidMarkerException for a marker that is none of this list.
    pub(super) fn page_of(
        &self,
        operation: &str,
        of: &str,
        places: Vec<String>,
        asked: Option<i32>,
        default: usize,
        marker: Option<String>,
    ) -> Result<Page, Error> {
        let limit = limit(asked, default);
        let query = page::Query::new(operation).part(of);
        let after = self.place_of(&query, marker)?;
        let mut items: Vec<String> = places
            .into_iter()
            .filter(|place| after.as_ref().is_none_or(|after| place > after))
            .take(limit + 1)
            .collect();
        let next = self.cut(&query, &mut items, limit)?;
        Ok(Page { items, next })
    }

    /// The place behind which a page begins.
    pub(super) fn place_of(&self, query: &page::Query, marker: Option<String>) -> Result<Option<String>, Error> {
        let open = |marker: String| page::open(&self.documents, query, &marker);
        marker.map(open).transpose().map_err(|_| refusals::invalid_marker())
    }

    /// Cuts what does not fit on the page and gives the marker for it.
    pub(super) fn cut(
        &self,
        query: &page::Query,
        items: &mut Vec<String>,
        limit: usize,
    ) -> Result<Option<String>, Error> {
        let more = items.len() > limit;
        items.truncate(limit);
        items.last().filter(|_| more).map(|last| page::seal(&self.documents, query, last)).transpose()
    }

    /// The keys of the caller's account in this region.
    ///
    /// # Errors
    /// InvalidMarkerException.
    pub async fn list_keys(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListKeysRequest,
    ) -> Result<ListKeysResponse, Error> {
        // No other account's keys are shared here as AWS's Resource Access Manager shares them.
        if input.resource_owners.is_some_and(|owners| !owners.contains(&ResourceOwnerType::SelfValue)) {
            return Ok(ListKeysResponse { keys: Some(Vec::new()), truncated: Some(false), next_marker: None });
        }
        let limit = limit(input.limit, KEYS_DEFAULT);
        let prefix = [cx.caller.account.as_str(), ":", cx.region.as_str(), ":"].concat();
        let query = page::Query::new("ListKeys").part(&prefix);
        let mut after = self.place_of(&query, input.marker)?.map(|id| [&prefix, id.as_str()].concat());
        let mut keys: Vec<Key> = Vec::new();
        loop {
            let found = self.documents.scan::<Key>(&prefix, after.as_deref(), limit + 1).await?;
            let whole = found.len() > limit;
            after = found.last().map(|last| crate::documents::Document::key(last.value.as_ref()));
            let there = found.into_iter().filter(|key| !key.value.is_due(cx.now));
            keys.extend(there.map(|key| Key::clone(&key.value)));
            if keys.len() > limit || !whole {
                break;
            }
        }
        let mut ids: Vec<String> = keys.iter().map(|key| key.key_id.clone()).take(limit + 1).collect();
        let next_marker = self.cut(&query, &mut ids, limit)?;
        let shown = keys.iter().take(ids.len());
        let entry = |key: &Key| KeyListEntry { key_id: Some(key.key_id.clone()), key_arn: Some(key.arn()) };
        Ok(ListKeysResponse {
            keys: Some(shown.map(entry).collect()),
            truncated: Some(next_marker.is_some()),
            next_marker,
        })
    }
}
