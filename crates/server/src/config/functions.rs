//! Functions: whether they run here.

use serde::{Deserialize, Serialize};

use super::Config;

/// Functions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FunctionsConfig {
    /// Whether functions run on this machine. When absent: only where all addresses are on loopback.
    pub enabled: Option<bool>,
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
