//! Metric filters as they are stored, and what they make of an event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_store::Kind;
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::Enumeration as _;
use strongroom_wire::logs::{MetricFilter as Shown, MetricTransformation, StandardUnit};

use super::pattern::{Pattern, Selector};
use crate::cloudwatch::{Metric, Series};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents.
const METRIC_FILTER: Kind = Kind("metric-filter");

/// A metric filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricFilter {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// The log group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Which events it matches.
    pub pattern: String,
    /// The namespace of its metric.
    pub namespace: String,
    /// The name of its metric.
    pub metric: String,
    /// A number, or the place of an event that it is at.
    pub value: String,
    /// What counts when there were events, and none matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    /// Names of dimensions, each with the place of an event that its value is at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// The unit of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// When it was first put, in ms since 1970.
    pub created_ms: i64,
    /// When it was last put, in ms since 1970.
    pub put_ms: i64,
}

/// Where the filters of a log group lie.
#[must_use]
pub fn place(account: &str, region: &str, group: &str) -> String {
    format!("{account}:{region}:{group}:")
}

impl Document for MetricFilter {
    const KIND: Kind = METRIC_FILTER;
    const CACHED: bool = false;

    fn key(&self) -> String {
        format!("{}{}", place(&self.account, &self.region, &self.group), self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(METRIC_FILTER, body)
    }
}

impl MetricFilter {
    /// As DescribeMetricFilters shows it.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            filter_name: Some(self.name.clone()),
            filter_pattern: Some(self.pattern.clone()),
            metric_transformations: Some(vec![MetricTransformation {
                metric_name: self.metric.clone(),
                metric_namespace: self.namespace.clone(),
                metric_value: self.value.clone(),
                default_value: self.default,
                dimensions: (!self.dimensions.is_empty()).then(|| self.dimensions.clone()),
                unit: self.unit.as_deref().and_then(StandardUnit::parse),
            }]),
            creation_time: Some(self.created_ms),
            log_group_name: Some(self.group.clone()),
            apply_on_transformed_logs: Some(false),
            field_selection_criteria: None,
            emit_system_field_dimensions: None,
        }
    }

    /// Ready to be held against events.
    #[must_use]
    pub fn compiled(&self) -> Option<Compiled> {
        let pattern = Pattern::parse(&self.pattern).ok()?;
        let value = match self.value.parse::<f64>() {
            Ok(number) => Amount::Number(number),
            Err(_) => Amount::At(Selector::parse(&self.value).ok()?),
        };
        let selectors = self.dimensions.iter().map(|(name, at)| Some((name.clone(), Selector::parse(at).ok()?)));
        let dimensions = selectors.collect::<Option<Vec<_>>>()?;
        Some(Compiled { filter: self.clone(), pattern, value, dimensions })
    }
}

/// What a match counts.
#[derive(Clone, Debug, PartialEq)]
enum Amount {
    Number(f64),
    At(Selector),
}

/// A filter that is ready to be held against events.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// The filter.
    pub filter: MetricFilter,
    pattern: Pattern,
    value: Amount,
    dimensions: Vec<(String, Selector)>,
}

impl Compiled {
    /// Whether it was there when an event happened.
    #[must_use]
    pub fn is_for(&self, at: Timestamp) -> bool {
        // Records tell the second alone.
        at.millis() >= self.filter.put_ms - self.filter.put_ms.rem_euclid(1000)
    }

    /// The series of its metric with these dimensions.
    fn series(&self, dimensions: Vec<(String, String)>) -> Series {
        let metric = Metric { namespace: self.filter.namespace.clone(), name: self.filter.metric.clone(), dimensions };
        let unit = self.filter.unit.clone().unwrap_or_else(|| "None".to_owned());
        Series { metric, unit: Some(unit) }
    }

    /// What counts where there were events and none matched.
    #[must_use]
    pub fn default_point(&self) -> Option<(Series, f64)> {
        self.filter.default.map(|value| (self.series(Vec::new()), value))
    }

    /// What an event counts: nothing when it does not match, or has no number where the value should be. With a
    /// dimension that the event does not have, it counts without dimensions.
    #[must_use]
    pub fn point(&self, text: &str, json: Option<&Value>) -> Option<(Series, f64)> {
        if !self.pattern.matches(text, json) {
            return None;
        }
        let value = match &self.value {
            Amount::Number(number) => *number,
            Amount::At(selector) => selector.text(json?)?.parse().ok().filter(|value: &f64| value.is_finite())?,
        };
        let found = self.dimensions.iter().map(|(name, at)| Some((name.clone(), at.text(json?)?)));
        let mut dimensions = found.collect::<Option<Vec<_>>>().unwrap_or_default();
        dimensions.sort_unstable();
        Some((self.series(dimensions), value))
    }
}
