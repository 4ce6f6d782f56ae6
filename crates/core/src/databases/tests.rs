//! Tests of databases and of the guards of their secrets.

use std::sync::Arc;

use strongroom_store::MemoryStore;
use strongroom_types::{AccountId, Region, SecretText};
use strongroom_wire::secretsmanager::{
    CancelRotateSecretRequest, CreateSecretRequest, DeleteSecretRequest, DescribeSecretRequest, DescribeSecretResponse,
    Filter, FilterNameStringType, ListSecretsRequest, Operation, PutSecretValueRequest, RotateSecretRequest,
    RotationRulesType as SecretRules, Tag, TagResourceRequest, UntagResourceRequest, UpdateSecretRequest,
    UpdateSecretVersionStageRequest,
};
use strongroom_wire::strongroom::{
    DeregisterDatabaseRequest, DescribeDatabasesRequest, EngineType, OwningServiceType, RegisterDatabaseRequest,
    RotationRulesType, SecretStatusType,
};

use super::Databases;
use crate::access::{Permit, Resource, authorize};
use crate::caller::{Caller, Principal};
use crate::ctx::{Ctx, Way};
use crate::error::Error;
use crate::secrets::model::Secret;
use crate::secrets::rotation::RotatedBy;
use crate::secrets::rotation::rotator::{Asking, RotationCall, Rotator, StepEnd};
use crate::secrets::tests::Service;

const ACCOUNT: &str = "123456789012";
const MANAGED: &str = "This secret is managed by an AWS service, and you must use that service to update it.";

/// Functions that can rotate anything.
struct Willing;

impl Rotator for Willing {
    fn check<'a>(&'a self, _: &'a Ctx, _: &'a RotatedBy, _: &'a Secret) -> Asking<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn check_kind(&self, _: &str, _: Option<&SecretText>) -> Result<(), String> {
        Ok(())
    }

    fn carry_out<'a>(&'a self, _: RotationCall<'a>) -> Asking<'a, StepEnd> {
        Box::pin(async { StepEnd { outcome: Ok(()), log_tail: None } })
    }
}

struct House {
    service: Service,
    databases: Databases,
}

impl House {
    fn new() -> Self {
        let service = Service::with(Arc::new(MemoryStore::default()), Arc::new(Willing), 7);
        let databases = Databases::new(Arc::clone(&service.documents));
        Self { service, databases }
    }

    async fn permit(&self, cx: &Ctx, action: &'static str, id: &str) -> Permit {
        let database = self.databases.resolve(cx, id).await.expect("resolved");
        authorize(cx, action, Resource::Database(Arc::new(database)), &()).expect("the root may")
    }

    /// Registers a database; the ARN of its secret.
    async fn register(&self, id: &str, change: impl FnOnce(&mut RegisterDatabaseRequest)) -> Result<String, Error> {
        let cx = self.service.cx();
        let permit = self.permit(&cx, "strongroom:RegisterDatabase", id).await;
        let mut input = RegisterDatabaseRequest {
            database_id: id.to_owned(),
            engine: EngineType::Postgres,
            host: "db.example".to_owned(),
            port: None,
            database_name: None,
            ssl: None,
            ca_certificates: None,
            owning_service: None,
            master_username: "admin".to_owned(),
            master_user_password: SecretText::new("first".to_owned()),
            kms_key_id: None,
            rotation_rules: None,
            client_request_token: None,
        };
        change(&mut input);
        let made = self.databases.register_database(&self.service.secrets, &cx, &permit, input).await?;
        let secret = made.database.and_then(|database| database.master_user_secret).expect("a secret");
        assert_eq!(secret.secret_status, Some(SecretStatusType::Rotating));
        Ok(secret.secret_arn.expect("an ARN"))
    }

    async fn describe(&self, secret: &str) -> DescribeSecretResponse {
        let cx = self.service.cx();
        let permit = self.service.permit(&cx, Operation::DescribeSecret, secret).await;
        let input = DescribeSecretRequest { secret_id: secret.to_owned() };
        self.service.secrets.describe_secret(&cx, &permit, input).await.expect("described")
    }

