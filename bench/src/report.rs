//! What a suite found: figures by round, ratios and whether they reach their goal. Kept as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The values of all rounds and what stands for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// In the order of the rounds.
    pub rounds: Vec<f64>,
}

impl Spread {
    /// The spread of `rounds`; nothing when there is none.
    pub fn of(rounds: &[f64]) -> Option<Self> {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        Some(Self { median: f64::midpoint(lower, upper), low, high, rounds: rounds.to_vec() })
    }
}

/// What a figure is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    /// The section of the report.
    pub section: String,
    /// What was done, such as `GetSecretValue`.
    pub what: String,
    /// Who did it, such as `strongroom`.
    pub subject: String,
    /// Connections, or rows' writers; 0 where it means nothing.
    pub connections: u32,
    /// Secrets that were there; 0 where it means nothing.
    pub secrets: u64,
}

/// One quantity of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Answers a second.
    PerSecond,
    /// CPU time of the server per answer, microseconds.
    ServerCpuUs,
    /// CPU time of the load generator per answer, microseconds.
    ClientCpuUs,
    /// Latency of the quickest tenth, microseconds: what a thing takes when nothing else wants the cores.
    P10Us,
    /// Median latency, microseconds.
    P50Us,
    /// 99th percentile, microseconds.
    P99Us,
    /// 99.9th percentile, microseconds.
    P999Us,
    /// Longest, microseconds.
    LongestUs,
    /// Bytes of an answer's body, the mean.
    AnswerBytes,
    /// From the start of the process until it said where it answers, milliseconds.
    ReadyMs,
    /// From the start of the process to its first answer, milliseconds.
    FirstAnswerMs,
    /// Resident memory, MiB.
    ResidentMib,
    /// Of it, anonymous memory, MiB.
    AnonymousMib,
    /// The most that was ever resident, MiB.
    PeakMib,
}

/// All quantities of a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is about.
    pub point: Point,
    /// The quantities.
    pub measures: BTreeMap<Measure, Spread>,
}

/// Which side of a limit is good.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Goal {
    /// Whether `value` reaches it.
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

/// A number that has a goal: mostly a ratio within the rounds of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it says.
    pub name: String,
    /// Its values.
    pub value: Spread,
    /// What it must be.
    pub goal: Goal,
    /// What it had better be.
    pub aim: Option<Goal>,
}

/// Where and how the figures were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The commit, with `+` when files were changed.
    pub commit: String,
    /// The command line.
    pub command: String,
    /// When, as `YYYYMMDDTHHMMSSZ`.
    pub date: String,
    /// Processor, cores, memory, kernel.
    pub machine: String,
    /// Rounds, seconds, sizes.
    pub settings: String,
    /// One-minute load average before each round: other work on the machine, and this run itself.
    pub load_averages: Vec<f64>,
    /// What a reader has to know about single figures.
    #[serde(default)]
    pub remarks: Vec<String>,
}

/// A whole report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where and how.
    pub circumstances: Circumstances,
    /// The figures, in the order in which they were first measured.
    pub figures: Vec<Figure>,
    /// The goals.
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// Adds the value of one round.
    pub fn add(&mut self, point: &Point, measure: Measure, value: f64) {
        let position = self.figures.iter().position(|figure| figure.point == *point);
        let figure = match position.and_then(|position| self.figures.get_mut(position)) {
            Some(figure) => figure,
            None => {
                self.figures.push(Figure { point: point.clone(), measures: BTreeMap::new() });
                let Some(last) = self.figures.last_mut() else { return };
                last
            }
        };
        let mut rounds = figure.measures.get(&measure).map(|spread| spread.rounds.clone()).unwrap_or_default();
        rounds.push(value);
        if let Some(spread) = Spread::of(&rounds) {
            figure.measures.insert(measure, spread);
        }
    }

    /// A quantity of a point.
    pub fn spread(&self, point: &Point, measure: Measure) -> Option<&Spread> {
        self.figures.iter().find(|figure| figure.point == *point)?.measures.get(&measure)
    }

    /// Adds a verdict on the ratio of two quantities, round by round; none when one of them was not measured.
    pub fn judge_ratio(
        &mut self,
        name: impl Into<String>,
        (above, above_measure): (&Point, Measure),
        (below, below_measure): (&Point, Measure),
        goal: Goal,
        aim: Option<Goal>,
    ) {
        let pair = self.spread(above, above_measure).zip(self.spread(below, below_measure));
        let ratios = pair.map(|(above, below)| {
            above.rounds.iter().zip(&below.rounds).map(|(above, below)| above / below).collect::<Vec<f64>>()
        });
        if let Some(value) = ratios.as_deref().and_then(Spread::of) {
            self.verdicts.push(Verdict { name: name.into(), value, goal, aim });
        }
    }

    /// Adds a verdict on a quantity itself.
    pub fn judge(&mut self, name: impl Into<String>, point: &Point, measure: Measure, goal: Goal) {
        if let Some(value) = self.spread(point, measure).cloned() {
            self.verdicts.push(Verdict { name: name.into(), value, goal, aim: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(subject: &str) -> Point {
        Point { section: "s".into(), what: "w".into(), subject: subject.into(), connections: 1, secrets: 0 }
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert!(Spread::of(&[]).is_none());
        let spread = Spread::of(&[4.0, 1.0, 3.0, 10.0]).unwrap();
        assert_eq!((spread.median, spread.low, spread.high), (3.5, 1.0, 10.0));
        assert_eq!(Spread::of(&[2.0, 9.0, 1.0]).unwrap().median, 2.0);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut report = Report::default();
        for (a, b) in [(10.0, 5.0), (40.0, 10.0), (9.0, 3.0)] {
            report.add(&point("a"), Measure::ServerCpuUs, a);
            report.add(&point("b"), Measure::ServerCpuUs, b);
        }
        let (a, b) = ((&point("a"), Measure::ServerCpuUs), (&point("b"), Measure::ServerCpuUs));
        report.judge_ratio("a / b", a, b, Goal::AtMost(2.5), Some(Goal::AtMost(4.0)));
        report.judge_ratio("not measured", a, (&point("c"), Measure::ServerCpuUs), Goal::AtMost(1.0), None);
        assert_eq!(report.verdicts.len(), 1);
        assert_eq!(report.verdicts[0].value.rounds, [2.0, 4.0, 3.0]);
        assert!(!report.verdicts[0].goal.is_met_by(report.verdicts[0].value.median));
        assert!(report.verdicts[0].aim.unwrap().is_met_by(report.verdicts[0].value.median));
    }

    #[test]
    fn a_report_survives_json() {
        let mut report = Report::default();
        report.add(&point("a"), Measure::PerSecond, 1.5);
        report.judge("fast enough", &point("a"), Measure::PerSecond, Goal::AtLeast(1.0));
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
