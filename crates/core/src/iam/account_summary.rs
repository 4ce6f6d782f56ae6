//! GetAccountSummary: how much of everything an account has, and how much it may have.

use std::collections::BTreeMap;

use strongroom_store::{Entry, Index, Range};
use strongroom_wire::forms::Nothing;
use strongroom_wire::iam::{GetAccountSummaryResponse, SummaryKeyType as Key};

use super::access_keys::KEYS_MAX;
use super::attachments::ATTACHED_MAX;
use super::groups::{GROUPS_MAX, GROUPS_OF_USER_MAX};
use super::holders::Holder;
use super::instance_profiles::PROFILES_MAX;
use super::policies::{POLICIES_MAX, POLICY_CHARS_MAX, VERSIONS_MAX};
use super::roles::ROLES_MAX;
use super::trust::TRUST_CHARS_MAX;
use super::users::USERS_MAX;
use super::{Iam, counted};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::entity::{Entity, path_value};
use crate::identities::group::Group;
use crate::identities::instance_profile::InstanceProfile;
use crate::identities::managed_policy::ManagedPolicy;
use crate::identities::mfa_device::{MFA_DEVICE_PATHS, MfaDevice};
use crate::identities::role::Role;
use crate::identities::user::User;

/// Entries of an index read at a time.
const PAGE: usize = 1000;
/// Server certificates of an account, at most (IAM's quotas). None can be uploaded here.
const SERVER_CERTIFICATES_MAX: i32 = 20;
/// Signing certificates of a user, at most (IAM's quotas). None can be uploaded here.
const SIGNING_CERTIFICATES_MAX: i32 = 2;
/// Versions of managed policies that are in use in an account, at most, as AWS shows it. The quotas of policies and
/// their versions are reached before it.
const VERSIONS_IN_USE_MAX: i32 = 10_000;

impl Iam {
    /// What the caller's account has of everything, and its quotas.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn get_account_summary(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: Nothing,
    ) -> Result<GetAccountSummaryResponse, Error> {
        let mut summary = quotas();
        let account = cx.caller.account.as_str();
        let (devices, devices_in_use) = self.count_mfa_devices(account).await?;
        let long_tokens = self.account(cx).await?.value.long_global_tokens;
        let root_has_keys = !self.identities.root_keys(&cx.caller.account).await?.is_empty();
        summary.extend([
            (Key::Users, counted(self.count(account, User::PATHS, USERS_MAX).await?)),
            (Key::Groups, counted(self.count(account, Group::PATHS, GROUPS_MAX).await?)),
            (Key::Roles, counted(self.count(account, Role::PATHS, ROLES_MAX).await?)),
            (Key::Policies, counted(self.count(account, ManagedPolicy::PATHS, POLICIES_MAX).await?)),
            (Key::InstanceProfiles, counted(self.count(account, InstanceProfile::PATHS, PROFILES_MAX).await?)),
            (Key::Providers, counted(self.providers(cx).await?.len())),
            (Key::PolicyVersionsInUse, counted(self.count_policies_in_use(account).await?)),
            (Key::MFADevices, counted(devices)),
            (Key::MFADevicesInUse, counted(devices_in_use)),
            (Key::GlobalEndpointTokenVersion, if long_tokens { 2 } else { 1 }),
            (Key::AccountAccessKeysPresent, i32::from(root_has_keys)),
            // The root of an account has access keys here and nothing else.
            (Key::AccountMFAEnabled, 0),
            (Key::AccountPasswordPresent, 0),
            (Key::AccountSigningCertificatesPresent, 0),
            (Key::ServerCertificates, 0),
        ]);
        Ok(GetAccountSummaryResponse { summary_map: Some(summary) })
    }

    /// How many virtual MFA devices there are, and how many of them belong to somebody.
    async fn count_mfa_devices(&self, account: &str) -> Result<(usize, usize), Error> {
        let (mut all, mut in_use, mut after) = (0, 0, None);
        loop {
            let entries = self.entries(account, MFA_DEVICE_PATHS, after).await?;
            let Some(last) = entries.last().cloned() else { return Ok((all, in_use)) };
            let devices = self.documents.load_entries::<MfaDevice>(MFA_DEVICE_PATHS, &entries).await?;
            all += devices.len();
            in_use += devices.iter().filter(|device| device.value.assigned.is_some()).count();
            after = Some(last);
        }
    }

    /// How many managed policies of the account and of AWS are attached to somebody or bound somebody. Of each one
    /// version is in force.
    async fn count_policies_in_use(&self, account: &str) -> Result<usize, Error> {
        let attached = [User::BY_POLICY, Group::BY_POLICY, Role::BY_POLICY].into_iter();
        let bounding = [User::BY_BOUNDARY, Role::BY_BOUNDARY].into_iter().flatten();
        let mut used = std::collections::BTreeSet::new();
        for index in attached.chain(bounding) {
            let mut after = None;
            loop {
                let entries = self.entries(account, index, after).await?;
                let Some(last) = entries.last().cloned() else { break };
                after = Some(last);
                used.extend(entries.into_iter().map(|entry| entry.value));
            }
        }
        Ok(used.len())
    }

    /// Some entries of an account in an index, behind `after`.
    async fn entries(&self, account: &str, index: Index, after: Option<Entry>) -> Result<Vec<Entry>, Error> {
        let prefix = path_value(account, "");
        self.documents.range(&Range { index, prefix, after, descending: false, limit: PAGE }).await
    }
}

/// The quotas that IAM tells of. They are the same for all accounts.
fn quotas() -> BTreeMap<Key, i32> {
    BTreeMap::from([
        (Key::UsersQuota, counted(USERS_MAX)),
        (Key::GroupsQuota, counted(GROUPS_MAX)),
        (Key::RolesQuota, counted(ROLES_MAX)),
        (Key::PoliciesQuota, counted(POLICIES_MAX)),
        (Key::InstanceProfilesQuota, counted(PROFILES_MAX)),
        (Key::UserPolicySizeQuota, counted(User::INLINE_CHARS_MAX)),
        (Key::GroupPolicySizeQuota, counted(Group::INLINE_CHARS_MAX)),
        (Key::RolePolicySizeQuota, counted(Role::INLINE_CHARS_MAX)),
        (Key::AssumeRolePolicySizeQuota, counted(TRUST_CHARS_MAX)),
        (Key::PolicySizeQuota, counted(POLICY_CHARS_MAX)),
        (Key::VersionsPerPolicyQuota, counted(VERSIONS_MAX)),
        (Key::PolicyVersionsInUseQuota, VERSIONS_IN_USE_MAX),
        (Key::AttachedPoliciesPerUserQuota, counted(ATTACHED_MAX)),
        (Key::AttachedPoliciesPerGroupQuota, counted(ATTACHED_MAX)),
        (Key::AttachedPoliciesPerRoleQuota, counted(ATTACHED_MAX)),
        (Key::GroupsPerUserQuota, counted(GROUPS_OF_USER_MAX)),
        (Key::AccessKeysPerUserQuota, counted(KEYS_MAX)),
        (Key::ServerCertificatesQuota, SERVER_CERTIFICATES_MAX),
        (Key::SigningCertificatesPerUserQuota, SIGNING_CERTIFICATES_MAX),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_those_of_iam() {
        let quotas = quotas();
        assert_eq!(quotas.len(), 19);
        assert_eq!((quotas[&Key::UsersQuota], quotas[&Key::RolesQuota], quotas[&Key::GroupsQuota]), (5000, 1000, 300));
        assert!(quotas.keys().all(|key| key.as_ref().ends_with("Quota")));
    }
}
