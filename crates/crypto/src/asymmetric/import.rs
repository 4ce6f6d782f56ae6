//! Key material that comes from outside, wrapped under the public half of an RSA key.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use strongroom_types::SecretBytes;
use zeroize::Zeroizing;

use super::{Oaep, PrivateKey};
use crate::CryptoError;

/// How material is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrappedBy {
    /// RSAES-OAEP alone: no more than the key has room for.
    Rsa(Oaep),
    /// RSA-OAEP over a fresh AES-256 key, and behind it the material under that key by AES key wrap with padding
    /// (RFC 5649): CKM_RSA_AES_KEY_WRAP of PKCS#11.
    RsaAes(Oaep),
}

/// Opens wrapped material.
///
/// # Errors
/// `NotAuthentic` when it does not open; `Library` when the key is none of RSA.
pub fn unwrap(key: &PrivateKey, by: WrappedBy, wrapped: &[u8]) -> Result<SecretBytes, CryptoError> {
    match by {
        WrappedBy::Rsa(oaep) => key.decrypt(oaep, wrapped),
        WrappedBy::RsaAes(oaep) => {
            let (wrapping, material) = wrapped.split_at_checked(key.modulus_len()?).ok_or(CryptoError::NotAuthentic)?;
            let wrapping = key.decrypt(oaep, wrapping)?;
            let kek = AesKek::new(&AES_256, wrapping.expose()).map_err(|_| CryptoError::NotAuthentic)?;
            let mut room = Zeroizing::new(vec![0; material.len()]);
            let opened = kek.unwrap_with_padding(material, &mut room).map_err(|_| CryptoError::NotAuthentic)?;
            Ok(SecretBytes::new(opened.to_vec()))
        }
    }
}

impl PrivateKey {
    fn modulus_len(&self) -> Result<usize, CryptoError> {
        match &self.form {
            super::Form::Rsa { signing, .. } => Ok(signing.public_modulus_len()),
            _ => Err(CryptoError::Library),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asymmetric::{Spec, encrypt};

    fn rsa_aes(public: &[u8], oaep: Oaep, kek: &[u8], material: &[u8]) -> Vec<u8> {
        let mut room = vec![0; material.len() + 15];
        let inner = AesKek::new(&AES_256, kek).expect("kek").wrap_with_padding(material, &mut room).expect("wraps");
        [encrypt(public, oaep, kek).expect("encrypts"), inner.to_vec()].concat()
    }

    #[test]
    fn wrapped_material_opens_and_altered_does_not() {
        let key = PrivateKey::generate(Spec::Rsa2048).expect("key");
        let public = key.public_key().expect("public half");
        for oaep in [Oaep::Sha1, Oaep::Sha256] {
            let wrapped = encrypt(&public, oaep, &[9; 32]).expect("encrypts");
            assert_eq!(unwrap(&key, WrappedBy::Rsa(oaep), &wrapped).expect("opens").expose(), [9; 32]);
            for len in [1, 32, 33, 1190] {
                let wrapped = rsa_aes(&public, oaep, &[3; 32], &vec![9; len]);
                let opened = unwrap(&key, WrappedBy::RsaAes(oaep), &wrapped).expect("opens");
                assert_eq!(opened.expose(), vec![9; len]);
                for at in [0, 255, 256, wrapped.len() - 1] {
                    let mut altered = wrapped.clone();
                    altered[at] ^= 1;
                    let opened = unwrap(&key, WrappedBy::RsaAes(oaep), &altered);
                    assert_eq!(opened.err(), Some(CryptoError::NotAuthentic), "byte {at}");
                }
                for short in [0, 10, 256, 260] {
                    let opened = unwrap(&key, WrappedBy::RsaAes(oaep), &wrapped[..short]);
                    assert_eq!(opened.err(), Some(CryptoError::NotAuthentic), "{short} bytes");
                }
            }
        }
        let curve = PrivateKey::generate(Spec::P256).expect("key");
        assert_eq!(unwrap(&curve, WrappedBy::RsaAes(Oaep::Sha1), &[0; 300]).err(), Some(CryptoError::Library));
    }
}
