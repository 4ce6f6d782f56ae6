//! A histogram of times: fixed buckets of plain atomics, which many threads count in without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The greatest time of each bucket, in µs; one more bucket has the rest.
pub const BOUNDS_US: [u32; 18] = [
    50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// Time that passes, for measuring how long something takes. What is decided by time takes a [`crate::Clock`].
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// One that runs from now on.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Times of one kind of work.
#[derive(Debug, Default)]
pub struct Times {
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_ns: AtomicU64,
}

impl Times {
    /// Counts a time.
    pub fn add(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let at = BOUNDS_US.partition_point(|bound| u64::from(*bound) * 1000 < ns);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// The buckets, each with its greatest time in seconds (infinite for the last) and how many times fell into it alone.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_US.iter().map(|bound| f64::from(*bound) / 1e6).chain([f64::INFINITY]);
        bounds.zip(&self.buckets).map(|(bound, bucket)| (bound, bucket.load(Ordering::Relaxed))).collect()
    }

    /// All times together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_falls_into_the_bucket_that_it_is_not_above() {
        let times = Times::default();
        for us in [50, 51, 30_000_000, 30_000_001] {
            times.add(Duration::from_micros(us));
        }
        let counted: Vec<(f64, u64)> = times.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(0.000_05, 1), (0.0001, 1), (30.0, 1), (f64::INFINITY, 1)]);
        assert_eq!(times.sum(), Duration::from_micros(60_000_102));
    }
}
