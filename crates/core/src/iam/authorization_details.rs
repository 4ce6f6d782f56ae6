//! GetAccountAuthorizationDetails: the users, groups, roles and managed policies of an account with what they may do.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use strongroom_store::{Entry, Range};
use strongroom_wire::error::VALIDATION;
use strongroom_wire::iam::{
    AttachedPolicy, EntityType, GetAccountAuthorizationDetailsRequest, GetAccountAuthorizationDetailsResponse,
    GroupDetail, ManagedPolicyDetail, PolicyDetail, RoleDetail, UserDetail,
};

use super::attachments::shown_attached;
use super::pages::{JOINT, limit, place_in_index};
use super::policies::{shown_aws_detail, shown_detail};
use super::target::{Target, Targeted};
use super::users::shown_boundary;
use super::{Iam, instance_profiles, instant, roles, shown_tags};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::aws_policies::{self, AwsPolicy};
use crate::identities::entity::{Entity, Policies, path_value};
use crate::identities::group::Group;
use crate::identities::instance_profile::{InstanceProfile, PROFILES_BY_ROLE};
use crate::identities::managed_policy::ManagedPolicy;
use crate::identities::role::Role;
use crate::identities::user::User;
use crate::page;

/// Entities read at a time.
const STRETCH: usize = 50;
/// Bytes of policies after which a page ends before `MaxItems`, which IAM may do.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// The kinds of entities, in the order in which pages go through them.
const KINDS: [EntityType; 5] = [
    EntityType::User,
    EntityType::Group,
    EntityType::Role,
    EntityType::LocalManagedPolicy,
    EntityType::AWSManagedPolicy,
];

impl Targeted for GetAccountAuthorizationDetailsRequest {
    fn target(&self) -> Target<'_> {
        Target::Account
    }
}

crate::access::without_keys!(GetAccountAuthorizationDetailsRequest);

/// A page as it fills.
struct Found {
    users: Vec<UserDetail>,
    groups: Vec<GroupDetail>,
    roles: Vec<RoleDetail>,
    policies: Vec<ManagedPolicyDetail>,
    limit: usize,
    count: usize,
    bytes: usize,
    /// The place of the last entity on it.
    last: String,
    /// Whether another one was found that has no room.
    more: bool,
}

/// Entities of a kind in the order of their paths and names, read a stretch at a time.
struct Walk<E> {
    /// The kind, by its place among them.
    at: usize,
    /// The place that a marker tells.
    from: Option<String>,
    read: VecDeque<Arc<E>>,
    after: Option<Entry>,
    ended: bool,
}

impl Iam {
    /// The users, groups, roles and managed policies of the account, those of AWS as far as they are in use, or only
    /// some of these kinds.
    ///
    /// # Errors
    /// ValidationError for a marker that is none, or of another filter.
    pub async fn get_account_authorization_details(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: GetAccountAuthorizationDetailsRequest,
    ) -> Result<GetAccountAuthorizationDetailsResponse, Error> {
        let wanted: BTreeSet<EntityType> = input.filter.into_iter().flatten().collect();
        let mut query = page::Query::new("GetAccountAuthorizationDetails").part(cx.caller.account.as_str());
        for kind in &wanted {
            query = query.part(kind.as_ref());
        }
        let (first, mut after) = match &input.marker {
            None => (0, None),
            Some(marker) => {
                let place = page::open(&self.documents, &query, marker).ok();
                let place = place.as_deref().and_then(place_of).ok_or_else(mismatch)?;
                (place.0, Some(place.1))
            }
        };
        let mut found = Found::new(limit(input.max_items));
        for (at, kind) in KINDS.iter().enumerate().skip(first) {
            let after = after.take();
            if !found.more && (wanted.is_empty() || wanted.contains(kind)) {
                self.add_kind(cx, at, *kind, after, &mut found).await?;
            }
        }
        let marker = found.more.then(|| page::seal(&self.documents, &query, &found.last)).transpose()?;
        Ok(GetAccountAuthorizationDetailsResponse {
            user_detail_list: Some(found.users),
            group_detail_list: Some(found.groups),
            role_detail_list: Some(found.roles),
            policies: Some(found.policies),
            is_truncated: Some(found.more),
            marker,
        })
    }

