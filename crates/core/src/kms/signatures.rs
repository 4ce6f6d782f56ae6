//! Sign, Verify, GetPublicKey.

use strongroom_crypto::CryptoError;
use strongroom_crypto::asymmetric::{self, Digest, Message, Scheme};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{
    GetPublicKeyRequest, GetPublicKeyResponse, KeyUsageType, MessageType, SignRequest, SignResponse,
    SigningAlgorithmSpec, VerifyRequest, VerifyResponse, errors,
};

use super::cipher::dry;
use super::key::Key;
use super::named::of_name;
use super::pairs::{pair_spec, public_key};
use super::shown::{encryption_algorithms, key_agreement_algorithms, signing_algorithms};
use super::states::enabled;
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

impl Kms {
    /// The public half of an asymmetric key.
    ///
    /// # Errors
    /// UnsupportedOperationException for keys without one; the key's state.
    pub async fn get_public_key(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: GetPublicKeyRequest,
    ) -> Result<GetPublicKeyResponse, Error> {
        let key = found(permit)?;
        if pair_spec(key.spec).is_none() {
            return Err(refusals::wrong_kind(key));
        }
        enabled(key, cx.now)?;
        Ok(GetPublicKeyResponse {
            key_id: Some(key.arn()),
            public_key: Some(public_key(key)?),
            customer_master_key_spec: of_name(key.spec.as_str()),
            key_spec: Some(key.spec),
            key_usage: Some(key.usage),
            encryption_algorithms: encryption_algorithms(key),
            signing_algorithms: signing_algorithms(key),
            key_agreement_algorithms: key_agreement_algorithms(key),
            encapsulation_algorithms: None,
        })
    }

    /// Signs a message, or its digest.
    ///
    /// # Errors
    /// The key's state; InvalidKeyUsageException for another key or algorithm; ValidationException for a type of message
    /// or a length of digest that the algorithm does not have.
    pub async fn sign(&self, cx: &Ctx, permit: &Permit, input: SignRequest) -> Result<SignResponse, Error> {
        let key = found(permit)?;
        let algorithm = input.signing_algorithm;
        let scheme = scheme(key, cx, "Sign", algorithm)?;
        let message = message(key, algorithm, scheme, input.message_type, input.message.expose())?;
        dry(input.dry_run)?;
        let signature = self.private_key(key)?.sign(scheme, message)?;
        Ok(SignResponse {
            key_id: Some(key.arn()),
            signature: Some(signature),
            signing_algorithm: Some(input.signing_algorithm),
        })
    }

    /// Whether a signature is the key's of a message.
    ///
    /// # Errors
    /// As [`Kms::sign`]; KMSInvalidSignatureException when it is not.
    pub async fn verify(&self, cx: &Ctx, permit: &Permit, input: VerifyRequest) -> Result<VerifyResponse, Error> {
        let key = found(permit)?;
        let algorithm = input.signing_algorithm;
        let scheme = scheme(key, cx, "Verify", algorithm)?;
        let message = message(key, algorithm, scheme, input.message_type, input.message.expose())?;
        let spec = pair_spec(key.spec).ok_or_else(|| refusals::wrong_usage(key, "Verify"))?;
        match asymmetric::verify(spec, &public_key(key)?, scheme, message, &input.signature) {
            Ok(()) => {}
            Err(CryptoError::NotAuthentic) => {
                return Err(Error::Refused(errors::KMS_INVALID_SIGNATURE_EXCEPTION.bare()));
            }
            Err(fault) => return Err(fault.into()),
        }
        dry(input.dry_run)?;
        Ok(VerifyResponse {
            key_id: Some(key.arn()),
            signature_valid: Some(true),
            signing_algorithm: Some(input.signing_algorithm),
        })
    }
}

