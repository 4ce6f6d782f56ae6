//! AES-256-GCM with a fresh derived key for every message, so that random nonces never run out.
//!
//! A 256-bit key alone may seal only about 2^32 messages under random 96-bit nonces (NIST SP 800-38D §8.3). Here the
//! message's key is HMAC-SHA-256 of the long-lived key over a random 128-bit salt, and the nonce is random too:
//! 224 random bits a message, far beyond what any store will write.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use strongroom_types::SecretBytes;
use zeroize::Zeroizing;

use crate::digest::MacKey;
use crate::random::{self, Random};
use crate::{CryptoError, digest};

/// Length of a key, in bytes.
pub const KEY_LEN: usize = 32;
/// Length of the salt in front of the nonce, in bytes.
const SALT_LEN: usize = 16;
/// Length of the authentication tag, in bytes.
const TAG_LEN: usize = 16;
/// How much longer a ciphertext is than its plaintext, in bytes.
pub const OVERHEAD: usize = SALT_LEN + NONCE_LEN + TAG_LEN;
/// Separates the keys derived here from every other use of the same key.
const LABEL: &[u8] = b"strongroom aead v1";

/// A key that seals and opens. Does not print; the cipher library wipes it on drop.
#[derive(Clone, Debug)]
pub struct Key(MacKey);

impl Key {
    /// A key of [`KEY_LEN`] bytes.
    ///
    /// # Errors
    /// `Library` when the length differs.
    pub fn new(key: &SecretBytes) -> Result<Self, CryptoError> {
        if key.len() == KEY_LEN { Ok(Self(MacKey::new(key.expose()))) } else { Err(CryptoError::Library) }
    }

    /// Encrypts `plaintext` and authenticates it with `context`: salt, nonce, ciphertext, tag.
    ///
    /// # Errors
    /// `Library` when the random source fails.
    pub fn seal(&self, random: &dyn Random, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        // One draw for both: a draw costs nearly the same whatever its length.
        let drawn: [u8; SALT_LEN + NONCE_LEN] = random::bytes(random)?;
        let (salt, nonce) = drawn.split_at_checked(SALT_LEN).ok_or(CryptoError::Library)?;
        let mut out = Vec::with_capacity(OVERHEAD + plaintext.len());
        out.extend_from_slice(&drawn);
        out.extend_from_slice(plaintext);
        let body = out.get_mut(SALT_LEN + NONCE_LEN..).ok_or(CryptoError::Library)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let tag = self.message_key(salt)?.seal_in_place_separate_tag(nonce, Aad::from(context), body)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Opens what [`Key::seal`] made under the same key and context.
    ///
    /// # Errors
    /// `Format` when it is too short, `NotAuthentic` when anything about it differs.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
        let (salt, rest) = sealed.split_at_checked(SALT_LEN).ok_or(CryptoError::Format)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(CryptoError::Format)?;
        if body.len() < TAG_LEN {
            return Err(CryptoError::Format);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut plaintext = Zeroizing::new(body.to_vec());
        let key = self.message_key(salt)?;
        let len =
            key.open_in_place(nonce, Aad::from(context), &mut plaintext).map_err(|_| CryptoError::NotAuthentic)?.len();
        plaintext.truncate(len);
        Ok(SecretBytes::new(std::mem::take(&mut plaintext)))
    }

    fn message_key(&self, salt: &[u8]) -> Result<LessSafeKey, CryptoError> {
        let mut input = [0_u8; LABEL.len() + SALT_LEN];
        for (to, from) in input.iter_mut().zip(LABEL.iter().chain(salt)) {
            *to = *from;
        }
        let key: Zeroizing<[u8; digest::DIGEST_LEN]> = Zeroizing::new(self.0.tag(&input));
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice())?))
    }
}

/// A new random key.
///
/// # Errors
/// `Library` when the random source fails.
pub fn generate_key(random: &dyn Random) -> Result<SecretBytes, CryptoError> {
    let mut key = vec![0; KEY_LEN];
    random.fill(&mut key)?;
    Ok(SecretBytes::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn opens_only_under_the_same_key_and_context_and_unaltered() {
        let random = SeededRandom::new(1);
        let key = Key::new(&generate_key(&random).expect("key")).expect("length");
        let other = Key::new(&generate_key(&random).expect("key")).expect("length");
        let sealed = key.seal(&random, b"here", b"plain").expect("seal");
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(key.open(b"here", &sealed).expect("open").expose(), b"plain");
        assert_eq!(key.open(b"there", &sealed), Err(CryptoError::NotAuthentic));
        assert_eq!(other.open(b"here", &sealed), Err(CryptoError::NotAuthentic));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(key.open(b"here", &altered), Err(CryptoError::NotAuthentic), "byte {at}");
        }
        assert_eq!(key.open(b"here", &sealed[..10]), Err(CryptoError::Format));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(matches!(Key::new(&SecretBytes::new(vec![0; 16])), Err(CryptoError::Library)));
    }
}
