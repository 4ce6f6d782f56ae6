//! What a rotator asks of Secrets Manager. The caller implements it with the rights of the function's execution role.

use std::{collections::BTreeMap, pin::Pin};

use strongroom_types::secret::SecretText;

use crate::{Failure, PasswordSettings};

/// A boxed future, so that the trait may be used as an object.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What DescribeSecret says that a rotation needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The secret's ARN.
    pub arn: String,
    /// Its type, when it is a managed external secret.
    pub kind: Option<String>,
    /// Whether rotation is on, when the answer says so.
    pub rotation_enabled: Option<bool>,
    /// The staging labels of each version.
    pub version_ids_to_stages: BTreeMap<String, Vec<String>>,
}

impl Described {
    /// The version with a staging label.
    #[must_use]
    pub fn version_with(&self, stage: &str) -> Option<&str> {
        let has = |stages: &[String]| stages.iter().any(|found| found == stage);
        self.version_ids_to_stages.iter().find(|(_, stages)| has(stages)).map(|(version, _)| version.as_str())
    }
}

/// Secrets Manager as the function's execution role sees it.
pub trait Secrets: Send + Sync {
    /// DescribeSecret.
    fn describe<'a>(&'a self, secret_id: &'a str) -> Fut<'a, Result<Described, Failure>>;

    /// GetSecretValue, of the text; none for a ResourceNotFoundException.
    fn value<'a>(
        &'a self,
        secret_id: &'a str,
        version_id: Option<&'a str>,
        stage: Option<&'a str>,
    ) -> Fut<'a, Result<Option<SecretText>, Failure>>;

    /// PutSecretValue with `token` as ClientRequestToken and AWSPENDING as the only stage.
    fn put_pending<'a>(
        &'a self,
        secret_id: &'a str,
        token: &'a str,
        rotation_token: Option<&'a str>,
        value: SecretText,
    ) -> Fut<'a, Result<(), Failure>>;

    /// UpdateSecretVersionStage of AWSCURRENT.
    fn move_current<'a>(
        &'a self,
        secret_id: &'a str,
        to: &'a str,
        from: Option<&'a str>,
    ) -> Fut<'a, Result<(), Failure>>;

    /// GetRandomPassword.
    fn random_password<'a>(&'a self, settings: &'a PasswordSettings) -> Fut<'a, Result<SecretText, Failure>>;
}
