//! Secrets Manager in memory: versions with stages, and passwords that are hard to quote.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom_crypto::random::{Random, SeededRandom};
use strongroom_rotators::{Described, Failure, Fut, PasswordSettings, Secrets};
use strongroom_types::secret::SecretText;

#[derive(Default)]
struct Version {
    value: Option<String>,
    stages: Vec<String>,
}

type Versions = BTreeMap<String, Version>;

/// Secrets by ARN.
pub struct Memory {
    secrets: Mutex<BTreeMap<String, Versions>>,
    rotation_enabled: Mutex<Option<bool>>,
    /// What each `put_pending` carried as RotationToken.
    pub rotation_tokens: Mutex<Vec<Option<String>>>,
    /// Every password that was handed out.
    pub passwords: Mutex<Vec<String>>,
    alphabet: Vec<char>,
    random: SeededRandom,
    next: AtomicU64,
}

/// Characters that statements, shells and protocols give a meaning to.
pub const TORTURE: &str = "aZ9'\"\\`$;-- /@%?:{}()[]<>#&|*^~!+=,._äß漢🔑";

impl Memory {
    /// No secrets; passwords are made of `alphabet`.
    pub fn new(alphabet: &str) -> Self {
        Self {
            secrets: Mutex::default(),
            rotation_enabled: Mutex::new(Some(true)),
            rotation_tokens: Mutex::default(),
            passwords: Mutex::default(),
            alphabet: alphabet.chars().collect(),
            random: SeededRandom::new(7),
            next: AtomicU64::new(1),
        }
    }

    /// A new secret with its first version.
    pub fn create(&self, arn: &str, value: &str) {
        let first = Version { value: Some(value.to_owned()), stages: vec!["AWSCURRENT".to_owned()] };
        self.secrets.lock().unwrap().insert(arn.to_owned(), BTreeMap::from([("first".to_owned(), first)]));
    }

    /// What DescribeSecret says of rotation.
    pub fn enable_rotation(&self, enabled: Option<bool>) {
        *self.rotation_enabled.lock().unwrap() = enabled;
    }

    /// An empty version under AWSPENDING, as a rotation begins; its id.
    pub fn begin(&self, arn: &str) -> String {
        let token = format!("token-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let pending = Version { value: None, stages: vec!["AWSPENDING".to_owned()] };
        let mut secrets = self.secrets.lock().unwrap();
        let versions = secrets.get_mut(arn).expect("secret");
        for version in versions.values_mut() {
            version.stages.retain(|stage| stage != "AWSPENDING");
        }
        versions.insert(token.clone(), pending);
        token
    }

    /// Puts a value under a stage, as someone would by hand.
    pub fn put(&self, arn: &str, id: &str, stage: &str, value: &str) {
        let mut secrets = self.secrets.lock().unwrap();
        let versions = secrets.get_mut(arn).expect("secret");
        for version in versions.values_mut() {
            version.stages.retain(|other| other != stage);
        }
        let version = versions.entry(id.to_owned()).or_default();
        version.value = Some(value.to_owned());
        version.stages.push(stage.to_owned());
    }

    /// The value of a stage.
    pub fn stage(&self, arn: &str, stage: &str) -> Option<String> {
        find(&self.secrets.lock().unwrap(), arn, None, Some(stage)).and_then(|version| version.value.clone())
    }

    /// The version of a stage.
    pub fn id_of(&self, arn: &str, stage: &str) -> Option<String> {
        let secrets = self.secrets.lock().unwrap();
        let of = secrets.get(arn)?.iter().find(|(_, version)| version.stages.iter().any(|of| of == stage));
        of.map(|(id, _)| id.clone())
    }
}

fn find<'a>(
    secrets: &'a BTreeMap<String, Versions>,
    arn: &str,
    id: Option<&str>,
    stage: Option<&str>,
) -> Option<&'a Version> {
    secrets
        .get(arn)?
        .iter()
        .find(|(of, version)| {
            id.is_none_or(|id| id == *of) && stage.is_none_or(|stage| version.stages.iter().any(|of| of == stage))
        })
        .map(|(_, version)| version)
}

impl Secrets for Memory {
    fn describe<'a>(&'a self, secret_id: &'a str) -> Fut<'a, Result<Described, Failure>> {
        Box::pin(async move {
            let secrets = self.secrets.lock().unwrap();
            let versions = secrets.get(secret_id).ok_or_else(|| Failure::new("ResourceNotFoundException", "none"))?;
            let stages = versions.iter().map(|(id, version)| (id.clone(), version.stages.clone()));
            Ok(Described {
                arn: secret_id.to_owned(),
                kind: None,
                rotation_enabled: *self.rotation_enabled.lock().unwrap(),
                version_ids_to_stages: stages.filter(|(_, stages)| !stages.is_empty()).collect(),
            })
        })
    }

    fn value<'a>(
        &'a self,
        secret_id: &'a str,
        version_id: Option<&'a str>,
        stage: Option<&'a str>,
    ) -> Fut<'a, Result<Option<SecretText>, Failure>> {
        Box::pin(async move {
            let secrets = self.secrets.lock().unwrap();
            Ok(find(&secrets, secret_id, version_id, stage).and_then(|of| of.value.clone()).map(SecretText::new))
        })
    }

    fn put_pending<'a>(
        &'a self,
        secret_id: &'a str,
        token: &'a str,
        rotation_token: Option<&'a str>,
        value: SecretText,
    ) -> Fut<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.rotation_tokens.lock().unwrap().push(rotation_token.map(str::to_owned));
            let mut secrets = self.secrets.lock().unwrap();
            let version = secrets.get_mut(secret_id).unwrap().get_mut(token).unwrap();
            assert_eq!(version.value, None, "a value is put once");
            version.value = Some(value.expose().to_owned());
            Ok(())
        })
    }

    fn move_current<'a>(
        &'a self,
        secret_id: &'a str,
        to: &'a str,
        from: Option<&'a str>,
    ) -> Fut<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut secrets = self.secrets.lock().unwrap();
            let versions = secrets.get_mut(secret_id).unwrap();
            for (id, version) in versions.iter_mut() {
                version.stages.retain(|stage| stage != "AWSPREVIOUS");
                if version.stages.iter().any(|stage| stage == "AWSCURRENT") {
                    assert_eq!(Some(id.as_str()), from);
                    version.stages = vec!["AWSPREVIOUS".to_owned()];
                }
            }
            versions.get_mut(to).unwrap().stages = vec!["AWSCURRENT".to_owned(), "AWSPENDING".to_owned()];
            Ok(())
        })
    }

    fn random_password<'a>(&'a self, settings: &'a PasswordSettings) -> Fut<'a, Result<SecretText, Failure>> {
        Box::pin(async move {
            let mut bytes = vec![0; usize::try_from(settings.length).unwrap()];
            self.random.fill(&mut bytes).unwrap();
            let password: String =
                bytes.iter().map(|byte| self.alphabet[usize::from(*byte) % self.alphabet.len()]).collect();
            self.passwords.lock().unwrap().push(password.clone());
            Ok(SecretText::new(password))
        })
    }
}
