//! Values of a stretch of time, taken together: number, sum, least, greatest, and as far as they are few, each of them.

use serde::{Deserialize, Serialize};

/// Different values that are kept one by one, at most; with more, percentiles are not known.
pub const VALUES_MAX: usize = 500;

/// Values taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Set {
    /// How many.
    #[serde(rename = "c")]
    pub count: f64,
    /// Their sum.
    #[serde(rename = "s")]
    pub sum: f64,
    /// The least.
    #[serde(rename = "l")]
    pub min: f64,
    /// The greatest.
    #[serde(rename = "g")]
    pub max: f64,
    /// Each value with how often it came, in ascending order; nothing when all are the same.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<(f64, f64)>>,
}

impl Set {
    /// A value that came `count` times.
    #[must_use]
    pub fn of(value: f64, count: f64) -> Self {
        Self { count, sum: bounded(value * count), min: value, max: value, values: None }
    }

    /// What is known of values from outside.
    #[must_use]
    pub fn known(count: f64, sum: f64, min: f64, max: f64) -> Self {
        Self { count, sum, min, max, values: None }
    }

    /// The values one by one, when they are known.
    fn each(&self) -> Option<Vec<(f64, f64)>> {
        match &self.values {
            Some(values) => Some(values.clone()),
            None if self.min.total_cmp(&self.max).is_eq() => Some(vec![(self.min, self.count)]),
            None => None,
        }
    }

    /// Adds the values of another.
    pub fn add(&mut self, other: &Self) {
        let both = self.each().zip(other.each()).map(|(mine, theirs)| merged(mine, &theirs));
        self.count = bounded(self.count + other.count);
        self.sum = bounded(self.sum + other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.values = both.filter(|values| (2..=VALUES_MAX).contains(&values.len()));
    }

    /// The mean.
    #[must_use]
    pub fn average(&self) -> f64 {
        self.sum / self.count
    }

    /// The least value that is at least as great as `percent` of all; nothing when the values are not known one by one.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        let rank = self.count * percent / 100.0;
        let mut behind = 0.0;
        let values = self.each()?;
        for (value, count) in &values {
            behind += count;
            if behind >= rank {
                return Some(*value);
            }
        }
        values.last().map(|(value, _)| *value)
    }
}

/// The greatest number there is in place of one beyond: infinity cannot be stored, and a document with it would never be
/// read again.
fn bounded(number: f64) -> f64 {
    number.clamp(f64::MIN, f64::MAX)
}

fn merged(mut mine: Vec<(f64, f64)>, theirs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    for (value, count) in theirs {
        match mine.binary_search_by(|(known, _)| known.total_cmp(value)) {
            Ok(at) => {
                if let Some((_, known)) = mine.get_mut(at) {
                    *known = bounded(*known + count);
                }
            }
            Err(at) => mine.insert(at, (*value, *count)),
        }
    }
    mine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_add_up() {
        let mut set = Set::of(1.0, 1.0);
        for value in [2.0, 3.0, 4.0, 4.0] {
            set.add(&Set::of(value, 1.0));
        }
        assert_eq!((set.count, set.sum, set.min, set.max), (5.0, 14.0, 1.0, 4.0));
        assert_eq!(set.values, Some(vec![(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 2.0)]));
        assert_eq!(
            [0.0, 20.0, 50.0, 61.0, 100.0].map(|percent| set.percentile(percent)),
            [1.0, 1.0, 3.0, 4.0, 4.0].map(Some)
        );
        assert!((set.average() - 2.8).abs() < 1e-9);
    }

    #[test]
    fn no_sum_is_beyond_what_can_be_stored() {
        let mut set = Set::of(1e300, 1e300);
        set.add(&Set::of(1e300, f64::MAX));
        set.add(&Set::known(f64::MAX, f64::MAX, 1.0, 2.0));
        set.add(&Set::known(1.0, f64::MIN, -1.0, 2.0));
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Set>(&text).unwrap(), set, "{text}");
    }

    #[test]
    fn percentiles_of_what_is_not_known_one_by_one_are_not_made_up() {
        let mut set = Set::known(3.0, 6.0, 1.0, 3.0);
        assert_eq!(set.percentile(50.0), None);
        set.add(&Set::of(1.0, 1.0));
        assert_eq!(set.percentile(50.0), None);
        assert_eq!(Set::known(3.0, 6.0, 2.0, 2.0).percentile(99.0), Some(2.0));
        let mut many = Set::of(0.0, 1.0);
        (1..=u32::try_from(VALUES_MAX).unwrap()).for_each(|value| many.add(&Set::of(f64::from(value), 1.0)));
        assert_eq!((many.values.as_ref(), many.percentile(50.0)), (None, None));
    }

    #[test]
    fn sets_are_kept_as_they_are() {
        let mut set = Set::of(1.5, 2.0);
        set.add(&Set::of(-0.25, 1.0));
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Set>(&text).unwrap(), set);
        assert_eq!(serde_json::to_string(&Set::of(1.0, 7.0)).unwrap(), r#"{"c":7.0,"s":7.0,"l":1.0,"g":1.0}"#);
    }
}
