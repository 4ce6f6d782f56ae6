//! Groups, and who is in them.

use std::sync::Arc;

use strongroom_wire::iam::{
    AddUserToGroupRequest, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest, GetGroupRequest,
    GetGroupResponse, Group as ShownGroup, ListGroupsForUserRequest, ListGroupsForUserResponse, ListGroupsRequest,
    ListGroupsResponse, RemoveUserFromGroupRequest, UpdateGroupRequest,
};
use strongroom_wire::record;

use super::target::{GROUP_KIND, USER_KIND};
use super::{Iam, instant, refusals, users};
use crate::access::{EntityRef, Permit, Resource, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::entity::{Entity, Policies, holder_value, new_id};
use crate::identities::group::Group;
use crate::identities::user::{USERS_BY_GROUP, User};
use crate::page;

/// Groups of an account, at most (IAM's quotas).
pub(super) const GROUPS_MAX: usize = 300;
/// Groups that a user may be in, at most (IAM's quotas).
pub(super) const GROUPS_OF_USER_MAX: usize = 10;

impl Iam {
    /// The group of a name in the caller's account.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub(super) async fn group(&self, cx: &Ctx, name: &str) -> Result<Loaded<Group>, Error> {
        let found = self.identities.named::<Group>(cx.caller.account.as_str(), name).await?;
        found.ok_or_else(|| refusals::no_such("group", name))
    }

    /// Makes a group.
    ///
    /// # Errors
    /// EntityAlreadyExists, LimitExceeded.
    pub async fn create_group(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: CreateGroupRequest,
    ) -> Result<CreateGroupResponse, Error> {
        let account = cx.caller.account.as_str();
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_group").await?;
            if self.identities.named::<Group>(account, &input.group_name).await?.is_some() {
                return Err(refusals::exists("Group", &input.group_name));
            }
            self.check_quota::<Group>(account, "GroupsPerAccount", GROUPS_MAX).await?;
            let group = Group {
                account: account.to_owned(),
                partition: cx.region.partition().to_owned(),
                name: input.group_name.clone(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                id: new_id(self.documents.random(), Group::ID_PREFIX)?,
                created_ms: cx.now.millis(),
                policies: Policies::default(),
            };
            let response = CreateGroupResponse { group: shown(&group) };
            let response_elements = Some(record::encode(&response));
            let done = Done { response_elements, arn: Some(group.arn()), resource_kind: GROUP_KIND };
            change.put(None, group)?;
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// A group with a page of its members.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn get_group(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetGroupRequest,
    ) -> Result<GetGroupResponse, Error> {
        let group = self.group(cx, &input.group_name).await?.value;
        let account = cx.caller.account.as_str();
        let (max, marker) = (input.max_items, input.marker.as_deref());
        let page = self.page::<User>("GetGroup", account, USERS_BY_GROUP, &group.id, max, marker).await?;
        Ok(GetGroupResponse {
            group: shown(&group),
            is_truncated: page.is_truncated(),
            users: page.items.iter().map(|user| users::shown(&user.value, false)).collect(),
            marker: page.marker,
        })
    }

    /// Renames or moves a group, with leave for where it goes as well (API reference, UpdateGroup).
    ///
    /// # Errors
    /// NoSuchEntity, EntityAlreadyExists.
    pub async fn update_group(&self, cx: &Ctx, permit: &Permit, input: UpdateGroupRequest) -> Result<(), Error> {
        let account = cx.caller.account.as_str();
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "update_group").await?;
            let before = self.group(cx, &input.group_name).await?;
            let mut after = (*before.value).clone();
            if let Some(path) = &input.new_path {
                after.path.clone_from(path);
            }
            if let Some(name) = &input.new_group_name {
                after.name.clone_from(name);
            }
            if after.arn() != before.value.arn() {
                let (arn, account) = (after.arn(), cx.caller.account.clone());
                let target =
                    EntityRef { asked: None, arn, account, tags: Vec::new(), boundary: None, kind: GROUP_KIND };
                authorize(cx, permit.action(), Resource::Entity(Arc::new(target)), &input)?;
            }
            if let Some(name) = &input.new_group_name {
                let holder = self.identities.named::<Group>(account, name).await?;
                if holder.is_some_and(|holder| holder.value.id != after.id) {
                    return Err(refusals::exists("Group", name));
                }
            }
            let done = Done { response_elements: None, arn: Some(after.arn()), resource_kind: GROUP_KIND };
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    /// Removes a group without members and policies.
    ///
    /// # Errors
    /// NoSuchEntity, DeleteConflict.
    pub async fn delete_group(&self, cx: &Ctx, _permit: &Permit, input: DeleteGroupRequest) -> Result<(), Error> {
        let account = cx.caller.account.as_str();
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_group").await?;
            let group = self.group(cx, &input.group_name).await?;
            let policies = &group.value.policies;
            let held = if self.count_under(account, USERS_BY_GROUP, &group.value.id, 1).await? > 0 {
                Some("remove users from group")
            } else if !policies.attached.is_empty() {
                Some("detach all policies")
            } else {
                (!policies.inline.is_empty()).then_some("delete policies")
            };
            if let Some(what) = held {
                return Err(refusals::delete_conflict(what));
            }
            change.delete(&group);
            let done = Done { response_elements: None, arn: Some(group.value.arn()), resource_kind: GROUP_KIND };
            change.commit(cx, done).await
        })
        .await
    }

    /// The groups whose path begins with a prefix, by path and name.
    ///
    /// # Errors
    /// ValidationError for a marker that is none.
    pub async fn list_groups(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListGroupsRequest,
    ) -> Result<ListGroupsResponse, Error> {
        let account = cx.caller.account.as_str();
        let prefix = input.path_prefix.as_deref().unwrap_or("/");
        let (max, marker) = (input.max_items, input.marker.as_deref());
        let page = self.page::<Group>("ListGroups", account, Group::PATHS, prefix, max, marker).await?;
        Ok(ListGroupsResponse {
            is_truncated: page.is_truncated(),
            groups: page.items.iter().map(|group| shown(&group.value)).collect(),
            marker: page.marker,
        })
    }

    /// Puts a user into a group. One that is in it already stays.
    ///
    /// # Errors
    /// NoSuchEntity, LimitExceeded.
    pub async fn add_user_to_group(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: AddUserToGroupRequest,
    ) -> Result<(), Error> {
        self.change_membership(cx, "add_user_to_group", &input.group_name, &input.user_name, |groups, id| {
            if !groups.contains(id) {
                if groups.len() >= GROUPS_OF_USER_MAX {
                    return Err(refusals::quota("GroupsPerUser", GROUPS_OF_USER_MAX));
                }
                groups.push(id.clone());
            }
            Ok(())
        })
        .await
    }

    /// Takes a user out of a group. One that is not in it stays out.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn remove_user_from_group(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: RemoveUserFromGroupRequest,
    ) -> Result<(), Error> {
        self.change_membership(cx, "remove_user_from_group", &input.group_name, &input.user_name, |groups, id| {
            groups.retain(|group| group != id);
            Ok(())
        })
        .await
    }

    async fn change_membership(
        &self,
        cx: &Ctx,
        name: &'static str,
        group: &str,
        user: &str,
        edit: fn(&mut Vec<String>, &String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, name).await?;
            let group = self.group(cx, group).await?;
            let before = self.user(cx, user).await?;
            let mut after = (*before.value).clone();
            edit(&mut after.groups, &group.value.id)?;
            let done = Done { response_elements: None, arn: Some(after.arn()), resource_kind: USER_KIND };
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    /// The groups that a user is in, by path and name.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_groups_for_user(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListGroupsForUserRequest,
    ) -> Result<ListGroupsForUserResponse, Error> {
        let account = cx.caller.account.as_str();
        let user = self.user(cx, &input.user_name).await?.value;
        let mut groups = Vec::new();
        for id in &user.groups {
            groups.extend(self.identities.with_id::<Group>(account, id).await?);
        }
        let place = |group: &Loaded<Group>| holder_value(&group.value.path, &group.value.name);
        groups.sort_by_key(place);
        let query = page::Query::new("ListGroupsForUser").part(account).part(&user.id);
        let page = self.page_of(&query, groups, place, input.max_items, input.marker.as_deref())?;
        Ok(ListGroupsForUserResponse {
            is_truncated: page.is_truncated(),
            groups: page.items.iter().map(|group| shown(&group.value)).collect(),
            marker: page.marker,
        })
    }
}

/// A group as the API shows it.
pub(super) fn shown(group: &Group) -> ShownGroup {
    ShownGroup {
        path: group.path.clone(),
        group_name: group.name.clone(),
        group_id: group.id.clone(),
        arn: group.arn(),
        create_date: instant(group.created_ms),
    }
}
