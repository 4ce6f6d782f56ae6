//! The operations of IAM (query protocol).

use strongroom_core::access::RequestKeys;
use strongroom_core::iam::Iam;
use strongroom_core::iam::target::Targeted;
use strongroom_core::{Ctx, Error, Permit, authorize};
use strongroom_wire::Shape;
use strongroom_wire::error::UNKNOWN_OPERATION;
use strongroom_wire::iam::{Operation, SERVICE};
use strongroom_wire::ops::AnyOperation;

use super::form::Asked;
use super::{Acted, Answered};
use crate::front::Call;

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(iam: &Iam, cx: &Ctx, operation: Operation, call: &Call) -> Result<Answered, Error> {
    let asked = Asked { cx, operation: AnyOperation::Iam(operation), call };
    let call = Operated { iam, asked };
    match operation {
        Operation::CreateUser => call.answered(Iam::create_user).await,
        Operation::GetUser => call.answered(Iam::get_user).await,
        Operation::ListUsers => call.answered(Iam::list_users).await,
        Operation::DeleteUser => call.silent(Iam::delete_user).await,
        Operation::CreateRole => call.answered(Iam::create_role).await,
        Operation::GetRole => call.answered(Iam::get_role).await,
        Operation::ListRoles => call.answered(Iam::list_roles).await,
        Operation::UpdateRole => call.answered(Iam::update_role).await,
        Operation::UpdateRoleDescription => call.answered(Iam::update_role_description).await,
        Operation::UpdateAssumeRolePolicy => call.silent(Iam::update_assume_role_policy).await,
        Operation::DeleteRole => call.silent(Iam::delete_role).await,
        Operation::TagRole => call.silent(Iam::tag_role).await,
        Operation::UntagRole => call.silent(Iam::untag_role).await,
        Operation::ListRoleTags => call.answered(Iam::list_role_tags).await,
        Operation::CreateServiceLinkedRole => call.answered(Iam::create_service_linked_role).await,
        Operation::DeleteServiceLinkedRole => call.answered(Iam::delete_service_linked_role).await,
        Operation::GetServiceLinkedRoleDeletionStatus => {
            call.answered(Iam::get_service_linked_role_deletion_status).await
        }
        Operation::CreateInstanceProfile => call.answered(Iam::create_instance_profile).await,
        Operation::GetInstanceProfile => call.answered(Iam::get_instance_profile).await,
        Operation::ListInstanceProfiles => call.answered(Iam::list_instance_profiles).await,
        Operation::ListInstanceProfilesForRole => call.answered(Iam::list_instance_profiles_for_role).await,
        Operation::AddRoleToInstanceProfile => call.silent(Iam::add_role_to_instance_profile).await,
        Operation::RemoveRoleFromInstanceProfile => call.silent(Iam::remove_role_from_instance_profile).await,
        Operation::DeleteInstanceProfile => call.silent(Iam::delete_instance_profile).await,
        Operation::TagInstanceProfile => call.silent(Iam::tag_instance_profile).await,
        Operation::UntagInstanceProfile => call.silent(Iam::untag_instance_profile).await,
        Operation::ListInstanceProfileTags => call.answered(Iam::list_instance_profile_tags).await,
        Operation::CreateOpenIDConnectProvider => call.answered(Iam::create_open_id_connect_provider).await,
        Operation::GetOpenIDConnectProvider => call.answered(Iam::get_open_id_connect_provider).await,
        Operation::ListOpenIDConnectProviders => call.answered(Iam::list_open_id_connect_providers).await,
        Operation::DeleteOpenIDConnectProvider => call.silent(Iam::delete_open_id_connect_provider).await,
        Operation::UpdateOpenIDConnectProviderThumbprint => {
            call.silent(Iam::update_open_id_connect_provider_thumbprint).await
        }
        Operation::AddClientIDToOpenIDConnectProvider => {
            call.silent(Iam::add_client_id_to_open_id_connect_provider).await
        }
        Operation::RemoveClientIDFromOpenIDConnectProvider => {
            call.silent(Iam::remove_client_id_from_open_id_connect_provider).await
        }
        Operation::TagOpenIDConnectProvider => call.silent(Iam::tag_open_id_connect_provider).await,
        Operation::UntagOpenIDConnectProvider => call.silent(Iam::untag_open_id_connect_provider).await,
        Operation::ListOpenIDConnectProviderTags => call.answered(Iam::list_open_id_connect_provider_tags).await,
        _ => run_on_policies(&call, operation).await,
    }
}

