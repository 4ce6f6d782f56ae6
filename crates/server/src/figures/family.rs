//! Figures that are worked out when they are asked for: families of samples, and how they are written.

use std::collections::HashMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use strongroom_types::Times;

/// Exemplars of buckets, which there are none of.
type Exemplars = HashMap<usize, Exemplar<[(String, String); 0], f64>>;

/// The labels of a sample.
type Labels = Vec<(&'static str, String)>;

/// Families of samples as they are at one moment.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<Family>);

#[derive(Debug)]
struct Family {
    name: &'static str,
    told: &'static str,
    unit: Option<Unit>,
    samples: Samples,
}

#[derive(Debug)]
enum Samples {
    Gauge(Vec<(Labels, f64)>),
    Counter(Vec<(Labels, f64)>),
    Histogram { buckets: Vec<(f64, u64)>, sum: f64 },
}

impl Families {
    /// Adds a gauge.
    pub(super) fn gauge(&mut self, name: &'static str, unit: Option<Unit>, told: &'static str, value: f64) {
        self.gauges(name, unit, told, [(Labels::new(), value)]);
    }

    /// Adds a gauge with labels.
    pub(super) fn gauges(
        &mut self,
        name: &'static str,
        unit: Option<Unit>,
        told: &'static str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let samples = Samples::Gauge(samples.into_iter().collect());
        self.0.push(Family { name, told, unit, samples });
    }

    /// Adds a counter.
    pub(super) fn counter(&mut self, name: &'static str, unit: Option<Unit>, told: &'static str, value: f64) {
        self.counters(name, unit, told, [(Labels::new(), value)]);
    }

    /// Adds a counter with labels.
    pub(super) fn counters(
        &mut self,
        name: &'static str,
        unit: Option<Unit>,
        told: &'static str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let samples = Samples::Counter(samples.into_iter().collect());
        self.0.push(Family { name, told, unit, samples });
    }

    /// Adds a histogram of seconds.
    pub(super) fn times(&mut self, name: &'static str, told: &'static str, times: &Times) {
        let samples = Samples::Histogram { buckets: times.buckets(), sum: times.sum().as_secs_f64() };
        self.0.push(Family { name, told, unit: Some(Unit::Seconds), samples });
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, told, unit, samples } in &self.0 {
            match samples {
                Samples::Gauge(samples) => {
                    let mut family = encoder.encode_descriptor(name, told, unit.as_ref(), MetricType::Gauge)?;
                    for (labels, value) in samples {
                        ConstGauge::new(*value).encode(family.encode_family(&labels.as_slice())?)?;
                    }
                }
                Samples::Counter(samples) => {
                    let mut family = encoder.encode_descriptor(name, told, unit.as_ref(), MetricType::Counter)?;
                    for (labels, value) in samples {
                        ConstCounter::new(*value).encode(family.encode_family(&labels.as_slice())?)?;
                    }
                }
                Samples::Histogram { buckets, sum } => {
                    let mut family = encoder.encode_descriptor(name, told, unit.as_ref(), MetricType::Histogram)?;
                    encode_histogram(buckets, *sum, &mut family)?;
                }
            }
        }
        Ok(())
    }
}

/// Writes times as a histogram of seconds.
pub(super) fn encode_times(times: &Times, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    encode_histogram(&times.buckets(), times.sum().as_secs_f64(), encoder)
}

fn encode_histogram(buckets: &[(f64, u64)], sum: f64, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    let count = buckets.iter().map(|(_, count)| count).sum();
    encoder.encode_histogram(sum, count, buckets, None::<&Exemplars>)
}
