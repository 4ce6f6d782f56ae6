//! Tags of managed policies: TagPolicy, UntagPolicy, ListPolicyTags.

use strongroom_wire::iam::{
    ListPolicyTagsRequest, ListPolicyTagsResponse, Tag as ShownTag, TagPolicyRequest, UntagPolicyRequest,
};

use super::{Found, done, listed_tags};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;
use crate::iam::{Iam, tags};
use crate::identities::entity::Tag;
use crate::identities::managed_policy::ManagedPolicy;
use crate::page;

impl Iam {
    /// Sets tags of a managed policy.
    ///
    /// # Errors
    /// NoSuchEntity, InvalidInput, LimitExceeded; AccessDenied for a policy of AWS.
    pub async fn tag_policy(&self, cx: &Ctx, permit: &Permit, input: TagPolicyRequest) -> Result<(), Error> {
        let change = |tags| tags::checked(tags, &input.tags);
        self.retag(cx, permit, "tag_policy", &input.policy_arn, &change).await
    }

    /// Removes tags of a managed policy. A key that is absent is no error.
    ///
    /// # Errors
    /// NoSuchEntity; AccessDenied for a policy of AWS.
    pub async fn untag_policy(&self, cx: &Ctx, permit: &Permit, input: UntagPolicyRequest) -> Result<(), Error> {
        let change = |tags| Ok(tags::without(tags, &input.tag_keys));
        self.retag(cx, permit, "untag_policy", &input.policy_arn, &change).await
    }

    /// The tags of a managed policy, by key.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_policy_tags(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListPolicyTagsRequest,
    ) -> Result<ListPolicyTagsResponse, Error> {
        let mut tags = match self.managed(cx, &input.policy_arn).await? {
            Found::Own(found) => listed_tags(&found.value.tags),
            Found::Aws(_) => Vec::new(),
        };
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let query = page::Query::new("ListPolicyTags").part(&input.policy_arn);
        let place = |tag: &ShownTag| tag.key.clone();
        let page = self.page_of(&query, tags, place, input.max_items, input.marker.as_deref())?;
        let is_truncated = page.is_truncated();
        Ok(ListPolicyTagsResponse { tags: page.items, is_truncated, marker: page.marker })
    }

    async fn retag(
        &self,
        cx: &Ctx,
        permit: &Permit,
        name: &'static str,
        arn: &str,
        change_tags: &(dyn Fn(Vec<Tag>) -> Result<Vec<Tag>, Error> + Send + Sync),
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, name).await?;
            let before = self.own_policy(cx, permit, arn).await?;
            let mut after = ManagedPolicy::clone(&before.value);
            after.tags = change_tags(after.tags)?;
            let done = done(&after, None);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }
}
