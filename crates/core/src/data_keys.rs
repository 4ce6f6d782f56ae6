//! Data keys that were unwrapped, kept for a short time: reading a value again costs one decryption instead of two.
//!
//! What is kept opens one value and nothing else. It says nothing of whether the key that wrapped it may be used:
//! that is for whoever asks, at each request.

use std::sync::Arc;

use quick_cache::sync::Cache;
use strongroom_crypto::Sealed;
use strongroom_crypto::aead::MessageKey;
use strongroom_types::Timestamp;

use crate::cache_figures::CacheFigures;

/// How long an unwrapped data key is kept after it was unwrapped, in ms.
pub const KEPT_MS: i64 = 5 * 60 * 1000;

/// Unwrapped data keys by their wrapped form, which is random.
pub struct DataKeys(Cache<Box<[u8]>, Kept>);

#[derive(Clone)]
struct Kept {
    since: Timestamp,
    key: Arc<MessageKey>,
}

impl Kept {
    /// Whether its time is not yet over. One from the future is none: the clock was set back, and nobody knows how old
    /// it is.
    fn is_young(&self, now: Timestamp) -> bool {
        (0..KEPT_MS).contains(&now.millis().saturating_sub(self.since.millis()))
    }
}

impl DataKeys {
    /// Keeps about `entries_max` keys at most, each of about 700 bytes.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self(Cache::new(entries_max))
    }

    /// The key that was wrapped as `wrapped`, when it is kept.
    #[must_use]
    pub fn get(&self, wrapped: &Sealed, now: Timestamp) -> Option<Arc<MessageKey>> {
        let kept = self.0.get(wrapped.as_bytes())?;
        kept.is_young(now).then_some(kept.key)
    }

    /// Keeps `key`, which was wrapped as `wrapped`.
    pub fn keep(&self, wrapped: &Sealed, key: &Arc<MessageKey>, now: Timestamp) {
        self.0.insert(wrapped.as_bytes().into(), Kept { since: now, key: Arc::clone(key) });
    }

    /// Forgets the keys whose time is over. To be called now and then, since those that nobody asks for stay.
    pub fn forget_old(&self, now: Timestamp) {
        self.0.retain(|_, kept| kept.is_young(now));
    }

    /// This cache in numbers.
    #[must_use]
    pub fn figures(&self) -> CacheFigures {
        CacheFigures::of(&self.0)
    }

    /// How many keys are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Context, Keyring, aead};

    use super::*;

    #[test]
    fn a_key_is_found_until_its_time_is_over_and_forgotten_then() {
        let random = SeededRandom::new(5);
        let secret = aead::generate_key(&random).expect("key");
        let ring = Keyring::new(std::slice::from_ref(&secret)).expect("ring");
        let wrapped = ring.seal(&random, &Context::new("test"), secret.expose()).expect("seal");
        let other = ring.seal(&random, &Context::new("test"), secret.expose()).expect("seal");
        let sealed = aead::Key::new(&secret).expect("key").seal(&random, b"", b"value").expect("seal");
        let key = Arc::new(aead::Key::new(&secret).expect("key").of_message(&sealed).expect("key"));
        let keys = DataKeys::new(10);
        let start = Timestamp::from_millis(1_000);
        assert!(keys.get(&wrapped, start).is_none());
        keys.keep(&wrapped, &key, start);
        let last = Timestamp::from_millis(1_000 + KEPT_MS - 1);
        assert_eq!(keys.get(&wrapped, last).expect("kept").open(b"", &sealed).expect("open").expose(), b"value");
        assert!(keys.get(&other, last).is_none());
        let over = Timestamp::from_millis(1_000 + KEPT_MS);
        assert!(keys.get(&wrapped, over).is_none());
        assert!(keys.get(&wrapped, Timestamp::from_millis(999)).is_none(), "the clock was set back");
        keys.forget_old(last);
        assert_eq!(keys.len(), 1);
        keys.forget_old(over);
        assert!(keys.is_empty());
    }
}
