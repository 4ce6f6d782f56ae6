//! Roles: CreateRole, GetRole, ListRoles and what changes them.

use std::sync::Arc;

use strongroom_wire::iam::{
    CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest, GetRoleRequest, GetRoleResponse, ListRoleTagsRequest,
    ListRoleTagsResponse, ListRolesRequest, ListRolesResponse, Operation, Role as ShownRole, RoleLastUsed,
    TagRoleRequest, UntagRoleRequest, UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest,
    UpdateRoleDescriptionResponse, UpdateRoleRequest, UpdateRoleResponse, errors,
};
use strongroom_wire::{Shape, record};

use super::change::Change;
use super::target::ROLE_KIND;
use super::users::shown_boundary;
use super::{Iam, instant, refusals, shown_tags};
use crate::access::Permit;
use crate::ctx::{Ctx, Done};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::entity::{Entity, Policies, new_id};
use crate::identities::instance_profile::PROFILES_BY_ROLE;
use crate::identities::role::{Role, SERVICE_PATH};
use crate::identities::role_use::RoleUse;

/// Roles of an account, at most (IAM's quotas).
pub(super) const ROLES_MAX: usize = 1000;
/// Longest session, in seconds, of a role that does not say (IAM's API, `MaxSessionDuration`).
pub(super) const SESSION_SECONDS_DEFAULT: i32 = 3600;

