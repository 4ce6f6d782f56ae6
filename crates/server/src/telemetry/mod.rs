//! What is told to collectors by OpenTelemetry's protocol, OTLP over HTTP with protobuf.

pub mod exporter;
#[cfg(test)]
mod stub;
