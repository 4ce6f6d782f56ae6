//! Request ids: version 4 UUIDs.

use std::sync::Arc;

use strongroom_crypto::Random;
use strongroom_crypto::random::bytes;
use strongroom_types::ids::uuid_v4;

/// A supply of request ids. The random source is asked for each: one that draws ahead makes that cheap.
pub(crate) struct RequestIds(Arc<dyn Random>);

impl RequestIds {
    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        Self(random)
    }

    /// The next id; none when the random source fails.
    pub(crate) fn next(&self) -> Option<String> {
        bytes(self.0.as_ref()).ok().map(uuid_v4)
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
    fn ids_are_version_4_and_differ() {
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
