//! The operations of IAM: level of access, and which change nothing.

use super::AccessLevel;
use crate::iam::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        if self.reads() {
            AccessLevel::Read
        } else if self.lists() {
            AccessLevel::List
        } else if self.manages_permissions() {
            AccessLevel::PermissionsManagement
        } else if self.tags() {
            AccessLevel::Tagging
        } else {
            AccessLevel::Write
        }
    }

    /// Level Read.
    const fn reads(self) -> bool {
        matches!(
            self,
            Self::GenerateCredentialReport
                | Self::GenerateServiceLastAccessedDetails
                | Self::GetAccessKeyLastUsed
                | Self::GetAccountAuthorizationDetails
                | Self::GetAccountPasswordPolicy
                | Self::GetContextKeysForCustomPolicy
                | Self::GetContextKeysForPrincipalPolicy
                | Self::GetCredentialReport
                | Self::GetGroup
                | Self::GetGroupPolicy
                | Self::GetInstanceProfile
                | Self::GetMFADevice
                | Self::GetOpenIDConnectProvider
                | Self::GetPolicy
                | Self::GetPolicyVersion
                | Self::GetRole
                | Self::GetRolePolicy
                | Self::GetServiceLastAccessedDetails
                | Self::GetServiceLinkedRoleDeletionStatus
                | Self::GetUser
                | Self::GetUserPolicy
                | Self::SimulateCustomPolicy
                | Self::SimulatePrincipalPolicy
        )
    }

    /// Level List, which two are whose names say otherwise.
    const fn lists(self) -> bool {
        matches!(
            self,
            Self::GetAccountSummary
                | Self::GetLoginProfile
                | Self::ListAccessKeys
                | Self::ListAccountAliases
                | Self::ListAttachedGroupPolicies
                | Self::ListAttachedRolePolicies
                | Self::ListAttachedUserPolicies
                | Self::ListEntitiesForPolicy
                | Self::ListGroupPolicies
                | Self::ListGroups
                | Self::ListGroupsForUser
                | Self::ListInstanceProfileTags
                | Self::ListInstanceProfiles
                | Self::ListInstanceProfilesForRole
                | Self::ListMFADeviceTags
                | Self::ListMFADevices
                | Self::ListOpenIDConnectProviderTags
                | Self::ListOpenIDConnectProviders
                | Self::ListPolicies
                | Self::ListPoliciesGrantingServiceAccess
                | Self::ListPolicyTags
                | Self::ListPolicyVersions
                | Self::ListRolePolicies
                | Self::ListRoleTags
                | Self::ListRoles
                | Self::ListSAMLProviders
                | Self::ListSSHPublicKeys
                | Self::ListServerCertificates
                | Self::ListServiceSpecificCredentials
                | Self::ListSigningCertificates
                | Self::ListUserPolicies
                | Self::ListUserTags
                | Self::ListUsers
                | Self::ListVirtualMFADevices
        )
    }

    /// Level Permissions management.
    const fn manages_permissions(self) -> bool {
        matches!(
            self,
            Self::AttachGroupPolicy
                | Self::AttachRolePolicy
                | Self::AttachUserPolicy
                | Self::CreatePolicy
                | Self::CreatePolicyVersion
                | Self::DeleteAccountPasswordPolicy
                | Self::DeleteGroupPolicy
                | Self::DeletePolicy
                | Self::DeletePolicyVersion
                | Self::DeleteRolePermissionsBoundary
                | Self::DeleteRolePolicy
                | Self::DeleteUserPermissionsBoundary
                | Self::DeleteUserPolicy
                | Self::DetachGroupPolicy
                | Self::DetachRolePolicy
                | Self::DetachUserPolicy
                | Self::PutGroupPolicy
                | Self::PutRolePermissionsBoundary
                | Self::PutRolePolicy
                | Self::PutUserPermissionsBoundary
                | Self::PutUserPolicy
                | Self::SetDefaultPolicyVersion
                | Self::UpdateAssumeRolePolicy
        )
    }

    /// Level Tagging.
    const fn tags(self) -> bool {
        matches!(
            self,
            Self::TagInstanceProfile
                | Self::TagMFADevice
                | Self::TagOpenIDConnectProvider
                | Self::TagPolicy
                | Self::TagRole
                | Self::TagUser
                | Self::UntagInstanceProfile
                | Self::UntagMFADevice
                | Self::UntagOpenIDConnectProvider
                | Self::UntagPolicy
                | Self::UntagRole
                | Self::UntagUser
        )
    }

    /// Whether the operation changes nothing: `readOnly` of its audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::SERVICE;
    use crate::ops::Protocol;

    #[test]
    fn reads_are_what_their_names_say() {
        let reading = ["Get", "List", "Simulate", "Generate"];
        for operation in Operation::ALL {
            let named = reading.iter().any(|prefix| operation.name().starts_with(prefix));
            assert_eq!(operation.is_read_only(), named, "{}", operation.name());
        }
    }

    #[test]
    fn levels_follow_the_kind_of_change() {
        for operation in Operation::ALL {
            let name = operation.name();
            let tags = name.starts_with("Tag") || name.starts_with("Untag");
            assert_eq!(operation.access_level() == AccessLevel::Tagging, tags, "{name}");
            let lists = name.starts_with("List") || ["GetAccountSummary", "GetLoginProfile"].contains(&name);
            assert_eq!(operation.access_level() == AccessLevel::List, lists, "{name}");
            let changes = ["Attach", "Detach", "Put", "SetDefault", "CreatePolicy", "DeletePolicy"];
            if changes.iter().any(|prefix| name.starts_with(prefix)) {
                assert_eq!(operation.access_level(), AccessLevel::PermissionsManagement, "{name}");
            }
        }
        // What is added to the selection has to be placed.
        let write = Operation::ALL.iter().filter(|operation| operation.access_level() == AccessLevel::Write);
        assert_eq!(write.count(), 39);
        assert_eq!(Operation::UpdateAssumeRolePolicy.access_level(), AccessLevel::PermissionsManagement);
        assert_eq!(Operation::CreateRole.access_level(), AccessLevel::Write);
    }

    #[test]
    fn iam_is_described_as_its_model_says() {
        assert_eq!((SERVICE.signing_name, SERVICE.api_version), ("iam", "2010-05-08"));
        assert_eq!(SERVICE.protocol, Protocol::Query);
        assert_eq!(SERVICE.xml_namespace, "https://iam.amazonaws.com/doc/2010-05-08/");
        assert_eq!(SERVICE.event_source, "iam.amazonaws.com");
        assert_eq!(Operation::ALL.len(), 131);
        assert!(Operation::UNSIGNED.is_empty());
    }
}
