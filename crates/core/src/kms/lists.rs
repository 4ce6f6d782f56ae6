//! ListKeys, and pages of lists whose places are at hand.

use std::sync::Arc;

use strongroom_wire::kms::{KeyListEntry, ListKeysRequest, ListKeysResponse, ResourceOwnerType};

use super::key::Key;
use super::{Kms, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::Document;
use crate::error::Error;
use crate::page;

/// Keys on a page when the caller does not say (KMS's API reference).
const KEYS_DEFAULT: usize = 100;

/// Documents that are looked at at once, at least: few of them may be wanted.
const SCANNED: usize = 100;

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

    /// The page behind `marker` of the documents whose keys begin with `prefix`, those that are wanted, and the marker of
    /// the next one.
    ///
    /// # Errors
    /// InvalidMarkerException for a marker that is none of this list.
    pub(super) async fn listed<T: Document>(
        &self,
        query: &page::Query,
        prefix: &str,
        marker: Option<String>,
        limit: usize,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<(Vec<Arc<T>>, Option<String>), Error> {
        let at_once = limit.max(SCANNED) + 1;
        let mut after = self.place_of(query, marker)?;
        let mut shown: Vec<Arc<T>> = Vec::new();
        loop {
            let found = self.documents.scan::<T>(prefix, after.as_deref(), at_once).await?;
            let more = found.len() == at_once;
            after = found.last().map(|last| last.value.key()).or(after);
            shown.extend(found.into_iter().map(|loaded| loaded.value).filter(|document| wanted(document)));
            if shown.len() > limit || !more {
                break;
            }
        }
        let more = shown.len() > limit;
        shown.truncate(limit);
        let last = shown.last().filter(|_| more);
        let next = last.map(|last| page::seal(&self.documents, query, &last.key())).transpose()?;
        Ok((shown, next))
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
        let there = |key: &Key| !key.is_due(cx.now);
        let (shown, next_marker) = self.listed(&query, &prefix, input.marker, limit, there).await?;
        let entry = |key: &Arc<Key>| KeyListEntry { key_id: Some(key.key_id.clone()), key_arn: Some(key.arn()) };
        Ok(ListKeysResponse {
            keys: Some(shown.iter().map(entry).collect()),
            truncated: Some(next_marker.is_some()),
            next_marker,
        })
    }
}
