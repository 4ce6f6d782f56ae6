//! Tests of the figures and of how they are told.
use std::sync::Arc;

use http::HeaderValue;

use super::*;
use crate::tests::House;

async fn told(house: &House, form: Form) -> String {
    String::from_utf8(house.app.figures.answer(&house.app, form).body.expose().to_vec()).unwrap()
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|told| told.trim_end_matches(".0") == line)
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_told_by_name() {
    let house = House::open(|config| config.metrics.enabled = true).await;
    let backups = &house.app.figures.backups;
    backups.last_success.set(1_795_955_135.5);
    backups.failures.inc();
    backups.newest_bytes.set(4096);
    let text = told(&house, Form::OpenMetrics).await;
    for line in [
        "strongroom_backup_last_success_timestamp_seconds 1795955135.5",
        "strongroom_backup_last_proven_restore_timestamp_seconds 0",
        "strongroom_backup_failures_total 1",
        "strongroom_backup_drill_failures_total 0",
        "strongroom_backup_newest_bytes 4096",
        "strongroom_backup_drill_seconds 0",
        "strongroom_backup_kept 0",
        "strongroom_backup_kept_bytes 0",
        "strongroom_ready 1",
        "# EOF",
    ] {
        assert!(has(&text, line), "{line} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_count_by_operation_result_and_account() {
    let house = House::open(|config| config.metrics.enabled = true).await;
    let token = "00000000-0000-4000-8000-000000000001";
    let create = format!(r#"{{"Name":"one","SecretString":"v","ClientRequestToken":"{token}"}}"#);
    assert_eq!(house.call("CreateSecret", &create, true).await.status, 200);
    for _ in 0..3 {
        assert_eq!(house.call("GetSecretValue", r#"{"SecretId":"one"}"#, true).await.status, 200);
    }
    assert_eq!(house.call("GetSecretValue", r#"{"SecretId":"none"}"#, true).await.status, 400);
    assert_eq!(house.call("GetSecretValue", r#"{"SecretId":"one"}"#, false).await.status, 400);
    let gone = r#"{"SecretId":"one","RecoveryWindowInDays":7}"#;
    assert_eq!(house.call("DeleteSecret", gone, true).await.status, 200);
    assert_eq!(house.call("GetSecretValue", r#"{"SecretId":"one"}"#, true).await.status, 400);
    looks::look(&house.app, 0).await.unwrap();
    let account = house.app.account();
    let text = told(&house, Form::OpenMetrics).await;
    let of = |operation: &str, result: &str, account: &str| {
        let service = "service=\"secretsmanager\"";
        format!(
            "strongroom_requests_total{{{service},operation=\"{operation}\",result=\"{result}\",account=\"{account}\"}}"
        )
    };
    for line in [
        format!("{} 3", of("GetSecretValue", "ok", account.as_str())),
        format!("{} 1", of("CreateSecret", "ok", account.as_str())),
        format!("{} 1", of("GetSecretValue", "ResourceNotFoundException", account.as_str())),
        format!("{} 1", of("GetSecretValue", "InvalidRequestException", account.as_str())),
        "strongroom_signatures_refused_total 1".to_owned(),
        "strongroom_deleted_secret_reads_total 1".to_owned(),
        format!("strongroom_secrets{{account=\"{account}\"}} 1"),
        format!("strongroom_secrets_scheduled_for_deletion{{account=\"{account}\"}} 1"),
        "strongroom_rotations_due 0".to_owned(),
    ] {
        assert!(has(&text, &line), "{line} in\n{text}");
    }
    let count = "strongroom_request_duration_seconds_count{service=\"secretsmanager\",operation=\"GetSecretValue\"} 6";
    assert!(has(&text, count), "{text}");
    assert!(text.contains("account=\"none\""), "who did not sign has no account");
    assert!(!text.contains("\"one\""), "no name of a secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_counted_when_nobody_asks() {
    let house = House::open(|_| {}).await;
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
    assert!(!told(&house, Form::OpenMetrics).await.contains("strongroom_requests_total{"));
}

#[test]
fn the_form_is_the_one_that_is_asked_for() {
    let mut headers = HeaderMap::new();
    assert_eq!(Form::asked_for(&headers), Form::Prometheus);
    let both = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
    headers.insert(ACCEPT, HeaderValue::from_static(both));
    assert_eq!(Form::asked_for(&headers), Form::OpenMetrics);
}

#[test]
fn accounts_beyond_the_bound_count_together() {
    let requests = Arc::new(RequestFigures::new(true, 1));
    let account = |number: u64| strongroom_types::AccountId::parse(&format!("{number:012}")).unwrap();
    let operation = strongroom_wire::ops::AnyOperation::all().next();
    for number in 1..=3 {
        requests.count(requests.begin(), operation, requests.row(&account(number)), None);
    }
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register_collector(Box::new(requests));
    let mut text = String::new();
    text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("account=\"000000000001\"} 1") && text.contains("account=\"other\"} 2"), "{text}");
}
