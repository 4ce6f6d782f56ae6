//! Secrets that a service owns: values of name and password alone, and how the database is reached from elsewhere.

use std::sync::Arc;

use serde_json::{Value, json};
use strongroom_rotators::{Connection, Event, Log, Settings, Step, run_managed};

use crate::memory::Memory;
use crate::rotate::{ARN, LogIn, member};

/// Rotates a secret that a service owns three times, each step twice; what is put holds name and password alone.
pub async fn rotate_managed(
    connection: &Connection,
    (user, password): (&str, &str),
    memory: &Arc<Memory>,
    settings: &Settings,
    log_in: LogIn,
) {
    memory.create(ARN, &json!({"username": user, "password": password}).to_string());
    for _ in 0..3 {
        let before = member(memory, "AWSCURRENT", "password");
        let token = memory.begin(ARN);
        for step in Step::ALL {
            for again in 0..2 {
                let (secret_id, rotation_token) = (ARN.to_owned(), None);
                let event = Event { step, secret_id, token: token.clone(), rotation_token };
                let mut log = Log::new();
                let outcome = run_managed(connection, &event, settings, memory.as_ref(), &mut log).await;
                assert_eq!(outcome, Ok(()), "{step} {again}: {:#?}", log.lines());
            }
        }
        let value: Value = serde_json::from_str(&memory.stage(ARN, "AWSCURRENT").expect("value")).expect("JSON");
        let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["password", "username"]);
        let after = member(memory, "AWSCURRENT", "password");
        log_in(user.to_owned(), after).await.expect("the new password works");
        assert!(log_in(user.to_owned(), before).await.is_err(), "the old one does not");
    }
}

#[tokio::test]
async fn an_engine_that_is_not_built_in_is_told() {
    let connection =
        Connection { engine: "db2".to_owned(), host: "127.0.0.1".to_owned(), port: None, dbname: None, ssl: None };
    let memory = Memory::new("a");
    let event =
        Event { step: Step::Create, secret_id: ARN.to_owned(), token: "token".to_owned(), rotation_token: None };
    let outcome = run_managed(&connection, &event, &Settings::default(), &memory, &mut Log::new()).await;
    assert!(outcome.is_err_and(|failure| failure.message.contains("engine db2")));
}
