//! GitLab: `POST /api/v4/…/rotate`, `GET /api/v4/personal_access_tokens/self`.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::memory::{SECRET, World};
use super::stub::{Call, Reply, Stub, only};
use strongroom_rotators::Step;

struct GitLab {
    /// The present id and token, and when it ends.
    id: i64,
    token: String,
    expires_at: Value,
    /// Where it is found.
    place: &'static str,
    is_self: bool,
}

impl GitLab {
    fn answer(&mut self, call: &Call) -> Reply {
        let bearer = call.header("private-token");
        if bearer != self.token && bearer != "admin-token" {
            return (401, json!({"message": "401 Unauthorized"}));
        }
        if call.path == "/api/v4/personal_access_tokens/self" {
            return (200, json!({"id": self.id, "active": true, "revoked": false}));
        }
        let id = if self.is_self { "self".to_owned() } else { self.id.to_string() };
        if call.method != "POST" || call.path != format!("/api/v4/{}/{id}/rotate", self.place) {
            return only(404);
        }
        self.id += 1;
        self.token = format!("glpat-{}", self.id);
        self.expires_at = call.json()["expires_at"].clone();
        (200, json!({"id": self.id, "token": self.token, "active": true, "expires_at": self.expires_at}))
    }
}

async fn gitlab(place: &'static str, is_self: bool) -> (Stub, Arc<Mutex<GitLab>>) {
    let state = GitLab { id: 42, token: "glpat-42".to_owned(), expires_at: Value::Null, place, is_self };
    let state = Arc::new(Mutex::new(state));
    let shared = Arc::clone(&state);
    (Stub::start(move |call| shared.lock().unwrap().answer(call)).await, state)
}

#[tokio::test]
async fn a_personal_token_rotates_itself() {
    let (stub, state) = gitlab("personal_access_tokens", true).await;
    let value = json!({"token": "glpat-42", "tokenId": "42", "gitlabUrl": format!("{}/", stub.url)});
    let world = World::new(&stub.url, "GitLabAccessToken", &value).with("daysToExpiry", "30");
    world.rotate("token-1").await;
    world.rotate("token-2").await;
    assert_eq!((world.current("token"), world.current("tokenId")), ("glpat-44".to_owned(), "44".to_owned()));
    assert_eq!(state.lock().unwrap().expires_at, "2026-12-29");
}

#[tokio::test]
async fn tokens_of_projects_and_groups_are_rotated_by_an_administrator() {
    for (key, owner, place) in
        [("projectId", "7", "projects/7/access_tokens"), ("groupId", "8", "groups/8/access_tokens")]
    {
        let (stub, state) = gitlab(place, false).await;
        let value = json!({"token": "glpat-42", "tokenId": 42, "gitlabUrl": stub.url, key: owner});
        let admin = json!({"token": "admin-token", "tokenId": "1", "gitlabUrl": stub.url});
        let world = World::new(&stub.url, "GitLabAccessToken", &value).with_admin("GitLabAccessToken", &admin);
        world.rotate("token-1").await;
        assert_eq!(world.current("token"), "glpat-43");
        assert_eq!(world.memory.labelled(SECRET, "AWSCURRENT")["tokenId"], json!(43), "a number stays one");
        assert_eq!(state.lock().unwrap().expires_at, Value::Null);
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_an_unknown_one_does_not_pass_the_test() {
    let (stub, state) = gitlab("personal_access_tokens", true).await;
    let value = json!({"token": "glpat-1", "tokenId": "1", "gitlabUrl": stub.url});
    let world = World::new(&stub.url, "GitLabAccessToken", &value);
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert_eq!(fault, "rotate the token: the partner answered with status 401");

    let value = json!({"token": "glpat-42", "tokenId": "42", "gitlabUrl": stub.url});
    let world = World::new(&stub.url, "GitLabAccessToken", &value);
    world.memory.begin(SECRET, "token-1");
    world.step(Step::Create, "token-1").await.unwrap();
    state.lock().unwrap().id = 99;
    let fault = world.step(Step::Test, "token-1").await.unwrap_err().to_string();
    assert_eq!(fault, "GitLab knows the token under another id than tokenId");
}

#[tokio::test]
async fn an_administrators_token_goes_nowhere_but_where_its_own_secret_says() {
    let (stub, _) = gitlab("personal_access_tokens", false).await;
    let value = json!({"token": "glpat-42", "tokenId": "42", "gitlabUrl": stub.url});
    let admin = json!({"token": "admin-token", "tokenId": "1", "gitlabUrl": "https://gitlab.example"});
    let world = World::new(&stub.url, "GitLabAccessToken", &value).with_admin("GitLabAccessToken", &admin);
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert!(fault.ends_with("has another gitlabUrl than the secret"), "{fault}");
}
