//! The door for services that own secrets.

use http::HeaderMap;
use strongroom_wire::secretsmanager::Operation;

use super::{House, Told, received};

#[tokio::test]
async fn a_service_asks_for_the_steps_of_a_rotation_alone_and_is_recorded_as_itself() {
    let house = House::open(|_| {}).await;
    let account = house.app.account().clone();
    for operation in [Operation::DeleteSecret, Operation::UpdateSecret, Operation::BatchGetSecretValue] {
        let call = received(HeaderMap::new(), r#"{"SecretId": "a", "SecretIdList": ["a"]}"#);
        let told = Told::of(&house.gate.act(&call, operation, "rds.amazonaws.com", &account).await);
        assert_eq!(told.status, 500, "{operation:?}: {}", told.text);
    }
    let call = received(HeaderMap::new(), "{}");
    let told = Told::of(&house.gate.act(&call, Operation::GetRandomPassword, "rds.amazonaws.com", &account).await);
    assert_eq!(told.status, 200, "{}", told.text);
    let records = house.trail();
    let record = records.iter().find(|record| record["eventName"] == "GetRandomPassword").expect("a record");
    assert_eq!(record["userIdentity"], serde_json::json!({"type": "AWSService", "invokedBy": "rds.amazonaws.com"}));
    assert_eq!(record["sourceIPAddress"], "rds.amazonaws.com");
    assert_eq!(record["recipientAccountId"], account.as_str());
}
