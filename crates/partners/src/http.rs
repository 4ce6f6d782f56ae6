//! A call to a partner, and who makes it.

use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use strongroom_types::{SecretBuffer, SecretBytes, SecretText};
use thiserror::Error;

use crate::fields::Fields;

/// An answer that is still to come.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Answer, HttpFault>> + Send + 'a>>;

/// Why there is no whole answer. Holds no secret material.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct HttpFault(pub String);

/// What stays as it is in a segment of a path and in a form (RFC 3986's unreserved characters).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes calls. Never follows a redirection: an answer with one is an answer.
pub trait Http: Send + Sync {
    /// Makes a call and waits for the whole answer, within a bound of time and bytes.
    fn call(&self, request: Request) -> Calling<'_>;
}

/// A call.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole URL. Holds no secret.
    pub url: String,
    /// Headers beside those of HTTP itself; the names in lower case.
    pub headers: Vec<(&'static str, SecretText)>,
    /// The body.
    pub body: Option<SecretBytes>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: SecretBytes,
}

impl Request {
    pub(crate) fn new(method: Method, url: String) -> Self {
        Self { method, url, headers: vec![("accept", SecretText::new("application/json".to_owned()))], body: None }
    }

    /// Adds a header, or replaces it.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(found, _)| *found != name);
        self.headers.push((name, SecretText::new(value.to_owned())));
        self
    }

    /// Basic authentication.
    pub(crate) fn basic(mut self, user: &str, password: &str) -> Self {
        let mut pair = SecretBuffer::with_capacity(user.len().saturating_add(password.len()).saturating_add(1));
        pair.extend_from_slice(user.as_bytes());
        pair.push(b':');
        pair.extend_from_slice(password.as_bytes());
        let encoded = SecretText::new(STANDARD.encode(pair.into_secret().expose()));
        self.headers.push(("authorization", SecretText::new(["Basic ", encoded.expose()].concat())));
        self
    }

    /// A bearer token.
    pub(crate) fn bearer(mut self, token: &str) -> Self {
        self.headers.push(("authorization", SecretText::new(["Bearer ", token].concat())));
        self
    }

    /// A body in JSON.
    pub(crate) fn json(mut self, body: &Fields, content_type: &str) -> Self {
        self.body = Some(body.to_bytes());
        self.header("content-type", content_type)
    }

    /// A form as a body. Its values are no secrets.
    pub(crate) fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let texts: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.body = Some(SecretBytes::new(texts.join("&").into_bytes()));
        self.header("content-type", "application/x-www-form-urlencoded")
    }
}

impl Answer {
    /// Whether the status is one of success.
    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// A text as a segment of a path or a value of a form.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
