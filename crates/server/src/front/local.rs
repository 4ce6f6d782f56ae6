//! Developer mode takes requests for this machine from this machine's programs, and none that a web page sends.
//!
//! It verifies no signature, so that any page in a browser on the machine could use it: by calling it (its origin then
//! stands in `Origin`), or by a name of its own that it lets point to this machine (DNS rebinding; the name then stands
//! in `Host`). Both are refused by what the browser tells and a page cannot change.

use std::net::{IpAddr, Ipv6Addr};

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, header};

use super::refusal::Refusal;
use crate::cors::Origin;

/// Why a request may not be taken, if so. `origin` is what the configured origins make of it, when there are any.
pub(super) fn refusal(parts: &Parts, origin: Option<&Origin>) -> Option<Refusal> {
    let is_local = match (one_host(&parts.headers), parts.uri.authority()) {
        // An absolute target counts beside the header field, and on HTTP/2 in its place.
        (Some(host), Some(authority)) => is_loopback(host) && is_loopback(authority.as_str()),
        (Some(host), None) => is_loopback(host),
        (None, Some(authority)) => !parts.headers.contains_key(header::HOST) && is_loopback(authority.as_str()),
        (None, None) => false,
    };
    if !is_local {
        return Some(Refusal::ForeignHost);
    }
    let allowed =
        matches!(origin, Some(Origin::Allowed(_))) && parts.headers.get_all(header::ORIGIN).iter().count() == 1;
    (parts.headers.contains_key(header::ORIGIN) && !allowed).then_some(Refusal::ForeignOrigin)
}

/// The one Host field; none when it is absent, stands twice or is no text.
fn one_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?;
    hosts.next().is_none().then(|| host.to_str().ok()).flatten()
}

/// Whether `text` is `localhost` or a loopback address, with or without a port.
fn is_loopback(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok_and(|address| address.to_canonical().is_loopback());
    }
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for local in [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1",
            "127.0.0.1:1",
            "127.255.3.4:65535",
            "[::1]",
            "[::1]:443",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(is_loopback(local), "{local}");
        }
        for foreign in [
            "",
            "example.org",
            "localhost.example.org",
            "localhost.",
            "127.0.0.1.example.org",
            "127.1",
            "2130706433",
            "0.0.0.0",
            "192.168.0.1:8080",
            "[::]",
            "[::2]:1",
            "::1",
            "localhost@example.org",
            "example.org@localhost",
            "a localhost",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn every_host_counts_and_one_has_to_be_there() {
        let refused = |uri: &str, hosts: &[&'static str]| {
            let mut request = Request::post(uri);
            for host in hosts {
                request = request.header("host", HeaderValue::from_static(host));
            }
            refusal(&request.body(()).unwrap().into_parts().0, None)
        };
        assert_eq!(refused("/", &["localhost:1"]), None);
        assert_eq!(refused("http://localhost:1/", &[]), None);
        assert_eq!(refused("http://localhost:1/", &["localhost:1"]), None);
        for (uri, hosts) in [
            ("/", &[][..]),
            ("/", &["example.org"]),
            ("/", &["localhost", "localhost"]),
            ("http://localhost/", &["localhost", "example.org"]),
            ("http://example.org/", &[]),
            ("http://example.org/", &["localhost"]),
            ("http://localhost/", &["example.org"]),
        ] {
            assert_eq!(refused(uri, hosts), Some(Refusal::ForeignHost), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn an_origin_has_to_be_configured() {
        let refused = |origins: &[&'static str], judged: Option<&Origin>| {
            let mut request = Request::post("/").header("host", "localhost");
            for origin in origins {
                request = request.header("origin", *origin);
            }
            refusal(&request.body(()).unwrap().into_parts().0, judged)
        };
        let allowed = Origin::Allowed(HeaderValue::from_static("http://a"));
        assert_eq!(refused(&[], None), None);
        assert_eq!(refused(&[], Some(&Origin::Foreign)), None);
        assert_eq!(refused(&["http://a"], Some(&allowed)), None);
        assert_eq!(refused(&["http://a", "http://b"], Some(&allowed)), Some(Refusal::ForeignOrigin));
        assert_eq!(refused(&["null"], Some(&Origin::Foreign)), Some(Refusal::ForeignOrigin));
        assert_eq!(refused(&["http://localhost"], None), Some(Refusal::ForeignOrigin));
    }
}
