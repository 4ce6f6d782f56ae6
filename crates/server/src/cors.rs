//! Cross-origin calls from browsers, for configured origins alone (WHATWG Fetch, "CORS protocol").

use http::{HeaderMap, HeaderValue, Method, header};
use strongroom_types::SecretBytes;

use crate::config::CorsConfig;
use crate::front::{Answer, JSON_1_1};

/// Headers that the AWS SDK for JavaScript sends.
const ALLOWED_HEADERS: &str = "authorization, content-type, x-amz-date, x-amz-target, x-amz-security-token, \
    x-amz-content-sha256, x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request";

/// Headers that it reads.
const EXPOSED_HEADERS: &str = "x-amzn-RequestId, x-amzn-errortype, date";

/// The rules for browsers; absent altogether when no origin is configured.
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    max_age: HeaderValue,
}

/// What a request's `Origin` means for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// None sent, or one that is not configured: the browser will keep the answer from the page.
    Foreign,
    /// A configured one.
    Allowed(HeaderValue),
}

impl Cors {
    /// The rules of `config`; none without an origin.
    pub(crate) fn new(config: &CorsConfig) -> Option<Self> {
        let origins: Vec<_> = config.origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        (!origins.is_empty()).then(|| Self { origins, max_age: HeaderValue::from(config.max_age_s) })
    }

    /// What the request's origin is.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> Origin {
        match headers.get(header::ORIGIN) {
            Some(origin) if self.origins.contains(origin) => Origin::Allowed(origin.clone()),
            _ => Origin::Foreign,
        }
    }

    /// The answer to a browser's question whether it may call, when the request is one.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap, origin: &Origin) -> Option<Answer> {
        let asks = method == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let Origin::Allowed(_) = origin else {
            let body = br#"{"__type":"AccessDeniedException","message":"The origin is not allowed."}"#;
            return Some(Answer::json(403, body.to_vec()));
        };
        Some(Answer {
            status: 200,
            headers: vec![
                (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST")),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS)),
                (header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone()),
            ],
            content_type: JSON_1_1,
            body: SecretBytes::default(),
            pieces: None,
        })
    }

    /// Adds to an answer's headers what its origin may know.
    pub(crate) fn mark(&self, origin: Origin, headers: &mut HeaderMap) {
        // Also for foreign origins: a cache must not hand one origin's answer to another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Origin::Allowed(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors() -> Cors {
        let origins = vec!["https://console.example.org".to_owned(), "http://localhost:3000".to_owned()];
        Cors::new(&CorsConfig { origins, ..CorsConfig::default() }).unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn origins_match_exactly() {
        let allowed = headers(&[("origin", "http://localhost:3000")]);
        assert_eq!(cors().origin(&allowed), Origin::Allowed(HeaderValue::from_static("http://localhost:3000")));
        for foreign in ["http://localhost:3001", "https://localhost:3000", "null", "http://localhost:3000.evil.org"] {
            assert_eq!(cors().origin(&headers(&[("origin", foreign)])), Origin::Foreign, "{foreign}");
        }
        assert_eq!(cors().origin(&HeaderMap::new()), Origin::Foreign);
        assert!(Cors::new(&CorsConfig::default()).is_none());
    }

    #[test]
    fn only_a_preflight_is_answered_here() {
        let asked = headers(&[("origin", "http://localhost:3000"), ("access-control-request-method", "POST")]);
        let origin = cors().origin(&asked);
        assert_eq!(cors().preflight(&Method::OPTIONS, &asked, &origin).unwrap().status, 200);
        assert_eq!(cors().preflight(&Method::OPTIONS, &asked, &Origin::Foreign).unwrap().status, 403);
        assert!(cors().preflight(&Method::POST, &asked, &origin).is_none());
        assert!(cors().preflight(&Method::OPTIONS, &headers(&[("origin", "x")]), &origin).is_none());
    }
}
