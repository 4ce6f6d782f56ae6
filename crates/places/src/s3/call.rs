//! Calls of a bucket: signed, tried again with pauses where that may help, and their refusals in a place's words.

use std::time::Duration;

use http::{HeaderName, Method};
use strongroom_client::{Answer, Call, CallError, Client, ServiceError};
use strongroom_crypto::digest::{hex, sha256};
use strongroom_types::SecretBytes;

use super::Bucket;
use crate::{Place as _, PlaceError};

/// What signatures name the service.
const SERVICE: &str = "s3";
/// Times that a call is tried.
const ATTEMPTS_MAX: u32 = 4;
/// Before a call is tried again, doubled each time, in ms.
pub(super) const PAUSE_MS: u64 = 300;
/// The digest of a body, which the signature covers.
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// A call that can be made several times.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    method: Method,
    /// The object; none for the bucket itself.
    name: Option<&'a str>,
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
    body: &'a [u8],
}

impl<'a> Wanted<'a> {
    pub(super) fn of_bucket(method: Method) -> Self {
        Self { method, name: None, query: Vec::new(), headers: Vec::new(), body: &[] }
    }

    pub(super) fn of_object(method: Method, name: &'a str) -> Self {
        Self { name: Some(name), ..Self::of_bucket(method) }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }
}

/// What came of a call.
pub(super) struct Asked {
    /// The answer, or AWS's error, or what happened in place of an answer.
    pub(super) answer: Result<Answer, CallError>,
    /// Whether an attempt before may have been carried out without an answer.
    pub(super) repeated: bool,
}

impl Bucket {
    /// The answer to a call.
    pub(super) async fn ask(&self, wanted: &Wanted<'_>) -> Result<Answer, PlaceError> {
        let asked = self.attempt(wanted).await?;
        asked.answer.map_err(|error| self.fault(wanted.name, &error))
    }

    /// Carries a call out, several times if need be.
    pub(super) async fn attempt(&self, wanted: &Wanted<'_>) -> Result<Asked, PlaceError> {
        let client = self.client().await?;
        let mut pause_ms = self.pause_ms;
        let mut number = 1;
        loop {
            let answer = client.call(self.call(wanted), self.clock.now()).await;
            match &answer {
                Err(error) if number < ATTEMPTS_MAX && may_help(error) => {}
                _ => return Ok(Asked { answer, repeated: number > 1 }),
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = pause_ms.saturating_mul(2);
            number += 1;
        }
    }

    fn call(&self, wanted: &Wanted<'_>) -> Call {
        let name = wanted.name.map(|name| format!("{}{name}", self.prefix));
        let mut segments = vec![self.bucket.as_str()];
        segments.extend(name.iter().flat_map(|name| name.split('/')));
        let mut call = Call::rest(SERVICE, wanted.method.clone(), &segments, None);
        for (name, value) in &wanted.query {
            call = call.with_query(name, value);
        }
        for (name, value) in &wanted.headers {
            call = call.with_header(HeaderName::from_static(name), value);
        }
        let digest = hex(&sha256(wanted.body));
        call.with_header(CONTENT_SHA256, &digest).with_body(SecretBytes::new(wanted.body.to_vec()))
    }

    /// A client with the access key of now.
    async fn client(&self) -> Result<Client, PlaceError> {
        let key = std::sync::Arc::clone(&self.key);
        let read = tokio::task::spawn_blocking(move || key()).await;
        let credentials = read.map_err(|error| error.to_string()).and_then(|read| read);
        let credentials = credentials.map_err(PlaceError::Unavailable)?;
        Ok(Client::new(std::sync::Arc::clone(&self.endpoint), credentials, &self.region))
    }

    /// The length of an object; none when there is no such object.
    pub(super) async fn length(&self, name: &str) -> Result<Option<u64>, PlaceError> {
        match self.ask(&Wanted::of_object(Method::HEAD, name)).await {
            Ok(answer) => {
                let length = answer.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
                let length = length.and_then(|length| length.parse().ok());
                length.map(Some).ok_or_else(|| PlaceError::Unavailable(format!("{name}: no length was told")))
            }
            Err(PlaceError::Absent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn fault(&self, name: Option<&str>, error: &CallError) -> PlaceError {
        let place = self.describe();
        match error {
            CallError::Service(ServiceError { status: 404, code, .. }) if code != "NoSuchBucket" => match name {
                Some(name) => PlaceError::Absent(name.to_owned()),
                None => PlaceError::Unavailable(format!("{place}: {error}")),
            },
            CallError::Service(ServiceError { status: 507, .. }) => PlaceError::Full(place),
            CallError::Service(refused) if FULL.contains(&refused.code.as_str()) => PlaceError::Full(place),
            _ => PlaceError::Unavailable(format!("{place}: {error}")),
        }
    }
}

/// What services call a lack of room.
const FULL: [&str; 4] = ["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "InsufficientCapacity"];

/// Whether a call may succeed when it is made again.
fn may_help(error: &CallError) -> bool {
    match error {
        CallError::Unreachable { .. } | CallError::Time { .. } => true,
        CallError::Service(refused) => {
            matches!(refused.status, 429 | 500 | 502 | 503 | 504) || refused.code == "RequestTimeout"
        }
        _ => false,
    }
}
