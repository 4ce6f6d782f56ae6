//! The partners that are spoken to, each with what it is asked in a rotation.

mod atlas;
mod confluent;
mod datadog;
mod gitlab;
mod jenkins;
mod sonarqube;

use std::borrow::Cow;
use std::collections::BTreeMap;

use strongroom_types::time::Timestamp;

use crate::fault::Fault;
use crate::fields::Fields;
use crate::http::{Answer, Request};
use crate::kind::Kind;
use crate::rotate::Means;

/// Not found: what is to be revoked is gone.
const NOT_FOUND: u16 = 404;

/// A step's surroundings.
pub struct Job<'a> {
    pub kind: &'static Kind,
    /// The value in use; when a rotation ends, the new one.
    pub current: Fields,
    /// The administrator's secret, if the metadata name one.
    pub admin: Option<Fields>,
    pub metadata: &'a BTreeMap<String, String>,
    /// What the new credential is called at the partner: the same however often the step is done.
    pub name: String,
    pub now: Timestamp,
    pub means: Means<'a>,
}

impl Job<'_> {
    /// Whose credentials calls are made with.
    fn signer(&self) -> &Fields {
        self.admin.as_ref().unwrap_or(&self.current)
    }

    /// A key that a value of this type must have.
    fn key<'f>(&self, fields: &'f Fields, key: &'static str) -> Result<Cow<'f, str>, Fault> {
        fields.text(&[key]).ok_or(Fault::MissingKey { kind: self.kind.name, key })
    }

    /// Makes a call, whatever is answered.
    async fn ask(&self, what: &'static str, request: Request) -> Result<Answer, Fault> {
        self.means.http.call(request).await.map_err(|error| Fault::Http { what, error })
    }

    /// Makes a call that must succeed; the object that was answered, or an empty one.
    async fn call(&self, what: &'static str, request: Request) -> Result<Fields, Fault> {
        let answer = self.ask(what, request).await?;
        if !answer.is_success() {
            return Err(Fault::Refused { what, status: answer.status });
        }
        Ok(Fields::parse(answer.body.expose()).unwrap_or_default())
    }

    /// Makes a call that removes something, which may be gone already.
    async fn remove(&self, what: &'static str, request: Request) -> Result<(), Fault> {
        let answer = self.ask(what, request).await?;
        if answer.is_success() || answer.status == NOT_FOUND {
            return Ok(());
        }
        Err(Fault::Refused { what, status: answer.status })
    }
}

/// A member that an answer must have.
fn answered<'f>(
    fields: &'f Fields,
    path: &[&str],
    what: &'static str,
    member: &'static str,
) -> Result<Cow<'f, str>, Fault> {
    fields.text(path).ok_or(Fault::Answer { what, member })
}

/// A base URL without the slash at its end.
pub fn base(url: &str) -> &str {
    url.trim_end_matches('/')
}

/// What is revoked when a rotation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Nothing: the partner has done so, or the new password has taken the place of the old one.
    Nothing,
    /// The credential that was displaced by the one before: clients that still have the last one go on working.
    Older,
    /// The one that was just displaced.
    Displaced,
}

/// A partner's way of rotating one type of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    AtlasDatabaseUser,
    AtlasServiceAccount,
    Confluent,
    DatadogAdminKey,
    DatadogApiKey,
    DatadogApplicationKey,
    GitLab,
    Jenkins,
    SonarQube,
}

impl Partner {
    pub fn of(kind: &'static Kind) -> Result<Self, Fault> {
        Ok(match kind.name {
            "ConfluentCloudApiKey" => Self::Confluent,
            "DatadogAdminKey" => Self::DatadogAdminKey,
            "DatadogApiKey" => Self::DatadogApiKey,
            "DatadogApplicationKey" => Self::DatadogApplicationKey,
            "GitLabAccessToken" => Self::GitLab,
            "JenkinsApiToken" => Self::Jenkins,
            "MongoDBAtlasDatabaseUser" => Self::AtlasDatabaseUser,
            "MongoDBAtlasServiceAccount" => Self::AtlasServiceAccount,
            "SonarQubeToken" => Self::SonarQube,
            _ => return Err(Fault::UnsupportedType(kind.name)),
        })
    }

