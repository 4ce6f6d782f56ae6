//! The decision: which policies a request has to pass, and in which order they are asked.
//!
//! As AWS documents its "policy evaluation logic": a Deny anywhere; then the organisation; then the endpoint; then, within
//! an account, what the resource's policy or the identity's policies grant, bounded by boundary and session policy unless
//! the resource's policy names the user or the session itself; between accounts, both of them.

use crate::decision::{Decision, Denial, Found, Grant, Layer};
use crate::document::Document;
use crate::principal::{Principal, PrincipalKind};
use crate::principals::Directness;
use crate::request::Request;

/// A policy in play, with where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    /// Where it comes from.
    pub source: Source<'a>,
    /// The policy.
    pub document: &'a Document,
}

/// Where a policy comes from, for reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// A managed policy, an SCP or a policy given by ARN.
    Managed {
        /// Its ARN.
        arn: &'a str,
    },
    /// A policy inside an identity.
    Inline {
        /// The ARN of the user, group or role.
        holder: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// A policy given with the request for a session.
    Session,
    /// The policy of a resource or an endpoint.
    Resource {
        /// The ARN of the resource, or the endpoint's id.
        arn: &'a str,
    },
}

/// What the policy of a resource means beside the identity's policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceRule {
    /// Within an account either of them suffices: most services.
    Either,
    /// It has to allow: policies of KMS keys. To name the account hands the decision on to the account's policies.
    MustAllow,
    /// As [`ResourceRule::MustAllow`], for the policy of a role that says who may assume it.
    Trust,
}

/// The policy of a resource.
#[derive(Clone, Copy, Debug)]
pub struct ResourcePolicy<'a> {
    /// The policy, if the resource has one.
    pub policy: Option<Attached<'a>>,
    /// What it means.
    pub rule: ResourceRule,
    /// The account that owns the resource; empty when the caller's own.
    pub owner: &'a str,
}

impl ResourcePolicy<'_> {
    /// A resource of the caller's account without a policy.
    pub const NONE: Self = Self { policy: None, rule: ResourceRule::Either, owner: "" };
}

/// All policies that a decision is made of.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// Policies of the caller, its groups or its role.
    pub identity: &'a [Attached<'a>],
    /// The boundary of the user or role.
    pub boundary: Option<Attached<'a>>,
    /// Policies given with the request for the session: what one of them allows is allowed. None: no limit, but for a
    /// federated user, who then has nothing.
    pub session: &'a [Attached<'a>],
    /// SCPs of the caller's account: for the organisation's root, each unit and the account one list, each of which has
    /// to allow. Empty for the management account and without an organisation.
    pub organization: &'a [&'a [Attached<'a>]],
    /// The policy of the resource.
    pub resource: ResourcePolicy<'a>,
    /// The policy of the endpoint through which the request came.
    pub endpoint: Option<Attached<'a>>,
}

impl<'a> Inputs<'a> {
    /// A caller without any policies.
    #[must_use]
    pub const fn of(principal: &'a Principal) -> Self {
        Self {
            principal,
            identity: &[],
            boundary: None,
            session: &[],
            organization: &[],
            resource: ResourcePolicy::NONE,
            endpoint: None,
        }
    }

    /// The policies of each layer, in the order in which a Deny is looked for. SCPs only where they limit the caller.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (Layer, &'a Attached<'a>)>
    where
        Self: 'a,
    {
        let organization = if self.principal.is_free_of_organization() { &[] } else { self.organization };
        let has_identity = self.principal.has_identity();
        let identity: &[Attached<'a>] = if has_identity { self.identity } else { &[] };
        let session: &[Attached<'a>] = if has_identity { self.session } else { &[] };
        let of = |layer| move |attached| (layer, attached);
        organization
            .iter()
            .flat_map(|level| level.iter())
            .map(of(Layer::Organization))
            .chain(identity.iter().map(of(Layer::Identity)))
            .chain(session.iter().map(of(Layer::Session)))
    }

    /// The boundary, where it limits the caller: not root.
    pub(crate) fn limiting_boundary(&self) -> Option<&Attached<'a>> {
        let limited = self.principal.has_identity() && self.principal.kind != PrincipalKind::Root;
        self.boundary.as_ref().filter(|_| limited)
    }

    /// Whether the resource belongs to another account than the caller.
    pub(crate) fn is_between_accounts(&self) -> bool {
        !self.resource.owner.is_empty() && self.resource.owner != self.principal.account
    }
}

/// Decides a request.
#[must_use]
pub fn decide<'a>(inputs: &'a Inputs<'a>, request: &Request<'_>) -> Decision<'a> {
    match evaluate(inputs, request) {
        Ok(grant) => Decision::Allowed(grant),
        Err(denial) => Decision::Denied(denial),
    }
}

/// What a caller of another account may hear of a denial in place of its reason, unless the resource's own policy lets it
/// in: denies of its own, under conditions, would tell it of the resource's tags and whether there is one.
#[must_use]
pub fn withheld<'a>(inputs: &Inputs<'a>, request: &Request<'_>) -> Option<Denial<'a>> {
    let lets = |document: &Document| {
        document.denying(inputs.principal, request).is_none() && document.allowing(inputs.principal, request).is_some()
    };
    let is_let = inputs.resource.policy.as_ref().is_some_and(|policy| lets(policy.document));
    (inputs.is_between_accounts() && !is_let).then_some(Denial::NoAllow(inputs.resource.rule.layer()))
}

