//! Signatures: the schemes, and signing.

use aws_lc_rs::digest::{self, Algorithm};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaSignatureEncoding,
};

use super::{Form, PrivateKey};
use crate::CryptoError;

/// A hash of SHA-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Digest {
    pub(super) fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// Its length, in bytes.
    #[must_use]
    pub fn output_len(self) -> usize {
        self.algorithm().output_len()
    }
}

/// A way of signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PSS (RFC 8017) with a salt as long as the digest.
    RsaPss(Digest),
    /// RSASSA-PKCS1-v1_5 (RFC 8017).
    RsaPkcs1(Digest),
    /// ECDSA (FIPS 186-5), the signature as DER; each curve has one digest.
    Ecdsa,
    /// Ed25519 without a context (RFC 8032).
    Ed25519,
    /// ML-DSA without a context (FIPS 204).
    MlDsa,
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// The message as a whole.
    Whole(&'a [u8]),
    /// Its digest.
    Digest(Digest, &'a [u8]),
}

impl Message<'_> {
    /// The digest that a message is given as.
    pub(super) fn digest(self, expected: Option<Digest>) -> Result<Option<digest::Digest>, CryptoError> {
        match self {
            Message::Whole(_) => Ok(None),
            Message::Digest(is, bytes) if expected.is_none_or(|expected| expected == is) => {
                Ok(Some(digest::Digest::import_less_safe(bytes, is.algorithm())?))
            }
            Message::Digest(..) => Err(CryptoError::Library),
        }
    }
}

impl PrivateKey {
    /// Signs.
    ///
    /// # Errors
    /// `Library` when the key does not sign so, or a digest has the wrong length or is given to a scheme that takes whole
    /// messages.
    pub fn sign(&self, scheme: Scheme, message: Message<'_>) -> Result<Vec<u8>, CryptoError> {
        let random = SystemRandom::new();
        match (&self.form, scheme, message) {
            (Form::Rsa { signing, .. }, Scheme::RsaPss(digest) | Scheme::RsaPkcs1(digest), _) => {
                let encoding = encoding(scheme).ok_or(CryptoError::Library)?;
                let mut signature = vec![0; signing.public_modulus_len()];
                match (message.digest(Some(digest))?, message) {
                    (Some(digest), _) => signing.sign_digest(encoding, &digest, &mut signature)?,
                    (None, Message::Whole(whole)) => signing.sign(encoding, &random, whole, &mut signature)?,
                    (None, Message::Digest(..)) => return Err(CryptoError::Library),
                }
                Ok(signature)
            }
            (Form::Ec(key), Scheme::Ecdsa, Message::Whole(whole)) => Ok(key.sign(&random, whole)?.as_ref().to_vec()),
            (Form::Ec(key), Scheme::Ecdsa, Message::Digest(..)) => {
                let digest = message.digest(None)?.ok_or(CryptoError::Library)?;
                Ok(key.sign_digest(&digest)?.as_ref().to_vec())
            }
            (Form::Ed25519(key), Scheme::Ed25519, Message::Whole(whole)) => Ok(key.try_sign(whole)?.as_ref().to_vec()),
            (Form::MlDsa(key), Scheme::MlDsa, Message::Whole(whole)) => {
                let mut signature = vec![0; key.algorithm().signature_len()];
                let len = key.sign(whole, &mut signature)?;
                signature.truncate(len);
                Ok(signature)
            }
            _ => Err(CryptoError::Library),
        }
    }
}

fn encoding(scheme: Scheme) -> Option<&'static RsaSignatureEncoding> {
    Some(match scheme {
        Scheme::RsaPss(Digest::Sha256) => &RSA_PSS_SHA256,
        Scheme::RsaPss(Digest::Sha384) => &RSA_PSS_SHA384,
        Scheme::RsaPss(Digest::Sha512) => &RSA_PSS_SHA512,
        Scheme::RsaPkcs1(Digest::Sha256) => &RSA_PKCS1_SHA256,
        Scheme::RsaPkcs1(Digest::Sha384) => &RSA_PKCS1_SHA384,
        Scheme::RsaPkcs1(Digest::Sha512) => &RSA_PKCS1_SHA512,
        Scheme::Ecdsa | Scheme::Ed25519 | Scheme::MlDsa => return None,
    })
}
