//! Calls to a service from a thread that may block.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use strongroom_client::{Answer, Call, CallError, Client, Credentials, Endpoint, Options, Trust};
use strongroom_types::{Region, Timestamp};

/// Bytes of an answer's body: a wrapped key and what is said about it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A service at one URL.
pub(crate) struct Service(Arc<Endpoint>);

impl Service {
    /// The service at `url`, whose certificate must lead to a root of `ca_file` or, without one, of the system. A call
    /// takes at most `time`.
    ///
    /// # Errors
    /// When `url` is no such URL, or `ca_file` holds no certificates.
    pub(crate) fn open(url: &str, ca_file: Option<&Path>, time: Duration) -> Result<Self, String> {
        let trust = match ca_file {
            Some(path) => {
                let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
                let trust = Trust::pem(text);
                trust.check().map_err(|_| format!("{} holds no root certificates in PEM form", path.display()))?;
                trust
            }
            None => Trust::system(),
        };
        let options = Options { trust, time, answer_bytes_max: ANSWER_BYTES_MAX, ..Options::default() };
        Endpoint::open(url, options).map(|endpoint| Self(Arc::new(endpoint))).map_err(|error| error.to_string())
    }

    /// The URL that it was opened with.
    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }

    /// Carries out a call and waits for the answer, whatever its status.
    ///
    /// # Errors
    /// With what went wrong, when there is no whole answer in time.
    pub(crate) fn send(&self, call: Call) -> Result<Answer, String> {
        blocking(self.0.send(call))
    }

    /// The same with a signature.
    ///
    /// # Errors
    /// As [`Service::send`].
    pub(crate) fn send_signed(
        &self,
        call: Call,
        credentials: Credentials,
        region: &Region,
        at: Timestamp,
    ) -> Result<Answer, String> {
        let client = Client::new(Arc::clone(&self.0), credentials, region.as_str());
        blocking(client.send(call, at))
    }
}

/// Waits for a call on a thread and runtime of its own: the caller may be part of another runtime, in which nothing may
/// block on one.
fn blocking(call: impl Future<Output = Result<Answer, CallError>> + Send) -> Result<Answer, String> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let answer = runtime.block_on(call).map_err(|error| error.to_string());
        // A look-up of the name that is still under way ends by itself, and is not waited for.
        runtime.shutdown_background();
        answer
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("root-of-trust".to_owned());
        let thread = thread.spawn_scoped(scope, run).map_err(|error| error.to_string())?;
        thread.join().map_err(|_| "the call was cut short".to_owned())?
    })
}

/// A text of the service for the operator: what can be printed of its beginning.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(CHARACTERS_MAX).collect()
}
