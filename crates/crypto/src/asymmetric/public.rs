//! What public halves do: verify signatures, encrypt. They come as SubjectPublicKeyInfo (RFC 5280).

use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256K1_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
    ML_DSA_44, ML_DSA_65, ML_DSA_87, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::{Digest, Message, Oaep, Scheme, Spec};
use crate::CryptoError;

/// Checks a signature.
///
/// # Errors
/// `NotAuthentic` when it is not the key's signature of this message; `Library` when the key does not sign so, or a digest
/// has the wrong length or is given to a scheme that takes whole messages.
pub fn verify(
    spec: Spec,
    public_key: &[u8],
    scheme: Scheme,
    message: Message<'_>,
    signature: &[u8],
) -> Result<(), CryptoError> {
    let (algorithm, digest) = algorithm(spec, scheme).ok_or(CryptoError::Library)?;
    let key = UnparsedPublicKey::new(algorithm, public_key);
    let checked = match (message, digest) {
        (Message::Whole(whole), _) => key.verify(whole, signature),
        (Message::Digest(..), None) => return Err(CryptoError::Library),
        (Message::Digest(..), Some(_)) => {
            let digest = message.digest(digest)?.ok_or(CryptoError::Library)?;
            key.verify_digest(&digest, signature)
        }
    };
    checked.map_err(|_| CryptoError::NotAuthentic)
}

fn algorithm(spec: Spec, scheme: Scheme) -> Option<(&'static dyn VerificationAlgorithm, Option<Digest>)> {
    use Digest::{Sha256, Sha384, Sha512};
    Some(match (spec, scheme) {
        (Spec::Rsa2048 | Spec::Rsa3072 | Spec::Rsa4096, Scheme::RsaPss(digest)) => match digest {
            Sha256 => (&RSA_PSS_2048_8192_SHA256, Some(digest)),
            Sha384 => (&RSA_PSS_2048_8192_SHA384, Some(digest)),
            Sha512 => (&RSA_PSS_2048_8192_SHA512, Some(digest)),
        },
        (Spec::Rsa2048 | Spec::Rsa3072 | Spec::Rsa4096, Scheme::RsaPkcs1(digest)) => match digest {
            Sha256 => (&RSA_PKCS1_2048_8192_SHA256, Some(digest)),
            Sha384 => (&RSA_PKCS1_2048_8192_SHA384, Some(digest)),
            Sha512 => (&RSA_PKCS1_2048_8192_SHA512, Some(digest)),
        },
        (Spec::P256, Scheme::Ecdsa) => (&ECDSA_P256_SHA256_ASN1, Some(Sha256)),
        (Spec::Secp256k1, Scheme::Ecdsa) => (&ECDSA_P256K1_SHA256_ASN1, Some(Sha256)),
        (Spec::P384, Scheme::Ecdsa) => (&ECDSA_P384_SHA384_ASN1, Some(Sha384)),
        (Spec::P521, Scheme::Ecdsa) => (&ECDSA_P521_SHA512_ASN1, Some(Sha512)),
        (Spec::Ed25519, Scheme::Ed25519) => (&ED25519, None),
        (Spec::MlDsa44, Scheme::MlDsa) => (&ML_DSA_44, None),
        (Spec::MlDsa65, Scheme::MlDsa) => (&ML_DSA_65, None),
        (Spec::MlDsa87, Scheme::MlDsa) => (&ML_DSA_87, None),
        _ => return None,
    })
}

fn encrypting(public_key: &[u8]) -> Result<OaepPublicEncryptingKey, CryptoError> {
    let key = PublicEncryptingKey::from_der(public_key).map_err(|_| CryptoError::Format)?;
    Ok(OaepPublicEncryptingKey::new(key)?)
}

/// The longest plaintext that an RSA key encrypts, in bytes.
///
/// # Errors
/// `Format` when the public half is none of RSA.
pub fn plaintext_len_max(public_key: &[u8], oaep: Oaep) -> Result<usize, CryptoError> {
    Ok(encrypting(public_key)?.max_plaintext_size(oaep.algorithm()))
}

/// Encrypts under the public half of an RSA key.
///
/// # Errors
/// `Format` when the public half is none of RSA; `Library` when the plaintext is too long.
pub fn encrypt(public_key: &[u8], oaep: Oaep, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let key = encrypting(public_key)?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let len = key.encrypt(oaep.algorithm(), plaintext, &mut ciphertext, None)?.len();
    ciphertext.truncate(len);
    Ok(ciphertext)
}

#[cfg(test)]
mod tests {
    use strongroom_types::SecretBytes;

    use super::*;
    use crate::asymmetric::PrivateKey;
    use crate::asymmetric::tests::{ALL, bytes};
    use crate::digest::sha256;

    const SCHEMES: [Scheme; 9] = [
        Scheme::RsaPss(Digest::Sha256),
        Scheme::RsaPss(Digest::Sha384),
        Scheme::RsaPss(Digest::Sha512),
        Scheme::RsaPkcs1(Digest::Sha256),
        Scheme::RsaPkcs1(Digest::Sha384),
        Scheme::RsaPkcs1(Digest::Sha512),
        Scheme::Ecdsa,
        Scheme::Ed25519,
        Scheme::MlDsa,
    ];

