//! PutMetricData: points that clients put.

use strongroom_types::Timestamp;
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{MetricDatum, PutMetricDataInput};

use super::CloudWatch;
use super::chunk::{DAY_MS, HOUR_MS};
use super::metric::Series;
use super::reads::named;
use super::refusals::{invalid_combination, invalid_value, missing};
use super::set::Set;
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Points of a request, at most.
const DATA_MAX: usize = 1000;
/// Values of a point, at most.
const VALUES_MAX: usize = 150;
/// The greatest magnitude of a value: two to the 360th power.
const VALUE_MAX: f64 = 2.348_542_582_773_833e108;

impl CloudWatch {
    /// Keeps points of the caller's own metrics.
    ///
    /// # Errors
    /// InvalidParameterValue, InvalidParameterCombination and MissingParameter with AWS's texts; faults.
    pub async fn put_metric_data(&self, cx: &Ctx, _permit: &Permit, input: PutMetricDataInput) -> Result<(), Error> {
        if input.namespace.is_empty() || input.namespace.starts_with("AWS/") || input.namespace.starts_with(':') {
            return Err(invalid_value(format!("The value {} for parameter Namespace is invalid.", input.namespace)));
        }
        let with_entities =
            input.entity_metric_data.iter().flatten().flat_map(|data| data.metric_data.iter().flatten());
        let data: Vec<&MetricDatum> = input.metric_data.iter().flatten().chain(with_entities).collect();
        if data.is_empty() {
            return Err(missing("The parameter MetricData is required."));
        }
        if data.len() > DATA_MAX {
            let text = format!("The collection MetricData must not have a size greater than {DATA_MAX}.");
            return Err(invalid_value(text));
        }
        let mut points = Vec::with_capacity(data.len());
        for (at, datum) in data.into_iter().enumerate() {
            let parameter = format!("MetricData.member.{}", at + 1);
            let metric = named(&input.namespace, &datum.metric_name, datum.dimensions.as_deref().unwrap_or_default())?;
            if !matches!(datum.storage_resolution, None | Some(1 | 60)) {
                return Err(invalid_value(format!("The parameter {parameter}.StorageResolution must be 1 or 60.")));
            }
            let when = instant(datum, cx.now, &parameter)?;
            let unit = datum.unit.map_or(super::NO_UNIT, |unit| unit.as_str());
            points.push((Series { metric, unit: Some(unit.to_owned()) }, when, set(datum, &parameter)?));
        }
        for (series, when, set) in points {
            self.keeper.add(&cx.caller.account, series, when, set);
        }
        self.keeper.flush_of(&cx.caller.account, cx.now).await
    }
}

fn instant(datum: &MetricDatum, now: Timestamp, parameter: &str) -> Result<Timestamp, Error> {
    let when = datum.timestamp.unwrap_or(now);
    if now.millis_since(when) > 14 * DAY_MS {
        let text = format!("The parameter {parameter}.Timestamp must specify a time within the past two weeks.");
        return Err(invalid_value(text));
    }
    if when.millis_since(now) > 2 * HOUR_MS {
        let text =
            format!("The parameter {parameter}.Timestamp must specify a time no more than two hours in the future.");
        return Err(invalid_value(text));
    }
    Ok(when)
}

/// The values of a point.
fn set(datum: &MetricDatum, parameter: &str) -> Result<Set, Error> {
    let given = [
        ("Value", datum.value.is_some()),
        ("Values", datum.values.is_some()),
        ("StatisticValues", datum.statistic_values.is_some()),
    ];
    let mut given = given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name);
    let (first, second) = (given.next(), given.next());
    match (first, second) {
        (Some(first), Some(second)) => Err(invalid_combination(format!(
            "The parameters {parameter}.{first} and {parameter}.{second} are mutually exclusive and you have specified both."
        ))),
        (None, _) => Err(missing(format!(
            "At least one of the parameters {parameter}.Value, {parameter}.Values and {parameter}.StatisticValues is \
             required."
        ))),
        (Some(_), None) => {
            if let Some(value) = datum.value {
                return Ok(Set::of(checked(value, parameter, "Value")?, 1.0));
            }
            if let Some(known) = &datum.statistic_values {
                let set = Set::known(known.sample_count, known.sum, known.minimum, known.maximum);
                let whole = [set.count, set.sum, set.min, set.max];
                let in_order = set.count > 0.0 && set.min <= set.max && whole.iter().all(|value| value.is_finite());
                let text = format!("The parameter {parameter}.StatisticValues is invalid.");
                return if in_order { Ok(set) } else { Err(invalid_value(text)) };
            }
            values(datum.values.as_deref().unwrap_or_default(), datum.counts.as_deref(), parameter)
        }
    }
}

fn values(values: &[f64], counts: Option<&[f64]>, parameter: &str) -> Result<Set, Error> {
    let invalid = |name: &str| invalid_value(format!("The parameter {parameter}.{name} is invalid."));
    if values.is_empty() || values.len() > VALUES_MAX {
        return Err(invalid("Values"));
    }
    if counts.is_some_and(|counts| counts.len() != values.len()) {
        return Err(invalid_value(format!(
            "The parameters {parameter}.Values and {parameter}.Counts must be of the same size."
        )));
    }
    let mut set: Option<Set> = None;
    for (at, value) in values.iter().enumerate() {
        let count = counts.and_then(|counts| counts.get(at)).copied().unwrap_or(1.0);
        if !(count.is_finite() && count > 0.0) {
            return Err(invalid("Counts"));
        }
        let one = Set::of(checked(*value, parameter, "Values")?, count);
        match &mut set {
            Some(set) => set.add(&one),
            None => set = Some(one),
        }
    }
    set.ok_or_else(|| invalid("Values"))
}

fn checked(value: f64, parameter: &str, name: &str) -> Result<f64, Error> {
    if value.is_finite() && value.abs() <= VALUE_MAX {
        return Ok(value);
    }
    Err(invalid_value(format!("The value {value} for parameter {parameter}.{name} is invalid.")))
}
