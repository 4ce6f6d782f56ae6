//! What a verified token says, once it is known to be for this provider, its client and this time.

use serde_json::{Map, Value};
use strongroom_types::time::Timestamp;

use super::{Provider, refusals};
use crate::error::Error;

/// Seconds by which a provider's clock may be ahead. A token's end is taken as it stands.
pub const LEEWAY_S: i64 = 60;

/// Claim with session tags (IAM User Guide, "Pass session tags in AWS STS").
const TAGS: &str = "https://aws.amazon.com/tags";
/// Claim with the source identity.
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

/// The claims of a token that was verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    provider: String,
    issuer: String,
    subject: String,
    audience: String,
    audiences: Vec<String>,
    session_tags: Vec<(String, String)>,
    transitive_tag_keys: Vec<String>,
    source_identity: Option<String>,
    all: Map<String, Value>,
}

impl Claims {
    /// Checks the claims of a token whose signature was verified with the keys of `provider`.
    ///
    /// The audience is `azp` if the token has it, as in AWS, which then takes `aud` for the original audience; both must
    /// name client ids of the provider. A token for several audiences needs an `azp`.
    pub(super) fn checked(claims: &Map<String, Value>, provider: &Provider, now: Timestamp) -> Result<Self, Error> {
        let issuer = text(claims, "iss")?;
        if issuer != provider.issuer() {
            return Err(refusals::no_provider(&issuer));
        }
        check_times(claims, now)?;
        let audiences = strings(claims.get("aud"))
            .filter(|audiences| !audiences.is_empty())
            .ok_or_else(|| refusals::missing_claim("aud"))?;
        let is_client = |id: &String| provider.client_ids().contains(id);
        let audience = match (claims.get("azp"), audiences.as_slice()) {
            (Some(Value::String(party)), _) => party,
            (None, [only]) => only,
            _ => return Err(refusals::wrong_audience()),
        };
        if !(is_client(audience) && audiences.iter().any(is_client)) {
            return Err(refusals::wrong_audience());
        }
        let source_identity = match claims.get(SOURCE_IDENTITY) {
            None => None,
            Some(Value::String(identity)) if !identity.is_empty() => Some(identity.clone()),
            Some(_) => return Err(refusals::wrong_source_identity()),
        };
        let (session_tags, transitive_tag_keys) = session_tags(claims).ok_or_else(refusals::wrong_tags)?;
        Ok(Self {
            provider: provider.name().to_owned(),
            issuer,
            subject: text(claims, "sub")?,
            audience: audience.clone(),
            audiences,
            session_tags,
            transitive_tag_keys,
            source_identity,
            all: claims.clone(),
        })
    }

    /// The provider's URL without its scheme.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The issuer URL: `Provider` in the answer of AssumeRoleWithWebIdentity.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom the token is about: `SubjectFromWebIdentityToken` in the answer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The client id that the token was made for: `Audience` in the answer.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The claim `aud`.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// Session tags, in the order of their keys. Their limits and what a name may be is STS's to check, as for the tags
    /// of AssumeRole.
    #[must_use]
    pub fn session_tags(&self) -> &[(String, String)] {
        &self.session_tags
    }

    /// The keys of session tags that pass on to further roles.
    #[must_use]
    pub fn transitive_tag_keys(&self) -> &[String] {
        &self.transitive_tag_keys
    }

    /// The source identity that the provider gives the session. Its form is STS's to check.
    #[must_use]
    pub fn source_identity(&self) -> Option<&str> {
        self.source_identity.as_deref()
    }

    /// The values of a claim as text: of a list each that is a string; of a name with slashes that is no claim itself,
    /// the claim inside the claims. Nothing for objects and what is not there.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        let inner = || {
            let mut steps = name.split('/');
            let first = self.all.get(steps.next()?)?;
            steps.try_fold(first, |value, step| value.get(step))
        };
        match self.all.get(name).or_else(inner) {
            Some(Value::Bool(value)) => vec![value.to_string()],
            Some(Value::Number(value)) => vec![value.to_string()],
            value => strings(value).unwrap_or_default(),
        }
    }
}

fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<(), Error> {
    let expires = seconds(claims, "exp")?.ok_or_else(|| refusals::missing_claim("exp"))?;
    if now.seconds() >= expires {
        return Err(refusals::expired(now, expires));
    }
    for name in ["nbf", "iat"] {
        if let Some(begins) = seconds(claims, name)?.filter(|begins| now.seconds() < begins.saturating_sub(LEEWAY_S)) {
            return Err(refusals::not_yet_valid(now, begins));
        }
    }
    Ok(())
}

/// A date in seconds since 1970 (RFC 7519 section 2), rounded down.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Error> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| {
        let fraction = value.as_f64().filter(|seconds| seconds.abs() < 1e15)?;
        #[expect(clippy::cast_possible_truncation, reason = "rounded down, and far within the range")]
        Some(fraction.floor() as i64)
    });
    whole.map(Some).ok_or_else(|| refusals::missing_claim(name))
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<String, Error> {
    let text = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| refusals::missing_claim(name))
}

/// A string, or a list of strings; none for anything else.
fn strings(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(texts) => texts.iter().map(|text| Some(text.as_str()?.to_owned())).collect(),
        _ => None,
    }
}

type Tags = (Vec<(String, String)>, Vec<String>);

/// Session tags and the keys of the transitive ones, from one nested claim or from flat ones whose names begin like it.
/// A tag has one value. None when something of it has another form.
fn session_tags(claims: &Map<String, Value>) -> Option<Tags> {
    let nested = match claims.get(TAGS) {
        None => None,
        Some(value) => Some(value.as_object()?),
    };
    let mut tags = Vec::new();
    if let Some(value) = nested.and_then(|nested| nested.get("principal_tags")) {
        for (key, value) in value.as_object()? {
            tags.push((key.clone(), single(value)?));
        }
    }
    let prefix = format!("{TAGS}/principal_tags/");
    for (name, value) in claims {
        if let Some(key) = name.strip_prefix(&prefix) {
            tags.push((key.to_owned(), single(value)?));
        }
    }
    let mut transitive = Vec::new();
    let flat = claims.get(&format!("{TAGS}/transitive_tag_keys"));
    for value in nested.and_then(|nested| nested.get("transitive_tag_keys")).into_iter().chain(flat) {
        transitive.extend(strings(Some(value))?);
    }
    tags.sort();
    Some((tags, transitive))
}

fn single(value: &Value) -> Option<String> {
    <[String; 1]>::try_from(strings(Some(value))?).ok().map(|[value]| value)
}