    /// What `caller` may do of what the owner does alone: the answers, by operation.
    async fn guarded(
        &self,
        caller: Option<Caller>,
        secret: &str,
        version: &str,
    ) -> Vec<(&'static str, Result<(), Error>)> {
        let cx = match caller {
            None => self.service.cx(),
            Some(caller) => {
                let cx = self.service.cx();
                Ctx::new(Arc::new(caller), cx.region.clone(), cx.now, Way::default(), cx.record())
            }
        };
        let secrets = &self.service.secrets;
        let id = || secret.to_owned();
        let token = || Some(crate::random_uuid(self.service.random.as_ref()).expect("uuid"));
        let text = || Some(SecretText::new("{}".to_owned()));
        let mut answers = Vec::new();
        let permit = self.service.permit(&cx, Operation::PutSecretValue, secret).await;
        let input = PutSecretValueRequest {
            secret_id: id(),
            client_request_token: token(),
            secret_string: text(),
            version_stages: Some(vec!["MINE".to_owned()]),
            ..PutSecretValueRequest::default()
        };
        answers.push(("put", secrets.put_secret_value(&cx, &permit, input).await.map(drop)));
        let input = UpdateSecretRequest {
            secret_id: id(),
            description: Some("mine".to_owned()),
            ..UpdateSecretRequest::default()
        };
        answers.push(("update", secrets.update_secret(&cx, &permit, input).await.map(drop)));
        let input = UpdateSecretVersionStageRequest {
            secret_id: id(),
            version_stage: "OTHER".to_owned(),
            move_to_version_id: Some(version.to_owned()),
            remove_from_version_id: None,
        };
        answers.push(("stage", secrets.update_secret_version_stage(&cx, &permit, input).await.map(drop)));
        let input = CancelRotateSecretRequest { secret_id: id() };
        answers.push(("cancel", secrets.cancel_rotate_secret(&cx, &permit, input).await.map(drop)));
        for force in [None, Some(true)] {
            let input = DeleteSecretRequest {
                secret_id: id(),
                force_delete_without_recovery: force,
                ..DeleteSecretRequest::default()
            };
            answers.push(("delete", secrets.delete_secret(&cx, &permit, input).await.map(drop)));
        }
        answers
    }

    async fn rotate(&self, secret: &str, change: impl FnOnce(&mut RotateSecretRequest)) -> Result<(), Error> {
        let cx = self.service.cx();
        let permit = self.service.permit(&cx, Operation::RotateSecret, secret).await;
        let mut input = RotateSecretRequest {
            secret_id: secret.to_owned(),
            client_request_token: Some(crate::random_uuid(self.service.random.as_ref()).expect("uuid")),
            ..RotateSecretRequest::default()
        };
        change(&mut input);
        self.service.secrets.rotate_secret(&cx, &permit, input).await.map(drop)
    }
}

fn said<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    match result {
        Err(Error::Refused(refusal)) => (refusal.code.name.to_owned(), refusal.message),
        other => panic!("not a refusal: {other:?}"),
    }
}

fn managed() -> (String, String) {
    ("InvalidRequestException".to_owned(), MANAGED.to_owned())
}

