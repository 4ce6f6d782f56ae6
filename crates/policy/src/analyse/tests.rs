//! Tests of questions about policies.

use serde_json::{Value, json};

use super::*;
use crate::decide::{ResourcePolicy, Source};
use crate::document::DocumentKind;
use crate::request::Action;

const ACCOUNT: &str = "111122223333";

fn document(kind: DocumentKind, statements: &Value) -> Document {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Document::parse(&text, kind).expect("a policy")
}

fn attached(document: &Document) -> Attached<'_> {
    Attached { source: Source::Session, document }
}

#[test]
fn a_policy_that_denies_its_author_is_noticed() {
    let author = Principal::user(ACCOUNT, "arn:aws:iam::111122223333:user/ann", "AIDA");
    let allow = document(DocumentKind::Identity, &json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    let identity = [attached(&allow)];
    let action = Action::new("secretsmanager:PutResourcePolicy");
    let request = Request::new(&action, "arn:aws:secretsmanager:us-east-1:111122223333:secret:a-AbCdEf", &());
    for (condition, locked) in [
        (json!({}), true),
        (json!({ "StringEquals": { "aws:PrincipalTag/team": "blue" } }), false),
        (json!({ "StringNotEquals": { "aws:SourceVpc": "vpc-1" } }), true),
    ] {
        let new = document(
            DocumentKind::Resource,
            &json!({ "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:*", "Resource": "*", "Condition": condition }),
        );
        let resource = ResourcePolicy { policy: Some(attached(&new)), owner: ACCOUNT, ..ResourcePolicy::NONE };
        let inputs = Inputs { identity: &identity, resource, ..Inputs::of(&author) };
        assert_eq!(would_lock_out(&inputs, &request), locked, "{condition}");
    }
}

#[test]
fn who_can_and_what_can_tell_the_statements() {
    let ann = Principal::user(ACCOUNT, "arn:aws:iam::111122223333:user/ann", "AIDA");
    let bob = Principal::user(ACCOUNT, "arn:aws:iam::111122223333:user/bob", "AIDB");
    let policy = document(
        DocumentKind::Resource,
        &json!([
            { "Effect": "Allow", "Principal": { "AWS": bob.arn }, "Action": "secretsmanager:Get*", "Resource": "*" },
            { "Effect": "Deny", "Principal": { "AWS": ann.arn }, "Action": "secretsmanager:Put*", "Resource": "*" },
        ]),
    );
    let resource = ResourcePolicy { policy: Some(attached(&policy)), owner: ACCOUNT, ..ResourcePolicy::NONE };
    let of_ann = Inputs { resource, ..Inputs::of(&ann) };
    let of_bob = Inputs { resource, ..Inputs::of(&bob) };
    let action = Action::new("secretsmanager:GetSecretValue");
    let request = Request::new(&action, "arn:aws:secretsmanager:us-east-1:111122223333:secret:a-AbCdEf", &());
    let can: Vec<(&str, usize)> = who_can([(&of_ann, request), (&of_bob, request)])
        .map(|(inputs, grant)| (inputs.principal.arn.as_str(), grant.resource.expect("by the resource").statement))
        .collect();
    assert_eq!(can, [("arn:aws:iam::111122223333:user/bob", 0)]);
    let about = |inputs| what_can(inputs).into_iter().map(|(layer, _, at)| (layer, at)).collect::<Vec<_>>();
    assert_eq!(about(&of_ann), [(Layer::Resource, 1)]);
    assert_eq!(about(&of_bob), [(Layer::Resource, 0)]);
}

#[test]
fn a_simulation_shows_what_decided() {
    let policy = document(
        DocumentKind::Identity,
        &json!([
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "kms:*", "Resource": "*" },
        ]),
    );
    let user = Principal::user(ACCOUNT, "arn:aws:iam::111122223333:user/ann", "AIDA");
    let identity = [attached(&policy)];
    let inputs = Inputs { identity: &identity, ..Inputs::of(&user) };
    for (action, eval, shown) in [("kms:Decrypt", "explicitDeny", 1), ("sqs:SendMessage", "allowed", 0)] {
        let action = Action::new(action);
        let request = Request::new(&action, "*", &());
        let decision = decide(&inputs, &request);
        assert_eq!(decision.eval_decision(), eval);
        let matched = matched_statements(&policy, &user, &request);
        let found: Vec<usize> =
            matched.iter().filter(|(_, statement)| shows(&decision, statement)).map(|(at, _)| *at).collect();
        assert_eq!(found, [shown]);
    }
}
