//! A service with an engine, a function and a database.

use std::sync::{Arc, Mutex, OnceLock};

use strongroom_store::MemoryStore;
use strongroom_types::{MockClock, Region, SecretText};
use strongroom_wire::secretsmanager::{
    DescribeSecretRequest, DescribeSecretResponse, GetSecretValueRequest, Operation, PutSecretValueRequest,
    RotateSecretRequest, RotationRulesType, UpdateSecretVersionStageRequest,
};
use tokio::sync::Notify;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::rotation::{Rotations, Taken};
use crate::secrets::model::Secret;
use crate::secrets::rotation::RotatedBy;
use crate::secrets::rotation::history::{self, HistoryEntry};
use crate::secrets::rotation::job::job_key;
use crate::secrets::rotation::rotator::{Asking, RotationCall, Rotator, StepEnd};
use crate::secrets::tests::Service;

pub const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";

/// What befalls a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Works,
    /// It fails before it did anything.
    Fails,
    /// The same, with all the words that a function can have.
    FailsAtLength,
    /// It does its work, and then says that it failed.
    FailsBehind,
    /// The server dies before the step.
    Dies,
    /// The server dies when the step was carried out, before it hears so.
    DiesBehind,
}

type Fates = Box<dyn FnMut(&str) -> Fate + Send>;

/// The function, the database whose password it changes, and what it was called with.
pub struct Function {
    pub database: Mutex<String>,
    pub calls: Mutex<Vec<(String, String)>>,
    pub fates: Mutex<Fates>,
    died: Notify,
    service: OnceLock<Arc<Service>>,
}

impl Function {
    fn service(&self) -> Arc<Service> {
        Arc::clone(self.service.get().expect("a service"))
    }

    async fn value(&self, name: &str, stage: &str) -> Option<String> {
        let service = self.service();
        let cx = service.cx();
        let permit = service.permit(&cx, Operation::GetSecretValue, name).await;
        let input = GetSecretValueRequest {
            secret_id: name.to_owned(),
            version_stage: Some(stage.to_owned()),
            ..GetSecretValueRequest::default()
        };
        let got = service.secrets.get_secret_value(&cx, &permit, input).await.ok()?;
        got.secret_string.map(|text| text.expose().to_owned())
    }