    /// Adds the entities of a kind that have room, from those behind a place on.
    async fn add_kind(
        &self,
        cx: &Ctx,
        at: usize,
        kind: EntityType,
        after: Option<String>,
        found: &mut Found,
    ) -> Result<(), Error> {
        let account = cx.caller.account.as_str();
        match kind {
            EntityType::User => {
                let mut walk = Walk::new(at, after);
                while let Some(user) = self.next::<User>(account, &mut walk, found).await? {
                    found.bytes += bytes_of(&user.policies);
                    found.users.push(self.user_detail(&user).await?);
                }
            }
            EntityType::Group => {
                let mut walk = Walk::new(at, after);
                while let Some(group) = self.next::<Group>(account, &mut walk, found).await? {
                    found.bytes += bytes_of(&group.policies);
                    found.groups.push(group_detail(&group));
                }
            }
            EntityType::Role => {
                let mut walk = Walk::new(at, after);
                while let Some(role) = self.next::<Role>(account, &mut walk, found).await? {
                    found.bytes += bytes_of(&role.policies) + role.trust.text().len();
                    found.roles.push(self.role_detail(&role).await?);
                }
            }
            EntityType::LocalManagedPolicy => {
                let mut walk = Walk::new(at, after);
                while let Some(policy) = self.next::<ManagedPolicy>(account, &mut walk, found).await? {
                    found.bytes += policy.versions.iter().map(|version| version.document.text().len()).sum::<usize>();
                    let usage = self.usage(account, &policy.arn()).await?;
                    found.policies.push(shown_detail(&policy, usage));
                }
            }
            EntityType::AWSManagedPolicy => self.add_aws_policies(cx, at, after, found).await?,
        }
        Ok(())
    }

    /// The policies of AWS that are attached to somebody or bound somebody.
    async fn add_aws_policies(
        &self,
        cx: &Ctx,
        at: usize,
        after: Option<String>,
        found: &mut Found,
    ) -> Result<(), Error> {
        let partition = cx.region.partition();
        let mut policies: Vec<&AwsPolicy> = aws_policies::ALL.iter().collect();
        policies.sort_by_key(|policy| policy.name());
        for policy in policies.into_iter().filter(|policy| after.as_deref().is_none_or(|after| policy.name() > after)) {
            let usage = self.usage(cx.caller.account.as_str(), &policy.arn(partition)).await?;
            if usage.attached + usage.bounded == 0 {
                continue;
            }
            if !found.admits(place(at, policy.name())) {
                break;
            }
            found.bytes += policy.text.len();
            found.policies.push(shown_aws_detail(policy, partition, usage));
        }
        Ok(())
    }

    /// The next entity of a walk, if it has room on the page.
    async fn next<E: Entity>(
        &self,
        account: &str,
        walk: &mut Walk<E>,
        found: &mut Found,
    ) -> Result<Option<Arc<E>>, Error> {
        while walk.read.is_empty() && !walk.ended {
            let prefix = path_value(account, "/");
            let after = match walk.from.take() {
                Some(place) => Some(self.entry_of::<E>(E::PATHS, &prefix, &place).await?.ok_or_else(mismatch)?),
                None => walk.after.take(),
            };
            let range = Range { index: E::PATHS, prefix, after, descending: false, limit: STRETCH };
            let entries = self.documents.range(&range).await?;
            walk.ended = entries.len() < STRETCH;
            walk.after = entries.last().cloned();
            let loaded = self.documents.load_entries::<E>(E::PATHS, &entries).await?;
            walk.read.extend(loaded.into_iter().map(|loaded| loaded.value));
        }
        let at = walk.at;
        let admits = |entity: &Arc<E>| {
            found.admits(place(at, &place_in_index(&path_and_name(&**entity), &entity.document_key())))
        };
        Ok(walk.read.pop_front().filter(admits))
    }

