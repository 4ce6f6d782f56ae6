//! Authorization messages: what DecodeAuthorizationMessage tells of a denied request, and the sealed form in which the
//! request's record carries it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use strongroom_crypto::{Context, CryptoError, Keyring, Random, Sealed};
use strongroom_policy::{Denial, Effect, Found, Keys as _, Request};

use super::conditions::Asked;

/// Under which name the record of a denied request carries its encoded message.
pub const ENCODED: &str = "encodedAuthorizationMessage";

/// Longest encoded message that STS takes.
pub const ENCODED_CHARS_MAX: usize = 10_240;
/// Longest message, in bytes: encoded it is still taken. Of a longer one the conditions and statements are left out.
const MESSAGE_BYTES_MAX: usize = 7_000;

/// Keys that a message shows when the request has them.
const KEYS: [&str; 36] = [
    "aws:CurrentTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:VpcSourceIp",
    "aws:userid",
    "aws:username",
    "iam:PermissionsBoundary",
    "iam:PolicyARN",
    "secretsmanager:AddReplicaRegions",
    "secretsmanager:BlockPublicPolicy",
    "secretsmanager:ForceDeleteWithoutRecovery",
    "secretsmanager:KmsKeyId",
    "secretsmanager:Name",
    "secretsmanager:RecoveryWindowInDays",
    "secretsmanager:SecretId",
    "secretsmanager:VersionStage",
    "sts:DurationSeconds",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "sts:SourceIdentity",
    "sts:TransitiveTagKeys",
];

/// The message of a denial, in the form that AWS documents for DecodeAuthorizationMessage.
pub(super) fn of(denial: &Denial<'_>, request: &Request<'_>, asked: &Asked<'_>) -> String {
    let matched = match denial {
        Denial::Explicit(found) => statement(found, &asked.caller.user_id).into_iter().collect(),
        Denial::NoAllow(_) => Vec::new(),
    };
    let whole = message(denial, request, asked, matched, conditions(asked));
    if whole.len() <= MESSAGE_BYTES_MAX {
        return whole;
    }
    message(denial, request, asked, Vec::new(), Vec::new())
}

fn message(
    denial: &Denial<'_>,
    request: &Request<'_>,
    asked: &Asked<'_>,
    matched: Vec<Json>,
    conditions: Vec<Json>,
) -> String {
    let caller = asked.caller;
    let mut principal = json!({ "id": &*caller.user_id, "arn": caller.policy.arn });
    if let (Some(name), Some(members)) = (caller.user_name(), principal.as_object_mut()) {
        members.insert("name".to_owned(), json!(&**name));
    }
    json!({
        "allowed": false,
        "explicitDeny": matches!(denial, Denial::Explicit(_)),
        "matchedStatements": { "items": matched },
        "failures": { "items": [] },
        "context": {
            "principal": principal,
            "action": request.action().as_str(),
            "resource": request.resource(),
            "conditions": { "items": conditions },
        },
    })
    .to_string()
}

/// The statement that denied.
fn statement(found: &Found<'_>, principal: &str) -> Option<Json> {
    let statement = found.statement()?;
    let items =
        |texts: &[String]| json!({ "items": texts.iter().map(|text| json!({ "value": text })).collect::<Json>() });
    Some(json!({
        "statementId": found.sid().unwrap_or_default(),
        "effect": if statement.effect() == Effect::Deny { "DENY" } else { "ALLOW" },
        "principals": { "items": [{ "value": principal }] },
        "principalGroups": { "items": [] },
        "actions": items(statement.actions().0),
        "resources": items(statement.resources().map(|(resources, _)| resources).unwrap_or_default()),
        "conditions": { "items": [] },
    }))
}

/// The keys that the request has, with their values.
fn conditions(asked: &Asked<'_>) -> Vec<Json> {
    let tags = asked.caller.tags.iter().map(|(key, _)| format!("aws:PrincipalTag/{key}"));
    let shown = |name: String| {
        let values = asked.get(&name.to_ascii_lowercase())?;
        let values = values.as_slice().iter().filter_map(|value| value.as_text());
        let items: Json = values.map(|value| json!({ "value": value })).collect();
        Some(json!({ "key": name, "values": { "items": items } }))
    };
    KEYS.iter().map(|name| (*name).to_owned()).chain(tags).filter_map(shown).collect()
}

fn context(account: &str) -> Context {
    Context::new("authorization message").field(account)
}

/// Seals a message for an account, whose principals alone can have it decoded.
///
/// # Errors
/// When the random source fails.
pub fn encode(keyring: &Keyring, random: &dyn Random, account: &str, message: &str) -> Result<String, CryptoError> {
    let sealed = keyring.seal(random, &context(account), message.as_bytes())?;
    Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
}

/// The message that was sealed for the account; nothing when it is none of ours.
#[must_use]
pub fn decode(keyring: &Keyring, account: &str, encoded: &str) -> Option<String> {
    if encoded.len() > ENCODED_CHARS_MAX {
        return None;
    }
    let sealed = Sealed::from_storage(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    let message = keyring.open(&context(account), &sealed).ok()?;
    String::from_utf8(message.expose().to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::aead;
    use strongroom_crypto::random::SeededRandom;

    use super::*;

    #[test]
    fn a_message_opens_for_its_account_and_unaltered_alone() {
        let random = SeededRandom::new(1);
        let ring = || Keyring::new(&[aead::generate_key(&random).expect("key")]).expect("ring");
        let (keyring, other) = (ring(), ring());
        let encoded = encode(&keyring, &random, "111111111111", "{\"allowed\":false}").expect("sealed");
        assert_eq!(decode(&keyring, "111111111111", &encoded).as_deref(), Some("{\"allowed\":false}"));
        assert_eq!(decode(&keyring, "222222222222", &encoded), None, "another account");
        assert_eq!(decode(&other, "111111111111", &encoded), None, "another server");
        let cut = encoded.get(..encoded.len() - 2).expect("ASCII");
        let mut altered = encoded.clone().into_bytes();
        let at = altered.len() / 2;
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).expect("text");
        for wrong in [cut, &altered, "", "a message", &"A".repeat(ENCODED_CHARS_MAX + 1)] {
            assert_eq!(decode(&keyring, "111111111111", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_longest_message_is_taken_when_it_is_encoded() {
        let random = SeededRandom::new(1);
        let keyring = Keyring::new(&[aead::generate_key(&random).expect("key")]).expect("ring");
        let message = "x".repeat(MESSAGE_BYTES_MAX);
        let encoded = encode(&keyring, &random, "111111111111", &message).expect("sealed");
        assert!(encoded.len() <= ENCODED_CHARS_MAX, "{}", encoded.len());
        assert_eq!(decode(&keyring, "111111111111", &encoded), Some(message));
    }
}
