//! Which URLs endpoints may have: hosts that the configuration names, by HTTPS, or plain HTTP on loopback.

use http::Uri;

use crate::config::EventsConfig;

/// The hosts that may be asked.
#[derive(Clone, Debug)]
pub struct Allowed {
    hosts: Vec<String>,
    plain_http_on_loopback: bool,
}

impl Allowed {
    /// Those that a configuration names.
    pub fn of(config: &EventsConfig) -> Self {
        let hosts = config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { hosts, plain_http_on_loopback: config.allow_plain_http_on_loopback }
    }

    /// Whether a URL may be an endpoint. Stars in its path are left for values.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, url: &str) -> Result<(), String> {
        let uri: Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
        let authority = uri.authority().ok_or("it has no host")?.as_str().to_ascii_lowercase();
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        if authority.contains('@') {
            return Err("it has a user".to_owned());
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if self.plain_http_on_loopback => {}
            _ => return Err("it is not https".to_owned()),
        }
        if self.hosts.iter().any(|allowed| matches(allowed, &host, &authority)) {
            return Ok(());
        }
        Err("its host is not in events.hosts of the server's configuration".to_owned())
    }
}

/// Whether a host, with or without its port, is the one that is allowed or below it.
fn matches(allowed: &str, host: &str, authority: &str) -> bool {
    let same = |text: &str| match allowed.strip_prefix("*.") {
        Some(domain) => text.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        None => text == allowed,
    };
    same(host) || same(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_are_named_may_be_asked() {
        let config = EventsConfig {
            hosts: ["hooks.example.org", "*.Example.net", "127.0.0.1:9000", "[::1]"].map(str::to_owned).into(),
            ..EventsConfig::default()
        };
        let strict = Allowed::of(&config);
        let loose = Allowed::of(&EventsConfig { allow_plain_http_on_loopback: true, ..config });
        for good in [
            "https://hooks.example.org/a",
            "https://hooks.example.org:8443/a/*",
            "https://HOOKS.example.org",
            "https://a.example.net/x?y=z",
            "https://127.0.0.1:9000/",
            "https://[::1]:1/",
        ] {
            assert_eq!(strict.check(good), Ok(()), "{good}");
        }
        assert_eq!(loose.check("http://127.0.0.1:9000/"), Ok(()));
        for bad in [
            "http://hooks.example.org/",
            "https://example.net/",
            "https://xexample.net/",
            "https://.example.net/",
            "https://127.0.0.1/",
            "https://127.0.0.1:90000/",
            "https://hooks.example.org.evil.org/",
            "https://user@hooks.example.org/",
            "https://169.254.169.254/",
            "ftp://hooks.example.org/",
            "hooks.example.org",
            "",
        ] {
            strict.check(bad).expect_err(bad);
        }
        Allowed::of(&EventsConfig::default()).check("https://hooks.example.org/").expect_err("none by default");
    }
}
