//! The one source of randomness, handed in so that a test can seed it.

use std::sync::Mutex;

use aws_lc_rs::rand;
use zeroize::Zeroizing;

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

/// Bytes that [`BufferedRandom`] draws at once.
const BLOCK_BYTES: usize = 4096;
/// Longest request that [`BufferedRandom`] serves from its block, in bytes: salts, nonces and identifiers. Keys are
/// longer and come from the source itself, so that none lies about in a buffer.
const BUFFERED_BYTES_MAX: usize = 28;

/// A source that draws ahead: one draw costs as much as many small ones.
pub struct BufferedRandom<R> {
    source: R,
    block: Mutex<Block>,
}

struct Block {
    bytes: Zeroizing<Vec<u8>>,
    used: usize,
}

impl<R: Random> BufferedRandom<R> {
    /// A buffer in front of `source`.
    #[must_use]
    pub fn new(source: R) -> Self {
        let block = Block { bytes: Zeroizing::new(vec![0; BLOCK_BYTES]), used: BLOCK_BYTES };
        Self { source, block: Mutex::new(block) }
    }
}

impl<R: Random> Random for BufferedRandom<R> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), CryptoError> {
        if buffer.len() > BUFFERED_BYTES_MAX {
            return self.source.fill(buffer);
        }
        let mut block = self.block.lock().map_err(|_| CryptoError::Library)?;
        let block = &mut *block;
        if buffer.len() > BLOCK_BYTES - block.used {
            // What is left of the old block must not be used when the source fails.
            block.used = BLOCK_BYTES;
            self.source.fill(&mut block.bytes)?;
            block.used = 0;
        }
        let drawn = block.bytes.get_mut(block.used..).unwrap_or_default();
        for (to, from) in buffer.iter_mut().zip(drawn) {
            // Nothing is given out twice, nor kept after it was given out.
            *to = std::mem::take(from);
        }
        block.used += buffer.len();
        Ok(())
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_buffer_gives_out_each_byte_of_its_source_once() {
        let buffered = BufferedRandom::new(SeededRandom::new(1));
        let mut drawn = HashSet::new();
        for _ in 0..1000 {
            let bytes: [u8; 12] = bytes(&buffered).expect("random");
            assert!(bytes.iter().any(|byte| *byte != 0));
            assert!(drawn.insert(bytes));
        }
        let expected: [u8; BLOCK_BYTES] = bytes(&SeededRandom::new(1)).expect("random");
        assert!(drawn.contains(&expected[..12]) && drawn.contains(&expected[12..24]));
    }

    #[test]
    fn keys_do_not_come_from_the_buffer() {
        let buffered = BufferedRandom::new(SeededRandom::new(1));
        let key: [u8; 32] = bytes(&buffered).expect("random");
        assert_eq!(key, bytes::<32>(&SeededRandom::new(1)).expect("random"));
        assert_eq!(buffered.block.lock().expect("lock").used, BLOCK_BYTES);
    }

    struct Failing;

    impl Random for Failing {
        fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
            Err(CryptoError::Library)
        }
    }

    #[test]
    fn a_failing_source_fails_the_buffer() {
        let buffered = BufferedRandom::new(Failing);
        assert_eq!(bytes::<8>(&buffered), Err(CryptoError::Library));
        assert_eq!(bytes::<8>(&buffered), Err(CryptoError::Library));
    }
}
