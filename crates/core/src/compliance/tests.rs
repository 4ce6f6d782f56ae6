//! Each rule at its boundaries.

use std::sync::Arc;

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, Random, aead};
use strongroom_store::{Batch, MemoryStore};
use strongroom_types::time::DAY_MS;
use strongroom_types::{AccountId, Region};

use super::reports::{Cell, Report, Reporter, Row};
use super::*;
use crate::documents::Documents;
use crate::identities::Identities;
use crate::secrets::model::{Deletion, SecretTag, Version};
use crate::secrets::owned::Owner;
use crate::secrets::pairs::Pairs;
use crate::secrets::rotation::{NextWindow, Purpose, Rotation, Rules, UnderWay};

/// Noon of a day.
const NOW: Timestamp = Timestamp::from_millis(20_000 * DAY_MS + DAY_MS / 2);
const HOUR_MS: i64 = 3_600_000;

fn ago(days: i64) -> i64 {
    NOW.plus_days(-days).millis()
}

/// A secret that was created just now.
pub(super) fn secret() -> Secret {
    Secret {
        account: "111122223333".into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: "s".into(),
        suffix: "AbCdEf".into(),
        kind: None,
        description: None,
        kms_key_id: None,
        created_ms: NOW.millis(),
        changed_ms: NOW.millis(),
        accessed_ms: None,
        deletion: None,
        tags: Vec::new(),
        stages: Pairs::default(),
        versions: Pairs::default(),
        policy: None,
        rotation: None,
        owner: None,
    }
}

fn rotating(rules: Rules) -> Secret {
    let rotation = Rotation { enabled: true, rules, ..Rotation::default() };
    Secret { rotation: Some(rotation), ..secret() }
}

fn every(expression: &str) -> Rules {
    Rules { expression: Some(expression.into()), ..Rules::default() }
}

fn judged_with(rule: Rule, parameters: &Parameters, secret: &Secret, key: &UsedKey) -> Compliance {
    let verdict = verdict(rule, parameters, &Facts { secret, key }, NOW);
    assert!((1..=256).contains(&verdict.annotation.chars().count()), "{}", verdict.annotation);
    verdict.compliance
}

fn judged(rule: Rule, secret: &Secret) -> Compliance {
    judged_with(rule, &Parameters::default(), secret, &UsedKey::Default)
}

use Compliance::{Compliant, NonCompliant, NotApplicable};

#[test]
fn a_secret_created_today_breaks_only_the_rules_about_what_it_lacks() {
    let told = Rule::ALL.map(|rule| judged(rule, &secret()));
    assert_eq!(told, [NonCompliant, NotApplicable, Compliant, Compliant, NonCompliant, NonCompliant]);
}

#[test]
fn a_secret_that_waits_for_its_deletion_is_not_judged() {
    let deletion = Some(Deletion { requested_ms: ago(1), due_ms: NOW.millis() });
    let waiting = Secret { deletion, created_ms: ago(1000), ..secret() };
    assert!(Rule::ALL.iter().all(|rule| judged(*rule, &waiting) == NotApplicable));
}

#[test]
fn rotation_is_to_be_on_and_as_often_as_asked_for() {
    let off = Secret {
        rotation: Some(Rotation { enabled: false, rules: every("rate(1 day)"), ..Rotation::default() }),
        ..secret()
    };
    assert_eq!(judged(Rule::RotationEnabled, &off), NonCompliant, "CancelRotateSecret keeps the rules");
    assert_eq!(judged(Rule::RotationEnabled, &rotating(every("rate(999 days)"))), Compliant);

    let days = |days, rules| {
        let parameters = Parameters { rotation_days_max: Some(days), ..Parameters::default() };
        judged_with(Rule::RotationEnabled, &parameters, &rotating(rules), &UsedKey::Default)
    };
    let after = |days| Rules { after_days: Some(days), ..Rules::default() };
    assert_eq!((days(30, after(30)), days(30, after(31))), (Compliant, NonCompliant));
    assert_eq!((days(10, every("rate(10 days)")), days(9, every("rate(10 days)"))), (Compliant, NonCompliant));
    assert_eq!(days(1, every("rate(23 hours)")), Compliant);
    let monthly = "cron(0 8 1 * ? *)";
    assert_eq!((days(31, every(monthly)), days(30, every(monthly))), (Compliant, NonCompliant), "months of 31 days");
    let weekdays = "cron(0 8 ? * MON-FRI *)";
    assert_eq!((days(3, every(weekdays)), days(2, every(weekdays))), (Compliant, NonCompliant), "over the weekend");
    let half_a_year = "cron(0 /4 ? JAN-JUN * *)";
    assert_eq!((days(185, every(half_a_year)), days(183, every(half_a_year))), (Compliant, NonCompliant));
    assert_eq!(days(365, every("cron(0 0 29 2 ? *)")), NonCompliant, "leap days");
    assert_eq!(days(30, Rules::default()), NonCompliant, "on, without a schedule");
}

