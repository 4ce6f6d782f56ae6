//! SonarQube: `POST /api/user_tokens/generate`, `…/revoke`, `GET /api/authentication/validate`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::memory::{SECRET, World};
use super::stub::{Call, Reply, Stub, only};
use strongroom_rotators::Step;

/// Names of tokens, each with its text and type.
type Tokens = BTreeMap<String, (String, String)>;

fn answer(tokens: &mut Tokens, count: &mut u32, call: &Call) -> Reply {
    let (token, password) = call.basic();
    let is_known = token == "admin-token" || tokens.values().any(|(text, _)| *text == token);
    assert_eq!(password, "");
    if call.path == "/sonar/api/authentication/validate" {
        return (200, json!({"valid": is_known}));
    }
    if !is_known {
        return only(401);
    }
    let form = call.form();
    if form.contains_key("login") != (token == "admin-token") {
        return only(403);
    }
    match call.path.as_str() {
        "/sonar/api/user_tokens/revoke" => {
            tokens.remove(&form["name"]);
            only(204)
        }
        "/sonar/api/user_tokens/generate" if form["type"].starts_with("PROJECT") != form.contains_key("projectKey") => {
            only(400)
        }
        "/sonar/api/user_tokens/generate" if tokens.contains_key(&form["name"]) => only(400),
        "/sonar/api/user_tokens/generate" => {
            *count += 1;
            let text = format!("squ_{count}");
            let kind = format!("{} {}", form["type"], form.get("projectKey").map_or("", String::as_str));
            tokens.insert(form["name"].clone(), (text.clone(), kind));
            (200, json!({"login": "ci", "name": form["name"], "token": text}))
        }
        _ => only(404),
    }
}

async fn sonarqube() -> (Stub, Arc<Mutex<Tokens>>) {
    let tokens = Tokens::from([("ci-token".to_owned(), ("squ_0".to_owned(), "USER_TOKEN ".to_owned()))]);
    let tokens = Arc::new(Mutex::new(tokens));
    let (shared, count) = (Arc::clone(&tokens), Mutex::new(0));
    let stub = Stub::start(move |call| answer(&mut shared.lock().unwrap(), &mut count.lock().unwrap(), call)).await;
    (stub, tokens)
}

#[tokio::test]
async fn a_user_token_rotates_itself() {
    let (stub, tokens) = sonarqube().await;
    let url = format!("{}/sonar", stub.url);
    let value = json!({"token": "squ_0", "tokenName": "ci-token", "login": "ci", "sonarqubeUrl": url});
    let world = World::new(&stub.url, "SonarQubeToken", &value);
    world.rotate("token-1").await;
    assert_eq!(tokens.lock().unwrap().keys().collect::<Vec<_>>(), ["strongroom-token-1"]);
    world.rotate("token-2").await;
    assert_eq!(tokens.lock().unwrap().keys().collect::<Vec<_>>(), ["strongroom-token-2"]);
    assert_eq!(world.current("token"), "squ_2");
    assert_eq!(world.current("tokenName"), "strongroom-token-2");
}

#[tokio::test]
async fn an_administrator_rotates_tokens_of_projects_also_after_an_interruption() {
    let (stub, tokens) = sonarqube().await;
    let url = format!("{}/sonar", stub.url);
    let value = json!({"token": "squ_0", "tokenName": "ci-token", "login": "ci", "sonarqubeUrl": url,
                       "tokenType": "PROJECT_ANALYSIS_TOKEN", "projectKey": "shop"});
    let world = World::new(&stub.url, "SonarQubeToken", &value);
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert_eq!(fault, "adminSecretArn is missing from the rotation metadata of a secret of type SonarQubeToken");

    let mut without = value.clone();
    without["projectKey"] = json!("");
    let admin = json!({"token": "admin-token", "tokenName": "a", "login": "admin", "sonarqubeUrl": url});
    let world = World::new(&stub.url, "SonarQubeToken", &without).with_admin("SonarQubeToken", &admin);
    world.memory.begin(SECRET, "token-1");
    let fault = world.step(Step::Create, "token-1").await.unwrap_err().to_string();
    assert_eq!(fault, "projectKey key is missing from secret JSON of type SonarQubeToken");
    let world = World::new(&stub.url, "SonarQubeToken", &value).with_admin("SonarQubeToken", &admin);
    world.memory.begin(SECRET, "token-1");
    world.step(Step::Create, "token-1").await.unwrap();
    world.memory.drop_pending_value(SECRET, "token-1");
    world.rotate("token-1").await;
    let made = tokens.lock().unwrap()["strongroom-token-1"].clone();
    assert_eq!(made, ("squ_2".to_owned(), "PROJECT_ANALYSIS_TOKEN shop".to_owned()));
    tokens.lock().unwrap().clear();
    world.memory.begin(SECRET, "token-2");
    world.step(Step::Create, "token-2").await.unwrap();
    tokens.lock().unwrap().clear();
    let fault = world.step(Step::Test, "token-2").await.unwrap_err().to_string();
    assert_eq!(fault, "SonarQube says that the token is not valid");
}
