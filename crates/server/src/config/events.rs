//! Where events may be sent, and how many may listen to them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problems;

/// Events: targets outside of the server, and streams.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Hosts that API destinations may have: `hooks.example.org`, `*.example.org`, each perhaps with `:PORT`. Without one,
    /// nothing is sent to endpoints.
    pub hosts: Vec<String>,
    /// Allows endpoints that speak plain HTTP on loopback.
    pub allow_plain_http_on_loopback: bool,
    /// File with further root certificates, PEM, for endpoints.
    pub ca_file: Option<PathBuf>,
    /// Streams of events that are open at one time.
    pub streams_max: u32,
    /// Secrets that one stream may watch.
    pub stream_secrets_max: u32,
    /// Between two signs of life on a stream, in ms.
    pub heartbeat_ms: u64,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            allow_plain_http_on_loopback: false,
            ca_file: None,
            streams_max: 1000,
            stream_secrets_max: 100,
            heartbeat_ms: 15_000,
        }
    }
}

impl EventsConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        for host in &self.hosts {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
            if name.is_empty() || !name.chars().all(is_plain) {
                problems.add("events.hosts", format!("`{host}` is no host"));
            }
        }
        problems.range("events", "streams_max", self.streams_max.into(), 0, 100_000);
        problems.range("events", "stream_secrets_max", self.stream_secrets_max.into(), 1, 100);
        problems.range("events", "heartbeat_ms", self.heartbeat_ms, 100, 60_000);
    }
}