#[test]
fn the_frequency_in_hours_counts_beside_that_in_days() {
    let hours = |hours, days, expression| {
        let parameters =
            Parameters { rotation_hours_max: Some(hours), rotation_days_max: days, ..Parameters::default() };
        judged_with(Rule::RotationEnabled, &parameters, &rotating(every(expression)), &UsedKey::Default)
    };
    assert_eq!((hours(4, None, "rate(4 hours)"), hours(4, None, "rate(5 hours)")), (Compliant, NonCompliant));
    assert_eq!((hours(24, None, "rate(1 day)"), hours(23, None, "rate(1 day)")), (Compliant, NonCompliant));
    assert_eq!(hours(8, None, "cron(0 /8 * * ? *)"), Compliant);
    assert_eq!(hours(9, None, "cron(0 2/10 * * ? *)"), NonCompliant, "02, 12, 22");
    assert_eq!(hours(48, Some(1), "rate(2 days)"), NonCompliant, "the shorter of both");
}

#[test]
fn a_rotation_has_failed_two_days_after_the_window_it_was_due_in() {
    let due = |end_ms| {
        let mut secret = rotating(every("rate(7 days)"));
        let next = Some(NextWindow { start_ms: end_ms - DAY_MS, end_ms });
        secret.rotation = secret.rotation.map(|rotation| Rotation { next, ..rotation });
        secret
    };
    assert_eq!(judged(Rule::RotationSuccess, &due(ago(2))), NonCompliant);
    assert_eq!(judged(Rule::RotationSuccess, &due(ago(2) + 1)), Compliant);
    assert_eq!(judged(Rule::RotationSuccess, &due(ago(-5))), Compliant, "never rotated, and not due yet");
    let mut off = due(ago(100));
    off.rotation = off.rotation.map(|rotation| Rotation { enabled: false, ..rotation });
    assert_eq!(judged(Rule::RotationSuccess, &off), NotApplicable);
}

#[test]
fn a_rotation_that_began_and_does_not_end_has_failed_after_two_days() {
    let began = |created_ms, purpose| {
        let mut secret = rotating(every("rate(7 days)"));
        let under_way = UnderWay { token: "v".into(), purpose, run_id: "r".into() };
        let next = Some(NextWindow { start_ms: ago(-5), end_ms: ago(-6) });
        secret.rotation = secret.rotation.map(|rotation| Rotation { under_way: Some(under_way), next, ..rotation });
        let version = Version { created_ms, accessed_ms: None, kms_key_ids: Vec::new(), noted: Default::default() };
        secret.versions.insert("v".into(), version);
        judged(Rule::RotationSuccess, &secret)
    };
    assert_eq!((began(ago(2), Purpose::Rotate), began(ago(2) + 1, Purpose::Rotate)), (NonCompliant, Compliant));
    assert_eq!(began(ago(9), Purpose::Test), Compliant, "a test of the configuration is none");
}

#[test]
fn a_secret_is_unused_when_it_was_read_before_so_many_days() {
    let day = |days: i64| NOW.plus_days(-days).start_of_day().millis();
    let read = |days| judged(Rule::Unused, &Secret { accessed_ms: Some(day(days)), created_ms: ago(500), ..secret() });
    assert_eq!((read(0), read(90), read(91)), (Compliant, Compliant, NonCompliant));
    let never = |created_ms| judged(Rule::Unused, &Secret { created_ms, ..secret() });
    assert_eq!((never(ago(90)), never(day(90)), never(ago(91))), (Compliant, Compliant, NonCompliant));
    assert_eq!(never(ago(-1)), Compliant, "a clock that was set back");
    let strict = Parameters { unused_days_max: 1, ..Parameters::default() };
    let read = Secret { accessed_ms: Some(day(2)), ..secret() };
    assert_eq!(judged_with(Rule::Unused, &strict, &read, &UsedKey::Default), NonCompliant);
}

