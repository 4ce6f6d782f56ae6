//! Changes of users that are there: UpdateUser, TagUser, UntagUser, and ListUserTags.

use std::sync::Arc;

use strongroom_wire::iam::{
    ListUserTagsRequest, ListUserTagsResponse, Tag as ShownTag, TagUserRequest, UntagUserRequest, UpdateUserRequest,
};

use super::target::USER_KIND;
use super::{Iam, pages, refusals, tags};
use crate::access::{EntityRef, Permit, Resource, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::retry;
use crate::error::Error;
use crate::identities::entity::{Entity, Tag, pairs};
use crate::identities::user::User;
use crate::page;

impl Iam {
    /// Renames or moves a user, with leave for where it goes as well (API reference, UpdateUser). Whoever and whatever
    /// names it by ARN does not follow.
    ///
    /// # Errors
    /// NoSuchEntity, EntityAlreadyExists.
    pub async fn update_user(&self, cx: &Ctx, permit: &Permit, input: UpdateUserRequest) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let user = self.user(cx, &input.user_name).await?.value;
            let mut moved = (*user).clone();
            rename(&mut moved, &input);
            if moved.arn() != user.arn() {
                let (tags, boundary) = (pairs(&moved.tags), moved.policies.boundary.clone());
                let account = cx.caller.account.clone();
                let target = EntityRef { asked: None, arn: moved.arn(), account, tags, boundary, kind: USER_KIND };
                authorize(cx, permit.action(), Resource::Entity(Arc::new(target)), &input)?;
            }
            if let Some(name) = &input.new_user_name {
                let holder = self.identities.named::<User>(cx.caller.account.as_str(), name).await?;
                if holder.is_some_and(|holder| !holder.value.name.eq_ignore_ascii_case(&input.user_name)) {
                    return Err(refusals::exists("User", name));
                }
            }
            self.change_user(cx, "update_user", &input.user_name, |user| {
                rename(user, &input);
                Ok(())
            })
            .await
        })
        .await
    }

    /// Sets tags of a user.
    ///
    /// # Errors
    /// NoSuchEntity, InvalidInput, LimitExceeded.
    pub async fn tag_user(&self, cx: &Ctx, _permit: &Permit, input: TagUserRequest) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| {
            self.change_user(cx, "tag_user", &input.user_name, |user| {
                user.tags = tags::checked(std::mem::take(&mut user.tags), &input.tags)?;
                Ok(())
            })
        })
        .await
    }

    /// Removes tags of a user. Those that it does not have are no error.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn untag_user(&self, cx: &Ctx, _permit: &Permit, input: UntagUserRequest) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| {
            self.change_user(cx, "untag_user", &input.user_name, |user| {
                user.tags = tags::without(std::mem::take(&mut user.tags), &input.tag_keys);
                Ok(())
            })
        })
        .await
    }

    /// The tags of a user, by key.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_user_tags(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListUserTagsRequest,
    ) -> Result<ListUserTagsResponse, Error> {
        let user = self.user(cx, &input.user_name).await?.value;
        let query = page::Query::new("ListUserTags").part(&user.account).part(&user.id);
        let page = self.page_of_tags(&query, &user.tags, input.max_items, input.marker.as_deref())?;
        Ok(ListUserTagsResponse { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
    }

    /// A page of an entity's tags, by key.
    ///
    /// # Errors
    /// ValidationError for a marker that is none.
    pub(super) fn page_of_tags(
        &self,
        query: &page::Query,
        tags: &[Tag],
        max_items: Option<i32>,
        marker: Option<&str>,
    ) -> Result<pages::Page<ShownTag>, Error> {
        let shown = |tag: &Tag| ShownTag { key: tag.key.clone(), value: tag.value.clone() };
        let mut shown: Vec<ShownTag> = tags.iter().map(shown).collect();
        shown.sort_by(|left, right| left.key.cmp(&right.key));
        self.page_of(query, shown, |tag| tag.key.clone(), max_items, marker)
    }

    /// Changes a user by `edit` and commits the request's record of it. To be done in a turn and within `retry`.
    async fn change_user(
        &self,
        cx: &Ctx,
        name: &'static str,
        user: &str,
        edit: impl FnOnce(&mut User) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        let mut change = self.begin(cx, name).await?;
        let before = self.user(cx, user).await?;
        let mut after = (*before.value).clone();
        edit(&mut after)?;
        let done = Done { response_elements: None, arn: Some(after.arn()), resource_kind: USER_KIND };
        change.put(Some(&before), after)?;
        change.commit(cx, done).await
    }
}

fn rename(user: &mut User, input: &UpdateUserRequest) {
    if let Some(name) = &input.new_user_name {
        user.name.clone_from(name);
    }
    if let Some(path) = &input.new_path {
        user.path.clone_from(path);
    }
}
