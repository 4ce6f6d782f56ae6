//! Confluent Cloud: `/iam/v2/api-keys`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::memory::{SECRET, World};
use super::stub::{Call, Reply, Stub, only};
use strongroom_rotators::Step;

/// Ids of keys, each with its secret and what was asked for.
type Keys = BTreeMap<String, (String, Value)>;

fn answer(keys: &mut Keys, count: &mut u32, call: &Call) -> Reply {
    let (key, secret) = call.basic();
    // A key of a cluster opens nothing here.
    let opens = |(found, spec): &(String, Value)| *found == secret && spec.get("resource").is_none();
    if !keys.get(&key).is_some_and(opens) {
        return only(401);
    }
    let told = |id: &str, spec: &Value| json!({"id": id, "spec": spec});
    match (call.method.as_str(), call.path.strip_prefix("/iam/v2/api-keys").unwrap_or("?").trim_start_matches('/')) {
        ("GET", "") => {
            let owner = &call.query["spec.owner"];
            let found = keys.iter().filter(|(_, (_, spec))| spec["owner"]["id"] == owner.as_str());
            (200, json!({"data": found.map(|(id, (_, spec))| told(id, spec)).collect::<Vec<_>>()}))
        }
        ("POST", "") => {
            *count += 1;
            let (id, secret, mut spec) = (format!("KEY{count}"), format!("secret{count}"), call.json()["spec"].clone());
            keys.insert(id.clone(), (secret.clone(), spec.clone()));
            spec["secret"] = json!(secret);
            (202, told(&id, &spec))
        }
        ("GET", id) => keys.get(id).map_or_else(|| only(404), |(_, spec)| (200, told(id, spec))),
        ("DELETE", id) => only(if keys.remove(id).is_some() { 204 } else { 404 }),
        _ => only(405),
    }
}

async fn confluent() -> (Stub, Arc<Mutex<Keys>>) {
    let spec = json!({"display_name": "by hand", "owner": {"id": "sa-1"}});
    let admin = json!({"display_name": "admin", "owner": {"id": "sa-0"}});
    let keys = Keys::from([
        ("KEY0".to_owned(), ("secret0".to_owned(), spec)),
        ("ADMIN".to_owned(), ("admin".to_owned(), admin)),
    ]);
    let keys = Arc::new(Mutex::new(keys));
    let (shared, count) = (Arc::clone(&keys), Mutex::new(0));
    let stub = Stub::start(move |call| answer(&mut shared.lock().unwrap(), &mut count.lock().unwrap(), call)).await;
    (stub, keys)
}

#[tokio::test]
async fn a_cloud_key_rotates_itself() {
    let (stub, keys) = confluent().await;
    let value = json!({"apiKey": "KEY0", "apiSecret": "secret0", "serviceAccountId": "sa-1"});
    let world = World::new(&stub.url, "ConfluentCloudApiKey", &value);
    world.rotate("token-1").await;
    world.rotate("token-2").await;
    assert_eq!(keys.lock().unwrap().keys().collect::<Vec<_>>(), ["ADMIN", "KEY1", "KEY2"]);
    assert_eq!(world.current("apiSecret"), "secret2");
}

#[tokio::test]
async fn a_key_of_a_cluster_is_rotated_by_an_administrator_also_after_an_interruption() {
    let (stub, keys) = confluent().await;
    let value = json!({"apiKey": "KEY0", "apiSecret": "secret0", "serviceAccountId": "sa-1", "resourceId": "lkc-1",
                       "environmentId": "env-1"});
    let admin = json!({"apiKey": "ADMIN", "apiSecret": "admin", "serviceAccountId": "sa-0"});
    let world = World::new(&stub.url, "ConfluentCloudApiKey", &value).with_admin("ConfluentCloudApiKey", &admin);
    world.memory.begin(SECRET, "token-1");
    world.step(Step::Create, "token-1").await.unwrap();
    world.memory.drop_pending_value(SECRET, "token-1");
    world.rotate("token-1").await;
    let keys = keys.lock().unwrap();
    assert_eq!(keys.keys().collect::<Vec<_>>(), ["ADMIN", "KEY0", "KEY2"]);
    assert_eq!(keys["KEY2"].1["resource"], json!({"id": "lkc-1", "environment": "env-1"}));
    assert_eq!(keys["KEY2"].1["owner"], json!({"id": "sa-1"}));
}