/// Runs an operation about policies.
async fn run_on_policies(call: &Operated<'_>, operation: Operation) -> Result<Answered, Error> {
    match operation {
        Operation::CreatePolicy => call.answered(Iam::create_policy).await,
        Operation::GetPolicy => call.answered(Iam::get_policy).await,
        Operation::DeletePolicy => call.silent(Iam::delete_policy).await,
        Operation::ListPolicies => call.answered(Iam::list_policies).await,
        Operation::CreatePolicyVersion => call.answered(Iam::create_policy_version).await,
        Operation::GetPolicyVersion => call.answered(Iam::get_policy_version).await,
        Operation::ListPolicyVersions => call.answered(Iam::list_policy_versions).await,
        Operation::SetDefaultPolicyVersion => call.silent(Iam::set_default_policy_version).await,
        Operation::DeletePolicyVersion => call.silent(Iam::delete_policy_version).await,
        Operation::TagPolicy => call.silent(Iam::tag_policy).await,
        Operation::UntagPolicy => call.silent(Iam::untag_policy).await,
        Operation::ListPolicyTags => call.answered(Iam::list_policy_tags).await,
        Operation::GetContextKeysForCustomPolicy => call.answered(Iam::get_context_keys_for_custom_policy).await,
        Operation::GetContextKeysForPrincipalPolicy => call.answered(Iam::get_context_keys_for_principal_policy).await,
        Operation::SimulateCustomPolicy => call.answered(Iam::simulate_custom_policy).await,
        Operation::SimulatePrincipalPolicy => call.answered(Iam::simulate_principal_policy).await,
        Operation::ListEntitiesForPolicy => call.answered(Iam::list_entities_for_policy).await,
        Operation::ListPoliciesGrantingServiceAccess => call.answered(Iam::list_policies_granting_service_access).await,
        Operation::AttachUserPolicy => call.silent(Iam::attach_user_policy).await,
        Operation::DetachUserPolicy => call.silent(Iam::detach_user_policy).await,
        Operation::ListAttachedUserPolicies => call.answered(Iam::list_attached_user_policies).await,
        Operation::PutUserPolicy => call.silent(Iam::put_user_policy).await,
        Operation::GetUserPolicy => call.answered(Iam::get_user_policy).await,
        Operation::DeleteUserPolicy => call.silent(Iam::delete_user_policy).await,
        Operation::ListUserPolicies => call.answered(Iam::list_user_policies).await,
        Operation::AttachGroupPolicy => call.silent(Iam::attach_group_policy).await,
        Operation::DetachGroupPolicy => call.silent(Iam::detach_group_policy).await,
        Operation::ListAttachedGroupPolicies => call.answered(Iam::list_attached_group_policies).await,
        Operation::PutGroupPolicy => call.silent(Iam::put_group_policy).await,
        Operation::GetGroupPolicy => call.answered(Iam::get_group_policy).await,
        Operation::DeleteGroupPolicy => call.silent(Iam::delete_group_policy).await,
        Operation::ListGroupPolicies => call.answered(Iam::list_group_policies).await,
        Operation::AttachRolePolicy => call.silent(Iam::attach_role_policy).await,
        Operation::DetachRolePolicy => call.silent(Iam::detach_role_policy).await,
        Operation::ListAttachedRolePolicies => call.answered(Iam::list_attached_role_policies).await,
        Operation::PutRolePolicy => call.silent(Iam::put_role_policy).await,
        Operation::GetRolePolicy => call.answered(Iam::get_role_policy).await,
        Operation::DeleteRolePolicy => call.silent(Iam::delete_role_policy).await,
        Operation::ListRolePolicies => call.answered(Iam::list_role_policies).await,
        Operation::PutUserPermissionsBoundary => call.silent(Iam::put_user_permissions_boundary).await,
        Operation::DeleteUserPermissionsBoundary => call.silent(Iam::delete_user_permissions_boundary).await,
        Operation::PutRolePermissionsBoundary => call.silent(Iam::put_role_permissions_boundary).await,
        Operation::DeleteRolePermissionsBoundary => call.silent(Iam::delete_role_permissions_boundary).await,
        _ => principals(call, operation).await,
    }
}

/// Users, groups and the settings of the account.
async fn principals(call: &Operated<'_>, operation: Operation) -> Result<Answered, Error> {
    match operation {
        Operation::UpdateUser => call.silent(Iam::update_user).await,
        Operation::TagUser => call.silent(Iam::tag_user).await,
        Operation::UntagUser => call.silent(Iam::untag_user).await,
        Operation::ListUserTags => call.answered(Iam::list_user_tags).await,
        Operation::CreateGroup => call.answered(Iam::create_group).await,
        Operation::GetGroup => call.answered(Iam::get_group).await,
        Operation::UpdateGroup => call.silent(Iam::update_group).await,
        Operation::DeleteGroup => call.silent(Iam::delete_group).await,
        Operation::ListGroups => call.answered(Iam::list_groups).await,
        Operation::AddUserToGroup => call.silent(Iam::add_user_to_group).await,
        Operation::RemoveUserFromGroup => call.silent(Iam::remove_user_from_group).await,
        Operation::ListGroupsForUser => call.answered(Iam::list_groups_for_user).await,
        Operation::CreateAccountAlias => call.silent(Iam::create_account_alias).await,
        Operation::DeleteAccountAlias => call.silent(Iam::delete_account_alias).await,
        Operation::ListAccountAliases => call.answered(Iam::list_account_aliases).await,
        Operation::UpdateAccountPasswordPolicy => call.silent(Iam::update_account_password_policy).await,
        Operation::GetAccountAuthorizationDetails => call.answered(Iam::get_account_authorization_details).await,
        Operation::GetAccountPasswordPolicy => call.answered(Iam::get_account_password_policy).await,
        Operation::DeleteAccountPasswordPolicy => call.silent(Iam::delete_account_password_policy).await,
        Operation::SetSecurityTokenServicePreferences => call.silent(Iam::set_security_token_service_preferences).await,
        _ => credentials(call, operation).await,
    }
}

