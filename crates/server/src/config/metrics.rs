//! Whether the server's figures can be fetched, by whom, and how far they tell accounts apart.

use serde::{Deserialize, Serialize};

use super::{Network, Problems, text};

/// `GET /metrics`: figures in the form that Prometheus reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Whether they are served.
    pub enabled: bool,
    /// Who may fetch them, by address blocks: they are not signed.
    #[serde(with = "text::networks")]
    pub networks: Vec<Network>,
    /// Accounts whose requests are told apart; those of all others count together.
    pub accounts_max: u32,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        let networks = ["127.0.0.0/8", "::1/128"].iter().filter_map(|block| block.parse().ok()).collect();
        Self { enabled: false, networks, accounts_max: 100 }
    }
}

impl MetricsConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.range("metrics", "accounts_max", self.accounts_max.into(), 0, 1000);
    }
}
