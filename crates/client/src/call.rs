//! Calls in the protocols that AWS's services speak.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, InvalidHeaderValue};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use strongroom_crypto::digest::sha256;
use strongroom_types::{SecretBuffer, SecretBytes, SecretText, Timestamp};
use strongroom_wire::sigv4::{self, Signing, SigningKey, sign};
use strongroom_wire::{percent, timestamps};

use crate::body::Body;
use crate::credentials::Credentials;
use crate::error::CallError;

/// A call that is not signed yet.
#[derive(Debug)]
pub struct Call {
    pub(crate) service: String,
    pub(crate) method: Method,
    /// Percent-encoded.
    pub(crate) path: String,
    /// Percent-encoded, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: Vec<(HeaderName, Result<HeaderValue, InvalidHeaderValue>)>,
    pub(crate) body: Body,
}

impl Call {
    /// A call by JSON 1.1. `service` is the name to sign for, such as `kms`; `target` is the value of `X-Amz-Target`,
    /// such as `TrentService.DescribeKey`.
    #[must_use]
    pub fn json(service: &str, target: &str, input: &Value) -> Self {
        let headers = vec![
            (CONTENT_TYPE, Ok(HeaderValue::from_static("application/x-amz-json-1.1"))),
            (HeaderName::from_static("x-amz-target"), HeaderValue::from_str(target)),
        ];
        Self { headers, ..Self::new(service, Method::POST, "/", body_of(input)) }
    }

    /// A call by the Query protocol, as IAM and STS have it. `version` is that of the API, such as `2010-05-08`; members
    /// of structures and lists have the names that the protocol gives them, such as `Tags.member.1.Key`.
    #[must_use]
    pub fn query(service: &str, version: &str, action: &str, parameters: &[(&str, &str)]) -> Self {
        let mut form = SecretBuffer::with_capacity(1024);
        for (name, value) in [("Action", action), ("Version", version)].iter().chain(parameters) {
            if !form.is_empty() {
                form.push(b'&');
            }
            form.extend_from_slice(percent::encoded(name).as_bytes());
            form.push(b'=');
            form.extend_from_slice(percent::encoded(value).as_bytes());
        }
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        let headers = vec![(CONTENT_TYPE, Ok(kind))];
        Self { headers, ..Self::new(service, Method::POST, "/", form.into_secret()) }
    }

    /// A call by restJson1, as Lambda has it. `segments` are the parts of the path between slashes, which are encoded
    /// here; without `input` there is no body.
    #[must_use]
    pub fn rest(service: &str, method: Method, segments: &[&str], input: Option<&Value>) -> Self {
        let path: String = segments.iter().map(|segment| format!("/{}", percent::encoded(segment))).collect();
        let path = if path.is_empty() { "/" } else { &path };
        let mut call = Self::new(service, method, path, input.map_or_else(|| SecretBytes::new(Vec::new()), body_of));
        if input.is_some() {
            call = call.with_header(CONTENT_TYPE, "application/json");
        }
        call
    }

    /// A call for what is at `path` with `query`, both as they stand in a URL.
    #[must_use]
    pub fn at(method: Method, path: &str, query: &str) -> Self {
        Self { query: query.to_owned(), ..Self::new("", method, path, SecretBytes::new(Vec::new())) }
    }