    #[test]
    fn what_a_key_signs_verifies_and_nothing_else_does() {
        for spec in ALL {
            let key = PrivateKey::generate(spec).expect("key");
            let other = PrivateKey::generate(spec).expect("key").public_key().expect("public half");
            let public = key.public_key().expect("public half");
            for scheme in SCHEMES {
                let message = Message::Whole(b"message");
                let Some((_, digest)) = algorithm(spec, scheme) else {
                    assert_eq!(key.sign(scheme, message), Err(CryptoError::Library), "{spec:?} {scheme:?}");
                    continue;
                };
                let mut signature = key.sign(scheme, message).expect("signs");
                assert_eq!(verify(spec, &public, scheme, message, &signature), Ok(()));
                let refused = Err(CryptoError::NotAuthentic);
                assert_eq!(verify(spec, &public, scheme, Message::Whole(b"massage"), &signature), refused);
                assert_eq!(verify(spec, &other, scheme, message, &signature), refused);
                assert_eq!(verify(spec, &public, scheme, message, b""), refused);
                if let Some(digest) = digest {
                    let hashed = aws_lc_rs::digest::digest(digest.algorithm(), b"message");
                    let hashed = Message::Digest(digest, hashed.as_ref());
                    assert_eq!(verify(spec, &public, scheme, hashed, &signature), Ok(()), "{spec:?} {scheme:?}");
                    let signed = key.sign(scheme, hashed).expect("signs");
                    assert_eq!(verify(spec, &public, scheme, message, &signed), Ok(()), "{spec:?} {scheme:?}");
                    let short = Message::Digest(digest, b"short");
                    assert_eq!(key.sign(scheme, short), Err(CryptoError::Library));
                } else {
                    let hashed = sha256(b"message");
                    let hashed = Message::Digest(Digest::Sha256, &hashed);
                    assert_eq!(key.sign(scheme, hashed), Err(CryptoError::Library));
                    assert_eq!(verify(spec, &public, scheme, hashed, &signature), Err(CryptoError::Library));
                }
                signature[7] ^= 1;
                assert_eq!(verify(spec, &public, scheme, message, &signature), refused, "{spec:?} {scheme:?}");
            }
        }
    }

    #[test]
    fn ecdsa_accepts_the_signature_of_rfc_6979() {
        let public = bytes(
            "3059301306072a8648ce3d020106082a8648ce3d03010703420004\
             60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
             7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        );
        let signature = bytes(
            "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
             022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        );
        let verified = |message| verify(Spec::P256, &public, Scheme::Ecdsa, Message::Whole(message), &signature);
        assert_eq!(verified(b"sample"), Ok(()));
        assert_eq!(verified(b"test"), Err(CryptoError::NotAuthentic));
    }

    #[test]
    fn ed25519_signs_as_rfc_8032_has_it() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let document = SecretBytes::new(bytes(&["302e020100300506032b657004220420", seed].concat()));
        let key = PrivateKey::from_pkcs8(Spec::Ed25519, &document).expect("reads");
        let signature = key.sign(Scheme::Ed25519, Message::Whole(b"")).expect("signs");
        let expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                        d25bf5f0595bbe24655141438e7a100b";
        assert_eq!(signature, bytes(expected));
        assert_eq!(key.to_pkcs8().expect("document").expose(), document.expose());
    }

    #[test]
    fn only_the_private_half_opens_and_only_by_the_same_hash() {
        let key = PrivateKey::generate(Spec::Rsa2048).expect("key");
        let other = PrivateKey::generate(Spec::Rsa2048).expect("key");
        let public = key.public_key().expect("public half");
        for (oaep, longest) in [(Oaep::Sha1, 214), (Oaep::Sha256, 190)] {
            assert_eq!(plaintext_len_max(&public, oaep), Ok(longest));
            for len in [0, 1, longest] {
                let sealed = encrypt(&public, oaep, &vec![7; len]).expect("encrypts");
                assert_eq!(key.decrypt(oaep, &sealed).expect("opens").expose(), vec![7; len]);
                let wrong = if oaep == Oaep::Sha1 { Oaep::Sha256 } else { Oaep::Sha1 };
                assert_eq!(key.decrypt(wrong, &sealed).err(), Some(CryptoError::NotAuthentic));
                assert_eq!(other.decrypt(oaep, &sealed).err(), Some(CryptoError::NotAuthentic));
                assert_eq!(key.decrypt(oaep, &sealed[1..]).err(), Some(CryptoError::NotAuthentic));
            }
            assert_eq!(encrypt(&public, oaep, &vec![7; longest + 1]).err(), Some(CryptoError::Library));
        }
        assert_eq!(encrypt(b"none", Oaep::Sha1, b"").err(), Some(CryptoError::Format));
    }
}
