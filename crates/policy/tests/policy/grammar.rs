//! What is a policy of which kind, and IAM's texts for what is none.

use serde_json::{Value, json};
use strongroom_policy::{Document, DocumentKind, Malformed, Problem};

fn statement() -> Value {
    json!({ "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*" })
}

fn trust() -> Value {
    json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": "111122223333" } })
}

fn with(mut statement: Value, name: &str, value: Value) -> Value {
    let members = statement.as_object_mut().expect("a statement");
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.into(), value)
    };
    statement
}

fn parse(kind: DocumentKind, statements: &Value) -> Result<Document, Malformed> {
    Document::parse(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string(), kind)
}

fn text(kind: DocumentKind, statements: &Value) -> String {
    match parse(kind, statements) {
        Ok(_) => panic!("accepted: {statements}"),
        Err(error) => error.client_text().to_owned(),
    }
}

const SYNTAX: &str = "Syntax errors in policy.";

#[test]
fn policies_of_identities_are_checked_in_the_order_of_iam() {
    let refused = |name: &str, value: Value| text(DocumentKind::Identity, &with(statement(), name, value));
    assert_eq!(refused("Effect", Value::Null), SYNTAX);
    assert_eq!(refused("Effect", json!("allow")), SYNTAX);
    assert_eq!(refused("Action", Value::Null), "Policy statement must contain actions.");
    assert_eq!(refused("Action", json!([])), "Policy statement must contain actions.");
    assert_eq!(refused("Resource", Value::Null), "Policy statement must contain resources.");
    assert_eq!(refused("Resource", json!([])), "Policy statement must contain resources.");
    assert_eq!(refused("Principal", json!("*")), "Policy document should not specify a principal.");
    assert_eq!(refused("NotAction", json!("a:b")), SYNTAX);
    assert_eq!(refused("NotResource", json!("*")), SYNTAX);
    assert_eq!(refused("Resources", json!("*")), SYNTAX);
    assert_eq!(refused("Condition", json!({ "StringIs": { "aws:username": "a" } })), SYNTAX);
    assert_eq!(
        refused("Condition", json!({ "DateLessThan": { "aws:CurrentTime": "tomorrow" } })),
        "The policy failed legacy parsing"
    );
    let vendor = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
    assert_eq!(refused("Action", json!("GetSecretValue")), vendor);
    assert_eq!(refused("Action", json!("")), vendor);
    assert_eq!(refused("Action", json!("a:b:c")), "Actions/Condition can contain only one colon.");
    assert_eq!(refused("Action", json!("a b:c")), "Vendor a b is not valid");
    assert_eq!(refused("Action", json!(7)), SYNTAX);
    assert_eq!(refused("Resource", json!("db")), "Resource db must be in ARN format or \"*\".");
    assert_eq!(refused("Resource", json!("")), "Resource  must be in ARN format or \"*\".");
    assert_eq!(refused("Resource", json!("a:b:c")), "Partition \"b\" is not valid for resource \"arn:b:c:*:*:*\".");
    assert_eq!(
        refused("Resource", json!("arn:aws:*:::x")),
        "Resource vendor must be fully qualified and cannot contain regexes."
    );
    assert_eq!(
        refused("Resource", json!("arn:aws:iam:us-east-1:111122223333:user/a")),
        "IAM resource arn:aws:iam:us-east-1:111122223333:user/a cannot contain region information."
    );
    assert!(refused("Sid", json!("a-b")).starts_with("Statement IDs (SID) must be alpha-numeric."));
    // Of several faults the one of the earlier check.
    let several = with(with(statement(), "Resource", Value::Null), "Action", json!("x"));
    assert_eq!(text(DocumentKind::Identity, &several), vendor);
    let twins = json!([with(statement(), "Sid", json!("a")), with(several, "Sid", json!("a"))]);
    assert_eq!(text(DocumentKind::Identity, &twins), "Statement IDs (SID) in a single policy must be unique.");
}

#[test]
fn what_users_write_is_accepted() {
    for (name, value) in [
        ("Sid", json!("")),
        ("Action", json!(["*", "*:*", "secretsmanager:Get*", "execute-api:Invoke"])),
        ("Resource", json!(["arn:aws:sqs", "arn:aws:s3:::bucket/*", "arn:*:iam::*:role/${aws:username}"])),
        ("Condition", json!({})),
        (
            "Condition",
            json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": 3600 }, "Bool": { "aws:ViaAWSService": true } }),
        ),
        ("Condition", json!({ "DateGreaterThan": { "aws:CurrentTime": ["2026-01-01T00:00:00Z", "1700000000"] } })),
    ] {
        let statement = with(statement(), name, value);
        assert!(parse(DocumentKind::Managed, &statement).is_ok(), "{statement}");
    }
}

