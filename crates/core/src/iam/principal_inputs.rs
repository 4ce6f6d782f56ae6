//! What the requests about users, groups and their credentials are about, and what conditions may ask about them.

use strongroom_policy::Values;
use strongroom_wire::forms::Nothing;
use strongroom_wire::iam::{
    AddUserToGroupRequest, ChangePasswordRequest, CreateAccessKeyRequest, CreateAccountAliasRequest,
    CreateGroupRequest, CreateLoginProfileRequest, CreateVirtualMFADeviceRequest, DeactivateMFADeviceRequest,
    DeleteAccessKeyRequest, DeleteAccountAliasRequest, DeleteGroupRequest, DeleteLoginProfileRequest,
    DeleteVirtualMFADeviceRequest, EnableMFADeviceRequest, GetAccessKeyLastUsedRequest, GetGroupRequest,
    GetLoginProfileRequest, GetMFADeviceRequest, ListAccessKeysRequest, ListAccountAliasesRequest,
    ListGroupsForUserRequest, ListGroupsRequest, ListMFADeviceTagsRequest, ListMFADevicesRequest,
    ListSAMLProvidersRequest, ListSSHPublicKeysRequest, ListServerCertificatesRequest,
    ListServiceSpecificCredentialsRequest, ListSigningCertificatesRequest, ListUserTagsRequest,
    ListVirtualMFADevicesRequest, RemoveUserFromGroupRequest, ResyncMFADeviceRequest,
    SetSecurityTokenServicePreferencesRequest, TagMFADeviceRequest, TagUserRequest, UntagMFADeviceRequest,
    UntagUserRequest, UpdateAccessKeyRequest, UpdateAccountPasswordPolicyRequest, UpdateGroupRequest,
    UpdateLoginProfileRequest, UpdateUserRequest,
};

use super::conditions::{removed_tags, tags};
use super::target::{GROUP_KIND, MFA_KIND, Target, Targeted};
use crate::access::RequestKeys;

/// Requests with what each is about.
macro_rules! targets {
    ($($request:ty => |$input:pat_param| $target:expr;)*) => {
        $(impl Targeted for $request {
            fn target(&self) -> Target<'_> {
                let $input = self;
                $target
            }
        })*
    };
}

