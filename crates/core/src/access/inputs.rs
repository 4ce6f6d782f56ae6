//! Gathers the policies that a decision is made of, from the caller, the resource and the way of the request.

use strongroom_policy::{Attached, Document, DocumentKind, Inputs, ResourcePolicy, ResourceRule, Source};
use strongroom_types::AccountId;

use super::{RequestKeys, Resource};
use crate::caller::{Caller, NamedPolicy, PolicySource};
use crate::ctx::Ctx;
use crate::error::Error;

/// The policy of what is acted on.
///
/// # Errors
/// A fault when the stored policy does not read: it might have denied something.
pub(super) fn policy_of(resource: &Resource) -> Result<Option<&Document>, Error> {
    let policy = match resource {
        Resource::Secret(secret) => secret.found.as_ref().and_then(|found| found.value.policy.as_ref()),
        Resource::Key(key) => key.found.as_ref().map(|found| &found.value.policy),
        Resource::Function(function) => function.policy().map(|policy| &policy.text),
        Resource::Account | Resource::List(_) | Resource::Entity(_) | Resource::Database(_) => None,
    };
    Ok(policy.map(|policy| policy.compiled(DocumentKind::Resource)).transpose()?.map(AsRef::as_ref))
}

/// The policies in play, borrowed from where they are kept.
pub(super) struct Gathered<'a> {
    cx: &'a Ctx,
    caller: &'a Caller,
    identity: Vec<Attached<'a>>,
    session: Vec<Attached<'a>>,
    levels: Vec<Vec<Attached<'a>>>,
    resource: Option<&'a Document>,
    rule: ResourceRule,
    through_service: bool,
}

impl<'a> Gathered<'a> {
    /// The policies for a request of `caller` on what has the policy `resource`.
    pub(super) fn of(
        cx: &'a Ctx,
        caller: &'a Caller,
        resource: Option<&'a Document>,
        rule: ResourceRule,
        request: &dyn RequestKeys,
    ) -> Self {
        let grants = &caller.grants;
        let levels = grants.organization.as_ref().map(|place| place.levels.as_slice()).unwrap_or_default();
        Self {
            cx,
            caller,
            identity: grants.identity.iter().map(attached).collect(),
            session: grants.session.iter().flatten().map(attached).collect(),
            levels: levels.iter().map(|level| level.iter().map(attached).collect()).collect(),
            resource,
            rule,
            through_service: request.is_through_service(),
        }
    }

    /// Hands them to `decide` in the form that the engine takes them.
    pub(super) fn with_inputs<T>(&self, arn: &str, owner: &AccountId, decide: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let levels: Vec<&[Attached<'_>]> = self.levels.iter().map(Vec::as_slice).collect();
        let grants = &self.caller.grants;
        // What a service does for its caller does not come through the caller's endpoint.
        let endpoint = self.cx.way.endpoint.as_ref().filter(|_| !self.through_service);
        let policy = self.resource.map(|document| Attached { source: Source::Resource { arn }, document });
        decide(&Inputs {
            principal: &self.caller.policy,
            identity: &self.identity,
            boundary: grants.boundary.as_ref().map(attached),
            session: &self.session,
            organization: &levels,
            resource: ResourcePolicy { policy, rule: self.rule, owner: owner.as_str() },
            endpoint: endpoint.map(|endpoint| attached(&endpoint.policy)),
        })
    }
}

/// A policy in the engine's form.
pub(super) fn attached(policy: &NamedPolicy) -> Attached<'_> {
    let source = match &policy.source {
        PolicySource::Managed { arn } => Source::Managed { arn },
        PolicySource::Inline { holder, name } => Source::Inline { holder, name },
        PolicySource::Session => Source::Session,
        PolicySource::Endpoint { id } => Source::Resource { arn: id },
    };
    Attached { source, document: &policy.document }
}
