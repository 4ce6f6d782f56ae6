//! ListMetrics and GetMetricStatistics.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_types::Timestamp;
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{
    Datapoint, DimensionFilter, GetMetricStatisticsInput, GetMetricStatisticsOutput, ListMetricsInput,
    ListMetricsOutput, StandardUnit, Statistic,
};

use super::CloudWatch;
use super::chunk::{DAY_MS, HOUR_MS};
use super::keeping::Wanted;
use super::metric::{DIMENSIONS_MAX, Metric, Series};
use super::refusals::{bad_token, invalid, invalid_combination, invalid_value, missing};
use super::statistics::{Stat, in_periods};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::page::{self, Query};

/// Metrics on a page.
const METRICS_MAX: usize = 500;
/// How long a metric counts as active without new points, in ms.
const ACTIVE_MS: i64 = 3 * HOUR_MS;
/// Points that GetMetricStatistics answers with, at most.
const STATISTICS_MAX: i64 = 1440;

impl CloudWatch {
    /// The metrics of the caller's account that had points within two weeks.
    ///
    /// # Errors
    /// InvalidNextToken; ValidationError for accounts that are linked; faults.
    pub async fn list_metrics(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListMetricsInput,
    ) -> Result<ListMetricsOutput, Error> {
        if input.owning_account.as_deref().is_some_and(|account| account != cx.caller.account.as_str()) {
            return Err(invalid("The parameter OwningAccount names an account that is not linked."));
        }
        let filters = input.dimensions.unwrap_or_default();
        let query = query(&input.namespace, &input.metric_name, &filters, input.recently_active.is_some());
        let after = match &input.next_token {
            Some(token) => Some(page::open(&self.documents, &query, token).map_err(bad_token)?),
            None => None,
        };
        let after: Option<Metric> = match after.as_deref().map(serde_json::from_str) {
            Some(Ok(after)) => Some(after),
            Some(Err(_)) => return Err(Error::internal("a page token of metrics does not read")),
            None => None,
        };
        let names = self.keeper.names(&cx.caller.account, cx.now).await?;
        let is_active = |last: i64| input.recently_active.is_none() || cx.now.millis() - last < ACTIVE_MS;
        let wanted = |metric: &Metric| {
            input.namespace.as_ref().is_none_or(|namespace| metric.namespace == *namespace)
                && input.metric_name.as_ref().is_none_or(|name| metric.name == *name)
                && filters.iter().all(|filter| has(metric, filter))
                && after.as_ref().is_none_or(|after| metric > after)
        };
        let active = names.into_iter().filter(|(series, last)| is_active(*last) && wanted(&series.metric));
        let metrics: BTreeSet<Metric> = active.map(|(series, _)| series.metric).collect();
        let shown: Vec<&Metric> = metrics.iter().take(METRICS_MAX).collect();
        let next_token = match shown.last() {
            Some(last) if metrics.len() > METRICS_MAX => {
                let place = serde_json::to_string(last).map_err(|error| Error::internal(error.to_string()))?;
                Some(page::seal(&self.documents, &query, &place)?)
            }
            _ => None,
        };
        let owning_accounts =
            input.include_linked_accounts.unwrap_or_default().then(|| vec![cx.caller.account.to_string(); shown.len()]);
        Ok(ListMetricsOutput {
            metrics: Some(shown.into_iter().map(Metric::shown).collect()),
            next_token,
            owning_accounts,
        })
    }

    /// A metric's statistics over periods.
    ///
    /// # Errors
    /// InvalidParameterValue, InvalidParameterCombination and MissingParameter with AWS's texts; faults.
    pub async fn get_metric_statistics(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetMetricStatisticsInput,
    ) -> Result<GetMetricStatisticsOutput, Error> {
        let stats = asked_stats(&input)?;
        let period_ms = Self::period_ms(input.period)?;
        let (from_ms, until_ms) =
            self.stretch(cx.now, (input.start_time, input.end_time), period_ms, &invalid_value)?;
        let asked = (until_ms - from_ms) / period_ms;
        if asked > STATISTICS_MAX {
            return Err(invalid_combination(format!(
                "You have requested up to {} datapoints, which exceeds the limit of 1,440. You may reduce the datapoints \
                 requested by increasing Period, or decreasing the time range.",
                with_commas(asked)
            )));
        }
        let metric = named(&input.namespace, &input.metric_name, input.dimensions.as_deref().unwrap_or_default())?;
        let units = self.units(cx, &metric, input.unit).await?;
        let mut datapoints = Vec::new();
        for unit in units {
            let wanted =
                Wanted { series: Series { metric: metric.clone(), unit: unit.clone() }, any_unit: false, period_ms };
            let found = self.keeper.read(&cx.caller.account, &[wanted], (from_ms, until_ms)).await?;
            let points = found.into_iter().next().unwrap_or_default();
            for (at, set) in in_periods(&points, from_ms, period_ms) {
                datapoints.push(datapoint(at, &set, &stats, unit.as_deref()));
            }
        }
        Ok(GetMetricStatisticsOutput { label: Some(input.metric_name), datapoints: Some(datapoints) })
    }

