//! Policies of resources as users write them, what is wrong with others, and which of them let in anybody.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use serde_json::{Value, json};
use strongroom_policy::{Document, DocumentKind, Malformed, Problem};

const SYNTAX: Problem = Problem::Syntax;
const PRINCIPAL: Problem = Problem::Principal;
const SERVICE: Problem = Problem::ServicePrincipal;

fn check(text: &str) -> Result<Document, Malformed> {
    Document::parse(text, DocumentKind::Resource)
}

fn broad(policy: &Value) -> bool {
    match check(&policy.to_string()) {
        Ok(policy) => policy.grants_broad_access(),
        Err(error) => panic!("{error}: {policy}"),
    }
}

/// What sort of fault it is, and where.
fn refused(text: &str) -> (Problem, String) {
    match check(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => (error.problem, error.at),
    }
}

fn statement() -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "AWS": "123456789012" },
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    })
}

fn policy(statement: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statement })
}

/// The usual statement with one member changed, or removed by null.
fn with(name: &str, value: Value) -> Value {
    let mut statement = statement();
    let members = statement.as_object_mut().expect("object");
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.into(), value)
    };
    statement
}

fn accepts(name: &str, value: Value) {
    let policy = policy(&with(name, value));
    if let Err(error) = check(&policy.to_string()) {
        panic!("{error}: {policy}");
    }
}

fn refuses(name: &str, value: Value, problem: Problem) {
    let policy = policy(&with(name, value));
    assert_eq!(refused(&policy.to_string()).0, problem, "{policy}");
}

#[test]
fn policies_of_the_user_guide_for_secrets_are_right() {
    let role = json!({ "AWS": "arn:aws:iam::123456789012:role/EC2RoleToAccessSecrets" });
    assert!(!broad(&policy(&json!([with("Principal", role)]))));
    let endpoint = json!({
        "Id": "example-policy-1",
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "RestrictGetSecretValueoperation",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
            "Condition": { "StringNotEquals": { "aws:sourceVpce": "vpce-1234a5678b9012c" } },
        }],
    });
    assert!(!broad(&endpoint));
    let vpcs = json!({
        "Id": "example-policy-2",
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AllowAdministrativeActionsfromONLYvpc-12345678",
                "Effect": "Deny",
                "Principal": "*",
                "Action": [
                    "secretsmanager:Create*", "secretsmanager:Put*", "secretsmanager:Update*",
                    "secretsmanager:Delete*", "secretsmanager:Restore*", "secretsmanager:RotateSecret",
                    "secretsmanager:CancelRotate*", "secretsmanager:TagResource", "secretsmanager:UntagResource",
                ],
                "Resource": "*",
                "Condition": { "StringNotEquals": { "aws:sourceVpc": "vpc-12345678" } },
            },
            {
                "Sid": "AllowSecretValueAccessfromONLYvpc-2b2b2b2b",
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["secretsmanager:GetSecretValue"],
                "Resource": "*",
                "Condition": { "StringNotEquals": { "aws:sourceVpc": "vpc-2b2b2b2b" } },
            },
        ],
    });
    assert!(!broad(&vpcs));
    let tags = json!({
        "StringEquals": { "aws:ResourceTag/AccessProject": "${ aws:PrincipalTag/AccessProject }" },
    });
    assert!(!broad(&policy(&with("Condition", tags))));
    let mut service = with("Principal", json!({ "Service": ["service-name.amazonaws.com"] }));
    service["Condition"] = json!({
        "ArnLike": { "aws:sourceArn": "arn:aws:service-name::123456789012:*" },
        "StringEquals": { "aws:sourceAccount": "123456789012" },
    });
    assert!(!broad(&policy(&json!([service]))));
    let other_account = json!({ "AWS": "arn:aws:iam::210987654321:role/ApplicationRole" });
    assert!(!broad(&policy(&json!([with("Principal", other_account)]))));
}

#[test]
fn policies_of_the_user_guide_for_identities_have_no_principal() {
    let identity = policy(&json!([with("Principal", Value::Null)]));
    assert_eq!(refused(&identity.to_string()), (SYNTAX, "Statement[0]".into()));
}

