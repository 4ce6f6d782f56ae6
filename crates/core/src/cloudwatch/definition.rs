//! What an alarm is about, read from the request that put it, and what is refused of it.

use strongroom_types::{AccountId, Region};
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{
    ComparisonOperator, Dimension, EvaluationWindow, MetricDataQuery, PutMetricAlarmInput, StandardUnit,
};

use super::actions::Topics;
use super::decide::{Rule, Treatment};
use super::keeping::Wanted;
use super::metric::Series;
use super::reads::named;
use super::refusals::{invalid, invalid_combination, missing};
use super::statistics::Stat;
use super::{CloudWatch, data};
use crate::error::Error;

/// Actions of one kind, at most.
const ACTIONS_MAX: usize = 5;
/// What may lie between the first and the last point that count, in seconds.
const DAY_SECONDS: i64 = 86_400;

/// What an alarm is about.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) wanted: Wanted,
    pub(super) stat: Stat,
    pub(super) stat_name: String,
    pub(super) rule: Rule,
    /// Whether stretches end with the hours of the day, instead of with the minute of the look.
    pub(super) wall_clock: bool,
    /// Whether the state stays while a percentile is of too few values.
    pub(super) ignores_few: bool,
}

/// The metric of an alarm, in whichever form it was given.
struct Source<'a> {
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    dimensions: &'a [Dimension],
    period: Option<i32>,
    stat: String,
    unit: Option<StandardUnit>,
}

impl Definition {
    /// What a request that puts an alarm says.
    ///
    /// # Errors
    /// ValidationError, MissingParameter and InvalidParameterCombination.
    pub(super) fn of(input: &PutMetricAlarmInput) -> Result<Self, Error> {
        refuse_what_is_not_supported(input)?;
        let source = match input.metrics.as_deref() {
            Some(metrics) => of_metrics(input, metrics)?,
            None => of_metric(input)?,
        };
        let absent = |name: &str| missing(format!("The request must contain the parameter {name}."));
        let namespace = source.namespace.ok_or_else(|| absent("Namespace"))?;
        let name = source.name.ok_or_else(|| absent("MetricName"))?;
        let seconds = source.period.ok_or_else(|| absent("Period"))?;
        if ![10, 20, 30].contains(&seconds) && (seconds <= 0 || seconds % 60 != 0) {
            return Err(invalid("Period must be 10, 20, 30 or a multiple of 60."));
        }
        let stat = Stat::parse(&source.stat);
        let stat = stat.ok_or_else(|| invalid(format!("The statistic {} is not supported.", source.stat)))?;
        let series = Series {
            metric: named(namespace, name, source.dimensions)?,
            unit: source.unit.map(|unit| unit.as_str().to_owned()),
        };
        let period_ms = i64::from(seconds) * 1000;
        let few = input.evaluate_low_sample_count_percentile.as_deref();
        if !matches!(few, None | Some("evaluate" | "ignore")) {
            return Err(invalid("EvaluateLowSampleCountPercentile must be evaluate or ignore."));
        }
        Ok(Self {
            wanted: Wanted { any_unit: series.unit.is_none(), series, period_ms },
            stat,
            stat_name: source.stat,
            rule: rule(input, i64::from(seconds))?,
            wall_clock: wall_clock(input.evaluation_window.as_ref())?,
            ignores_few: few == Some("ignore"),
        })
    }

    /// Whether a percentile of so few values tells little.
    pub(super) fn is_of_few(&self, count: f64) -> bool {
        let Stat::Percentile(percent) = self.stat else { return false };
        let rest = (1.0 - percent / 100.0).min(percent / 100.0).max(0.001);
        self.ignores_few && count < 10.0 / rest
    }
}

fn refuse_what_is_not_supported(input: &PutMetricAlarmInput) -> Result<(), Error> {
    let given = [
        ("ThresholdMetricId", input.threshold_metric_id.is_some()),
        ("WarmUpConfiguration", input.warm_up_configuration.is_some()),
        ("EvaluationCriteria", input.evaluation_criteria.is_some()),
        ("EvaluationInterval", input.evaluation_interval.is_some()),
        ("ActionConfiguration", input.action_configuration.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(invalid(format!("The parameter {name} is not supported."))),
        None => Ok(()),
    }
}

fn of_metric(input: &PutMetricAlarmInput) -> Result<Source<'_>, Error> {
    let stat = match (input.statistic, &input.extended_statistic) {
        (Some(stat), None) => stat.as_str().to_owned(),
        (None, Some(stat)) => stat.clone(),
        (Some(_), Some(_)) => {
            return Err(invalid_combination("Exactly one of Statistic and ExtendedStatistic must be specified."));
        }
        (None, None) => return Err(missing("The request must contain the parameter Statistic or ExtendedStatistic.")),
    };
    Ok(Source {
        namespace: input.namespace.as_deref(),
        name: input.metric_name.as_deref(),
        dimensions: input.dimensions.as_deref().unwrap_or_default(),
        period: input.period,
        stat,
        unit: input.unit,
    })
}

