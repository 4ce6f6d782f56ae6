//! A key of an outside service that speaks AWS's KMS protocol: `Encrypt` and `Decrypt` in awsJson1_1, signed by
//! Signature Version 4.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use strongroom_client::{Answer, Call, CallError, Credentials};
use strongroom_crypto::digest::sha256;
use strongroom_crypto::service::{KeyService, ServiceError, ServiceRoot};
use strongroom_crypto::{Context, Random, RootError};
use strongroom_types::{Clock, Region, SecretBuffer, SecretBytes, SecretText};

use crate::http::{Service, shown};
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
    let service = Service::open(&kms.url, kms.ca_file.as_deref(), kms.time)
        .map_err(|reason| RootError::Unavailable { name: NAME.to_owned(), reason })?;
    Ok(ServiceRoot::new(NAME, Box::new(Client { kms, service, clock })))
}

struct Client {
    kms: AwsKms,
    service: Service,
    clock: Arc<dyn Clock>,
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
    /// The answer to `operation` with the member `name` of `value`, which needs no escapes in JSON, in `context`.
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
        let call = Call::json("kms", &format!("TrentService.{operation}"), &Value::Null).with_body(body.into_secret());
        let credentials = self.credentials().map_err(ServiceError::Unavailable)?;
        let answer = self.service.send_signed(call, credentials, &self.kms.region, self.clock.now());
        answer.map_err(ServiceError::Unavailable)?.success().map_err(refusal)
    }

    /// The access key of now.
    fn credentials(&self) -> Result<Credentials, String> {
        let AwsKms { credentials_file: file, profile, .. } = &self.kms;
        let none = || format!("{} holds no access key for profile {profile}", file.display());
        Credentials::of_profile(secret_file::text(file)?.expose(), profile).ok_or_else(none)
    }
}

/// Why there is no result, by the error's code.
fn refusal(error: CallError) -> ServiceError {
    match error {
        CallError::Service(refused) if REFUSALS.contains(&refused.code.as_str()) => ServiceError::Refused,
        CallError::Service(refused) => {
            let text = format!("{} {}: {}", refused.status, shown(&refused.code), shown(&refused.message));
            ServiceError::Unavailable(text)
        }
        other => ServiceError::Unavailable(other.to_string()),
    }
}

fn decoded(base64: &str) -> Result<Vec<u8>, ServiceError> {
    STANDARD.decode(base64).map_err(|_| unreadable())
}

fn unreadable() -> ServiceError {
    ServiceError::Unavailable("the answer cannot be read".to_owned())
}

impl KeyService for Client {
    fn describe(&self) -> String {
        format!("KMS key {} of {} ({})", self.kms.key, self.service.url(), self.kms.region.as_str())
    }

    fn encrypt(&self, _: &dyn Random, context: &Context, plaintext: &SecretBytes) -> Result<Vec<u8>, ServiceError> {
        let plaintext = SecretText::new(STANDARD.encode(plaintext.expose()));
        let answer = self.call("Encrypt", "Plaintext", plaintext.expose(), context).map_err(|error| match error {
            ServiceError::Refused => unreadable(),
            error => error,
        })?;
        let found: Encrypted = serde_json::from_slice(answer.body.expose()).map_err(|_| unreadable())?;
        decoded(&found.ciphertext_blob)
    }

    fn decrypt(&self, context: &Context, ciphertext: &[u8]) -> Result<SecretBytes, ServiceError> {
        let answer = self.call("Decrypt", "CiphertextBlob", &STANDARD.encode(ciphertext), context)?;
        let found: Decrypted = serde_json::from_slice(answer.body.expose()).map_err(|_| unreadable())?;
        let plaintext = SecretText::new(found.plaintext);
        decoded(plaintext.expose()).map(SecretBytes::new)
    }
}

#[cfg(test)]
mod tests;
