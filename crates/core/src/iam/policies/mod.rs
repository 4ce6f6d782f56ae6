//! Managed policies: what their operations have in common.

mod entities;
mod lifecycle;
mod listing;
mod requests;
pub(super) mod service_access;
mod tags;
mod versions;

use strongroom_types::Timestamp;
use strongroom_wire::error::ACCESS_DENIED;
use strongroom_wire::iam::{ManagedPolicyDetail, Policy as ShownPolicy, PolicyVersion as ShownVersion, errors};

use super::holders::Usage;
use super::target::POLICY_KIND;
use super::{Iam, counted, instant, shapes};
use crate::access::Permit;
use crate::ctx::{Ctx, Done};
use crate::documents::Loaded;
use crate::error::Error;
use crate::identities::aws_policies::{self, AwsPolicy};
use crate::identities::entity::{Entity, Tag};
use crate::identities::managed_policy::{ManagedPolicy, PolicyVersion};

/// Customer managed policies of an account, at most (IAM's quotas).
pub(super) const POLICIES_MAX: usize = 1500;
/// Versions of a managed policy, at most (IAM's quotas).
pub(super) const VERSIONS_MAX: usize = 5;
/// Characters of a managed policy, at most, without the space between its values (IAM's quotas).
pub(super) const POLICY_CHARS_MAX: usize = 6144;

/// A managed policy of the account or of AWS.
enum Found {
    Own(Loaded<ManagedPolicy>),
    Aws(&'static AwsPolicy),
}

impl Iam {
    /// The managed policy of an ARN.
    ///
    /// # Errors
    /// NoSuchEntity.
    async fn managed(&self, cx: &Ctx, arn: &str) -> Result<Found, Error> {
        if let Some(policy) = aws_policies::find(cx.region.partition(), arn) {
            return Ok(Found::Aws(policy));
        }
        let found = self.identities.with_arn::<ManagedPolicy>(arn).await?;
        let found = found.filter(|found| found.value.account == cx.caller.account.as_str());
        found.map(Found::Own).ok_or_else(|| no_such_policy(arn))
    }

    /// The managed policy of an ARN, to be changed.
    ///
    /// # Errors
    /// NoSuchEntity; AccessDenied for a policy of AWS, which nobody may change.
    async fn own_policy(&self, cx: &Ctx, permit: &Permit, arn: &str) -> Result<Loaded<ManagedPolicy>, Error> {
        if aws_policies::is_of_aws(arn) {
            let (user, action) = (&cx.caller.arn, permit.action());
            let text = format!("User: {user} is not authorized to perform: {action} on resource: policy {arn}");
            return Err(Error::refused(ACCESS_DENIED, text));
        }
        match self.managed(cx, arn).await? {
            Found::Own(found) => Ok(found),
            Found::Aws(_) => Err(no_such_policy(arn)),
        }
    }
}

pub(super) fn no_such_policy(arn: &str) -> Error {
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, format!("Policy {arn} was not found."))
}

fn no_such_version(arn: &str, version: &str) -> Error {
    let text = format!("Policy {arn} version {version} does not exist or is not attachable.");
    Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
}

/// What a change of a policy tells the record.
fn done(policy: &ManagedPolicy, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(policy.arn()), resource_kind: POLICY_KIND }
}

/// The id of a version.
fn version_id(number: u32) -> String {
    format!("v{number}")
}

/// The tags of a policy; an empty list when there are none.
fn listed_tags(tags: &[Tag]) -> Vec<shapes::Tag> {
    tags.iter().map(|tag| shapes::Tag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}

/// A policy of the account as lists show it: without description and tags.
fn shown(policy: &ManagedPolicy, usage: Usage) -> ShownPolicy {
    ShownPolicy {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.id.clone()),
        arn: Some(policy.arn()),
        path: Some(policy.path.clone()),
        default_version_id: Some(version_id(policy.default_version)),
        attachment_count: Some(counted(usage.attached)),
        permissions_boundary_usage_count: Some(counted(usage.bounded)),
        is_attachable: Some(true),
        description: None,
        create_date: Some(instant(policy.created_ms)),
        update_date: Some(instant(policy.updated_ms)),
        tags: None,
    }
}

/// A policy of AWS as lists show it.
fn shown_aws(policy: &AwsPolicy, partition: &str, usage: Usage) -> ShownPolicy {
    ShownPolicy {
        policy_name: Some(policy.name().to_owned()),
        policy_id: Some(policy.id.to_owned()),
        arn: Some(policy.arn(partition)),
        path: Some(policy.path().to_owned()),
        default_version_id: Some(policy.version.to_owned()),
        attachment_count: Some(counted(usage.attached)),
        permissions_boundary_usage_count: Some(counted(usage.bounded)),
        is_attachable: Some(true),
        description: None,
        create_date: Some(Timestamp::from_seconds(policy.created_s)),
        update_date: Some(Timestamp::from_seconds(policy.updated_s)),
        tags: None,
    }
}

/// A version of a policy of the account. Only some operations show the document.
fn shown_version(policy: &ManagedPolicy, version: &PolicyVersion, whole: bool) -> ShownVersion {
    ShownVersion {
        document: whole.then(|| version.document.text().to_owned()),
        version_id: Some(version_id(version.number)),
        is_default_version: Some(version.number == policy.default_version),
        create_date: Some(instant(version.created_ms)),
    }
}

/// The version of a policy of AWS that is here: the newest.
fn shown_aws_version(policy: &AwsPolicy, whole: bool) -> ShownVersion {
    ShownVersion {
        document: whole.then(|| policy.text.to_owned()),
        version_id: Some(policy.version.to_owned()),
        is_default_version: Some(true),
        create_date: Some(Timestamp::from_seconds(policy.updated_s)),
    }
}

/// The details of a policy of the account in GetAccountAuthorizationDetails: all versions, newest first. As on the real
/// service without the description.
pub(super) fn shown_detail(policy: &ManagedPolicy, usage: Usage) -> ManagedPolicyDetail {
    let versions = policy.versions.iter().rev().map(|version| shown_version(policy, version, true)).collect();
    detail(shown(policy, usage), versions)
}

/// The details of a policy of AWS in GetAccountAuthorizationDetails.
pub(super) fn shown_aws_detail(policy: &AwsPolicy, partition: &str, usage: Usage) -> ManagedPolicyDetail {
    detail(shown_aws(policy, partition, usage), vec![shown_aws_version(policy, true)])
}

fn detail(policy: ShownPolicy, versions: Vec<ShownVersion>) -> ManagedPolicyDetail {
    ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description: None,
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list: Some(versions),
    }
}
