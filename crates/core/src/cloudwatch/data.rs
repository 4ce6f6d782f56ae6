//! GetMetricData: several metrics in one request, in pages of points.

use std::collections::BTreeSet;

use strongroom_types::Timestamp;
use strongroom_wire::Enumeration as _;
use strongroom_wire::cloudwatch::{
    GetMetricDataInput, GetMetricDataOutput, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode,
};

use super::CloudWatch;
use super::keeping::{Points, Wanted};
use super::label::{self, About};
use super::metric::{Metric, Series};
use super::reads::named;
use super::refusals::{bad_token, invalid};
use super::statistics::{Stat, in_periods};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::page::{self, Query};

/// Queries of a request, at most.
const QUERIES_MAX: usize = 500;
/// Points on a page, at most.
const POINTS_MAX: usize = 100_800;
/// What a query is told that asks for what is worked out of others.
pub(super) const NO_EXPRESSIONS: &str =
    "Metric math and Metrics Insights expressions are not supported: use MetricStat.";

/// A query as it is carried out.
pub(super) struct Asked<'a> {
    pub(super) query: &'a MetricDataQuery,
    pub(super) stat: Stat,
    pub(super) stat_name: &'a str,
    pub(super) wanted: Wanted,
}

/// A series of a result.
struct Found<'a> {
    asked: &'a Asked<'a>,
    label: String,
    points: Vec<(i64, f64)>,
}

impl CloudWatch {
    /// The statistics of several metrics.
    ///
    /// # Errors
    /// ValidationError for queries that are not in order or not supported; InvalidNextToken; faults.
    pub async fn get_metric_data(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetMetricDataInput,
    ) -> Result<GetMetricDataOutput, Error> {
        let queries = &input.metric_data_queries;
        if queries.is_empty() || queries.len() > QUERIES_MAX {
            return Err(invalid("The collection MetricDataQueries must have a size between 1 and 500."));
        }
        let limit = match input.max_datapoints.map(usize::try_from) {
            None => POINTS_MAX,
            Some(Ok(limit)) if (1..=POINTS_MAX).contains(&limit) => limit,
            Some(_) => return Err(invalid("The parameter MaxDatapoints must be between 1 and 100800.")),
        };
        let asked = Self::asked(cx, queries)?;
        let shortest_ms = asked.iter().map(|asked| asked.wanted.period_ms).min().unwrap_or(60_000);
        let times = (input.start_time, input.end_time);
        let (from_ms, until_ms) = self.stretch(cx.now, times, shortest_ms, &|text| invalid(text))?;
        let page_query = page_query(&input, (from_ms, until_ms));
        let skipped: usize = match &input.next_token {
            Some(token) => {
                let place = page::open(&self.documents, &page_query, token).map_err(bad_token)?;
                place.parse().map_err(|_| Error::internal("a page token of points does not read"))?
            }
            None => 0,
        };
        let wanted: Vec<Wanted> = asked.iter().map(|asked| asked.wanted.clone()).collect();
        let read = self.keeper.read(&cx.caller.account, &wanted, (from_ms, until_ms)).await?;
        let ascending = input.scan_by == Some(ScanBy::TimestampAscending);
        let found = asked.iter().zip(&read).filter(|(asked, _)| asked.query.return_data != Some(false));
        let found: Vec<Found<'_>> =
            found.map(|(asked, points)| self.found(cx, asked, points, from_ms, ascending)).collect();
        let total: usize = found.iter().map(|found| found.points.len()).sum();
        let end = skipped.saturating_add(limit);
        let next_token =
            if total > end { Some(page::seal(&self.documents, &page_query, &end.to_string())?) } else { None };
        Ok(GetMetricDataOutput {
            metric_data_results: Some(on_page(found, skipped, end)),
            next_token,
            messages: Some(Vec::new()),
        })
    }