    /// The units whose values are asked for.
    async fn units(&self, cx: &Ctx, metric: &Metric, unit: Option<StandardUnit>) -> Result<Vec<Option<String>>, Error> {
        if let Some(unit) = unit {
            return Ok(vec![Some(unit.as_str().to_owned())]);
        }
        // Values of old metrics are no longer named, and were of no unit, or of the ones that AWS's metrics have.
        let names = self.keeper.names(&cx.caller.account, cx.now).await?;
        let mut units: BTreeSet<Option<String>> =
            names.into_keys().filter(|series| series.metric == *metric).map(|series| series.unit).collect();
        units.insert(Some(super::NO_UNIT.to_owned()));
        Ok(units.into_iter().collect())
    }

    /// A period in ms.
    pub(super) fn period_ms(seconds: i32) -> Result<i64, Error> {
        let period_ms = i64::from(seconds).saturating_mul(1000);
        if [1, 5, 10, 20, 30].contains(&seconds) || (seconds > 0 && seconds % 60 == 0) {
            return Ok(period_ms);
        }
        Err(invalid_value("The parameter Period must be 1, 5, 10, 20, 30, or any multiple of 60."))
    }

    /// The stretch of time that a request names, its start rounded down the more, the longer ago it is.
    /// `shortest_ms` is the shortest period that is asked for.
    pub(super) fn stretch(
        &self,
        now: Timestamp,
        (start, end): (Timestamp, Timestamp),
        shortest_ms: i64,
        refusal: &dyn Fn(String) -> Error,
    ) -> Result<(i64, i64), Error> {
        if start >= end {
            return Err(refusal("The parameter StartTime must be less than the parameter EndTime.".to_owned()));
        }
        let grain = match now.millis_since(start) {
            age if age <= 15 * DAY_MS && shortest_ms < 60_000 => self.keeper.resolution_ms(),
            age if age <= 15 * DAY_MS => 60_000,
            age if age <= 63 * DAY_MS => 300_000,
            _ => HOUR_MS,
        };
        Ok((start.millis() - start.millis().rem_euclid(grain), end.millis()))
    }
}

/// The metric of a request.
pub(super) fn named(
    namespace: &str,
    name: &str,
    dimensions: &[strongroom_wire::cloudwatch::Dimension],
) -> Result<Metric, Error> {
    if dimensions.len() > DIMENSIONS_MAX {
        return Err(invalid(format!("The collection Dimensions must not have a size greater than {DIMENSIONS_MAX}.")));
    }
    Ok(Metric::new(namespace, name, dimensions))
}

fn query(namespace: &Option<String>, name: &Option<String>, filters: &[DimensionFilter], active: bool) -> Query {
    let query = Query::new("ListMetrics").part(namespace.as_deref().unwrap_or_default());
    let query = query.part(name.as_deref().unwrap_or_default()).flag(active);
    filters
        .iter()
        .fold(query, |query, filter| query.part(&filter.name).part(filter.value.as_deref().unwrap_or_default()))
}

fn has(metric: &Metric, filter: &DimensionFilter) -> bool {
    let value = metric.dimension(&filter.name);
    value.is_some_and(|value| filter.value.as_ref().is_none_or(|wanted| value == wanted))
}

/// The statistics of a request, each with the name that answers know percentiles by.
fn asked_stats(input: &GetMetricStatisticsInput) -> Result<Vec<(Stat, String)>, Error> {
    let named = input.statistics.iter().flatten().map(|stat| (Stat::Named(*stat), stat.as_str().to_owned()));
    let mut stats: Vec<_> = named.collect();
    for name in input.extended_statistics.iter().flatten() {
        let stat = Stat::percentile(name);
        let stat = stat.ok_or_else(|| {
            invalid_value(format!("The value {name} for parameter ExtendedStatistics is not supported."))
        })?;
        stats.push((stat, name.clone()));
    }
    if stats.is_empty() {
        return Err(missing("The request must contain the parameter Statistics or ExtendedStatistics."));
    }
    Ok(stats)
}

fn datapoint(at: i64, set: &super::set::Set, stats: &[(Stat, String)], unit: Option<&str>) -> Datapoint {
    let value = |wanted: Statistic| {
        let stat = Stat::Named(wanted);
        stats.iter().any(|(asked, _)| *asked == stat).then(|| stat.of(set)).flatten()
    };
    let percentiles = stats.iter().filter(|(stat, _)| matches!(stat, Stat::Percentile(_)));
    let extended: BTreeMap<String, f64> =
        percentiles.filter_map(|(stat, name)| Some((name.clone(), stat.of(set)?))).collect();
    Datapoint {
        timestamp: Some(Timestamp::from_millis(at)),
        sample_count: value(Statistic::SampleCount),
        average: value(Statistic::Average),
        sum: value(Statistic::Sum),
        minimum: value(Statistic::Minimum),
        maximum: value(Statistic::Maximum),
        unit: Some(unit.and_then(StandardUnit::parse).unwrap_or(StandardUnit::None)),
        extended_statistics: (!extended.is_empty()).then_some(extended),
    }
}

fn with_commas(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
