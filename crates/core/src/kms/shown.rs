//! A key as callers see it: KeyMetadata.

use strongroom_types::Timestamp;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{
    CustomerMasterKeySpec, EncryptionAlgorithmSpec, ExpirationModelType, KeyAgreementAlgorithmSpec, KeyManagerType,
    KeyMetadata, KeySpec, KeyState, KeyUsageType, MacAlgorithmSpec, MultiRegionConfiguration, MultiRegionKey,
    MultiRegionKeyType, OriginType, SigningAlgorithmSpec,
};

use super::key::{Key, Standing};
use super::named::of_name;

/// The algorithms that a key encrypts with.
#[must_use]
pub(super) fn encryption_algorithms(key: &Key) -> Option<Vec<EncryptionAlgorithmSpec>> {
    use EncryptionAlgorithmSpec as Algorithm;
    (key.usage == KeyUsageType::EncryptDecrypt).then(|| match key.spec {
        KeySpec::SymmetricDefault => vec![Algorithm::SymmetricDefault],
        _ => vec![Algorithm::RsaesOaepSha1, Algorithm::RsaesOaepSha256],
    })
}

/// The algorithms that a key signs with.
#[must_use]
pub(super) fn signing_algorithms(key: &Key) -> Option<Vec<SigningAlgorithmSpec>> {
    use SigningAlgorithmSpec as Algorithm;
    if key.usage != KeyUsageType::SignVerify {
        return None;
    }
    Some(match key.spec {
        KeySpec::EccNistP256 | KeySpec::EccSecgP256k1 => vec![Algorithm::EcdsaSha256],
        KeySpec::EccNistP384 => vec![Algorithm::EcdsaSha384],
        KeySpec::EccNistP521 => vec![Algorithm::EcdsaSha512],
        KeySpec::EccNistEdwards25519 => vec![Algorithm::Ed25519Sha512],
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => vec![Algorithm::MlDsaShake256],
        _ => vec![
            Algorithm::RsassaPkcs1V15Sha256,
            Algorithm::RsassaPkcs1V15Sha384,
            Algorithm::RsassaPkcs1V15Sha512,
            Algorithm::RsassaPssSha256,
            Algorithm::RsassaPssSha384,
            Algorithm::RsassaPssSha512,
        ],
    })
}

/// The algorithms that a key agrees on secrets with.
#[must_use]
pub(super) fn key_agreement_algorithms(key: &Key) -> Option<Vec<KeyAgreementAlgorithmSpec>> {
    (key.usage == KeyUsageType::KeyAgreement).then(|| vec![KeyAgreementAlgorithmSpec::Ecdh])
}

/// The algorithm that a key makes MACs with.
#[must_use]
pub(super) fn mac_algorithm(key: &Key) -> Option<MacAlgorithmSpec> {
    match key.spec {
        KeySpec::Hmac224 => Some(MacAlgorithmSpec::HmacSha224),
        KeySpec::Hmac256 => Some(MacAlgorithmSpec::HmacSha256),
        KeySpec::Hmac384 => Some(MacAlgorithmSpec::HmacSha384),
        KeySpec::Hmac512 => Some(MacAlgorithmSpec::HmacSha512),
        _ => None,
    }
}

/// What DescribeKey tells.
#[must_use]
pub(super) fn metadata(key: &Key, now: Timestamp) -> KeyMetadata {
    let state = key.state(now);
    let current = key.materials.first();
    let is_external = key.origin == OriginType::External;
    let expires = current.and_then(|material| material.expires_ms).filter(|_| state != KeyState::PendingImport);
    let expiration = if expires.is_some() {
        ExpirationModelType::KeyMaterialExpires
    } else {
        ExpirationModelType::KeyMaterialDoesNotExpire
    };
    let multi_region = key.is_multi_region();
    KeyMetadata {
        aws_account_id: Some(key.account.clone()),
        key_id: key.key_id.clone(),
        arn: Some(key.arn()),
        creation_date: Some(Timestamp::from_millis(key.created_ms)),
        enabled: Some(state == KeyState::Enabled),
        description: Some(key.description.clone()),
        key_usage: Some(key.usage),
        key_state: Some(state),
        deletion_date: match key.standing {
            Standing::PendingDeletion { due_ms, .. } => Some(Timestamp::from_millis(due_ms)),
            Standing::Enabled | Standing::Disabled => None,
        },
        valid_to: expires.map(Timestamp::from_millis),
        origin: Some(key.origin),
        expiration_model: (is_external && state != KeyState::PendingImport).then_some(expiration),
        key_manager: Some(if key.is_aws_managed { KeyManagerType::Aws } else { KeyManagerType::Customer }),
        customer_master_key_spec: of_name::<CustomerMasterKeySpec>(key.spec.as_str()),
        key_spec: Some(key.spec),
        encryption_algorithms: encryption_algorithms(key),
        signing_algorithms: signing_algorithms(key),
        key_agreement_algorithms: key_agreement_algorithms(key),
        mac_algorithms: mac_algorithm(key).map(|algorithm| vec![algorithm]),
        multi_region: Some(multi_region),
        multi_region_configuration: multi_region.then(|| MultiRegionConfiguration {
            multi_region_key_type: Some(MultiRegionKeyType::Primary),
            primary_key: Some(MultiRegionKey { arn: Some(key.arn()), region: Some(key.region.clone()) }),
            replica_keys: Some(Vec::new()),
        }),
        pending_deletion_window_in_days: None,
        current_key_material_id: current
            .filter(|material| material.wrapped.is_some() && key.spec == KeySpec::SymmetricDefault)
            .map(|material| material.id.clone()),
        ..KeyMetadata::default()
    }
}