    async fn user_detail(&self, user: &User) -> Result<UserDetail, Error> {
        let mut groups = Vec::with_capacity(user.groups.len());
        for id in &user.groups {
            let group = self.identities.with_id::<Group>(&user.account, id).await?;
            groups.extend(group.map(|group| group.value.name.clone()));
        }
        Ok(UserDetail {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: Some(user.id.clone()),
            arn: Some(user.arn()),
            create_date: Some(instant(user.created_ms)),
            // Left out when there is none, unlike that of groups and roles, as on the real service.
            user_policy_list: Some(inline(&user.policies)).filter(|policies| !policies.is_empty()),
            group_list: Some(groups),
            attached_managed_policies: Some(attached(&user.policies)),
            permissions_boundary: user.policies.boundary.as_deref().map(shown_boundary),
            tags: shown_tags(&user.tags),
        })
    }

    async fn role_detail(&self, role: &Role) -> Result<RoleDetail, Error> {
        let entries = self.held_under(&role.account, PROFILES_BY_ROLE, &role.id).await?;
        let profiles = self.documents.load_entries::<InstanceProfile>(PROFILES_BY_ROLE, &entries).await?;
        let listed = |profile: &InstanceProfile| instance_profiles::in_list(profile, Some(role));
        let last_used = self.identities.role_use(role).await?;
        Ok(RoleDetail {
            path: Some(role.path.clone()),
            role_name: Some(role.name.clone()),
            role_id: Some(role.id.clone()),
            arn: Some(role.arn()),
            create_date: Some(instant(role.created_ms)),
            assume_role_policy_document: Some(role.trust.text().to_owned()),
            instance_profile_list: Some(profiles.iter().map(|profile| listed(&profile.value)).collect()),
            role_policy_list: Some(inline(&role.policies)),
            attached_managed_policies: Some(attached(&role.policies)),
            permissions_boundary: role.policies.boundary.as_deref().map(shown_boundary),
            tags: shown_tags(&role.tags),
            role_last_used: Some(last_used.map(roles::shown_use).unwrap_or_default()),
        })
    }
}

impl<E> Walk<E> {
    const fn new(at: usize, from: Option<String>) -> Self {
        Self { at, from, read: VecDeque::new(), after: None, ended: false }
    }
}

impl Found {
    const fn new(limit: usize) -> Self {
        Self {
            users: Vec::new(),
            groups: Vec::new(),
            roles: Vec::new(),
            policies: Vec::new(),
            limit,
            count: 0,
            bytes: 0,
            last: String::new(),
            more: false,
        }
    }

    /// Whether the entity of a place has room; then it is the last one.
    fn admits(&mut self, place: String) -> bool {
        if self.count >= self.limit || self.bytes >= PAGE_BYTES_MAX {
            self.more = true;
            return false;
        }
        self.count += 1;
        self.last = place;
        true
    }
}

/// A place in the whole list: the kind, and the place among its entities.
fn place(at: usize, inner: &str) -> String {
    format!("{at}{JOINT}{inner}")
}

/// Where an entity stands in the index of paths.
fn path_and_name<E: Entity>(entity: &E) -> String {
    path_value(entity.account(), &[entity.path(), entity.name()].concat())
}

fn place_of(place: &str) -> Option<(usize, String)> {
    let (at, inner) = place.split_once(JOINT)?;
    Some((at.parse().ok()?, inner.to_owned()))
}

fn mismatch() -> Error {
    Error::refused(VALIDATION, "Marker and Filter do not match")
}

fn group_detail(group: &Group) -> GroupDetail {
    GroupDetail {
        path: Some(group.path.clone()),
        group_name: Some(group.name.clone()),
        group_id: Some(group.id.clone()),
        arn: Some(group.arn()),
        create_date: Some(instant(group.created_ms)),
        group_policy_list: Some(inline(&group.policies)),
        attached_managed_policies: Some(attached(&group.policies)),
    }
}

fn inline(policies: &Policies) -> Vec<PolicyDetail> {
    let detail = |(name, text): (&String, &crate::identities::policy_text::PolicyText)| PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(text.text().to_owned()),
    };
    policies.inline.iter().map(detail).collect()
}

fn attached(policies: &Policies) -> Vec<AttachedPolicy> {
    policies.attached.iter().map(|arn| shown_attached(arn)).collect()
}

fn bytes_of(policies: &Policies) -> usize {
    policies.inline.values().map(|text| text.text().len()).sum()
}
