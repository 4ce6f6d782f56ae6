//! Whole rotations, each step twice, and an application that logs in all the while.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use strongroom_rotators::{Event, Failure, Fut, Log, Settings, Step, find, run};

use crate::memory::Memory;

/// The secret that tests rotate.
pub const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf";
/// The superuser's secret.
pub const SUPERUSER: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:super-AbCdEf";
/// Rotations of one test.
pub const ROTATIONS: usize = 20;

/// Runs one step.
pub async fn step(
    package: &str,
    memory: &Memory,
    settings: &Settings,
    step: Step,
    token: &str,
) -> (Result<(), Failure>, Vec<String>) {
    let event = Event {
        step,
        secret_id: ARN.to_owned(),
        token: token.to_owned(),
        rotation_token: Some(format!("rotation of {token}")),
    };
    let mut log = Log::new();
    let package = find(package).expect("package");
    let outcome = run(package, &event, &BTreeMap::new(), settings, memory, &mut log).await;
    for password in memory.passwords.lock().unwrap().iter() {
        assert!(!log.lines().iter().any(|line| line.contains(password.as_str())), "a password in the log");
    }
    (outcome, log.lines().to_vec())
}

/// A whole rotation, each step twice; the version's id.
pub async fn rotate(package: &str, memory: &Memory, settings: &Settings) -> String {
    let token = memory.begin(ARN);
    for of in Step::ALL {
        for again in 0..2 {
            let (outcome, log) = step(package, memory, settings, of, &token).await;
            assert_eq!(outcome, Ok(()), "{package} {of} {again}: {log:#?}");
        }
    }
    assert_eq!(memory.id_of(ARN, "AWSCURRENT").as_deref(), Some(token.as_str()));
    token
}

/// A member of the value of a stage.
pub fn member(memory: &Memory, stage: &str, name: &str) -> String {
    let value: Value = serde_json::from_str(&memory.stage(ARN, stage).expect("value")).expect("json");
    value[name].as_str().expect("text").to_owned()
}

/// How an application logs in: with a user and a password.
pub type LogIn = Arc<dyn Fn(String, String) -> Fut<'static, Result<(), String>> + Send + Sync>;

/// What became of an application's logins.
pub struct Logins {
    /// How many worked.
    pub worked: u64,
    /// How many did not, and why.
    pub failed: Vec<String>,
}

/// Rotates [`ROTATIONS`] times while an application logs in with the current value.
pub async fn rotate_under_load(package: &str, memory: &Arc<Memory>, settings: &Settings, log_in: LogIn) -> Logins {
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let application = tokio::spawn({
        let (memory, stop, rounds) = (memory.clone(), stop.clone(), rounds.clone());
        async move {
            let mut logins = Logins { worked: 0, failed: Vec::new() };
            while !stop.load(Ordering::SeqCst) {
                let (user, password) = {
                    let value = memory.stage(ARN, "AWSCURRENT").expect("value");
                    let value: Value = serde_json::from_str(&value).expect("json");
                    (value["username"].as_str().unwrap().to_owned(), value["password"].as_str().unwrap().to_owned())
                };
                match log_in(user, password).await {
                    Ok(()) => logins.worked += 1,
                    Err(error) => logins.failed.push(error),
                }
                rounds.fetch_add(1, Ordering::SeqCst);
            }
            logins
        }
    });
    let mut seen = vec![member(memory, "AWSCURRENT", "password")];
    for _ in 0..ROTATIONS {
        rotate(package, memory, settings).await;
        let password = member(memory, "AWSCURRENT", "password");
        assert!(!seen.contains(&password));
        seen.push(password);
        // An application holds a value for less than the time between two rotations.
        let from = rounds.load(Ordering::SeqCst);
        while rounds.load(Ordering::SeqCst) < from + 2 && !application.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    let logins = application.await.expect("application");
    assert!(logins.worked >= 20, "{}", logins.worked);
    logins
}
