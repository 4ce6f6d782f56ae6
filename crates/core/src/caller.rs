//! Who asks: the principal behind a signature, what it was granted, and what conditions may ask about it.

use std::sync::Arc;

use strongroom_policy::Document;
use strongroom_types::{AccountId, Timestamp};

/// The principal that signed a request. Made once for each credential and kept as long as nothing of it changes.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account it belongs to.
    pub account: AccountId,
    /// Its ARN: of the user, of the session (`arn:aws:sts::…:assumed-role/Role/Session`), or of the root.
    pub arn: Arc<str>,
    /// What kind of principal it is.
    pub principal: Principal,
    /// `aws:userid`: the unique id, for sessions with the session's name behind a colon, for roots the account.
    pub user_id: Arc<str>,
    /// `aws:PrincipalTag`: tags of the user, or of the role and its session.
    pub tags: Vec<(String, String)>,
    /// What a session's credentials tell; none for long-term ones.
    pub session: Option<SessionFacts>,
    /// The policies that bound it.
    pub grants: Grants,
    /// The principal as policies see it.
    pub policy: strongroom_policy::Principal,
}

/// Kinds of principals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The root of the account.
    Root,
    /// A user of IAM.
    User {
        /// Its name.
        name: Arc<str>,
    },
    /// A session of a role.
    RoleSession {
        /// The role's ARN.
        role_arn: Arc<str>,
        /// The role's name.
        role_name: Arc<str>,
        /// The role's unique id.
        role_id: Arc<str>,
    },
    /// A federated user: a session of GetFederationToken.
    Federated {
        /// Whether the root of the account made it, whose rights it then has within its session policies.
        by_root: bool,
    },
    /// A service of this server, acting on its own: background work.
    Service,
    /// Nobody: the request was not signed, which some operations of STS allow.
    Anonymous,
}

/// What the credentials of a session tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// When they were issued: `aws:TokenIssueTime`.
    pub issued: Timestamp,
    /// When they end.
    pub expires: Timestamp,
    /// When MFA was shown, if it was: `aws:MultiFactorAuthPresent`, `aws:MultiFactorAuthAge`.
    pub mfa: Option<Timestamp>,
    /// `aws:SourceIdentity`: set once and kept along a chain of roles.
    pub source_identity: Option<Arc<str>>,
    /// `aws:FederatedProvider`: the ARN or name of the provider of a web identity.
    pub federated_provider: Option<Arc<str>>,
    /// Keys of the session's tags that go on to the sessions of further roles.
    pub transitive_keys: Vec<String>,
    /// Tags of the session, as they were given.
    pub session_tags: Vec<(String, String)>,
    /// The name of the session, or of the federated user.
    pub name: Arc<str>,
    /// Whether the role was assumed with a role's session: such chained sessions last an hour at most.
    pub chained: bool,
    /// Condition keys of the identity provider's token that go on with the session, such as `idp.example.com:sub`.
    pub provider_keys: Vec<(String, Vec<String>)>,
}

/// The policies that a decision about a principal takes into account, beside those of the resource.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Policies of the user and its groups, or of the role.
    pub identity: Vec<NamedPolicy>,
    /// The permissions boundary.
    pub boundary: Option<NamedPolicy>,
    /// The session's policies; none when the session was not narrowed.
    pub session: Option<Vec<NamedPolicy>>,
    /// Policies of the organization, by level from the root to the account; none when it bounds nothing here.
    pub organization: Option<Arc<OrganizationPlace>>,
}

/// Where an account stands in the organization, and what bounds it there.
#[derive(Clone, Debug)]
pub struct OrganizationPlace {
    /// `aws:PrincipalOrgID`.
    pub id: Arc<str>,
    /// `aws:PrincipalOrgPaths`.
    pub path: Arc<str>,
    /// Service control policies by level. Each level has to allow. Empty for the management account.
    pub levels: Vec<Vec<NamedPolicy>>,
}

/// A policy with what explanations call it.
#[derive(Clone, Debug)]
pub struct NamedPolicy {
    /// Where it comes from.
    pub source: PolicySource,
    /// The compiled document.
    pub document: Arc<Document>,
}

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySource {
    /// A managed policy, or a service control policy.
    Managed {
        /// Its ARN.
        arn: Arc<str>,
    },
    /// A policy inside a user, group or role.
    Inline {
        /// The holder's ARN.
        holder: Arc<str>,
        /// The policy's name.
        name: Arc<str>,
    },
    /// A policy that was given when the session was asked for.
    Session,
    /// The policy of a private endpoint.
    Endpoint {
        /// The endpoint's id.
        id: Arc<str>,
    },
}

impl Caller {
    /// The root of an account, bound by nothing.
    #[must_use]
    pub fn root(account: AccountId, partition: &str) -> Self {
        let policy = strongroom_policy::Principal::root(partition, account.as_str());
        Self::plain(account, policy.arn.as_str().into(), Principal::Root, policy)
    }

    /// A service of this server, acting in an account. Its name stands in the place of an ARN.
    #[must_use]
    pub fn service(account: AccountId, name: &str) -> Self {
        Self::plain(account, name.into(), Principal::Service, strongroom_policy::Principal::service(name))
    }

    /// Whoever did not sign.
    #[must_use]
    pub fn anonymous(account: AccountId) -> Self {
        Self::plain(account, "anonymous".into(), Principal::Anonymous, strongroom_policy::Principal::anonymous())
    }

    fn plain(account: AccountId, arn: Arc<str>, principal: Principal, policy: strongroom_policy::Principal) -> Self {
        let user_id = account.as_str().into();
        Self { account, arn, principal, user_id, tags: Vec::new(), session: None, grants: Grants::default(), policy }
    }

    /// `aws:username`, which users of IAM alone have.
    #[must_use]
    pub fn user_name(&self) -> Option<&Arc<str>> {
        match &self.principal {
            Principal::User { name } => Some(name),
            _ => None,
        }
    }
}
