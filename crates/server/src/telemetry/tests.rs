//! Tests of what a collector is told, and that one that hangs keeps nobody waiting.

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::sync::watch;

use super::stub::{Collector, Reply};
use super::until_stopped;
use crate::tests::House;

const READ: &str = r#"{"SecretId":"one"}"#;

async fn house(url: &str, ratio: f64) -> House {
    let url = url.to_owned();
    let house = House::open(move |config| {
        config.otlp.endpoint = Some(url);
        config.otlp.traces_ratio = ratio;
        config.otlp.metrics_seconds = 1;
        config.otlp.time_ms_max = 500;
        config.otlp.spans_max = 100;
    })
    .await;
    let token = "00000000-0000-4000-8000-000000000001";
    let create = format!(r#"{{"Name":"one","SecretString":"v","ClientRequestToken":"{token}"}}"#);
    assert_eq!(house.call("CreateSecret", &create, true).await.status, 200);
    house
}

fn spans(collector: &Collector) -> Vec<Span> {
    let requests = collector.requests().into_iter().filter(|request| request.line.contains("/v1/traces"));
    let messages = requests.map(|request| ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap());
    let scopes = messages.flat_map(|message| message.resource_spans).flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_of_the_stages_of_requests_and_of_the_figures() {
    let collector = Collector::start(Reply::Status(200, Vec::new())).await;
    let house = house(&collector.url, 1.0).await;
    assert_eq!(house.call("GetSecretValue", READ, true).await.status, 200);
    let (stop, stopped) = watch::channel(false);
    let sending = tokio::spawn(until_stopped(std::sync::Arc::clone(&house.app), stopped));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send(true).unwrap();
    sending.await.unwrap();
    let spans = spans(&collector);
    let own = spans.iter().find(|span| span.name == "GetSecretValue").unwrap();
    let stages: Vec<_> = spans.iter().filter(|span| span.trace_id == own.trace_id).collect();
    let names: Vec<_> = stages.iter().map(|span| span.name.as_str()).collect();
    for stage in ["route", "authn", "operation", "authorize", "trail"] {
        assert!(names.contains(&stage), "{stage} in {names:?}");
    }
    let operation = stages.iter().find(|span| span.name == "operation").unwrap();
    let authorize = stages.iter().find(|span| span.name == "authorize").unwrap();
    assert_eq!((&operation.parent_span_id, &authorize.parent_span_id), (&own.span_id, &operation.span_id));
    assert!(own.end_time_unix_nano >= operation.end_time_unix_nano);
    assert!(own.parent_span_id.is_empty() && own.trace_id.len() == 16);
    assert!(spans.iter().any(|span| span.name == "store commit"), "the change was committed");
    let figures = collector.requests().into_iter().find(|request| request.line.contains("/v1/metrics")).unwrap();
    let figures = ExportMetricsServiceRequest::decode(figures.body.as_slice()).unwrap();
    let metrics = &figures.resource_metrics[0].scope_metrics[0].metrics;
    for name in ["strongroom_requests", "strongroom_request_duration_seconds", "strongroom_ready"] {
        assert!(metrics.iter().any(|metric| metric.name == name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_keeps_no_request_waiting_and_what_is_dropped_is_counted() {
    let collector = Collector::start(Reply::Never).await;
    let house = house(&collector.url, 1.0).await;
    let (stop, stopped) = watch::channel(false);
    let sending = tokio::spawn(until_stopped(std::sync::Arc::clone(&house.app), stopped));
    let began = Instant::now();
    while house.app.telemetry.tracer.dropped() == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "the queue is bounded");
        assert_eq!(house.call("GetSecretValue", READ, true).await.status, 200);
    }
    let began = Instant::now();
    stop.send(true).unwrap();
    sending.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "a stop does not wait for it for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_holds_no_value_name_or_signature() {
    let collector = Collector::start(Reply::Status(200, Vec::new())).await;
    let house = house(&collector.url, 1.0).await;
    let put = r#"{"SecretId":"one","SecretString":"PLANTED-value","ClientRequestToken":"00000000-0000-4000-8000-000000000002"}"#;
    assert_eq!(house.call("PutSecretValue", put, true).await.status, 200);
    house.call("GetSecretValue", r#"{"SecretId":"PLANTED-name"}"#, true).await;
    let (stop, stopped) = watch::channel(true);
    drop(stop);
    until_stopped(std::sync::Arc::clone(&house.app), stopped).await;
    assert!(spans(&collector).iter().any(|span| span.name == "PutSecretValue"));
    for request in collector.requests() {
        let held = request.body.windows(7).any(|window| window == b"PLANTED");
        assert!(!held, "{}", request.line);
    }
}
