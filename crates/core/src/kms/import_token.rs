//! The import token: what has to be known again when the material comes, sealed so that nothing of it is kept here. In it
//! stands the private half of the wrapping key.
//!
//! Format 1: this byte; the algorithm's and the wrapping key's code, a byte each; the instant at which the token expires, in
//! ms since the epoch, as 8 bytes; the private half as PKCS#8. Sealed by the store's keyring, bound to the key.

use strongroom_crypto::asymmetric::{Oaep, PrivateKey, Spec, WrappedBy};
use strongroom_crypto::{Context, Sealed};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::kms::{AlgorithmSpec, WrappingKeySpec, errors};

use super::key::Key;
use super::states::DAY_MS;
use super::{Kms, refusals};
use crate::error::Error;

/// First byte of a token, once opened.
const FORMAT: u8 = 1;
/// How long a token is good for, in ms (KMS's API reference).
const GOOD_FOR_MS: i64 = DAY_MS;
/// Ways of wrapping; the place in the list is the code.
const WAYS: [WrappedBy; 4] = [
    WrappedBy::Rsa(Oaep::Sha1),
    WrappedBy::Rsa(Oaep::Sha256),
    WrappedBy::RsaAes(Oaep::Sha1),
    WrappedBy::RsaAes(Oaep::Sha256),
];
/// Kinds of wrapping keys; the place in the list is the code.
const SPECS: [(Spec, usize); 3] = [(Spec::Rsa2048, 256), (Spec::Rsa3072, 384), (Spec::Rsa4096, 512)];

/// What a token says.
#[derive(Debug)]
pub(super) struct ImportToken {
    /// How the material is wrapped.
    pub(super) by: WrappedBy,
    /// Under what.
    pub(super) wrapping_key: PrivateKey,
    /// The length of the wrapping key's modulus, in bytes.
    pub(super) modulus_len: usize,
}

/// The way of wrapping that an algorithm means.
///
/// # Errors
/// UnsupportedOperationException for those that AWS retired, or has in its Chinese regions alone.
pub(super) fn way(algorithm: AlgorithmSpec) -> Result<WrappedBy, Error> {
    match algorithm {
        AlgorithmSpec::RsaesOaepSha1 => Ok(WrappedBy::Rsa(Oaep::Sha1)),
        AlgorithmSpec::RsaesOaepSha256 => Ok(WrappedBy::Rsa(Oaep::Sha256)),
        AlgorithmSpec::RsaAesKeyWrapSha1 => Ok(WrappedBy::RsaAes(Oaep::Sha1)),
        AlgorithmSpec::RsaAesKeyWrapSha256 => Ok(WrappedBy::RsaAes(Oaep::Sha256)),
        AlgorithmSpec::RsaesPkcs1V15 => {
            Err(refusals::unsupported("WrappingAlgorithm RSAES_PKCS1_V1_5 is not supported."))
        }
        AlgorithmSpec::Sm2pke => Err(refusals::unsupported("WrappingAlgorithm SM2PKE is not supported.")),
    }
}

/// The kind of a wrapping key.
///
/// # Errors
/// UnsupportedOperationException for the one that AWS has in its Chinese regions alone.
pub(super) fn wrapping_spec(spec: WrappingKeySpec) -> Result<Spec, Error> {
    match spec {
        WrappingKeySpec::Rsa2048 => Ok(Spec::Rsa2048),
        WrappingKeySpec::Rsa3072 => Ok(Spec::Rsa3072),
        WrappingKeySpec::Rsa4096 => Ok(Spec::Rsa4096),
        WrappingKeySpec::Sm2 => Err(refusals::unsupported("WrappingKeySpec SM2 is not supported.")),
    }
}

/// What a token is bound to.
fn context(key: &Key) -> Context {
    Context::new("kms import token").field(&key.account).field(&key.region).field(&key.key_id)
}

impl Kms {
    /// A token for a key, and when it expires.
    ///
    /// # Errors
    /// When the random source fails.
    pub(super) fn import_token(
        &self,
        key: &Key,
        by: WrappedBy,
        spec: Spec,
        wrapping_key: &SecretBytes,
        now: Timestamp,
    ) -> Result<(Vec<u8>, Timestamp), Error> {
        let code = |place: Option<usize>| place.and_then(|place| u8::try_from(place).ok());
        let codes = code(WAYS.iter().position(|known| *known == by))
            .zip(code(SPECS.iter().position(|(known, _)| *known == spec)));
        let (by, spec) = codes.ok_or_else(|| Error::internal("a way of wrapping without a code"))?;
        let end = Timestamp::from_millis(now.millis().saturating_add(GOOD_FOR_MS));
        let plain = [&[FORMAT, by, spec][..], &end.millis().to_be_bytes(), wrapping_key.expose()].concat();
        let plain = SecretBytes::new(plain);
        let sealed = self.documents.keyring().seal(self.documents.random(), &context(key), plain.expose())?;
        Ok((sealed.as_bytes().to_vec(), end))
    }

    /// What a token says that was given out for this key.
    ///
    /// # Errors
    /// InvalidImportTokenException for what is none, or one of another key; ExpiredImportTokenException.
    pub(super) fn opened_token(&self, key: &Key, token: &[u8], now: Timestamp) -> Result<ImportToken, Error> {
        let invalid = || Error::Refused(errors::INVALID_IMPORT_TOKEN_EXCEPTION.bare());
        let sealed = Sealed::from_storage(token.to_vec()).map_err(|_| invalid())?;
        let plain = self.documents.keyring().open(&context(key), &sealed).map_err(|_| invalid())?;
        let parts = plain.expose().split_first_chunk::<3>().and_then(|(head, rest)| {
            let (end, document) = rest.split_first_chunk::<8>()?;
            Some((*head, i64::from_be_bytes(*end), SecretBytes::new(document.to_vec())))
        });
        let ([FORMAT, by, spec], end_ms, document) = parts.ok_or_else(invalid)? else { return Err(invalid()) };
        if now.millis() >= end_ms {
            return Err(Error::Refused(errors::EXPIRED_IMPORT_TOKEN_EXCEPTION.bare()));
        }
        let by = WAYS.get(usize::from(by)).copied().ok_or_else(invalid)?;
        let (spec, modulus_len) = SPECS.get(usize::from(spec)).copied().ok_or_else(invalid)?;
        Ok(ImportToken { by, wrapping_key: PrivateKey::from_pkcs8(spec, &document)?, modulus_len })
    }
}