/// How a key signs by an algorithm, if it does.
fn scheme(key: &Key, cx: &Ctx, operation: &str, algorithm: SigningAlgorithmSpec) -> Result<Scheme, Error> {
    use SigningAlgorithmSpec as Algorithm;
    enabled(key, cx.now)?;
    if key.usage != KeyUsageType::SignVerify {
        return Err(refusals::wrong_usage(key, operation));
    }
    if algorithm == Algorithm::Ed25519PhSha512 {
        return Err(refusals::unsupported("SigningAlgorithm ED25519_PH_SHA_512 is not supported."));
    }
    if !signing_algorithms(key).is_some_and(|algorithms| algorithms.contains(&algorithm)) {
        return Err(refusals::wrong_algorithm(key, algorithm.as_str()));
    }
    Ok(match algorithm {
        Algorithm::RsassaPssSha256 => Scheme::RsaPss(Digest::Sha256),
        Algorithm::RsassaPssSha384 => Scheme::RsaPss(Digest::Sha384),
        Algorithm::RsassaPssSha512 => Scheme::RsaPss(Digest::Sha512),
        Algorithm::RsassaPkcs1V15Sha256 => Scheme::RsaPkcs1(Digest::Sha256),
        Algorithm::RsassaPkcs1V15Sha384 => Scheme::RsaPkcs1(Digest::Sha384),
        Algorithm::RsassaPkcs1V15Sha512 => Scheme::RsaPkcs1(Digest::Sha512),
        Algorithm::EcdsaSha256 | Algorithm::EcdsaSha384 | Algorithm::EcdsaSha512 => Scheme::Ecdsa,
        Algorithm::Ed25519Sha512 => Scheme::Ed25519,
        Algorithm::MlDsaShake256 => Scheme::MlDsa,
        Algorithm::Sm2dsa | Algorithm::Ed25519PhSha512 => {
            return Err(refusals::wrong_algorithm(key, algorithm.as_str()));
        }
    })
}

/// The digest that an algorithm signs; none for those that take whole messages only.
fn digest_of(algorithm: SigningAlgorithmSpec, scheme: Scheme) -> Option<Digest> {
    match (scheme, algorithm) {
        (Scheme::RsaPss(digest) | Scheme::RsaPkcs1(digest), _) => Some(digest),
        (Scheme::Ecdsa, SigningAlgorithmSpec::EcdsaSha384) => Some(Digest::Sha384),
        (Scheme::Ecdsa, SigningAlgorithmSpec::EcdsaSha512) => Some(Digest::Sha512),
        (Scheme::Ecdsa, _) => Some(Digest::Sha256),
        (Scheme::Ed25519 | Scheme::MlDsa, _) => None,
    }
}

/// The message of a request as its type has it.
fn message<'a>(
    key: &Key,
    algorithm: SigningAlgorithmSpec,
    scheme: Scheme,
    kind: Option<MessageType>,
    bytes: &'a [u8],
) -> Result<Message<'a>, Error> {
    let kind = kind.unwrap_or(MessageType::Raw);
    match (kind, digest_of(algorithm, scheme)) {
        (MessageType::Raw, _) => Ok(Message::Whole(bytes)),
        (MessageType::Digest, Some(digest)) if digest.output_len() == bytes.len() => Ok(Message::Digest(digest, bytes)),
        (MessageType::Digest, Some(_)) => {
            let text = format!("Digest is invalid length for algorithm {}.", algorithm.as_str());
            Err(refusals::invalid(&text))
        }
        (MessageType::Digest, None) if scheme == Scheme::Ed25519 => {
            let text = format!("Message type DIGEST is incompatible with algorithm {}.", algorithm.as_str());
            Err(refusals::invalid(&text))
        }
        (MessageType::ExternalMu, None) if scheme == Scheme::MlDsa => {
            Err(refusals::unsupported("MessageType EXTERNAL_MU is not supported."))
        }
        (MessageType::Digest | MessageType::ExternalMu, _) => {
            let (kind, spec) = (kind.as_str(), key.spec.as_str());
            Err(refusals::invalid(&format!("Message type {kind} is incompatible with key spec {spec}.")))
        }
    }
}
