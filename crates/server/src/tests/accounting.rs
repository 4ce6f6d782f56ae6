//! What is recorded, summed up or refused when records could fill the disk.

use super::House;
use crate::front::{Endpoint, Readiness};
use crate::refused::sum_up;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_unsigned_requests_some_are_recorded_and_the_rest_is_summed_up() {
    let house = House::open(|config| config.audit.refusals_per_minute_max = 3).await;
    for _ in 0..10 {
        let told = house.call("ListSecrets", "{}", false).await;
        assert!(told.status == 400 && told.text.contains("MissingAuthenticationToken"), "{told:?}");
    }
    assert_eq!(house.trail().len(), 3);
    for _ in 0..5 {
        assert_eq!(house.call("NoSuchOperation", "{}", true).await.status, 400);
        assert_eq!(house.call("GetSecretValue", r#"{"SecretId":"absent"}"#, true).await.status, 400);
    }
    assert_eq!(house.trail().len(), 13, "signed requests all have records");
    sum_up(&house.app, false).unwrap();
    assert_eq!(house.trail().len(), 13, "the minute is not over");
    house.clock.advance_millis(60_000);
    sum_up(&house.app, false).unwrap();
    let trail = house.trail();
    assert_eq!(trail.len(), 14);
    let sum = &trail[13];
    assert_eq!(sum["eventName"], "RefusedRequestsSummary");
    assert_eq!(sum["sourceIPAddress"], "192.0.2.7");
    assert_eq!(sum["additionalEventData"]["UnauthenticatedRequests"], "7");
    house.call("ListSecrets", "{}", false).await;
    assert_eq!(house.trail().len(), 15, "a new minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_little_space_only_deletions_are_carried_out() {
    let house = House::open(|_| {}).await;
    let create = r#"{"Name":"a","SecretString":"v","ClientRequestToken":"00000000-0000-4000-8000-000000000001"}"#;
    assert_eq!(house.call("CreateSecret", create, true).await.status, 200);
    assert_eq!(house.gate.ready(), Readiness::Ready);
    let before = house.trail().len();
    house.app.standing.set_space_is_low(true);
    for (operation, body) in
        [("GetSecretValue", r#"{"SecretId":"a"}"#), ("CreateSecret", create), ("ListSecrets", "{}")]
    {
        let told = house.call(operation, body, true).await;
        assert!(told.status == 503 && told.text.contains("ServiceUnavailableException"), "{operation}: {told:?}");
    }
    assert_eq!(house.call("ListSecrets", "{}", false).await.status, 400);
    assert_eq!(house.trail().len(), before, "nothing was written");
    let Readiness::NotReady(reasons) = house.gate.ready() else { panic!("not ready") };
    assert!(reasons[0].contains("audit.free_bytes_min"), "{reasons:?}");
    assert_eq!(house.call("DeleteSecret", r#"{"SecretId":"a"}"#, true).await.status, 200);
    house.app.standing.set_space_is_low(false);
    sum_up(&house.app, true).unwrap();
    assert_eq!(house.trail().last().unwrap()["additionalEventData"]["RequestsWithoutSpace"], "4");
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reserve_is_looked_at_from_the_start() {
    let house = House::open(|config| config.audit.free_bytes_min = 1 << 60).await;
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 503);
    let house = House::open(|config| config.audit.free_bytes_min = 0).await;
    assert_eq!(house.call("ListSecrets", "{}", true).await.status, 200);
}
