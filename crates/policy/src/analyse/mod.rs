//! Questions about policies themselves: broad access, lock-out, who can do what, and what a simulation shows.

mod breadth;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::decide::{Attached, Inputs, decide};
use crate::decision::{Decision, Denial, Grant, Layer};
use crate::document::Document;
use crate::keys::Keys;
use crate::principal::Principal;
use crate::request::Request;
use crate::statement::{Effect, Statement};

/// Whether a request that someone is to be able to make would be denied: such as putting another policy in place of the
/// one that stands in `inputs` as the resource's. Who may not make it could not undo what is being done.
#[must_use]
pub fn would_lock_out(inputs: &Inputs<'_>, request: &Request<'_>) -> bool {
    !decide(inputs, request).is_allowed()
}

/// Those of several callers that may make their request, and by which statements.
pub fn who_can<'a>(
    callers: impl IntoIterator<Item = (&'a Inputs<'a>, Request<'a>)>,
) -> impl Iterator<Item = (&'a Inputs<'a>, Grant<'a>)> {
    callers.into_iter().filter_map(|(inputs, request)| match decide(inputs, &request) {
        Decision::Allowed(grant) => Some((inputs, grant)),
        Decision::Denied(_) => None,
    })
}

/// All statements in play that are about a caller: what it can do is what the allowing ones of them have in common with
/// the limits, without what the denying ones take.
#[must_use]
pub fn what_can<'a>(inputs: &'a Inputs<'a>) -> Vec<(Layer, &'a Attached<'a>, usize)> {
    let resource = inputs.resource.policy.as_ref().map(|policy| (inputs.resource.rule.layer(), policy));
    let endpoint = inputs.endpoint.as_ref().map(|policy| (Layer::Endpoint, policy));
    let boundary = inputs.limiting_boundary().map(|policy| (Layer::Boundary, policy));
    let mut found = Vec::new();
    for (layer, attached) in inputs.layers().chain(resource).chain(boundary).chain(endpoint) {
        let about = |statement: &Statement| statement.covers(inputs.principal).is_some();
        let statements = attached.document.statements().iter().enumerate();
        found.extend(statements.filter(|(_, statement)| about(statement)).map(|(at, _)| (layer, attached, at)));
    }
    found
}

/// The keys that a policy asks for, in conditions and variables, as they are first written; for
/// GetContextKeysForCustomPolicy and its like.
#[must_use]
pub fn context_keys(documents: &[&Document]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut keys = Vec::new();
    for statement in documents.iter().flat_map(|document| document.statements()) {
        let of_conditions = statement.conditions().iter().map(|condition| condition.key().to_owned());
        let of_variables = statement.variables().map(|variable| variable.written.to_string());
        for key in of_conditions.chain(of_variables) {
            if seen.insert(key.to_ascii_lowercase()) {
                keys.push(key);
            }
        }
    }
    keys
}

/// The keys that the policies ask for, whatever their statements are about, and that are not among those given:
/// `MissingContextValues` of a simulation, sorted.
#[must_use]
pub fn missing_keys(documents: &[&Document], given: &dyn Keys) -> Vec<String> {
    let mut keys = context_keys(documents);
    keys.retain(|key| given.get(&key.to_ascii_lowercase()).is_none());
    keys.sort_unstable();
    keys
}

/// The statements of one policy that apply to a request: `MatchedStatements` of a simulation, which shows the denying
/// ones if there are any, else the allowing ones.
#[must_use]
pub fn matched_statements<'a>(
    document: &'a Document,
    principal: &Principal,
    request: &Request<'_>,
) -> Vec<(usize, &'a Statement)> {
    let applies =
        |statement: &Statement| statement.concerns(principal, request).is_some() && statement.conditions_hold(request);
    document.statements().iter().enumerate().filter(|(_, statement)| applies(statement)).collect()
}

/// Whether the decision of a simulation rests on a statement: denying ones of an explicit deny, allowing ones else.
#[must_use]
pub const fn shows(decision: &Decision<'_>, statement: &Statement) -> bool {
    match decision {
        Decision::Denied(Denial::Explicit(_)) => matches!(statement.effect(), Effect::Deny),
        _ => matches!(statement.effect(), Effect::Allow),
    }
}
