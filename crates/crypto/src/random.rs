//! The one source of randomness, handed in so that a test can seed it.

use std::sync::Mutex;

use aws_lc_rs::rand;

use crate::{CryptoError, digest::MacKey};

/// Fills buffers with random bytes fit for keys.
pub trait Random: Send + Sync + 'static {
    /// Fills `buffer`.
    ///
    /// # Errors
    /// When the source fails; nothing may then be made from the buffer.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError>;
}

/// `N` random bytes.
///
/// # Errors
/// As [`Random::fill`].
pub fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], CryptoError> {
    let mut buffer = [0; N];
    random.fill(&mut buffer)?;
    Ok(buffer)
}

/// The cipher library's generator, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError> {
        Ok(rand::fill(buffer)?)
    }
}

/// A repeatable stream for tests: HMAC of a counter under the seed. Never for keys that protect anything.
#[derive(Debug)]
pub struct SeededRandom {
    key: MacKey,
    counter: Mutex<u64>,
}

impl SeededRandom {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { key: MacKey::new(&seed.to_be_bytes()), counter: Mutex::new(0) }
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError> {
        let mut counter = self.counter.lock().map_err(|_| CryptoError::Library)?;
        for block in buffer.chunks_mut(32) {
            *counter += 1;
            for (to, from) in block.iter_mut().zip(self.key.tag(&counter.to_be_bytes())) {
                *to = from;
            }
        }
        Ok(())
    }
}
