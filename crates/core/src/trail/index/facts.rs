//! What of a record it can be looked up by.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use strongroom_types::Timestamp;

use crate::trail::calendar::read_iso;

/// The type of secrets among resources.
const SECRET_TYPE: &str = "AWS::SecretsManager::Secret";
/// Where records of secrets come from.
const SECRETS_SOURCE: &str = "secretsmanager.amazonaws.com";
/// What stands for the user's name in records of an account's root user.
const ROOT_NAME: &str = "root";

/// What records can be looked up by, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// `EventId`.
    EventId,
    /// `EventName`.
    EventName,
    /// `ReadOnly`: `true` or `false`.
    ReadOnly,
    /// `Username`.
    Username,
    /// `ResourceType`.
    ResourceType,
    /// `ResourceName`.
    ResourceName,
    /// `EventSource`.
    EventSource,
    /// `AccessKeyId`.
    AccessKeyId,
}

/// The facts of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The account whose record it is.
    pub account: Cow<'a, str>,
    /// `eventID`.
    pub event_id: Cow<'a, str>,
    /// `eventTime`.
    pub time: Timestamp,
    /// `eventName`.
    pub name: Cow<'a, str>,
    /// `eventSource`.
    pub source: Cow<'a, str>,
    /// `readOnly`.
    pub read_only: bool,
    /// Who did it, as CloudTrail names them: a user by name, a role by its session's name.
    pub user: Option<Cow<'a, str>>,
    /// The access key that signed.
    pub access_key: Option<Cow<'a, str>>,
    /// Types and names of what was acted on.
    pub resources: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// A record, as far as it is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    #[serde(rename = "eventID", borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    event_time: Cow<'a, str>,
    #[serde(borrow)]
    event_name: Cow<'a, str>,
    #[serde(borrow)]
    event_source: Cow<'a, str>,
    #[serde(default)]
    read_only: bool,
    #[serde(borrow, default)]
    recipient_account_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_identity: RawIdentity<'a>,
    #[serde(borrow, default)]
    resources: Option<Vec<RawResource<'a>>>,
    #[serde(borrow, default)]
    request_parameters: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawIdentity<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    principal_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    account_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    access_key_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    user_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    invoked_by: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct RawResource<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "ARN", borrow, default)]
    arn: Option<Cow<'a, str>>,
}

/// What a request about a secret calls it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Naming<'a> {
    #[serde(borrow, default)]
    secret_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

impl<'a> Facts<'a> {
    /// Those of a line; none when it is no record, or nobody's.
    #[must_use]
    pub fn of(line: &'a str) -> Option<Self> {
        let raw: Raw<'a> = serde_json::from_str(line).ok()?;
        let time = read_iso(&raw.event_time)?;
        let identity = raw.user_identity;
        let account = raw.recipient_account_id.or(identity.account_id)?;
        let mut resources: Vec<_> =
            raw.resources.into_iter().flatten().filter_map(|found| Some((found.kind?, found.arn?))).collect();
        if raw.event_source == SECRETS_SOURCE
            && let Some(naming) =
                raw.request_parameters.and_then(|raw| serde_json::from_str::<Naming<'a>>(raw.get()).ok())
            && let Some(name) = naming.secret_id.or(naming.name)
            && resources.iter().all(|(_, known)| *known != name)
        {
            resources.push((Cow::Borrowed(SECRET_TYPE), name));
        }
        let user = match identity.kind.as_deref() {
            Some("Root") => Some(Cow::Borrowed(ROOT_NAME)),
            Some("AssumedRole" | "FederatedUser") => identity.principal_id.map(after_colon),
            _ => identity.user_name.or(identity.invoked_by),
        };
        let user = user.filter(|user| !user.is_empty());
        Some(Self {
            account,
            event_id: raw.event_id,
            time,
            name: raw.event_name,
            source: raw.event_source,
            read_only: raw.read_only,
            user,
            access_key: identity.access_key_id.filter(|key| !key.is_empty()),
            resources,
        })
    }

    /// The hashes of all that it can be looked up by, one of them of its account alone. Some may be there twice.
    pub(super) fn terms(&self) -> Vec<u64> {
        let of = |attribute, value: &str| term(&self.account, Some((attribute, value)));
        let mut terms = vec![
            term(&self.account, None),
            of(Attribute::EventId, &self.event_id),
            of(Attribute::EventName, &self.name),
            of(Attribute::EventSource, &self.source),
            of(Attribute::ReadOnly, read_only(self.read_only)),
        ];
        terms.extend(self.user.iter().map(|user| of(Attribute::Username, user)));
        terms.extend(self.access_key.iter().map(|key| of(Attribute::AccessKeyId, key)));
        for (kind, name) in &self.resources {
            terms.push(of(Attribute::ResourceType, kind));
            terms.push(of(Attribute::ResourceName, name));
        }
        terms
    }

    /// Whether it is what is looked for.
    #[must_use]
    pub fn has(&self, attribute: Attribute, value: &str) -> bool {
        match attribute {
            Attribute::EventId => self.event_id == value,
            Attribute::EventName => self.name == value,
            Attribute::EventSource => self.source == value,
            Attribute::ReadOnly => read_only(self.read_only) == value,
            Attribute::Username => self.user.as_deref() == Some(value),
            Attribute::AccessKeyId => self.access_key.as_deref() == Some(value),
            Attribute::ResourceType => self.resources.iter().any(|(kind, _)| kind == value),
            Attribute::ResourceName => self.resources.iter().any(|(_, name)| name == value),
        }
    }
}

fn read_only(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

fn after_colon(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.split_once(':').map_or(text, |(_, after)| after)),
        Cow::Owned(text) => {
            Cow::Owned(text.split_once(':').map_or_else(|| text.clone(), |(_, after)| after.to_owned()))
        }
    }
}