targets! {
    UpdateUserRequest => |input| Target::User(Some(&input.user_name));
    TagUserRequest => |input| Target::User(Some(&input.user_name));
    UntagUserRequest => |input| Target::User(Some(&input.user_name));
    ListUserTagsRequest => |input| Target::User(Some(&input.user_name));
    ListGroupsForUserRequest => |input| Target::User(Some(&input.user_name));
    ChangePasswordRequest => |_| Target::User(None);
    CreateLoginProfileRequest => |input| Target::User(input.user_name.as_deref());
    GetLoginProfileRequest => |input| Target::User(input.user_name.as_deref());
    UpdateLoginProfileRequest => |input| Target::User(Some(&input.user_name));
    DeleteLoginProfileRequest => |input| Target::User(input.user_name.as_deref());
    CreateAccessKeyRequest => |input| Target::User(input.user_name.as_deref());
    UpdateAccessKeyRequest => |input| Target::User(input.user_name.as_deref());
    DeleteAccessKeyRequest => |input| Target::User(input.user_name.as_deref());
    ListAccessKeysRequest => |input| Target::User(input.user_name.as_deref());
    GetAccessKeyLastUsedRequest => |input| Target::OwnerOfKey(&input.access_key_id);
    EnableMFADeviceRequest => |input| Target::User(Some(&input.user_name));
    DeactivateMFADeviceRequest => |input| Target::User(input.user_name.as_deref());
    ResyncMFADeviceRequest => |input| Target::User(Some(&input.user_name));
    ListMFADevicesRequest => |input| Target::User(input.user_name.as_deref());
    GetMFADeviceRequest => |input| Target::User(input.user_name.as_deref());
    ListSSHPublicKeysRequest => |input| Target::User(input.user_name.as_deref());
    ListSigningCertificatesRequest => |input| Target::User(input.user_name.as_deref());
    ListServiceSpecificCredentialsRequest => |input| match (input.all_users, &input.user_name) {
        (Some(true), None) => Target::Account,
        (_, name) => Target::User(name.as_deref()),
    };
    AddUserToGroupRequest => |input| Target::Group(&input.group_name);
    RemoveUserFromGroupRequest => |input| Target::Group(&input.group_name);
    GetGroupRequest => |input| Target::Group(&input.group_name);
    UpdateGroupRequest => |input| Target::Group(&input.group_name);
    DeleteGroupRequest => |input| Target::Group(&input.group_name);
    CreateGroupRequest => |input| Target::New {
        arn_type: "group",
        kind: GROUP_KIND,
        path: input.path.as_deref(),
        name: &input.group_name,
    };
    CreateVirtualMFADeviceRequest => |input| Target::New {
        arn_type: "mfa",
        kind: MFA_KIND,
        path: input.path.as_deref(),
        name: &input.virtual_mfa_device_name,
    };
    DeleteVirtualMFADeviceRequest => |input| Target::MfaDevice(&input.serial_number);
    TagMFADeviceRequest => |input| Target::MfaDevice(&input.serial_number);
    UntagMFADeviceRequest => |input| Target::MfaDevice(&input.serial_number);
    ListMFADeviceTagsRequest => |input| Target::MfaDevice(&input.serial_number);
    ListGroupsRequest => |input| Target::List("group", input.path_prefix.as_deref());
    ListVirtualMFADevicesRequest => |_| Target::List("mfa", None);
    ListServerCertificatesRequest => |_| Target::Account;
    ListSAMLProvidersRequest => |_| Target::Account;
    CreateAccountAliasRequest => |_| Target::Account;
    DeleteAccountAliasRequest => |_| Target::Account;
    ListAccountAliasesRequest => |_| Target::Account;
    UpdateAccountPasswordPolicyRequest => |_| Target::Account;
    SetSecurityTokenServicePreferencesRequest => |_| Target::Account;
    Nothing => |_| Target::Account;
}

crate::access::without_keys!(
    AddUserToGroupRequest,
    ChangePasswordRequest,
    CreateAccessKeyRequest,
    CreateAccountAliasRequest,
    CreateGroupRequest,
    CreateLoginProfileRequest,
    DeactivateMFADeviceRequest,
    DeleteAccessKeyRequest,
    DeleteAccountAliasRequest,
    DeleteGroupRequest,
    DeleteLoginProfileRequest,
    DeleteVirtualMFADeviceRequest,
    EnableMFADeviceRequest,
    GetAccessKeyLastUsedRequest,
    GetGroupRequest,
    GetLoginProfileRequest,
    GetMFADeviceRequest,
    ListAccessKeysRequest,
    ListAccountAliasesRequest,
    ListGroupsForUserRequest,
    ListGroupsRequest,
    ListMFADeviceTagsRequest,
    ListMFADevicesRequest,
    ListSAMLProvidersRequest,
    ListSSHPublicKeysRequest,
    ListServerCertificatesRequest,
    ListServiceSpecificCredentialsRequest,
    ListSigningCertificatesRequest,
    ListUserTagsRequest,
    ListVirtualMFADevicesRequest,
    Nothing,
    RemoveUserFromGroupRequest,
    ResyncMFADeviceRequest,
    SetSecurityTokenServicePreferencesRequest,
    UpdateAccessKeyRequest,
    UpdateAccountPasswordPolicyRequest,
    UpdateGroupRequest,
    UpdateLoginProfileRequest,
    UpdateUserRequest,
);

impl RequestKeys for TagUserRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, Some(&self.tags))
    }
}

impl RequestKeys for UntagUserRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        removed_tags(key, &self.tag_keys)
    }
}

impl RequestKeys for CreateVirtualMFADeviceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, self.tags.as_ref())
    }
}

impl RequestKeys for TagMFADeviceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, Some(&self.tags))
    }
}

impl RequestKeys for UntagMFADeviceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        removed_tags(key, &self.tag_keys)
    }
}