#[test]
fn what_is_no_policy_document_is_a_syntax_error() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "\"*\"",
        "{",
        "{\"Version\":\"2012-10-17\"}",
        "{\"Statement\":[]}",
        "{\"Statement\":\"*\"}",
        "{\"Statement\":[[]]}",
        "{\"Statement\":[null]}",
        "not json",
    ] {
        assert_eq!(refused(text).0, SYNTAX, "{text}");
    }
    let good = policy(&statement()).to_string();
    assert!(check(&format!(" \n{good}\n")).is_ok());
    assert_eq!(refused(&format!("{good}{good}")).0, SYNTAX);
    assert_eq!(refused(&good.replace("\"Effect\"", "\"Effect\":\"Deny\",\"Effect\"")).0, SYNTAX);
    assert_eq!(refused(&good.replace("\"Version\"", "\"version\"")).1, "version");
    assert_eq!(refused(&good.replace("2012-10-17", "2012-10-18")).1, "Version");
    assert_eq!(refused(&good.replace("\"2012-10-17\"", "20121017")).1, "Version");
    assert!(check(&good.replace("2012-10-17", "2008-10-17")).is_ok());
    assert!(check(&json!({ "Id": "x", "Statement": statement() }).to_string()).is_ok());
    assert_eq!(refused(&json!({ "Id": 1, "Statement": statement() }).to_string()).1, "Id");
}

#[test]
fn deep_documents_are_refused_and_not_followed() {
    for depth in [20, 100_000] {
        let text = format!("{{\"Statement\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(refused(&text).0, SYNTAX);
    }
}

#[test]
fn statements_have_exactly_one_of_each_pair() {
    for name in ["Effect", "Principal", "Action", "Resource"] {
        refuses(name, Value::Null, SYNTAX);
        refuses(name, json!(1), SYNTAX);
        refuses(name, json!([[]]), SYNTAX);
    }
    for (name, value) in [
        ("NotPrincipal", json!({ "AWS": "123456789012" })),
        ("NotAction", json!("secretsmanager:DeleteSecret")),
        ("NotResource", json!("*")),
        ("Principals", json!("*")),
        ("Sid", json!(["a"])),
    ] {
        refuses(name, value, SYNTAX);
    }
    for effect in ["allow", "ALLOW", "", "Permit"] {
        refuses("Effect", json!(effect), SYNTAX);
    }
    let negated = json!({
        "Sid": "",
        "Effect": "Deny",
        "NotPrincipal": { "AWS": "arn:aws:iam::123456789012:user/a" },
        "NotAction": ["secretsmanager:*"],
        "NotResource": [],
    });
    assert!(!broad(&policy(&json!([negated, negated]))));
    let twins = policy(&json!([with("Sid", json!("one")), with("Sid", json!("one"))]));
    assert_eq!(refused(&twins.to_string()), (SYNTAX, "Statement[1].Sid".into()));
}

#[test]
fn actions_and_resources_have_their_forms() {
    for action in
        ["*", "*:*", "secretsmanager:*", "secretsmanager:Get*", "secretsmanager:?etSecretValue", "kms:Decrypt"]
    {
        accepts("Action", json!(action));
    }
    for action in ["", "GetSecretValue", "secretsmanager:", ":GetSecretValue", "secretsmanager:Get Secret", "**"] {
        refuses("Action", json!(["secretsmanager:GetSecretValue", action]), SYNTAX);
    }
    for resource in [
        "*",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:*:123456789012:secret:${aws:username}/??????",
        "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:*",
    ] {
        accepts("Resource", json!([resource]));
    }
    for resource in ["", "db", "arn:aws:secretsmanager", "arn:aws:secretsmanager:us-east-1:123456789012", "a\nb"] {
        refuses("Resource", json!(resource), SYNTAX);
    }
}

#[test]
fn principals_are_accounts_users_roles_sessions_and_services() {
    for aws in [
        "*",
        "123456789012",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:user/ann@example.com",
        "arn:aws:iam::123456789012:user/division/unit/ann",
        "arn:aws:iam::123456789012:role/aws-service-role/x.amazonaws.com/Role",
        "arn:aws-us-gov:iam::123456789012:role/app",
        "arn:aws:sts::123456789012:assumed-role/app/session",
        "arn:aws:sts::123456789012:federated-user/ann",
    ] {
        accepts("Principal", json!({ "AWS": aws }));
    }
    for aws in [
        "",
        "12345678901",
        "AIDAEXAMPLEEXAMPLE",
        "arn:aws:iam::123456789012:group/admins",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::*:role/app",
        "arn:aws:iam::AccountId:role/app",
        "arn:aws:iam:us-east-1:123456789012:role/app",
        "arn:aws:sts::123456789012:assumed-role/app",
        "arn:aws:s3:::bucket",
        "lambda.amazonaws.com",
    ] {
        refuses("Principal", json!({ "AWS": ["123456789012", aws] }), PRINCIPAL);
    }
    for service in ["lambda.amazonaws.com", "codedeploy.us-east-1.amazonaws.com", "ec2.amazonaws.com.cn"] {
        accepts("Principal", json!({ "Service": service }));
    }
    for service in ["", "*", "lambda", "amazonaws.com", ".amazonaws.com", "a..amazonaws.com", "x.example.com"] {
        refuses("Principal", json!({ "Service": service }), SERVICE);
    }
    for federated in ["accounts.google.com", "arn:aws:iam::123456789012:saml-provider/idp"] {
        accepts("Principal", json!({ "Federated": federated }));
    }
    for federated in ["*", "", "idp", "arn:aws:iam::123456789012:role/app"] {
        refuses("Principal", json!({ "Federated": federated }), PRINCIPAL);
    }
    accepts("Principal", json!({ "CanonicalUser": "0123456789abcdef".repeat(4) }));
    refuses("Principal", json!({ "CanonicalUser": "0123" }), PRINCIPAL);
    accepts("Principal", json!({ "AWS": [], "Service": "lambda.amazonaws.com" }));
    for wrong in [json!("123456789012"), json!({ "aws": "*" }), json!({ "AWS": 123_456_789_012_u64 }), json!(["*"])] {
        refuses("Principal", wrong, SYNTAX);
    }
}

#[test]
fn conditions_are_operators_over_keys_over_scalars() {
    for condition in [
        json!({}),
        json!({ "StringEquals": {} }),
        json!({ "StringEqualsIfExists": { "aws:SourceVpc": ["a", "b"] } }),
        json!({ "ForAnyValue:StringLike": { "aws:TagKeys": [] } }),
        json!({ "ForAllValues:StringEqualsIfExists": { "aws:TagKeys": "a" } }),
        json!({ "NumericLessThan": { "secretsmanager:RecoveryWindowInDays": 7 }, "Bool": { "aws:SecureTransport": true } }),
        json!({ "Null": { "secretsmanager:VersionStage": "false" } }),
        json!({ "IpAddress": { "aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"] } }),
        json!({ "ArnLike": { "secretsmanager:resource/AllowRotationLambdaArn": "arn:aws:lambda:*:*:function:*" } }),
        json!({ "DateGreaterThan": { "aws:CurrentTime": "2026-01-01T00:00:00Z" } }),
    ] {
        accepts("Condition", condition);
    }
    for condition in [
        json!("x"),
        json!([]),
        json!({ "StringEquals": "x" }),
        json!({ "stringequals": { "aws:SourceVpc": "a" } }),
        json!({ "NullIfExists": { "aws:SourceVpc": "true" } }),
        json!({ "ForSomeValues:StringEquals": { "aws:SourceVpc": "a" } }),
        json!({ "StringEquals": { "SourceVpc": "a" } }),
        json!({ "StringEquals": { "aws:SourceVpc": "a", "aws:sourcevpc": "b" } }),
        json!({ "StringEquals": { "aws:SourceVpc": null } }),
        json!({ "StringEquals": { "aws:SourceVpc": { "a": "b" } } }),
        json!({ "StringEquals": { "aws:SourceVpc": [["a"]] } }),
        json!({ "Bool": { "aws:SecureTransport": "yes" } }),
        json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/33" } }),
        json!({ "NotIpAddressIfExists": { "aws:SourceIp": ["192.0.2.0/24", "2001:db8::/129"] } }),
    ] {
        refuses("Condition", condition, SYNTAX);
    }
    let text = policy(&with("Condition", json!({ "Like": { "aws:SourceVpc": "a" } }))).to_string();
    let error = check(&text).expect_err("no such operator");
    assert_eq!(error.to_string(), "Statement.Condition.Like: is no condition operator");
}

