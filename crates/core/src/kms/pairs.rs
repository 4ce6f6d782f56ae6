//! Key pairs of asymmetric keys: what they are to the cipher library; making and opening them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_crypto::asymmetric::{Oaep, PrivateKey, Spec};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::kms::{EncryptionAlgorithmSpec, KeySpec};

use super::key::{Key, Material};
use super::turns::Limits;
use super::{Kms, refusals};
use crate::ctx::Ctx;
use crate::error::Error;

/// Key pairs that are made at the same time, and that wait for it.
pub(super) const TURNS: Limits = Limits { at_once: 4, all_max: 64, account_max: 16 };

/// A key pair, written out.
pub(super) struct Pair {
    /// The private half as PKCS#8.
    pub(super) private: SecretBytes,
    /// The public half as SubjectPublicKeyInfo.
    pub(super) public: Vec<u8>,
}

/// The kind of an asymmetric key; none for other keys, and for those that the cipher library does not have.
#[must_use]
pub(super) fn pair_spec(spec: KeySpec) -> Option<Spec> {
    Some(match spec {
        KeySpec::Rsa2048 => Spec::Rsa2048,
        KeySpec::Rsa3072 => Spec::Rsa3072,
        KeySpec::Rsa4096 => Spec::Rsa4096,
        KeySpec::EccNistP256 => Spec::P256,
        KeySpec::EccNistP384 => Spec::P384,
        KeySpec::EccNistP521 => Spec::P521,
        KeySpec::EccSecgP256k1 => Spec::Secp256k1,
        KeySpec::EccNistEdwards25519 => Spec::Ed25519,
        KeySpec::MlDsa44 => Spec::MlDsa44,
        KeySpec::MlDsa65 => Spec::MlDsa65,
        KeySpec::MlDsa87 => Spec::MlDsa87,
        KeySpec::SymmetricDefault
        | KeySpec::Hmac224
        | KeySpec::Hmac256
        | KeySpec::Hmac384
        | KeySpec::Hmac512
        | KeySpec::Sm2
        | KeySpec::MlKem512
        | KeySpec::MlKem768
        | KeySpec::MlKem1024 => return None,
    })
}

/// The padding of an encryption algorithm; none for others than RSA's.
#[must_use]
pub(super) fn oaep(algorithm: EncryptionAlgorithmSpec) -> Option<Oaep> {
    match algorithm {
        EncryptionAlgorithmSpec::RsaesOaepSha1 => Some(Oaep::Sha1),
        EncryptionAlgorithmSpec::RsaesOaepSha256 => Some(Oaep::Sha256),
        EncryptionAlgorithmSpec::SymmetricDefault | EncryptionAlgorithmSpec::Sm2pke => None,
    }
}

/// A key pair, written out.
///
/// # Errors
/// When the cipher library fails.
pub(super) fn written(key: &PrivateKey) -> Result<Pair, Error> {
    Ok(Pair { private: key.to_pkcs8()?, public: key.public_key()? })
}

impl Kms {
    /// Makes a key pair for the caller of `cx`, away from the threads that answer requests: RSA's take long. Few are made
    /// at a time, and few others wait.
    ///
    /// # Errors
    /// ThrottlingException when too many wait; when the cipher library fails.
    pub(super) async fn new_pair(&self, cx: &Ctx, spec: Spec) -> Result<Pair, Error> {
        self.pairs.work(&cx.caller.account, move || written(&PrivateKey::generate(spec)?)).await
    }

    /// The material of an asymmetric key as it is stored.
    ///
    /// # Errors
    /// When the root of trust cannot wrap it.
    pub(super) fn wrapped_pair(&self, key: &Key, pair: &Pair, now: Timestamp) -> Result<Material, Error> {
        let public = Some(STANDARD.encode(&pair.public));
        Ok(Material { public, ..self.wrapped(key, &pair.private, now)? })
    }

    /// The private half of an asymmetric key. Kept beside the key's document in memory.
    ///
    /// # Errors
    /// As [`Kms::unwrapped`].
    pub(super) fn private_key(&self, key: &Key) -> Result<Arc<PrivateKey>, Error> {
        if let Some(private) = key.ring.1.get() {
            return Ok(Arc::clone(private));
        }
        let spec = pair_spec(key.spec).ok_or_else(|| Error::internal("a key without a pair"))?;
        let material = key.materials.first().ok_or_else(|| refusals::pending_import(key))?;
        let private = PrivateKey::from_pkcs8(spec, &self.unwrapped(key, material)?)?;
        Ok(Arc::clone(key.ring.1.get_or_init(|| Arc::new(private))))
    }
}

/// The public half of an asymmetric key, as SubjectPublicKeyInfo.
///
/// # Errors
/// Faults when it is not there or does not read.
pub(super) fn public_key(key: &Key) -> Result<Vec<u8>, Error> {
    let public = key.materials.first().and_then(|material| material.public.as_ref());
    let public = public.and_then(|text| STANDARD.decode(text).ok());
    public.ok_or_else(|| Error::internal("the public half of a stored key does not read"))
}
