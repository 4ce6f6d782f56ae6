//! What a cache tells of itself in numbers.

use std::hash::{BuildHasher, Hash};

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, Weighter};

/// A cache in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// Look-ups that found something. What was found may still have been too old to be used.
    pub hits: u64,
    /// Look-ups that found nothing.
    pub misses: u64,
    /// Entries that are kept.
    pub entries: u64,
    /// What they weigh: bytes where the cache is bounded by bytes, otherwise entries.
    pub weight: u64,
    /// The bound on that.
    pub weight_max: u64,
}

impl CacheFigures {
    /// Those of `cache` as it is now.
    pub(crate) fn of<K, V, W, B, L>(cache: &Cache<K, V, W, B, L>) -> Self
    where
        K: Eq + Hash,
        V: Clone,
        W: Weighter<K, V> + Clone,
        B: BuildHasher + Clone,
        L: Lifecycle<K, V> + Clone,
    {
        Self {
            hits: cache.hits(),
            misses: cache.misses(),
            entries: u64::try_from(cache.len()).unwrap_or(u64::MAX),
            weight: cache.weight(),
            weight_max: cache.capacity(),
        }
    }
}
