//! What conditions may ask about the requests of Secrets Manager and about the secrets that they name
//! (specification §7.2). A parameter that a request does not have leaves its key absent.

use std::borrow::Cow;

use strongroom_policy::{Value, Values};
use strongroom_types::Region;
use strongroom_wire::secretsmanager::{
    BatchGetSecretValueRequest, CancelRotateSecretRequest, CreateSecretRequest, DeleteResourcePolicyRequest,
    DeleteSecretRequest, DescribeSecretRequest, GetRandomPasswordRequest, GetResourcePolicyRequest,
    GetSecretValueRequest, ListResourcePoliciesRequest, ListSecretVersionIdsRequest, ListSecretsRequest,
    PutResourcePolicyRequest, PutSecretValueRequest, RemoveRegionsFromReplicationRequest, ReplicaRegionType,
    ReplicateSecretToRegionsRequest, RestoreSecretRequest, RotateSecretRequest, StopReplicationToReplicaRequest, Tag,
    TagResourceRequest, UntagResourceRequest, UpdateSecretRequest, UpdateSecretVersionStageRequest,
    ValidateResourcePolicyRequest,
};

use super::model::Secret;
use super::resolve::SecretRef;
use crate::access::{RequestKeys, without_keys};

/// What keys of requests begin with.
const OWN: &str = "secretsmanager:";

impl SecretRef {
    /// What conditions may ask about the secret itself.
    pub(crate) fn condition(&self, key: &str, arn: &str, region: &Region) -> Option<Values<'static>> {
        let found = self.found.as_ref().map(|found| found.value.as_ref());
        if let Some(tag) =
            key.strip_prefix("aws:resourcetag/").or_else(|| key.strip_prefix("secretsmanager:resourcetag/"))
        {
            return found.and_then(|secret| tag_values(secret, tag));
        }
        match key.strip_prefix(OWN)? {
            // Always the ARN, also when the request says a name.
            "secretid" => Some(Values::owned(arn.to_owned())),
            "resource/allowrotationlambdaarn" => {
                let rotation = found.and_then(|secret| secret.rotation.as_ref());
                rotation.and_then(|rotation| rotation.function_arn.clone()).map(Values::owned)
            }
            "resource/type" => found.and_then(|secret| secret.kind.clone()).map(Values::owned),
            "secretprimaryregion" => {
                let primary = found.map_or(region.as_str(), |secret| secret.region.as_str());
                Some(Values::owned(primary.to_owned()))
            }
            _ => None,
        }
    }
}

fn tag_values(secret: &Secret, key: &str) -> Option<Values<'static>> {
    let found = secret.tags.iter().filter(|tag| tag.key.eq_ignore_ascii_case(key));
    Values::of_tags(found.map(|tag| Cow::Owned(tag.value.clone())))
}

fn text(text: Option<&String>) -> Option<Values<'_>> {
    text.map(|text| Values::text(text))
}

fn flag(flag: Option<bool>) -> Option<Values<'static>> {
    flag.map(|flag| Values::One(Value::Bool(flag)))
}

/// `aws:RequestTag/…` and `aws:TagKeys`.
fn tags<'a>(key: &str, tags: &'a [Tag]) -> Option<Values<'a>> {
    if key == "aws:tagkeys" {
        let keys = tags.iter().filter_map(|tag| tag.key.as_deref());
        return (!tags.is_empty()).then(|| Values::texts(keys));
    }
    let asked = key.strip_prefix("aws:requesttag/")?;
    let same = |tag: &&Tag| tag.key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case(asked));
    Values::of_tags(tags.iter().filter(same).map(|tag| tag.value.as_deref().unwrap_or_default().into()))
}

fn regions<'a>(regions: &'a [ReplicaRegionType]) -> Option<Values<'a>> {
    let names = regions.iter().filter_map(|region| region.region.as_deref());
    (!regions.is_empty()).then(|| Values::texts(names))
}

