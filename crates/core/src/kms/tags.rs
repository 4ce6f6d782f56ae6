//! Tags of keys.

use strongroom_wire::kms::{
    ListResourceTagsRequest, ListResourceTagsResponse, Tag, TagResourceRequest, UntagResourceRequest,
};

use super::states::not_pending_deletion;
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Tags of a key, at most (KMS's quotas).
const TAGS_MAX: usize = 50;
/// Tags on a page when the caller does not say (KMS's API reference).
const PAGE_DEFAULT: usize = 50;

/// `tags` with `added`, which replace those of the same key.
///
/// # Errors
/// TagException for doubled keys, keys that differ in case alone (which AWS allows), keys reserved for AWS, and too many.
pub(super) fn checked(mut tags: Vec<(String, String)>, added: Vec<Tag>) -> Result<Vec<(String, String)>, Error> {
    let mut seen = std::collections::BTreeSet::new();
    for Tag { tag_key, tag_value } in added {
        if tag_key.to_ascii_lowercase().starts_with("aws:") {
            return Err(refusals::bad_tags("Tags beginning with aws: are reserved"));
        }
        if !seen.insert(tag_key.clone()) {
            return Err(refusals::bad_tags("Duplicate tag keys"));
        }
        // Conditions ask for tags without regard to case: with both, a policy would be about either.
        if tags.iter().any(|(key, _)| *key != tag_key && key.eq_ignore_ascii_case(&tag_key)) {
            return Err(refusals::bad_tags("Tag keys must differ in more than upper and lower case"));
        }
        match tags.iter_mut().find(|(key, _)| *key == tag_key) {
            Some((_, value)) => *value = tag_value,
            None => tags.push((tag_key, tag_value)),
        }
    }
    if tags.len() > TAGS_MAX { Err(refusals::bad_tags("Too many tags")) } else { Ok(tags) }
}

impl Kms {
    /// Sets tags.
    ///
    /// # Errors
    /// As [`checked`]; KMSInvalidStateException for a key that waits for its deletion.
    pub async fn tag_resource(&self, cx: &Ctx, permit: &Permit, input: TagResourceRequest) -> Result<(), Error> {
        self.change(cx, permit, "tag_key", |key| {
            not_pending_deletion(key, cx.now)?;
            let tags = checked(key.tags.clone(), input.tags.clone())?;
            let changed = tags != key.tags;
            key.tags = tags;
            Ok(changed)
        })
        .await
        .map(drop)
    }

    /// Removes tags; those that are not there are no error.
    ///
    /// # Errors
    /// KMSInvalidStateException for a key that waits for its deletion.
    pub async fn untag_resource(&self, cx: &Ctx, permit: &Permit, input: UntagResourceRequest) -> Result<(), Error> {
        self.change(cx, permit, "untag_key", |key| {
            not_pending_deletion(key, cx.now)?;
            let before = key.tags.len();
            key.tags.retain(|(tag, _)| !input.tag_keys.contains(tag));
            Ok(key.tags.len() != before)
        })
        .await
        .map(drop)
    }

    /// The tags of a key.
    ///
    /// # Errors
    /// InvalidMarkerException.
    pub async fn list_resource_tags(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListResourceTagsRequest,
    ) -> Result<ListResourceTagsResponse, Error> {
        let key = found(permit)?;
        let names = key.tags.iter().enumerate().map(|(at, _)| format!("{at:04}")).collect();
        let page = self.page_of("ListResourceTags", &key.arn(), names, input.limit, PAGE_DEFAULT, input.marker)?;
        let shown = page.items.iter().filter_map(|at| key.tags.get(at.parse::<usize>().ok()?));
        let tags = shown.map(|(tag_key, tag_value)| Tag { tag_key: tag_key.clone(), tag_value: tag_value.clone() });
        Ok(ListResourceTagsResponse {
            tags: Some(tags.collect()),
            truncated: Some(page.next.is_some()),
            next_marker: page.next,
        })
    }
}
