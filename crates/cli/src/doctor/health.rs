//! What a running server says of itself to whoever asks.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use http::{Method, header};
use serde::Deserialize;
use strongroom_client::{Call, CallError, Endpoint, Options, Trust};
use strongroom_server::credentials::ENDPOINT_FILE;
use strongroom_types::Timestamp;

use super::clock;

/// The time that it may take.
const TIME: Duration = Duration::from_secs(5);

/// What it says.
#[derive(Debug, Deserialize)]
pub struct Health {
    /// `ready` or not.
    pub status: String,
    /// Why it does not serve, or not everything.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What somebody should know.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Its clock.
    #[serde(skip)]
    pub date: Option<Timestamp>,
}

impl Health {
    /// Whether it serves.
    pub fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

/// Asks the server at `url`, whose certificate leads to one of `ca_file`, or of the system's.
///
/// # Errors
/// When nothing that speaks so answers in time, or the file cannot be read.
pub fn ask(url: &str, ca_file: Option<&Path>) -> Result<Health, Box<dyn Error>> {
    let trust = match ca_file {
        Some(path) => Trust::pem(fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?),
        None => Trust::system(),
    };
    // Nothing secret goes there, and nothing that comes is believed.
    let options =
        Options { trust, plain_http_anywhere: true, time: TIME, answer_bytes_max: 64 * 1024, ..Options::default() };
    let endpoint = Endpoint::open(url, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(endpoint.send(Call::at(Method::GET, "/health/ready", "")));
    let answer = answer.map_err(|error| match error {
        CallError::Unreachable { reason, .. } => format!("{url}: {reason}"),
        other => other.to_string(),
    })?;
    let mut health: Health = serde_json::from_slice(answer.body.expose())
        .map_err(|_| format!("{url}: what answers there is no Strongroom (status {})", answer.status))?;
    let date = answer.headers.get(header::DATE).and_then(|date| date.to_str().ok());
    health.date = date.and_then(clock::of_header);
    Ok(health)
}

/// The URL of the server that runs on a data directory; none when none does.
///
/// # Errors
/// When the file that names it cannot be read.
pub fn url_of(directory: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(directory.join(ENDPOINT_FILE)) {
        Ok(url) => Ok(Some(url.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
