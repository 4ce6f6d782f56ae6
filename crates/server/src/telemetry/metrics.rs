//! The figures as OTLP has them: read from the text that `GET /metrics` gives, so that both tell the same.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};

use super::traces::text;

/// A figure's kind, as the text names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A family while it is read.
struct Family {
    kind: Kind,
    metric: Metric,
    points: Vec<NumberDataPoint>,
    histograms: BTreeMap<Vec<(String, String)>, HistogramDataPoint>,
}

/// Between which instants sums were summed up, in ns since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
}

/// The figures of a text in OpenMetrics' form.
pub(super) fn metrics(told: &str, span: Span) -> Vec<Metric> {
    let (mut metrics, mut family) = (Vec::new(), None::<Family>);
    let mut help = String::new();
    for line in told.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            metrics.extend(family.take().map(Family::whole));
            help = rest.split_once(' ').map_or(String::new(), |(_, help)| unescaped(help));
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else { continue };
            metrics.extend(family.take().map(Family::whole));
            family = Family::begin(name, kind, std::mem::take(&mut help));
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            if let (Some(family), Some((_, unit))) = (&mut family, rest.split_once(' ')) {
                family.metric.unit = of_unit(unit).to_owned();
            }
        } else if !line.starts_with('#')
            && let Some(family) = &mut family
        {
            // What cannot be read is left out; nothing that this release writes is.
            let _ = family.add(line, span);
        }
    }
    metrics.extend(family.map(Family::whole));
    metrics.retain(|metric| metric.data.is_some());
    metrics
}

impl Family {
    fn begin(name: &str, kind: &str, help: String) -> Option<Self> {
        let kind = match kind {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" => Kind::Histogram,
            _ => return None,
        };
        let metric = Metric { name: name.to_owned(), description: help, ..Metric::default() };
        Some(Self { kind, metric, points: Vec::new(), histograms: BTreeMap::new() })
    }

    fn add(&mut self, line: &str, span: Span) -> Option<()> {
        let rest = line.strip_prefix(self.metric.name.as_str())?;
        let (series, value) = rest.rsplit_once(' ')?;
        let value: f64 = value.parse().ok()?;
        let (part, labels) = series.split_once('{').unwrap_or((series, ""));
        let mut labels = labels_of(labels.strip_suffix('}').unwrap_or(labels))?;
        if self.kind != Kind::Histogram {
            let from = if self.kind == Kind::Counter { span.from_ns } else { 0 };
            self.points.push(NumberDataPoint {
                attributes: attributes(&labels),
                start_time_unix_nano: from,
                time_unix_nano: span.to_ns,
                value: Some(Value::AsDouble(value)),
                ..NumberDataPoint::default()
            });
            return Some(());
        }
        let bound = labels.iter().position(|(name, _)| name == "le").map(|at| labels.remove(at).1);
        let point = self.histograms.entry(labels).or_insert_with_key(|labels| HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: span.from_ns,
            time_unix_nano: span.to_ns,
            ..HistogramDataPoint::default()
        });
        match part {
            "_sum" => point.sum = Some(value),
            "_count" => point.count = count(value),
            "_bucket" => {
                let bound: f64 = bound?.parse().ok()?;
                let before: u64 = point.bucket_counts.iter().sum();
                point.bucket_counts.push(count(value).saturating_sub(before));
                if bound.is_finite() {
                    point.explicit_bounds.push(bound);
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn whole(self) -> Metric {
        let temporality = AggregationTemporality::Cumulative.into();
        let is_empty = self.points.is_empty() && self.histograms.is_empty();
        let data = match self.kind {
            _ if is_empty => None,
            Kind::Gauge => Some(Data::Gauge(Gauge { data_points: self.points })),
            Kind::Counter => Some(Data::Sum(Sum {
                data_points: self.points,
                aggregation_temporality: temporality,
                is_monotonic: true,
            })),
            Kind::Histogram => Some(Data::Histogram(Histogram {
                data_points: self.histograms.into_values().collect(),
                aggregation_temporality: temporality,
            })),
        };
        Metric { data, ..self.metric }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is a whole number")]
fn count(value: f64) -> u64 {
    value as u64
}

/// A unit as OTLP has it, by UCUM.
fn of_unit(unit: &str) -> &str {
    match unit {
        "seconds" => "s",
        "bytes" => "By",
        _ => "",
    }
}

fn attributes(labels: &[(String, String)]) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| text(name, value)).collect()
}

/// The labels of a series: `name="value",…`, values with `\\`, `\"` and `\n`.
fn labels_of(mut rest: &str) -> Option<Vec<(String, String)>> {
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once("=\"")?;
        let mut escaped = false;
        let end = behind.char_indices().find_map(|(at, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        })?;
        let (value, behind) = behind.split_at_checked(end)?;
        labels.push((name.to_owned(), unescaped(value)));
        rest = behind.strip_prefix('"')?;
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(labels)
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut escaped) = (String::with_capacity(text.len()), false);
    for c in text.chars() {
        match (escaped, c) {
            (false, '\\') => escaped = true,
            (true, 'n') => (plain, escaped) = (plain + "\n", false),
            (_, c) => {
                plain.push(c);
                escaped = false;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value;

    use super::*;

    const TOLD: &str = "\
# HELP a_requests Requests.
# TYPE a_requests counter
a_requests_total{operation=\"Get\",account=\"a\\\"b,c\\\\\"} 3
a_requests_total{operation=\"Put\",account=\"\"} 4.0
# HELP a_time_seconds Times.
# TYPE a_time_seconds histogram
# UNIT a_time_seconds seconds
a_time_seconds_sum{operation=\"Get\"} 0.5
a_time_seconds_count{operation=\"Get\"} 7
a_time_seconds_bucket{le=\"0.1\",operation=\"Get\"} 2
a_time_seconds_bucket{le=\"1.0\",operation=\"Get\"} 5
a_time_seconds_bucket{le=\"+Inf\",operation=\"Get\"} 7
# HELP b_free_bytes Free.
# TYPE b_free_bytes gauge
# UNIT b_free_bytes bytes
b_free_bytes 12.5
# HELP c_none Nothing.
# TYPE c_none gauge
# EOF
";

    #[test]
    fn the_text_s_figures_are_all_there() {
        let found = metrics(TOLD, Span { from_ns: 1, to_ns: 2 });
        let names: Vec<_> = found.iter().map(|metric| (metric.name.as_str(), metric.unit.as_str())).collect();
        assert_eq!(names, [("a_requests", ""), ("a_time_seconds", "s"), ("b_free_bytes", "By")]);
        let Some(Data::Sum(sum)) = &found[0].data else { panic!("a sum") };
        assert!(sum.is_monotonic && sum.data_points[1].value == Some(Value::AsDouble(4.0)));
        let account = sum.data_points[0].attributes[1].value.clone().unwrap().value.unwrap();
        assert_eq!(account, any_value::Value::StringValue("a\"b,c\\".to_owned()));
        let Some(Data::Histogram(histogram)) = &found[1].data else { panic!("a histogram") };
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.sum, point.bucket_counts.as_slice()), (7, Some(0.5), [2, 3, 2].as_slice()));
        assert_eq!((point.explicit_bounds.as_slice(), point.attributes.len()), ([0.1, 1.0].as_slice(), 1));
    }
}
