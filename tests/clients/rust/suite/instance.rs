//! The server under test, names that belong to one test, and what the tests ask of errors.

use std::error::Error;
use std::fmt::Debug;
use std::hash::{BuildHasher as _, RandomState};
use std::time::SystemTime;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId as _;
use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};

pub const NOT_FOUND: &str = "Secrets Manager can't find the specified secret.";
pub const MARKED: &str = "You can't perform this operation on the secret because it was marked for deletion.";
pub const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What CreateSecret told of a new secret.
pub struct Secret {
    pub arn: String,
    pub name: String,
    pub version: String,
}

/// Endpoint, region and credentials come from the environment, as for any user.
pub async fn settings() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::disabled()).load().await
}

pub async fn client() -> Client {
    Client::new(&settings().await)
}

pub fn new_start() -> String {
    format!("rust{:016x}/", RandomState::new().hash_one(()))
}

pub fn new_name() -> String {
    new_start() + "one"
}

/// Makes a secret with the value `first`.
pub async fn new_secret(client: &Client) -> Secret {
    let name = new_name();
    let made = client.create_secret().name(&name).secret_string("first").send().await.expect("CreateSecret");
    assert_eq!(made.name.as_deref(), Some(&*name));
    Secret { arn: made.arn.expect("ARN"), name, version: made.version_id.expect("VersionId") }
}

/// The current string of a secret.
pub async fn value_of(client: &Client, id: &str) -> String {
    let got = client.get_secret_value().secret_id(id).send().await.expect("GetSecretValue");
    got.secret_string.expect("SecretString")
}

/// Makes a version and tells its id.
pub async fn put(client: &Client, id: &str, value: &str, stages: &[&str]) -> String {
    let stages = (!stages.is_empty()).then(|| stages.iter().map(ToString::to_string).collect());
    let request = client.put_secret_value().secret_id(id).secret_string(value).set_version_stages(stages);
    request.send().await.expect("PutSecretValue").version_id.expect("VersionId")
}

/// The filter for names that begin with the text.
pub fn by_name(start: &str) -> Filter {
    Filter::builder().key(FilterNameStringType::Name).values(start).build()
}

pub fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[expect(clippy::disallowed_methods, reason = "a real server's dates are held to the real time")]
pub fn now() -> DateTime {
    DateTime::from(SystemTime::now())
}

/// The call must be refused with status 400, this code and, unless empty, this text. The error as the SDK types it.
pub fn refused<T: Debug, E>(answer: Result<T, SdkError<E>>, code: &str, text: &str) -> E
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let error = answer.expect_err("it is refused");
    assert_eq!(error.code(), Some(code), "{error:?}");
    assert_eq!(error.raw_response().map(|raw| raw.status().as_u16()), Some(400), "{error:?}");
    assert!(error.request_id().is_some_and(|id| !id.is_empty()), "{error:?}");
    if !text.is_empty() {
        assert_eq!(error.message(), Some(text));
    }
    let SdkError::ServiceError(refusal) = error else { panic!("no answer of the service: {error:?}") };
    refusal.into_err()
}