#[test]
fn a_secret_is_to_be_rotated_within_so_many_days_of_24_hours() {
    let rotated = |ms| {
        let rotation = Rotation { rotated_ms: Some(ms), ..Rotation::default() };
        judged(Rule::PeriodicRotation, &Secret { rotation: Some(rotation), created_ms: ago(500), ..secret() })
    };
    assert_eq!((rotated(ago(90)), rotated(ago(90) - 1)), (Compliant, NonCompliant));
    let never = |created_ms| judged(Rule::PeriodicRotation, &Secret { created_ms, ..secret() });
    assert_eq!((never(ago(90)), never(ago(90) - 1)), (Compliant, NonCompliant));
    let hours = Parameters { since_rotation_days_max: 1, ..Parameters::default() };
    let created = |hours_ago| Secret { created_ms: NOW.millis() - hours_ago * HOUR_MS, ..secret() };
    let told = |hours_ago| judged_with(Rule::PeriodicRotation, &hours, &created(hours_ago), &UsedKey::Default);
    assert_eq!((told(24), told(25)), (Compliant, NonCompliant));
}

#[test]
fn an_owned_secret_is_judged_as_any_other() {
    let mut owned = rotating(Rules { after_days: Some(7), ..Rules::default() });
    owned.owner = Some(Owner { service: "rds".into(), database: "db-1".into() });
    owned.tags = vec![SecretTag { key: "aws:secretsmanager:owningService".into(), value: "rds".into() }];
    assert_eq!(judged(Rule::RotationEnabled, &owned), Compliant);
    assert_eq!(judged(Rule::RotationSuccess, &owned), Compliant);
    assert_eq!(judged(Rule::Tagged, &owned), NonCompliant, "the service's own tags are none");
}

#[test]
fn all_required_tags_are_to_be_there_in_their_letters() {
    let tags = |keys: &[&str]| {
        let tag = |key: &&str| SecretTag { key: (*key).to_owned(), value: String::new() };
        Secret { tags: keys.iter().map(tag).collect(), ..secret() }
    };
    assert_eq!(judged(Rule::Tagged, &tags(&["any"])), Compliant);
    let parameters = Parameters { required_tags: vec!["Team".into(), "Cost".into()], ..Parameters::default() };
    let told = |keys| judged_with(Rule::Tagged, &parameters, &tags(keys), &UsedKey::Default);
    assert_eq!(told(&["Cost", "x", "Team"]), Compliant);
    let long = Parameters { required_tags: vec!["é".repeat(128); 6], ..Parameters::default() };
    assert_eq!(judged_with(Rule::Tagged, &long, &tags(&[]), &UsedKey::Default), NonCompliant);
    assert_eq!((told(&["Cost", "team"]), told(&["Team"]), told(&[])), (NonCompliant, NonCompliant, NonCompliant));
}

#[test]
fn only_a_customer_managed_key_of_the_account_will_do() {
    let (one, two) = ("arn:aws:kms:us-east-1:111122223333:key/1", "arn:aws:kms:us-east-1:111122223333:key/2");
    let any = |key: UsedKey| judged_with(Rule::CustomerKey, &Parameters::default(), &secret(), &key);
    assert_eq!(any(UsedKey::Default), NonCompliant);
    assert_eq!(any(UsedKey::OtherAccount(one.into())), NonCompliant);
    assert_eq!(any(UsedKey::Absent("alias/gone".into())), NonCompliant);
    assert_eq!(any(UsedKey::Customer(one.into())), Compliant);
    let listed = Parameters { kms_keys: vec![one.into()], ..Parameters::default() };
    let told = |key: &str| judged_with(Rule::CustomerKey, &listed, &secret(), &UsedKey::Customer(key.into()));
    assert_eq!((told(one), told(two)), (Compliant, NonCompliant));
}

#[test]
fn rules_go_by_both_names() {
    for rule in Rule::ALL {
        assert_eq!(Rule::named(&rule.name().to_uppercase()), Some(rule));
        assert!(rule.control().is_none_or(|control| Rule::named(control) == Some(rule)));
    }
    assert_eq!(Rule::named("secretsmanager.6"), None);
}

