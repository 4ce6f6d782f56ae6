//! The operations over an in-memory store, a seeded random source and a clock that the tests turn.

mod coherence;
mod forged;
mod listing;
mod time;
mod writing;

use std::sync::Arc;

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{Keyring, Random, aead};
use strongroom_store::{MemoryStore, Store};
use strongroom_types::{AccountId, Clock, MockClock, Region, SecretText, Timestamp};
use strongroom_wire::secretsmanager::{
    CreateSecretRequest, GetSecretValueRequest, Operation, PutSecretValueRequest, Tag,
};
use tempfile::TempDir;

use super::Secrets;
use super::model::{Secret, SecretTag};
use super::rotation::RotatedBy;
use super::rotation::rotator::{Asking, RotationCall, Rotator, StepEnd};
use super::values::StoredValue;
use crate::access::{Permit, Resource, authorize};
use crate::caller::Caller;
use crate::ctx::{Ctx, Way};
use crate::documents::Documents;
use crate::error::Error;
use crate::identities::Identities;
use crate::kms::Kms;
use crate::trail::record::{EventKind, IdentityKind, Record, Source, UserIdentity};
use crate::trail::segments::{Segments, SegmentsConfig};

/// A service without a server.
pub(crate) struct Service {
    pub(crate) clock: MockClock,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) documents: Arc<Documents>,
    pub(crate) kms: Arc<Kms>,
    pub(crate) secrets: Secrets,
    _trail: TempDir,
}

/// Functions of which there is none.
struct NoFunctions;

impl Rotator for NoFunctions {
    fn check<'a>(&'a self, _: &'a Ctx, _: &'a RotatedBy, _: &'a Secret) -> Asking<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::internal("no function")) })
    }

    fn check_kind(&self, kind: &str, _: Option<&SecretText>) -> Result<(), String> {
        Err(format!("no type {kind}"))
    }

    fn carry_out<'a>(&'a self, _: RotationCall<'a>) -> Asking<'a, StepEnd> {
        Box::pin(async { StepEnd { outcome: Err("no function".to_owned()), log_tail: None } })
    }
}

impl Service {
    fn new() -> Self {
        Self::with(Arc::new(MemoryStore::default()), Arc::new(NoFunctions), 7)
    }

    pub(crate) fn with(store: Arc<dyn Store>, rotator: Arc<dyn Rotator>, seed: u64) -> Self {
        let clock = MockClock::at(Timestamp::from_seconds(1_700_000_000));
        let random = Arc::new(SeededRandom::new(seed));
        let keyring = Keyring::new(&[aead::generate_key(random.as_ref()).expect("key")]).expect("ring");
        let documents = Documents::new(store, Arc::new(keyring), Arc::clone(&random) as Arc<dyn Random>, 1024 * 1024);
        let documents = Arc::new(documents);
        let key = aead::generate_key(random.as_ref()).expect("key");
        let trust = Arc::new(KeyRoot::new("file", "test", &key).expect("root"));
        let trail = TempDir::new().expect("directory");
        let segments = Segments::open(trail.path(), SegmentsConfig::default(), Arc::new(clock.clone()));
        let segments = Arc::new(segments.expect("segments"));
        let identities = Arc::new(Identities::new(Arc::clone(&documents)));
        let kms = Arc::new(Kms::new(Arc::clone(&documents), Arc::clone(&identities), trust));
        let secrets = Secrets::new(Arc::clone(&documents), identities, Arc::clone(&kms), rotator, segments, 100);
        Self { clock, random, documents, kms, secrets, _trail: trail }
    }

    pub(crate) fn cx(&self) -> Ctx {
        self.cx_in("123456789012")
    }