#[test]
fn only_managed_policies_have_to_be_of_the_new_version() {
    let of = |version: Value, kind| {
        let mut document = json!({ "Version": version, "Statement": statement() });
        if document["Version"].is_null() {
            document.as_object_mut().expect("an object").remove("Version");
        }
        Document::parse(&document.to_string(), kind).map_err(|error| error.client_text().to_owned())
    };
    for version in [Value::Null, json!("2008-10-17")] {
        assert!(of(version.clone(), DocumentKind::Identity).is_ok());
        let error = of(version, DocumentKind::Managed).expect_err("too old");
        assert_eq!(error, "Policy document must be version 2012-10-17 or greater.");
    }
    assert_eq!(of(json!("2012-10-18"), DocumentKind::Identity).expect_err("unknown"), SYNTAX);
    assert!(of(json!("2012-10-17"), DocumentKind::Managed).is_ok());
}

#[test]
fn trust_policies_have_texts_of_their_own() {
    let refused = |name: &str, value: Value| text(DocumentKind::Trust, &with(trust(), name, value));
    assert!(parse(DocumentKind::Trust, &trust()).is_ok());
    assert!(parse(DocumentKind::Trust, &with(trust(), "Action", json!(["sts:AssumeRole", "sts:TagSession"]))).is_ok());
    assert!(parse(DocumentKind::Trust, &with(trust(), "Principal", json!("*"))).is_ok());
    assert_eq!(refused("Resource", json!("*")), "Has prohibited field Resource");
    assert_eq!(refused("NotResource", json!("*")), "AssumeRole policy must not contain resources.");
    assert_eq!(refused("Principal", Value::Null), "Missing required field Principal");
    assert_eq!(refused("Principal", json!({})), "Missing required field Principal cannot be empty!");
    assert_eq!(refused("Principal", json!("111122223333")), "Principal must be a JSON object.");
    assert_eq!(refused("Action", Value::Null), "Missing required field Action");
    assert_eq!(refused("Effect", Value::Null), "Missing required field Effect");
    let sts = "AssumeRole policy may only specify STS AssumeRole actions.";
    assert_eq!(refused("Action", json!("*")), sts);
    assert_eq!(refused("Action", json!(["sts:AssumeRole", "iam:PassRole"])), sts);
    assert_eq!(refused("Principal", json!({ "AWS": "nobody" })), "Invalid principal in policy: \"AWS\":\"nobody\"");
    assert_eq!(
        refused("Principal", json!({ "Service": "lambda" })),
        "Invalid principal in policy: \"SERVICE\":\"lambda\""
    );
    assert_eq!(
        refused("Principal", json!({ "Federated": "cognito-identity.amazonaws.com" })),
        "A condition block must be present for the Cognito provider"
    );
    assert_eq!(
        Document::parse("{", DocumentKind::Trust).expect_err("no JSON").client_text(),
        "This policy contains invalid Json"
    );
    assert_eq!(
        Malformed::unknown_principal("AWS", "arn:aws:iam::111122223333:user/gone").client_text(),
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/gone\""
    );
}

#[test]
fn faults_tell_where_and_why() {
    let statements =
        json!([statement(), with(statement(), "Condition", json!({ "StringLik": { "aws:username": "a" } }))]);
    let error = parse(DocumentKind::Identity, &statements).expect_err("no such operator");
    assert_eq!(error.to_string(), "Statement[1].Condition.StringLik: is no condition operator");
    assert_eq!(error.problem, Problem::Syntax);
    let error = Document::parse("{\n  \"Version\" 1}", DocumentKind::Identity).expect_err("no JSON");
    assert_eq!(error.to_string(), "the document: a colon is missing at line 2 column 13");
}

#[test]
fn limits_hold() {
    let long = with(statement(), "Sid", json!("a".repeat(140_000)));
    assert_eq!(text(DocumentKind::Identity, &long), SYNTAX);
    let spaced = "{ \"Version\": \"2012-10-17\",\n \"Statement\": { \"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\" } }";
    let document = Document::parse(spaced, DocumentKind::Managed).expect("a policy");
    let dense = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}";
    assert_eq!(document.minified_chars(), dense.len());
    assert!(document.size_bytes() > 100);
}

#[test]
fn documents_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Document>();
}
