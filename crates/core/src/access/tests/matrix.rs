//! The permission matrix: every operation of every service for every kind of principal, held against a golden file. An
//! operation that is missing from the file fails the test, and so does a changed decision.

use std::fmt::Write as _;
use std::sync::Arc;

use strongroom_types::AccountId;
use strongroom_wire::cloudtrail::Operation as Trail;
use strongroom_wire::cloudwatch::Operation as CloudWatch;
use strongroom_wire::config::Operation as Config;
use strongroom_wire::events::Operation as Events;
use strongroom_wire::kms::Operation as Kms;
use strongroom_wire::lambda::Operation as Lambda;
use strongroom_wire::logs::Operation as Logs;
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::secretsmanager::Operation;
use strongroom_wire::strongroom::Operation as Strongroom;

use super::house::{ADMINISTRATOR, BOUND, Given, House, NOW_S, OTHER, OWNER, entity, key, request, secret, through};
use crate::access::{Resource, may};
use crate::caller::Caller;
use crate::ctx::Way;
use crate::databases::database::DatabaseRef;
use crate::functions::resolve::FunctionRef;
use crate::identities::signers::Found;

/// What the matrix should be.
const GOLDEN: &str = include_str!("matrix.txt");

/// The policy of the secret: the other account may read it, one user may describe it, another may do all with it.
const OF_SECRET: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"secretsmanager:GetSecretValue","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/named"},"Action":"secretsmanager:DescribeSecret","Resource":"*"}]}"#;

/// The policy of the key: its account decides by its own policies, the other account may decrypt, so may one user.
const OF_KEY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:Decrypt","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/named"},"Action":"kms:Decrypt","Resource":"*"}]}"#;

/// The same without the account: only who is named, or has a grant, may do anything.
const OF_CLOSED_KEY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/named"},"Action":"kms:Decrypt","Resource":"*"}]}"#;

/// The policy of the function: the other account may invoke it, so may one user, and a service.
const OF_FUNCTION: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"lambda:InvokeFunction","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/named"},"Action":"lambda:InvokeFunction","Resource":"*"}]}"#;

fn allow(actions: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"{resource}"}}]}}"#
    )
}

/// A kind of principal: its name in the matrix, the caller, and the way of its requests.
type Kind = (&'static str, Arc<Caller>, Way);

/// Users of the owner's account.
async fn users(house: &House) -> Vec<Kind> {
    let reading = allow(
        r#"["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"]"#,
        "arn:aws:secretsmanager:us-east-1:111111111111:secret:db/main-AbCdEf",
    );
    let wildcard = allow(r#""secretsmanager:*Secret*""#, "arn:aws:secretsmanager:*:*:secret:db/*");
    let by_tag = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}}]}"#;
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["secretsmanager:Delete*","iam:*"],"Resource":"*"}]}"#;
    let group_policy = allow(r#"["secretsmanager:List*","iam:Get*","iam:List*"]"#, "*");
    house.group(OWNER, "auditors", &Given { inline: &[&group_policy], ..Given::default() }).await;
    let all = &[ADMINISTRATOR][..];
    let given = [
        ("admin", Given { attached: all, ..Given::default() }),
        ("reader-arn", Given { inline: &[&reading], ..Given::default() }),
        ("reader-wildcard", Given { inline: &[&wildcard], ..Given::default() }),
        ("tag-same", Given { inline: &[by_tag], tags: &[("Team", "blue")], ..Given::default() }),
        ("tag-other", Given { inline: &[by_tag], tags: &[("team", "red")], ..Given::default() }),
        ("group-member", Given { groups: &["auditors"], ..Given::default() }),
        ("nothing", Given::default()),
        ("named", Given::default()),
        ("bounded", Given { attached: all, boundary: Some(BOUNDARY), ..Given::default() }),
        ("denied", Given { attached: all, inline: &[deny], ..Given::default() }),
    ];
    let mut kinds = Vec::new();
    for (name, given) in given {
        kinds.push((name, house.user(OWNER, name, &given).await, Way::default()));
    }
    let endpoint = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:Get*","Resource":"*"}]}"#;
    let admin = Arc::clone(&kinds[0].1);
    kinds.push(("admin-endpoint", admin, through(endpoint)));
    kinds
}

/// A managed policy that serves as a boundary.
const BOUNDARY: &str = "arn:aws:iam::111111111111:policy/boundary";

