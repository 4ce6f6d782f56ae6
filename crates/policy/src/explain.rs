//! The whole reason of a decision, for the audit record and for whoever runs the server; never for the client.

use serde_json::{Value as Json, json};

use crate::decide::{Inputs, Source, decide};
use crate::decision::{Decision, Denial, Found, Layer};
use crate::request::Request;
use crate::statement::Statement;

/// Statements that an explanation lists at most, so that a record stays small.
const TRIED_MAX: usize = 20;

/// The whole reason of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The caller's ARN.
    pub principal: String,
    /// The action.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: &'static str,
    /// One line: by which statement of which policy, or what was missing.
    pub because: String,
    /// The statements that concern the principal, the action and the resource, whether or not their conditions held.
    pub tried: Vec<Tried>,
}

/// A statement that concerns the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The layer of its policy.
    pub layer: Layer,
    /// The policy: an ARN, or a name inside an identity's ARN.
    pub policy: String,
    /// Which statement, from 0.
    pub statement: usize,
    /// Its Sid.
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    pub effect: &'static str,
    /// The conditions that did not hold; none when it applied.
    pub unmet: Vec<Unmet>,
}

/// A condition that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Its operator.
    pub operator: String,
    /// Its key.
    pub key: String,
    /// Whether the request has the key. Its value is left out, so that a record repeats nothing of a request.
    pub key_present: bool,
}

/// Works out the whole reason of a decision.
#[must_use]
pub fn explain(inputs: &Inputs<'_>, request: &Request<'_>) -> Explanation {
    let decision = decide(inputs, request);
    let resource = inputs.resource.policy.as_ref().map(|policy| (inputs.resource.rule.layer(), policy));
    let endpoint = inputs.endpoint.as_ref().map(|policy| (Layer::Endpoint, policy));
    let boundary = inputs.limiting_boundary().map(|policy| (Layer::Boundary, policy));
    let mut tried = Vec::new();
    for (layer, attached) in inputs.layers().chain(resource).chain(boundary).chain(endpoint) {
        for (at, statement) in attached.document.statements().iter().enumerate() {
            if tried.len() < TRIED_MAX && statement.concerns(inputs.principal, request).is_some() {
                tried.push(Tried {
                    layer,
                    policy: named(attached.source),
                    statement: at,
                    sid: statement.sid().map(ToOwned::to_owned),
                    effect: statement.effect().as_str(),
                    unmet: unmet(statement, request),
                });
            }
        }
    }
    Explanation {
        principal: inputs.principal.arn.clone(),
        action: request.action().to_string(),
        resource: request.resource().to_owned(),
        decision: decision.eval_decision(),
        because: because(&decision),
        tried,
    }
}

fn unmet(statement: &Statement, request: &Request<'_>) -> Vec<Unmet> {
    let missed = statement.conditions().iter().filter(|condition| !condition.holds(statement.effect(), request.keys));
    missed
        .map(|condition| Unmet {
            operator: condition.operator().to_owned(),
            key: condition.key().to_owned(),
            key_present: request.keys.get(condition.folded_key()).is_some(),
        })
        .collect()
}

fn because(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Denied(Denial::NoAllow(layer)) => format!("no {} allows it", layer.name()),
        Decision::Denied(Denial::Explicit(found)) => format!("denied by {}", described(found)),
        Decision::Allowed(grant) => match (&grant.identity, &grant.resource) {
            (Some(identity), Some(resource)) => {
                format!("allowed by {} and {}", described(identity), described(resource))
            }
            (Some(found), None) | (None, Some(found)) => format!("allowed by {}", described(found)),
            (None, None) => "allowed to the root user of the account".to_owned(),
        },
    }
}

fn described(found: &Found<'_>) -> String {
    let sid = found.sid().map(|sid| format!(" ({sid})")).unwrap_or_default();
    format!("statement {}{sid} of {} {}", found.statement, found.layer.name(), named(found.policy.source))
}

fn named(source: Source<'_>) -> String {
    match source {
        Source::Managed { arn } | Source::Resource { arn } => arn.to_owned(),
        Source::Inline { holder, name } => format!("{name} of {holder}"),
        Source::Session => "of the session".to_owned(),
    }
}

impl Explanation {
    /// As JSON, for the audit record.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let tried = self.tried.iter().map(|tried| {
            let unmet = tried
                .unmet
                .iter()
                .map(|unmet| json!({ "operator": unmet.operator, "key": unmet.key, "keyPresent": unmet.key_present }));
            json!({
                "policyType": tried.layer.name(),
                "policy": tried.policy,
                "statement": tried.statement,
                "sid": tried.sid,
                "effect": tried.effect,
                "unmetConditions": unmet.collect::<Json>(),
            })
        });
        json!({
            "principal": self.principal,
            "action": self.action,
            "resource": self.resource,
            "decision": self.decision,
            "because": self.because,
            "statements": tried.collect::<Json>(),
        })
    }
}
