//! What the policies of a simulation decide about one action: on each resource, and on all of them together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_policy::{
    Action, Attached, Decision, Denial, Document, Effect, Inputs, Request, ResourcePolicy, ResourceRule,
    Source as Origin, Statement, analyse, decide,
};
use strongroom_wire::iam::{
    EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, PolicyEvaluationDecisionType,
    Position, ResourceSpecificResult, Statement as ShownStatement,
};

use super::scene::{Scene, Source};

/// The kinds of policies as matched statements and details call them, which are not the words of the API's model.
const IDENTITY: &str = "IAM Policy";
/// A policy of the resources.
const RESOURCE: &str = "Resource Policy";
/// The boundary.
const BOUNDARY: &str = "Permissions Boundary Policy";

type Outcome = PolicyEvaluationDecisionType;

/// A statement that bears a decision.
#[derive(Clone, Copy)]
struct Matched<'a> {
    kind: &'static str,
    source: &'a Source,
    at: usize,
    statement: &'a Statement,
}

/// What is decided about one action on one resource.
struct Verdict<'a> {
    outcome: Outcome,
    matched: Vec<Matched<'a>>,
    missing: &'a [String],
    /// Whether the boundary allows; none when there is none, or the organization ended it before.
    by_boundary: Option<bool>,
    by_organization: Option<bool>,
    /// Between accounts, what each kind of policies decides.
    details: BTreeMap<String, Outcome>,
}

impl Scene {
    /// The result of one action.
    pub(super) async fn result(&self, action: &str) -> EvaluationResult {
        let asked = Action::new(action);
        let mut verdicts: Vec<Verdict<'_>> = Vec::with_capacity(self.resources.len());
        for arn in &self.resources {
            verdicts.push(self.verdict(&asked, arn));
            // Others get their turn.
            tokio::task::yield_now().await;
        }
        let outcome = most_restrictive(verdicts.iter().map(|verdict| verdict.outcome));
        let mut details = BTreeMap::new();
        for (kind, decided) in verdicts.iter().flat_map(|verdict| &verdict.details) {
            let before = details.get(kind).copied().unwrap_or(Outcome::Allowed);
            details.insert(kind.clone(), most_restrictive([before, *decided]));
        }
        // All that miss any miss the same, which are sorted.
        let missing = verdicts.iter().map(|verdict| verdict.missing).find(|missing| !missing.is_empty());
        let name = match self.resources.as_slice() {
            [only] => only.as_str(),
            _ => "*",
        };
        let by_organization = all(verdicts.iter().map(|verdict| verdict.by_organization));
        EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: Some(name.to_owned()),
            eval_decision: outcome,
            matched_statements: Some(shown(&together(&verdicts, outcome))),
            missing_context_values: Some(missing.unwrap_or_default().to_vec()),
            organizations_decision_detail: by_organization
                .map(|allowed| OrganizationsDecisionDetail { allowed_by_organizations: Some(allowed) }),
            permissions_boundary_decision_detail: boundary_detail(all(verdicts
                .iter()
                .map(|verdict| verdict.by_boundary))),
            // Empty within an account.
            eval_decision_details: self.names_resources.then_some(details),
            resource_specific_results: self.names_resources.then(|| self.specific(verdicts)),
        }
    }

    fn specific(&self, verdicts: Vec<Verdict<'_>>) -> Vec<ResourceSpecificResult> {
        let of_resource = |(arn, verdict): (&String, Verdict<'_>)| ResourceSpecificResult {
            eval_resource_name: arn.clone(),
            eval_resource_decision: verdict.outcome,
            matched_statements: Some(shown(&verdict.matched)).filter(|shown| !shown.is_empty()),
            missing_context_values: (!verdict.missing.is_empty()).then(|| verdict.missing.to_vec()),
            eval_decision_details: Some(verdict.details).filter(|details| !details.is_empty()),
            permissions_boundary_decision_detail: boundary_detail(verdict.by_boundary),
        };
        self.resources.iter().zip(verdicts).map(of_resource).collect()
    }

    /// Decides about one action on one resource: the organization first, which ends it when it does not allow, then the
    /// rest as for real requests.
    fn verdict(&self, action: &Action, arn: &str) -> Verdict<'_> {
        let request = Request::new(action, arn, &self.context);
        let by_organization = self.organization(&request);
        if let Some(outcome) = by_organization.filter(|outcome| *outcome != Outcome::Allowed) {
            return Verdict {
                outcome,
                matched: Vec::new(),
                missing: &[],
                by_boundary: None,
                by_organization: Some(false),
                details: BTreeMap::new(),
            };
        }
        let identity = self.matching(IDENTITY, &self.identity, &request);
        let resource = self.matching(RESOURCE, self.resource.as_slice(), &request);
        let boundary = self.matching(BOUNDARY, self.boundary.as_slice(), &request);
        let owner = self.owner_of(arn);
        let mut details = BTreeMap::new();
        if owner != self.principal.account {
            details.insert(IDENTITY.to_owned(), outcome_of(&identity));
            details.insert(RESOURCE.to_owned(), outcome_of(&resource));
            if self.boundary.is_some() {
                details.insert(BOUNDARY.to_owned(), outcome_of(&boundary));
            }
        }
        let by_boundary = self.boundary.as_ref().map(|_| outcome_of(&boundary) == Outcome::Allowed);
        let outcome = self.decided(&request, owner);
        let matched = match outcome {
            Outcome::Allowed => bearing(Effect::Allow, identity.into_iter().chain(resource)),
            Outcome::ExplicitDeny => bearing(Effect::Deny, identity.into_iter().chain(resource).chain(boundary)),
            Outcome::ImplicitDeny => Vec::new(),
        };
        let missing = if outcome == Outcome::ImplicitDeny { self.missing.as_slice() } else { &[] };
        let by_organization = by_organization.map(|_| true);
        Verdict { outcome, matched, missing, by_boundary, by_organization, details }
    }

    /// What the service control policies decide: all levels have to allow.
    fn organization(&self, request: &Request<'_>) -> Option<Outcome> {
        let level = |documents: &Vec<Arc<Document>>| {
            let found =
                documents.iter().flat_map(|document| analyse::matched_statements(document, &self.principal, request));
            outcome_of_effects(found.map(|(_, statement)| statement.effect()))
        };
        self.levels.as_ref().map(|levels| most_restrictive(levels.iter().map(level)))
    }

    /// The decision, the organization left aside.
    fn decided(&self, request: &Request<'_>, owner: &str) -> Outcome {
        let identity: Vec<Attached<'_>> = self.identity.iter().map(attached).collect();
        let inputs = Inputs {
            identity: &identity,
            boundary: self.boundary.as_ref().map(attached),
            resource: ResourcePolicy {
                policy: self.resource.as_ref().map(attached),
                rule: ResourceRule::Either,
                owner,
            },
            ..Inputs::of(&self.principal)
        };
        match decide(&inputs, request) {
            Decision::Allowed(_) => Outcome::Allowed,
            Decision::Denied(Denial::Explicit(_)) => Outcome::ExplicitDeny,
            Decision::Denied(Denial::NoAllow(_)) => Outcome::ImplicitDeny,
        }
    }

    /// The account that owns a resource: the given one, else the one in its ARN, else the caller's. Without a policy of
    /// the resource it does not matter.
    fn owner_of<'a>(&'a self, arn: &'a str) -> &'a str {
        if self.resource.is_none() {
            return &self.principal.account;
        }
        let in_arn = arn.split(':').nth(4).filter(|account| !account.is_empty());
        self.owner.as_deref().or(in_arn).unwrap_or(&self.principal.account)
    }

    /// The statements of some policies that apply.
    fn matching<'a>(&'a self, kind: &'static str, sources: &'a [Source], request: &Request<'_>) -> Vec<Matched<'a>> {
        let of_source = |source: &'a Source| {
            let found = analyse::matched_statements(&source.document, &self.principal, request);
            found.into_iter().map(move |(at, statement)| Matched { kind, source, at, statement })
        };
        sources.iter().flat_map(of_source).collect()
    }
}

