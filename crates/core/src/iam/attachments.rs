//! Managed policies of users, groups and roles: Attach…Policy, Detach…Policy, ListAttached…Policies.

use strongroom_wire::iam::{
    AttachGroupPolicyRequest, AttachRolePolicyRequest, AttachUserPolicyRequest, AttachedPolicy,
    DetachGroupPolicyRequest, DetachRolePolicyRequest, DetachUserPolicyRequest, ListAttachedGroupPoliciesRequest,
    ListAttachedGroupPoliciesResponse, ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse,
    ListAttachedUserPoliciesRequest, ListAttachedUserPoliciesResponse, errors,
};

use super::holders::Holder;
use super::pages::Page;
use super::{Iam, refusals};
use crate::access::Permit;
use crate::ctx::{Ctx, Done};
use crate::documents::retry;
use crate::error::Error;
use crate::identities::group::Group;
use crate::identities::role::Role;
use crate::identities::user::User;
use crate::page;

/// Managed policies attached to one user, group or role, at most (IAM's quotas).
pub(super) const ATTACHED_MAX: usize = 10;

impl Iam {
    /// Attaches a managed policy to a user. It is no error when it is attached already.
    ///
    /// # Errors
    /// NoSuchEntity, LimitExceeded.
    pub async fn attach_user_policy(&self, cx: &Ctx, _: &Permit, input: AttachUserPolicyRequest) -> Result<(), Error> {
        self.attach::<User>(cx, "attach_user_policy", &input.user_name, &input.policy_arn).await
    }

