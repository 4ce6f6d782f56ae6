//! The collector that figures and traces go to, by OTLP over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Problems;
use crate::telemetry::exporter::Place;

/// The collector that figures and traces go to. Without an endpoint nothing is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpConfig {
    /// Where it is, such as `http://127.0.0.1:4318`.
    pub endpoint: Option<String>,
    /// A file with headers of requests to it, a line each: `name: value`.
    pub headers_file: Option<PathBuf>,
    /// A file with the certificates, in PEM, that the collector's must lead to. When absent: the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether plain HTTP may go to other machines. To loopback it always may.
    pub plain_http_anywhere: bool,
    /// The most that sending may take, in milliseconds.
    pub time_ms_max: u64,
    /// Whether figures are sent.
    pub metrics: bool,
    /// Between two times that figures are sent, in seconds.
    pub metrics_seconds: u32,
    /// The part of the requests that is traced, from 0 to 1.
    pub traces_ratio: f64,
    /// Whether a client's header `traceparent` decides instead: its trace is gone on with, and traced if it says so.
    pub traceparent: bool,
    /// Spans that may wait for being sent.
    pub spans_max: u32,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers_file: None,
            ca_file: None,
            plain_http_anywhere: false,
            time_ms_max: 10_000,
            metrics: true,
            metrics_seconds: 60,
            traces_ratio: 0.0,
            traceparent: false,
            spans_max: 20_000,
        }
    }
}

impl OtlpConfig {
    /// The collector, when there is one.
    pub(crate) fn place(&self) -> Option<Place<'_>> {
        Some(Place {
            url: self.endpoint.as_deref()?,
            headers_file: self.headers_file.as_deref(),
            ca_file: self.ca_file.as_deref(),
            plain_http_anywhere: self.plain_http_anywhere,
            time: Duration::from_millis(self.time_ms_max),
        })
    }

    /// Whether figures are sent.
    pub(crate) fn sends_metrics(&self) -> bool {
        self.endpoint.is_some() && self.metrics
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        problems.range("otlp", "time_ms_max", self.time_ms_max, 100, 600_000);
        problems.range("otlp", "metrics_seconds", self.metrics_seconds.into(), 1, 86_400);
        problems.range("otlp", "spans_max", self.spans_max.into(), 100, 10_000_000);
        if !(0.0..=1.0).contains(&self.traces_ratio) {
            problems.add("otlp.traces_ratio", format!("{} is not from 0 to 1", self.traces_ratio));
        }
        let rest = self.headers_file.is_some() || self.ca_file.is_some() || self.traceparent || self.traces_ratio > 0.0;
        if self.endpoint.is_none() && rest {
            problems.add("otlp.endpoint", "names no collector, but there are settings for one");
        }
    }
}
