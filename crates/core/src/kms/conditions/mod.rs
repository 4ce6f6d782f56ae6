//! What conditions may ask about the requests of KMS (AWS's reference of KMS condition keys).

mod pairs;

use std::borrow::Cow;
use std::collections::BTreeMap;

use strongroom_policy::{Value, Values};
use strongroom_wire::forms::Enumeration;
use strongroom_wire::kms::{
    CancelKeyDeletionRequest, CreateAliasRequest, CreateGrantRequest, CreateKeyRequest, DecryptRequest,
    DeleteAliasRequest, DescribeKeyRequest, DisableKeyRequest, DisableKeyRotationRequest, EnableKeyRequest,
    EnableKeyRotationRequest, EncryptRequest, EncryptionAlgorithmSpec, GenerateDataKeyRequest,
    GenerateDataKeyWithoutPlaintextRequest, GenerateMacRequest, GenerateRandomRequest, GetKeyPolicyRequest,
    GetKeyRotationStatusRequest, GrantConstraints, KeySpec, KeyUsageType, ListAliasesRequest, ListGrantsRequest,
    ListKeyPoliciesRequest, ListKeyRotationsRequest, ListKeysRequest, ListResourceTagsRequest,
    ListRetirableGrantsRequest, OriginType, PutKeyPolicyRequest, RetireGrantRequest, RevokeGrantRequest,
    RotateKeyOnDemandRequest, ScheduleKeyDeletionRequest, Tag, TagResourceRequest, UntagResourceRequest,
    UpdateAliasRequest, UpdateKeyDescriptionRequest, VerifyMacRequest,
};

use super::encryption_context;
use crate::access::{RequestKeys, without_keys};

without_keys!(
    CancelKeyDeletionRequest,
    CreateAliasRequest,
    DeleteAliasRequest,
    DescribeKeyRequest,
    DisableKeyRequest,
    DisableKeyRotationRequest,
    EnableKeyRequest,
    GenerateRandomRequest,
    GetKeyRotationStatusRequest,
    ListAliasesRequest,
    ListGrantsRequest,
    ListKeyPoliciesRequest,
    ListKeyRotationsRequest,
    ListKeysRequest,
    ListResourceTagsRequest,
    ListRetirableGrantsRequest,
    RetireGrantRequest,
    RevokeGrantRequest,
    RotateKeyOnDemandRequest,
    UpdateAliasRequest,
    UpdateKeyDescriptionRequest,
);

const fn flag(flag: bool) -> Values<'static> {
    Values::One(Value::Bool(flag))
}

fn number(number: Option<i32>) -> Option<Values<'static>> {
    number.map(|number| Values::One(Value::Number(number.into())))
}

fn name<E: Enumeration>(value: E) -> Values<'static> {
    Values::text(value.as_str())
}

/// `aws:RequestTag/…` and `aws:TagKeys` of a list of tags.
fn of_tags<'a>(tags: Option<&'a [Tag]>, key: &str) -> Option<Values<'a>> {
    let tags = tags?;
    if key == "aws:tagkeys" {
        return (!tags.is_empty()).then(|| Values::texts(tags.iter().map(|tag| tag.tag_key.as_str())));
    }
    let wanted = key.strip_prefix("aws:requesttag/")?;
    let found = tags.iter().filter(|tag| tag.tag_key.eq_ignore_ascii_case(wanted));
    Values::of_tags(found.map(|tag| tag.tag_value.as_str().into()))
}

impl RequestKeys for CreateKeyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:bypasspolicylockoutsafetycheck" => {
                Some(flag(self.bypass_policy_lockout_safety_check.unwrap_or_default()))
            }
            "kms:keyspec" | "kms:customermasterkeyspec" => Some(match (self.key_spec, self.customer_master_key_spec) {
                (Some(spec), _) => name(spec),
                (None, Some(spec)) => name(spec),
                (None, None) => name(KeySpec::SymmetricDefault),
            }),
            "kms:keyusage" | "kms:customermasterkeyusage" => {
                Some(name(self.key_usage.unwrap_or(KeyUsageType::EncryptDecrypt)))
            }
            "kms:keyorigin" => Some(name(self.origin.unwrap_or(OriginType::AwsKms))),
            "kms:multiregion" => Some(flag(self.multi_region.unwrap_or_default())),
            _ => of_tags(self.tags.as_deref(), key),
        }
    }
}

impl RequestKeys for PutKeyPolicyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:bypasspolicylockoutsafetycheck" => {
                Some(flag(self.bypass_policy_lockout_safety_check.unwrap_or_default()))
            }
            _ => of_policy_name(self.policy_name.as_deref(), key),
        }
    }
}

