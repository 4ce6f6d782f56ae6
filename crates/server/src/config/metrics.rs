//! Whether the server's figures can be fetched, and by whom.

use serde::{Deserialize, Serialize};

use super::{Network, text};

/// `GET /metrics`: figures in the form that Prometheus reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Whether they are served.
    pub enabled: bool,
    /// Who may fetch them, by address blocks: they are not signed.
    #[serde(with = "text::networks")]
    pub networks: Vec<Network>,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        let networks = ["127.0.0.0/8", "::1/128"].iter().filter_map(|block| block.parse().ok()).collect();
        Self { enabled: false, networks }
    }
}
