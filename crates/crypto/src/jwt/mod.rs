//! Signed tokens of identity providers: a compact JWS (RFC 7515) is read, and verified against the provider's keys.

mod keys;
#[cfg(test)]
mod tests;

pub use keys::{EC_KEYS_MAX, KEY_SET_BYTES_MAX, KeySet, KeySetError, RSA_KEYS_MAX};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// Bytes of a token, as STS bounds them (AssumeRoleWithWebIdentity, `WebIdentityToken`).
pub const TOKEN_BYTES_MAX: usize = 20_000;
/// Keys that one token is tried against when its header names none, or a name that several have.
pub const TRIES_MAX: usize = 16;

/// Why a token is not believed. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JwtError {
    /// Not a token: too long, not three parts, not base64url, not JSON, or with a header that must be understood and
    /// is not.
    #[error("not a signed token in compact form")]
    Form,
    /// Signed by an algorithm that is not taken: none at all, one with a shared secret, or an unknown one.
    #[error("the token's algorithm is not taken")]
    Algorithm,
    /// No key of the set has the token's key id and fits its algorithm.
    #[error("no key of the set fits the token")]
    UnknownKey,
    /// No fitting key made this signature.
    #[error("the token's signature is wrong")]
    Signature,
}

/// How a token is signed (RFC 7518 section 3.1, RFC 8037). Only algorithms of public keys: there is no way to write
/// `none` or a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of a header's or key's `alg`; none for those that are not taken.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            // RFC 9864 names the curve.
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// What is used of a header. Keys and addresses of keys in it (`jwk`, `jku`, `x5c`, `x5u`) are never looked at: whoever
/// makes a token would choose them.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Names of further parts that must be understood; none are.
    crit: Option<Value>,
}

/// A token that was read and is not verified yet. Of its claims nothing is shown but the issuer, which says whose keys
/// to ask.
pub struct Token {
    algorithm: Algorithm,
    key_id: Option<String>,
    /// Header and claims as they were sent: what is signed.
    signed: String,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl Token {
    /// Reads a token's three parts.
    ///
    /// # Errors
    /// [`JwtError::Form`], or [`JwtError::Algorithm`].
    pub fn read(text: &str) -> Result<Self, JwtError> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(JwtError::Form);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwtError::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Form)?;
        // A fourth part shows as a dot in the claims, which base64url does not have.
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| JwtError::Form)?;
        let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| JwtError::Form)?;
        let signature = decode(signature)?;
        if header.crit.is_some() {
            return Err(JwtError::Form);
        }
        let algorithm = Algorithm::named(&header.alg).ok_or(JwtError::Algorithm)?;
        Ok(Self { algorithm, key_id: header.kid, signed: signed.to_owned(), signature, claims })
    }

    /// Who says to have issued the token (`iss`). Not believed until [`Token::verify`].
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// The token's claims, if a key of `keys` has signed them. Times and audience are for the caller to check.
    ///
    /// Tried are the keys whose type and `alg` fit the token's algorithm and whose id is the token's, if it names one;
    /// keys without an id fit any. Of more than [`TRIES_MAX`], the first ones.
    ///
    /// # Errors
    /// [`JwtError::UnknownKey`] when there is none to try, [`JwtError::Signature`] when none fits.
    pub fn verify(&self, keys: &KeySet) -> Result<&Map<String, Value>, JwtError> {
        let mut refused = JwtError::UnknownKey;
        for key in keys.fitting(self.algorithm, self.key_id.as_deref()).take(TRIES_MAX) {
            if key.has_signed(self.algorithm, self.signed.as_bytes(), &self.signature) {
                return Ok(&self.claims);
            }
            refused = JwtError::Signature;
        }
        Err(refused)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Base64url without padding and without loose ends, as RFC 7515 section 2 has it.
fn decode(text: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JwtError::Form)
}
