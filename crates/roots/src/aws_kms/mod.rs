//! A key of an outside service that speaks AWS's KMS protocol: `Encrypt` and `Decrypt` in awsJson1_1, signed by
//! Signature Version 4.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use strongroom_crypto::digest::sha256;
use strongroom_crypto::service::{KeyService, ServiceError, ServiceRoot};
use strongroom_crypto::{Context, Random, RootError};
use strongroom_types::{Clock, Region, SecretBuffer, SecretBytes, SecretText};
use strongroom_wire::sigv4::{Request, Signing, SigningKey, sign};
use strongroom_wire::timestamps;

use crate::http::{Answer, Endpoint, shown};
use crate::secret_file;

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "aws_kms";
/// The member of the encryption context: its value is the digest of what the key is bound to, in base64, for the
/// service writes contexts into its log and bounds their length.
const CONTEXT_MEMBER: &str = "strongroom:context";
/// Errors by which a service tells that a ciphertext is altered or of another key or context.
const REFUSALS: [&str; 2] = ["InvalidCiphertextException", "IncorrectKeyException"];

/// Where the key is, and how it is reached.
#[derive(Clone, Debug)]
pub struct AwsKms {
    /// The service, `https://HOST[:PORT]`, or `http` on loopback.
    pub url: String,
    /// The region to sign for.
    pub region: Region,
    /// The key's id, its ARN, or an alias.
    pub key: String,
    /// The file with the access key, read anew for each call.
    pub credentials_file: PathBuf,
    /// The profile in that file.
    pub profile: String,
    /// The file with the root certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The time for a call.
    pub time: Duration,
}

/// The root that `kms` names, its calls signed for the time of `clock`. Nothing is sent yet.
///
/// # Errors
/// `Unavailable` when the URL or the certificates cannot be used.
pub fn open(kms: AwsKms, clock: Arc<dyn Clock>) -> Result<ServiceRoot, RootError> {
    let endpoint = Endpoint::open(&kms.url, kms.ca_file.as_deref(), kms.time)
        .map_err(|reason| RootError::Unavailable { name: NAME.to_owned(), reason })?;
    Ok(ServiceRoot::new(NAME, Box::new(Client { kms, endpoint, clock })))
}

struct Client {
    kms: AwsKms,
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
}

/// An access key as the AWS CLI keeps it.
struct Credentials {
    key_id: String,
    secret: SecretText,
    session_token: Option<SecretText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: String,
}

impl Client {
    /// Calls `operation` with the member `name` of `value`, which needs no escapes in JSON, in `context`.
    fn call(&self, operation: &str, name: &str, value: &str, context: &Context) -> Result<Answer, ServiceError> {
        let bound = STANDARD.encode(sha256(context.as_bytes()));
        let mut body = SecretBuffer::with_capacity(value.len() + 512 + self.kms.key.len());
        for part in [
            r#"{"KeyId":""#,
            &self.kms.key,
            r#"",""#,
            name,
            r#"":""#,
            value,
            r#"","EncryptionContext":{""#,
            CONTEXT_MEMBER,
            r#"":""#,
            &bound,
            r#""}}"#,
        ] {
            body.extend_from_slice(part.as_bytes());
        }
        let body = body.into_secret();
        let path = self.endpoint.path("/");
        let headers = self.signed(operation, &path, &body).map_err(ServiceError::Unavailable)?;
        self.endpoint.post(&path, headers, body).map_err(ServiceError::Unavailable)
    }

