//! A client: an endpoint with credentials and a region.

use std::sync::Arc;

use strongroom_types::Timestamp;

use crate::answer::Answer;
use crate::call::Call;
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
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
        let headers = call.signed(self.endpoint.authority(), &path, &self.credentials, &self.region, at)?;
        self.endpoint.exchange(call, headers).await
    }

    /// Carries out a call and returns the answer if the service did what it was asked for.
    ///
    /// # Errors
    /// As [`Client::send`], and `Service` when the service refused.
    pub async fn call(&self, call: Call, at: Timestamp) -> Result<Answer, CallError> {
        self.send(call, at).await?.success()
    }
}
