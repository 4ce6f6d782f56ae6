//! A client that sends exactly what a test wants: signed well, signed wrongly, or anything else.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use strongroom_crypto::digest::sha256;
use strongroom_types::{Clock, SecretText, SystemClock, Timestamp};
use strongroom_wire::sigv4::{Request, Signing, SigningKey, sign};
use strongroom_wire::timestamps;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    /// The error's code, without what stands before `#`.
    #[must_use]
    pub fn code(&self) -> &str {
        let code = self.body.get("__type").and_then(Value::as_str).unwrap_or_default();
        code.rsplit('#').next().unwrap_or_default()
    }

    /// The error's text.
    #[must_use]
    pub fn message(&self) -> &str {
        let text = self.body.get("Message").or_else(|| self.body.get("message"));
        text.and_then(Value::as_str).unwrap_or_default()
    }

    /// A text member of the answer.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A client with one access key.
#[derive(Clone)]
pub struct Raw {
    http: Client<HttpConnector, Full<Bytes>>,
    authority: String,
    key_id: String,
    secret: SecretText,
    /// The region to sign for.
    pub region: String,
    /// The service to sign for.
    pub service: String,
    /// The time to sign for, when it is not the present.
    pub at: Option<Timestamp>,
}

impl Raw {
    /// A client of the server at `url` that signs with a key for Secrets Manager in us-east-1.
    #[must_use]
    pub fn new(url: &str, key_id: &str, secret: SecretText) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            authority: url.trim_start_matches("http://").trim_end_matches('/').to_owned(),
            key_id: key_id.to_owned(),
            secret,
            region: "us-east-1".to_owned(),
            service: "secretsmanager".to_owned(),
            at: None,
        }
    }

    /// Calls an operation with a JSON input. None when the connection broke, as it does when the server is killed.
    pub async fn try_call(&self, operation: &str, input: &Value) -> Option<Answer> {
        let body = input.to_string().into_bytes();
        let headers = self.signed(operation, &body);
        self.send(Method::POST, "/", headers, body).await
    }

    /// Calls an operation with a JSON input: one of Secrets Manager, or one with its target's prefix, such as
    /// `TrentService.CreateKey`, for which `service` must be set.
    ///
    /// # Panics
    /// When there is no answer.
    #[expect(clippy::expect_used, reason = "tests fail")]
    pub async fn call(&self, operation: &str, input: Value) -> Answer {
        self.try_call(operation, &input).await.expect("an answer")
    }

    /// The headers of a well-signed call of `operation` with `body`.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    #[expect(clippy::expect_used, reason = "tests fail")]
    pub fn signed(&self, operation: &str, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(&self.authority).expect("a host"));
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        let own = operation.contains('.');
        let target = if own { operation.to_owned() } else { format!("secretsmanager.{operation}") };
        headers.insert("x-amz-target", HeaderValue::from_str(&target).expect("a target"));
        let at = self.at.unwrap_or_else(|| SystemClock.now());
        let date = date_of(at);
        let key = SigningKey::derive(&self.secret, &date, &self.region, &self.service);
        let digest = sha256(body);
        let request = Request { method: "POST", path: "/", query: "", authority: None, body_sha256: &digest };
        let signing = Signing { access_key_id: &self.key_id, session_token: None, key: &key, at };
        sign(&request, &mut headers, &signing).expect("signed");
        headers
    }

    /// Sends anything. None when the connection broke.
    ///
    /// # Panics
    /// When the request cannot be made.
    #[expect(clippy::expect_used, reason = "tests fail")]
    pub async fn send(&self, method: Method, path: &str, headers: HeaderMap, body: Vec<u8>) -> Option<Answer> {
        let uri = format!("http://{}{path}", self.authority);
        let mut request = http::Request::builder().method(method).uri(uri);
        request.headers_mut().expect("headers").extend(headers);
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        let response = self.http.request(request).await.ok()?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Some(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// The day of an instant as signatures write it: `20150830`.
fn date_of(at: Timestamp) -> String {
    timestamps::iso(at).chars().filter(|c| *c != '-').take(8).collect()
}
