//! The principals that a statement names: their forms, and whom they match.

use strongroom_types::{AccountId, Arn};

use crate::document::DocumentKind;
use crate::json::{Node, What};
use crate::malformed::{Faults, Place, Problem, Stage, shown};
use crate::principal::{Principal, PrincipalKind};

/// Principal or NotPrincipal of a statement.
#[derive(Clone, Debug)]
pub(crate) struct Principals {
    pub(crate) negated: bool,
    named: Box<[Named]>,
}

/// One principal that is named.
#[derive(Clone, Debug)]
struct Named {
    who: Who,
    written: Box<str>,
}

#[derive(Clone, Debug)]
enum Who {
    /// `*`.
    Anybody,
    /// An account, by its number or the ARN of its root.
    Account(Box<str>),
    /// A user, role, session or federated user, by its ARN.
    Identity,
    /// A user or role, by its unique id, which AWS shows in place of the ARN of a deleted one.
    Id,
    Service,
    Federated,
    Canonical,
}

/// How directly a principal is named. What is granted to the session itself no boundary or session policy limits; what
/// is granted to the account needs a policy of the account too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Directness {
    /// Its account is named.
    Account,
    /// Its role is named, or the user that asked for its session.
    Issuer,
    /// It is named itself, or anybody is.
    Itself,
}

impl Principals {
    /// How directly the principal is named by `Principal`.
    pub(crate) fn names(&self, principal: &Principal) -> Option<Directness> {
        self.named.iter().filter_map(|named| named.names(principal)).max()
    }

    /// Whether a statement applies to the principal, and how directly it names it.
    ///
    /// With NotPrincipal, a Deny spares only whom it lists with all it is: session, role and account, as AWS documents.
    /// An Allow is for those of whom it lists nothing.
    pub(crate) fn applies(&self, principal: &Principal, is_deny: bool) -> Option<Directness> {
        if !self.negated {
            return self.names(principal);
        }
        let spared = if is_deny { self.lists_wholly(principal) } else { self.names(principal).is_some() };
        (!spared).then_some(Directness::Itself)
    }

    fn lists_wholly(&self, principal: &Principal) -> bool {
        let lists = |wanted| self.named.iter().any(|named| named.names(principal) == Some(wanted));
        if self.named.iter().any(|named| matches!(named.who, Who::Anybody)) {
            return true;
        }
        match &principal.kind {
            PrincipalKind::User => lists(Directness::Itself) && lists(Directness::Account),
            PrincipalKind::RoleSession { .. } | PrincipalKind::FederatedUser { .. } => {
                lists(Directness::Itself) && lists(Directness::Issuer) && lists(Directness::Account)
            }
            PrincipalKind::Root
            | PrincipalKind::WebIdentity { .. }
            | PrincipalKind::Service { .. }
            | PrincipalKind::Anonymous => self.names(principal).is_some(),
        }
    }

    /// Whether anybody is named: by `*`, or by a provider that signs in anybody.
    pub(crate) fn include_anybody(&self) -> bool {
        self.named.iter().any(|named| match named.who {
            Who::Anybody => true,
            // The host name of a provider; an ARN names one of an account.
            Who::Federated => !named.written.starts_with("arn:"),
            _ => false,
        })
    }

    /// The kind as it stands in the policy, and the text.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.named.iter().map(|named| {
            let kind = match named.who {
                Who::Anybody | Who::Account(_) | Who::Identity | Who::Id => "AWS",
                Who::Service => "Service",
                Who::Federated => "Federated",
                Who::Canonical => "CanonicalUser",
            };
            (kind, &*named.written)
        })
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.named.iter().map(|named| size_of::<Named>() + named.written.len()).sum()
    }
}

impl Named {
    fn names(&self, principal: &Principal) -> Option<Directness> {
        let text = &*self.written;
        let itself = |same: bool| same.then_some(Directness::Itself);
        match (&self.who, &principal.kind) {
            (Who::Anybody, _) => Some(Directness::Itself),
            (Who::Account(account), PrincipalKind::Root) => itself(**account == principal.account),
            (
                Who::Account(account),
                PrincipalKind::User | PrincipalKind::RoleSession { .. } | PrincipalKind::FederatedUser { .. },
            ) => (**account == principal.account).then_some(Directness::Account),
            (Who::Identity, PrincipalKind::User) => itself(text == principal.arn),
            (
                Who::Identity,
                PrincipalKind::RoleSession { role: issuer, .. } | PrincipalKind::FederatedUser { user: issuer },
            ) => {
                if text == principal.arn {
                    Some(Directness::Itself)
                } else {
                    (text == issuer).then_some(Directness::Issuer)
                }
            }
            (Who::Id, PrincipalKind::User) => itself(text == principal.unique_id),
            (Who::Id, PrincipalKind::RoleSession { .. } | PrincipalKind::FederatedUser { .. }) => {
                (text == principal.unique_id).then_some(Directness::Issuer)
            }
            (Who::Service, PrincipalKind::Service { names }) => itself(names.iter().any(|name| name == text)),
            (Who::Federated, PrincipalKind::WebIdentity { provider, url }) => itself(text == provider || text == url),
            (Who::Canonical, _) => match &principal.kind {
                PrincipalKind::Root => itself(principal.canonical_user.as_deref() == Some(text)),
                _ => (principal.canonical_user.as_deref() == Some(text)).then_some(Directness::Account),
            },
            _ => None,
        }
    }
}