fn evaluate<'a>(inputs: &'a Inputs<'a>, request: &Request<'_>) -> Result<Grant<'a>, Denial<'a>> {
    let principal = inputs.principal;
    if let Some(found) = find_deny(inputs, request) {
        return Err(Denial::Explicit(found));
    }
    if !principal.is_free_of_organization()
        && !inputs.organization.iter().all(|level| allowed_by(Layer::Organization, level, principal, request).is_some())
    {
        return Err(Denial::NoAllow(Layer::Organization));
    }
    if let Some(endpoint) = &inputs.endpoint
        && endpoint.document.allowing(principal, request).is_none()
    {
        return Err(Denial::NoAllow(Layer::Endpoint));
    }
    let resource = inputs.resource.policy.as_ref().and_then(|policy| {
        let (statement, directness) = policy.document.allowing(principal, request)?;
        Some((Found { layer: inputs.resource.rule.layer(), policy, statement }, directness))
    });
    if !principal.has_identity() {
        let (found, _) = resource.ok_or(Denial::NoAllow(inputs.resource.rule.layer()))?;
        return Ok(Grant { resource: Some(found), ..Grant::default() });
    }
    if inputs.is_between_accounts() {
        let (found, _) = resource.ok_or(Denial::NoAllow(inputs.resource.rule.layer()))?;
        let grant = identity_grant(inputs, request)?;
        return Ok(Grant { resource: Some(found), ..grant });
    }
    within_account(inputs, request, resource)
}

/// Within one account.
fn within_account<'a>(
    inputs: &'a Inputs<'a>,
    request: &Request<'_>,
    resource: Option<(Found<'a>, Directness)>,
) -> Result<Grant<'a>, Denial<'a>> {
    let must_allow = inputs.resource.rule != ResourceRule::Either;
    match resource {
        // Named itself: neither boundary nor session policy limits it.
        Some((found, Directness::Itself)) => Ok(Grant { resource: Some(found), ..Grant::default() }),
        Some((found, Directness::Issuer)) => {
            let grant = Grant { resource: Some(found), ..Grant::default() };
            limits(inputs, request, grant)
        }
        Some((found, Directness::Account)) => {
            let grant = identity_grant(inputs, request)?;
            Ok(if must_allow { Grant { resource: Some(found), ..grant } } else { grant })
        }
        None if must_allow => Err(Denial::NoAllow(inputs.resource.rule.layer())),
        None => identity_grant(inputs, request),
    }
}

/// What the identity's own policies grant within their bounds. Root has everything.
fn identity_grant<'a>(inputs: &'a Inputs<'a>, request: &Request<'_>) -> Result<Grant<'a>, Denial<'a>> {
    if inputs.principal.kind == PrincipalKind::Root {
        return Ok(Grant::default());
    }
    let found = allowed_by(Layer::Identity, inputs.identity, inputs.principal, request);
    let grant = Grant { identity: Some(found.ok_or(Denial::NoAllow(Layer::Identity))?), ..Grant::default() };
    limits(inputs, request, grant)
}

/// Boundary and session policies.
fn limits<'a>(inputs: &'a Inputs<'a>, request: &Request<'_>, grant: Grant<'a>) -> Result<Grant<'a>, Denial<'a>> {
    if let Some(boundary) = inputs.limiting_boundary()
        && boundary.document.allowing(inputs.principal, request).is_none()
    {
        return Err(Denial::NoAllow(Layer::Boundary));
    }
    let has_default = !matches!(inputs.principal.kind, PrincipalKind::FederatedUser { .. });
    if (!inputs.session.is_empty() || !has_default)
        && allowed_by(Layer::Session, inputs.session, inputs.principal, request).is_none()
    {
        return Err(Denial::NoAllow(Layer::Session));
    }
    Ok(grant)
}

/// The first policy of several that allows.
fn allowed_by<'a>(
    layer: Layer,
    policies: &'a [Attached<'a>],
    principal: &Principal,
    request: &Request<'_>,
) -> Option<Found<'a>> {
    policies.iter().find_map(|policy| {
        policy.document.allowing(principal, request).map(|(statement, _)| Found { layer, policy, statement })
    })
}

/// A Deny of any policy in play.
fn find_deny<'a>(inputs: &'a Inputs<'a>, request: &Request<'_>) -> Option<Found<'a>> {
    let resource = inputs.resource.policy.as_ref().map(|policy| (inputs.resource.rule.layer(), policy));
    let endpoint = inputs.endpoint.as_ref().map(|policy| (Layer::Endpoint, policy));
    let boundary = inputs.limiting_boundary().map(|policy| (Layer::Boundary, policy));
    inputs.layers().chain(resource).chain(boundary).chain(endpoint).find_map(|(layer, policy)| {
        let statement = policy.document.denying(inputs.principal, request)?;
        Some(Found { layer, policy, statement })
    })
}

impl ResourceRule {
    pub(crate) const fn layer(self) -> Layer {
        match self {
            Self::Either | Self::MustAllow => Layer::Resource,
            Self::Trust => Layer::Trust,
        }
    }
}
