//! MongoDB Atlas: `/api/oauth/token`, `/api/atlas/v2/groups/ID/databaseUsers`, `/api/atlas/v2/orgs/ID/serviceAccounts`.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::memory::{SECRET, World};
use super::stub::{Call, Reply, Stub, only};
use strongroom_rotators::Step;

const ACCOUNT: &str = "mdb_sa_id_0123456789abcdef01234567";

struct Atlas {
    password: String,
    /// Ids of the account's secrets, each with its text and hours.
    secrets: Vec<(String, String, i64)>,
    count: u32,
    media_types: Vec<String>,
}

impl Atlas {
    fn answer(&mut self, call: &Call) -> Reply {
        if call.path == "/api/oauth/token" {
            assert_eq!(call.form()["grant_type"], "client_credentials");
            let (id, secret) = call.basic();
            let is_known = id == ACCOUNT && self.secrets.iter().any(|(_, text, _)| *text == secret);
            return if is_known {
                (200, json!({"access_token": "bearer", "expires_in": 3600, "token_type": "Bearer"}))
            } else {
                (401, json!({"error": "invalid_client"}))
            };
        }
        if call.header("authorization") != "Bearer bearer" {
            return only(401);
        }
        self.media_types.push(call.header("accept").to_owned());
        let account = format!("/api/atlas/v2/orgs/0rg/serviceAccounts/{ACCOUNT}");
        match (call.method.as_str(), call.path.as_str()) {
            ("PATCH", "/api/atlas/v2/groups/gr0up/databaseUsers/admin/app%20user") => {
                self.password = call.json()["password"].as_str().unwrap().to_owned();
                (200, json!({"username": "app user"}))
            }
            ("GET", "/api/atlas/v2/groups/gr0up/databaseUsers/admin/app%20user") => {
                (200, json!({"username": "app user", "databaseName": "admin"}))
            }
            ("GET", path) if path == account => {
                let told = |(id, text, hours): &(String, String, i64)| {
                    let masked = format!("mdb_sa_sk_****{}", text.get(text.len() - 4..).unwrap());
                    let end = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(*hours);
                    json!({"id": id, "maskedSecretValue": masked, "createdAt": "1970-01-01T00:00:00Z",
                           "expiresAt": end.to_string()})
                };
                (200, json!({"clientId": ACCOUNT, "secrets": self.secrets.iter().map(told).collect::<Vec<_>>()}))
            }
            ("POST", path) if path == format!("{account}/secrets") => {
                if self.secrets.len() >= 2 {
                    return only(409);
                }
                self.count += 1;
                let (id, text) = (format!("id{}", self.count), format!("mdb_sa_sk_made-00{}", self.count));
                let hours = call.json()["secretExpiresAfterHours"].as_i64().unwrap();
                self.secrets.push((id.clone(), text.clone(), hours));
                (201, json!({"id": id, "secret": text}))
            }
            ("DELETE", path) => {
                let id = path.strip_prefix(&format!("{account}/secrets/")).unwrap();
                self.secrets.retain(|(found, ..)| found != id);
                only(204)
            }
            _ => only(404),
        }
    }

    fn ids(&self) -> Vec<&str> {
        self.secrets.iter().map(|(id, ..)| id.as_str()).collect()
    }
}

async fn atlas() -> (Stub, Arc<Mutex<Atlas>>) {
    let secrets = vec![("id0".to_owned(), "mdb_sa_sk_by-hand0".to_owned(), 720)];
    let state = Atlas { password: String::new(), secrets, count: 0, media_types: Vec::new() };
    let state = Arc::new(Mutex::new(state));
    let shared = Arc::clone(&state);
    (Stub::start(move |call| shared.lock().unwrap().answer(call)).await, state)
}

fn account() -> Value {
    json!({"clientId": ACCOUNT, "clientSecret": "mdb_sa_sk_by-hand0", "orgId": "0rg"})
}

#[tokio::test]
async fn a_database_user_gets_a_password() {
    let (stub, state) = atlas().await;
    let value = json!({"username": "app user", "password": "old", "clusterUrl": "c.mongodb.net", "databaseName": "admin",
                       "groupId": "gr0up"});
    let world =
        World::new(&stub.url, "MongoDBAtlasDatabaseUser", &value).with_admin("MongoDBAtlasServiceAccount", &account());
    world.rotate("token-1").await;
    assert_eq!(
        (world.current("password").as_str(), state.lock().unwrap().password.as_str()),
        ("password1", "password1")
    );
    assert!(state.lock().unwrap().media_types.iter().all(|media| media == "application/vnd.atlas.2025-03-12+json"));
}

#[tokio::test]
async fn a_service_account_has_two_secrets_that_last_as_long_as_the_first() {
    let (stub, state) = atlas().await;
    let world = World::new(&stub.url, "MongoDBAtlasServiceAccount", &account()).with("apiVersion", "2024-08-05");
    world.rotate("token-1").await;
    assert_eq!(state.lock().unwrap().ids(), ["id0", "id1"]);
    world.rotate("token-2").await;
    assert_eq!(state.lock().unwrap().ids(), ["id1", "id2"]);
    assert_eq!(world.current("clientSecret"), "mdb_sa_sk_made-002");
    assert!(state.lock().unwrap().secrets.iter().all(|(.., hours)| *hours == 720));
    assert!(state.lock().unwrap().media_types.iter().all(|media| media == "application/vnd.atlas.2024-08-05+json"));
    // What an interrupted step made is deleted.
    world.memory.begin(SECRET, "token-3");
    world.step(Step::Create, "token-3").await.unwrap();
    world.memory.drop_pending_value(SECRET, "token-3");
    world.rotate("token-3").await;
    assert_eq!(state.lock().unwrap().ids(), ["id2", "id4"]);
}

#[tokio::test]
async fn nothing_is_deleted_when_the_secret_in_use_cannot_be_told() {
    let (stub, state) = atlas().await;
    state.lock().unwrap().secrets.push(("twin".to_owned(), "mdb_sa_sk_other-and0".to_owned(), 9));
    state.lock().unwrap().secrets[0].1 = "mdb_sa_sk_by-hand0".to_owned();
    let world = World::new(&stub.url, "MongoDBAtlasServiceAccount", &account());
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert!(fault.starts_with("Which of the service account's secrets is in use cannot be told"), "{fault}");
    assert_eq!(state.lock().unwrap().ids(), ["id0", "twin"]);
}
