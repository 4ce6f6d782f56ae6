//! A key of the transit secrets engine of Vault or OpenBao, reached by its HTTP API (`/v1/MOUNT/encrypt/KEY` and
//! `/v1/MOUNT/decrypt/KEY`).

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderName, Method, StatusCode};
use serde::Deserialize;
use strongroom_client::{Answer, Call};
use strongroom_crypto::service::{KeyService, ServiceError, ServiceRoot};
use strongroom_crypto::{Context, Random, RootError};
use strongroom_types::{SecretBuffer, SecretBytes, SecretText};

use crate::http::{Service, shown};
use crate::secret_file;

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "transit";

/// Where the key is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Transit {
    /// The server, `https://HOST[:PORT]`, or `http` on loopback.
    pub url: String,
    /// Where the engine is mounted, such as `transit`.
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// Whether the key derives one for each context (`derived`), so that a context is sent for that too.
    pub derived: bool,
    /// The namespace, for servers that have them.
    pub namespace: Option<String>,
    /// The file with the token, read anew for each call, so that whoever renews it can.
    pub token_file: PathBuf,
    /// The file with the root certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The time for a call.
    pub time: Duration,
}

/// The root that `transit` names. Nothing is sent yet.
///
/// # Errors
/// `Unavailable` when the URL or the certificates cannot be used.
pub fn open(transit: Transit) -> Result<ServiceRoot, RootError> {
    let service = Service::open(&transit.url, transit.ca_file.as_deref(), transit.time)
        .map_err(|reason| RootError::Unavailable { name: NAME.to_owned(), reason })?;
    Ok(ServiceRoot::new(NAME, Box::new(Client { transit, service })))
}

struct Client {
    transit: Transit,
    service: Service,
}

/// The part of an answer that counts. Errors stand in a list of texts.
#[derive(Deserialize)]
struct Body {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Data {
    ciphertext: Option<String>,
    plaintext: Option<String>,
}

impl Client {
    /// Calls `action` with the member `name` of `value`, which needs no escapes in JSON, in `context`.
    fn call(&self, action: &str, name: &str, value: &str, context: &Context) -> Result<Answer, ServiceError> {
        let bound = STANDARD.encode(context.as_bytes());
        let mut body = SecretBuffer::with_capacity(value.len() + 2 * bound.len() + 128);
        let derivation = if self.transit.derived { [r#"","context":""#, &bound] } else { ["", ""] };
        for part in [r#"{""#, name, r#"":""#, value, r#"","associated_data":""#, &bound]
            .into_iter()
            .chain(derivation)
            .chain([r#""}"#])
        {
            body.extend_from_slice(part.as_bytes());
        }
        let Transit { mount, key, .. } = &self.transit;
        let segments: Vec<&str> = ["v1"].into_iter().chain(mount.split('/')).chain([action, key.as_str()]).collect();
        let token = secret_file::text(&self.transit.token_file).map_err(ServiceError::Unavailable)?;
        let call = Call::rest("", Method::POST, &segments, None)
            .with_header(CONTENT_TYPE, "application/json")
            .with_secret_header(HeaderName::from_static("x-vault-token"), token)
            .with_header(HeaderName::from_static("x-vault-request"), "true")
            .with_body(body.into_secret());
        let call = match &self.transit.namespace {
            Some(namespace) => call.with_header(HeaderName::from_static("x-vault-namespace"), namespace),
            None => call,
        };
        self.service.send(call).map_err(ServiceError::Unavailable)
    }
}

/// The data of an answer, or why there is none.
fn data(answer: &Answer) -> Result<Data, ServiceError> {
    let unavailable = |text: String| Err(ServiceError::Unavailable(text));
    let body: Result<Body, _> = serde_json::from_slice(answer.body.expose());
    let status = StatusCode::from_u16(answer.status).unwrap_or_default();
    match (status, body) {
        (StatusCode::OK, Ok(Body { data: Some(data), .. })) => Ok(data),
        (StatusCode::OK, _) => unavailable("the answer cannot be read".to_owned()),
        (status, Ok(body)) => unavailable(format!("{status}: {}", shown(&body.errors.join("; ")))),
        (status, Err(_)) => unavailable(format!("{status}")),
    }
}

impl KeyService for Client {
    fn describe(&self) -> String {
        let Transit { mount, key, .. } = &self.transit;
        format!("transit key {key} of {} (mount {mount})", self.service.url())
    }

    fn encrypt(&self, _: &dyn Random, context: &Context, plaintext: &SecretBytes) -> Result<Vec<u8>, ServiceError> {
        let plaintext = SecretText::new(STANDARD.encode(plaintext.expose()));
        let answer = self.call("encrypt", "plaintext", plaintext.expose(), context)?;
        match data(&answer)?.ciphertext {
            Some(ciphertext) if needs_no_escape(&ciphertext) => Ok(ciphertext.into_bytes()),
            _ => Err(ServiceError::Unavailable("the answer holds no ciphertext".to_owned())),
        }
    }

    fn decrypt(&self, context: &Context, ciphertext: &[u8]) -> Result<SecretBytes, ServiceError> {
        let ciphertext = std::str::from_utf8(ciphertext).map_err(|_| ServiceError::Refused)?;
        if !needs_no_escape(ciphertext) {
            return Err(ServiceError::Refused);
        }
        let answer = self.call("decrypt", "ciphertext", ciphertext, context)?;
        if answer.status == StatusCode::BAD_REQUEST.as_u16() && tells_of_the_ciphertext(&answer) {
            return Err(ServiceError::Refused);
        }
        let none = || ServiceError::Unavailable("the answer holds no plaintext".to_owned());
        let plaintext = SecretText::new(data(&answer)?.plaintext.ok_or_else(none)?);
        STANDARD.decode(plaintext.expose()).map(SecretBytes::new).map_err(|_| none())
    }
}

/// Whether a ciphertext, such as `vault:v1:` and base64, can stand in JSON as it is.
fn needs_no_escape(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Whether a refusal is about what was to be decrypted. The same status also tells of a key that is not there, and of
/// a request that the engine does not take.
fn tells_of_the_ciphertext(answer: &Answer) -> bool {
    let Ok(body) = serde_json::from_slice::<Body>(answer.body.expose()) else { return false };
    let about = ["invalid ciphertext", "message authentication failed", "ciphertext version", "unable to decrypt"];
    body.errors.iter().any(|error| about.iter().any(|text| error.contains(text)))
}

#[cfg(test)]
mod tests;
