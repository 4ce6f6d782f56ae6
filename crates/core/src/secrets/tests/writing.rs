//! Writers beside each other, caches, and permits that outlive what they were given for.

use strongroom_store::Batch;
use strongroom_wire::secretsmanager::{DeleteSecretRequest, DescribeSecretRequest, GetSecretValueRequest, Operation};

use super::*;
use crate::secrets::Done;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_beside_each_other_all_succeed_and_one_version_is_current() {
    let service = Arc::new(Service::new());
    service.create("busy", Some("first")).await.expect("created");
    let writers: Vec<_> = (0..24)
        .map(|n| {
            let service = Arc::clone(&service);
            tokio::spawn(async move { service.put("busy", &format!("v{n}")).await.expect("put") })
        })
        .collect();
    let mut ids = Vec::new();
    for writer in writers {
        ids.push(writer.await.expect("a writer"));
    }
    let cx = service.cx();
    let permit = service.permit(&cx, Operation::DescribeSecret, "busy").await;
    let input = DescribeSecretRequest { secret_id: "busy".into() };
    let described = service.secrets.describe_secret(&cx, &permit, input).await.expect("described");
    let stages = described.version_ids_to_stages.expect("stages");
    let current: Vec<_> = stages.iter().filter(|(_, stages)| stages.contains(&"AWSCURRENT".to_owned())).collect();
    assert_eq!(current.len(), 1);
    assert!(ids.contains(current[0].0));
    let values = service.documents.scan::<StoredValue>("", None, 100).await.expect("scan");
    assert_eq!(values.len(), 25);
}

#[tokio::test]
async fn a_reader_sees_what_was_acknowledged() {
    let service = Service::new();
    service.create("seen", Some("v")).await.expect("created");
    for n in 0..20 {
        assert!(service.get("seen").await.is_ok());
        service.put("seen", &format!("v{n}")).await.expect("put");
        assert_eq!(service.get("seen").await.expect("read"), format!("v{n}"));
    }
}

#[tokio::test]
async fn a_permit_is_for_the_secret_that_was_there_not_for_its_successor() {
    let service = Service::new();
    let arn = service.create("same-name", Some("old")).await.expect("created");
    let cx = service.cx();
    let old = service.permit(&cx, Operation::GetSecretValue, "same-name").await;
    let permit = service.permit(&cx, Operation::DeleteSecret, "same-name").await;
    let input = DeleteSecretRequest {
        secret_id: "same-name".into(),
        force_delete_without_recovery: Some(true),
        ..DeleteSecretRequest::default()
    };
    service.secrets.delete_secret(&cx, &permit, input).await.expect("deleted");
    let successor = service.create("same-name", Some("new")).await.expect("created");
    assert_ne!(arn, successor, "the ARN has another end");
    let input = GetSecretValueRequest { secret_id: "same-name".into(), ..GetSecretValueRequest::default() };
    let read = service.secrets.get_secret_value(&cx, &old, input).await;
    assert_eq!(code(read), "ResourceNotFoundException");
    assert_eq!(code(service.get(&arn).await), "ResourceNotFoundException");
    assert_eq!(service.get(&successor).await.expect("read"), "new");
    assert_eq!(service.get(successor.rsplit_once('-').expect("suffix").0).await.expect("by half an ARN"), "new");
}

#[tokio::test]
async fn another_accounts_root_is_denied_before_it_learns_whether_a_secret_exists() {
    let service = Service::new();
    let arn = service.create("mine", Some("v")).await.expect("created");
    let cx = service.cx_in("999999999999");
    for asked in [arn.clone(), arn.replace("mine", "other")] {
        let secret = service.secrets.resolve(&cx, &asked).await.expect("a name");
        let refused = authorize(&cx, Operation::GetSecretValue.action(), Resource::Secret(Arc::new(secret)), &());
        assert_eq!(code(refused), "AccessDeniedException");
    }
}

#[tokio::test]
async fn the_whole_arn_of_a_deleted_secret_reaches_no_secret_that_is_named_like_its_end() {
    let service = Service::new();
    let first = service.create("db", Some("v")).await.expect("created");
    let end = first.rsplit_once(":secret:").expect("a name").1.to_owned();
    let cx = service.cx();
    let permit = service.permit(&cx, Operation::DeleteSecret, "db").await;
    let input = DeleteSecretRequest {
        secret_id: "db".into(),
        force_delete_without_recovery: Some(true),
        ..DeleteSecretRequest::default()
    };
    service.secrets.delete_secret(&cx, &permit, input).await.expect("deleted");
    let other = service.create(&end, Some("another's")).await.expect("created");
    assert!(service.get(&first).await.is_err(), "the ARN was the deleted secret's");
    assert_eq!(service.get(&other).await.expect("by its whole ARN"), "another's");
    assert_eq!(service.get(&end).await.expect("by its name"), "another's");
}

#[tokio::test]
async fn what_is_recorded_behind_a_commit_is_another_event() {
    let service = Service::new();
    service.create("a", Some("value")).await.expect("created");
    let values = service.documents.scan::<StoredValue>("", None, 1).await.expect("scan");
    // Whatever fails after it is not taken for the record of success, which the store has, or may have.
    for is_kept in [true, false] {
        let cx = service.cx();
        let before = cx.record().event_id;
        let mut batch = Batch::named("value");
        service.documents.delete(&mut batch, &values[0]);
        assert_eq!(cx.commit(&service.documents, batch, Done::default()).await.is_ok(), is_kept);
        assert_eq!(cx.is_recorded(), is_kept);
        assert_ne!(cx.record().event_id, before);
    }
}
