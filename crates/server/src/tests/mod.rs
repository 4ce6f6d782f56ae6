//! The gate and the workers over a real data directory, without a port.

mod accounting;
mod hostile;
mod nodes;
mod owners;
mod throttling;
mod watching;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, Method, Version};
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{RootOfTrust, aead, digest};
use strongroom_types::{MockClock, SecretBytes, Timestamp};
use tempfile::TempDir;

use crate::app::{App, OpenError};
use crate::config::Config;
use crate::front::{Answer, Call, Endpoint};
use crate::gate::Gate;

/// Requests so far: each has an id of its own.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// What the tests' clock shows at first: 2024-02-03 04:05:06 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_706_933_106);

/// A server in developer mode without a port.
pub(crate) struct House {
    pub(crate) app: Arc<App>,
    gate: Arc<Gate>,
    pub(crate) clock: MockClock,
    pub(crate) directory: PathBuf,
    _temporary: Option<TempDir>,
}

/// The root of trust of every house.
pub(crate) fn root() -> Arc<dyn RootOfTrust> {
    let key = aead::generate_key(&SeededRandom::new(11)).unwrap();
    Arc::new(KeyRoot::new("file", "test", &key).unwrap())
}

impl House {
    pub(crate) async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().unwrap();
        let house = Self::open_in(directory.path(), 12, change).await.unwrap();
        Self { _temporary: Some(directory), ..house }
    }

    /// A server on the data in `directory`. What is random in it follows from `seed`.
    pub(crate) async fn open_in(
        directory: &Path,
        seed: u64,
        change: impl FnOnce(&mut Config),
    ) -> Result<Self, OpenError> {
        let mut config = Config { dev: true, ..Config::default() };
        // None runs here, and to find out whether some could takes as long as all the rest.
        config.functions.enabled = Some(false);
        config.quotas.throttle = false;
        config.data.directory = directory.to_owned();
        change(&mut config);
        config.check().unwrap();
        let clock = MockClock::at(NOW);
        let random = Arc::new(SeededRandom::new(seed));
        let (app, _) = App::open(&config, root(), Arc::new(clock.clone()), random).await?;
        let app = Arc::new(app);
        let gate = Arc::new(Gate::new(Arc::clone(&app)));
        Ok(Self { gate, app, clock, directory: directory.to_owned(), _temporary: None })
    }

    /// Calls an operation; unsigned without a signature.
    pub(crate) async fn call(&self, operation: &str, body: &str, signed: bool) -> Told {
        let mut headers = HeaderMap::new();
        headers.insert("host", "test".parse().unwrap());
        headers.insert("content-type", "application/x-amz-json-1.1".parse().unwrap());
        headers.insert("x-amz-target", format!("secretsmanager.{operation}").parse().unwrap());
        headers.insert("x-amz-date", "20240203T040506Z".parse().unwrap());
        if signed {
            let signature = "0".repeat(64);
            let claim = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240203/us-east-1/secretsmanager/aws4_request, \
                 SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}"
            );
            headers.insert("authorization", claim.parse().unwrap());
        }
        Told::of(&Arc::clone(&self.gate).call(received(headers, body)).await)
    }

    /// The lines of the trail.
    fn trail(&self) -> Vec<serde_json::Value> {
        let mut found = Vec::new();
        let mut folders = vec![self.directory.join("trail")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = std::fs::read_to_string(path).unwrap();
                    found.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
                }
            }
        }
        found
    }
}

/// A call as it comes from a client.
fn received(headers: HeaderMap, body: &str) -> Call {
    Call {
        method: Method::POST,
        uri: "/".parse().unwrap(),
        version: Version::HTTP_11,
        headers,
        body: SecretBytes::new(body.as_bytes().to_vec()),
        body_sha256: digest::sha256(body.as_bytes()),
        peer: "192.0.2.7:4711".parse().unwrap(),
        source: "192.0.2.7".parse().unwrap(),
        local: "127.0.0.1:443".parse().unwrap(),
        tls: None,
        endpoint: None,
        inside: false,
        received: NOW,
        request_id: format!("00000000-0000-4000-8000-{:012x}", REQUESTS.fetch_add(1, Ordering::Relaxed)),
    }
}

/// What a client was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Told {
    fn of(answer: &Answer) -> Self {
        Self { status: answer.status, text: String::from_utf8(answer.body.expose().to_vec()).unwrap() }
    }
}