    /// The type of the administrator's secret.
    pub const fn admin_kind(self) -> &'static str {
        match self {
            Self::AtlasDatabaseUser | Self::AtlasServiceAccount => "MongoDBAtlasServiceAccount",
            Self::Confluent => "ConfluentCloudApiKey",
            Self::DatadogAdminKey | Self::DatadogApiKey | Self::DatadogApplicationKey => "DatadogAdminKey",
            Self::GitLab => "GitLabAccessToken",
            Self::Jenkins => "JenkinsApiToken",
            Self::SonarQube => "SonarQubeToken",
        }
    }

    /// The key of the URL that calls go to, where the secret names it. The administrator's secret has to name the same
    /// one: whoever may write the secret must not have the administrator's credentials sent elsewhere.
    pub const fn url_key(self) -> Option<&'static str> {
        match self {
            Self::GitLab => Some("gitlabUrl"),
            Self::Jenkins => Some("jenkinsUrl"),
            Self::SonarQube => Some("sonarqubeUrl"),
            _ => None,
        }
    }

    /// The keys that tell one credential from another. Values with one of them in common are never revoked.
    pub const fn ids(self) -> &'static [&'static str] {
        match self {
            Self::AtlasDatabaseUser => &["username"],
            Self::AtlasServiceAccount => &["clientSecret"],
            Self::Confluent => &["apiKey"],
            Self::DatadogAdminKey => &["adminApiKeyId", "adminAppKeyId"],
            Self::DatadogApiKey => &["apiKeyId"],
            Self::DatadogApplicationKey => &["appKeyId"],
            Self::GitLab => &["tokenId"],
            Self::Jenkins => &["tokenUuid"],
            Self::SonarQube => &["tokenName"],
        }
    }

    /// What is revoked at the end, as the User Guide says; for Confluent, that the one before is kept for one rotation is
    /// unconfirmed.
    pub const fn leaving(self) -> Leaving {
        match self {
            Self::AtlasDatabaseUser | Self::AtlasServiceAccount | Self::GitLab => Leaving::Nothing,
            Self::Confluent | Self::DatadogApiKey => Leaving::Older,
            Self::DatadogAdminKey | Self::DatadogApplicationKey | Self::Jenkins | Self::SonarQube => Leaving::Displaced,
        }
    }

    /// Makes a new credential: the value that holds it.
    pub async fn create(self, job: &Job<'_>) -> Result<Fields, Fault> {
        match self {
            Self::AtlasDatabaseUser => atlas::new_password(job).await,
            Self::AtlasServiceAccount => atlas::create(job).await,
            Self::Confluent => confluent::create(job).await,
            Self::DatadogAdminKey => datadog::create_pair(job).await,
            Self::DatadogApiKey => datadog::create_api_key(job).await,
            Self::DatadogApplicationKey => datadog::create_application_key(job).await,
            Self::GitLab => gitlab::create(job).await,
            Self::Jenkins => jenkins::create(job).await,
            Self::SonarQube => sonarqube::create(job).await,
        }
    }

    /// Tells the partner of it, where it was not the partner who made it.
    pub async fn set(self, job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
        match self {
            Self::AtlasDatabaseUser => atlas::set_password(job, new).await,
            _ => Ok(()),
        }
    }

    /// Uses a credential.
    pub async fn test(self, job: &Job<'_>, new: &Fields) -> Result<(), Fault> {
        match self {
            Self::AtlasDatabaseUser => atlas::test_user(job, new).await,
            Self::AtlasServiceAccount => atlas::test(job, new).await,
            Self::Confluent => confluent::test(job, new).await,
            Self::DatadogAdminKey => datadog::test_pair(job, new).await,
            Self::DatadogApiKey => datadog::test_api_key(job, new).await,
            Self::DatadogApplicationKey => datadog::test_application_key(job, new).await,
            Self::GitLab => gitlab::test(job, new).await,
            Self::Jenkins => jenkins::test(job, new).await,
            Self::SonarQube => sonarqube::test(job, new).await,
        }
    }

    /// Revokes a credential that is no longer used.
    pub async fn revoke(self, job: &Job<'_>, old: &Fields) -> Result<(), Fault> {
        match self {
            Self::Confluent => confluent::revoke(job, old).await,
            Self::DatadogAdminKey => datadog::revoke_pair(job, old).await,
            Self::DatadogApiKey => datadog::revoke_api_key(job, old).await,
            Self::DatadogApplicationKey => datadog::revoke_application_key(job, old).await,
            Self::Jenkins => jenkins::revoke(job, old).await,
            Self::SonarQube => sonarqube::revoke(job, old).await,
            Self::AtlasDatabaseUser | Self::AtlasServiceAccount | Self::GitLab => Ok(()),
        }
    }
}