impl RequestKeys for GetKeyPolicyRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_policy_name(self.policy_name.as_deref(), key)
    }
}

/// `kms:PolicyName`: the name of a request's key policy.
fn of_policy_name<'a>(name: Option<&'a str>, key: &str) -> Option<Values<'a>> {
    (key == "kms:policyname").then(|| Values::text(name.unwrap_or("default")))
}

impl RequestKeys for ScheduleKeyDeletionRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "kms:schedulekeydeletionpendingwindowindays").then(|| number(self.pending_window_in_days))?
    }
}

impl RequestKeys for EnableKeyRotationRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "kms:rotationperiodindays").then(|| number(self.rotation_period_in_days))?
    }
}

impl RequestKeys for TagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_tags(Some(&self.tags), key)
    }
}

impl RequestKeys for UntagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "aws:tagkeys").then(|| Values::texts(self.tag_keys.iter().map(String::as_str)))
    }
}

/// Keys of cryptographic operations: the algorithm and the encryption context.
fn of_cipher<'a>(
    algorithm: Option<EncryptionAlgorithmSpec>,
    pairs: Option<&'a BTreeMap<String, String>>,
    key: &str,
) -> Option<Values<'a>> {
    if key == "kms:encryptionalgorithm" {
        return Some(name(algorithm.unwrap_or(EncryptionAlgorithmSpec::SymmetricDefault)));
    }
    encryption_context::condition(pairs?, key)
}

/// Requests with an encryption context, and with an algorithm where the second list names them.
macro_rules! with_context {
    ($($request:ty => $algorithm:expr),+ $(,)?) => { $(
        impl RequestKeys for $request {
            fn key(&self, key: &str) -> Option<Values<'_>> {
                let algorithm: fn(&Self) -> Option<EncryptionAlgorithmSpec> = $algorithm;
                of_cipher(algorithm(self), self.encryption_context.as_ref(), key)
            }

            fn encryption_context(&self) -> Option<Cow<'_, BTreeMap<String, String>>> {
                self.encryption_context.as_ref().map(Cow::Borrowed)
            }
        }
    )+ };
}

with_context!(
    EncryptRequest => |request| request.encryption_algorithm,
    DecryptRequest => |request| request.encryption_algorithm,
    GenerateDataKeyRequest => |_| None,
    GenerateDataKeyWithoutPlaintextRequest => |_| None,
);

/// One side of ReEncrypt: each has an encryption context of its own.
pub struct ReEncrypted<'a> {
    /// The pairs of this side.
    pub pairs: Option<&'a BTreeMap<String, String>>,
    /// The algorithm of this side.
    pub algorithm: Option<EncryptionAlgorithmSpec>,
    /// Whether both sides have the same key.
    pub on_same_key: bool,
}

impl RequestKeys for ReEncrypted<'_> {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:reencryptonsamekey" => Some(flag(self.on_same_key)),
            _ => of_cipher(self.algorithm, self.pairs, key),
        }
    }

    fn encryption_context(&self) -> Option<Cow<'_, BTreeMap<String, String>>> {
        self.pairs.map(Cow::Borrowed)
    }
}

impl RequestKeys for GenerateMacRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "kms:macalgorithm").then(|| name(self.mac_algorithm))
    }
}

impl RequestKeys for VerifyMacRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        (key == "kms:macalgorithm").then(|| name(self.mac_algorithm))
    }
}

impl RequestKeys for CreateGrantRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:grantoperations" => Some(Values::texts(self.operations.iter().map(|operation| operation.as_str()))),
            "kms:granteeprincipal" => self.grantee_principal.as_deref().map(Values::text),
            "kms:retiringprincipal" => self.retiring_principal.as_deref().map(Values::text),
            "kms:granteeserviceprincipal" => self.grantee_service_principal.as_deref().map(Values::text),
            "kms:retiringserviceprincipal" => self.retiring_service_principal.as_deref().map(Values::text),
            "kms:grantisforawsresource" => Some(flag(false)),
            "kms:grantconstrainttype" => constraint_type(self.constraints.as_ref()?).map(Values::text),
            _ => None,
        }
    }

    fn wanted_grant(&self) -> Option<&CreateGrantRequest> {
        Some(self)
    }
}

/// The name of the member by which a grant is narrowed.
fn constraint_type(constraints: &GrantConstraints) -> Option<&'static str> {
    if constraints.encryption_context_equals.is_some() {
        return Some("EncryptionContextEquals");
    }
    constraints.encryption_context_subset.as_ref().map(|_| "EncryptionContextSubset")
}