#[tokio::test]
async fn a_registered_database_has_a_secret_as_rds_makes_it() {
    let house = House::new();
    let arn = house.register("main", |_| {}).await.expect("registered");
    let secret = house.describe(&arn).await;
    let name = secret.name.expect("a name");
    assert!(name.starts_with("rds!db-") && name.len() == "rds!db-".len() + 36, "{name}");
    assert_eq!(secret.owning_service.as_deref(), Some("rds"));
    assert_eq!(secret.rotation_enabled, Some(true));
    assert_eq!(secret.rotation_lambda_arn, None);
    let rules = SecretRules { automatically_after_days: Some(7), ..SecretRules::default() };
    assert_eq!(secret.rotation_rules, Some(rules));
    let tags: Vec<_> = secret.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    let tag = |key: &str, value: &str| (Some(key.to_owned()), Some(value.to_owned()));
    let of_instance = tag("aws:rds:primaryDBInstanceArn", "arn:aws:rds:us-east-1:123456789012:db:main");
    assert_eq!(tags, [tag("aws:secretsmanager:owningService", "rds"), of_instance]);
    assert_eq!(house.service.get(&arn).await.expect("value"), r#"{"username":"admin","password":"first"}"#);
    let stages: Vec<_> = secret.version_ids_to_stages.unwrap_or_default().into_values().flatten().collect();
    assert_eq!(stages.len(), 2, "the first rotation has begun: {stages:?}");
    assert!(stages.contains(&"AWSPENDING".to_owned()));

    let arn = house
        .register("warehouse", |input| {
            input.engine = EngineType::Redshift;
            let schedule = Some("rate(10 days)".to_owned());
            input.rotation_rules = Some(RotationRulesType {
                schedule_expression: schedule,
                duration: None,
                automatically_after_days: None,
            });
        })
        .await
        .expect("registered");
    let secret = house.describe(&arn).await;
    assert!(secret.name.is_some_and(|name| name.starts_with("redshift!cluster-")));
    assert_eq!(secret.owning_service.as_deref(), Some("redshift"));
    assert_eq!(secret.rotation_rules.and_then(|rules| rules.schedule_expression).as_deref(), Some("rate(10 days)"));
}

#[tokio::test]
async fn what_cannot_be_is_not_registered() {
    let house = House::new();
    let token = "0123456789abcdef0123456789abcdef0123".to_owned();
    let first = house.register("main", |input| input.client_request_token = Some(token.clone())).await.expect("made");
    let again = house.register("main", |input| input.client_request_token = Some(token)).await.expect("the same");
    assert_eq!(first, again);
    assert_eq!(said(house.register("main", |_| {}).await).0, "ResourceExistsException");
    for change in [
        (|input| input.owning_service = Some(OwningServiceType::Redshift)) as fn(&mut RegisterDatabaseRequest),
        |input| input.ca_certificates = Some("none".to_owned()),
        |input| {
            input.rotation_rules = Some(RotationRulesType {
                schedule_expression: Some("rate(1 hour)".to_owned()),
                duration: None,
                automatically_after_days: None,
            });
        },
    ] {
        assert_eq!(said(house.register("other", change).await).0, "InvalidParameterException");
    }
}

#[tokio::test]
async fn the_owner_alone_changes_and_deletes() {
    let house = House::new();
    let arn = house.register("main", |_| {}).await.expect("registered");
    let before = house.describe(&arn).await;
    let version = before.version_ids_to_stages.as_ref().and_then(|map| map.keys().next()).expect("one").clone();
    let account = || AccountId::parse(ACCOUNT).expect("account");
    // Neither the root, nor another service, nor somebody whose ARN looks like the service.
    let mut looks_alike = Caller::root(account(), "aws");
    looks_alike.arn = "rds.amazonaws.com".into();
    for caller in [None, Some(Caller::service(account(), "redshift.amazonaws.com")), Some(looks_alike)] {
        for (operation, answer) in house.guarded(caller.clone(), &arn, &version).await {
            assert_eq!(said(answer), managed(), "{operation} by {:?}", caller.as_ref().map(|caller| &caller.arn));
        }
    }
    assert_eq!(house.describe(&arn).await, before);
    let owner = Caller::service(account(), "rds.amazonaws.com");
    assert_eq!(owner.principal, Principal::Service);
    for (operation, answer) in house.guarded(Some(owner), &arn, &version).await.into_iter().take(3) {
        assert!(answer.is_ok(), "{operation}: {answer:?}");
    }
}

#[tokio::test]
async fn everybody_may_change_the_schedule_and_their_own_tags() {
    let house = House::new();
    let arn = house.register("main", |_| {}).await.expect("registered");
    let lambda = "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned();
    assert_eq!(said(house.rotate(&arn, |input| input.rotation_lambda_arn = Some(lambda)).await), managed());
    let incomplete = said(house.rotate(&arn, |_| {}).await);
    assert!(incomplete.1.contains("will be reattempted"), "{incomplete:?}");
    let cx = house.service.cx();
    let permit = house.service.permit(&cx, Operation::TagResource, &arn).await;
    let tag = |key: &str| Tag { key: Some(key.to_owned()), value: Some("mine".to_owned()) };
    let tags = (0..50).map(|number| tag(&format!("tag{number}"))).collect();
    let input = TagResourceRequest { secret_id: arn.clone(), tags };
    house.service.secrets.tag_resource(&cx, &permit, input).await.expect("fifty beside the service's own");
    for key in ["aws:secretsmanager:owningService", "aws:rds:primaryDBInstanceArn"] {
        let input = UntagResourceRequest { secret_id: arn.clone(), tag_keys: vec![key.to_owned()] };
        let answer = house.service.secrets.untag_resource(&cx, &permit, input).await;
        assert_eq!(said(answer).0, "InvalidParameterException");
        let input = TagResourceRequest { secret_id: arn.clone(), tags: vec![tag(key)] };
        assert_eq!(said(house.service.secrets.tag_resource(&cx, &permit, input).await).0, "InvalidParameterException");
    }
}

#[tokio::test]
async fn names_of_services_are_theirs() {
    let house = House::new();
    for name in ["rds!db-mine", "redshift!x", "ecs-sc!y"] {
        let cx = house.service.cx();
        let permit = house.service.permit(&cx, Operation::CreateSecret, name).await;
        let input = CreateSecretRequest { name: name.to_owned(), ..CreateSecretRequest::default() };
        let answer = house.service.secrets.create_secret(&cx, &permit, input).await;
        assert_eq!(said(answer).0, "InvalidParameterException", "{name}");
    }
    house.service.create("mine!x", None).await.expect("a name as any other");
}

#[tokio::test]
async fn secrets_are_found_by_their_owner() {
    let house = House::new();
    house.service.create("plain", Some("value")).await.expect("created");
    house.register("main", |_| {}).await.expect("registered");
    let cx = house.service.cx();
    let permit = authorize(&cx, Operation::ListSecrets.action(), Resource::Account, &()).expect("the root may");
    for (values, found) in [(&["rds"][..], 1), (&["r"], 1), (&["redshift"], 0), (&["!rds"], 1), (&["!redshift"], 2)] {
        let filter = Filter {
            key: Some(FilterNameStringType::OwningService),
            values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        };
        let input = ListSecretsRequest { filters: Some(vec![filter]), ..ListSecretsRequest::default() };
        let listed = house.service.secrets.list_secrets(&cx, &permit, input).await.expect("listed");
        let listed = listed.secret_list.unwrap_or_default();
        assert_eq!(listed.len(), found, "{values:?}");
        for secret in listed.iter().filter(|_| !values[0].starts_with('!')) {
            assert_eq!(secret.owning_service.as_deref(), Some("rds"));
        }
    }
}

#[tokio::test]
async fn a_forgotten_database_takes_its_secret_along() {
    let house = House::new();
    let secrets = &house.service.secrets;
    let arn = house.register("main", |_| {}).await.expect("registered");
    house.register("other", |_| {}).await.expect("registered");
    let cx = house.service.cx();
    let all = authorize(&cx, "strongroom:DescribeDatabases", Resource::Account, &()).expect("the root may");
    let mut ids = Vec::new();
    let mut next_token = None;
    loop {
        let input = DescribeDatabasesRequest { max_results: Some(1), next_token, ..Default::default() };
        let page = house.databases.describe_databases(secrets, &cx, &all, input).await.expect("a page");
        ids.extend(page.databases.unwrap_or_default().into_iter().filter_map(|database| database.database_id));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(ids, ["main", "other"]);
    let permit = house.permit(&cx, "strongroom:DeregisterDatabase", "main").await;
    let input = || DeregisterDatabaseRequest { database_id: "main".to_owned() };
    house.databases.deregister_database(secrets, &cx, &permit, input()).await.expect("forgotten");
    assert_eq!(said(house.service.get(&arn).await).0, "ResourceNotFoundException");
    let again = house.databases.deregister_database(secrets, &cx, &permit, input()).await;
    assert_eq!(said(again).0, "ResourceNotFoundException");
    let permit = house.permit(&cx, "strongroom:DescribeDatabases", "main").await;
    let input = DescribeDatabasesRequest { database_id: Some("main".to_owned()), ..Default::default() };
    let answer = house.databases.describe_databases(secrets, &cx, &permit, input).await;
    assert_eq!(said(answer).0, "ResourceNotFoundException");
    let region = Region::parse("us-east-1").expect("region");
    assert_eq!(permit.database().expect("a database").arn, super::arn_of(&region, ACCOUNT, "main"));
}
