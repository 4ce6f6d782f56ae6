//! Decisions: which policies have to allow, for which principals, and who is named as the one that did not.

use serde_json::{Value, json};
use strongroom_policy::{
    Action, Attached, Decision, Denial, Document, DocumentKind, Inputs, Layer, Principal, Request, ResourcePolicy,
    ResourceRule, Source, Values, decide,
};

pub const ACCOUNT: &str = "111122223333";
pub const OTHER: &str = "444455556666";
pub const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf";
const USER: &str = "arn:aws:iam::111122223333:user/ann";
const ROLE: &str = "arn:aws:iam::111122223333:role/app";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/app/i-1";
const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/bob";

pub fn user() -> Principal {
    Principal::user(ACCOUNT, USER, "AIDAAAAAAAAAAAAAAAAAA")
}

fn session() -> Principal {
    Principal::role_session(ACCOUNT, SESSION, ROLE, "AROAAAAAAAAAAAAAAAAAA")
}

fn federated() -> Principal {
    Principal::federated_user(ACCOUNT, FEDERATED, USER, "111122223333:bob")
}

pub fn document(kind: DocumentKind, statements: &Value) -> Document {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    match Document::parse(&text, kind) {
        Ok(document) => document,
        Err(error) => panic!("{error}: {text}"),
    }
}

pub fn identity(statements: &Value) -> Document {
    document(DocumentKind::Identity, statements)
}

/// One statement of an identity on everything.
fn says(effect: &str, action: &str) -> Document {
    identity(&json!({ "Effect": effect, "Action": action, "Resource": "*" }))
}

/// One statement of a resource.
fn for_principal(effect: &str, principal: &Value) -> Document {
    let statement =
        json!({ "Effect": effect, "Principal": principal, "Action": "secretsmanager:GetSecretValue", "Resource": "*" });
    document(DocumentKind::Resource, &statement)
}

pub fn attached(document: &Document) -> Attached<'_> {
    Attached { source: Source::Session, document }
}

fn on_resource(document: &Document) -> ResourcePolicy<'_> {
    ResourcePolicy { policy: Some(attached(document)), ..ResourcePolicy::NONE }
}

/// Allowed, or the layer that denied, with `!` for an explicit deny.
fn outcome(inputs: &Inputs<'_>) -> String {
    let action = Action::new("secretsmanager:GetSecretValue");
    match decide(inputs, &Request::new(&action, SECRET, &())) {
        Decision::Allowed(_) => "allowed".to_owned(),
        Decision::Denied(Denial::Explicit(found)) => format!("{:?}!", found.layer),
        Decision::Denied(Denial::NoAllow(layer)) => format!("{layer:?}"),
    }
}

const READ: &str = "secretsmanager:Get*";
const LIST: &str = "secretsmanager:List*";

#[test]
fn nothing_is_allowed_without_a_policy_but_to_root() {
    assert_eq!(outcome(&Inputs::of(&user())), "Identity");
    assert_eq!(outcome(&Inputs::of(&Principal::root("aws", ACCOUNT))), "allowed");
    assert_eq!(outcome(&Inputs::of(&Principal::anonymous())), "Resource");
    assert_eq!(outcome(&Inputs::of(&Principal::service("lambda.amazonaws.com"))), "Resource");
}

#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let (user, allow, deny) = (user(), says("Allow", "*"), says("Deny", READ));
    let both = [attached(&allow), attached(&deny)];
    let one = [attached(&allow)];
    let denied = [attached(&deny)];
    let anybody = for_principal("Deny", &json!("*"));
    let endpoint = for_principal("Deny", &json!("*"));
    let good = Inputs { identity: &one, ..Inputs::of(&user) };
    assert_eq!(outcome(&good), "allowed");
    assert_eq!(outcome(&Inputs { identity: &both, ..good }), "Identity!");
    assert_eq!(outcome(&Inputs { boundary: Some(attached(&deny)), ..good }), "Boundary!");
    assert_eq!(outcome(&Inputs { session: &both, ..good }), "Session!");
    assert_eq!(outcome(&Inputs { organization: &[&one, &denied], ..good }), "Organization!");
    assert_eq!(outcome(&Inputs { resource: on_resource(&anybody), ..good }), "Resource!");
    assert_eq!(outcome(&Inputs { endpoint: Some(attached(&endpoint)), ..good }), "Endpoint!");
    // Root too.
    let root = Principal::root("aws", ACCOUNT);
    assert_eq!(outcome(&Inputs { resource: on_resource(&anybody), ..Inputs::of(&root) }), "Resource!");
}

