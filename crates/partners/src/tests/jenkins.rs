//! Jenkins: `/user/NAME/descriptorByName/jenkins.security.ApiTokenProperty/…`, `/whoAmI/api/json`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::memory::World;
use super::stub::{Call, Reply, Stub, only};

/// Ids of tokens, each with its text.
type Tokens = BTreeMap<String, String>;

fn answer(tokens: &mut Tokens, count: &mut u32, call: &Call) -> Reply {
    let (user, token) = call.basic();
    let is_admin = (user.as_str(), token.as_str()) == ("root", "admin-token");
    let is_own = user == "ci bot" && tokens.values().any(|text| *text == token);
    if !(is_admin || is_own) {
        return only(401);
    }
    if call.path == "/jenkins/whoAmI/api/json" {
        return (200, json!({"anonymous": false, "authenticated": true, "name": user}));
    }
    let property = "/jenkins/user/ci%20bot/descriptorByName/jenkins.security.ApiTokenProperty/";
    match call.path.strip_prefix(property) {
        Some("generateNewToken") => {
            *count += 1;
            let (uuid, text) = (format!("uuid-{count}"), format!("11{count}"));
            tokens.insert(uuid.clone(), text.clone());
            let data = json!({"tokenName": call.form()["newTokenName"], "tokenUuid": uuid, "tokenValue": text});
            (200, json!({"status": "ok", "data": data}))
        }
        Some("revoke") => {
            tokens.remove(&call.form()["tokenUuid"]);
            (200, json!({"status": "ok"}))
        }
        _ => only(404),
    }
}

#[tokio::test]
async fn tokens_are_replaced_with_and_without_an_administrator() {
    for with_admin in [false, true] {
        let tokens = Arc::new(Mutex::new(Tokens::from([("uuid-0".to_owned(), "110".to_owned())])));
        let (shared, count) = (Arc::clone(&tokens), Mutex::new(0));
        let stub = Stub::start(move |call| answer(&mut shared.lock().unwrap(), &mut count.lock().unwrap(), call)).await;
        let url = format!("{}/jenkins/", stub.url);
        let value = json!({"apiToken": "110", "tokenUuid": "uuid-0", "username": "ci bot", "jenkinsUrl": url});
        let admin = json!({"apiToken": "admin-token", "tokenUuid": "u", "username": "root", "jenkinsUrl": url});
        let mut world = World::new(&stub.url, "JenkinsApiToken", &value);
        if with_admin {
            world = world.with_admin("JenkinsApiToken", &admin);
        }
        world.rotate("token-1").await;
        assert_eq!(tokens.lock().unwrap().keys().collect::<Vec<_>>(), ["uuid-1"]);
        world.rotate("token-2").await;
        assert_eq!(tokens.lock().unwrap().keys().collect::<Vec<_>>(), ["uuid-2"]);
        assert_eq!(world.current("apiToken"), "112");
    }
}
