//! A grant as it is stored: leave to use a key, beside its policy, for one principal and some operations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::SecretBytes;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::CreateGrantRequest;

use super::key::Key;
use crate::access::RequestKeys;
use crate::caller::{Caller, Principal};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of grants.
pub const GRANT: Kind = Kind("kms-grant");
/// Index of grants by key and grantee.
pub const BY_GRANTEE: Index = Index("kms-grant-grantee");
/// Index of grants by who may retire them.
pub const BY_RETIRING: Index = Index("kms-grant-retiring");
/// What joins the parts of a value in the indexes.
const JOINT: char = '\u{1}';

/// Somebody that a grant names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The ARN, as it was given, or a service's name.
    pub name: String,
    /// The unique id of a user or role: who is made anew under a name is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Named {
    /// Whether `caller` is meant: itself, or a session of the role.
    #[must_use]
    pub fn is(&self, caller: &Caller) -> bool {
        let same_id = |id: &str| self.id.as_deref().is_none_or(|known| known == id);
        match &caller.principal {
            Principal::RoleSession { role_arn, role_id, .. } => {
                (self.name == **role_arn && same_id(role_id)) || self.name == *caller.arn
            }
            Principal::User { .. } => self.name == *caller.arn && same_id(&caller.user_id),
            _ => self.name == *caller.arn,
        }
    }
}

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The account that owns the key.
    pub account: String,
    /// The region of the key.
    pub region: String,
    /// The key's id.
    pub key_id: String,
    /// Its id: 64 hexadecimal digits.
    pub grant_id: String,
    /// The name, which makes repeated requests one.
    #[serde(default)]
    pub name: Option<String>,
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
    /// The account that created it.
    pub issuing_account: String,
    /// Who may use the key.
    pub grantee: Named,
    /// Whether the grantee is a service.
    #[serde(default)]
    pub for_service: bool,
    /// Who may retire it.
    #[serde(default)]
    pub retiring: Option<Named>,
    /// What for, as AWS names the operations.
    pub operations: Vec<String>,
    /// Pairs that the encryption context has to have.
    #[serde(default)]
    pub context_subset: Option<BTreeMap<String, String>>,
    /// Pairs that the encryption context has to be.
    #[serde(default)]
    pub context_equals: Option<BTreeMap<String, String>>,
    /// The ARN that a service has to act for.
    #[serde(default)]
    pub source_arn: Option<String>,
}

impl Grant {
    /// Whether it is a grant of that very key.
    #[must_use]
    pub fn is_of(&self, key: &Key) -> bool {
        (&self.account, &self.region, &self.key_id) == (&key.account, &key.region, &key.key_id)
    }

    /// Whether it lets `caller` do `action`, such as `kms:Decrypt`, by a request. What has no encryption context is not
    /// bound by one; a grant that is asked for may be no wider than this one (KMS's API reference, GrantConstraints).
    #[must_use]
    pub fn allows(&self, caller: &Caller, action: &str, request: &dyn RequestKeys) -> bool {
        let operation = action.strip_prefix("kms:").unwrap_or(action);
        self.operations.iter().any(|known| known == operation)
            && !self.for_service
            && self.grantee.is(caller)
            && self.source_arn.is_none()
            && match operation {
                "DescribeKey" | "RetireGrant" => true,
                "CreateGrant" => request.wanted_grant().is_some_and(|wanted| self.covers(wanted)),
                _ => self.fits(&request.encryption_context().unwrap_or_default()),
            }
    }

    /// Whether an encryption context keeps the constraints.
    fn fits(&self, context: &BTreeMap<String, String>) -> bool {
        self.context_subset.as_ref().is_none_or(|subset| has_all(context, subset))
            && self.context_equals.as_ref().is_none_or(|equal| equal == context)
    }

    /// Whether another grant is for no other operations, and as narrow at least.
    fn covers(&self, wanted: &CreateGrantRequest) -> bool {
        let constraints = wanted.constraints.as_ref();
        let subset = constraints.and_then(|constraints| constraints.encryption_context_subset.as_ref());
        let equals = constraints.and_then(|constraints| constraints.encryption_context_equals.as_ref());
        wanted.operations.iter().all(|wanted| self.operations.iter().any(|known| known == wanted.as_str()))
            && self.context_equals.as_ref().is_none_or(|own| equals == Some(own))
            && self.context_subset.as_ref().is_none_or(|own| subset.or(equals).is_some_and(|given| has_all(given, own)))
    }

    /// As whom the grant itself lets the caller retire it, by ARN: the retiring principal, the grantee if it says so, the
    /// root of the account that created it.
    #[must_use]
    pub fn retired_as<'a>(&'a self, caller: &'a Caller) -> Option<&'a str> {
        let is_issuer = caller.principal == Principal::Root && *self.issuing_account == *caller.account.as_str();
        if is_issuer {
            return Some(&caller.arn);
        }
        let may_retire = self.operations.iter().any(|operation| operation == "RetireGrant") && !self.for_service;
        let grantee = Some(&self.grantee).filter(|_| may_retire);
        let named = [self.retiring.as_ref(), grantee].into_iter().flatten().find(|named| named.is(caller))?;
        Some(&named.name)
    }

    /// The token that uses it at once. Here a grant is in force as soon as it is answered, so that the token only names it.
    #[must_use]
    pub fn token(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(self.key())
    }
}

/// Whether pairs are among others.
fn has_all(pairs: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(name, value)| pairs.get(name) == Some(value))
}

/// The grant that a token names, as the key of its document.
#[must_use]
pub fn key_of_token(token: &str) -> Option<String> {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(token).ok()?).ok()
}

/// What the keys of a key's grants begin with.
#[must_use]
pub fn prefix_of(account: &str, region: &str, key_id: &str) -> String {
    [account, ":", region, ":", key_id, ":"].concat()
}

/// The value of the grants of a key for a grantee, in [`BY_GRANTEE`].
#[must_use]
pub fn grantee_value(account: &str, region: &str, key_id: &str, grantee: &str) -> String {
    format!("{account}:{region}:{key_id}{JOINT}{grantee}{JOINT}")
}

/// The value of the grants that somebody may retire, in [`BY_RETIRING`].
#[must_use]
pub fn retiring_value(region: &str, retiring: &str) -> String {
    format!("{region}{JOINT}{retiring}{JOINT}")
}

impl Document for Grant {
    const KIND: Kind = GRANT;

    fn key(&self) -> String {
        prefix_of(&self.account, &self.region, &self.key_id) + &self.grant_id
    }

    fn terms(&self) -> Vec<Term> {
        let Self { account, region, key_id, grantee, retiring, .. } = self;
        let mut terms = vec![Term::new(BY_GRANTEE, grantee_value(account, region, key_id, &grantee.name))];
        if let Some(retiring) = retiring {
            terms.push(Term::new(BY_RETIRING, retiring_value(region, &retiring.name)));
        }
        terms
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(GRANT, body)
    }
}
