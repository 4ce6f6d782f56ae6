//! Who asks too often, or fails too often to say who it is, is told so in AWS's words, and it is recorded.

use super::House;

const CREATE: &str =
    r#"{"Name":"NAME","SecretString":"v","ClientRequestToken":"00000000-0000-4000-8000-000000000001"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn above_its_rate_an_account_is_throttled_and_the_refusal_is_recorded() {
    let house = House::open(|config| config.quotas.throttle = true).await;
    for number in 0..50 {
        let told = house.call("CreateSecret", &CREATE.replace("NAME", &format!("s{number}")), true).await;
        assert_eq!(told.status, 200, "{told:?}");
    }
    let told = house.call("CreateSecret", &CREATE.replace("NAME", "one-more"), true).await;
    assert_eq!(told.status, 400);
    let body: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!(body["__type"], "ThrottlingException");
    assert_eq!(body["message"], "Rate exceeded");
    let trail = house.trail();
    let last = trail.iter().find(|record| record["errorCode"] == "ThrottlingException").unwrap();
    assert_eq!(
        (last["eventName"].as_str(), last["errorMessage"].as_str()),
        (Some("CreateSecret"), Some("Rate exceeded"))
    );
    assert_eq!(house.call("DeleteSecret", r#"{"SecretId":"s1"}"#, true).await.status, 200, "a rate of its own");
    assert_eq!(house.call("DescribeSecret", r#"{"SecretId":"one-more"}"#, true).await.status, 400, "not created");
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_can_be_switched_off_and_numbers_changed() {
    let house = House::open(|config| {
        config.quotas.secrets_max = 60;
    })
    .await;
    for number in 0..60 {
        let told = house.call("CreateSecret", &CREATE.replace("NAME", &format!("s{number}")), true).await;
        assert_eq!(told.status, 200, "{told:?}");
    }
    let told = house.call("CreateSecret", &CREATE.replace("NAME", "one-more"), true).await;
    assert!(told.text.contains("LimitExceededException") && told.text.contains("60 secrets"), "{told:?}");
    // The same request as one that was carried out needs no place.
    assert_eq!(house.call("CreateSecret", &CREATE.replace("NAME", "s7"), true).await.status, 200);
    let gone = r#"{"SecretId":"s1","ForceDeleteWithoutRecovery":true}"#;
    assert_eq!(house.call("DeleteSecret", gone, true).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_too_often_is_not_looked_into_any_more() {
    let house = House::open(|config| {
        config.dev = false;
        config.limits.sign_in_failures_per_minute_max = 5;
    })
    .await;
    for _ in 0..5 {
        let told = house.call("ListSecrets", "{}", true).await;
        assert!(told.text.contains("UnrecognizedClientException"), "{told:?}");
    }
    let told = house.call("ListSecrets", "{}", true).await;
    assert!(told.status == 400 && told.text.contains("ThrottlingException"), "{told:?}");
}
