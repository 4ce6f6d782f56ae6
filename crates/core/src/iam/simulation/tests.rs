//! Tests of simulations of a holder within an organization, which no client of a running server can set up.

use std::sync::Arc;

use serde_json::{Value, json};
use strongroom_policy::{Document, DocumentKind};
use strongroom_wire::iam::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType, PolicyIdentifier,
    PolicyIdentifierPolicyType, SimulatePrincipalPolicyRequest,
};

use super::exclusions;
use super::inputs::Asked;
use super::scene::{Held, Scene};
use crate::caller::{Grants, NamedPolicy, OrganizationPlace, PolicySource};

const ACCOUNT: &str = "111122223333";
const ANN: &str = "arn:aws:iam::111122223333:user/ann";
const ACTION: &str = "secretsmanager:GetSecretValue";

fn policy(source: PolicySource, effect: &str, condition: &Value) -> NamedPolicy {
    let statement = json!({ "Effect": effect, "Action": ACTION, "Resource": "*", "Condition": condition });
    let text = json!({ "Version": "2012-10-17", "Statement": statement }).to_string();
    let document = Arc::new(Document::parse(&text, DocumentKind::Identity).expect("a policy"));
    NamedPolicy { source, document }
}

fn managed(name: &str, effect: &str) -> NamedPolicy {
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
    policy(PolicySource::Managed { arn: arn.into() }, effect, &json!({}))
}

fn inline(holder: &str, name: &str) -> NamedPolicy {
    policy(PolicySource::Inline { holder: holder.into(), name: name.into() }, "Allow", &json!({}))
}

/// What the user Ann has, under service control policies of these effects, a level each.
fn ann(identity: Vec<NamedPolicy>, levels: &[&str]) -> Held {
    let levels = levels.iter().map(|effect| vec![managed("scp", effect)]).collect();
    let place = OrganizationPlace { id: "o-1".into(), path: "o-1/r-1/".into(), levels };
    let grants = Grants { identity, boundary: None, session: None, organization: Some(Arc::new(place)) };
    Held::of(ANN.to_owned(), grants)
}

fn simulated(held: Held) -> EvaluationResult {
    let asked = Asked::from(SimulatePrincipalPolicyRequest {
        policy_source_arn: ANN.to_owned(),
        action_names: vec![ACTION.to_owned()],
        ..SimulatePrincipalPolicyRequest::default()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(Scene::new(ACCOUNT, &asked, held).expect("a scene").result(ACTION))
}

fn by_organization(result: &EvaluationResult) -> Option<bool> {
    result.organizations_decision_detail.as_ref().and_then(|detail| detail.allowed_by_organizations)
}

fn sources(result: &EvaluationResult) -> Vec<&str> {
    let matched = result.matched_statements.iter().flatten();
    matched.filter_map(|statement| statement.source_policy_id.as_deref()).collect()
}

#[test]
fn the_organization_of_a_user_bounds_it() {
    for (levels, decision, allowed) in [
        (&["Allow", "Allow"][..], PolicyEvaluationDecisionType::Allowed, true),
        (&["Allow", "Deny"], PolicyEvaluationDecisionType::ExplicitDeny, false),
        // The management account, and roles of services.
        (&[], PolicyEvaluationDecisionType::Allowed, true),
    ] {
        let result = simulated(ann(vec![managed("read", "Allow")], levels));
        assert_eq!((result.eval_decision, by_organization(&result)), (decision, Some(allowed)), "{levels:?}");
        let shown: &[&str] = if allowed { &["read"] } else { &[] };
        assert_eq!(sources(&result), shown);
    }
    let outside = Held::of(ANN.to_owned(), Grants { identity: vec![managed("read", "Allow")], ..Grants::default() });
    assert_eq!(by_organization(&simulated(outside)), None);
}

#[test]
fn an_organization_can_be_left_out() {
    let list = [PolicyIdentifier {
        policy_type: Some(PolicyIdentifierPolicyType::Scp),
        policy_arn: None,
        inline_policy_identifier: None,
    }];
    let mut held = ann(vec![managed("read", "Allow")], &["Deny"]);
    exclusions::apply(&exclusions::read(&list).expect("an exclusion"), &mut held);
    let result = simulated(held);
    assert_eq!((result.eval_decision, by_organization(&result)), (PolicyEvaluationDecisionType::Allowed, None));
}

#[test]
fn keys_of_the_organization_are_not_missing() {
    let on = |key: &str| json!({ "StringEquals": { key: "x" } });
    let source = || PolicySource::Managed { arn: "arn:aws:iam::111122223333:policy/p".into() };
    let mut held = ann(vec![policy(source(), "Allow", &on("a:identity"))], &[]);
    held.boundary = Some(policy(source(), "Allow", &on("a:boundary")));
    held.levels = Some(vec![vec![managed("scp", "Allow"), policy(source(), "Allow", &on("a:organization"))]]);
    let result = simulated(held);
    assert_eq!(result.eval_decision, PolicyEvaluationDecisionType::ImplicitDeny);
    assert_eq!(result.missing_context_values.as_deref(), Some(&["a:boundary".to_owned(), "a:identity".to_owned()][..]));
}

#[test]
fn a_policy_of_a_user_and_its_groups_counts_once() {
    let group = "arn:aws:iam::111122223333:group/staff";
    let both = vec![managed("read", "Allow"), inline(ANN, "own"), managed("read", "Allow"), inline(group, "own")];
    assert_eq!(sources(&simulated(ann(both, &[]))), ["read", "user_ann_own", "group_staff_own"]);
}

#[test]
fn what_a_simulation_takes_grows_with_resources_keys_and_values() {
    let cost = |resources: usize, keys: usize, value: &str| {
        let condition: serde_json::Map<String, Value> =
            (0..keys).map(|at| (format!("x:k{at}"), json!("v"))).chain([("x:given".to_owned(), json!("v"))]).collect();
        let identity = vec![policy(PolicySource::Session, "Allow", &json!({ "StringLike": condition }))];
        let asked = Asked::from(SimulatePrincipalPolicyRequest {
            policy_source_arn: ANN.to_owned(),
            action_names: vec![ACTION.to_owned()],
            resource_arns: Some((0..resources).map(|at| format!("arn:aws:s3:::b{at}")).collect()),
            context_entries: Some(vec![ContextEntry {
                context_key_name: Some("x:given".to_owned()),
                context_key_values: Some(vec![value.to_owned(); 9]),
                context_key_type: Some(ContextKeyTypeEnum::StringList),
            }]),
            ..SimulatePrincipalPolicyRequest::default()
        });
        Scene::new(ACCOUNT, &asked, ann(identity, &[])).expect("a scene").cost_per_action()
    };
    let one = cost(1, 1, "v");
    assert_eq!(one.checks, 2, "a statement and a key");
    assert_eq!(cost(50, 1, "v"), one.times(50));
    assert!(cost(1, 1, &"v".repeat(2048)).chars > 250 * one.chars);
    assert!(!cost(100, 10, "v").is_too_much());
    assert!(cost(4000, 8000, "v").is_too_much());
    assert!(cost(1000, 30, &"v".repeat(2048)).is_too_much());
}
