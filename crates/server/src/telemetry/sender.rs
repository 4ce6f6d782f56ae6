//! Sends what there is to tell to the collector, until the server stops.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use strongroom_types::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::exporter::{ExportError, Exporter, Signal};
use super::{metrics, traces};
use crate::app::App;
use crate::figures::Form;

/// Spans of one message, at most about so many.
const SPANS_MAX: usize = 1000;
/// The longest that a span waits for others to be sent with.
const GATHER_MAX: Duration = Duration::from_secs(2);
/// Times that a message is sent before its spans are dropped.
const ATTEMPTS_MAX: u32 = 3;
/// Before a message is sent again, unless the collector says.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that a stop waits for the last messages.
const LAST_MAX: Duration = Duration::from_secs(2);

/// Sends until the server stops, and what waits then, as far as that is quick.
pub(crate) async fn until_stopped(app: Arc<App>, stopped: watch::Receiver<bool>) {
    let Some(collector) = &app.telemetry.collector else { return };
    info!(collector = collector.exporter.url(), "figures or traces are sent by OTLP");
    let mut sending = JoinSet::new();
    if let Some(pause) = collector.metrics {
        sending.spawn(send_metrics(Arc::clone(&app), pause, stopped.clone()));
    }
    if let Some(waiting) = collector.take_waiting() {
        sending.spawn(send_traces(Arc::clone(&app), waiting, stopped));
    }
    while sending.join_next().await.is_some() {}
}

async fn send_metrics(app: Arc<App>, pause: Duration, mut stopped: watch::Receiver<bool>) {
    let Some(exporter) = app.telemetry.collector.as_ref().map(|collector| Arc::clone(&collector.exporter)) else {
        return;
    };
    let (from, mut outage) = (app.clock.now(), Outage::default());
    loop {
        let stops = tokio::select! {
            _ = stopped.changed() => true,
            () = sleep(pause) => false,
        };
        let sending = async {
            if let Some(message) = figures(&app, from) {
                outage.tell("figures", send(&exporter, Signal::Metrics, &message, 1).await);
            }
        };
        if stops {
            drop(timeout(LAST_MAX, sending).await);
            return;
        }
        tokio::select! {
            _ = stopped.changed() => return,
            () = sending => {}
        }
    }
}

async fn send_traces(app: Arc<App>, mut waiting: mpsc::Receiver<Vec<Span>>, mut stopped: watch::Receiver<bool>) {
    let Some(exporter) = app.telemetry.collector.as_ref().map(|collector| Arc::clone(&collector.exporter)) else {
        return;
    };
    let (mut outage, mut spans) = (Outage::default(), Vec::new());
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            () = gather(&mut waiting, &mut spans) => {}
        }
        let gathered = std::mem::take(&mut spans);
        let count = u64::try_from(gathered.len()).unwrap_or(u64::MAX);
        let message = trace_message(&app, gathered);
        let mut sending = pin!(send(&exporter, Signal::Traces, &message, ATTEMPTS_MAX));
        let sent = tokio::select! {
            _ = stopped.changed() => {
                drop(timeout(LAST_MAX, sending).await);
                break;
            }
            sent = &mut sending => sent,
        };
        if sent.is_err() {
            app.telemetry.tracer.drop_spans(count);
        }
        outage.tell("traces", sent);
    }
    while let Ok(more) = waiting.try_recv() {
        spans.extend(more);
    }
    if !spans.is_empty() {
        let message = trace_message(&app, spans);
        drop(timeout(LAST_MAX, send(&exporter, Signal::Traces, &message, 1)).await);
    }
}

/// Waits for spans, and a little for more of them. Those that have come are in `spans` also when the wait is given up.
async fn gather(waiting: &mut mpsc::Receiver<Vec<Span>>, spans: &mut Vec<Span>) {
    let Some(first) = waiting.recv().await else { return std::future::pending().await };
    spans.extend(first);
    let more = async {
        while spans.len() < SPANS_MAX
            && let Some(more) = waiting.recv().await
        {
            spans.extend(more);
        }
    };
    drop(timeout(GATHER_MAX, more).await);
}

/// Sends a message, several times if need be.
async fn send<M: Message>(exporter: &Exporter, signal: Signal, message: &M, attempts: u32) -> Result<(), ExportError> {
    let mut attempt = 1;
    loop {
        match exporter.send(signal, message).await {
            Ok(taken) if taken.refused > 0 => {
                warn!(refused = taken.refused, text = taken.text, "the collector refused a part of what it was sent");
                return Ok(());
            }
            Ok(_) => return Ok(()),
            Err(error) if error.may_be_tried_again() && attempt < attempts => {
                let asked = if let ExportError::Busy { pause, .. } = &error { *pause } else { None };
                sleep(asked.unwrap_or(PAUSE * attempt)).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether the collector takes nothing: told once, and once it is over.
#[derive(Default)]
struct Outage(bool);

impl Outage {
    fn tell(&mut self, what: &str, sent: Result<(), ExportError>) {
        match (sent, self.0) {
            (Err(error), false) => warn!(%error, "{what} cannot be sent to the collector"),
            (Ok(()), true) => info!("{what} are sent to the collector again"),
            _ => return,
        }
        self.0 = !self.0;
    }
}

fn resource(app: &App) -> Resource {
    let attributes = vec![
        traces::text("service.name", "strongroom"),
        traces::text("service.version", env!("CARGO_PKG_VERSION")),
        traces::text("service.instance.id", app.node.nodes.name().as_str()),
        traces::text("cloud.region", app.region.as_str()),
    ];
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "strongroom".to_owned(), ..InstrumentationScope::default() }
}

/// The figures as they are now; those that sum up, since `from`.
fn figures(app: &App, from: Timestamp) -> Option<ExportMetricsServiceRequest> {
    let ns = |at: Timestamp| u64::try_from(at.millis()).unwrap_or(0).saturating_mul(1_000_000);
    let span = metrics::Span { from_ns: ns(from), to_ns: ns(app.clock.now()) };
    let metrics = metrics::metrics(&app.figures.text(app, Form::OpenMetrics)?, span);
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource(app)), scope_metrics, ..ResourceMetrics::default() }];
    Some(ExportMetricsServiceRequest { resource_metrics })
}

fn trace_message(app: &App, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: Some(resource(app)), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}