/// The hash of what an account's records are looked up by (FNV-1a, then mixed so that all bits count). Two may have the
/// same: who looks up holds the record itself against what was asked.
pub(super) fn term(account: &str, what: Option<(Attribute, &str)>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    account.bytes().for_each(&mut add);
    if let Some((attribute, value)) = what {
        add(attribute as u8 + 1);
        value.bytes().for_each(&mut add);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_those_that_cloudtrail_shows() {
        let line = |identity: &str, rest: &str| {
            format!(
                r#"{{"userIdentity":{identity},"eventTime":"2018-05-03T17:51:02Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue","eventID":"e","readOnly":true,"recipientAccountId":"123456789012"{rest}}}"#
            )
        };
        let role = r#"{"type":"AssumedRole","principalId":"AROA:session","accessKeyId":"ASIA1","sessionContext":{"sessionIssuer":{"userName":"app"}}}"#;
        let resources = r#","requestParameters":{"secretId":"mine"},"resources":[{"type":"AWS::SecretsManager::Secret","ARN":"arn:x"}]"#;
        let text = line(role, resources);
        let facts = Facts::of(&text).unwrap();
        let kind = "AWS::SecretsManager::Secret";
        for (attribute, value) in [
            (Attribute::EventId, "e"),
            (Attribute::EventName, "GetSecretValue"),
            (Attribute::EventSource, "secretsmanager.amazonaws.com"),
            (Attribute::ReadOnly, "true"),
            (Attribute::Username, "session"),
            (Attribute::AccessKeyId, "ASIA1"),
            (Attribute::ResourceType, kind),
            (Attribute::ResourceName, "arn:x"),
            (Attribute::ResourceName, "mine"),
        ] {
            assert!(facts.has(attribute, value), "{attribute:?}");
            assert!(facts.terms().contains(&term("123456789012", Some((attribute, value)))), "{attribute:?}");
            assert!(
                !facts.has(attribute, "other")
                    && term("1", Some((attribute, value))) != term("1", Some((attribute, "other")))
            );
        }
        let user = |identity: &str| Facts::of(&line(identity, "")).unwrap().user.map(Cow::into_owned);
        assert_eq!(user(r#"{"type":"IAMUser","userName":"alice"}"#).as_deref(), Some("alice"));
        assert_eq!(user(r#"{"type":"Root","principalId":"123456789012"}"#).as_deref(), Some("root"));
        assert_eq!(user(r#"{"invokedBy":"lambda.amazonaws.com"}"#).as_deref(), Some("lambda.amazonaws.com"));
        assert_eq!(user("{}"), None);
        // Parameters of any form.
        for odd in [r#","requestParameters":null"#, r#","requestParameters":{"secretId":[1]}"#, r#","resources":[{}]"#]
        {
            assert!(Facts::of(&line("{}", odd)).unwrap().resources.is_empty(), "{odd}");
        }
        assert_eq!(Facts::of("no record"), None);
    }
}