#[test]
fn every_limit_has_to_allow() {
    let (user, all, read, list) = (user(), says("Allow", "*"), says("Allow", READ), says("Allow", LIST));
    let (all, read, list) = ([attached(&all)], [attached(&read)], [attached(&list)]);
    let good = Inputs { identity: &read, ..Inputs::of(&user) };
    assert_eq!(
        outcome(&Inputs { boundary: Some(all[0]), session: &all, organization: &[&all, &read], ..good }),
        "allowed"
    );
    assert_eq!(outcome(&Inputs { boundary: Some(list[0]), ..good }), "Boundary");
    assert_eq!(outcome(&Inputs { session: &list, ..good }), "Session");
    assert_eq!(outcome(&Inputs { organization: &[&all, &list], ..good }), "Organization");
    // A level is the union of its policies.
    let union = [list[0], read[0]];
    assert_eq!(outcome(&Inputs { organization: &[&union], ..good }), "allowed");
    assert_eq!(outcome(&Inputs { organization: &[&[]], ..good }), "Organization", "a level without any policy");
    let endpoint = for_principal("Allow", &json!({ "AWS": OTHER }));
    assert_eq!(outcome(&Inputs { endpoint: Some(attached(&endpoint)), ..good }), "Endpoint");
    let endpoint = for_principal("Allow", &json!({ "AWS": ACCOUNT }));
    assert_eq!(outcome(&Inputs { endpoint: Some(attached(&endpoint)), ..good }), "allowed");
}

#[test]
fn root_is_limited_by_the_organisation_and_the_endpoint_only() {
    let root = Principal::root("aws", ACCOUNT);
    let list = says("Allow", LIST);
    let list = [attached(&list)];
    assert_eq!(outcome(&Inputs { boundary: Some(list[0]), ..Inputs::of(&root) }), "allowed");
    assert_eq!(outcome(&Inputs { organization: &[&list], ..Inputs::of(&root) }), "Organization");
}

#[test]
fn services_and_linked_roles_are_free_of_the_organisation() {
    let list = says("Allow", LIST);
    let list = [attached(&list)];
    let read = says("Allow", READ);
    let read = [attached(&read)];
    let linked = "arn:aws:iam::111122223333:role/aws-service-role/rotation.amazonaws.com/Linked";
    let session = Principal::role_session(ACCOUNT, "arn:aws:sts::111122223333:assumed-role/Linked/x", linked, "AROA");
    assert_eq!(outcome(&Inputs { identity: &read, organization: &[&list], ..Inputs::of(&session) }), "allowed");
    let service = Principal::service("lambda.amazonaws.com");
    let policy = for_principal("Allow", &json!({ "Service": "lambda.amazonaws.com" }));
    let inputs = Inputs { organization: &[&list], resource: on_resource(&policy), ..Inputs::of(&service) };
    assert_eq!(outcome(&inputs), "allowed");
}

