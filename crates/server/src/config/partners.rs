//! How partners are asked that rotate managed external secrets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Partners: whom to trust beside the system's roots.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartnersConfig {
    /// File with further root certificates, PEM, such as those of an organisation that runs its own GitLab.
    pub ca_file: Option<PathBuf>,
    /// Allows partners that speak plain HTTP on loopback, as in tests and developer mode.
    pub allow_plain_http_on_loopback: bool,
}
