//! The client's address behind proxies: `X-Forwarded-For`, believed only as far as trusted proxies wrote it.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::config::Network;

/// The address nearest to the server that no trusted proxy has. Each proxy appends the address it was called from,
/// so the list is read from the right: what stands left of the first untrusted address is the client's own word.
/// An entry that is no address ends the reading at the proxy that passed it on.
pub(super) fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut source = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(source) {
        return source;
    }
    let entries = headers.get_all("x-forwarded-for").iter().rev();
    for entry in entries.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(address) = address(entry) else { return source };
        source = address;
        if !is_trusted(source) {
            return source;
        }
    }
    source
}

/// An address, bare or with a port, as various proxies write it.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        source(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn an_untrusted_peer_is_the_source_whatever_it_says() {
        assert_eq!(found("203.0.113.9", &["192.0.2.1"], &[]), "203.0.113.9");
        assert_eq!(found("203.0.113.9", &["192.0.2.1"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn behind_trusted_proxies_the_rightmost_untrusted_address_counts() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(found("10.0.0.1", &["198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(found("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.9.9.9"], &trusted), "198.51.100.7");
        assert_eq!(found("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.9.9.9"], &trusted), "198.51.100.7");
        assert_eq!(found("::ffff:10.0.0.1", &["[2001:db8::5]:4711"], &trusted), "2001:db8::5");
        assert_eq!(found("fd00::1", &["[2001:db8::5], 10.2.2.2:80"], &trusted), "2001:db8::5");
    }

    #[test]
    fn without_an_untrusted_address_the_farthest_proxy_counts() {
        assert_eq!(found("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &["10.0.0.0/8"]), "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_reading() {
        assert_eq!(found("10.0.0.1", &["198.51.100.7, unknown"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &["unknown, 10.0.0.2"], &["10.0.0.0/8"]), "10.0.0.2");
    }
}