#[test]
fn within_an_account_who_is_named_itself_is_free_of_boundary_and_session_policy() {
    let list = says("Allow", LIST);
    let list = [attached(&list)];
    let (user, session, federated) = (user(), session(), federated());
    for (principal, named, limited) in [
        (&user, USER, "allowed"),
        (&user, "AIDAAAAAAAAAAAAAAAAAA", "allowed"),
        (&user, "*", "allowed"),
        (&session, SESSION, "allowed"),
        (&session, "*", "allowed"),
        (&session, ROLE, "Boundary"),
        (&session, "AROAAAAAAAAAAAAAAAAAA", "Boundary"),
        (&federated, FEDERATED, "allowed"),
        (&federated, USER, "Boundary"),
        (&user, ACCOUNT, "Identity"),
        (&session, "arn:aws:iam::111122223333:root", "Identity"),
        (&user, "arn:aws:iam::111122223333:user/bob", "Identity"),
    ] {
        let policy = for_principal("Allow", &json!({ "AWS": named }));
        let inputs =
            Inputs { boundary: Some(list[0]), session: &list, resource: on_resource(&policy), ..Inputs::of(principal) };
        assert_eq!(outcome(&inputs), limited, "{named}");
    }
    // Without limits the role's grant suffices by itself.
    let policy = for_principal("Allow", &json!({ "AWS": ROLE }));
    assert_eq!(outcome(&Inputs { resource: on_resource(&policy), ..Inputs::of(&session) }), "allowed");
    let inputs = Inputs { session: &list, resource: on_resource(&policy), ..Inputs::of(&session) };
    assert_eq!(outcome(&inputs), "Session");
}

#[test]
fn a_federated_user_without_a_session_policy_has_only_what_it_is_given_itself() {
    let federated = federated();
    let read = says("Allow", READ);
    let read = [attached(&read)];
    assert_eq!(outcome(&Inputs { identity: &read, ..Inputs::of(&federated) }), "Session");
    assert_eq!(outcome(&Inputs { identity: &read, session: &read, ..Inputs::of(&federated) }), "allowed");
    let policy = for_principal("Allow", &json!({ "AWS": FEDERATED }));
    assert_eq!(outcome(&Inputs { resource: on_resource(&policy), ..Inputs::of(&federated) }), "allowed");
}

#[test]
fn between_accounts_both_have_to_allow() {
    let user = Principal::user(OTHER, "arn:aws:iam::444455556666:user/eve", "AIDABBBBBBBBBBBBBBBBB");
    let read = says("Allow", READ);
    let read = [attached(&read)];
    let list = says("Allow", LIST);
    for named in [OTHER, "arn:aws:iam::444455556666:user/eve", "*"] {
        let policy = for_principal("Allow", &json!({ "AWS": named }));
        let resource = ResourcePolicy { owner: ACCOUNT, ..on_resource(&policy) };
        let both = Inputs { identity: &read, resource, ..Inputs::of(&user) };
        assert_eq!(outcome(&both), "allowed", "{named}");
        assert_eq!(outcome(&Inputs { identity: &[], ..both }), "Identity", "{named}");
        assert_eq!(outcome(&Inputs { boundary: Some(attached(&list)), ..both }), "Boundary", "{named}");
        let without = ResourcePolicy { owner: ACCOUNT, ..ResourcePolicy::NONE };
        assert_eq!(outcome(&Inputs { resource: without, ..both }), "Resource");
    }
    let root = Principal::root("aws", OTHER);
    let policy = for_principal("Allow", &json!({ "AWS": OTHER }));
    let resource = ResourcePolicy { owner: ACCOUNT, ..on_resource(&policy) };
    assert_eq!(outcome(&Inputs { resource, ..Inputs::of(&root) }), "allowed");
}

#[test]
fn policies_of_keys_and_roles_have_to_allow() {
    let (user, read) = (user(), says("Allow", READ));
    let read = [attached(&read)];
    let rule = |rule, policy: &Document, identity: &[Attached<'_>]| {
        let resource = ResourcePolicy { policy: Some(attached(policy)), rule, owner: ACCOUNT };
        outcome(&Inputs { identity, resource, ..Inputs::of(&user) })
    };
    let other = for_principal("Allow", &json!({ "AWS": OTHER }));
    let account = for_principal("Allow", &json!({ "AWS": ACCOUNT }));
    let itself = for_principal("Allow", &json!({ "AWS": USER }));
    assert_eq!(rule(ResourceRule::MustAllow, &other, &read), "Resource");
    assert_eq!(rule(ResourceRule::Trust, &other, &read), "Trust");
    assert_eq!(rule(ResourceRule::MustAllow, &account, &read), "allowed");
    assert_eq!(rule(ResourceRule::MustAllow, &account, &[]), "Identity");
    assert_eq!(rule(ResourceRule::MustAllow, &itself, &[]), "allowed");
    // Root has no more than the key's policy gives its account.
    let root = Principal::root("aws", ACCOUNT);
    let on_root = |policy| {
        let resource = ResourcePolicy { policy: Some(attached(policy)), rule: ResourceRule::MustAllow, owner: ACCOUNT };
        outcome(&Inputs { resource, ..Inputs::of(&root) })
    };
    assert_eq!(on_root(&other), "Resource");
    assert_eq!(on_root(&account), "allowed");
}