fn of_metrics<'a>(input: &'a PutMetricAlarmInput, metrics: &'a [MetricDataQuery]) -> Result<Source<'a>, Error> {
    let beside = [
        input.metric_name.is_some(),
        input.namespace.is_some(),
        input.period.is_some(),
        input.statistic.is_some(),
        input.extended_statistic.is_some(),
        input.dimensions.as_ref().is_some_and(|dimensions| !dimensions.is_empty()),
    ];
    if beside.contains(&true) {
        let text = "Metrics list must not be specified together with MetricName, Namespace, Dimensions, Period, Statistic \
                    or ExtendedStatistic.";
        return Err(invalid_combination(text));
    }
    let [query] = metrics else {
        return Err(invalid(format!("{} An alarm has one metric.", data::NO_EXPRESSIONS)));
    };
    let Some(stat) = query.metric_stat.as_ref().filter(|_| query.expression.is_none()) else {
        return Err(invalid(data::NO_EXPRESSIONS));
    };
    if query.return_data == Some(false) {
        return Err(invalid("Invalid metrics list: exactly one element must return data."));
    }
    Ok(Source {
        namespace: stat.metric.namespace.as_deref(),
        name: stat.metric.metric_name.as_deref(),
        dimensions: stat.metric.dimensions.as_deref().unwrap_or_default(),
        period: Some(stat.period),
        stat: stat.stat.clone(),
        unit: stat.unit,
    })
}

fn rule(input: &PutMetricAlarmInput, seconds: i64) -> Result<Rule, Error> {
    let absent = |name: &str| missing(format!("The request must contain the parameter {name}."));
    let operator = input.comparison_operator.ok_or_else(|| absent("ComparisonOperator"))?;
    if matches!(
        operator,
        ComparisonOperator::LessThanLowerOrGreaterThanUpperThreshold
            | ComparisonOperator::LessThanLowerThreshold
            | ComparisonOperator::GreaterThanUpperThreshold
    ) {
        let text = format!("{} is of alarms on anomaly detection, which is not supported.", operator.as_str());
        return Err(invalid(text));
    }
    let periods = input.evaluation_periods.ok_or_else(|| absent("EvaluationPeriods"))?;
    let to_alarm = input.datapoints_to_alarm.unwrap_or(periods);
    if periods < 1 || to_alarm < 1 || to_alarm > periods {
        return Err(invalid("DatapointsToAlarm must be at least 1 and at most EvaluationPeriods."));
    }
    let most = if seconds >= 3600 { 7 * DAY_SECONDS } else { DAY_SECONDS };
    if i64::from(periods).saturating_mul(seconds) > most {
        let days = if seconds >= 3600 { "seven days" } else { "a day" };
        return Err(invalid(format!(
            "Metrics cannot be checked across more than {days} (EvaluationPeriods * Period must be <= {most})."
        )));
    }
    let treated = input.treat_missing_data.as_deref().unwrap_or("missing");
    let missing = Treatment::parse(treated)
        .ok_or_else(|| invalid(format!("The value {treated} for parameter TreatMissingData is not supported.")))?;
    let threshold = input.threshold.filter(|threshold| threshold.is_finite()).ok_or_else(|| absent("Threshold"))?;
    let whole = |number: i32| usize::try_from(number).unwrap_or(1);
    Ok(Rule { operator, threshold, periods: whole(periods), to_alarm: whole(to_alarm), missing })
}

fn wall_clock(window: Option<&EvaluationWindow>) -> Result<bool, Error> {
    let Some(wall_clock) = window.and_then(|window| window.wall_clock_window.as_ref()) else { return Ok(false) };
    match wall_clock.timezone.as_deref() {
        None | Some("UTC" | "Etc/UTC" | "+0000" | "+00:00") => Ok(true),
        Some(zone) => Err(invalid(format!("The timezone {zone} is not supported: use UTC."))),
    }
}

impl CloudWatch {
    /// Refuses actions that cannot be carried out here.
    pub(super) fn check_actions(&self, account: &AccountId, input: &PutMetricAlarmInput) -> Result<(), Error> {
        let lists = [
            ("AlarmActions", &input.alarm_actions),
            ("OKActions", &input.ok_actions),
            ("InsufficientDataActions", &input.insufficient_data_actions),
        ];
        for (name, actions) in lists {
            let actions = actions.as_deref().unwrap_or_default();
            if actions.len() > ACTIONS_MAX {
                return Err(invalid(format!("The collection {name} must not have a size greater than {ACTIONS_MAX}.")));
            }
            actions.iter().try_for_each(|arn| check_action(&self.topics, &self.region, account, arn))?;
        }
        Ok(())
    }
}

fn check_action(topics: &Topics, region: &Region, account: &AccountId, arn: &str) -> Result<(), Error> {
    let function = format!("arn:{}:lambda:{region}:{account}:function:", region.partition());
    if arn.strip_prefix(&function).is_some_and(|name| !name.is_empty()) || topics.know(arn) {
        return Ok(());
    }
    Err(invalid(format!(
        "Invalid alarm action {arn}: only functions of this account and region, and topics that cloudwatch.topics of the \
         configuration names, can be told of an alarm."
    )))
}
