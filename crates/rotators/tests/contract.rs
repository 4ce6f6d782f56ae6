//! What every package does the same: the checks before a step, missing keys, values by hand, and the generic package.

use strongroom_rotators::{Failure, Settings, Step};

use crate::{
    memory::{Memory, TORTURE},
    rotate::{ARN, rotate, step},
};

const GENERIC: &str = "strongroom/generic";
const SINGLE: &str = "strongroom/postgresql-single-user";
const MULTI: &str = "strongroom/postgresql-multi-user";

async fn refused(package: &str, memory: &Memory, of: Step, token: &str) -> Failure {
    let (outcome, log) = step(package, memory, &Settings::default(), of, token).await;
    let failure = outcome.expect_err("refused");
    assert_eq!(log.last().map(String::as_str), Some(format!("[ERROR] {of}: {failure}").as_str()));
    failure
}

#[tokio::test]
async fn every_step_begins_with_the_checks_of_the_templates() {
    let memory = Memory::new(TORTURE);
    memory.create(ARN, "first value");
    let token = memory.begin(ARN);
    for of in Step::ALL {
        memory.enable_rotation(Some(false));
        let failure = refused(GENERIC, &memory, of, &token).await;
        assert_eq!(failure, Failure::new("ValueError", format!("Secret {ARN} is not enabled for rotation")));
        memory.enable_rotation(None);
        let failure = refused(GENERIC, &memory, of, "unknown").await;
        let text = format!("Secret version unknown has no stage for rotation of secret {ARN}.");
        assert_eq!(failure, Failure::new("ValueError", text));
        memory.put(ARN, "old", "AWSPREVIOUS", "x");
        let failure = refused(GENERIC, &memory, of, "old").await;
        let text = format!("Secret version old not set as AWSPENDING for rotation of secret {ARN}.");
        assert_eq!(failure, Failure::new("ValueError", text));
        // The version in use is left alone.
        assert_eq!(step(GENERIC, &memory, &Settings::default(), of, "first").await.0, Ok(()));
    }
    assert_eq!(memory.stage(ARN, "AWSCURRENT").as_deref(), Some("first value"));
}

#[tokio::test]
async fn the_generic_package_replaces_the_whole_or_the_password() {
    let memory = Memory::new(TORTURE);
    for (before, whole) in
        [("first", true), ("[1]", true), (r#"{"user":"u"}"#, true), (r#"{"password":"p","z":1,"a":2}"#, false)]
    {
        memory.create(ARN, before);
        for _ in 0..20 {
            rotate(GENERIC, &memory, &Settings::default()).await;
            let password = memory.passwords.lock().unwrap().last().unwrap().clone();
            let value = memory.stage(ARN, "AWSCURRENT").unwrap();
            if whole {
                assert_eq!(value, password);
            } else {
                let read: serde_json::Value = serde_json::from_str(&value).unwrap();
                assert_eq!(read["password"].as_str(), Some(password.as_str()));
                assert!(value.ends_with(r#","z":1,"a":2}"#));
            }
        }
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn values_that_lack_something_are_refused() {
    let memory = Memory::new(TORTURE);
    for (package, value, kind, text) in [
        (SINGLE, "plain", "ValueError", format!("The value of secret {ARN} is not a JSON object")),
        (
            SINGLE,
            r#"{"host":"h","username":"u","password":"p"}"#,
            "KeyError",
            "Database engine must be set to 'postgres' in order to use this rotation lambda".to_owned(),
        ),
        (
            SINGLE,
            r#"{"engine":"aurora-postgresql","host":"h","password":"p"}"#,
            "KeyError",
            "username key is missing from secret JSON".to_owned(),
        ),
        (
            MULTI,
            r#"{"engine":"postgres","host":"h","username":"u","password":"p"}"#,
            "KeyError",
            "masterarn key is missing from secret JSON".to_owned(),
        ),
    ] {
        memory.create(ARN, value);
        let token = memory.begin(ARN);
        assert_eq!(refused(package, &memory, Step::Create, &token).await, Failure::new(kind, text));
    }
    let token = memory.begin(ARN);
    let failure = refused(SINGLE, &memory, Step::Test, &token).await;
    assert_eq!(failure.kind, "ResourceNotFoundException");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn nobody_rotates_anothers_user_or_host() {
    let memory = Memory::new(TORTURE);
    let value = |user: &str, host: &str| {
        format!(
            r#"{{"engine":"postgres","host":"{host}","port":1,"username":"{user}","password":"p","ssl":false,"masterarn":"m"}}"#
        )
    };
    for (package, user, host, text) in [
        (SINGLE, "other", "127.0.0.1", "Attempting to modify user other other than current user app"),
        (SINGLE, "app", "127.0.0.2", "Attempting to modify user for host 127.0.0.2 other than current host 127.0.0.1"),
        (MULTI, "app", "127.0.0.1", "Attempting to modify user app other than current user or clone app"),
        (
            MULTI,
            "app_clone",
            "127.0.0.2",
            "Attempting to modify user for host 127.0.0.2 other than current host 127.0.0.1",
        ),
        (MULTI, "app_clone", "127.0.0.1", "Unable to log into database using current credentials for secret"),
    ] {
        memory.create(ARN, &value("app", "127.0.0.1"));
        memory.put(ARN, "pending", "AWSPENDING", &value(user, host));
        let failure = refused(package, &memory, Step::Set, "pending").await;
        assert!(failure.message.starts_with(text), "{failure}");
    }
}