    /// The same with a parameter of the query.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.query.is_empty() { "" } else { "&" };
        self.query += &format!("{separator}{}={}", percent::encoded(name), percent::encoded(value));
        self
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.push((name, HeaderValue::from_str(value)));
        self
    }

    /// The same with a secret in a header, which stays in its own memory. What the library writes into its buffer is not
    /// wiped.
    #[must_use]
    pub fn with_secret_header(mut self, name: HeaderName, value: SecretText) -> Self {
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(OwnedText(value)));
        if let Ok(value) = &mut value {
            value.set_sensitive(true);
        }
        self.headers.push((name, value));
        self
    }

    /// The same with other bytes as its body, such as the payload of an invocation.
    #[must_use]
    pub fn with_body(mut self, body: SecretBytes) -> Self {
        self.body = Body::Secret(body);
        self
    }

    /// The same with bytes as its body that hold nothing that must be wiped, such as records of the trail.
    #[must_use]
    pub fn with_plain_body(mut self, body: Bytes) -> Self {
        self.body = Body::Plain(body);
        self
    }

    fn new(service: &str, method: Method, path: &str, body: SecretBytes) -> Self {
        let (service, path) = (service.to_owned(), path.to_owned());
        Self { service, method, path, query: String::new(), headers: Vec::new(), body: Body::Secret(body) }
    }

    /// The body, for whoever carries the call out himself.
    #[must_use]
    pub fn into_body(self) -> SecretBytes {
        self.body.into_secret()
    }

    /// The headers as they are given.
    pub(crate) fn header_values(&self) -> Result<HeaderMap, CallError> {
        let mut values = HeaderMap::new();
        for (name, value) in &self.headers {
            let value = value.as_ref().map_err(|_| CallError::Request(format!("a value does not fit into {name}")))?;
            values.insert(name, value.clone());
        }
        Ok(values)
    }

    /// The headers of the call with those of its signature and `Host`, for whoever carries it out. `authority` is the
    /// host that it goes to, `path` the whole path there.
    ///
    /// # Errors
    /// When it cannot be written down or signed.
    pub fn signed(
        &self,
        authority: &HeaderValue,
        path: &str,
        credentials: &Credentials,
        region: &str,
        at: Timestamp,
    ) -> Result<HeaderMap, CallError> {
        let mut headers = self.header_values()?;
        headers.insert(HOST, authority.clone());
        let body_sha256 = sha256(self.body.expose());
        let request = sigv4::Request {
            method: self.method.as_str(),
            path,
            query: &self.query,
            authority: None,
            body_sha256: &body_sha256,
        };
        let key = SigningKey::derive(&credentials.secret_access_key, &day(at), region, &self.service);
        let signing = Signing {
            access_key_id: &credentials.access_key_id,
            session_token: credentials.session_token.as_ref(),
            key: &key,
            at,
        };
        sign(&request, &mut headers, &signing)?;
        Ok(headers)
    }
}

/// The day of an instant as signatures write it: `20150830`.
fn day(at: Timestamp) -> String {
    timestamps::iso(at).chars().filter(|c| *c != '-').take(8).collect()
}

/// A text that is wiped with the last copy of the header that it is the value of.
struct OwnedText(SecretText);

impl AsRef<[u8]> for OwnedText {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

fn body_of(input: &Value) -> SecretBytes {
    SecretBytes::new(input.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_forms_and_queries_are_encoded() {
        let arn = "arn:aws:lambda:us-east-1:1:function:f";
        let call =
            Call::rest("lambda", Method::GET, &["2015-03-31", "functions", arn], None).with_query("Qualifier", "a&b");
        assert_eq!(call.path, "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af");
        assert_eq!((call.query.as_str(), call.body.expose().len()), ("Qualifier=a%26b", 0));
        let call = Call::query("iam", "2010-05-08", "GetRole", &[("RoleName", "a+b c")]);
        assert_eq!(call.body.expose(), b"Action=GetRole&Version=2010-05-08&RoleName=a%2Bb%20c");
        let call = Call::json("kms", "TrentService.ListKeys", &json!({"Limit": 1}));
        assert_eq!((call.path.as_str(), call.body.expose()), ("/", br#"{"Limit":1}"#.as_slice()));
        assert!(!format!("{call:?}").contains("Limit\":1"), "the body does not print");
    }

    #[test]
    fn a_secret_header_is_no_copy_of_the_secret() {
        let name = || HeaderName::from_static("x-vault-token");
        let call = |text: SecretText| Call::rest("", Method::POST, &[], None).with_secret_header(name(), text);
        let text = SecretText::new("hvs.CAESIJ".to_owned());
        let place = text.expose().as_ptr();
        let values = call(text).header_values().expect("headers");
        let value = values.get(name()).expect("the header");
        assert_eq!((value.as_bytes(), value.as_bytes().as_ptr()), (b"hvs.CAESIJ".as_slice(), place));
        assert!(value.is_sensitive() && !format!("{value:?}").contains("hvs"));
        let wrong = call(SecretText::new("two\nlines".to_owned())).header_values().expect_err("no header");
        assert_eq!(wrong.to_string(), "the request cannot be made: a value does not fit into x-vault-token");
    }
}
