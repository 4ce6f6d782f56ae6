//! Where the port listens, its certificate, and which browsers and proxies it knows.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Network, Problems, text};

/// Addresses to listen on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenConfig {
    /// Addresses for AWS clients, `ADDRESS:PORT`; port 0 takes a free one. They speak TLS when `tls` names a
    /// certificate, else plain HTTP.
    pub addresses: Vec<SocketAddr>,
    /// Further addresses that speak plain HTTP beside TLS, such as for a health probe on loopback.
    pub plain_addresses: Vec<SocketAddr>,
    /// Allows plain HTTP on addresses other than loopback, where everyone on the way reads the secrets.
    pub plain_http_anywhere: bool,
    /// Proxies, as addresses or blocks such as `10.0.0.0/8`, whose `X-Forwarded-For` is believed.
    #[serde(with = "text::networks")]
    pub trusted_proxies: Vec<Network>,
}

/// The port that is listened on by default, on loopback.
pub const PORT_DEFAULT: u16 = 7600;

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT))],
            plain_addresses: Vec::new(),
            plain_http_anywhere: false,
            trusted_proxies: Vec::new(),
        }
    }
}

impl ListenConfig {
    pub(super) fn check(&self, tls: &TlsConfig, dev: bool, problems: &mut Problems) {
        if self.addresses.is_empty() {
            problems.add("listen.addresses", "at least one address is needed");
        }
        let plain_main = if tls.is_on() { &[] } else { self.addresses.as_slice() };
        let plain = [("listen.addresses", plain_main), ("listen.plain_addresses", &self.plain_addresses)];
        for (key, addresses) in plain {
            for address in addresses.iter().filter(|address| !is_loopback(address)) {
                if !self.plain_http_anywhere {
                    problems.add(
                        key,
                        format!(
                            "{address} is not a loopback address, and plain HTTP shows secrets to everyone on the way: \
                             set tls.certificate_file and tls.key_file, or listen.plain_http_anywhere = true"
                        ),
                    );
                }
            }
        }
        if dev {
            let all = [("listen.addresses", &self.addresses), ("listen.plain_addresses", &self.plain_addresses)];
            for (key, addresses) in all {
                for address in addresses.iter().filter(|address| !is_loopback(address)) {
                    problems.add(key, format!("{address} is not a loopback address, and dev mode accepts any key"));
                }
            }
        }
    }
}

fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// The certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// File with the certificate and its chain, PEM, leaf first. With `key_file` it turns TLS on.
    pub certificate_file: Option<PathBuf>,
    /// File with the certificate's private key, PEM (PKCS#8, PKCS#1 or SEC1).
    pub key_file: Option<PathBuf>,
    /// How often the two files are looked at for a new certificate; a hang-up signal makes it at once.
    pub reload_ms: u64,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { certificate_file: None, key_file: None, reload_ms: 10_000 }
    }
}

impl TlsConfig {
    /// Whether a certificate is configured.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.certificate_file.is_some()
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        match (&self.certificate_file, &self.key_file) {
            (Some(_), None) => problems.add("tls.key_file", "needed with tls.certificate_file"),
            (None, Some(_)) => problems.add("tls.certificate_file", "needed with tls.key_file"),
            _ => {}
        }
        problems.range("tls", "reload_ms", self.reload_ms, 100, 3_600_000);
    }
}

/// Web pages that may call the server from a browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins that may call, each exactly as browsers send it, such as `https://console.example.org`. Without any,
    /// no answer carries a CORS header.
    pub origins: Vec<String>,
    /// How long a browser may remember the permission.
    pub max_age_s: u64,
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self { origins: Vec::new(), max_age_s: 7200 }
    }
}

impl CorsConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        for origin in &self.origins {
            if !is_origin(origin) {
                problems.add(
                    "cors.origins",
                    format!("`{origin}` is not an origin: scheme://host or scheme://host:port, in lower case, no path"),
                );
            }
        }
        problems.range("cors", "max_age_s", self.max_age_s, 0, 86_400);
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let scheme_fits = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_lowercase() || b"+-.".contains(&b));
    let host_fits = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]_".contains(&b));
    scheme_fits && host_fits
}