/// Reads a Principal or NotPrincipal.
pub(crate) fn parse(place: &Place, value: &Node, kind: DocumentKind, negated: bool, faults: &mut Faults) -> Principals {
    let syntax = kind.syntax_text();
    let mut named = Vec::new();
    match &value.what {
        What::Text(text) if text == "*" => named.push(Named { who: Who::Anybody, written: "*".into() }),
        What::Text(text) => {
            let text_for_trust = if kind == DocumentKind::Trust { "Principal must be a JSON object." } else { syntax };
            faults.add(Stage::Grammar, place, format!("{} is neither * nor a map", shown(text)), text_for_trust);
        }
        What::Object(members) => {
            if members.is_empty() && kind == DocumentKind::Trust {
                let text = "Missing required field Principal cannot be empty!";
                faults.add(Stage::Grammar, place, "is empty", text);
            }
            for (name, value) in members {
                let inner = place.member(name);
                if !matches!(name.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser") {
                    faults.add(Stage::Grammar, &inner, "is no kind of principal", syntax);
                    continue;
                }
                for (place, text) in crate::statement::texts(&inner, value, syntax, faults) {
                    named.push(read(&place, name, text, kind, faults));
                }
            }
        }
        _ => faults.add(Stage::Grammar, place, "is neither * nor a map", syntax),
    }
    Principals { negated, named: named.into() }
}

fn read(place: &Place, name: &str, text: &str, kind: DocumentKind, faults: &mut Faults) -> Named {
    let (who, right, why) = match name {
        "AWS" => {
            let who = who_of(text);
            let right = who.is_some();
            (who.unwrap_or(Who::Identity), right, "is no account, user, role or session")
        }
        "Service" => (Who::Service, is_service(text), "is no service"),
        "Federated" => (Who::Federated, is_federated(text), "is no identity provider"),
        _ => (Who::Canonical, is_canonical(text), "is no canonical user id"),
    };
    if !right {
        let problem = if name == "Service" { Problem::ServicePrincipal } else { Problem::Principal };
        let answer = if kind == DocumentKind::Trust {
            format!("Invalid principal in policy: \"{}\":\"{text}\"", name.to_ascii_uppercase()).into()
        } else {
            std::borrow::Cow::Borrowed(kind.syntax_text())
        };
        // Secrets Manager answers the first fault of all, whatever its sort.
        faults.add_problem(Stage::Grammar, place, format!("{} {why}", shown(text)), answer, problem);
    }
    Named { who, written: text.into() }
}

/// `*`, an account, or the ARN of an account's root, a user, a role, a session of a role or a federated user. IAM knows
/// no wildcard inside a principal, and no group as one.
fn who_of(text: &str) -> Option<Who> {
    if text == "*" {
        return Some(Who::Anybody);
    }
    if AccountId::parse(text).is_ok() {
        return Some(Who::Account(text.into()));
    }
    if is_unique_id(text) {
        return Some(Who::Id);
    }
    let arn = Arn::parse(text).ok()?;
    let placed = is_partition(&arn.partition) && arn.region.is_empty() && AccountId::parse(&arn.account).is_ok();
    let (kind, name) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
    let named = match (arn.service.as_str(), kind) {
        ("iam", "root") if placed && arn.resource == "root" => return Some(Who::Account(arn.account.as_str().into())),
        ("iam", "user" | "role") => is_path(name),
        ("sts", "federated-user") => is_name(name),
        ("sts", "assumed-role") => {
            name.split_once('/').is_some_and(|(role, session)| is_name(role) && is_name(session))
        }
        _ => false,
    };
    (placed && named).then_some(Who::Identity)
}

/// A unique id of a user or role: four letters and 17 more characters.
fn is_unique_id(text: &str) -> bool {
    text.len() == 21
        && (text.starts_with("AIDA") || text.starts_with("AROA"))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

pub(crate) fn is_partition(text: &str) -> bool {
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
fn is_service(text: &str) -> bool {
    let service = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    let is_host = |host: &str| host.split('.').all(|label| !label.is_empty() && label.bytes().all(is_label));
    service.is_some_and(is_host)
}

const fn is_label(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
}

/// The host name of an identity provider, or the ARN of a provider that IAM knows.
fn is_federated(text: &str) -> bool {
    let is_provider = Arn::parse(text).is_ok_and(|arn| {
        let (kind, name) = arn.resource.split_once('/').unwrap_or_default();
        arn.service == "iam"
            && AccountId::parse(&arn.account).is_ok()
            && matches!(kind, "saml-provider" | "oidc-provider")
            && !name.is_empty()
            && !name.contains(['*', '?'])
    });
    let labels = || text.split('.').all(|label| !label.is_empty() && label.bytes().all(is_label));
    is_provider || (text.contains('.') && labels())
}

/// A canonical user id of S3: 64 hexadecimal digits.
fn is_canonical(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}
