//! What a rotation asks of Secrets Manager, with the rights of the rotation's role.

use std::collections::BTreeMap;
use std::pin::Pin;

use strongroom_types::SecretText;
use thiserror::Error;

/// An answer that is still to come.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, SecretsFault>> + Send + 'a>>;

/// Why a call failed, in the words of the one who was asked. Holds no secret material.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SecretsFault(pub String);

/// What DescribeSecret says of a secret, as far as rotations ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Its ARN.
    pub arn: String,
    /// Its type, if it is a managed external secret.
    pub kind: Option<String>,
    /// Whether it is rotated at all.
    pub rotation_enabled: bool,
    /// Version ids, each with its staging labels.
    pub stages: BTreeMap<String, Vec<String>>,
}

impl Description {
    /// The version with a label.
    #[must_use]
    pub fn version_with(&self, stage: &str) -> Option<&str> {
        let has = |stages: &[String]| stages.iter().any(|found| found == stage);
        self.stages.iter().find(|(_, stages)| has(stages)).map(|(version, _)| version.as_str())
    }
}

/// A version with its value.
#[derive(Clone, Debug)]
pub struct SecretValue {
    /// The version's id.
    pub version_id: String,
    /// Its SecretString.
    pub text: SecretText,
}

/// What GetRandomPassword is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// Characters.
    pub length: u32,
    /// Characters that must not be in it.
    pub exclude: &'static str,
    /// Whether only letters and digits may be in it.
    pub exclude_punctuation: bool,
}

/// The secrets, as the rotation's role may use them. `secret_id` is a name or an ARN.
pub trait Secrets: Send + Sync {
    /// DescribeSecret.
    fn describe<'a>(&'a self, secret_id: &'a str) -> Asking<'a, Description>;

    /// GetSecretValue of a version, of a label, or of the version only if it has the label. None when there is no such
    /// version or it has no value (ResourceNotFoundException).
    fn value<'a>(
        &'a self,
        secret_id: &'a str,
        version_id: Option<&'a str>,
        stage: Option<&'a str>,
    ) -> Asking<'a, Option<SecretValue>>;

    /// PutSecretValue with `token` as the version's id and AWSPENDING as its label.
    fn put_pending<'a>(&'a self, secret_id: &'a str, token: &'a str, value: SecretText) -> Asking<'a, ()>;

    /// UpdateSecretVersionStage: moves a label to a version, from another that has it.
    fn move_label<'a>(
        &'a self,
        secret_id: &'a str,
        stage: &'a str,
        to: &'a str,
        from: Option<&'a str>,
    ) -> Asking<'a, ()>;

    /// GetRandomPassword.
    fn random_password(&self, rules: PasswordRules) -> Asking<'_, SecretText>;
}
