//! Request ids: version 4 UUIDs, drawn for a connection sixteen at a time since one draw costs as much as many.

use std::cell::RefCell;
use std::sync::Arc;

use strongroom_crypto::Random;
use strongroom_types::ids::uuid_v4;

const ID_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16 * ID_BYTES;

/// A connection's supply of request ids.
pub(crate) struct RequestIds {
    random: Arc<dyn Random>,
    block: RefCell<Block>,
}

struct Block {
    bytes: [u8; BLOCK_BYTES],
    used: usize,
}

impl RequestIds {
    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        Self { random, block: RefCell::new(Block { bytes: [0; BLOCK_BYTES], used: BLOCK_BYTES }) }
    }

    /// The next id; none when the random source fails.
    pub(crate) fn next(&self) -> Option<String> {
        let mut block = self.block.borrow_mut();
        if block.used >= BLOCK_BYTES {
            self.random.fill(&mut block.bytes).ok()?;
            block.used = 0;
        }
        let id = *block.bytes.get(block.used..)?.first_chunk::<ID_BYTES>()?;
        block.used += ID_BYTES;
        Some(uuid_v4(id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use strongroom_crypto::CryptoError;
    use strongroom_crypto::random::SeededRandom;

    use super::*;

    struct Failing;

    impl Random for Failing {
        fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
            Err(CryptoError::Library)
        }
    }

    #[test]
    fn ids_are_version_4_and_differ_across_blocks() {
        let ids = RequestIds::new(Arc::new(SeededRandom::new(1)));
        let drawn: HashSet<String> = (0..100).map(|_| ids.next().unwrap()).collect();
        assert_eq!(drawn.len(), 100);
        assert!(drawn.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'4'));
    }

    #[test]
    fn a_failing_source_gives_no_id() {
        assert_eq!(RequestIds::new(Arc::new(Failing)).next(), None);
    }
}
