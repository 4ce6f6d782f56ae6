//! How identity providers of OpenID Connect are asked for their keys.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strongroom_core::oidc::url_is_allowed;

use super::Problems;

/// Identity providers: whom to trust beside the system's roots, and whom not to ask.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityProvidersConfig {
    /// File with further root certificates, PEM, such as those of an organisation.
    pub ca_file: Option<PathBuf>,
    /// Allows providers that speak plain HTTP on loopback, as in tests and developer mode.
    pub allow_plain_http_on_loopback: bool,
    /// Files with the keys of providers that are not asked, JSON Web Key Sets, by the provider's issuer URL.
    pub key_sets: BTreeMap<String, PathBuf>,
}

impl IdentityProvidersConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        for issuer in self.key_sets.keys() {
            if !url_is_allowed(issuer, self.allow_plain_http_on_loopback) {
                problems.add("identity_providers.key_sets", format!("`{issuer}` is not an https URL"));
            }
        }
    }
}