    /// The headers of a signed request.
    fn signed(&self, operation: &str, path: &str, body: &SecretBytes) -> Result<HeaderMap, String> {
        let file = &self.kms.credentials_file;
        let credentials = credentials(&secret_file::text(file)?, &self.kms.profile)
            .ok_or_else(|| format!("{} holds no access key for profile {}", file.display(), self.kms.profile))?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, self.endpoint.authority().clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        let target = HeaderValue::from_str(&format!("TrentService.{operation}")).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::from_static("x-amz-target"), target);
        let at = self.clock.now();
        let day: String = timestamps::iso(at).chars().filter(char::is_ascii_digit).take(8).collect();
        let key = SigningKey::derive(&credentials.secret, &day, self.kms.region.as_str(), "kms");
        let signing = Signing {
            access_key_id: &credentials.key_id,
            session_token: credentials.session_token.as_ref(),
            key: &key,
            at,
        };
        let body_sha256 = sha256(body.expose());
        let authority = self.endpoint.authority().to_str().ok();
        let request = Request { method: "POST", path, query: "", authority, body_sha256: &body_sha256 };
        sign(&request, &mut headers, &signing).map_err(|error| error.to_string())?;
        Ok(headers)
    }
}

/// The access key of `profile` in a file as the AWS CLI has it.
fn credentials(text: &SecretText, profile: &str) -> Option<Credentials> {
    let lines = text.expose().lines().map(str::trim);
    let heading =
        |line: &str| line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim) == Some(profile);
    let section = lines.skip_while(|line| !heading(line)).skip(1).take_while(|line| !line.starts_with('['));
    let (mut key_id, mut secret, mut session_token) = (None, None, None);
    for (name, value) in section.filter_map(|line| line.split_once('=')) {
        let value = value.trim();
        match name.trim() {
            "aws_access_key_id" => key_id = Some(value.to_owned()),
            "aws_secret_access_key" => secret = Some(SecretText::new(value.to_owned())),
            "aws_session_token" => session_token = Some(SecretText::new(value.to_owned())),
            _ => {}
        }
    }
    Some(Credentials { key_id: key_id?, secret: secret?, session_token })
}

/// Why there is no result: by the error's code, without the name space that some services put before it.
fn refusal(answer: &Answer) -> ServiceError {
    let told: Value = serde_json::from_slice(answer.body.expose()).unwrap_or_default();
    // Services write the members in one way or the other, or in both.
    let text = |names: [&str; 2]| names.iter().find_map(|name| told.get(name)?.as_str()).unwrap_or_default();
    let header = answer.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let code = header.unwrap_or_else(|| text(["__type", "code"]));
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    if REFUSALS.contains(&code) {
        return ServiceError::Refused;
    }
    ServiceError::Unavailable(format!(
        "{} {}: {}",
        answer.status.as_u16(),
        shown(code),
        shown(text(["message", "Message"]))
    ))
}

fn decoded(base64: &str) -> Result<Vec<u8>, ServiceError> {
    STANDARD.decode(base64).map_err(|_| unreadable())
}

fn unreadable() -> ServiceError {
    ServiceError::Unavailable("the answer cannot be read".to_owned())
}

impl KeyService for Client {
    fn describe(&self) -> String {
        format!("KMS key {} of {} ({})", self.kms.key, self.endpoint.url(), self.kms.region.as_str())
    }

    fn encrypt(&self, _: &dyn Random, context: &Context, plaintext: &SecretBytes) -> Result<Vec<u8>, ServiceError> {
        let plaintext = SecretText::new(STANDARD.encode(plaintext.expose()));
        let answer = self.call("Encrypt", "Plaintext", plaintext.expose(), context)?;
        if answer.status != StatusCode::OK {
            return Err(match refusal(&answer) {
                ServiceError::Refused => unreadable(),
                error => error,
            });
        }
        let found: Encrypted = serde_json::from_slice(answer.body.expose()).map_err(|_| unreadable())?;
        decoded(&found.ciphertext_blob)
    }

    fn decrypt(&self, context: &Context, ciphertext: &[u8]) -> Result<SecretBytes, ServiceError> {
        let answer = self.call("Decrypt", "CiphertextBlob", &STANDARD.encode(ciphertext), context)?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let found: Decrypted = serde_json::from_slice(answer.body.expose()).map_err(|_| unreadable())?;
        let plaintext = SecretText::new(found.plaintext);
        decoded(plaintext.expose()).map(SecretBytes::new)
    }
}

#[cfg(test)]
mod tests;
