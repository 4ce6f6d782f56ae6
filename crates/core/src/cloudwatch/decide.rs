//! Decides an alarm's state by its data points, as CloudWatch's documentation has it.

use strongroom_wire::cloudwatch::{ComparisonOperator, StateValue};

/// How many stretches more than its evaluation periods an alarm looks back for points, when some are missing.
pub(super) const LOOK_BACK: usize = 2;

/// What stands for a missing point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl Treatment {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "missing" => Self::Missing,
            "ignore" => Self::Ignore,
            "breaching" => Self::Breaching,
            "notBreaching" => Self::NotBreaching,
            _ => return None,
        })
    }
}

/// What is decided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) operator: ComparisonOperator,
    pub(super) threshold: f64,
    /// Points that count.
    pub(super) periods: usize,
    /// Points of these that must breach the threshold.
    pub(super) to_alarm: usize,
    pub(super) missing: Treatment,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    /// The state; none when it stays as it is.
    pub(super) state: Option<StateValue>,
    /// The places of the points that counted, the newest first.
    pub(super) counted: Vec<usize>,
    /// How many points were missing among those that should count.
    pub(super) missing: usize,
}

impl Rule {
    /// Whether a value breaches the threshold.
    pub(super) fn is_breached_by(&self, value: f64) -> bool {
        match self.operator {
            ComparisonOperator::GreaterThanOrEqualToThreshold => value >= self.threshold,
            ComparisonOperator::GreaterThanThreshold => value > self.threshold,
            ComparisonOperator::LessThanThreshold => value < self.threshold,
            ComparisonOperator::LessThanOrEqualToThreshold => value <= self.threshold,
            // Bands are refused when an alarm is put.
            ComparisonOperator::LessThanLowerOrGreaterThanUpperThreshold
            | ComparisonOperator::LessThanLowerThreshold
            | ComparisonOperator::GreaterThanUpperThreshold => false,
        }
    }

    /// Decides by the points of `periods` + [`LOOK_BACK`] stretches, the newest first.
    ///
    /// As many points count as there are evaluation periods, the newest that are there. Where there are fewer in the whole
    /// range, `missing` stands for the others. Points that are there decide on their own if they can: enough of them
    /// breach, or one does not. If all that are there breach, but too few, missing points count as nothing, and the alarm
    /// goes off once the oldest of them is as old as the points to alarm are many.
    pub(super) fn decide(&self, points: &[Option<f64>]) -> Decision {
        let present = points.iter().enumerate().filter_map(|(at, point)| point.map(|value| (at, value)));
        let counted: Vec<(usize, f64)> = present.take(self.periods).collect();
        let missing = self.periods - counted.len();
        let breaching = counted.iter().filter(|(_, value)| self.is_breached_by(*value)).count();
        let oldest = counted.iter().filter(|(_, value)| self.is_breached_by(*value)).map(|(at, _)| *at).max();
        let filled = |added: usize| {
            if breaching + added >= self.to_alarm { StateValue::Alarm } else { StateValue::Ok }
        };
        let state = match self.missing {
            _ if breaching >= self.to_alarm => Some(StateValue::Alarm),
            Treatment::Breaching => Some(filled(missing)),
            Treatment::NotBreaching => Some(filled(0)),
            _ if breaching < counted.len() => Some(StateValue::Ok),
            Treatment::Ignore => None,
            Treatment::Missing => match oldest {
                None => Some(StateValue::InsufficientData),
                Some(oldest) if oldest + 1 >= self.to_alarm => Some(StateValue::Alarm),
                Some(_) => None,
            },
        };
        Decision { state, counted: counted.into_iter().map(|(at, _)| at).collect(), missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points in the order of time: `X` breaches, `0` does not, `-` is missing.
    fn decided(points: &str, to_alarm: usize, periods: usize, missing: Treatment) -> Option<StateValue> {
        let operator = ComparisonOperator::GreaterThanThreshold;
        let rule = Rule { operator, threshold: 1.0, periods, to_alarm, missing };
        let value = |letter: char| match letter {
            'X' => Some(2.0),
            '0' => Some(0.0),
            _ => None,
        };
        let points: Vec<_> = points.chars().rev().map(value).collect();
        rule.decide(&points).state
    }

    #[test]
    fn missing_points_are_treated_as_the_documentation_shows() {
        let (alarm, ok, insufficient) = (StateValue::Alarm, StateValue::Ok, StateValue::InsufficientData);
        // Points, how many to alarm of how many, and the state with missing, ignore, breaching, notBreaching.
        let table = [
            ("0-X-X", 3, 3, [Some(ok), Some(ok), Some(ok), Some(ok)]),
            ("0----", 3, 3, [Some(ok), Some(ok), Some(ok), Some(ok)]),
            ("-----", 3, 3, [Some(insufficient), None, Some(alarm), Some(ok)]),
            ("0XX-X", 3, 3, [Some(alarm), Some(alarm), Some(alarm), Some(alarm)]),
            ("--X--", 3, 3, [Some(alarm), None, Some(alarm), Some(ok)]),
            ("0-X-X", 2, 3, [Some(alarm), Some(alarm), Some(alarm), Some(alarm)]),
            ("00X0X", 2, 3, [Some(alarm), Some(alarm), Some(alarm), Some(alarm)]),
            ("0-X--", 2, 3, [Some(ok), Some(ok), Some(alarm), Some(ok)]),
            ("----0", 2, 3, [Some(ok), Some(ok), Some(alarm), Some(ok)]),
            ("---X-", 2, 3, [Some(alarm), None, Some(alarm), Some(ok)]),
            ("----X", 2, 3, [None, None, Some(alarm), Some(ok)]),
            ("--X", 1, 1, [Some(alarm), Some(alarm), Some(alarm), Some(alarm)]),
            ("X0-", 1, 1, [Some(ok), Some(ok), Some(ok), Some(ok)]),
        ];
        let ways = [Treatment::Missing, Treatment::Ignore, Treatment::Breaching, Treatment::NotBreaching];
        for (points, to_alarm, periods, expected) in table {
            let states = ways.map(|way| decided(points, to_alarm, periods, way));
            assert_eq!(states, expected, "{points} {to_alarm} of {periods}");
        }
    }

    #[test]
    fn operators_compare_as_they_are_called() {
        let breached = |operator, value: f64| {
            Rule { operator, threshold: 1.0, periods: 1, to_alarm: 1, missing: Treatment::Ignore }.is_breached_by(value)
        };
        let table = [
            (ComparisonOperator::GreaterThanOrEqualToThreshold, [false, true, true]),
            (ComparisonOperator::GreaterThanThreshold, [false, false, true]),
            (ComparisonOperator::LessThanThreshold, [true, false, false]),
            (ComparisonOperator::LessThanOrEqualToThreshold, [true, true, false]),
        ];
        for (operator, expected) in table {
            assert_eq!([0.5, 1.0, 1.5].map(|value| breached(operator, value)), expected, "{operator:?}");
        }
    }

    #[test]
    fn a_decision_tells_which_points_counted() {
        let operator = ComparisonOperator::GreaterThanThreshold;
        let rule = Rule { operator, threshold: 1.0, periods: 3, to_alarm: 3, missing: Treatment::NotBreaching };
        let decision = rule.decide(&[Some(2.0), None, Some(2.0), None, None]);
        assert_eq!((decision.counted, decision.missing), (vec![0, 2], 1));
    }
}
