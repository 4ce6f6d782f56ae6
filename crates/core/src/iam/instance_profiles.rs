//! Instance profiles, each with the role that it hands to a machine.

use std::sync::Arc;

use strongroom_policy::Values;
use strongroom_wire::iam::{
    AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, CreateInstanceProfileResponse,
    DeleteInstanceProfileRequest, GetInstanceProfileRequest, GetInstanceProfileResponse,
    InstanceProfile as ShownProfile, ListInstanceProfileTagsRequest, ListInstanceProfileTagsResponse,
    ListInstanceProfilesForRoleRequest, ListInstanceProfilesForRoleResponse, ListInstanceProfilesRequest,
    ListInstanceProfilesResponse, Operation, RemoveRoleFromInstanceProfileRequest, TagInstanceProfileRequest,
    UntagInstanceProfileRequest, errors,
};
use strongroom_wire::record;

use super::pages::Page;
use super::roles::{check_modifiable, listed};
use super::target::{INSTANCE_PROFILE_KIND, Target};
use super::{Iam, instant, refusals, shown_tags};
use crate::access::{PASS_ROLE, Permit, RequestKeys, authorize};
use crate::ctx::{Ctx, Done};
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::entity::{Entity, new_id};
use crate::identities::instance_profile::{InstanceProfile, PROFILES_BY_ROLE};
use crate::identities::role::Role;

/// Instance profiles of an account, at most (IAM's quotas).
pub(super) const PROFILES_MAX: usize = 1000;
/// Who gets the role in an instance profile.
const INSTANCES: &str = "ec2.amazonaws.com";

/// What conditions may ask about a role that is handed on.
struct PassedTo(&'static str);

impl RequestKeys for PassedTo {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "iam:passedtoservice").then(|| Values::text(self.0))
    }
}

impl Iam {
    async fn profile(&self, cx: &Ctx, name: &str) -> Result<Loaded<InstanceProfile>, Error> {
        let found = self.identities.named::<InstanceProfile>(cx.caller.account.as_str(), name).await?;
        found.ok_or_else(|| {
            let text = format!("Instance Profile {name} cannot be found.");
            Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
        })
    }

    /// Makes an instance profile without a role.
    ///
    /// # Errors
    /// EntityAlreadyExists, LimitExceeded, InvalidInput for tags.
    pub async fn create_instance_profile(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateInstanceProfileRequest,
    ) -> Result<CreateInstanceProfileResponse, Error> {
        let (account, name) = (cx.caller.account.as_str(), &input.instance_profile_name);
        super::tags::authorize_new(cx, permit, Operation::TagInstanceProfile, input.tags.as_ref(), &input)?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_instance_profile").await?;
            if self.identities.named::<InstanceProfile>(account, name).await?.is_some() {
                let text = format!("Instance Profile {name} already exists.");
                return Err(Error::refused(errors::ENTITY_ALREADY_EXISTS_EXCEPTION, text));
            }
            self.check_quota::<InstanceProfile>(account, "InstanceProfilesPerAccount", PROFILES_MAX).await?;
            let profile = InstanceProfile {
                account: account.to_owned(),
                partition: cx.region.partition().to_owned(),
                name: name.clone(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                id: new_id(self.documents.random(), InstanceProfile::ID_PREFIX)?,
                created_ms: cx.now.millis(),
                tags: super::tags::checked(Vec::new(), input.tags.as_deref().unwrap_or_default())?,
                role: None,
            };
            let response = CreateInstanceProfileResponse { instance_profile: shown(&profile, None) };
            let done = done(&profile, Some(record::encode(&response)));
            change.put(None, profile)?;
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// An instance profile with its role.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_instance_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetInstanceProfileRequest,
    ) -> Result<GetInstanceProfileResponse, Error> {
        let profile = self.profile(cx, &input.instance_profile_name).await?.value;
        let role = self.role_in(&profile).await?;
        Ok(GetInstanceProfileResponse { instance_profile: shown(&profile, role.as_deref()) })
    }

    /// The instance profiles whose path begins with a prefix, by path and name.
    ///
    /// # Errors
    /// ValidationError for a marker that is none.
    pub async fn list_instance_profiles(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListInstanceProfilesRequest,
    ) -> Result<ListInstanceProfilesResponse, Error> {
        let account = cx.caller.account.as_str();
        let prefix = input.path_prefix.as_deref().unwrap_or("/");
        let (max_items, marker) = (input.max_items, input.marker.as_deref());
        let index = InstanceProfile::PATHS;
        let page = self.page("ListInstanceProfiles", account, index, prefix, max_items, marker).await?;
        let instance_profiles = self.shown_page(&page).await?;
        Ok(ListInstanceProfilesResponse { instance_profiles, is_truncated: page.is_truncated(), marker: page.marker })
    }

    /// The instance profiles that hand on a role.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_instance_profiles_for_role(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListInstanceProfilesForRoleRequest,
    ) -> Result<ListInstanceProfilesForRoleResponse, Error> {
        let role = self.role(cx, &input.role_name).await?.value;
        let (max_items, marker) = (input.max_items, input.marker.as_deref());
        let (account, index) = (role.account.as_str(), PROFILES_BY_ROLE);
        let page = self.page("ListInstanceProfilesForRole", account, index, &role.id, max_items, marker).await?;
        let instance_profiles = self.shown_page(&page).await?;
        let is_truncated = page.is_truncated();
        Ok(ListInstanceProfilesForRoleResponse { instance_profiles, is_truncated, marker: page.marker })
    }