    /// A step as the templates carry it out.
    async fn step(&self, step: &str, name: &str, token: &str, rotation_token: &str) -> Result<(), String> {
        let service = self.service();
        let cx = service.cx();
        let described = describe(&service, name).await;
        if described.rotation_enabled != Some(true) {
            return Err(format!("Secret {name} is not enabled for rotation"));
        }
        let stages = described.version_ids_to_stages.unwrap_or_default();
        let own = stages.get(token).ok_or(format!("Secret version {token} has no stage for rotation"))?;
        if own.iter().any(|stage| stage == "AWSCURRENT") {
            return Ok(());
        }
        if !own.iter().any(|stage| stage == "AWSPENDING") {
            return Err(format!("Secret version {token} not set as AWSPENDING"));
        }
        let pending = self.value(name, "AWSPENDING").await;
        match step {
            "createSecret" if pending.is_none() => {
                let permit = service.permit(&cx, Operation::PutSecretValue, name).await;
                let input = PutSecretValueRequest {
                    secret_id: name.to_owned(),
                    client_request_token: Some(token.to_owned()),
                    secret_string: Some(SecretText::new(format!("password of {token}"))),
                    version_stages: Some(vec!["AWSPENDING".to_owned()]),
                    rotation_token: Some(SecretText::new(rotation_token.to_owned())),
                    ..PutSecretValueRequest::default()
                };
                service.secrets.put_secret_value(&cx, &permit, input).await.map_err(|error| format!("{error:?}"))?;
            }
            "setSecret" => {
                let pending = pending.ok_or("nothing is pending")?;
                let current = self.value(name, "AWSCURRENT").await.ok_or("nothing is current")?;
                let previous = self.value(name, "AWSPREVIOUS").await;
                let mut database = self.database.lock().unwrap();
                let known = *database == pending || *database == current || Some(&*database) == previous.as_ref();
                if !known {
                    return Err("Unable to log into database with previous, current, or pending secret".to_owned());
                }
                *database = pending;
            }
            "testSecret" if pending.as_ref() != Some(&*self.database.lock().unwrap()) => {
                return Err(format!("Unable to log in with the pending secret {}", pending.unwrap_or_default()));
            }
            "finishSecret" => {
                let current = stages.iter().find(|(_, stages)| stages.iter().any(|stage| stage == "AWSCURRENT"));
                let permit = service.permit(&cx, Operation::UpdateSecretVersionStage, name).await;
                let input = UpdateSecretVersionStageRequest {
                    secret_id: name.to_owned(),
                    version_stage: "AWSCURRENT".to_owned(),
                    move_to_version_id: Some(token.to_owned()),
                    remove_from_version_id: current.map(|(id, _)| id.clone()),
                };
                let moved = service.secrets.update_secret_version_stage(&cx, &permit, input).await;
                moved.map_err(|error| format!("{error:?}"))?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Rotator for Function {
    fn check<'a>(&'a self, _: &'a Ctx, _: &'a RotatedBy, _: &'a Secret) -> Asking<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn check_kind(&self, _: &str, _: Option<&SecretText>) -> Result<(), String> {
        Ok(())
    }

    fn carry_out<'a>(&'a self, call: RotationCall<'a>) -> Asking<'a, StepEnd> {
        Box::pin(async move {
            assert_eq!(*call.by, RotatedBy::Function(FUNCTION.to_owned()));
            let event: serde_json::Value = serde_json::from_slice(call.payload.expose()).unwrap();
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let (step, token) = (text("Step"), text("ClientRequestToken"));
            assert_eq!(text("SecretId"), call.secret.arn());
            self.calls.lock().unwrap().push((step.clone(), token.clone()));
            let fate = (self.fates.lock().unwrap())(&step);
            let ended = match fate {
                Fate::Fails => Err("it fails".to_owned()),
                Fate::FailsAtLength => Err("it fails".repeat(1_000_000)),
                Fate::Dies => Ok(()),
                Fate::Works | Fate::FailsBehind | Fate::DiesBehind => {
                    self.step(&step, &call.secret.name, &token, &text("RotationToken")).await
                }
            };
            if matches!(fate, Fate::Dies | Fate::DiesBehind) {
                self.died.notify_one();
                std::future::pending::<()>().await;
            }
            let outcome = if fate == Fate::FailsBehind { Err("it fails behind".to_owned()) } else { ended };
            StepEnd { outcome, log_tail: Some(format!("log of {step}: password of {token}")) }
        })
    }
}

/// All of it.
pub struct House {
    pub service: Arc<Service>,
    pub function: Arc<Function>,
    pub engine: Rotations,
    pub clock: MockClock,
}

pub async fn describe(service: &Service, name: &str) -> DescribeSecretResponse {
    let cx = service.cx();
    let permit = service.permit(&cx, Operation::DescribeSecret, name).await;
    let input = DescribeSecretRequest { secret_id: name.to_owned() };
    service.secrets.describe_secret(&cx, &permit, input).await.unwrap()
}

impl House {
    pub fn new(seed: u64) -> Self {
        let function = Arc::new(Function {
            database: Mutex::new("first".to_owned()),
            calls: Mutex::default(),
            fates: Mutex::new(Box::new(|_| Fate::Works)),
            died: Notify::new(),
            service: OnceLock::new(),
        });
        let service = Arc::new(Service::with(Arc::new(MemoryStore::default()), Arc::clone(&function) as _, seed));
        assert!(function.service.set(Arc::clone(&service)).is_ok());
        let clock = service.clock.clone();
        let engine = Rotations::new(
            Arc::clone(&service.documents),
            Arc::clone(&service.kms),
            Arc::clone(&function) as _,
            Arc::new(clock.clone()),
            Region::parse("us-east-1").unwrap(),
        );
        Self { service, function, engine, clock }
    }

    pub fn fates(&self, fates: impl FnMut(&str) -> Fate + Send + 'static) {
        *self.function.fates.lock().unwrap() = Box::new(fates);
    }

    pub async fn rotate_by(
        &self,
        name: &str,
        rules: Option<RotationRulesType>,
        at_once: bool,
    ) -> Result<String, Error> {
        let cx = self.service.cx();
        let permit = self.service.permit(&cx, Operation::RotateSecret, name).await;
        let input = RotateSecretRequest {
            secret_id: name.to_owned(),
            client_request_token: Some(crate::random_uuid(self.service.random.as_ref()).unwrap()),
            rotation_lambda_arn: Some(FUNCTION.to_owned()),
            rotation_rules: rules,
            rotate_immediately: Some(at_once),
            ..RotateSecretRequest::default()
        };
        self.service.secrets.rotate_secret(&cx, &permit, input).await.map(|answer| answer.version_id.unwrap())
    }

    /// Lets the engine work on all that is due. A death ends the work that it befell.
    pub async fn work(&self) {
        for taken in self.engine.take_due(10).await.unwrap() {
            self.work_on(&taken).await;
        }
    }

    pub async fn work_on(&self, taken: &Taken) {
        tokio::select! {
            done = self.engine.work_on(taken) => done.unwrap(),
            () = self.function.died.notified() => {}
        }
    }

    pub async fn current(&self, name: &str) -> String {
        self.service.get(name).await.unwrap()
    }

    pub async fn history(&self, name: &str) -> Vec<HistoryEntry> {
        let cx = self.service.cx();
        let secret = self.service.secrets.resolve(&cx, name).await.unwrap().found.unwrap();
        let entries = history::of(&self.service.documents, &secret.value).await.unwrap();
        entries.into_iter().map(|entry| HistoryEntry::clone(&entry.value)).collect()
    }

    /// The entries behind the one of a key.
    pub async fn history_behind(&self, name: &str, last: Option<&str>) -> Vec<HistoryEntry> {
        let cx = self.service.cx();
        let secret = self.service.secrets.resolve(&cx, name).await.unwrap().found.unwrap();
        let prefix = job_key(&secret.value) + ":";
        let entries = self.service.documents.scan::<HistoryEntry>(&prefix, last, 1000).await.unwrap();
        entries.into_iter().map(|entry| HistoryEntry::clone(&entry.value)).collect()
    }

    /// The database's password.
    pub fn password(&self) -> String {
        self.function.database.lock().unwrap().clone()
    }

    pub fn steps(&self) -> Vec<String> {
        self.function.calls.lock().unwrap().iter().map(|(step, _)| step.clone()).collect()
    }
}

pub fn every_days(days: i64) -> Option<RotationRulesType> {
    Some(RotationRulesType { automatically_after_days: Some(days), ..RotationRulesType::default() })
}

pub fn by(expression: &str) -> Option<RotationRulesType> {
    Some(RotationRulesType { schedule_expression: Some(expression.to_owned()), ..RotationRulesType::default() })
}
