//! A ring of sealing keys: the newest seals, all open.

use strongroom_types::SecretBytes;
use thiserror::Error;

use crate::CryptoError;
use crate::aead::Key;
use crate::digest::MacKey;
use crate::random::Random;
use crate::sealed::{Context, KEY_ID_LEN, Sealed};

/// Why a ring could not be made.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyringError {
    /// There is no key to seal with.
    #[error("a keyring needs at least one key")]
    Empty,
    /// A key has the wrong length.
    #[error("a sealing key must be 32 bytes")]
    Length,
}

/// Sealing keys, newest first.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Vec<([u8; KEY_ID_LEN], Key)>,
    /// Of the oldest key, which stays in the ring: what was marked by it can be held against what is marked later.
    ledger_key: MacKey,
}

impl Keyring {
    /// A ring of `keys`, newest first.
    ///
    /// # Errors
    /// When there is no key, or one of the wrong length.
    pub fn new(keys: &[SecretBytes]) -> Result<Self, KeyringError> {
        let oldest = keys.last().ok_or(KeyringError::Empty)?;
        let ledger_key = MacKey::new(&MacKey::new(oldest.expose()).tag(b"strongroom ledger key v1"));
        let keys = keys
            .iter()
            .map(|key| Ok((key_id(key), Key::new(key).map_err(|_| KeyringError::Length)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { keys, ledger_key })
    }

    /// The key of the ledger's marks.
    pub(crate) fn ledger_key(&self) -> &MacKey {
        &self.ledger_key
    }

    /// Seals `plaintext` under the newest key, bound to `context`.
    ///
    /// # Errors
    /// `Library` when the random source fails.
    pub fn seal(&self, random: &dyn Random, context: &Context, plaintext: &[u8]) -> Result<Sealed, CryptoError> {
        let (id, key) = self.keys.first().ok_or(CryptoError::UnknownKey)?;
        Ok(Sealed::by_key(*id, &key.seal(random, context.as_bytes(), plaintext)?))
    }

    /// Which key of the ring sealed a body, counted from the newest; none when it is none of them.
    #[must_use]
    pub fn place_of(&self, sealed: &Sealed) -> Option<usize> {
        let (id, _) = sealed.key_parts()?;
        self.keys.iter().position(|(known, _)| *known == id)
    }

    /// Opens a body sealed by any key of the ring in the same context.
    ///
    /// # Errors
    /// `UnknownKey` when the ring lacks the key, `NotAuthentic` when the body was altered or moved.
    pub fn open(&self, context: &Context, sealed: &Sealed) -> Result<SecretBytes, CryptoError> {
        let (id, body) = sealed.key_parts().ok_or(CryptoError::Format)?;
        let (_, key) = self.keys.iter().find(|(known, _)| *known == id).ok_or(CryptoError::UnknownKey)?;
        key.open(context.as_bytes(), body)
    }
}

/// A name for a key that says nothing about it: the first bytes of an HMAC under it.
fn key_id(key: &SecretBytes) -> [u8; KEY_ID_LEN] {
    let tag = MacKey::new(key.expose()).tag(b"strongroom key id v1");
    let mut id = [0; KEY_ID_LEN];
    for (to, from) in id.iter_mut().zip(tag) {
        *to = from;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::generate_key;
    use crate::random::SeededRandom;

    #[test]
    fn the_newest_key_seals_and_older_ones_still_open() {
        let random = SeededRandom::new(3);
        let (old, new) = (generate_key(&random).expect("key"), generate_key(&random).expect("key"));
        let context = Context::new("test").number(1);
        let before = Keyring::new(std::slice::from_ref(&old)).expect("ring");
        let sealed = before.seal(&random, &context, b"v").expect("seal");
        let after = Keyring::new(&[new, old]).expect("ring");
        assert_eq!(after.open(&context, &sealed).expect("open").expose(), b"v");
        let newer = after.seal(&random, &context, b"v").expect("seal");
        assert_eq!(
            (after.place_of(&newer), after.place_of(&sealed), before.place_of(&newer)),
            (Some(0), Some(1), None)
        );
        assert_eq!(before.open(&context, &newer), Err(CryptoError::UnknownKey));
        assert_eq!(after.open(&Context::new("test").number(2), &newer), Err(CryptoError::NotAuthentic));
    }

    #[test]
    fn an_empty_ring_is_refused() {
        assert_eq!(Keyring::new(&[]).err(), Some(KeyringError::Empty));
    }
}
