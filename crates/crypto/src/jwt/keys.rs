//! The public keys of an identity provider: a JWK set (RFC 7517), of which only what can verify tokens is kept.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{Algorithm, decode};

/// Bytes of a JWK set's text.
pub const KEY_SET_BYTES_MAX: usize = 512 * 1024;
/// RSA keys of a set, as IAM's guide bounds them for the providers of OpenID Connect.
pub const RSA_KEYS_MAX: usize = 100;
/// Keys on elliptic curves of a set, as IAM's guide bounds them.
pub const EC_KEYS_MAX: usize = 100;
/// Bytes of an RSA key's modulus: 2048 to 8192 bits, as the cipher library takes them.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Bytes of an RSA key's public exponent: up to 33 bits, as the cipher library takes them.
const EXPONENT_BYTES_MAX: usize = 5;
/// Bytes of a key's id.
const KEY_ID_BYTES_MAX: usize = 1024;

/// Why a JWK set cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeySetError {
    /// More than [`KEY_SET_BYTES_MAX`].
    #[error("the key set is larger than {KEY_SET_BYTES_MAX} bytes")]
    Size,
    /// Not a JSON object with a list `keys`.
    #[error("not a JSON Web Key Set")]
    Form,
    /// More than [`RSA_KEYS_MAX`] or [`EC_KEYS_MAX`].
    #[error("the key set holds more than {RSA_KEYS_MAX} RSA keys, or more than {EC_KEYS_MAX} others")]
    Count,
    /// No key in it can verify a token.
    #[error("no key of the set can verify a token")]
    Empty,
}

/// Public keys that verify tokens. Holds no more than about 1 KiB for each of at most 200 keys.
#[derive(Debug)]
pub struct KeySet(Vec<Key>);

#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    /// The one algorithm that the key is for, if its provider says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point, uncompressed.
    P256(Vec<u8>),
    P384(Vec<u8>),
    P521(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The members of a JWK that are used (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JWK set. Keys of other types, for other purposes, of less than 2048 bits and malformed ones are left
    /// out, as RFC 7517 section 5 asks for what is not understood.
    ///
    /// # Errors
    /// When it is too large, is no key set, or nothing in it is of use.
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        if text.len() > KEY_SET_BYTES_MAX {
            return Err(KeySetError::Size);
        }
        let jwks: Jwks = serde_json::from_slice(text).map_err(|_| KeySetError::Form)?;
        let keys: Vec<Key> = jwks.keys.into_iter().filter_map(Key::of).collect();
        let rsa = keys.iter().filter(|key| matches!(key.material, Material::Rsa { .. })).count();
        if rsa > RSA_KEYS_MAX || keys.len() - rsa > EC_KEYS_MAX {
            return Err(KeySetError::Count);
        }
        if keys.is_empty() { Err(KeySetError::Empty) } else { Ok(Self(keys)) }
    }

    /// How many keys the set has, at least one.
    #[expect(clippy::len_without_is_empty, reason = "an empty set cannot be made")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys that a token with this algorithm and key id may be signed by: those with the id first.
    pub(super) fn fitting<'a>(&'a self, algorithm: Algorithm, id: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        let fits = move |key: &&Key| key.is_for(algorithm);
        let same_id = self.0.iter().filter(move |key| id.is_none() || key.id.as_deref() == id);
        let no_id = self.0.iter().filter(move |key| id.is_some() && key.id.is_none());
        same_id.chain(no_id).filter(fits)
    }
}

impl Key {
    fn of(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        if jwk.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return None;
        }
        if jwk.kid.as_ref().is_some_and(|id| id.len() > KEY_ID_BYTES_MAX) {
            return None;
        }
        let algorithm = match &jwk.alg {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        Some(Self { material: Material::of(&jwk)?, id: jwk.kid, algorithm })
    }

    /// Whether the key's type is that of the algorithm, and its provider does not mean it for another.
    fn is_for(&self, algorithm: Algorithm) -> bool {
        let type_fits = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => matches!(self.material, Material::Rsa { .. }),
            Algorithm::Es256 => matches!(self.material, Material::P256(_)),
            Algorithm::Es384 => matches!(self.material, Material::P384(_)),
            Algorithm::Es512 => matches!(self.material, Material::P521(_)),
            Algorithm::EdDsa => matches!(self.material, Material::Ed25519(_)),
        };
        type_fits && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether the key has signed `message`. The algorithm decides how an RSA key is used; every other type has one.
    pub(super) fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let by = |how: &'static dyn VerificationAlgorithm, point: &[u8]| {
            UnparsedPublicKey::new(how, point).verify(message, signature).is_ok()
        };
        match &self.material {
            Material::Rsa { modulus, exponent } => rsa(algorithm).is_some_and(|how| {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(how, message, signature).is_ok()
            }),
            Material::P256(point) => by(&ECDSA_P256_SHA256_FIXED, point),
            Material::P384(point) => by(&ECDSA_P384_SHA384_FIXED, point),
            Material::P521(point) => by(&ECDSA_P521_SHA512_FIXED, point),
            Material::Ed25519(point) => by(&ED25519, point),
        }
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

impl Material {
    fn of(jwk: &Jwk) -> Option<Self> {
        let point = |bytes| point(jwk.x.as_deref()?, jwk.y.as_deref()?, bytes);
        Some(match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                let (modulus, exponent) = (number(jwk.n.as_deref()?)?, number(jwk.e.as_deref()?)?);
                let highest_is_set = modulus.first().is_some_and(|byte| byte & 0x80 != 0);
                let long_enough = MODULUS_BYTES.contains(&modulus.len())
                    && (highest_is_set || modulus.len() > *MODULUS_BYTES.start());
                if !long_enough || exponent.is_empty() || exponent.len() > EXPONENT_BYTES_MAX {
                    return None;
                }
                Self::Rsa { modulus, exponent }
            }
            ("EC", Some("P-256")) => Self::P256(point(32)?),
            ("EC", Some("P-384")) => Self::P384(point(48)?),
            ("EC", Some("P-521")) => Self::P521(point(66)?),
            ("OKP", Some("Ed25519")) => Self::Ed25519(coordinate(jwk.x.as_deref()?, 32)?),
            _ => return None,
        })
    }
}

/// A large number without leading zeros, which the cipher library refuses.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = decode(text).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).map(<[u8]>::to_vec)
}

fn coordinate(text: &str, bytes: usize) -> Option<Vec<u8>> {
    decode(text).ok().filter(|coordinate| coordinate.len() == bytes)
}

/// A point of a curve, uncompressed (SEC 1 section 2.3.3).
fn point(x: &str, y: &str, bytes: usize) -> Option<Vec<u8>> {
    let (x, y) = (coordinate(x, bytes)?, coordinate(y, bytes)?);
    Some([&[4], x.as_slice(), y.as_slice()].concat())
}