#[test]
fn who_has_a_token_of_a_provider_is_judged_by_the_trust_policy_alone() {
    let provider = "arn:aws:iam::111122223333:oidc-provider/token.example.org";
    let web = Principal::web_identity(provider, "token.example.org", "system:serviceaccount:default:app");
    let trust = document(
        DocumentKind::Trust,
        &json!({
            "Effect": "Allow",
            "Principal": { "Federated": provider },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": { "token.example.org:sub": "system:serviceaccount:default:app" } },
        }),
    );
    let resource = ResourcePolicy { policy: Some(attached(&trust)), rule: ResourceRule::Trust, owner: ACCOUNT };
    let inputs = Inputs { resource, ..Inputs::of(&web) };
    let action = Action::new("sts:AssumeRoleWithWebIdentity");
    for (sub, allowed) in [("system:serviceaccount:default:app", true), ("system:serviceaccount:default:other", false)]
    {
        let keys = [("token.example.org:sub", Values::text(sub))];
        assert_eq!(decide(&inputs, &Request::new(&action, ROLE, &keys)).is_allowed(), allowed, "{sub}");
    }
}

#[test]
fn not_principal_spares_only_who_is_listed_with_all_it_is() {
    let session = session();
    let read = says("Allow", READ);
    let read = [attached(&read)];
    let with = |listed: &Value| {
        let statement = json!({ "Effect": "Deny", "NotPrincipal": { "AWS": listed }, "Action": "*", "Resource": "*" });
        let policy = document(DocumentKind::Resource, &statement);
        outcome(&Inputs { identity: &read, resource: on_resource(&policy), ..Inputs::of(&session) })
    };
    assert_eq!(with(&json!([SESSION, ROLE, ACCOUNT])), "allowed");
    assert_eq!(with(&json!([SESSION, ROLE])), "Resource!");
    assert_eq!(with(&json!([ROLE, ACCOUNT])), "Resource!");
    assert_eq!(with(&json!([ACCOUNT])), "Resource!");
    assert_eq!(with(&json!("*")), "allowed");
    let allow = |listed: &str| {
        let statement = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": listed }, "Action": "*", "Resource": "*" });
        let policy = document(DocumentKind::Resource, &statement);
        outcome(&Inputs { resource: on_resource(&policy), ..Inputs::of(&session) })
    };
    assert_eq!(allow(OTHER), "allowed");
    assert_eq!(allow(ACCOUNT), "Identity");
}

#[test]
fn the_deciding_statement_is_told() {
    let (user, policy) = (
        user(),
        identity(&json!([
            { "Sid": "Lists", "Effect": "Allow", "Action": LIST, "Resource": "*" },
            { "Sid": "Reads", "Effect": "Allow", "Action": READ, "Resource": "*" },
        ])),
    );
    let policies = [Attached { source: Source::Managed { arn: "arn:aws:iam::aws:policy/P" }, document: &policy }];
    let inputs = Inputs { identity: &policies, ..Inputs::of(&user) };
    let action = Action::new("secretsmanager:GetSecretValue");
    let decision = decide(&inputs, &Request::new(&action, SECRET, &()));
    let Decision::Allowed(grant) = decision else { panic!("allowed") };
    let found = grant.identity.expect("by the identity's policy");
    assert_eq!((found.layer, found.statement, found.sid()), (Layer::Identity, 1, Some("Reads")));
}
