//! States of a secret in which a step is refused, or changes nothing.

use serde_json::json;

use super::memory::{SECRET, World};
use super::stub::{Stub, only};
use strongroom_rotators::Step;

async fn world() -> (Stub, World) {
    let stub =
        Stub::start(|call| if call.method == "GET" { (200, json!({"id": 1, "active": true})) } else { only(500) });
    let stub = stub.await;
    let value = json!({"token": "glpat-1", "tokenId": "1", "gitlabUrl": stub.url});
    let world = World::new(&stub.url, "GitLabAccessToken", &value);
    (stub, world)
}

#[tokio::test]
async fn states_are_told_apart() {
    let (_stub, world) = world().await;
    let said = async |token: &str| world.step(Step::Create, token).await.unwrap_err().to_string();
    assert_eq!(said("token-1").await, format!("Secret version token-1 has no stage for rotation of secret {SECRET}."));
    world.memory.begin(SECRET, "token-1");
    assert_eq!(said("token-1").await, "rotate the token: the partner answered with status 500");
    let fault = world.step(Step::Finish, "token-1").await.unwrap_err().to_string();
    assert_eq!(fault, format!("The pending version of secret {SECRET} has no value."));
    // The current version is done.
    for step in Step::ALL {
        world.step(step, "first").await.unwrap();
    }
    world.memory.disable(SECRET);
    assert_eq!(said("token-1").await, format!("Secret {SECRET} is not enabled for rotation."));
}

#[tokio::test]
async fn a_test_without_a_pending_value_tests_the_current_one() {
    let (_stub, world) = world().await;
    world.memory.begin(SECRET, "token-1");
    world.step(Step::Test, "token-1").await.unwrap();
}