/// A policy in the engine's form. Where it comes from does not matter to the decision.
fn attached(source: &Source) -> Attached<'_> {
    Attached { source: Origin::Session, document: &source.document }
}

fn outcome_of(matched: &[Matched<'_>]) -> Outcome {
    outcome_of_effects(matched.iter().map(|matched| matched.statement.effect()))
}

fn outcome_of_effects(effects: impl Iterator<Item = Effect>) -> Outcome {
    let mut outcome = Outcome::ImplicitDeny;
    for effect in effects {
        match effect {
            Effect::Deny => return Outcome::ExplicitDeny,
            Effect::Allow => outcome = Outcome::Allowed,
        }
    }
    outcome
}

/// An explicit deny before an implicit one before none; nothing at all allows.
fn most_restrictive(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    let severity = |outcome: &Outcome| match outcome {
        Outcome::Allowed => 0,
        Outcome::ImplicitDeny => 1,
        Outcome::ExplicitDeny => 2,
    };
    outcomes.into_iter().max_by_key(severity).unwrap_or(Outcome::Allowed)
}

/// Whether all that are known are true; nothing when none is known.
fn all(known: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    known.flatten().reduce(|one, other| one && other)
}

fn bearing<'a>(effect: Effect, matched: impl Iterator<Item = Matched<'a>>) -> Vec<Matched<'a>> {
    matched.filter(|matched| matched.statement.effect() == effect).collect()
}

/// The statements of all resources, each once; of an explicit deny the denying ones alone.
fn together<'a>(verdicts: &[Verdict<'a>], outcome: Outcome) -> Vec<Matched<'a>> {
    let mut seen = BTreeSet::new();
    let matched = verdicts.iter().flat_map(|verdict| verdict.matched.iter().copied());
    let bears = |matched: &Matched<'a>| {
        let denies = matched.statement.effect() == Effect::Deny;
        denies == (outcome == Outcome::ExplicitDeny) && seen.insert((matched.kind, &matched.source.id, matched.at))
    };
    matched.filter(bears).collect()
}

fn shown(matched: &[Matched<'_>]) -> Vec<ShownStatement> {
    let position = |position: strongroom_policy::Position| Position {
        line: i32::try_from(position.line).ok(),
        column: i32::try_from(position.column).ok(),
    };
    let statement = |matched: &Matched<'_>| ShownStatement {
        source_policy_id: Some(matched.source.id.clone()),
        source_policy_type: Some(matched.kind.to_owned()),
        start_position: Some(position(matched.statement.start())),
        end_position: Some(position(matched.statement.end())),
    };
    matched.iter().map(statement).collect()
}

fn boundary_detail(allowed: Option<bool>) -> Option<PermissionsBoundaryDecisionDetail> {
    allowed.map(|allowed| PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) })
}
