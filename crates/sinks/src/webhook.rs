//! A sink that is a web address: each batch is posted there as `{"Records":[…]}`, and any answer of success takes it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Uri};
use strongroom_client::{Answer, Call, Endpoint, Options, Trust};

use crate::headers::{HeaderSource, with_headers};
use crate::spare::Spare;
use crate::{Batch, Sink, SinkError, SinkFuture, Taken, unavailable};

/// Bytes of an answer, of which nothing is looked at but the status.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What a webhook is reached by.
pub struct WebhookSettings {
    /// The address: `https`, or `http` on loopback.
    pub url: String,
    /// Headers beside its own.
    pub headers: Option<HeaderSource>,
    /// Whose certificates are trusted.
    pub trust: Trust,
    /// Time for a batch.
    pub time: Duration,
}

/// A webhook.
pub struct Webhook {
    endpoint: Endpoint,
    /// Its address without the path, which often is all that it takes to post there.
    shown: String,
    /// What follows the path that the address has: an address without any has a slash.
    path: &'static str,
    headers: Option<HeaderSource>,
    spare: Spare,
}

impl Webhook {
    /// The webhook of `settings`. Nothing is sent yet.
    ///
    /// # Errors
    /// When something about the settings is wrong.
    pub fn open(settings: WebhookSettings) -> Result<Self, String> {
        let endpoint = endpoint(&settings.url, settings.trust, settings.time)?;
        let has_path = settings.url.parse::<Uri>().is_ok_and(|uri| uri.path().len() > 1);
        let shown = settings.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        Ok(Self {
            endpoint,
            shown,
            path: if has_path { "" } else { "/" },
            headers: settings.headers,
            spare: Spare::default(),
        })
    }

    async fn post(&self, batch: &Batch) -> Result<Taken, SinkError> {
        let mut body = self.spare.take();
        push_json(batch, &mut body);
        let body = self.spare.lend(body);
        let posted = post(&self.endpoint, self.path, self.headers.as_ref(), "application/json", body).await;
        posted.map(|_| Taken::default()).map_err(|error| match error {
            SinkError::Unavailable(text) => SinkError::Unavailable(text.replace(self.endpoint.url(), &self.shown)),
            error @ SinkError::Time { .. } => error,
        })
    }
}

/// An endpoint that calls go to.
pub(crate) fn endpoint(url: &str, trust: Trust, time: Duration) -> Result<Endpoint, String> {
    let options = Options { trust, time, answer_bytes_max: ANSWER_BYTES_MAX, ..Options::default() };
    Endpoint::open(url, options).map_err(|error| error.to_string())
}

/// Posts to `path` at an endpoint, and returns an answer of success.
pub(crate) async fn post(
    endpoint: &Endpoint,
    path: &str,
    headers: Option<&HeaderSource>,
    content_type: &str,
    body: Bytes,
) -> Result<Answer, SinkError> {
    let call = Call::at(Method::POST, path, "").with_plain_body(body).with_header(CONTENT_TYPE, content_type);
    let answer = endpoint.send(with_headers(call, headers).await?).await.map_err(unavailable)?;
    match answer.status {
        200..300 => Ok(answer),
        status => Err(SinkError::Unavailable(format!("{} answered with status {status}", endpoint.url()))),
    }
}

/// How a text of records begins, as CloudTrail's files have it.
pub(crate) const RECORDS: &[u8] = b"{\"Records\":[";

/// Appends a batch as CloudTrail's files have it.
fn push_json(batch: &Batch, out: &mut Vec<u8>) {
    out.reserve(batch.bytes().saturating_add(RECORDS.len() + 2));
    out.extend_from_slice(RECORDS);
    for (at, record) in batch.records().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(record.line().as_bytes());
    }
    out.extend_from_slice(b"]}");
}

impl Sink for Webhook {
    fn describe(&self) -> String {
        self.shown.clone()
    }

    fn send<'a>(&'a mut self, batch: &'a Batch) -> SinkFuture<'a, Taken> {
        Box::pin(self.post(batch))
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::batch;

    #[tokio::test]
    async fn the_path_of_an_address_is_told_nowhere() {
        for (url, shown) in [
            ("http://127.0.0.1:1/hooks/planted", "http://127.0.0.1:1"),
            ("http://127.0.0.1:1/planted/", "http://127.0.0.1:1"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ] {
            let settings = WebhookSettings {
                url: url.to_owned(),
                headers: None,
                trust: Trust::system(),
                time: Duration::from_secs(5),
            };
            let mut webhook = Webhook::open(settings).unwrap();
            let error = webhook.send(&batch(0..1)).await.unwrap_err().to_string();
            assert_eq!(webhook.describe(), shown);
            assert!(error.contains(shown) && !error.contains("planted"), "{error}");
            assert!(!format!("{webhook:?}").contains("planted"));
        }
    }
}
