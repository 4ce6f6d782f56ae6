//! What users, groups and roles have in common: they hold policies.

use std::sync::Arc;

use strongroom_store::{Entry, Index, Range};
use strongroom_wire::iam::errors;

use super::target::{GROUP_KIND, ROLE_KIND, USER_KIND, holder_in};
use super::{Iam, refusals};
use crate::caller::NamedPolicy;
use crate::ctx::Ctx;
use crate::documents::Loaded;
use crate::error::Error;
use crate::identities::entity::{Entity, Policies, holder_value};
use crate::identities::group::{GROUPS_BY_POLICY, Group};
use crate::identities::role::{ROLES_BY_BOUNDARY, ROLES_BY_POLICY, Role};
use crate::identities::user::{USERS_BY_BOUNDARY, USERS_BY_POLICY, User};

/// Entries of an index read at a time.
const PAGE: usize = 1000;

/// A user, group or role.
pub(super) trait Holder: Entity {
    /// How records name the type.
    const RECORD_KIND: &'static str;
    /// What IAM's refusals call it.
    const NOUN: &'static str;
    /// IAM's name of the quota of attached managed policies.
    const ATTACHED_QUOTA: &'static str;
    /// Characters of all inline policies together, at most, without the space between their values (IAM's quotas).
    const INLINE_CHARS_MAX: usize;
    /// By the ARN of a managed policy, the holders that it is attached to.
    const BY_POLICY: Index;
    /// By the ARN of a managed policy, the holders that it bounds.
    const BY_BOUNDARY: Option<Index>;

    /// Its policies.
    fn policies(&self) -> &Policies;

    /// Its policies, to be changed.
    fn policies_mut(&mut self) -> &mut Policies;

    /// Whether only a service may change it.
    fn is_protected(&self) -> bool {
        false
    }
}

impl Holder for User {
    const RECORD_KIND: &'static str = USER_KIND;
    const NOUN: &'static str = "user";
    const ATTACHED_QUOTA: &'static str = "PoliciesPerUser";
    const INLINE_CHARS_MAX: usize = 2048;
    const BY_POLICY: Index = USERS_BY_POLICY;
    const BY_BOUNDARY: Option<Index> = Some(USERS_BY_BOUNDARY);

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut Policies {
        &mut self.policies
    }
}

impl Holder for Group {
    const RECORD_KIND: &'static str = GROUP_KIND;
    const NOUN: &'static str = "group";
    const ATTACHED_QUOTA: &'static str = "PoliciesPerGroup";
    const INLINE_CHARS_MAX: usize = 5120;
    const BY_POLICY: Index = GROUPS_BY_POLICY;
    const BY_BOUNDARY: Option<Index> = None;

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut Policies {
        &mut self.policies
    }
}

impl Holder for Role {
    const RECORD_KIND: &'static str = ROLE_KIND;
    const NOUN: &'static str = "role";
    const ATTACHED_QUOTA: &'static str = "PoliciesPerRole";
    const INLINE_CHARS_MAX: usize = 10_240;
    const BY_POLICY: Index = ROLES_BY_POLICY;
    const BY_BOUNDARY: Option<Index> = Some(ROLES_BY_BOUNDARY);

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut Policies {
        &mut self.policies
    }

    fn is_protected(&self) -> bool {
        self.is_service_linked()
    }
}

/// A user, group or role that was named by its ARN.
pub(super) enum AnyHolder {
    /// A user.
    User(Arc<User>),
    /// A group.
    Group(Arc<Group>),
    /// A role.
    Role(Arc<Role>),
}

/// In how many places a managed policy is used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Users, groups and roles that it is attached to.
    pub(super) attached: usize,
    /// Users and roles whose boundary it is.
    pub(super) bounded: usize,
}

impl Iam {
    /// The user, group or role of a name in the caller's account.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub(super) async fn holder<H: Holder>(&self, cx: &Ctx, name: &str) -> Result<Loaded<H>, Error> {
        let found = self.identities.named::<H>(cx.caller.account.as_str(), name).await?;
        found.ok_or_else(|| refusals::no_such(H::NOUN, name))
    }

    /// The user, group or role of a name, to be changed.
    ///
    /// # Errors
    /// NoSuchEntity; UnmodifiableEntity for a role that belongs to a service.
    pub(super) async fn changeable<H: Holder>(&self, cx: &Ctx, name: &str) -> Result<Loaded<H>, Error> {
        let holder = self.holder::<H>(cx, name).await?;
        if holder.value.is_protected() {
            let name = holder.value.name();
            let text = format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            );
            return Err(Error::refused(errors::UNMODIFIABLE_ENTITY_EXCEPTION, text));
        }
        Ok(holder)
    }

    /// The policies of the user, group or role of an ARN; of a user also those of its groups.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for an ARN of something else.
    pub(super) async fn policies_of_holder(&self, cx: &Ctx, arn: &str) -> Result<Vec<NamedPolicy>, Error> {
        Ok(match self.holder_with_arn(cx, arn).await? {
            AnyHolder::User(user) => self.identities.grants_of_user(&user).await?.identity,
            AnyHolder::Group(group) => self.identities.policies_of_group(&group).await?,
            AnyHolder::Role(role) => self.identities.grants_of_role(&role).await?.identity,
        })
    }

    /// The user, group or role of an ARN in the caller's account.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for an ARN of something else.
    pub(super) async fn holder_with_arn(&self, cx: &Ctx, arn: &str) -> Result<AnyHolder, Error> {
        let (kind, _) = holder_in(arn).unwrap_or_default();
        let own = arn.split(':').nth(4) == Some(cx.caller.account.as_str());
        let found = match kind {
            "user" => self.identities.with_arn::<User>(arn).await?.map(|found| AnyHolder::User(found.value)),
            "group" => self.identities.with_arn::<Group>(arn).await?.map(|found| AnyHolder::Group(found.value)),
            "role" => self.identities.with_arn::<Role>(arn).await?.map(|found| AnyHolder::Role(found.value)),
            _ => {
                let text = format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.");
                return Err(Error::refused(errors::INVALID_INPUT_EXCEPTION, text));
            }
        };
        found.filter(|_| own).ok_or_else(|| {
            let text = format!("ARN {arn} does not exist.");
            Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
        })
    }

    /// Where a managed policy is used in an account.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn usage(&self, account: &str, arn: &str) -> Result<Usage, Error> {
        let mut usage = Usage::default();
        for index in [User::BY_POLICY, Group::BY_POLICY, Role::BY_POLICY] {
            usage.attached += self.held_under(account, index, arn).await?.len();
        }
        for index in [User::BY_BOUNDARY, Role::BY_BOUNDARY].into_iter().flatten() {
            usage.bounded += self.held_under(account, index, arn).await?.len();
        }
        Ok(usage)
    }

    /// The entries of an index under a managed policy, or a group.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn held_under(&self, account: &str, index: Index, held: &str) -> Result<Vec<Entry>, Error> {
        let value = holder_value(account, held);
        let (mut held, mut after) = (Vec::new(), None::<Entry>);
        loop {
            let range = Range { index, prefix: value.clone(), after, descending: false, limit: PAGE };
            let entries = self.documents.range(&range).await?;
            let count = entries.len();
            after = entries.last().cloned();
            // Longer names that begin alike stand behind.
            let same = entries.into_iter().take_while(|entry| entry.value == value);
            let before = held.len();
            held.extend(same);
            if held.len() - before < PAGE || count < PAGE {
                return Ok(held);
            }
        }
    }
}
