//! TagResource and UntagResource (specification §3.15).

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_wire::secretsmanager::{Tag, TagResourceRequest, UntagResourceRequest};

use super::model::{Secret, SecretTag};
use super::{Secrets, refusals, standing};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;

/// Tags of a secret, at most.
const TAGS_MAX: usize = 50;

impl Secrets {
    /// Adds tags, or gives those that exist a new value.
    ///
    /// # Errors
    /// InvalidParameter for a key twice, a reserved key, or too many tags.
    pub async fn tag_resource(&self, cx: &Ctx, permit: &Permit, input: TagResourceRequest) -> Result<(), Error> {
        self.change_tags(cx, permit, "tag_resource", |tags| checked_tags(tags, input.tags.clone())).await
    }

    /// Removes tags. A key that is absent is no error.
    ///
    /// # Errors
    /// InvalidParameter for a reserved key.
    pub async fn untag_resource(&self, cx: &Ctx, permit: &Permit, input: UntagResourceRequest) -> Result<(), Error> {
        if input.tag_keys.iter().any(|key| is_reserved(key)) {
            return Err(refusals::reserved_tag());
        }
        self.change_tags(cx, permit, "untag_resource", |mut tags| {
            tags.retain(|tag| !input.tag_keys.contains(&tag.key));
            Ok(tags)
        })
        .await
    }

    async fn change_tags(
        &self,
        cx: &Ctx,
        permit: &Permit,
        name: &'static str,
        change: impl Fn(Vec<SecretTag>) -> Result<Vec<SecretTag>, Error>,
    ) -> Result<(), Error> {
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        retry(|| async {
            let before = self.live(permit.secret()?).await?;
            let mut after = Secret::clone(&before.value);
            after.tags = change(after.tags)?;
            if after == *before.value {
                return Ok(());
            }
            standing::keep(cx, permit, &before.value, &after)?;
            after.changed_ms = cx.now.millis();
            self.commit(cx, Batch::named(name), &before, &Arc::new(after), None).await
        })
        .await
    }
}

/// `tags` with `added` set in order. Keys that differ in case alone are refused, which AWS allows.
pub(super) fn checked_tags(mut tags: Vec<SecretTag>, added: Vec<Tag>) -> Result<Vec<SecretTag>, Error> {
    let mut seen = std::collections::BTreeSet::new();
    for tag in added {
        let key = tag.key.unwrap_or_default();
        let value = tag.value.unwrap_or_default();
        if is_reserved(&key) {
            return Err(refusals::reserved_tag());
        }
        if !seen.insert(key.clone()) {
            return Err(refusals::duplicate_tag());
        }
        // Conditions ask for tags without regard to case: with both, a policy would be about either.
        if let Some(other) = tags.iter().find(|tag| tag.key != key && tag.key.eq_ignore_ascii_case(&key)) {
            return Err(refusals::tag_differs_in_case(&key, &other.key));
        }
        match tags.iter_mut().find(|tag| tag.key == key) {
            Some(existing) => existing.value = value,
            None => tags.push(SecretTag { key, value }),
        }
    }
    // Those of the service that owns the secret do not count.
    if tags.iter().filter(|tag| !is_reserved(&tag.key)).count() > TAGS_MAX {
        Err(refusals::too_many_tags())
    } else {
        Ok(tags)
    }
}

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}
