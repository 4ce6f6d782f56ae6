//! What the requests about roles and instance profiles are about, and what conditions may ask about them.

use strongroom_policy::Values;
use strongroom_wire::iam::{
    AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, CreateRoleRequest, CreateServiceLinkedRoleRequest,
    DeleteInstanceProfileRequest, DeleteRoleRequest, DeleteServiceLinkedRoleRequest, GetInstanceProfileRequest,
    GetRoleRequest, GetServiceLinkedRoleDeletionStatusRequest, ListInstanceProfileTagsRequest,
    ListInstanceProfilesForRoleRequest, ListInstanceProfilesRequest, ListRoleTagsRequest, ListRolesRequest,
    RemoveRoleFromInstanceProfileRequest, TagInstanceProfileRequest, TagRoleRequest, UntagInstanceProfileRequest,
    UntagRoleRequest, UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest, UpdateRoleRequest,
};

use super::conditions::{boundary, removed_tags, tags};
use super::service_linked_roles::{linked_role, role_of_task};
use super::target::{INSTANCE_PROFILE_KIND, ROLE_KIND, Target, Targeted};
use crate::access::RequestKeys;
use crate::identities::role::SERVICE_PATH;

/// Requests about a role by name.
macro_rules! about_roles {
    ($($request:ty),* $(,)?) => {
        $(impl Targeted for $request {
            fn target(&self) -> Target<'_> {
                Target::Role(&self.role_name)
            }
        })*
    };
}

about_roles!(
    DeleteRoleRequest,
    DeleteServiceLinkedRoleRequest,
    GetRoleRequest,
    ListInstanceProfilesForRoleRequest,
    ListRoleTagsRequest,
    TagRoleRequest,
    UntagRoleRequest,
    UpdateAssumeRolePolicyRequest,
    UpdateRoleDescriptionRequest,
    UpdateRoleRequest,
);

/// Requests about an instance profile by name.
macro_rules! about_profiles {
    ($($request:ty),* $(,)?) => {
        $(impl Targeted for $request {
            fn target(&self) -> Target<'_> {
                Target::InstanceProfile(&self.instance_profile_name)
            }
        })*
    };
}

about_profiles!(
    AddRoleToInstanceProfileRequest,
    DeleteInstanceProfileRequest,
    GetInstanceProfileRequest,
    ListInstanceProfileTagsRequest,
    RemoveRoleFromInstanceProfileRequest,
    TagInstanceProfileRequest,
    UntagInstanceProfileRequest,
);

impl Targeted for CreateRoleRequest {
    fn target(&self) -> Target<'_> {
        Target::New { arn_type: "role", kind: ROLE_KIND, path: self.path.as_deref(), name: &self.role_name }
    }
}

impl Targeted for CreateServiceLinkedRoleRequest {
    fn target(&self) -> Target<'_> {
        let (path, name) = linked_role(&self.aws_service_name)
            .map_or((SERVICE_PATH, self.aws_service_name.as_str()), |linked| (linked.path, linked.name));
        Target::New { arn_type: "role", kind: ROLE_KIND, path: Some(path), name }
    }
}

impl Targeted for GetServiceLinkedRoleDeletionStatusRequest {
    fn target(&self) -> Target<'_> {
        // The role is gone: its ARN is made of what its task's id tells.
        role_of_task(&self.deletion_task_id).map_or(Target::Account, |(path, name)| Target::New {
            arn_type: "role",
            kind: ROLE_KIND,
            path: Some(path),
            name,
        })
    }
}

impl Targeted for ListRolesRequest {
    fn target(&self) -> Target<'_> {
        Target::List("role", self.path_prefix.as_deref())
    }
}

impl Targeted for CreateInstanceProfileRequest {
    fn target(&self) -> Target<'_> {
        Target::New {
            arn_type: "instance-profile",
            kind: INSTANCE_PROFILE_KIND,
            path: self.path.as_deref(),
            name: &self.instance_profile_name,
        }
    }
}

impl Targeted for ListInstanceProfilesRequest {
    fn target(&self) -> Target<'_> {
        Target::List("instance-profile", self.path_prefix.as_deref())
    }
}

impl RequestKeys for CreateRoleRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        boundary(key, self.permissions_boundary.as_ref()).or_else(|| tags(key, self.tags.as_ref()))
    }
}

impl RequestKeys for CreateServiceLinkedRoleRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "iam:awsservicename").then(|| Values::text(&self.aws_service_name))
    }
}

impl RequestKeys for CreateInstanceProfileRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, self.tags.as_ref())
    }
}

impl RequestKeys for TagRoleRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, Some(&self.tags))
    }
}

impl RequestKeys for TagInstanceProfileRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, Some(&self.tags))
    }
}

impl RequestKeys for UntagRoleRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        removed_tags(key, &self.tag_keys)
    }
}

impl RequestKeys for UntagInstanceProfileRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        removed_tags(key, &self.tag_keys)
    }
}

crate::access::without_keys!(
    AddRoleToInstanceProfileRequest,
    DeleteInstanceProfileRequest,
    DeleteRoleRequest,
    DeleteServiceLinkedRoleRequest,
    GetInstanceProfileRequest,
    GetRoleRequest,
    GetServiceLinkedRoleDeletionStatusRequest,
    ListInstanceProfileTagsRequest,
    ListInstanceProfilesForRoleRequest,
    ListInstanceProfilesRequest,
    ListRoleTagsRequest,
    ListRolesRequest,
    RemoveRoleFromInstanceProfileRequest,
    UpdateAssumeRolePolicyRequest,
    UpdateRoleDescriptionRequest,
    UpdateRoleRequest,
);
