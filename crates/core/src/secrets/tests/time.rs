//! What happens when the clock is turned: recovery windows, days of last access.

use strongroom_types::time::DAY_MS;
use strongroom_wire::secretsmanager::{
    DeleteSecretRequest, DescribeSecretRequest, DescribeSecretResponse, Operation, RestoreSecretRequest,
};

use super::*;

async fn delete(service: &Service, name: &str, days: Option<i64>) {
    let cx = service.cx();
    let permit = service.permit(&cx, Operation::DeleteSecret, name).await;
    let input = DeleteSecretRequest {
        secret_id: name.to_owned(),
        recovery_window_in_days: days,
        ..DeleteSecretRequest::default()
    };
    let deleted = service.secrets.delete_secret(&cx, &permit, input).await.expect("deleted");
    let window_ms = days.unwrap_or(30) * DAY_MS;
    assert_eq!(deleted.deletion_date.expect("a date").millis_since(cx.now), window_ms);
}

async fn describe(service: &Service, name: &str) -> Result<DescribeSecretResponse, Error> {
    let cx = service.cx();
    let permit = service.permit(&cx, Operation::DescribeSecret, name).await;
    service.secrets.describe_secret(&cx, &permit, DescribeSecretRequest { secret_id: name.to_owned() }).await
}

async fn purge(on: &Service) -> usize {
    let cx = on.cx();
    let caller = Arc::new(Caller::service(cx.caller.account.clone(), "secretsmanager.amazonaws.com"));
    let cx = Ctx::new(caller, cx.region.clone(), cx.now, Way::default(), cx.record());
    on.secrets.purge_due(&cx, 100).await.expect("purged")
}

#[tokio::test]
async fn a_secret_goes_with_its_values_when_its_window_ends_and_not_before() {
    let service = Service::new();
    service.create("gone", Some("v")).await.expect("created");
    service.create("stays", Some("v")).await.expect("created");
    delete(&service, "gone", Some(7)).await;
    delete(&service, "stays", None).await;
    assert_eq!(code(service.get("gone").await), "InvalidRequestException");
    assert_eq!(code(service.create("gone", None).await), "InvalidRequestException");
    service.clock.advance_millis(7 * DAY_MS - 1);
    assert_eq!(purge(&service).await, 0);
    describe(&service, "gone").await.expect("still there");
    service.clock.advance_millis(1);
    assert_eq!(purge(&service).await, 1);
    assert_eq!(code(describe(&service, "gone").await), "ResourceNotFoundException");
    let values = service.documents.scan::<StoredValue>("", None, 10).await.expect("scan");
    assert_eq!(values.len(), 1, "only the other secret's value is left");
    service.create("gone", Some("new")).await.expect("the name is free again");
    assert_eq!(purge(&service).await, 0);
    service.clock.advance_days(90);
    assert_eq!(purge(&service).await, 1);
    assert_eq!(service.get("gone").await.expect("read"), "new");
}

#[tokio::test]
async fn a_restored_secret_is_whole_and_is_not_purged() {
    let service = Service::new();
    service.create("back", Some("v")).await.expect("created");
    delete(&service, "back", Some(7)).await;
    let cx = service.cx();
    let permit = service.permit(&cx, Operation::RestoreSecret, "back").await;
    let input = RestoreSecretRequest { secret_id: "back".into() };
    service.secrets.restore_secret(&cx, &permit, input).await.expect("restored");
    service.clock.advance_days(90);
    assert_eq!(purge(&service).await, 0);
    assert_eq!(service.get("back").await.expect("read"), "v");
    assert_eq!(describe(&service, "back").await.expect("described").deleted_date, None);
}

#[tokio::test]
async fn the_days_of_many_secrets_are_written_together() {
    let service = Service::new();
    for n in 0..250 {
        service.create(&format!("many/{n}"), Some("v")).await.expect("created");
    }
    for n in 0..250 {
        service.get(&format!("many/{n}")).await.expect("read");
    }
    assert_eq!(service.secrets.flush_access_days().await.expect("flushed"), 250);
    assert_eq!(service.secrets.flush_access_days().await.expect("flushed"), 0);
    let today = service.clock.now().start_of_day();
    for n in [0, 99, 100, 249] {
        let described = describe(&service, &format!("many/{n}")).await.expect("described");
        assert_eq!(described.last_accessed_date, Some(today), "{n}");
    }
}

#[tokio::test]
async fn the_day_of_last_access_is_shown_at_once_and_written_once_a_day() {
    let service = Service::new();
    service.create("read", Some("v")).await.expect("created");
    assert_eq!(describe(&service, "read").await.expect("described").last_accessed_date, None);
    let changed = describe(&service, "read").await.expect("described").last_changed_date;
    for _ in 0..3 {
        service.get("read").await.expect("read");
    }
    let today = service.clock.now().start_of_day();
    assert_eq!(describe(&service, "read").await.expect("described").last_accessed_date, Some(today));
    assert_eq!(service.secrets.flush_access_days().await.expect("flushed"), 1);
    service.get("read").await.expect("read");
    assert_eq!(service.secrets.flush_access_days().await.expect("flushed"), 0, "today is written already");
    service.clock.advance_days(1);
    service.get("read").await.expect("read");
    assert_eq!(service.secrets.flush_access_days().await.expect("flushed"), 1);
    let described = describe(&service, "read").await.expect("described");
    assert_eq!(described.last_accessed_date, Some(today.plus_days(1)));
    assert_eq!(described.last_changed_date, changed, "reading is no change");
}
