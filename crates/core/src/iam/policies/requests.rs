//! What the requests about policies are about, and what conditions may ask about them.

use strongroom_policy::Values;
use strongroom_wire::iam::{
    AttachGroupPolicyRequest, AttachRolePolicyRequest, AttachUserPolicyRequest, CreatePolicyRequest,
    CreatePolicyVersionRequest, DeleteGroupPolicyRequest, DeletePolicyRequest, DeletePolicyVersionRequest,
    DeleteRolePermissionsBoundaryRequest, DeleteRolePolicyRequest, DeleteUserPermissionsBoundaryRequest,
    DeleteUserPolicyRequest, DetachGroupPolicyRequest, DetachRolePolicyRequest, DetachUserPolicyRequest,
    GetGroupPolicyRequest, GetPolicyRequest, GetPolicyVersionRequest, GetRolePolicyRequest, GetUserPolicyRequest,
    ListAttachedGroupPoliciesRequest, ListAttachedRolePoliciesRequest, ListAttachedUserPoliciesRequest,
    ListEntitiesForPolicyRequest, ListGroupPoliciesRequest, ListPoliciesGrantingServiceAccessRequest,
    ListPoliciesRequest, ListPolicyTagsRequest, ListPolicyVersionsRequest, ListRolePoliciesRequest,
    ListUserPoliciesRequest, PutGroupPolicyRequest, PutRolePermissionsBoundaryRequest, PutRolePolicyRequest,
    PutUserPermissionsBoundaryRequest, PutUserPolicyRequest, SetDefaultPolicyVersionRequest, TagPolicyRequest,
    UntagPolicyRequest,
};

use crate::access::RequestKeys;
use crate::iam::conditions::{boundary, tags};
use crate::iam::target::{POLICY_KIND, Target, Targeted};

/// Requests by what they are about: a variant of [`Target`] and the member that names it.
macro_rules! about {
    ($($variant:ident($input:ident => $target:expr): $($request:ty),+ $(,)?;)*) => {$($(
        impl Targeted for $request {
            fn target(&self) -> Target<'_> {
                let $input = self;
                Target::$variant($target)
            }
        }
    )+)*};
}

about! {
    User(input => Some(&input.user_name)): AttachUserPolicyRequest, DetachUserPolicyRequest, PutUserPolicyRequest,
        GetUserPolicyRequest, DeleteUserPolicyRequest, ListUserPoliciesRequest, ListAttachedUserPoliciesRequest,
        PutUserPermissionsBoundaryRequest, DeleteUserPermissionsBoundaryRequest;
    Group(input => &input.group_name): AttachGroupPolicyRequest, DetachGroupPolicyRequest, PutGroupPolicyRequest,
        GetGroupPolicyRequest, DeleteGroupPolicyRequest, ListGroupPoliciesRequest, ListAttachedGroupPoliciesRequest;
    Role(input => &input.role_name): AttachRolePolicyRequest, DetachRolePolicyRequest, PutRolePolicyRequest,
        GetRolePolicyRequest, DeleteRolePolicyRequest, ListRolePoliciesRequest, ListAttachedRolePoliciesRequest,
        PutRolePermissionsBoundaryRequest, DeleteRolePermissionsBoundaryRequest;
    Policy(input => &input.policy_arn): GetPolicyRequest, DeletePolicyRequest, CreatePolicyVersionRequest,
        GetPolicyVersionRequest, ListPolicyVersionsRequest, SetDefaultPolicyVersionRequest,
        DeletePolicyVersionRequest, TagPolicyRequest, UntagPolicyRequest, ListPolicyTagsRequest,
        ListEntitiesForPolicyRequest;
    Holder(input => &input.arn): ListPoliciesGrantingServiceAccessRequest;
}

impl Targeted for CreatePolicyRequest {
    fn target(&self) -> Target<'_> {
        Target::New { arn_type: "policy", kind: POLICY_KIND, path: self.path.as_deref(), name: &self.policy_name }
    }
}

impl Targeted for ListPoliciesRequest {
    fn target(&self) -> Target<'_> {
        Target::List("policy", self.path_prefix.as_deref())
    }
}

/// `iam:PolicyARN` of requests that attach or detach.
macro_rules! with_policy_arn {
    ($($request:ty),+ $(,)?) => {$(
        impl RequestKeys for $request {
            fn key(&self, key: &str) -> Option<Values<'_>> {
                (key == "iam:policyarn").then(|| Values::text(&self.policy_arn))
            }
        }
    )+};
}

with_policy_arn!(
    AttachUserPolicyRequest,
    AttachGroupPolicyRequest,
    AttachRolePolicyRequest,
    DetachUserPolicyRequest,
    DetachGroupPolicyRequest,
    DetachRolePolicyRequest,
);

/// `iam:PermissionsBoundary` of requests that set one.
macro_rules! with_boundary {
    ($($request:ty),+ $(,)?) => {$(
        impl RequestKeys for $request {
            fn key(&self, key: &str) -> Option<Values<'_>> {
                boundary(key, Some(&self.permissions_boundary))
            }
        }
    )+};
}

with_boundary!(PutUserPermissionsBoundaryRequest, PutRolePermissionsBoundaryRequest);

impl RequestKeys for CreatePolicyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, self.tags.as_ref())
    }
}

impl RequestKeys for TagPolicyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, Some(&self.tags))
    }
}

impl RequestKeys for UntagPolicyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "aws:tagkeys").then(|| Values::texts(self.tag_keys.iter().map(String::as_str)))
    }
}

crate::access::without_keys!(
    PutUserPolicyRequest,
    PutGroupPolicyRequest,
    PutRolePolicyRequest,
    GetUserPolicyRequest,
    GetGroupPolicyRequest,
    GetRolePolicyRequest,
    DeleteUserPolicyRequest,
    DeleteGroupPolicyRequest,
    DeleteRolePolicyRequest,
    ListUserPoliciesRequest,
    ListGroupPoliciesRequest,
    ListRolePoliciesRequest,
    ListAttachedUserPoliciesRequest,
    ListAttachedGroupPoliciesRequest,
    ListAttachedRolePoliciesRequest,
    DeleteUserPermissionsBoundaryRequest,
    DeleteRolePermissionsBoundaryRequest,
    GetPolicyRequest,
    DeletePolicyRequest,
    CreatePolicyVersionRequest,
    GetPolicyVersionRequest,
    ListPolicyVersionsRequest,
    SetDefaultPolicyVersionRequest,
    DeletePolicyVersionRequest,
    ListPolicyTagsRequest,
    ListEntitiesForPolicyRequest,
    ListPoliciesGrantingServiceAccessRequest,
    ListPoliciesRequest,
);
