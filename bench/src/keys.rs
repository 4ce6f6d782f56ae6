//! Which secret the next request is for: uniform, zipf or one after the other; and the random numbers for it.

use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;

/// The skew of the zipf choice, that of the usual key-value benchmarks.
pub const ZIPF_SKEW: f64 = 0.99;

/// A small, fast generator of random numbers (the splitmix64 recurrence). Not for secrets; the same seed gives the
/// same requests.
#[derive(Clone, Debug)]
pub struct Prng(u64);

impl Prng {
    /// The generator number `stream` of `seed`.
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream)))
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `bound`; 0 when `bound` is 0. The bias is `bound` / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number in [0, 1).
    pub fn fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (self.next() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// How keys are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Spread {
    /// Each equally often.
    Uniform,
    /// Few very often: the k-th most popular in proportion to 1 / k^0.99.
    Zipf,
}

/// Chooses numbers of secrets. Shared by all connections of a run.
#[derive(Debug)]
pub enum Keys {
    /// Any of the first `count`.
    Uniform {
        /// How many secrets there are.
        count: u64,
    },
    /// Any of the first ones, few of them very often.
    Zipf(Zipf),
    /// Each number once, from the counter's value up to and without `end`: for creating.
    Sequence {
        /// The next number.
        next: AtomicU64,
        /// Where to stop.
        end: u64,
    },
}

impl Keys {
    /// A choice among the first `count` secrets.
    pub fn spread(spread: Spread, count: u64) -> Self {
        match spread {
            Spread::Uniform => Self::Uniform { count },
            Spread::Zipf => Self::Zipf(Zipf::new(count, ZIPF_SKEW)),
        }
    }

    /// Each number from `start` on, once.
    pub const fn sequence(start: u64, end: u64) -> Self {
        Self::Sequence { next: AtomicU64::new(start), end }
    }

    /// The next number; `None` when a sequence is at its end.
    pub fn choose(&self, random: &mut Prng) -> Option<u64> {
        match self {
            Self::Uniform { count } => Some(random.below(*count)),
            Self::Zipf(zipf) => Some(zipf.choose(random)),
            Self::Sequence { next, end } => Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| number < end),
        }
    }

    /// Where a sequence stands; 0 for the others.
    pub fn position(&self) -> u64 {
        match self {
            Self::Sequence { next, end } => next.load(Ordering::Relaxed).min(*end),
            Self::Uniform { .. } | Self::Zipf(_) => 0,
        }
    }
}

/// The zipf distribution by inversion of its approximate sum, as Gray and others describe it in "Quickly generating
/// billion-record synthetic databases" (1994). Ranks are scattered over the numbers, so that popular secrets are not
/// neighbours.
#[derive(Debug)]
pub struct Zipf {
    count: u64,
    skew: f64,
    sum: f64,
    eta: f64,
    stride: u64,
}

impl Zipf {
    /// The distribution over `count` numbers with a skew in (0, 1).
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub fn new(count: u64, skew: f64) -> Self {
        let count = count.max(2);
        let sum: f64 = (1..=count).map(|rank| (rank as f64).powf(-skew)).sum();
        let of_two = 1.0 + 0.5_f64.powf(skew);
        let eta = (1.0 - (2.0 / count as f64).powf(1.0 - skew)) / (1.0 - of_two / sum);
        let near_golden = (count as f64 * 0.618_034) as u64 | 1;
        let stride = (near_golden..).find(|stride| gcd(*stride, count) == 1).unwrap_or(1);
        Self { count, skew, sum, eta, stride }
    }

    /// The next number.
    pub fn choose(&self, random: &mut Prng) -> u64 {
        let rank = u128::from(self.rank(random.fraction()));
        u64::try_from(rank * u128::from(self.stride) % u128::from(self.count)).unwrap_or(0)
    }

    /// The rank, from 0, at a point of [0, 1) of the distribution.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are far below 2^53, and the product is never negative"
    )]
    fn rank(&self, point: f64) -> u64 {
        let scaled = point * self.sum;
        if scaled < 1.0 {
            return 0;
        }
        if scaled < 1.0 + 0.5_f64.powf(self.skew) {
            return 1;
        }
        let reach = (self.eta * point - self.eta + 1.0).powf(1.0 / (1.0 - self.skew));
        ((self.count as f64 * reach) as u64).min(self.count - 1)
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_choice_reaches_all_about_equally() {
        let (keys, mut random) = (Keys::spread(Spread::Uniform, 10), Prng::new(1, 2));
        let mut seen = [0_u32; 10];
        for _ in 0..100_000 {
            seen[usize::try_from(keys.choose(&mut random).unwrap()).unwrap()] += 1;
        }
        assert!(seen.iter().all(|times| (9_500..10_500).contains(times)), "{seen:?}");
    }

    #[test]
    fn zipf_ranks_are_as_frequent_as_the_law_says() {
        let (zipf, mut random, draws) = (Zipf::new(1000, ZIPF_SKEW), Prng::new(3, 4), 400_000);
        let mut seen = vec![0_u32; 1000];
        for _ in 0..draws {
            seen[usize::try_from(zipf.rank(random.fraction())).unwrap()] += 1;
        }
        let expected = |rank: usize| f64::from(draws) * ((rank + 1) as f64).powf(-ZIPF_SKEW) / zipf.sum;
        for rank in [0, 1] {
            let ratio = f64::from(seen[rank]) / expected(rank);
            assert!((0.97..1.03).contains(&ratio), "rank {rank}: {ratio}");
        }
        let (tail, law): (u32, f64) = (seen[100..].iter().sum(), (100..1000).map(expected).sum());
        assert!((0.9..1.1).contains(&(f64::from(tail) / law)), "tail {tail}, law {law}");
    }

    #[test]
    fn zipf_scatters_ranks_over_all_numbers() {
        let zipf = Zipf::new(1000, ZIPF_SKEW);
        let numbers: std::collections::BTreeSet<u64> = (0..1000).map(|rank| rank * zipf.stride % 1000).collect();
        assert_eq!(numbers.len(), 1000);
    }

    #[test]
    fn a_sequence_gives_each_number_once_and_ends() {
        let (keys, mut random) = (Keys::sequence(5, 8), Prng::new(0, 0));
        let given: Vec<_> = std::iter::from_fn(|| keys.choose(&mut random)).collect();
        assert_eq!(given, [5, 6, 7]);
        assert_eq!(keys.position(), 8);
    }
}
