//! What of a record it can be looked up by.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use strongroom_types::Timestamp;
use strongroom_wire::timestamps::parse_iso;
use strongroom_wire::trail_line::Line;
use strongroom_wire::trail_line::layout::{length, members, plain};
use twox_hash::XxHash3_64;

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
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Naming<'a> {
    #[serde(borrow, default)]
    secret_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

/// What of a record its facts are made of, however it was read.
#[derive(Default)]
struct Parts<'a> {
    event_id: Cow<'a, str>,
    time: Cow<'a, str>,
    name: Cow<'a, str>,
    source: Cow<'a, str>,
    read_only: bool,
    account: Option<Cow<'a, str>>,
    identity: RawIdentity<'a>,
    resources: Vec<RawResource<'a>>,
}

impl<'a> Facts<'a> {
    /// Those of a line; none when it is no record, or nobody's.
    #[must_use]
    pub fn of(line: &'a str) -> Option<Self> {
        let raw: Raw<'a> = serde_json::from_str(line).ok().filter(|_| line.starts_with('{'))?;
        let naming = raw.request_parameters.and_then(|raw| serde_json::from_str::<Naming<'a>>(raw.get()).ok());
        let parts = Parts {
            event_id: raw.event_id,
            time: raw.event_time,
            name: raw.event_name,
            source: raw.event_source,
            read_only: raw.read_only,
            account: raw.recipient_account_id,
            identity: raw.user_identity,
            resources: raw.resources.unwrap_or_default(),
        };
        Self::made_of(parts, naming)
    }

    /// The same, without reading as JSON what looks as the server writes it.
    pub(super) fn seen(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        match seen(line) {
            Some((parts, naming)) => Self::made_of(parts, Some(naming)),
            None => Self::of(line),
        }
    }

    fn made_of(parts: Parts<'a>, naming: Option<Naming<'a>>) -> Option<Self> {
        let time = parse_iso(&parts.time)?;
        let identity = parts.identity;
        let account = parts.account.or(identity.account_id)?;
        let known = |found: RawResource<'a>| Some((found.kind?, found.arn?));
        let mut resources: Vec<_> = parts.resources.into_iter().filter_map(known).collect();
        if parts.source == SECRETS_SOURCE
            && let Some(naming) = naming
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
            event_id: parts.event_id,
            time,
            name: parts.name,
            source: parts.source,
            read_only: parts.read_only,
            user,
            access_key: identity.access_key_id.filter(|key| !key.is_empty()),
            resources,
        })
    }