/// Sessions, other accounts, nobody.
async fn others(house: &House) -> Vec<Kind> {
    let describing = allow(r#""secretsmanager:Describe*""#, "*");
    house.role(OWNER, "operator", &Given { attached: &[ADMINISTRATOR], ..Given::default() }).await;
    let session = house.session(OWNER, "operator", None).await.expect("a session");
    let narrowed = house.session(OWNER, "operator", Some(&describing)).await.expect("a session");
    let all = Given { attached: &[ADMINISTRATOR], ..Given::default() };
    let control = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["secretsmanager:Put*","iam:*"],"Resource":"*"}]}"#;
    house.bind(BOUND, control).await;
    let number = |text: &str| AccountId::parse(text).expect("account");
    vec![
        ("root", Arc::new(Caller::root(number(OWNER), "aws")), Way::default()),
        ("role-session", session, Way::default()),
        ("session-policy", narrowed, Way::default()),
        ("other-admin", house.user(OTHER, "stranger", &all).await, Way::default()),
        ("other-nothing", house.user(OTHER, "poor", &Given::default()).await, Way::default()),
        ("other-root", Arc::new(Caller::root(number(OTHER), "aws")), Way::default()),
        ("scp-admin", house.user(BOUND, "limited", &all).await, Way::default()),
        ("anonymous", Arc::new(Caller::anonymous(number(OWNER))), Way::default()),
    ]
}

/// A database of the owner's account that is not registered.
fn database() -> Resource {
    Resource::Database(Arc::new(DatabaseRef {
        arn: "arn:aws:strongroom:us-east-1:111111111111:database/main".to_owned(),
        account: AccountId::parse(OWNER).expect("account"),
        id: "main".to_owned(),
        found: None,
    }))
}

/// What an operation is asked on: the secret, an entity of IAM or of EventBridge, a role, or the account.
fn target(operation: AnyOperation, kind: &str) -> Resource {
    match operation {
        AnyOperation::SecretsManager(
            Operation::BatchGetSecretValue | Operation::GetRandomPassword | Operation::ListSecrets,
        ) => Resource::Account,
        AnyOperation::SecretsManager(_) => secret(Some(OF_SECRET)),
        // The account that a service control policy bounds acts on its own.
        AnyOperation::Iam(_) if kind == "scp-admin" => Resource::Account,
        AnyOperation::Iam(_) => entity("arn:aws:iam::111111111111:user/someone"),
        AnyOperation::Sts(_) => entity("arn:aws:iam::111111111111:role/some"),
        AnyOperation::Kms(
            Kms::CreateKey | Kms::GenerateRandom | Kms::ListAliases | Kms::ListKeys | Kms::ListRetirableGrants,
        ) => Resource::Account,
        AnyOperation::Kms(_) => key(OF_KEY, "nothing", "Encrypt"),
        AnyOperation::Lambda(Lambda::GetAccountSettings | Lambda::ListFunctions) => Resource::Account,
        AnyOperation::Lambda(_) => Resource::Function(FunctionRef::for_tests("111111111111", OF_FUNCTION).into()),
        AnyOperation::Config(
            Config::DescribeComplianceByResource
            | Config::GetComplianceDetailsByResource
            | Config::GetComplianceSummaryByConfigRule,
        ) => Resource::Account,
        AnyOperation::Config(_) => entity("arn:aws:config:us-east-1:111111111111:config-rule/config-rule-secm01"),
        AnyOperation::CloudTrail(Trail::DescribeTrails | Trail::ListTrails | Trail::LookupEvents) => Resource::Account,
        AnyOperation::CloudTrail(_) => {
            Resource::List("arn:aws:cloudtrail:us-east-1:111111111111:trail/strongroom".into())
        }
        AnyOperation::CloudWatch(
            CloudWatch::GetMetricData
            | CloudWatch::GetMetricStatistics
            | CloudWatch::ListMetrics
            | CloudWatch::PutMetricData,
        )
        | AnyOperation::Logs(Logs::TestMetricFilter) => Resource::Account,
        AnyOperation::CloudWatch(_) => entity("arn:aws:cloudwatch:us-east-1:111111111111:alarm:some"),
        AnyOperation::Logs(_) => entity("arn:aws:logs:us-east-1:111111111111:log-group:trail:log-stream:"),
        AnyOperation::Events(
            Events::ListApiDestinations
            | Events::ListConnections
            | Events::ListEventBuses
            | Events::ListRuleNamesByTarget
            | Events::ListRules
            | Events::TestEventPattern,
        ) => Resource::Account,
        AnyOperation::Events(_) => entity("arn:aws:events:us-east-1:111111111111:rule/some"),
        AnyOperation::Strongroom(
            Strongroom::DescribeDatabases
            | Strongroom::DescribeDeadLetters
            | Strongroom::DropDeadLetters
            | Strongroom::RetryDeadLetters,
        ) => Resource::Account,
        AnyOperation::Strongroom(_) => database(),
    }
}