    /// Puts a role into an instance profile. The caller needs leave to pass the role to machines.
    ///
    /// # Errors
    /// NoSuchEntity, LimitExceeded for a second role, AccessDenied without `iam:PassRole`; UnmodifiableEntity for a
    /// service-linked role.
    pub async fn add_role_to_instance_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: AddRoleToInstanceProfileRequest,
    ) -> Result<(), Error> {
        let passed = self.resource(cx, &Target::Role(&input.role_name)).await?;
        authorize(cx, PASS_ROLE, passed, &PassedTo(INSTANCES))?;
        let role = self.role(cx, &input.role_name).await?.value;
        check_modifiable(&role)?;
        let alter = |profile: &mut InstanceProfile| {
            if profile.role.is_some() {
                return Err(refusals::quota("InstanceSessionsPerInstanceProfile", 1));
            }
            profile.role = Some(role.id.clone());
            Ok(())
        };
        self.change_profile(cx, "add_role_to_instance_profile", &input.instance_profile_name, Some(&role), alter).await
    }

    /// Takes a role out of an instance profile.
    ///
    /// # Errors
    /// NoSuchEntity, also for a role that is not in it; UnmodifiableEntity for a service-linked role.
    pub async fn remove_role_from_instance_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: RemoveRoleFromInstanceProfileRequest,
    ) -> Result<(), Error> {
        let role = self.role(cx, &input.role_name).await?.value;
        check_modifiable(&role)?;
        let alter = |profile: &mut InstanceProfile| {
            if profile.role.as_ref() != Some(&role.id) {
                // AWS's text is unconfirmed.
                return Err(refusals::no_such("role", &role.name));
            }
            profile.role = None;
            Ok(())
        };
        self.change_profile(cx, "remove_role_from_instance_profile", &input.instance_profile_name, None, alter).await
    }

    /// Sets tags of an instance profile.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput and LimitExceeded for tags.
    pub async fn tag_instance_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: TagInstanceProfileRequest,
    ) -> Result<(), Error> {
        let alter = |profile: &mut InstanceProfile| {
            profile.tags = super::tags::checked(std::mem::take(&mut profile.tags), &input.tags)?;
            Ok(())
        };
        self.change_profile(cx, "tag_instance_profile", &input.instance_profile_name, None, alter).await
    }

    /// Removes tags of an instance profile.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn untag_instance_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UntagInstanceProfileRequest,
    ) -> Result<(), Error> {
        let alter = |profile: &mut InstanceProfile| {
            profile.tags = super::tags::without(std::mem::take(&mut profile.tags), &input.tag_keys);
            Ok(())
        };
        self.change_profile(cx, "untag_instance_profile", &input.instance_profile_name, None, alter).await
    }

    /// The tags of an instance profile.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_instance_profile_tags(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListInstanceProfileTagsRequest,
    ) -> Result<ListInstanceProfileTagsResponse, Error> {
        let profile = self.profile(cx, &input.instance_profile_name).await?.value;
        let of = ("ListInstanceProfileTags", profile.id.as_str());
        let page = self.tag_page(cx, of, &profile.tags, input.max_items, input.marker.as_deref())?;
        Ok(ListInstanceProfileTagsResponse { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
    }

    /// Removes an instance profile that has no role.
    ///
    /// # Errors
    /// NoSuchEntity, DeleteConflict.
    pub async fn delete_instance_profile(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteInstanceProfileRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_instance_profile").await?;
            let profile = self.profile(cx, &input.instance_profile_name).await?;
            if profile.value.role.is_some() {
                let text = "Cannot delete entity, must remove roles from instance profile first.";
                return Err(Error::refused(errors::DELETE_CONFLICT_EXCEPTION, text));
            }
            change.delete(&profile);
            change.commit(cx, done(&profile.value, None)).await
        })
        .await
    }

    /// Changes an instance profile; `role` has to be there still when it is changed.
    async fn change_profile(
        &self,
        cx: &Ctx,
        transaction: &'static str,
        name: &str,
        role: Option<&Role>,
        alter: impl Fn(&mut InstanceProfile) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, transaction).await?;
            let before = self.profile(cx, name).await?;
            if let Some(role) = role
                && self.identities.with_id::<Role>(&role.account, &role.id).await?.is_none()
            {
                return Err(refusals::no_such("role", &role.name));
            }
            let mut after = InstanceProfile::clone(&before.value);
            alter(&mut after)?;
            let done = done(&after, None);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    async fn role_in(&self, profile: &InstanceProfile) -> Result<Option<Arc<Role>>, Error> {
        let Some(id) = &profile.role else { return Ok(None) };
        Ok(self.identities.with_id::<Role>(&profile.account, id).await?.map(|role| role.value))
    }

    async fn shown_page(&self, page: &Page<Loaded<InstanceProfile>>) -> Result<Vec<ShownProfile>, Error> {
        let mut all = Vec::with_capacity(page.items.len());
        for profile in &page.items {
            let role = self.role_in(&profile.value).await?;
            all.push(in_list(&profile.value, role.as_deref()));
        }
        Ok(all)
    }
}

fn done(profile: &InstanceProfile, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(profile.arn()), resource_kind: INSTANCE_PROFILE_KIND }
}

/// An instance profile as lists show it: without its tags.
pub(super) fn in_list(profile: &InstanceProfile, role: Option<&Role>) -> ShownProfile {
    ShownProfile { tags: None, ..shown(profile, role) }
}

fn shown(profile: &InstanceProfile, role: Option<&Role>) -> ShownProfile {
    ShownProfile {
        path: profile.path.clone(),
        instance_profile_name: profile.name.clone(),
        instance_profile_id: profile.id.clone(),
        arn: profile.arn(),
        create_date: instant(profile.created_ms),
        roles: role.map(listed).into_iter().collect(),
        tags: shown_tags(&profile.tags),
    }
}
