//! Statistics: which there are, and their values over stretches of time.

use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::Statistic;

use super::keeping::Points;
use super::set::Set;

/// A statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    /// One of those with a name.
    Named(Statistic),
    /// A percentile.
    Percentile(f64),
}

impl Stat {
    /// The statistic of this name: `Sum`, `p99.9`. Those of trimmed and bounded values are not known here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Statistic::parse(text).map(Self::Named).or_else(|| Self::percentile(text))
    }

    /// The percentile of this name.
    #[must_use]
    pub fn percentile(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('p')?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let percent: f64 = digits.parse().ok().filter(|_| plain)?;
        (0.0..=100.0).contains(&percent).then_some(Self::Percentile(percent))
    }

    /// Its value.
    #[must_use]
    pub fn of(self, set: &Set) -> Option<f64> {
        match self {
            Self::Named(Statistic::SampleCount) => Some(set.count),
            Self::Named(Statistic::Average) => Some(set.average()),
            Self::Named(Statistic::Sum) => Some(set.sum),
            Self::Named(Statistic::Minimum) => Some(set.min),
            Self::Named(Statistic::Maximum) => Some(set.max),
            Self::Percentile(percent) => set.percentile(percent),
        }
    }
}

/// Takes points together in stretches of `period_ms` from `from_ms` on, each known by its beginning.
#[must_use]
pub fn in_periods(points: &Points, from_ms: i64, period_ms: i64) -> Points {
    let mut taken = Points::new();
    for (at, set) in points {
        let start = at - (at - from_ms).rem_euclid(period_ms.max(1));
        match taken.get_mut(&start) {
            Some(known) => known.add(set),
            None => drop(taken.insert(start, set.clone())),
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_known_by_name() {
        assert_eq!(Stat::parse("Sum"), Some(Stat::Named(Statistic::Sum)));
        assert_eq!(Stat::parse("p99.9"), Some(Stat::Percentile(99.9)));
        assert_eq!(Stat::parse("p100"), Some(Stat::Percentile(100.0)));
        for unknown in ["sum", "p", "p101", "p-1", "p1e1", "tm90", "IQM", "pinf", ""] {
            assert_eq!(Stat::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn points_are_taken_together_from_the_start_on() {
        let points: Points = (0..10).map(|minute| (minute * 60_000, Set::of(1.0, 1.0))).collect();
        let taken = in_periods(&points, 120_000, 300_000);
        let sums: Vec<_> = taken.iter().map(|(at, set)| (at / 60_000, set.sum)).collect();
        assert_eq!(sums, [(-3, 2.0), (2, 5.0), (7, 3.0)]);
    }
}