#[tokio::test]
async fn every_operation_is_decided_for_every_kind_of_principal_as_the_golden_file_says() {
    let house = House::new().await;
    house.boundary(BOUNDARY, &allow(r#"["secretsmanager:Get*","secretsmanager:List*"]"#, "*")).await;
    let mut kinds = users(&house).await;
    kinds.extend(others(&house).await);
    let mut matrix = String::new();
    for (at, (name, ..)) in kinds.iter().enumerate() {
        writeln!(matrix, "# {} {name}", letter(at)).expect("written");
    }
    for operation in AnyOperation::all() {
        let mut row = String::new();
        for (at, (name, caller, way)) in kinds.iter().enumerate() {
            let cx = request(caller, way.clone());
            let allowed = may(&cx, operation.action(), &target(operation, name), &()).expect("decided");
            row.push(if allowed { letter(at) } else { '.' });
        }
        writeln!(matrix, "{row} {}", operation.action()).expect("written");
    }
    // A key whose policy leaves nothing to the account's own policies.
    for operation in [Kms::Decrypt, Kms::Encrypt, Kms::PutKeyPolicy].map(AnyOperation::Kms) {
        let mut row = String::new();
        for (at, (_, caller, way)) in kinds.iter().enumerate() {
            let cx = request(caller, way.clone());
            let closed = key(OF_CLOSED_KEY, "nothing", "Encrypt");
            let allowed = may(&cx, operation.action(), &closed, &()).expect("decided");
            row.push(if allowed { letter(at) } else { '.' });
        }
        writeln!(matrix, "{row} {} (closed key)", operation.action()).expect("written");
    }
    assert!(matrix == GOLDEN, "the matrix differs from access/tests/matrix.txt; it is now:\n{matrix}");
}

fn letter(at: usize) -> char {
    char::from(b'a' + u8::try_from(at).expect("few kinds"))
}

#[tokio::test]
async fn ended_and_revoked_sessions_and_those_whose_role_is_gone_sign_nothing() {
    let house = House::new().await;
    house.role(OWNER, "operator", &Given { attached: &[ADMINISTRATOR], ..Given::default() }).await;
    let (key_id, token) = house.token(OWNER, "operator", None, NOW_S);
    assert!(matches!(house.found(&key_id, Some(&token)).await, Found::Expired));
    let (_, gone) = house.token(OWNER, "never-made", None, NOW_S + 60);
    assert!(matches!(house.found(&key_id, Some(&gone)).await, Found::Gone));
    let (_, other) = house.token(OWNER, "operator", None, NOW_S + 60);
    assert!(matches!(house.found(&key_id, Some(&other)).await, Found::Nobody), "another session's token");
    let mut forged = other.clone();
    forged.replace_range(40..41, if forged.as_bytes()[40] == b'A' { "B" } else { "A" });
    assert!(matches!(house.found(&key_id, Some(&forged)).await, Found::Nobody));
    let stranger = House::drawing(12).await;
    stranger.role(OWNER, "operator", &Given::default()).await;
    let (foreign_key, foreign) = stranger.token(OWNER, "operator", None, NOW_S + 60);
    assert!(matches!(house.found(&foreign_key, Some(&foreign)).await, Found::Nobody), "another server's token");
    for cut in [1, 40, other.len() - 1] {
        let part: String = other.chars().take(cut).collect();
        assert!(matches!(house.found(&key_id, Some(&part)).await, Found::Nobody), "cut at {cut}");
    }
    let older = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*",
        "Condition":{"DateLessThan":{"aws:TokenIssueTime":"2023-11-14T22:13:10Z"}}}]}"#;
    let session = house.session(OWNER, "operator", None).await.expect("a session");
    let cx = request(&session, Way::default());
    assert!(may(&cx, "secretsmanager:GetSecretValue", &secret(None), &()).expect("decided"));
    house
        .give_role(OWNER, "operator", &Given { attached: &[ADMINISTRATOR], inline: &[older], ..Given::default() })
        .await;
    let session = house.session(OWNER, "operator", None).await.expect("a session");
    let cx = request(&session, Way::default());
    assert!(!may(&cx, "secretsmanager:GetSecretValue", &secret(None), &()).expect("decided"), "revoked");
}
