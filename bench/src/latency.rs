//! Latencies of one run: a histogram of nanoseconds, kept to three digits, from the intended start of each request.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::failure::Failure;

const LOWEST_NS: u64 = 256;
const HIGHEST_NS: u64 = 120_000_000_000;

/// The latencies of a run or of one of its connections.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u32>);

impl Latencies {
    /// None yet.
    pub fn new() -> Result<Self, Failure> {
        Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, 3)
            .map(Self)
            .map_err(|why| Failure::void(format!("histogram: {why}")))
    }

    /// Adds one; those above two minutes count as two minutes.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds all of another run's.
    pub fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.0.add(&other.0).map_err(|why| Failure::void(format!("histogram: {why}")))
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that the share `quantile` of requests did not exceed, in microseconds.
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        micros(self.0.value_at_quantile(quantile))
    }

    /// The longest, in microseconds.
    pub fn longest_us(&self) -> f64 {
        micros(self.0.max())
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most 1.2e11")]
fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_all_that_was_added() {
        let (mut one, mut other) = (Latencies::new().unwrap(), Latencies::new().unwrap());
        (1..=50).for_each(|ms| one.record(Duration::from_millis(ms)));
        (51..=100).for_each(|ms| other.record(Duration::from_millis(ms)));
        one.add(&other).unwrap();
        assert_eq!(one.count(), 100);
        assert!((49_900.0..50_100.0).contains(&one.quantile_us(0.5)));
        assert!((98_900.0..99_200.0).contains(&one.quantile_us(0.99)));
        assert!((99_900.0..100_200.0).contains(&one.longest_us()));
    }

    #[test]
    fn what_is_longer_than_the_histogram_is_held_not_lost() {
        let mut latencies = Latencies::new().unwrap();
        latencies.record(Duration::from_secs(1000));
        assert_eq!(latencies.count(), 1);
        assert!(latencies.longest_us() >= 119_000_000.0);
    }
}