    fn cx_in(&self, account: &str) -> Ctx {
        let account = AccountId::parse(account).expect("account");
        let record = Record {
            kind: EventKind::ApiCall,
            event_id: crate::random_uuid(self.random.as_ref()).expect("uuid"),
            event_time: self.clock.now(),
            event_source: "secretsmanager.amazonaws.com",
            event_name: "Test".into(),
            aws_region: Region::parse("us-east-1").expect("region"),
            source_ip: Source::Address("127.0.0.1".parse().expect("address")),
            user_agent: "test".into(),
            request_id: "test".into(),
            account: Some(account.clone()),
            identity: Arc::new(UserIdentity::of(IdentityKind::Root)),
            invoked_by: None,
            read_only: false,
            request_parameters: None,
            additional_event_data: Vec::new(),
            endpoint_id: None,
            tls: None,
        };
        let caller = Arc::new(Caller::root(account, "aws"));
        Ctx::new(caller, Region::parse("us-east-1").expect("region"), self.clock.now(), Way::default(), record)
    }

    pub(crate) async fn permit(&self, cx: &Ctx, operation: Operation, secret_id: &str) -> Permit {
        let secret = self.secrets.resolve(cx, secret_id).await.expect("a name");
        authorize(cx, operation.action(), Resource::Secret(Arc::new(secret)), &()).expect("the root may")
    }

    pub(crate) async fn create(&self, name: &str, value: Option<&str>) -> Result<String, Error> {
        self.create_with(name, value, |_| {}).await
    }

    async fn create_with(
        &self,
        name: &str,
        value: Option<&str>,
        change: impl FnOnce(&mut CreateSecretRequest),
    ) -> Result<String, Error> {
        let cx = self.cx();
        let permit = self.permit(&cx, Operation::CreateSecret, name).await;
        let mut input = CreateSecretRequest {
            name: name.to_owned(),
            client_request_token: Some(crate::random_uuid(self.random.as_ref()).expect("uuid")),
            secret_string: value.map(|value| SecretText::new(value.to_owned())),
            ..CreateSecretRequest::default()
        };
        change(&mut input);
        let created = self.secrets.create_secret(&cx, &permit, input).await?;
        Ok(created.arn.expect("an ARN"))
    }

    pub(crate) async fn put(&self, name: &str, value: &str) -> Result<String, Error> {
        let cx = self.cx();
        let permit = self.permit(&cx, Operation::PutSecretValue, name).await;
        let input = PutSecretValueRequest {
            secret_id: name.to_owned(),
            client_request_token: Some(crate::random_uuid(self.random.as_ref()).expect("uuid")),
            secret_string: Some(SecretText::new(value.to_owned())),
            ..PutSecretValueRequest::default()
        };
        Ok(self.secrets.put_secret_value(&cx, &permit, input).await?.version_id.expect("a version"))
    }

    pub(crate) async fn get(&self, secret_id: &str) -> Result<String, Error> {
        let cx = self.cx();
        let permit = self.permit(&cx, Operation::GetSecretValue, secret_id).await;
        let input = GetSecretValueRequest { secret_id: secret_id.to_owned(), ..GetSecretValueRequest::default() };
        let got = self.secrets.get_secret_value(&cx, &permit, input).await?;
        Ok(got.secret_string.expect("text").expose().to_owned())
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: Some(key.to_owned()), value: Some(value.to_owned()) }
}

/// The code of a refusal.
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Refused(refusal)) => refusal.code.name,
        other => panic!("not a refusal: {other:?}"),
    }
}

/// A secret with as many words as one can have, about: `w0a` to `w19a` among them in each tag.
pub(super) fn fat_secret(name: &str) -> Secret {
    Secret {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: name.into(),
        suffix: "AbCdEf".into(),
        kind: None,
        description: Some("described at length ".repeat(100)),
        kms_key_id: None,
        created_ms: 0,
        changed_ms: 0,
        accessed_ms: None,
        deletion: None,
        tags: fat_tags().map(|(key, value)| SecretTag { key, value }).collect(),
        stages: Default::default(),
        versions: Default::default(),
        policy: None,
        rotation: None,
        owner: None,
    }
}

/// The tags of a fat secret.
fn fat_tags() -> impl Iterator<Item = (String, String)> {
    let words = |from: usize| (from..from + 60).map(|n| format!("w{}", letters(n))).collect::<Vec<_>>().join(" ");
    (0..50).map(move |n| (format!("{n} {}", "k".repeat(100)), words(n * 20)))
}

/// A number as letters, so that it is one word.
fn letters(n: usize) -> String {
    format!("{n:04}").bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect()
}
