//! A client: an endpoint with credentials and a region.

use std::sync::Arc;

use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request};
use strongroom_crypto::digest::sha256;
use strongroom_types::Timestamp;
use strongroom_wire::sigv4::{self, Signing, SigningKey, sign};
use strongroom_wire::timestamps;

use crate::answer::Answer;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::endpoint::{Body, Endpoint};
use crate::error::CallError;

/// What carries calls out for one access key.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Arc<Endpoint>,
    credentials: Credentials,
    region: String,
}

impl Client {
    /// A client of `endpoint` that signs for `region`.
    #[must_use]
    pub fn new(endpoint: Arc<Endpoint>, credentials: Credentials, region: &str) -> Self {
        Self { endpoint, credentials, region: region.to_owned() }
    }

    /// Carries out a call, signed for the instant `at`, and returns the answer, whatever its status.
    ///
    /// # Errors
    /// When it cannot be written down or signed, or there is no whole answer.
    pub async fn send(&self, call: Call, at: Timestamp) -> Result<Answer, CallError> {
        let path = self.endpoint.path(&call.path);
        let headers = self.headers(&call, &path, at)?;
        let target = if call.query.is_empty() { path } else { [&path, "?", &call.query].concat() };
        let request = Request::builder().method(call.method).uri(target).body(Body::of(call.body));
        let mut request = request.map_err(|error| CallError::Request(error.to_string()))?;
        *request.headers_mut() = headers;
        self.endpoint.exchange(request).await
    }

    /// Carries out a call and returns the answer if the service did what it was asked for.
    ///
    /// # Errors
    /// As [`Client::send`], and `Service` when the service refused.
    pub async fn call(&self, call: Call, at: Timestamp) -> Result<Answer, CallError> {
        self.send(call, at).await?.success()
    }

    fn headers(&self, call: &Call, path: &str, at: Timestamp) -> Result<HeaderMap, CallError> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, self.endpoint.authority().clone());
        let agent = HeaderValue::from_static(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
        headers.insert(USER_AGENT, agent);
        headers.extend(call.header_values().map_err(|error| CallError::Request(error.to_string()))?);
        let body_sha256 = sha256(call.body.expose());
        let request = sigv4::Request {
            method: call.method.as_str(),
            path,
            query: &call.query,
            authority: None,
            body_sha256: &body_sha256,
        };
        let key = SigningKey::derive(&self.credentials.secret_access_key, &day(at), &self.region, &call.service);
        let signing = Signing {
            access_key_id: &self.credentials.access_key_id,
            session_token: self.credentials.session_token.as_ref(),
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
