//! A provider as IAM keeps it, and which URLs are asked at all.

use std::net::IpAddr;

use strongroom_crypto::digest::THUMBPRINT_LEN;

/// SHA-1 of a certificate.
pub type Thumbprint = [u8; THUMBPRINT_LEN];

/// Bytes of a URL. IAM allows 255 for a provider's; those of its keys may be longer.
const URL_BYTES_MAX: usize = 2048;

/// A provider of OpenID Connect, as IAM's CreateOpenIDConnectProvider describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    issuer: String,
    client_ids: Vec<String>,
    thumbprints: Vec<Thumbprint>,
}

impl Provider {
    /// The provider at `url`, which IAM keeps without its scheme: without one it is `https`. `client_ids` are the
    /// audiences that its tokens may be for.
    #[must_use]
    pub fn new(url: &str, client_ids: Vec<String>, mut thumbprints: Vec<Thumbprint>) -> Self {
        let issuer = if has_scheme(url) { url.to_owned() } else { format!("https://{url}") };
        thumbprints.sort_unstable();
        thumbprints.dedup();
        Self { issuer, client_ids, thumbprints }
    }

    /// The URL with its scheme, as tokens name it in `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The URL without its scheme: what follows `oidc-provider/` in the ARN, and what condition keys begin with.
    #[must_use]
    pub fn name(&self) -> &str {
        self.issuer.split_once("://").map_or(self.issuer.as_str(), |(_, name)| name)
    }

    /// The audiences that tokens may be for.
    #[must_use]
    pub fn client_ids(&self) -> &[String] {
        &self.client_ids
    }

    /// The thumbprints of certificates that are trusted beside the roots, sorted.
    #[must_use]
    pub fn thumbprints(&self) -> &[Thumbprint] {
        &self.thumbprints
    }

    /// Where the provider describes itself (OpenID Connect Discovery 1.0, section 4).
    pub(super) fn discovery_url(&self) -> String {
        let issuer = self.issuer.strip_suffix('/').unwrap_or(&self.issuer);
        format!("{issuer}/.well-known/openid-configuration")
    }
}

fn has_scheme(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// The thumbprint of 40 hexadecimal digits, as IAM takes it; none for other text.
#[must_use]
pub fn parse_thumbprint(text: &str) -> Option<Thumbprint> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect::<Option<_>>()?;
    let mut bytes = [0; THUMBPRINT_LEN];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |sum, digit| sum << 4 | digit);
    }
    Some(bytes)
}

/// Whether a URL may be asked: `https` with a host and nothing that could be read in two ways; `http` only for a host
/// on loopback, and only if `plain_http_on_loopback`.
#[must_use]
pub fn url_is_allowed(url: &str, plain_http_on_loopback: bool) -> bool {
    if url.len() > URL_BYTES_MAX || !url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}#".contains(&byte))
    {
        return false;
    }
    match url.split_once("://") {
        Some(("https", rest)) => host(rest).is_some(),
        Some(("http", rest)) => plain_http_on_loopback && host(rest).is_some_and(is_loopback),
        _ => false,
    }
}

/// The host of what follows a scheme; none if there is a user name, an odd port or no host.
fn host(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?']).next()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => authority.find(':').map_or((authority, ""), |at| authority.split_at(at)),
    };
    let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    (port_fits && !host.is_empty() && !host.contains('@')).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_named_by_its_url_without_scheme() {
        let provider = Provider::new("idp.example.com/realms/a", vec![], vec![]);
        assert_eq!(provider.issuer(), "https://idp.example.com/realms/a");
        assert_eq!(provider.name(), "idp.example.com/realms/a");
        assert_eq!(provider, Provider::new("https://idp.example.com/realms/a", vec![], vec![]));
        assert_eq!(Provider::new("http://127.0.0.1:80", vec![], vec![]).name(), "127.0.0.1:80");
        let slashed = Provider::new("https://idp.example.com/", vec![], vec![]);
        assert_eq!(slashed.issuer(), "https://idp.example.com/");
        assert_eq!(slashed.discovery_url(), "https://idp.example.com/.well-known/openid-configuration");
    }

    #[test]
    fn only_unmistakable_urls_are_asked() {
        for url in ["https://a", "https://a.example/b?c=d", "https://[::1]:8443/", "https://10.0.0.1:80"] {
            assert!(url_is_allowed(url, false), "{url}");
        }
        for url in ["http://localhost:1/a", "http://127.0.0.1", "http://127.9.9.9:65535/", "http://[::1]/"] {
            assert!(url_is_allowed(url, true), "{url}");
            assert!(!url_is_allowed(url, false), "{url}");
        }
        let long = format!("https://a/{}", "b".repeat(URL_BYTES_MAX));
        for url in [
            "",
            "a.example",
            "ftp://a",
            "HTTPS://a",
            "file:///etc/passwd",
            "https://",
            "https:///a",
            "https://:443",
            "https://a:b",
            "https://a:99999",
            "https://user@a",
            "https://user:1@a",
            "http://127.0.0.1@evil.example",
            "http://127.0.0.1:80@evil.example",
            "http://evil.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "https://a\\@b",
            "https://a b",
            "https://a\n",
            "https://a#b",
            "https://\u{e4}.example",
            "https://[::1",
            "http://169.254.169.254/latest",
            &long,
        ] {
            assert!(!url_is_allowed(url, true), "{url}");
        }
    }

    #[test]
    fn thumbprints_have_forty_hexadecimal_digits() {
        let text = "6938fd4d98bab03faadb97b34396831e3780aea1";
        let parsed = parse_thumbprint(text).unwrap();
        assert_eq!((parsed[0], parsed[19]), (0x69, 0xa1));
        assert_eq!(parse_thumbprint(&text.to_uppercase()), Some(parsed));
        for text in ["", "69", "6938fd4d98bab03faadb97b34396831e3780aea", "g938fd4d98bab03faadb97b34396831e3780aea1"] {
            assert_eq!(parse_thumbprint(text), None);
        }
    }
}
