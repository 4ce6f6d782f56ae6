//! Functions: whether they run here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Config;
use super::problems::Problems;

/// Functions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FunctionsConfig {
    /// Whether functions run on this machine. When absent: only where all addresses are on loopback.
    pub enabled: Option<bool>,
    /// Where the clients of Lambda's Runtime API are installed for Python and Node.js.
    pub runtimes: Option<PathBuf>,
    /// Whether functions run in namespaces of their own.
    pub isolation: IsolationConfig,
    /// The user and group that functions run as when the server runs as root, as numbers.
    pub user: Option<[u32; 2]>,
    /// Processes of functions at one time.
    pub processes_max: u32,
    /// A file with the certificates of authorities that databases' certificates lead to, in PEM; otherwise the system's.
    pub databases_ca_file: Option<PathBuf>,
}

/// Whether functions run in namespaces of their own, made by bubblewrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationConfig {
    /// Where bubblewrap is there and works.
    #[default]
    Auto,
    /// Functions do not run without.
    Require,
    /// Not at all.
    Never,
}

impl Default for FunctionsConfig {
    fn default() -> Self {
        Self {
            enabled: None,
            runtimes: None,
            isolation: IsolationConfig::default(),
            user: None,
            processes_max: 32,
            databases_ca_file: None,
        }
    }
}

impl FunctionsConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.range("functions", "processes_max", self.processes_max.into(), 1, 10_000);
        if self.user.is_some_and(|[uid, gid]| uid == 0 || gid == 0) {
            problems.add("functions.user", "functions never run as root: name another user and group");
        }
    }
}

impl Config {
    /// Whether functions run on this machine: as `functions.enabled` says or, without it, where nobody from elsewhere can
    /// bring code here.
    #[must_use]
    pub fn functions_are_on(&self) -> bool {
        let addresses = self.listen.addresses.iter().chain(&self.listen.plain_addresses);
        let endpoints = self.private_endpoints.iter().map(|endpoint| &endpoint.address);
        let on_loopback = || addresses.chain(endpoints).all(|address| address.ip().to_canonical().is_loopback());
        self.functions.enabled.unwrap_or_else(on_loopback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_run_on_loopback_unless_told_otherwise() {
        let outside = "[listen]\nplain_http_anywhere = true\naddresses = [\"0.0.0.0:80\"]\n";
        for (text, on) in [
            ("", true),
            ("[functions]\nenabled = false", false),
            (outside, false),
            (&[outside, "[functions]\nenabled = true"].concat(), true),
        ] {
            assert_eq!(Config::load(text).unwrap().functions_are_on(), on, "{text}");
        }
    }
}