#[test]
fn anybody_is_broad_unless_a_condition_pins_them() {
    let anybody = |condition: Option<Value>| {
        let mut statement = with("Principal", json!("*"));
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        broad(&policy(&json!([statement])))
    };
    assert!(anybody(None));
    assert!(broad(&policy(&with("Principal", json!({ "AWS": ["123456789012", "*"] })))));
    let mut others = with("Principal", Value::Null);
    others["NotPrincipal"] = json!({ "AWS": "123456789012" });
    assert!(broad(&policy(&others)));
    for pinned in [
        json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }),
        json!({ "StringEquals": { "AWS:sourceaccount": ["123456789012", "210987654321"] } }),
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/*" } }),
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:*:iam::123456789012:role/*" } }),
        json!({ "StringLike": { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/*" } }),
        json!({ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/*" } }),
        json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" }, "Bool": { "aws:SecureTransport": "true" } }),
        json!({ "IpAddress": { "aws:SourceIp": "192.0.2.7" } }),
    ] {
        assert!(!anybody(Some(pinned.clone())), "{pinned}");
    }
    for open in [
        json!({ "Bool": { "aws:SecureTransport": "true" } }),
        json!({ "StringNotEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }),
        json!({ "StringEqualsIfExists": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }),
        json!({ "ForAllValues:StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } }),
        json!({ "StringLike": { "aws:PrincipalOrgID": "o-*" } }),
        json!({ "StringEquals": { "aws:SourceAccount": "${aws:PrincipalAccount}" } }),
        json!({ "StringEquals": { "aws:SourceAccount": ["123456789012", "*?"] } }),
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/app" } }),
        json!({ "StringLike": { "aws:PrincipalArn": "arn:*:iam::123456789012:role/*" } }),
        json!({ "StringLike": { "aws:SourceArn": "*:*:*:*:123456789012:*" } }),
        json!({ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": "o-*/r-ab12/*" } }),
        json!({ "IpAddress": { "aws:SourceIp": ["192.0.2.7", "0.0.0.0/0"] } }),
        json!({ "IpAddress": { "aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"] } }),
        json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8"] } }),
        json!({ "IpAddress": { "aws:SourceIp": "::ffff:0.0.0.0/96" } }),
        json!({ "IpAddress": { "aws:SourceIp": "${aws:SourceIp}" } }),
        json!({ "StringEquals": { "secretsmanager:VersionStage": "AWSCURRENT" } }),
    ] {
        assert!(anybody(Some(open.clone())), "{open}");
    }
}

#[test]
fn statements_that_each_let_in_some_addresses_count_together() {
    let statements = |blocks: &[String]| {
        let of = |block: &String| {
            let mut statement = with("Principal", json!("*"));
            statement["Condition"] = json!({ "IpAddress": { "aws:SourceIp": block } });
            statement
        };
        broad(&policy(&Value::Array(blocks.iter().map(of).collect())))
    };
    assert!(!statements(&["192.0.2.0/24".into(), "198.51.100.0/24".into(), "10.0.0.0/8".into()]));
    assert!(statements(&(0..128).map(|n| format!("{n}.0.0.0/8")).collect::<Vec<_>>()));
}

#[test]
fn providers_known_by_host_name_sign_in_anybody_and_services_are_named() {
    let principal = |principal: Value, condition: Value| {
        let mut statement = with("Principal", principal);
        statement["Condition"] = condition;
        broad(&policy(&statement))
    };
    let google = || json!({ "Federated": "accounts.google.com" });
    assert!(principal(google(), json!({})));
    assert!(principal(google(), json!({ "Bool": { "aws:SecureTransport": "true" } })));
    assert!(principal(google(), json!({ "StringLike": { "accounts.google.com:sub": "*" } })));
    assert!(principal(google(), json!({ "StringEqualsIfExists": { "accounts.google.com:aud": "app" } })));
    assert!(principal(google(), json!({ "StringEquals": { "accounts.google.com:email": "a@example.org" } })));
    assert!(!principal(google(), json!({ "StringEquals": { "accounts.google.com:aud": "app" } })));
    assert!(!principal(google(), json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a1b2c3d4e5" } })));
    let github = || json!({ "Federated": "token.actions.githubusercontent.com" });
    let of_github = |key: &str, value: &str| {
        principal(github(), json!({ "StringEquals": { format!("token.actions.githubusercontent.com:{key}"): value } }))
    };
    assert!(of_github("aud", "sts.amazonaws.com"), "whoever asks for a token chooses it");
    assert!(!of_github("sub", "repo:example/app:ref:refs/heads/main"));
    let saml = json!({ "Federated": "arn:aws:iam::123456789012:saml-provider/idp" });
    assert!(!principal(saml, json!({})));
    assert!(!principal(json!({ "Service": "lambda.amazonaws.com" }), json!({})));
}

proptest! {
    #[test]
    fn no_text_makes_the_check_fail_otherwise(text in proptest::collection::vec(any::<char>(), 0..200)) {
        let _ = check(&text.iter().collect::<String>());
    }

    /// Any value in the place of any other: an answer, and messages that stay short and on one line.
    #[test]
    fn any_value_in_any_place_is_answered(
        place in 0_usize..9,
        text in proptest::collection::vec(any::<char>(), 0..300).prop_map(String::from_iter),
        shape in 0_usize..5,
    ) {
        let names = ["Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition", "Sid"];
        let value = match shape {
            0 => json!(text),
            1 => json!([text]),
            2 => json!({ "AWS": text }),
            3 => json!({ &text: text }),
            _ => json!({ "StringEquals": { &text: [text] } }),
        };
        if let Err(error) = check(&policy(&with(names[place], value)).to_string()) {
            let shown = error.to_string();
            prop_assert!(shown.len() < 500, "{}", shown);
            prop_assert_eq!(shown.lines().count(), 1);
        }
    }
}