impl Iam {
    /// The role of a name in the caller's account.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub(super) async fn role(&self, cx: &Ctx, name: &str) -> Result<Loaded<Role>, Error> {
        let found = self.identities.named::<Role>(cx.caller.account.as_str(), name).await?;
        found.ok_or_else(|| refusals::no_such("role", name))
    }

    /// Makes a role.
    ///
    /// # Errors
    /// EntityAlreadyExists, LimitExceeded, MalformedPolicyDocument, NoSuchEntity for a boundary that is not there,
    /// InvalidInput for tags and for the path of service-linked roles.
    pub async fn create_role(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateRoleRequest,
    ) -> Result<CreateRoleResponse, Error> {
        if input.path.as_ref().is_some_and(|path| path.starts_with(SERVICE_PATH)) {
            let text = format!("Path prefix '{SERVICE_PATH}' can only be used for AWS Service linked Roles");
            return Err(Error::refused(errors::INVALID_INPUT_EXCEPTION, text));
        }
        let account = cx.caller.account.as_str();
        super::tags::authorize_new(cx, permit, Operation::TagRole, input.tags.as_ref(), &input)?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let change = self.begin(cx, "create_role").await?;
            if self.identities.named::<Role>(account, &input.role_name).await?.is_some() {
                return Err(refusals::exists("Role", &input.role_name));
            }
            let role = Role {
                account: account.to_owned(),
                partition: cx.region.partition().to_owned(),
                name: input.role_name.clone(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                id: new_id(self.documents.random(), Role::ID_PREFIX)?,
                created_ms: cx.now.millis(),
                description: input.description.clone(),
                trust: self.trust(&input.assume_role_policy_document).await?,
                session_seconds_max: input.max_session_duration.unwrap_or(SESSION_SECONDS_DEFAULT),
                signin_seconds_max: input.max_signin_session_duration,
                tags: super::tags::checked(Vec::new(), input.tags.as_deref().unwrap_or_default())?,
                policies: Policies {
                    boundary: self.checked_boundary(cx, input.permissions_boundary.as_deref()).await?,
                    ..Policies::default()
                },
            };
            let response = CreateRoleResponse { role: shown(&role) };
            self.commit_new_role(cx, change, role, &response).await?;
            Ok(response)
        })
        .await
    }

    /// Commits a new role.
    ///
    /// # Errors
    /// LimitExceeded; `Conflict`.
    pub(super) async fn commit_new_role<R: Shape>(
        &self,
        cx: &Ctx,
        mut change: Change,
        role: Role,
        response: &R,
    ) -> Result<(), Error> {
        self.check_quota::<Role>(&role.account, "RolesPerAccount", ROLES_MAX).await?;
        let done = done(&role, Some(record::encode(response)));
        change.put(None, role)?;
        change.commit(cx, done).await
    }

    /// A role, with its last use.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_role(&self, cx: &Ctx, _permit: &Permit, input: GetRoleRequest) -> Result<GetRoleResponse, Error> {
        let role = self.role(cx, &input.role_name).await?.value;
        let last_used = self.identities.role_use(&role).await?;
        let role_last_used = Some(last_used.map(shown_use).unwrap_or_default());
        Ok(GetRoleResponse { role: ShownRole { role_last_used, ..shown(&role) } })
    }

    /// The roles whose path begins with a prefix, by path and name.
    ///
    /// # Errors
    /// ValidationError for a marker that is none.
    pub async fn list_roles(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListRolesRequest,
    ) -> Result<ListRolesResponse, Error> {
        let account = cx.caller.account.as_str();
        let prefix = input.path_prefix.as_deref().unwrap_or("/");
        let marker = input.marker.as_deref();
        let page = self.page::<Role>("ListRoles", account, Role::PATHS, prefix, input.max_items, marker).await?;
        let is_truncated = page.is_truncated();
        let roles = page.items.iter().map(|role| listed(&role.value)).collect();
        Ok(ListRolesResponse { roles, is_truncated, marker: page.marker })
    }

    /// Changes a role's description and longest session. What is not given stays.
    ///
    /// # Errors
    /// NoSuchEntity; UnmodifiableEntity for the longest session of a service-linked role, whose description may be
    /// changed (IAM's user guide, "Edit a service-linked role description").
    pub async fn update_role(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UpdateRoleRequest,
    ) -> Result<UpdateRoleResponse, Error> {
        let resets_signin = input.reset_max_signin_session_duration.unwrap_or_default();
        let changes_sessions =
            input.max_session_duration.is_some() || input.max_signin_session_duration.is_some() || resets_signin;
        let alter = |role: &mut Role| {
            if changes_sessions {
                check_modifiable(role)?;
            }
            if let Some(description) = &input.description {
                role.description = Some(description.clone());
            }
            role.session_seconds_max = input.max_session_duration.unwrap_or(role.session_seconds_max);
            if resets_signin {
                role.signin_seconds_max = None;
            }
            role.signin_seconds_max = input.max_signin_session_duration.or(role.signin_seconds_max);
            Ok(())
        };
        self.change_role(cx, "update_role", &input.role_name, alter, |_| None).await?;
        Ok(UpdateRoleResponse {})
    }

    /// Changes a role's description.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn update_role_description(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UpdateRoleDescriptionRequest,
    ) -> Result<UpdateRoleDescriptionResponse, Error> {
        let answer = |role: &Role| UpdateRoleDescriptionResponse { role: Some(shown(role)) };
        let alter = |role: &mut Role| {
            role.description = Some(input.description.clone());
            Ok(())
        };
        let recorded = |role: &Role| Some(record::encode(&answer(role)));
        let role = self.change_role(cx, "update_role_description", &input.role_name, alter, recorded).await?;
        Ok(answer(&role))
    }

    /// Changes who may assume a role.
    ///
    /// # Errors
    /// NoSuchEntity, MalformedPolicyDocument, LimitExceeded; UnmodifiableEntity for a service-linked role.
    pub async fn update_assume_role_policy(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UpdateAssumeRolePolicyRequest,
    ) -> Result<(), Error> {
        check_modifiable(&self.role(cx, &input.role_name).await?.value)?;
        let trust = self.trust(&input.policy_document).await?;
        let alter = |role: &mut Role| {
            check_modifiable(role)?;
            role.trust = trust.clone();
            Ok(())
        };
        self.change_role(cx, "update_assume_role_policy", &input.role_name, alter, |_| None).await?;
        Ok(())
    }

    /// Sets tags of a role.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput and LimitExceeded for tags.
    pub async fn tag_role(&self, cx: &Ctx, _permit: &Permit, input: TagRoleRequest) -> Result<(), Error> {
        let alter = |role: &mut Role| {
            role.tags = super::tags::checked(std::mem::take(&mut role.tags), &input.tags)?;
            Ok(())
        };
        self.change_role(cx, "tag_role", &input.role_name, alter, |_| None).await.map(drop)
    }

    /// Removes tags of a role.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn untag_role(&self, cx: &Ctx, _permit: &Permit, input: UntagRoleRequest) -> Result<(), Error> {
        let alter = |role: &mut Role| {
            role.tags = super::tags::without(std::mem::take(&mut role.tags), &input.tag_keys);
            Ok(())
        };
        self.change_role(cx, "untag_role", &input.role_name, alter, |_| None).await.map(drop)
    }

    /// The tags of a role.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_role_tags(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListRoleTagsRequest,
    ) -> Result<ListRoleTagsResponse, Error> {
        let role = self.role(cx, &input.role_name).await?.value;
        let of = ("ListRoleTags", role.id.as_str());
        let page = self.tag_page(cx, of, &role.tags, input.max_items, input.marker.as_deref())?;
        Ok(ListRoleTagsResponse { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
    }

    /// Removes a role that nothing belongs to any more.
    ///
    /// # Errors
    /// NoSuchEntity, DeleteConflict; UnmodifiableEntity for a service-linked role.
    pub async fn delete_role(&self, cx: &Ctx, _permit: &Permit, input: DeleteRoleRequest) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_role").await?;
            let role = self.role(cx, &input.role_name).await?;
            check_modifiable(&role.value)?;
            self.remove_role(&mut change, &role).await?;
            change.commit(cx, done(&role.value, None)).await
        })
        .await
    }

    /// Removes a role with its last use.
    ///
    /// # Errors
    /// DeleteConflict when something still belongs to it.
    pub(super) async fn remove_role(&self, change: &mut Change, role: &Loaded<Role>) -> Result<(), Error> {
        let Role { account, id, policies, .. } = &*role.value;
        let in_profile = self.count_under(account, PROFILES_BY_ROLE, id, 1).await? > 0;
        let held = [
            (in_profile, "remove roles from instance profile"),
            (!policies.attached.is_empty(), "detach all policies"),
            (!policies.inline.is_empty(), "delete policies"),
        ];
        if let Some((_, what)) = held.into_iter().find(|(has, _)| *has) {
            let text = format!("Cannot delete entity, must {what} first.");
            return Err(Error::refused(errors::DELETE_CONFLICT_EXCEPTION, text));
        }
        change.delete(role);
        if let Some(last_use) = self.identities.stored_role_use(&role.value).await? {
            change.delete(&last_use);
        }
        Ok(())
    }

    /// Changes a role; `recorded` are the response elements of the record.
    async fn change_role(
        &self,
        cx: &Ctx,
        transaction: &'static str,
        name: &str,
        alter: impl Fn(&mut Role) -> Result<(), Error> + Sync,
        recorded: impl Fn(&Role) -> Option<String> + Sync,
    ) -> Result<Arc<Role>, Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, transaction).await?;
            let before = self.role(cx, name).await?;
            let mut after = Role::clone(&before.value);
            alter(&mut after)?;
            let done = done(&after, recorded(&after));
            change.put(Some(&before), after.clone())?;
            change.commit(cx, done).await?;
            Ok(Arc::new(after))
        })
        .await
    }
}

