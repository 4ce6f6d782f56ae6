//! Key pairs: made, read and written, and what their private halves do. The library's own generator makes them, since it
//! takes no other source.

mod import;
mod public;
mod signing;

use aws_lc_rs::agreement::{self, UnparsedPublicKey, agree};
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer, EcPrivateKeyBin, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    self, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
    ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use strongroom_types::SecretBytes;
use zeroize::Zeroizing;

use crate::CryptoError;

pub use import::{WrappedBy, unwrap};
pub use public::{encrypt, plaintext_len_max, verify};
pub use signing::{Digest, Message, Scheme};

/// What kind of key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// NIST's curve P-256.
    P256,
    /// NIST's curve P-384.
    P384,
    /// NIST's curve P-521.
    P521,
    /// SECG's curve secp256k1.
    Secp256k1,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
}

/// RSAES-OAEP (RFC 8017) with one hash for the label and for the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oaep {
    /// SHA-1, whose collisions do not matter here.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Oaep {
    fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
        }
    }
}

/// What a spec is to the cipher library.
enum Kind {
    Rsa(KeySize),
    Ec(&'static EcdsaSigningAlgorithm),
    Ed25519,
    MlDsa(&'static PqdsaSigningAlgorithm),
}

impl Spec {
    fn kind(self) -> Kind {
        match self {
            Self::Rsa2048 => Kind::Rsa(KeySize::Rsa2048),
            Self::Rsa3072 => Kind::Rsa(KeySize::Rsa3072),
            Self::Rsa4096 => Kind::Rsa(KeySize::Rsa4096),
            Self::P256 => Kind::Ec(&ECDSA_P256_SHA256_ASN1_SIGNING),
            Self::P384 => Kind::Ec(&ECDSA_P384_SHA384_ASN1_SIGNING),
            Self::P521 => Kind::Ec(&ECDSA_P521_SHA512_ASN1_SIGNING),
            Self::Secp256k1 => Kind::Ec(&ECDSA_P256K1_SHA256_ASN1_SIGNING),
            Self::Ed25519 => Kind::Ed25519,
            Self::MlDsa44 => Kind::MlDsa(&ML_DSA_44_SIGNING),
            Self::MlDsa65 => Kind::MlDsa(&ML_DSA_65_SIGNING),
            Self::MlDsa87 => Kind::MlDsa(&ML_DSA_87_SIGNING),
        }
    }

    fn agreement(self) -> Option<&'static agreement::Algorithm> {
        match self {
            Self::P256 => Some(&agreement::ECDH_P256),
            Self::P384 => Some(&agreement::ECDH_P384),
            Self::P521 => Some(&agreement::ECDH_P521),
            _ => None,
        }
    }
}

/// A private key, ready for use. Does not print; the cipher library wipes it on drop.
pub struct PrivateKey {
    spec: Spec,
    form: Form,
}

enum Form {
    Rsa { signing: rsa::KeyPair, decrypting: OaepPrivateDecryptingKey },
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({:?})", self.spec)
    }
}

impl PrivateKey {
    /// A new key. For RSA this takes up to seconds.
    ///
    /// # Errors
    /// `Library` when it could not be made.
    pub fn generate(spec: Spec) -> Result<Self, CryptoError> {
        let form = match spec.kind() {
            Kind::Rsa(size) => Form::rsa(rsa::KeyPair::generate(size)?)?,
            Kind::Ec(algorithm) => Form::Ec(EcdsaKeyPair::generate(algorithm)?),
            Kind::Ed25519 => Form::Ed25519(Ed25519KeyPair::generate()?),
            Kind::MlDsa(algorithm) => Form::MlDsa(PqdsaKeyPair::generate(algorithm)?),
        };
        Ok(Self { spec, form })
    }

    /// Reads a PKCS#8 document (RFC 5208) of a key of this spec.
    ///
    /// # Errors
    /// `Format` when it is none, or of a key of another spec.
    pub fn from_pkcs8(spec: Spec, document: &SecretBytes) -> Result<Self, CryptoError> {
        let document = document.expose();
        let rejected = |_| CryptoError::Format;
        let form = match spec.kind() {
            Kind::Rsa(size) => {
                let key = rsa::KeyPair::from_pkcs8(document).map_err(rejected)?;
                if key.public_modulus_len() != size.len() {
                    return Err(CryptoError::Format);
                }
                Form::rsa(key)?
            }
            Kind::Ec(algorithm) => Form::Ec(EcdsaKeyPair::from_pkcs8(algorithm, document).map_err(rejected)?),
            Kind::Ed25519 => Form::Ed25519(Ed25519KeyPair::from_pkcs8(document).map_err(rejected)?),
            Kind::MlDsa(algorithm) => Form::MlDsa(PqdsaKeyPair::from_pkcs8(algorithm, document).map_err(rejected)?),
        };
        Ok(Self { spec, form })
    }