/// What users sign and sign in with.
async fn credentials(call: &Operated<'_>, operation: Operation) -> Result<Answered, Error> {
    match operation {
        Operation::CreateAccessKey => call.answered(Iam::create_access_key).await,
        Operation::UpdateAccessKey => call.silent(Iam::update_access_key).await,
        Operation::DeleteAccessKey => call.silent(Iam::delete_access_key).await,
        Operation::ListAccessKeys => call.answered(Iam::list_access_keys).await,
        Operation::GetAccessKeyLastUsed => call.answered(Iam::get_access_key_last_used).await,
        Operation::CreateLoginProfile => call.answered(Iam::create_login_profile).await,
        Operation::GetLoginProfile => call.answered(Iam::get_login_profile).await,
        Operation::UpdateLoginProfile => call.silent(Iam::update_login_profile).await,
        Operation::DeleteLoginProfile => call.silent(Iam::delete_login_profile).await,
        Operation::ChangePassword => call.silent(Iam::change_password).await,
        Operation::CreateVirtualMFADevice => call.answered(Iam::create_virtual_mfa_device).await,
        Operation::EnableMFADevice => call.silent(Iam::enable_mfa_device).await,
        Operation::ResyncMFADevice => call.silent(Iam::resync_mfa_device).await,
        Operation::DeactivateMFADevice => call.silent(Iam::deactivate_mfa_device).await,
        Operation::DeleteVirtualMFADevice => call.silent(Iam::delete_virtual_mfa_device).await,
        Operation::ListVirtualMFADevices => call.answered(Iam::list_virtual_mfa_devices).await,
        Operation::ListMFADevices => call.answered(Iam::list_mfa_devices).await,
        Operation::GetMFADevice => call.answered(Iam::get_mfa_device).await,
        Operation::TagMFADevice => call.silent(Iam::tag_mfa_device).await,
        Operation::UntagMFADevice => call.silent(Iam::untag_mfa_device).await,
        Operation::ListMFADeviceTags => call.answered(Iam::list_mfa_device_tags).await,
        Operation::ListSSHPublicKeys => call.answered(Iam::list_ssh_public_keys).await,
        Operation::ListServiceSpecificCredentials => call.answered(Iam::list_service_specific_credentials).await,
        Operation::ListSigningCertificates => call.answered(Iam::list_signing_certificates).await,
        Operation::ListServerCertificates => call.answered(Iam::list_server_certificates).await,
        Operation::ListSAMLProviders => call.answered(Iam::list_saml_providers).await,
        Operation::GetAccountSummary => call.answered(Iam::get_account_summary).await,
        Operation::GenerateCredentialReport => call.answered(Iam::generate_credential_report).await,
        Operation::GetCredentialReport => call.answered(Iam::get_credential_report).await,
        Operation::GenerateServiceLastAccessedDetails => {
            call.answered(Iam::generate_service_last_accessed_details).await
        }
        Operation::GetServiceLastAccessedDetails => call.answered(Iam::get_service_last_accessed_details).await,
        // Of the model, but not of this release: as an operation that no version has.
        other => {
            let text = format!("Could not find operation {} for version {}", other.name(), SERVICE.api_version);
            Err(Error::refused(UNKNOWN_OPERATION.for_query(), text))
        }
    }
}

/// A call that is being answered.
struct Operated<'a> {
    iam: &'a Iam,
    asked: Asked<'a>,
}

impl Operated<'_> {
    /// Reads the input, finds what it is about and asks for leave.
    async fn permitted<I: Shape + Targeted + RequestKeys>(&self) -> Result<(I, Permit, Option<Acted>), Error> {
        let Asked { cx, operation, .. } = &self.asked;
        let input: I = self.asked.input()?;
        let resource = self.iam.resource(cx, &input.target()).await?;
        let acted = resource.entity().map(|entity| Acted {
            arn: entity.arn.clone(),
            account: entity.account.clone(),
            kind: entity.kind,
        });
        let permit = authorize(cx, operation.action(), resource, &input)?;
        Ok((input, permit, acted))
    }

    /// An operation with output.
    async fn answered<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + Targeted + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Iam, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let (input, permit, acted) = self.permitted().await?;
        let output = operation(self.iam, self.asked.cx, &permit, input).await?;
        Ok(Answered { body: self.asked.answer(&output), acted, ..Answered::default() })
    }

    /// An operation without output.
    async fn silent<I, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + Targeted + RequestKeys,
        F: AsyncFnOnce(&Iam, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let (input, permit, acted) = self.permitted().await?;
        operation(self.iam, self.asked.cx, &permit, input).await?;
        Ok(Answered { body: self.asked.silence(), acted, ..Answered::default() })
    }
}
