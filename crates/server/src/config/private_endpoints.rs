//! Listeners that stand for VPC endpoints: requests through them carry the endpoint's ids and are bounded by its policy.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problems;

/// A listener that stands for a VPC endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivateEndpointConfig {
    /// The address that it listens on. It speaks TLS when `tls` names a certificate.
    pub address: SocketAddr,
    /// Its id, `vpce-` and hexadecimal digits: `aws:SourceVpce`.
    pub id: String,
    /// The id of its VPC, `vpc-` and hexadecimal digits: `aws:SourceVpc`.
    pub vpc: String,
    /// File with the endpoint's policy, in JSON. Without one the endpoint bounds nothing.
    pub policy_file: Option<PathBuf>,
}

impl Default for PrivateEndpointConfig {
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { address, id: "vpce-0".to_owned(), vpc: "vpc-0".to_owned(), policy_file: None }
    }
}

/// Whether the endpoints can be told apart and hide what goes over the network.
pub(super) fn check(endpoints: &[PrivateEndpointConfig], tls: bool, problems: &mut Problems) {
    for (at, endpoint) in endpoints.iter().enumerate() {
        let key = |name: &str| format!("private_endpoints[{at}].{name}");
        for (name, text, prefix) in [("id", &endpoint.id, "vpce-"), ("vpc", &endpoint.vpc, "vpc-")] {
            let digits = text.strip_prefix(prefix).unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
                problems.add(key(name), format!("`{text}` is not {prefix} and hexadecimal digits in lower case"));
            }
        }
        if endpoints.iter().take(at).any(|other| other.id == endpoint.id) {
            problems.add(key("id"), format!("{} stands twice", endpoint.id));
        }
        if !tls && !endpoint.address.ip().to_canonical().is_loopback() {
            let text =
                format!("{} is not a loopback address: set tls.certificate_file and tls.key_file", endpoint.address);
            problems.add(key("address"), text);
        }
    }
}
