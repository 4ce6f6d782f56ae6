//! Datadog: `/api/v2/api_keys`, `/api/v2/service_accounts/ID/application_keys`, `/api/v1/validate`,
//! `/api/v2/validate_keys`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::memory::{SECRET, World};
use super::stub::{Call, Reply, Stub, only};
use strongroom_rotators::Step;

#[derive(Default)]
struct Datadog {
    count: u32,
    /// Ids, each with name, key and scopes: of API keys and of application keys.
    api: BTreeMap<String, (String, String, Value)>,
    application: BTreeMap<String, (String, String, Value)>,
}

impl Datadog {
    fn answer(&mut self, call: &Call) -> Reply {
        let has = |keys: &BTreeMap<String, (String, String, Value)>, key: &str| keys.values().any(|(_, k, _)| k == key);
        if !has(&self.api, call.header("dd-api-key")) {
            return (403, json!({"errors": ["Forbidden"]}));
        }
        if call.path == "/api/v1/validate" {
            return (200, json!({"valid": true}));
        }
        if !has(&self.application, call.header("dd-application-key")) {
            return (403, json!({"errors": ["Forbidden"]}));
        }
        if call.path == "/api/v2/validate_keys" {
            return (200, json!({"status": "ok"}));
        }
        let (keys, kind, rest) = if let Some(rest) = call.path.strip_prefix("/api/v2/api_keys") {
            (&mut self.api, "api_keys", rest)
        } else if let Some(rest) = call.path.strip_prefix("/api/v2/service_accounts/sa-1/application_keys") {
            (&mut self.application, "application_keys", rest)
        } else {
            return only(404);
        };
        let told = |id: &str, (name, _, scopes): &(String, String, Value)| json!({"id": id, "type": kind, "attributes": {"name": name, "scopes": scopes}});
        match (call.method.as_str(), rest.trim_start_matches('/')) {
            ("GET", "") => {
                let filter = &call.query["filter"];
                let found = keys.iter().filter(|(_, (name, ..))| name.contains(filter.as_str()));
                (200, json!({"data": found.map(|(id, key)| told(id, key)).collect::<Vec<_>>()}))
            }
            ("POST", "") => {
                let body = call.json();
                assert_eq!(body["data"]["type"], kind);
                self.count += 1;
                let name = body["data"]["attributes"]["name"].as_str().unwrap().to_owned();
                let (id, key) = (format!("id-{}", self.count), format!("key-{}", self.count));
                keys.insert(id.clone(), (name.clone(), key.clone(), body["data"]["attributes"]["scopes"].clone()));
                (201, json!({"data": {"id": id, "type": kind, "attributes": {"name": name, "key": key}}}))
            }
            ("GET", id) => keys.get(id).map_or_else(|| only(404), |key| (200, json!({"data": told(id, key)}))),
            ("DELETE", id) => only(if keys.remove(id).is_some() { 204 } else { 404 }),
            _ => only(405),
        }
    }
}

async fn datadog() -> (Stub, Arc<Mutex<Datadog>>) {
    let mut state = Datadog::default();
    let key = |name: &str, key: &str, scopes| (name.to_owned(), key.to_owned(), scopes);
    state.api.insert("admin-api".to_owned(), key("admin", "admin-api-key", Value::Null));
    state.api.insert("old-api".to_owned(), key("app", "old-api-key", Value::Null));
    state.application.insert("admin-app".to_owned(), key("admin", "admin-app-key", json!(["api_keys_write"])));
    state.application.insert("old-app".to_owned(), key("app", "old-app-key", json!(["dashboards_read"])));
    let state = Arc::new(Mutex::new(state));
    let shared = Arc::clone(&state);
    (Stub::start(move |call| shared.lock().unwrap().answer(call)).await, state)
}

fn admin() -> Value {
    json!({"adminApiKey": "admin-api-key", "adminApiKeyId": "admin-api", "adminAppKey": "admin-app-key",
           "adminAppKeyId": "admin-app", "serviceAccountId": "sa-1", "site": "datadoghq.eu"})
}

