//! What was decided, and why: AWS's text for the client.

use crate::decide::Attached;
use crate::principal::Principal;
use crate::request::Request;
use crate::statement::Statement;

/// The kinds of policies that take part in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// SCPs.
    Organization,
    /// Policies of users, groups and roles.
    Identity,
    /// The policy of the resource.
    Resource,
    /// The policy of a role that is to be assumed.
    Trust,
    /// The permissions boundary.
    Boundary,
    /// Policies of the session.
    Session,
    /// The policy of the VPC endpoint.
    Endpoint,
}

impl Layer {
    /// AWS's name for it, as in its refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "service control policy",
            Self::Identity => "identity-based policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Endpoint => "VPC endpoint policy",
        }
    }

    /// The name with the article that AWS's refusals give it.
    const fn name_with_article(self) -> &'static str {
        match self {
            Self::Organization => "a service control policy",
            Self::Identity => "an identity-based policy",
            Self::Resource => "a resource-based policy",
            Self::Trust => "the role trust policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
            Self::Endpoint => "a VPC endpoint policy",
        }
    }
}

/// A statement that decided.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The layer of its policy.
    pub layer: Layer,
    /// Its policy.
    pub policy: &'a Attached<'a>,
    /// Which statement of the policy it is, from 0.
    pub statement: usize,
}

impl<'a> Found<'a> {
    /// The statement.
    #[must_use]
    pub fn statement(&self) -> Option<&'a Statement> {
        self.policy.document.statements().get(self.statement)
    }

    /// The statement's Sid.
    #[must_use]
    pub fn sid(&self) -> Option<&'a str> {
        self.statement()?.sid()
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'a> {
    /// The request is allowed.
    Allowed(Grant<'a>),
    /// The request is denied.
    Denied(Denial<'a>),
}

/// What allowed a request. Neither, when it is root's own account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grant<'a> {
    /// The statement of the identity's policies.
    pub identity: Option<Found<'a>>,
    /// The statement of the resource's policy.
    pub resource: Option<Found<'a>>,
}

/// Why a request was denied.
#[derive(Clone, Copy, Debug)]
pub enum Denial<'a> {
    /// A statement denies it.
    Explicit(Found<'a>),
    /// No statement of the layer allows it.
    NoAllow(Layer),
}

impl<'a> Decision<'a> {
    /// Whether the request may go on.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// Why not.
    #[must_use]
    pub const fn denial(&self) -> Option<&Denial<'a>> {
        match self {
            Self::Allowed(_) => None,
            Self::Denied(denial) => Some(denial),
        }
    }

    /// The `EvalDecision` of SimulatePrincipalPolicy: `allowed`, `explicitDeny` or `implicitDeny`.
    #[must_use]
    pub const fn eval_decision(&self) -> &'static str {
        match self {
            Self::Allowed(_) => "allowed",
            Self::Denied(Denial::Explicit(_)) => "explicitDeny",
            Self::Denied(Denial::NoAllow(_)) => "implicitDeny",
        }
    }
}

impl Denial<'_> {
    /// The layer that denied.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Explicit(found) => found.layer,
            Self::NoAllow(layer) => *layer,
        }
    }

    /// AWS's text for the client. `resource` is what it shows as the resource, which may be the caller's own word for it;
    /// actions without a resource show none.
    #[must_use]
    pub fn client_text(&self, principal: &Principal, request: &Request<'_>, resource: Option<&str>) -> String {
        let (user, action) = (&principal.arn, request.action());
        let on = resource.map(|resource| format!(" on resource: {resource}")).unwrap_or_default();
        let reason = match self {
            Self::Explicit(found) => format!("with an explicit deny in {}", found.layer.name_with_article()),
            Self::NoAllow(layer) => format!("because no {} allows the {action} action", layer.name()),
        };
        format!("User: {user} is not authorized to perform: {action}{on} {reason}")
    }
}
