//! The principals of a statement: who they may be in a policy of a secret.

use strongroom_types::{AccountId, Arn};

use super::json::Node;
use super::{Place, PolicyError, shown, texts_of};

/// Whom a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Principals {
    /// Anybody, by `*` or by a provider that signs in anybody.
    Anybody,
    /// Those who are named.
    Named,
    /// All but those who are named.
    Others,
}

impl Principals {
    /// What NotPrincipal makes of them.
    pub(super) const fn inverted(self) -> Self {
        match self {
            Self::Anybody => Self::Named,
            Self::Named | Self::Others => Self::Others,
        }
    }
}

/// Checks a Principal or NotPrincipal.
pub(super) fn check(place: &Place, value: &Node) -> Result<Principals, PolicyError> {
    let members = match value {
        Node::Text(text) if text == "*" => return Ok(Principals::Anybody),
        Node::Text(text) => return Err(place.syntax(format!("{} is neither * nor a map", shown(text)))),
        Node::Object(members) => members,
        _ => return Err(place.syntax("is neither * nor a map")),
    };
    let mut principals = Principals::Named;
    for (kind, value) in members {
        let inner = place.member(kind);
        let check_one = match kind.as_str() {
            "AWS" => check_aws,
            "Service" => check_service,
            "Federated" => check_federated,
            "CanonicalUser" => check_canonical,
            _ => return Err(inner.syntax("is no kind of principal")),
        };
        for (place, text) in texts_of(&inner, value)? {
            check_one(&place, text)?;
            let is_anybody = match kind.as_str() {
                "AWS" => text == "*",
                // The host name of a provider; an ARN names one of an account.
                "Federated" => !text.starts_with("arn:"),
                _ => false,
            };
            if is_anybody {
                principals = Principals::Anybody;
            }
        }
    }
    Ok(principals)
}

fn unsupported(place: &Place, text: &str, why: &str) -> PolicyError {
    PolicyError::UnsupportedPrincipal(place.fault(format!("{} {why}", shown(text))))
}

/// `*`, an account, or the ARN of an account's root, a user, a role, a session of a role or a federated user. IAM
/// knows no wildcard inside a principal, and no group as one.
fn check_aws(place: &Place, text: &str) -> Result<(), PolicyError> {
    if text == "*" || AccountId::parse(text).is_ok() || is_identity(text) {
        return Ok(());
    }
    Err(unsupported(place, text, "is no account, user, role or session"))
}

fn is_identity(text: &str) -> bool {
    let Ok(arn) = Arn::parse(text) else { return false };
    let placed = is_partition(&arn.partition) && arn.region.is_empty() && AccountId::parse(&arn.account).is_ok();
    let (kind, name) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
    let named = match (arn.service.as_str(), kind) {
        ("iam", "root") => arn.resource == "root",
        ("iam", "user" | "role") => is_path(name),
        ("sts", "federated-user") => is_name(name),
        ("sts", "assumed-role") => {
            name.split_once('/').is_some_and(|(role, session)| is_name(role) && is_name(session))
        }
        _ => false,
    };
    placed && named
}

fn is_partition(text: &str) -> bool {
    text == "aws" || text.strip_prefix("aws-").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_label))
}

/// Names of IAM: letters, digits and `+=,.@-_`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b))
}

/// A name with a path before it, as in `division/unit/name`. A path may have any printable character of ASCII, but a
/// wildcard is none here.
fn is_path(text: &str) -> bool {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    is_name(name) && path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'*' | b'?'))
}

/// The host name of a service of AWS, such as `lambda.amazonaws.com`.
fn check_service(place: &Place, text: &str) -> Result<(), PolicyError> {
    let service = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    let is_host = |host: &str| host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_label));
    if service.is_some_and(is_host) {
        return Ok(());
    }
    Err(PolicyError::InvalidServicePrincipal(place.fault(format!("{} is no service", shown(text)))))
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
}

/// The host name of an identity provider, or the ARN of a provider that IAM knows.
fn check_federated(place: &Place, text: &str) -> Result<(), PolicyError> {
    let is_provider = Arn::parse(text).is_ok_and(|arn| {
        let (kind, name) = arn.resource.split_once('/').unwrap_or_default();
        arn.service == "iam"
            && AccountId::parse(&arn.account).is_ok()
            && matches!(kind, "saml-provider" | "oidc-provider")
            && !name.is_empty()
            && !name.contains(['*', '?'])
    });
    let labels = || text.split('.').all(|label| !label.is_empty() && label.bytes().all(is_label));
    if is_provider || (text.contains('.') && labels()) {
        return Ok(());
    }
    Err(unsupported(place, text, "is no identity provider"))
}

/// A canonical user id of S3: 64 hexadecimal digits.
fn check_canonical(place: &Place, text: &str) -> Result<(), PolicyError> {
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(unsupported(place, text, "is no canonical user id"))
}
