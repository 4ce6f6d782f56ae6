//! Calls to partners over HTTPS, and where they never go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use http::{HeaderName, Uri};
use strongroom_client::{Call, CallError, Endpoint, Options, Trust};

use crate::http::{Answer, Calling, Http, HttpFault, Request};

/// Bytes of an answer's body: a page of keys.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Addresses of the metadata services of clouds beside the link-local ones: whoever names a partner's URL in a secret
/// is not to reach what only the machine itself may ask.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Calls partners over HTTPS.
pub struct HttpsClient {
    options: Options,
    plain_http_on_loopback: bool,
}

impl HttpsClient {
    /// Trusts whom `trust` does; reading the system's roots blocks. A call takes at most `time`. With
    /// `plain_http_on_loopback`, addresses of this machine may be asked without TLS.
    ///
    /// # Errors
    /// When TLS cannot be set up, or what `trust` was made of has no certificates.
    pub fn new(trust: Trust, plain_http_on_loopback: bool, time: Duration) -> Result<Self, HttpFault> {
        trust.check().map_err(HttpFault)?;
        let options = Options {
            trust,
            plain_http_anywhere: false,
            may_be_asked: |ip| !is_forbidden(ip),
            time,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        Ok(Self { options, plain_http_on_loopback })
    }

    async fn exchange(&self, request: Request) -> Result<Answer, HttpFault> {
        let refused = |what: &str| HttpFault(what.to_owned());
        let uri: Uri = request.url.parse().map_err(|_| refused("not a URL"))?;
        let scheme = match uri.scheme_str() {
            Some("https") => "https",
            Some("http") if self.plain_http_on_loopback => "http",
            _ => return Err(refused("the URL is not https")),
        };
        let authority = uri.authority().ok_or_else(|| refused("no host"))?;
        let endpoint = Endpoint::open(&format!("{scheme}://{authority}"), self.options.clone()).map_err(fault)?;
        let answer = endpoint.send(call(request, &uri)?).await.map_err(fault)?;
        Ok(Answer { status: answer.status, body: answer.body })
    }
}

impl Http for HttpsClient {
    fn call(&self, request: Request) -> Calling<'_> {
        Box::pin(self.exchange(request))
    }
}

fn fault(error: CallError) -> HttpFault {
    HttpFault(error.to_string())
}

/// A request as it is sent to its host.
fn call(request: Request, uri: &Uri) -> Result<Call, HttpFault> {
    let mut call = Call::at(request.method, uri.path(), uri.query().unwrap_or_default());
    for (name, value) in request.headers {
        let wrong = |_| HttpFault(format!("{name} is no header's name"));
        call = call.with_secret_header(HeaderName::from_bytes(name.as_bytes()).map_err(wrong)?, value);
    }
    Ok(match request.body {
        Some(body) => call.with_body(body),
        None => call,
    })
}

/// Whether nothing is ever asked there: link-local addresses, where clouds keep their metadata services, the further
/// ones of those services, and what is no address of one machine.
fn is_forbidden(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let is_odd = match ip {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            // An IPv4 address behind a translator (RFC 6052).
            let is_translated = v6.segments().starts_with(&[0x64, 0xff9b, 0, 0, 0, 0]);
            v6.is_unicast_link_local() || is_translated && is_forbidden(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
    };
    is_odd || ip.is_unspecified() || ip.is_multicast() || METADATA.contains(&ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_never_asked() {
        for text in
            ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fd00:ec2::254", "::"]
        {
            assert!(is_forbidden(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1", "64:ff9b::c000:201"] {
            assert!(!is_forbidden(text.parse().unwrap()), "{text}");
        }
    }
}
