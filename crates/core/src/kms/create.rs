//! CreateKey and DescribeKey.

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{
    CreateKeyRequest, CreateKeyResponse, DescribeKeyRequest, DescribeKeyResponse, KeySpec, KeyUsageType, Operation,
    OriginType,
};
use strongroom_wire::record;

use super::key::{Key, Material, Ring, Standing};
use super::named::of_name;
use super::pairs::pair_spec;
use super::{Kms, done, found, refusals, shown, tags};
use crate::access::{Permit, Resource, authorize};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::policy_text::PolicyText;
use crate::random_uuid;

impl Kms {
    /// Creates a key.
    ///
    /// # Errors
    /// ValidationException for a spec that does not go with the usage, MalformedPolicyDocumentException,
    /// UnsupportedOperationException for what has no place here, TagException.
    pub async fn create_key(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: CreateKeyRequest,
    ) -> Result<CreateKeyResponse, Error> {
        let (spec, usage) = spec_and_usage(&input)?;
        let origin = input.origin.unwrap_or(OriginType::AwsKms);
        if input.custom_key_store_id.is_some()
            || input.xks_key_id.is_some()
            || matches!(origin, OriginType::AwsCloudhsm | OriginType::ExternalKeyStore)
        {
            return Err(refusals::no_key_store());
        }
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            authorize(cx, Operation::TagResource.action(), Resource::Account, &input)?;
        }
        let uuid = random_uuid(self.documents.random())?;
        let multi_region = input.multi_region.unwrap_or_default();
        let mut key = Key {
            account: cx.caller.account.to_string(),
            region: cx.region.to_string(),
            partition: cx.region.partition().to_owned(),
            key_id: if multi_region { ["mrk-", &uuid.replace('-', "")].concat() } else { uuid },
            created_ms: cx.now.millis(),
            spec,
            usage,
            origin,
            is_aws_managed: false,
            description: input.description.unwrap_or_default(),
            standing: Standing::Enabled,
            policy: PolicyText::default(),
            tags: tags::checked(Vec::new(), input.tags.unwrap_or_default())?,
            aliases: Vec::new(),
            grants: 0,
            materials: Vec::new(),
            pending: None,
            rotation: None,
            ring: Ring::default(),
        };
        key.policy = match input.policy {
            Some(text) => {
                let bypass = input.bypass_policy_lockout_safety_check.unwrap_or_default();
                self.checked_policy(cx, &key, text, bypass).await?
            }
            None => default_policy(&key),
        };
        let material = self.first_material(cx, &key).await?;
        key.materials.extend(material);
        let key = Arc::new(key);
        let response = CreateKeyResponse { key_metadata: Some(shown::metadata(&key, cx.now)) };
        let mut batch = Batch::named("create_key");
        self.documents.put(&mut batch, None, &key)?;
        cx.commit(&self.documents, batch, done(&key, Some(record::encode(&response)))).await?;
        Ok(response)
    }

    /// The material that a new key begins with: none for a key whose material is to be imported.
    async fn first_material(&self, cx: &Ctx, key: &Key) -> Result<Option<Material>, Error> {
        if key.origin == OriginType::External {
            return Ok(None);
        }
        Ok(Some(match pair_spec(key.spec) {
            Some(spec) => self.wrapped_pair(key, &self.new_pair(cx, spec).await?, cx.now)?,
            None => self.wrapped(key, &self.fresh(key.spec)?, cx.now)?,
        }))
    }

    /// What is known of a key.
    ///
    /// # Errors
    /// As the permit.
    pub async fn describe_key(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DescribeKeyRequest,
    ) -> Result<DescribeKeyResponse, Error> {
        Ok(DescribeKeyResponse { key_metadata: Some(shown::metadata(found(permit)?, cx.now)) })
    }
}

/// The spec and usage of a request, which have to go together.
fn spec_and_usage(input: &CreateKeyRequest) -> Result<(KeySpec, KeyUsageType), Error> {
    let older = input.customer_master_key_spec.and_then(|spec| of_name::<KeySpec>(spec.as_str()));
    if input.key_spec.is_some() && older.is_some() {
        return Err(refusals::invalid(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is \
             deprecated.",
        ));
    }
    let spec = input.key_spec.or(older).unwrap_or(KeySpec::SymmetricDefault);
    let fits: &[KeyUsageType] = match spec {
        KeySpec::SymmetricDefault => &[KeyUsageType::EncryptDecrypt],
        KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => &[KeyUsageType::GenerateVerifyMac],
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
            &[KeyUsageType::EncryptDecrypt, KeyUsageType::SignVerify]
        }
        KeySpec::EccNistP256 | KeySpec::EccNistP384 | KeySpec::EccNistP521 => {
            &[KeyUsageType::SignVerify, KeyUsageType::KeyAgreement]
        }
        KeySpec::EccSecgP256k1
        | KeySpec::EccNistEdwards25519
        | KeySpec::MlDsa44
        | KeySpec::MlDsa65
        | KeySpec::MlDsa87 => &[KeyUsageType::SignVerify],
        KeySpec::Sm2 | KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
            return Err(refusals::unsupported(&format!("KeySpec {} is not supported.", spec.as_str())));
        }
    };
    let Some(usage) = input.key_usage.or((spec == KeySpec::SymmetricDefault).then_some(KeyUsageType::EncryptDecrypt))
    else {
        let text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
        return Err(refusals::invalid(text));
    };
    if fits.contains(&usage) { Ok((spec, usage)) } else { Err(refusals::spec_and_usage(spec.as_str(), usage)) }
}

/// The policy of a key that was created without one: the account, and through it its IAM policies, may do everything.
fn default_policy(key: &Key) -> PolicyText {
    let Key { partition, account, .. } = key;
    PolicyText::new(format!(
        "{{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n  \"Statement\" : [ {{\n    \"Sid\" : \
         \"Enable IAM User Permissions\",\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {{\n      \"AWS\" : \
         \"arn:{partition}:iam::{account}:root\"\n    }},\n    \"Action\" : \"kms:*\",\n    \"Resource\" : \
         \"*\"\n  }} ]\n}}"
    ))
}
