//! Secrets in memory, with labels as Secrets Manager moves them, and what tests do with rotations.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use strongroom_types::SecretText;
use strongroom_types::time::Timestamp;

use strongroom_client::Trust;
use strongroom_rotators::{Described, Failure, Fut, PasswordSettings, Secrets, Step};

use crate::{Fault, Hosts, HttpsClient, Kind, Means, Rotation, rotate_step};

/// 2026-11-29T00:00:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_910_400);
pub const ADMIN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:admin-AbCdEf";

#[derive(Default)]
struct Secret {
    kind: String,
    rotation_enabled: bool,
    versions: BTreeMap<String, Option<String>>,
    stages: BTreeMap<String, String>,
}

#[derive(Default)]
pub struct Memory {
    secrets: Mutex<BTreeMap<String, Secret>>,
    passwords: Mutex<u32>,
}

impl Memory {
    pub fn add(&self, id: &str, kind: &str, value: &Value) {
        let mut secret = Secret { kind: kind.to_owned(), rotation_enabled: true, ..Secret::default() };
        secret.versions.insert("first".to_owned(), Some(value.to_string()));
        secret.stages.insert("AWSCURRENT".to_owned(), "first".to_owned());
        self.secrets.lock().unwrap().insert(id.to_owned(), secret);
    }

    pub fn begin(&self, id: &str, token: &str) {
        let mut secrets = self.secrets.lock().unwrap();
        let secret = secrets.get_mut(id).unwrap();
        secret.versions.entry(token.to_owned()).or_default();
        secret.stages.insert("AWSPENDING".to_owned(), token.to_owned());
    }

    pub fn disable(&self, id: &str) {
        self.secrets.lock().unwrap().get_mut(id).unwrap().rotation_enabled = false;
    }

    /// What a version with a label holds.
    pub fn labelled(&self, id: &str, stage: &str) -> Value {
        let secrets = self.secrets.lock().unwrap();
        let secret = &secrets[id];
        let text = secret.stages.get(stage).and_then(|version| secret.versions[version].clone());
        text.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default()
    }

    pub fn drop_pending_value(&self, id: &str, token: &str) {
        self.secrets.lock().unwrap().get_mut(id).unwrap().versions.insert(token.to_owned(), None);
    }
}

impl Secrets for Memory {
    fn describe<'a>(&'a self, id: &'a str) -> Fut<'a, Result<Described, Failure>> {
        let secrets = self.secrets.lock().unwrap();
        let found =
            secrets.get(id).ok_or_else(|| Failure::new("ResourceNotFoundException", "no such secret")).map(|secret| {
                let mut stages: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for (stage, version) in &secret.stages {
                    stages.entry(version.clone()).or_default().push(stage.clone());
                }
                let kind = Some(secret.kind.clone());
                Described {
                    arn: id.to_owned(),
                    kind,
                    rotation_enabled: Some(secret.rotation_enabled),
                    version_ids_to_stages: stages,
                }
            });
        Box::pin(async move { found })
    }

    fn value<'a>(
        &'a self,
        id: &'a str,
        version: Option<&'a str>,
        stage: Option<&'a str>,
    ) -> Fut<'a, Result<Option<SecretText>, Failure>> {
        let secrets = self.secrets.lock().unwrap();
        let found = secrets.get(id).and_then(|secret| {
            let labelled = stage.map(|stage| secret.stages.get(stage).cloned());
            let version = match (version, labelled) {
                (Some(version), Some(labelled)) => labelled.filter(|labelled| labelled == version)?,
                (Some(version), None) => version.to_owned(),
                (None, labelled) => labelled??,
            };
            let text = secret.versions.get(&version)?.clone()?;
            Some(SecretText::new(text))
        });
        Box::pin(async move { Ok(found) })
    }

    fn put_pending<'a>(
        &'a self,
        id: &'a str,
        token: &'a str,
        _: Option<&'a str>,
        value: SecretText,
    ) -> Fut<'a, Result<(), Failure>> {
        let mut secrets = self.secrets.lock().unwrap();
        let secret = secrets.get_mut(id).unwrap();
        let old = secret.versions.insert(token.to_owned(), Some(value.expose().to_owned()));
        assert_eq!(old, Some(None), "a value was written over");
        Box::pin(async { Ok(()) })
    }

    fn move_current<'a>(&'a self, id: &'a str, to: &'a str, from: Option<&'a str>) -> Fut<'a, Result<(), Failure>> {
        let stage = "AWSCURRENT";
        let mut secrets = self.secrets.lock().unwrap();
        let secret = secrets.get_mut(id).unwrap();
        assert_eq!(secret.stages.get(stage).map(String::as_str), from);
        secret.stages.insert("AWSPREVIOUS".to_owned(), from.unwrap().to_owned());
        secret.stages.insert(stage.to_owned(), to.to_owned());
        secret.stages.remove("AWSPENDING");
        Box::pin(async { Ok(()) })
    }

    fn random_password<'a>(&'a self, rules: &'a PasswordSettings) -> Fut<'a, Result<SecretText, Failure>> {
        assert!(rules.exclude_punctuation && rules.length >= 32);
        let mut count = self.passwords.lock().unwrap();
        *count += 1;
        let text = format!("password{count}");
        Box::pin(async move { Ok(SecretText::new(text)) })
    }
}

/// A secret that is rotated, the network, and where partners are.
pub struct World {
    pub memory: Memory,
    pub client: HttpsClient,
    pub hosts: Hosts,
    pub kind: &'static Kind,
    pub metadata: BTreeMap<String, String>,
}

pub const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf";

impl World {
    pub fn new(url: &str, kind: &str, value: &Value) -> Self {
        let memory = Memory::default();
        memory.add(SECRET, kind, value);
        Self {
            memory,
            client: HttpsClient::new(Trust::system(), true, Duration::from_secs(20)).unwrap(),
            hosts: Hosts { atlas: url.to_owned(), confluent: url.to_owned(), datadog: Some(url.to_owned()) },
            kind: Kind::supported(kind).unwrap(),
            metadata: BTreeMap::new(),
        }
    }

    pub fn with_admin(mut self, kind: &str, value: &Value) -> Self {
        self.memory.add(ADMIN, kind, value);
        self.metadata.insert("adminSecretArn".to_owned(), ADMIN.to_owned());
        self
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    pub async fn step(&self, step: Step, token: &str) -> Result<(), Fault> {
        let rotation = Rotation {
            kind: self.kind,
            secret_id: SECRET,
            token,
            rotation_token: None,
            metadata: &self.metadata,
            now: NOW,
        };
        let means = Means { secrets: &self.memory, http: &self.client, hosts: &self.hosts };
        rotate_step(step, rotation, means).await
    }

    /// A whole rotation, with each step done twice.
    pub async fn rotate(&self, token: &str) {
        self.memory.begin(SECRET, token);
        for step in Step::ALL {
            for _ in 0..2 {
                self.step(step, token).await.unwrap_or_else(|fault| panic!("{step}: {fault}"));
            }
        }
    }

    pub fn current(&self, key: &str) -> String {
        let value = &self.memory.labelled(SECRET, "AWSCURRENT")[key];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }
}