    /// The queries of a request, once they are in order.
    pub(super) fn asked<'a>(cx: &Ctx, queries: &'a [MetricDataQuery]) -> Result<Vec<Asked<'a>>, Error> {
        let mut ids = BTreeSet::new();
        let mut asked = Vec::with_capacity(queries.len());
        for (at, query) in queries.iter().enumerate() {
            let parameter = format!("MetricDataQueries.member.{}", at + 1);
            if !is_id(&query.id) {
                return Err(invalid(format!(
                    "The value {} for parameter {parameter}.Id is not matching the expected pattern \
                     ^[a-z][a-zA-Z0-9_]*$.",
                    query.id
                )));
            }
            if !ids.insert(query.id.as_str()) {
                return Err(invalid("The values for parameter Id in MetricDataQueries are not unique."));
            }
            let stat = match (&query.metric_stat, &query.expression) {
                (Some(stat), None) => stat,
                (None, Some(_)) => return Err(invalid(NO_EXPRESSIONS)),
                _ => {
                    let text = format!(
                        "Exactly one of the parameters {parameter}.MetricStat and {parameter}.Expression must be specified."
                    );
                    return Err(invalid(text));
                }
            };
            if query.account_id.as_deref().is_some_and(|account| account != cx.caller.account.as_str()) {
                return Err(invalid(format!(
                    "The parameter {parameter}.AccountId names an account that is not linked."
                )));
            }
            asked.push(Self::asked_stat(query, stat, &parameter)?);
        }
        Ok(asked)
    }

    fn asked_stat<'a>(query: &'a MetricDataQuery, stat: &'a MetricStat, parameter: &str) -> Result<Asked<'a>, Error> {
        let absent = |name: &str| invalid(format!("The parameter {parameter}.MetricStat.Metric.{name} is required."));
        let namespace = stat.metric.namespace.as_deref().ok_or_else(|| absent("Namespace"))?;
        let name = stat.metric.metric_name.as_deref().ok_or_else(|| absent("MetricName"))?;
        let metric = named(namespace, name, stat.metric.dimensions.as_deref().unwrap_or_default())?;
        let period_ms = Self::period_ms(stat.period).map_err(|_| {
            invalid(format!(
                "The value {} for parameter {parameter}.MetricStat.Period must be 1, 5, 10, 20, 30, or any multiple of 60.",
                stat.period
            ))
        })?;
        let known = Stat::parse(&stat.stat).ok_or_else(|| {
            invalid(format!("The value {} for parameter {parameter}.MetricStat.Stat is not supported.", stat.stat))
        })?;
        let series = Series { metric, unit: stat.unit.map(|unit| unit.as_str().to_owned()) };
        let wanted = Wanted { series, any_unit: stat.unit.is_none(), period_ms };
        Ok(Asked { query, stat: known, stat_name: &stat.stat, wanted })
    }

    fn found<'a>(&self, cx: &Ctx, asked: &'a Asked<'a>, points: &Points, from_ms: i64, ascending: bool) -> Found<'a> {
        let period_ms = asked.wanted.period_ms;
        let taken = in_periods(points, from_ms, period_ms);
        let mut points: Vec<(i64, f64)> =
            taken.iter().filter_map(|(at, set)| Some((*at, asked.stat.of(set)?))).collect();
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        let metric: &Metric = &asked.wanted.series.metric;
        let account = cx.caller.account.as_str();
        let about = About { metric, stat: asked.stat_name, period_ms, account, region: &self.region, values: &values };
        let label = label::shown(asked.query.label.as_deref(), &about);
        if !ascending {
            points.reverse();
        }
        Found { asked, label, points }
    }
}

fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// What binds a page token to its request.
fn page_query(input: &GetMetricDataInput, (from_ms, until_ms): (i64, i64)) -> Query {
    let scan_by = input.scan_by.map_or("", |scan_by| scan_by.as_str());
    let query = Query::new("GetMetricData").part(&from_ms.to_string()).part(&until_ms.to_string()).part(scan_by);
    input
        .metric_data_queries
        .iter()
        .fold(query, |query, asked| query.part(&asked.id).part(&format!("{:?}", asked.metric_stat)))
}

/// The points of all results in a row, from `skipped` to before `end`. Results without points are on the first page.
fn on_page(found: Vec<Found<'_>>, skipped: usize, end: usize) -> Vec<MetricDataResult> {
    let mut behind = 0;
    let mut results = Vec::new();
    for Found { asked, label, points } in found {
        let (first, last) = (behind, behind + points.len());
        behind = last;
        let shown: Vec<(i64, f64)> = points
            .into_iter()
            .enumerate()
            .filter(|(at, _)| (skipped..end).contains(&(first + at)))
            .map(|(_, point)| point)
            .collect();
        if shown.is_empty() && !(first == last && skipped == 0) {
            continue;
        }
        let is_whole = last <= end;
        results.push(MetricDataResult {
            id: Some(asked.query.id.clone()),
            label: Some(label),
            timestamps: Some(shown.iter().map(|(at, _)| Timestamp::from_millis(*at)).collect()),
            values: Some(shown.into_iter().map(|(_, value)| value).collect()),
            status_code: Some(if is_whole { StatusCode::Complete } else { StatusCode::PartialData }),
            messages: None,
        });
    }
    results
}
