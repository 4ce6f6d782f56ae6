//! What is told to a collector by OpenTelemetry's protocol, OTLP over HTTP with protobuf: figures, and traces of requests.
//!
//! A collector that hangs or is away keeps nobody waiting: traces wait in a bounded queue and are dropped when it is full,
//! figures are told anew each time.

pub mod exporter;
mod metrics;
mod sender;
#[cfg(test)]
mod stub;
#[cfg(test)]
mod tests;
mod traces;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::mpsc;

use crate::config::Config;
use exporter::Exporter;

pub(crate) use sender::until_stopped;
pub(crate) use traces::Tracer;

/// What a server has to tell a collector, and where that is.
#[derive(Debug)]
pub(crate) struct Telemetry {
    pub(crate) tracer: Tracer,
    collector: Option<Collector>,
}

#[derive(Debug)]
struct Collector {
    exporter: Arc<Exporter>,
    /// Between two times that figures are sent, when they are.
    metrics: Option<Duration>,
    /// Taken by the sender when it begins.
    waiting: Mutex<Option<mpsc::Receiver<Vec<Span>>>>,
}

impl Telemetry {
    /// What `config` asks for. Connects with nobody yet.
    ///
    /// # Errors
    /// When the collector's URL is none, or a file of it cannot be used.
    pub(crate) fn open(config: &Config) -> Result<Self, String> {
        let otlp = &config.otlp;
        let Some(place) = otlp.place() else { return Ok(Self { tracer: Tracer::off(), collector: None }) };
        let exporter = Arc::new(Exporter::open(&place)?);
        let traces = otlp.traces_ratio > 0.0 || otlp.traceparent;
        let (tracer, waiting) = if traces {
            let (tracer, waiting) = Tracer::new(otlp.traces_ratio, otlp.traceparent, otlp.spans_max);
            (tracer, Some(waiting))
        } else {
            (Tracer::off(), None)
        };
        let metrics = otlp.sends_metrics().then(|| Duration::from_secs(otlp.metrics_seconds.into()));
        let collector = Collector { exporter, metrics, waiting: Mutex::new(waiting) };
        Ok(Self { tracer, collector: Some(collector) })
    }
}

impl Collector {
    fn take_waiting(&self) -> Option<mpsc::Receiver<Vec<Span>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