/// Refuses to change what belongs to a service.
///
/// # Errors
/// UnmodifiableEntity.
pub(super) fn check_modifiable(role: &Role) -> Result<(), Error> {
    if !role.is_service_linked() {
        return Ok(());
    }
    let name = &role.name;
    let text =
        format!("Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS");
    Err(Error::refused(errors::UNMODIFIABLE_ENTITY_EXCEPTION, text))
}

/// What the record of a change of a role tells.
pub(super) fn done(role: &Role, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(role.arn()), resource_kind: ROLE_KIND }
}

/// A role as the API shows it, save its last use.
pub(super) fn shown(role: &Role) -> ShownRole {
    ShownRole {
        permissions_boundary: role.policies.boundary.as_deref().map(shown_boundary),
        tags: shown_tags(&role.tags),
        ..listed(role)
    }
}

/// A role as lists show it: without its tags, boundary and last use.
pub(super) fn listed(role: &Role) -> ShownRole {
    ShownRole {
        path: role.path.clone(),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        arn: role.arn(),
        create_date: instant(role.created_ms),
        assume_role_policy_document: Some(role.trust.text().to_owned()),
        description: role.description.clone(),
        max_session_duration: Some(role.session_seconds_max),
        max_signin_session_duration: role.signin_seconds_max,
        permissions_boundary: None,
        tags: None,
        role_last_used: None,
        source_role_template: None,
    }
}

/// The last use of a role as the API shows it.
pub(super) fn shown_use(last: RoleUse) -> RoleLastUsed {
    RoleLastUsed { last_used_date: Some(instant(last.used_ms)), region: Some(last.region) }
}