    /// Attaches a managed policy to a group. It is no error when it is attached already.
    ///
    /// # Errors
    /// NoSuchEntity, LimitExceeded.
    pub async fn attach_group_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: AttachGroupPolicyRequest,
    ) -> Result<(), Error> {
        self.attach::<Group>(cx, "attach_group_policy", &input.group_name, &input.policy_arn).await
    }

    /// Attaches a managed policy to a role. It is no error when it is attached already.
    ///
    /// # Errors
    /// NoSuchEntity, LimitExceeded; UnmodifiableEntity for a role that belongs to a service.
    pub async fn attach_role_policy(&self, cx: &Ctx, _: &Permit, input: AttachRolePolicyRequest) -> Result<(), Error> {
        self.attach::<Role>(cx, "attach_role_policy", &input.role_name, &input.policy_arn).await
    }

    /// Detaches a managed policy from a user.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn detach_user_policy(&self, cx: &Ctx, _: &Permit, input: DetachUserPolicyRequest) -> Result<(), Error> {
        self.detach::<User>(cx, "detach_user_policy", &input.user_name, &input.policy_arn).await
    }

    /// Detaches a managed policy from a group.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn detach_group_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: DetachGroupPolicyRequest,
    ) -> Result<(), Error> {
        self.detach::<Group>(cx, "detach_group_policy", &input.group_name, &input.policy_arn).await
    }

    /// Detaches a managed policy from a role.
    ///
    /// # Errors
    /// NoSuchEntity; UnmodifiableEntity for a role that belongs to a service.
    pub async fn detach_role_policy(&self, cx: &Ctx, _: &Permit, input: DetachRolePolicyRequest) -> Result<(), Error> {
        self.detach::<Role>(cx, "detach_role_policy", &input.role_name, &input.policy_arn).await
    }

    /// The managed policies of a user, in the order they were attached.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_attached_user_policies(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListAttachedUserPoliciesRequest,
    ) -> Result<ListAttachedUserPoliciesResponse, Error> {
        let asked = (input.path_prefix.as_deref(), input.max_items, input.marker.as_deref());
        let page = self.attached::<User>(cx, &input.user_name, asked).await?;
        let is_truncated = page.is_truncated();
        Ok(ListAttachedUserPoliciesResponse { attached_policies: Some(page.items), is_truncated, marker: page.marker })
    }

    /// The managed policies of a group, in the order they were attached.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_attached_group_policies(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListAttachedGroupPoliciesRequest,
    ) -> Result<ListAttachedGroupPoliciesResponse, Error> {
        let asked = (input.path_prefix.as_deref(), input.max_items, input.marker.as_deref());
        let page = self.attached::<Group>(cx, &input.group_name, asked).await?;
        let is_truncated = page.is_truncated();
        Ok(ListAttachedGroupPoliciesResponse { attached_policies: Some(page.items), is_truncated, marker: page.marker })
    }

    /// The managed policies of a role, in the order they were attached.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_attached_role_policies(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: ListAttachedRolePoliciesRequest,
    ) -> Result<ListAttachedRolePoliciesResponse, Error> {
        let asked = (input.path_prefix.as_deref(), input.max_items, input.marker.as_deref());
        let page = self.attached::<Role>(cx, &input.role_name, asked).await?;
        let is_truncated = page.is_truncated();
        Ok(ListAttachedRolePoliciesResponse { attached_policies: Some(page.items), is_truncated, marker: page.marker })
    }

    async fn attach<H: Holder>(&self, cx: &Ctx, change: &'static str, name: &str, arn: &str) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, change).await?;
            let before = self.changeable::<H>(cx, name).await?;
            let (partition, account) = (cx.region.partition(), cx.caller.account.as_str());
            if self.identities.offered_policy(partition, account, arn).await?.is_none() {
                return Err(not_attachable(arn));
            }
            let mut after = H::clone(&before.value);
            let attached = &mut after.policies_mut().attached;
            if !attached.iter().any(|other| other == arn) {
                if attached.len() >= ATTACHED_MAX {
                    return Err(refusals::quota(H::ATTACHED_QUOTA, ATTACHED_MAX));
                }
                attached.push(arn.to_owned());
            }
            let done = done::<H>(&after);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    async fn detach<H: Holder>(&self, cx: &Ctx, change: &'static str, name: &str, arn: &str) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, change).await?;
            let before = self.changeable::<H>(cx, name).await?;
            let mut after = H::clone(&before.value);
            let attached = &mut after.policies_mut().attached;
            let count = attached.len();
            attached.retain(|other| other != arn);
            if attached.len() == count {
                let text = format!("Policy {arn} was not found.");
                return Err(Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text));
            }
            let done = done::<H>(&after);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    async fn attached<H: Holder>(
        &self,
        cx: &Ctx,
        name: &str,
        (prefix, max_items, marker): (Option<&str>, Option<i32>, Option<&str>),
    ) -> Result<Page<AttachedPolicy>, Error> {
        let holder = self.holder::<H>(cx, name).await?.value;
        let prefix = prefix.unwrap_or("/");
        let query = page::Query::new("ListAttachedPolicies").part(holder.id()).part(prefix);
        let arns = holder.policies().attached.iter().filter(|arn| path_of(arn).starts_with(prefix)).cloned().collect();
        let page = self.page_of(&query, arns, String::clone, max_items, marker)?;
        Ok(page.map(|arn| shown_attached(&arn)))
    }
}

/// What a change of a user, group or role tells the record.
pub(super) fn done<H: Holder>(holder: &H) -> Done {
    Done { response_elements: None, arn: Some(holder.arn()), resource_kind: H::RECORD_KIND }
}

/// The managed policy is not there.
pub(super) fn not_attachable(arn: &str) -> Error {
    let text = format!("Policy {arn} does not exist or is not attachable.");
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
}

/// The path of a managed policy, from its ARN.
pub(super) fn path_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path_and_name = resource.strip_prefix("policy").unwrap_or(resource);
    path_and_name.rfind('/').and_then(|at| path_and_name.get(..=at)).unwrap_or("/")
}

/// The name of a managed policy, from its ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// An attached managed policy as the API shows it.
pub(super) fn shown_attached(arn: &str) -> AttachedPolicy {
    AttachedPolicy { policy_name: Some(name_of(arn).to_owned()), policy_arn: Some(arn.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::{name_of, path_of};

    #[test]
    fn path_and_name_come_from_the_arn() {
        let arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
        assert_eq!((path_of(arn), name_of(arn)), ("/service-role/", "AWSLambdaBasicExecutionRole"));
        let arn = "arn:aws:iam::123456789012:policy/one";
        assert_eq!((path_of(arn), name_of(arn)), ("/", "one"));
    }
}