#[tokio::test]
async fn a_walk_meets_every_secret_of_its_scope_once() {
    let documents = documents();
    let mut batch = Batch::named("test");
    for n in 0..450 {
        let account = if n % 9 == 0 { "999999999999" } else { "111122223333" };
        let region = if n % 2 == 0 { "us-east-1" } else { "eu-west-1" };
        let secret = Secret { account: account.into(), region: region.into(), name: format!("s{n}"), ..secret() };
        documents.put(&mut batch, None, &Arc::new(secret)).expect("put");
    }
    documents.commit(batch).await.expect("committed");
    let account = || AccountId::parse("111122223333").ok();
    let region = || Region::parse("eu-west-1").ok();
    let scopes = [(None, None, 450), (account(), None, 400), (None, region(), 225), (account(), region(), 200)];
    for (account, region, expected) in scopes {
        let scope = Scope { account, region };
        let mut walk = Walk::new(&documents, &scope);
        let mut names = std::collections::BTreeSet::new();
        while let Some(secrets) = walk.next().await.expect("read") {
            for secret in secrets {
                assert!(names.insert(secret.name.clone()), "{} twice", secret.name);
                let told = evaluate(&documents, &secret, &Rule::ALL, &Parameters::default(), NOW).await.expect("told");
                assert_eq!(told.len(), Rule::ALL.len());
            }
        }
        assert_eq!(names.len(), expected, "{scope:?}");
    }
}

fn documents() -> Arc<Documents> {
    let random = Arc::new(SeededRandom::new(1));
    let keyring = Keyring::new(&[aead::generate_key(random.as_ref()).expect("key")]).expect("ring");
    let store = Arc::new(MemoryStore::default());
    Arc::new(Documents::new(store, Arc::new(keyring), random as Arc<dyn Random>, 1024))
}

async fn reported(report: Report, secrets: Vec<Secret>) -> Vec<Row> {
    let documents = documents();
    let identities = Identities::new(Arc::clone(&documents));
    let mut batch = Batch::named("test");
    for (n, secret) in secrets.into_iter().enumerate() {
        documents.put(&mut batch, None, &Arc::new(Secret { name: n.to_string(), ..secret })).expect("put");
    }
    documents.commit(batch).await.expect("committed");
    let (parameters, scope) = (Parameters::default(), Scope::default());
    let mut reporter = Reporter::new(report, (&documents, &identities), &parameters, &scope, NOW);
    let mut all = Vec::new();
    while let Some(rows) = reporter.next().await.expect("read") {
        assert!(rows.iter().all(|row| row.len() == report.columns().len()));
        all.extend(rows);
    }
    all
}

#[tokio::test]
async fn reports_name_what_is_unused_overdue_and_never_rotated() {
    let deletion = Some(Deletion { requested_ms: ago(1), due_ms: ago(-6) });
    let old = Secret { created_ms: ago(100), ..secret() };
    let read = Secret { accessed_ms: Some(ago(3)), ..old.clone() };
    let unused = reported(Report::Unused, vec![old.clone(), read, Secret { deletion, ..old.clone() }]).await;
    assert_eq!(unused.len(), 1);
    assert_eq!(unused[0][2..], [Cell::Nothing, Cell::Number(100)]);

    let due = |end_ms, enabled| {
        let next = Some(NextWindow { start_ms: end_ms - DAY_MS, end_ms });
        let rotation = Rotation { enabled, next, rotated_ms: Some(ago(50)), ..Rotation::default() };
        Secret { rotation: Some(rotation), ..old.clone() }
    };
    let waiting = Secret { deletion, ..due(ago(5), true) };
    let overdue =
        reported(Report::Overdue, vec![due(ago(5), true), due(ago(-1), true), due(ago(5), false), waiting]).await;
    assert_eq!(overdue.len(), 1, "{overdue:?}");
    assert_eq!(overdue[0][2], Cell::Number(5));
    let never = reported(Report::NeverRotated, vec![due(ago(5), true), old.clone(), rotating(Rules::default())]).await;
    assert_eq!(never.iter().map(|row| row[3].clone()).collect::<Vec<_>>(), [Cell::Flag(false), Cell::Flag(true)]);
}

#[tokio::test]
async fn a_key_that_is_gone_is_told_with_what_named_it() {
    let named = Secret { kms_key_id: Some("alias/gone".into()), ..secret() };
    let keys = reported(Report::Keys, vec![named.clone(), named]).await;
    assert_eq!(keys.len(), 1);
    assert_eq!((&keys[0][0], &keys[0][4]), (&Cell::Text("alias/gone".into()), &Cell::Number(2)));
}
