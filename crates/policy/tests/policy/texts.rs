//! What the client is told, and what the record tells.

use serde_json::json;
use strongroom_policy::{
    Action, Document, DocumentKind, Inputs, Layer, Request, ResourcePolicy, ResourceRule, Values, analyse, decide,
    explain,
};

use crate::decisions::{ACCOUNT, SECRET, attached, document, identity, user};

fn text(inputs: &Inputs<'_>) -> String {
    let action = Action::new("secretsmanager:GetSecretValue");
    let request = Request::new(&action, SECRET, &());
    let decision = decide(inputs, &request);
    decision.denial().expect("denied").client_text(inputs.principal, &request, Some("app/db"))
}

#[test]
fn refusals_have_the_texts_of_aws() {
    let user = user();
    let start = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: secretsmanager:GetSecretValue on \
                 resource: app/db ";
    let no = |name: &str| format!("{start}because no {name} allows the secretsmanager:GetSecretValue action");
    let allow = identity(&json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    let deny = identity(&json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }));
    let list = identity(&json!({ "Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*" }));
    let refusing = document(
        DocumentKind::Resource,
        &json!({ "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*" }),
    );
    let (allow, deny, list) = ([attached(&allow)], [attached(&deny)], [attached(&list)]);
    let good = Inputs { identity: &allow, ..Inputs::of(&user) };
    let refused = ResourcePolicy { policy: Some(attached(&refusing)), ..ResourcePolicy::NONE };
    assert_eq!(text(&Inputs::of(&user)), no("identity-based policy"));
    assert_eq!(text(&Inputs { boundary: Some(list[0]), ..good }), no("permissions boundary"));
    assert_eq!(text(&Inputs { session: &list, ..good }), no("session policy"));
    assert_eq!(text(&Inputs { organization: &[&list], ..good }), no("service control policy"));
    assert_eq!(text(&Inputs { endpoint: Some(list[0]), ..good }), no("VPC endpoint policy"));
    let elsewhere = ResourcePolicy { owner: "444455556666", ..ResourcePolicy::NONE };
    assert_eq!(text(&Inputs { resource: elsewhere, ..good }), no("resource-based policy"));
    let role = ResourcePolicy { rule: ResourceRule::Trust, owner: ACCOUNT, policy: None };
    assert_eq!(text(&Inputs { resource: role, ..good }), no("role trust policy"));
    for (inputs, name) in [
        (Inputs { identity: &deny, ..good }, "an identity-based policy"),
        (Inputs { resource: refused, ..good }, "a resource-based policy"),
        (Inputs { boundary: Some(deny[0]), ..good }, "a permissions boundary"),
        (Inputs { session: &deny, ..good }, "a session policy"),
        (Inputs { organization: &[&deny], ..good }, "a service control policy"),
        (Inputs { endpoint: Some(attached(&refusing)), ..good }, "a VPC endpoint policy"),
    ] {
        assert_eq!(text(&inputs), format!("{start}with an explicit deny in {name}"));
    }
    let action = Action::new("secretsmanager:ListSecrets");
    let request = Request::new(&action, "*", &());
    let inputs = Inputs::of(&user);
    let decision = decide(&inputs, &request);
    assert_eq!(
        decision.denial().expect("denied").client_text(&user, &request, None),
        "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: secretsmanager:ListSecrets because no \
         identity-based policy allows the secretsmanager:ListSecrets action"
    );
}

#[test]
fn the_record_tells_what_was_tried_and_which_conditions_failed() {
    let user = user();
    let policy = identity(&json!([
        { "Effect": "Allow", "Action": "kms:*", "Resource": "*" },
        {
            "Sid": "Home", "Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*",
            "Condition": { "IpAddress": { "aws:SourceIp": "192.0.2.0/24" }, "Bool": { "aws:SecureTransport": "true" } },
        },
    ]));
    let policies = [attached(&policy)];
    let inputs = Inputs { identity: &policies, ..Inputs::of(&user) };
    let action = Action::new("secretsmanager:GetSecretValue");
    let keys = [("aws:SourceIp", Values::text("198.51.100.1"))];
    let told = explain(&inputs, &Request::new(&action, SECRET, &keys));
    assert_eq!((told.decision, told.because.as_str()), ("implicitDeny", "no identity-based policy allows it"));
    assert_eq!(told.tried.len(), 1);
    let tried = &told.tried[0];
    assert_eq!((tried.layer, tried.statement, tried.sid.as_deref()), (Layer::Identity, 1, Some("Home")));
    let unmet: Vec<(&str, bool)> = tried.unmet.iter().map(|unmet| (unmet.key.as_str(), unmet.key_present)).collect();
    assert_eq!(unmet, [("aws:SecureTransport", false), ("aws:SourceIp", true)]);
    let json = told.to_json();
    assert_eq!(json["statements"][0]["sid"], "Home");
    assert!(!json.to_string().contains("198.51.100.1"), "values stay out of the record");
    let keys = [("aws:SourceIp", Values::text("192.0.2.1")), ("aws:SecureTransport", Values::text("true"))];
    let told = explain(&inputs, &Request::new(&action, SECRET, &keys));
    assert_eq!(told.because, "allowed by statement 1 (Home) of identity-based policy of the session");
}

#[test]
fn simulations_get_statements_with_their_places_and_the_keys_that_are_asked_for() {
    let text = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "arn:aws:secretsmanager:*:*:secret:${aws:username}/*"},
    {
      "Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*",
      "Condition": {"StringEquals": {"AWS:ResourceTag/team": "${aws:PrincipalTag/Team, 'none'}"}}
    }
  ]
}"#;
    let policy = Document::parse(text, DocumentKind::Managed).expect("a policy");
    assert_eq!(analyse::context_keys(&[&policy]), ["aws:username", "AWS:ResourceTag/team", "aws:PrincipalTag/Team"]);
    let action = Action::new("secretsmanager:GetSecretValue");
    let keys = [("aws:ResourceTag/Team", Values::text("none"))];
    let request = Request::new(&action, SECRET, &keys);
    let matched = analyse::matched_statements(&policy, &user(), &request);
    let [(1, statement)] = matched.as_slice() else { panic!("the second") };
    assert_eq!((statement.start().line, statement.start().column), (4, 121));
    assert_eq!((statement.end().line, statement.end().column), (8, 6));
    assert_eq!(analyse::missing_keys(&[&policy], &keys), ["aws:PrincipalTag/Team", "aws:username"]);
}