    /// The hash of its event id, and the hashes of all else that it can be looked up by, one of them of its account
    /// alone. Some may be there twice.
    pub(super) fn terms(&self) -> (u64, impl Iterator<Item = u64>) {
        let account = of_account(&self.account);
        let of = move |attribute, value: &str| of_attribute(account, attribute, value);
        let ever = [
            account,
            of(Attribute::EventName, &self.name),
            of(Attribute::EventSource, &self.source),
            of(Attribute::ReadOnly, read_only(self.read_only)),
        ];
        let user = self.user.iter().map(move |user| of(Attribute::Username, user));
        let key = self.access_key.iter().map(move |key| of(Attribute::AccessKeyId, key));
        let resource = move |(kind, name): &(Cow<'_, str>, Cow<'_, str>)| {
            [of(Attribute::ResourceType, kind), of(Attribute::ResourceName, name)]
        };
        let resources = self.resources.iter().flat_map(resource);
        (of(Attribute::EventId, &self.event_id), ever.into_iter().chain(user).chain(key).chain(resources))
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

/// What of a line is seen without reading it as JSON; none when it does not look as the server writes it.
fn seen(line: &str) -> Option<(Parts<'_>, Naming<'_>)> {
    let line = Line::seen(line)?;
    let naming = if line.source == SECRETS_SOURCE { see_naming(line.parameters)? } else { Naming::default() };
    let identity = &line.identity;
    let identity = RawIdentity {
        kind: identity.kind.map(Cow::Borrowed),
        principal_id: identity.principal_id.map(Cow::Borrowed),
        account_id: identity.account_id.map(Cow::Borrowed),
        access_key_id: identity.access_key_id.map(Cow::Borrowed),
        user_name: identity.user_name.map(Cow::Borrowed),
        invoked_by: identity.invoked_by.map(Cow::Borrowed),
    };
    let resource = |(kind, arn)| RawResource { kind: Some(Cow::Borrowed(kind)), arn: Some(Cow::Borrowed(arn)) };
    let parts = Parts {
        event_id: line.id.into(),
        time: line.time.into(),
        name: line.name.into(),
        source: line.source.into(),
        read_only: line.read_only,
        account: line.account.map(Cow::Borrowed),
        identity,
        resources: line.resources()?.into_iter().map(resource).collect(),
    };
    Some((parts, naming))
}

/// What the parameters at the beginning of `text` call a secret.
fn see_naming(text: &str) -> Option<Naming<'_>> {
    let mut naming = Naming::default();
    if text.starts_with('{') {
        members(text, |name, value| {
            let part = match name {
                "secretId" => &mut naming.secret_id,
                "name" => &mut naming.name,
                _ => return length(value),
            };
            if value.starts_with("null") {
                return length(value);
            }
            let (text, length) = plain(value)?;
            *part = Some(Cow::Borrowed(text));
            Some(length)
        })?;
    }
    Some(naming)
}

/// The hash of what an account's records are looked up by. Two may have the same: who looks up holds the record itself
/// against what was asked.
pub(super) fn term(account: &str, what: Option<(Attribute, &str)>) -> u64 {
    let account = of_account(account);
    what.map_or(account, |(attribute, value)| of_attribute(account, attribute, value))
}

fn of_account(account: &str) -> u64 {
    XxHash3_64::oneshot(account.as_bytes())
}

fn of_attribute(account: u64, attribute: Attribute, value: &str) -> u64 {
    XxHash3_64::oneshot_with_seed(account.wrapping_add(attribute as u64 + 1), value.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::{Strategy, prop_assert_eq, proptest};

    use super::*;
    use crate::trail::record::tests::{record, success};
    use crate::trail::record::{IdentityKind, Outcome, Resource, UserIdentity};

    #[test]
    fn facts_are_those_that_cloudtrail_shows() {
        let all = |facts: &Facts<'_>| {
            let (id, others) = facts.terms();
            others.chain([id]).collect::<Vec<u64>>()
        };
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
            assert!(all(&facts).contains(&term("123456789012", Some((attribute, value)))), "{attribute:?}");
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

    #[test]
    fn what_is_seen_of_a_line_is_what_reading_it_gives() {
        let mut other = record("e-1", Timestamp::from_seconds(1_525_369_862));
        let nested = r#"{"secretId":"mine","eventID":"x","name":"n","o":{"secretId":1,"readOnly":false},"l":["}"]}"#;
        let identity = UserIdentity {
            user_name: Some("alice".into()),
            access_key_id: Some("AKIA1".into()),
            ..UserIdentity::of(IdentityKind::IamUser)
        };
        let resource = |arn: &str| Resource { arn: arn.into(), account_id: "1".into(), kind: "T".into() };
        let resources = vec![resource("arn:x"), resource("arn:\"y")];
        let outcomes = [
            success(),
            Outcome::Success { response_elements: Some(nested.to_owned()), resources: resources[..1].to_vec() },
            Outcome::Success { response_elements: None, resources },
            Outcome::Failure { code: "X".into(), message: r#"","eventName":"forged"#.into() },
        ];
        let mut lines = Vec::new();
        for parameters in [None, Some(nested), Some(r#"{"secretId":"a\"b"}"#), Some("{}"), Some(r#"{"secretId":null}"#)]
        {
            other.request_parameters = parameters.map(str::to_owned);
            lines.extend(outcomes.iter().map(|outcome| other.finish(outcome)));
        }
        other.identity = Arc::new(identity);
        other.invoked_by = Some("secretsmanager.amazonaws.com");
        other.additional_event_data = vec![("note", "\"}".to_owned())];
        other.account = None;
        lines.extend(outcomes.iter().map(|outcome| other.finish(outcome)));
        let by_looks = lines.iter().filter(|line| seen(line).is_some()).count();
        assert!(by_looks * 2 > lines.len(), "{by_looks} of {}", lines.len());
        for line in lines {
            assert_eq!(Facts::seen(line.as_bytes()), Facts::of(&line), "{line}");
            // What a crash leaves is none.
            for cut in 0..line.len() {
                assert_eq!(Facts::seen(&line.as_bytes()[..cut]), None, "{cut}");
            }
        }
    }

    /// What clients may send to be taken for something else.
    fn any_text() -> impl Strategy<Value = String> {
        let parts = [
            "\"",
            "\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\",\"eventID\":\"",
            "secretId",
            "null",
            "a",
            " ",
            "é",
            "\u{2028}",
        ];
        proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn no_text_of_a_client_is_seen_as_something_else(texts in proptest::collection::vec(any_text(), 9), kinds in 0..16) {
            let mut other = record(&texts[0], Timestamp::from_seconds(1_525_369_862));
            other.user_agent = texts[1].as_str().into();
            other.event_name = texts[2].clone().into();
            let parameters = serde_json::json!({ &texts[3]: [&texts[4]], "secretId": &texts[5], "o": { &texts[4]: null } });
            other.request_parameters = (kinds & 1 == 0).then(|| parameters.to_string());
            other.identity = Arc::new(UserIdentity {
                user_name: Some(texts[6].clone()),
                principal_id: (kinds & 2 == 0).then(|| texts[7].clone()),
                ..UserIdentity::of(if kinds & 4 == 0 { IdentityKind::IamUser } else { IdentityKind::AssumedRole })
            });
            let resource = Resource { arn: texts[8].clone(), account_id: "1".into(), kind: texts[7].clone() };
            let line = other.finish(&if kinds & 8 == 0 {
                Outcome::Success { response_elements: Some(parameters.to_string()), resources: vec![resource] }
            } else {
                Outcome::Failure { code: texts[7].clone(), message: texts[8].clone() }
            });
            prop_assert_eq!(Facts::seen(line.as_bytes()), Facts::of(&line), "{}", line);
        }
    }
}