fn ids(keys: &BTreeMap<String, (String, String, Value)>) -> Vec<&str> {
    keys.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn api_keys_alternate_and_the_one_before_the_last_is_deleted() {
    let (stub, state) = datadog().await;
    let value = json!({"apiKey": "old-api-key", "apiKeyId": "old-api", "note": "kept"});
    let world = World::new(&stub.url, "DatadogApiKey", &value).with_admin("DatadogAdminKey", &admin());
    world.rotate("token-1").await;
    assert_eq!((world.current("apiKey"), world.current("apiKeyId")), ("key-1".to_owned(), "id-1".to_owned()));
    assert_eq!(world.current("note"), "kept");
    assert_eq!(ids(&state.lock().unwrap().api), ["admin-api", "id-1", "old-api"]);
    world.rotate("token-2").await;
    assert_eq!(ids(&state.lock().unwrap().api), ["admin-api", "id-1", "id-2"]);
    assert_eq!(state.lock().unwrap().api["id-2"].0, "strongroom-token-2");
}

#[tokio::test]
async fn what_an_interrupted_step_left_is_deleted() {
    let (stub, state) = datadog().await;
    let value = json!({"apiKey": "old-api-key", "apiKeyId": "old-api"});
    let world = World::new(&stub.url, "DatadogApiKey", &value).with_admin("DatadogAdminKey", &admin());
    world.memory.begin(SECRET, "token-1");
    world.step(Step::Create, "token-1").await.unwrap();
    // The process died before the new key was kept.
    world.memory.drop_pending_value(SECRET, "token-1");
    world.rotate("token-1").await;
    assert_eq!(ids(&state.lock().unwrap().api), ["admin-api", "id-2", "old-api"]);
}

#[tokio::test]
async fn application_keys_keep_their_scopes_and_leave_nothing() {
    let (stub, state) = datadog().await;
    let value = json!({"appKey": "old-app-key", "appKeyId": "old-app", "serviceAccountId": "sa-1"});
    let world = World::new(&stub.url, "DatadogApplicationKey", &value).with_admin("DatadogAdminKey", &admin());
    world.rotate("token-1").await;
    let state = state.lock().unwrap();
    assert_eq!(ids(&state.application), ["admin-app", "id-1"]);
    assert_eq!(state.application["id-1"].2, json!(["dashboards_read"]));
    assert_eq!(world.current("appKey"), "key-1");
}

#[tokio::test]
async fn administrators_rotate_themselves() {
    let (stub, state) = datadog().await;
    let world = World::new(&stub.url, "DatadogAdminKey", &admin());
    world.rotate("token-1").await;
    world.rotate("token-2").await;
    let state = state.lock().unwrap();
    assert_eq!((ids(&state.api), ids(&state.application)), (vec!["id-3", "old-api"], vec!["id-4", "old-app"]));
    assert_eq!(state.application["id-4"].2, json!(["api_keys_write"]));
}

#[tokio::test]
async fn refusals_are_told_without_secrets() {
    let (stub, state) = datadog().await;
    let value = json!({"appKey": "old-app-key", "appKeyId": "old-app", "serviceAccountId": "sa-2"});
    let world = World::new(&stub.url, "DatadogApplicationKey", &value).with_admin("DatadogAdminKey", &admin());
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert!(fault.ends_with("has another serviceAccountId than the secret"), "{fault}");

    let value = json!({"apiKey": "old-api-key", "apiKeyId": "old-api"});
    let world = World::new(&stub.url, "DatadogApiKey", &value).with_admin("DatadogApiKey", &value);
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert!(fault.ends_with("is not of type DatadogAdminKey"), "{fault}");

    let world = World::new(&stub.url, "DatadogApiKey", &value);
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert_eq!(fault, "adminSecretArn is missing from the rotation metadata of a secret of type DatadogApiKey");

    let world = World::new(&stub.url, "DatadogApiKey", &value).with_admin("DatadogAdminKey", &admin());
    world.memory.begin(SECRET, "token-1");
    world.step(Step::Create, "token-1").await.unwrap();
    state.lock().unwrap().api.remove("id-1");
    let fault = world.step(Step::Test, "token-1").await.unwrap_err();
    assert_eq!(fault.to_string(), "validate the API key: the partner answered with status 403");
    assert!(!format!("{fault:?}").contains("key-1"));
}