    /// The key as a PKCS#8 document, version 1.
    ///
    /// # Errors
    /// `Library` when it cannot be written.
    pub fn to_pkcs8(&self) -> Result<SecretBytes, CryptoError> {
        let bytes = match &self.form {
            Form::Rsa { signing, .. } => AsDer::<Pkcs8V1Der<'_>>::as_der(signing)?.as_ref().to_vec(),
            Form::Ec(key) => key.to_pkcs8v1()?.as_ref().to_vec(),
            Form::Ed25519(key) => key.to_pkcs8v1()?.as_ref().to_vec(),
            Form::MlDsa(key) => key.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(SecretBytes::new(bytes))
    }

    /// The public half as a SubjectPublicKeyInfo (RFC 5280).
    ///
    /// # Errors
    /// `Library` when it cannot be written.
    pub fn public_key(&self) -> Result<Vec<u8>, CryptoError> {
        let der: PublicKeyX509Der<'_> = match &self.form {
            Form::Rsa { signing, .. } => signing.public_key().as_der()?,
            Form::Ec(key) => key.public_key().as_der()?,
            Form::Ed25519(key) => key.public_key().as_der()?,
            Form::MlDsa(key) => key.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }

    /// Decrypts what was encrypted under the public half of an RSA key.
    ///
    /// # Errors
    /// `NotAuthentic` when it does not open; `Library` for a key of another kind.
    pub fn decrypt(&self, oaep: Oaep, ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        let Form::Rsa { decrypting, .. } = &self.form else { return Err(CryptoError::Library) };
        let mut room = Zeroizing::new(vec![0; decrypting.min_output_size()]);
        let opened = decrypting.decrypt(oaep.algorithm(), ciphertext, &mut room, None);
        Ok(SecretBytes::new(opened.map_err(|_| CryptoError::NotAuthentic)?.to_vec()))
    }

    /// The secret that ECDH (NIST SP 800-56A, the x coordinate) makes of this key and another's public half, which is a
    /// SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// `Format` when the public half is none, or not on the key's curve; `Library` for a key without ECDH.
    pub fn agree(&self, public_key: &[u8]) -> Result<SecretBytes, CryptoError> {
        let (Form::Ec(key), Some(algorithm)) = (&self.form, self.spec.agreement()) else {
            return Err(CryptoError::Library);
        };
        let scalar: EcPrivateKeyBin<'_> = key.private_key().as_be_bytes()?;
        let key = agreement::PrivateKey::from_private_key(algorithm, scalar.as_ref());
        let key = key.map_err(|_| CryptoError::Library)?;
        let other = UnparsedPublicKey::new(algorithm, public_key);
        agree(&key, other, CryptoError::Format, |secret| Ok(SecretBytes::new(secret.to_vec())))
    }
}

impl Form {
    fn rsa(signing: rsa::KeyPair) -> Result<Self, CryptoError> {
        let document: Pkcs8V1Der<'_> = signing.as_der()?;
        let decrypting = PrivateDecryptingKey::from_pkcs8(document.as_ref()).map_err(|_| CryptoError::Library)?;
        Ok(Self::Rsa { signing, decrypting: OaepPrivateDecryptingKey::new(decrypting)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).expect("hex")).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("a byte")).collect()
    }

    pub(super) const ALL: [Spec; 11] = [
        Spec::Rsa2048,
        Spec::Rsa3072,
        Spec::Rsa4096,
        Spec::P256,
        Spec::P384,
        Spec::P521,
        Spec::Secp256k1,
        Spec::Ed25519,
        Spec::MlDsa44,
        Spec::MlDsa65,
        Spec::MlDsa87,
    ];

    #[test]
    fn a_key_reads_back_and_only_as_what_it_is() {
        for spec in ALL {
            let key = PrivateKey::generate(spec).expect("key");
            let document = key.to_pkcs8().expect("document");
            let public = key.public_key().expect("public half");
            for other in ALL {
                let read = PrivateKey::from_pkcs8(other, &document);
                if other == spec {
                    assert_eq!(read.expect("reads").public_key().as_ref(), Ok(&public), "{spec:?}");
                } else {
                    assert_eq!(read.err(), Some(CryptoError::Format), "{spec:?} as {other:?}");
                }
            }
            assert_eq!(format!("{key:?}"), format!("PrivateKey({spec:?})"));
        }
        assert!(PrivateKey::from_pkcs8(Spec::P256, &SecretBytes::new(b"none".to_vec())).is_err());
    }

    #[test]
    fn agreement_is_that_of_rfc_5903() {
        let scalar = bytes("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
        let other = bytes(
            "3059301306072a8648ce3d020106082a8648ce3d03010703420004\
             d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63\
             56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        );
        let key = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, &scalar).expect("key");
        let document: Pkcs8V1Der<'_> = key.as_der().expect("document");
        let key = PrivateKey::from_pkcs8(Spec::P256, &SecretBytes::new(document.as_ref().to_vec())).expect("reads");
        let secret = key.agree(&other).expect("agrees");
        assert_eq!(secret.expose(), bytes("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"));
    }

    #[test]
    fn two_sides_agree_on_one_curve_only() {
        for spec in [Spec::P256, Spec::P384, Spec::P521] {
            let (one, two) = (PrivateKey::generate(spec).expect("key"), PrivateKey::generate(spec).expect("key"));
            let (of_one, of_two) = (one.public_key().expect("public"), two.public_key().expect("public"));
            let secret = one.agree(&of_two).expect("agrees");
            assert_eq!(secret.expose(), two.agree(&of_one).expect("agrees").expose());
            assert_eq!(one.agree(&of_two[..of_two.len() - 1]).err(), Some(CryptoError::Format));
            assert_eq!(one.agree(b"none").err(), Some(CryptoError::Format));
        }
        let (one, two) = (PrivateKey::generate(Spec::P256), PrivateKey::generate(Spec::P384));
        let (one, two) = (one.expect("key"), two.expect("key"));
        assert_eq!(one.agree(&two.public_key().expect("public")).err(), Some(CryptoError::Format));
        let edwards = PrivateKey::generate(Spec::Ed25519).expect("key");
        assert_eq!(edwards.agree(&one.public_key().expect("public")).err(), Some(CryptoError::Library));
    }
}