without_keys!(
    BatchGetSecretValueRequest,
    CancelRotateSecretRequest,
    DeleteResourcePolicyRequest,
    DescribeSecretRequest,
    GetRandomPasswordRequest,
    GetResourcePolicyRequest,
    ListResourcePoliciesRequest,
    ListSecretVersionIdsRequest,
    ListSecretsRequest,
    PutSecretValueRequest,
    RemoveRegionsFromReplicationRequest,
    RestoreSecretRequest,
    StopReplicationToReplicaRequest,
    ValidateResourcePolicyRequest,
);

impl RequestKeys for GetSecretValueRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key.strip_prefix(OWN)? {
            "versionid" => text(self.version_id.as_ref()),
            "versionstage" => text(self.version_stage.as_ref()),
            _ => None,
        }
    }
}

impl RequestKeys for CreateSecretRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key.strip_prefix(OWN) {
            Some("name") => Some(Values::text(&self.name)),
            Some("description") => text(self.description.as_ref()),
            Some("kmskeyid") => text(self.kms_key_id.as_ref()),
            Some("addreplicaregions") => regions(self.add_replica_regions.as_deref().unwrap_or_default()),
            Some("forceoverwritereplicasecret") => flag(self.force_overwrite_replica_secret),
            Some("type") => text(self.r#type.as_ref()),
            Some(_) => None,
            None => tags(key, self.tags.as_deref().unwrap_or_default()),
        }
    }
}

impl RequestKeys for UpdateSecretRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key.strip_prefix(OWN)? {
            "description" => text(self.description.as_ref()),
            "kmskeyid" => text(self.kms_key_id.as_ref()),
            "type" => text(self.r#type.as_ref()),
            _ => None,
        }
    }
}

impl RequestKeys for DeleteSecretRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key.strip_prefix(OWN)? {
            "recoverywindowindays" => self.recovery_window_in_days.map(|days| Values::One(Value::Number(days))),
            "forcedeletewithoutrecovery" => flag(self.force_delete_without_recovery),
            _ => None,
        }
    }
}

impl RequestKeys for PutResourcePolicyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        if key == "secretsmanager:blockpublicpolicy" { flag(self.block_public_policy) } else { None }
    }
}

impl RequestKeys for ReplicateSecretToRegionsRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key.strip_prefix(OWN)? {
            "addreplicaregions" => regions(&self.add_replica_regions),
            "forceoverwritereplicasecret" => flag(self.force_overwrite_replica_secret),
            _ => None,
        }
    }
}

impl RequestKeys for RotateSecretRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key.strip_prefix(OWN)? {
            "rotationlambdaarn" => text(self.rotation_lambda_arn.as_ref()),
            "modifyrotationrules" => flag(Some(self.rotation_rules.is_some())),
            "rotateimmediately" => flag(self.rotate_immediately),
            "externalsecretrotationrolearn" => text(self.external_secret_rotation_role_arn.as_ref()),
            _ => None,
        }
    }
}

impl RequestKeys for TagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, &self.tags)
    }
}

impl RequestKeys for UntagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        let keys = || self.tag_keys.iter().map(|key| Value::Text(Cow::Borrowed(key.as_str()))).collect();
        (key == "aws:tagkeys" && !self.tag_keys.is_empty()).then(|| Values::Many(keys()))
    }
}

impl RequestKeys for UpdateSecretVersionStageRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "secretsmanager:versionstage").then(|| Values::text(&self.version_stage))
    }
}

/// A request with the ARN of the key that it names.
pub struct WithKey<'a, I> {
    /// The request.
    pub input: &'a I,
    /// The ARN of the key of its KmsKeyId.
    pub key_arn: Option<&'a str>,
}

impl<I: RequestKeys> RequestKeys for WithKey<'_, I> {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        if key == "secretsmanager:kmskeyarn" { self.key_arn.map(Values::text) } else { self.input.key(key) }
    }
}
