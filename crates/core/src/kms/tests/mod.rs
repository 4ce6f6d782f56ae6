//! Keys over an in-memory store and a clock that the tests turn: their states by a model, rotation, deletion, and default
//! keys of before there was KMS.

mod due;
mod forged;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::{Keyring, Random, RootOfTrust, aead};
use strongroom_store::{Batch, MemoryStore, Store};
use strongroom_types::{AccountId, Clock, MockClock, Region, SecretBytes, Timestamp};
use strongroom_wire::kms::{
    CancelKeyDeletionRequest, CreateAliasRequest, CreateGrantRequest, CreateKeyRequest, DecryptRequest,
    DescribeKeyRequest, DisableKeyRequest, DisableKeyRotationRequest, EnableKeyRequest, EnableKeyRotationRequest,
    EncryptRequest, GrantOperation, KeyMetadata, KeyState, Operation, RotateKeyOnDemandRequest,
    ScheduleKeyDeletionRequest,
};

use super::alias::Alias;
use super::grant::Grant;
use super::key::Standing;
use super::managed::Before;
use super::material::context;
use super::*;
use crate::caller::Caller;
use crate::ctx::Way;
use crate::trail::record::{EventKind, IdentityKind, Record, Source, UserIdentity};

const ACCOUNT: &str = "123456789012";
const DAY_MS: i64 = super::states::DAY_MS;

/// KMS without a server.
struct House {
    clock: MockClock,
    random: Arc<SeededRandom>,
    documents: Arc<Documents>,
    root: Arc<dyn RootOfTrust>,
    kms: Kms,
}

impl House {
    fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default()))
    }

    fn over(store: Arc<dyn Store>) -> Self {
        let random = Arc::new(SeededRandom::new(7));
        let key = || aead::generate_key(random.as_ref()).expect("key");
        let keyring = Arc::new(Keyring::new(&[key()]).expect("ring"));
        let drawn = Arc::clone(&random) as Arc<dyn Random>;
        let documents = Arc::new(Documents::new(store, keyring, drawn, 1 << 20));
        let root: Arc<dyn RootOfTrust> = Arc::new(KeyRoot::new("file", "test", &key()).expect("root"));
        let identities = Arc::new(Identities::new(Arc::clone(&documents)));
        let kms = Kms::new(Arc::clone(&documents), identities, Arc::clone(&root));
        Self { clock: MockClock::at(Timestamp::from_seconds(1_700_000_000)), random, documents, root, kms }
    }

    fn cx(&self) -> Ctx {
        self.cx_of(ACCOUNT)
    }

    /// A request of the root of an account.
    fn cx_of(&self, account: &str) -> Ctx {
        let account = AccountId::parse(account).expect("account");
        let region = Region::parse("us-east-1").expect("region");
        let record = Record {
            kind: EventKind::ApiCall,
            event_id: crate::random_uuid(self.random.as_ref()).expect("uuid"),
            event_time: self.clock.now(),
            event_source: "kms.amazonaws.com",
            event_name: "Test".into(),
            aws_region: region.clone(),
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
        Ctx::new(Arc::new(Caller::root(account, "aws")), region, self.clock.now(), Way::default(), record)
    }

    async fn create(&self) -> String {
        let cx = self.cx();
        let input = CreateKeyRequest::default();
        let permit = authorize(&cx, Operation::CreateKey.action(), Resource::Account, &input).expect("the root may");
        let made = self.kms.create_key(&cx, &permit, input).await.expect("created");
        made.key_metadata.expect("a key").key_id
    }

    async fn permit(&self, cx: &Ctx, operation: Operation, key: &str) -> Result<Permit, Error> {
        self.kms.permitted(cx, operation.action(), key, &()).await
    }

    async fn shown(&self, key: &str) -> Result<KeyMetadata, Error> {
        let cx = self.cx();
        let permit = self.permit(&cx, Operation::DescribeKey, key).await?;
        let shown = self.kms.describe_key(&cx, &permit, DescribeKeyRequest::default()).await?;
        Ok(shown.key_metadata.expect("a key"))
    }

    async fn encrypt(&self, key: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let cx = self.cx();
        let permit = self.permit(&cx, Operation::Encrypt, key).await?;
        let input = EncryptRequest { plaintext: SecretBytes::new(plain.to_vec()), ..EncryptRequest::default() };
        Ok(self.kms.encrypt(&cx, &permit, input).await?.ciphertext_blob.expect("a blob"))
    }

    async fn decrypt(&self, blob: &[u8]) -> Result<Vec<u8>, Error> {
        let cx = self.cx();
        let input = DecryptRequest { ciphertext_blob: Some(blob.to_vec()), ..DecryptRequest::default() };
        let permit = self.kms.permitted_decrypt(&cx, Operation::Decrypt.action(), &input).await?;
        Ok(self.kms.decrypt(&cx, &permit, input).await?.plaintext.expect("a plaintext").expose().to_vec())
    }

    async fn act(&self, key: &str, step: &Step) -> Result<(), Error> {
        let (cx, kms) = (self.cx(), &self.kms);
        match *step {
            Step::Enable => {
                let permit = self.permit(&cx, Operation::EnableKey, key).await?;
                kms.enable_key(&cx, &permit, EnableKeyRequest::default()).await
            }
            Step::Disable => {
                let permit = self.permit(&cx, Operation::DisableKey, key).await?;
                kms.disable_key(&cx, &permit, DisableKeyRequest::default()).await
            }
            Step::Schedule(days) => {
                let permit = self.permit(&cx, Operation::ScheduleKeyDeletion, key).await?;
                let input = ScheduleKeyDeletionRequest {
                    pending_window_in_days: Some(days),
                    ..ScheduleKeyDeletionRequest::default()
                };
                kms.schedule_key_deletion(&cx, &permit, input).await.map(drop)
            }
            Step::Cancel => {
                let permit = self.permit(&cx, Operation::CancelKeyDeletion, key).await?;
                kms.cancel_key_deletion(&cx, &permit, CancelKeyDeletionRequest::default()).await.map(drop)
            }
            Step::RotateNow => {
                let permit = self.permit(&cx, Operation::RotateKeyOnDemand, key).await?;
                kms.rotate_key_on_demand(&cx, &permit, RotateKeyOnDemandRequest::default()).await.map(drop)
            }
            Step::RotateEvery(days) => {
                let permit = self.permit(&cx, Operation::EnableKeyRotation, key).await?;
                let input = EnableKeyRotationRequest {
                    rotation_period_in_days: Some(days),
                    ..EnableKeyRotationRequest::default()
                };
                kms.enable_key_rotation(&cx, &permit, input).await
            }
            Step::RotateNever => {
                let permit = self.permit(&cx, Operation::DisableKeyRotation, key).await?;
                kms.disable_key_rotation(&cx, &permit, DisableKeyRotationRequest::default()).await
            }
            Step::Pass(days) => {
                self.clock.advance_days(days);
                Ok(())
            }
        }
    }

    async fn work(&self) -> usize {
        self.kms.do_due_work(self.clock.now(), 10).await.expect("worked")
    }

    /// How many materials the key has.
    async fn materials(&self, key: &str) -> usize {
        let place = key::document_key(ACCOUNT, "us-east-1", key);
        let found = self.documents.load::<Key>(place).await.expect("read");
        found.map_or(0, |found| found.value.materials.len())
    }

    async fn alias(&self, key: &str, name: &str) {
        let cx = self.cx();
        let input = CreateAliasRequest { alias_name: name.to_owned(), target_key_id: key.to_owned() };
        let permit =
            self.kms.permitted_alias(&cx, Operation::CreateAlias.action(), name, &input).expect("the root may");
        self.kms.create_alias(&cx, &permit, input).await.expect("created");
    }

    async fn grant(&self, key: &str) {
        self.grant_to(key, ACCOUNT).await;
    }

    /// Lets the root of an account decrypt, and retire that grant.
    async fn grant_to(&self, key: &str, account: &str) {
        let cx = self.cx();
        let root = format!("arn:aws:iam::{account}:root");
        let input = CreateGrantRequest {
            key_id: key.to_owned(),
            grantee_principal: Some(root.clone()),
            retiring_principal: Some(root),
            operations: vec![GrantOperation::Decrypt],
            ..CreateGrantRequest::default()
        };
        let permit = self.kms.permitted(&cx, Operation::CreateGrant.action(), key, &input).await.expect("the root may");
        self.kms.create_grant(&cx, &permit, input).await.expect("created");
    }
}

/// The code of a refusal; nothing when there is none.
fn code<T>(result: &Result<T, Error>) -> Option<&'static str> {
    match result {
        Ok(_) => None,
        Err(Error::Refused(refusal)) => Some(refusal.code.name),
        Err(fault) => panic!("{fault:?}"),
    }
}

/// What may happen to a key.
#[derive(Clone, Debug)]
enum Step {
    Enable,
    Disable,
    Schedule(i32),
    Cancel,
    RotateNow,
    RotateEvery(i32),
    RotateNever,
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Enable),
        2 => Just(Step::Disable),
        1 => (7..=30).prop_map(Step::Schedule),
        2 => Just(Step::Cancel),
        3 => Just(Step::RotateNow),
        2 => (90..=200).prop_map(Step::RotateEvery),
        1 => Just(Step::RotateNever),
        3 => (0_i64..120).prop_map(Step::Pass),
    ]
}

/// What a key is, told in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Model {
    There { standing: Standing, rotation: Option<(i64, i64)>, materials: usize },
    Gone,
}

const DISABLED: Option<&str> = Some("DisabledException");
const WRONG_STATE: Option<&str> = Some("KMSInvalidStateException");

impl Model {
    /// What a step has to answer, and what follows.
    fn after(&mut self, step: &Step, now_ms: i64) -> Option<&'static str> {
        if let Step::Pass(_) = step {
            return None;
        }
        let Self::There { standing, rotation, materials } = self else { return Some("NotFoundException") };
        let is_pending = matches!(standing, Standing::PendingDeletion { .. });
        if is_pending && !matches!(step, Step::Cancel) {
            return WRONG_STATE;
        }
        let is_disabled = *standing == Standing::Disabled;
        match step {
            Step::RotateNow | Step::RotateEvery(_) | Step::RotateNever if is_disabled => return DISABLED,
            Step::Enable => *standing = Standing::Enabled,
            Step::Disable => *standing = Standing::Disabled,
            Step::Schedule(days) => {
                let due_ms = now_ms + i64::from(*days) * DAY_MS;
                *standing = Standing::PendingDeletion { requested_ms: now_ms, due_ms };
            }
            Step::Cancel if !is_pending => return WRONG_STATE,
            Step::Cancel => *standing = Standing::Disabled,
            Step::RotateNow => *materials += 1,
            Step::RotateEvery(days) => {
                let period_ms = i64::from(*days) * DAY_MS;
                if rotation.is_none_or(|(known, _)| known != period_ms) {
                    *rotation = Some((period_ms, now_ms + period_ms));
                }
            }
            Step::RotateNever => *rotation = None,
            Step::Pass(_) => {}
        }
        None
    }

    /// What happens by itself.
    fn work(&mut self, now_ms: i64) {
        let Self::There { standing, rotation, materials } = self else { return };
        match standing {
            Standing::PendingDeletion { due_ms, .. } if *due_ms <= now_ms => *self = Self::Gone,
            Standing::Enabled => {
                if let Some((period_ms, next_ms)) = rotation
                    && *next_ms <= now_ms
                {
                    *materials += 1;
                    *next_ms = now_ms + *period_ms;
                }
            }
            _ => {}
        }
    }

    fn state(&self) -> Result<KeyState, Option<&'static str>> {
        match self {
            Self::Gone => Err(Some("NotFoundException")),
            Self::There { standing: Standing::Enabled, .. } => Ok(KeyState::Enabled),
            Self::There { standing: Standing::Disabled, .. } => Ok(KeyState::Disabled),
            Self::There { standing: Standing::PendingDeletion { .. }, .. } => Ok(KeyState::PendingDeletion),
        }
    }
}

/// Lives through `steps` beside the model; what was encrypted before opens whenever the key is enabled.
async fn live(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let house = House::new();
    let key = house.create().await;
    let mut model = Model::There { standing: Standing::Enabled, rotation: None, materials: 1 };
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let now_ms = house.clock.now().millis();
        prop_assert_eq!(code(&house.act(&key, step).await), model.after(step, now_ms), "{} {:?}", at, step);
        house.work().await;
        model.work(house.clock.now().millis());
        let shown = house.shown(&key).await;
        let state = shown.as_ref().map(|shown| shown.key_state.expect("a state")).map_err(|_| code(&shown));
        prop_assert_eq!(state, model.state(), "{} {:?}", at, step);
        if let Model::There { materials, .. } = model {
            prop_assert_eq!(house.materials(&key).await, materials, "{} {:?}", at, step);
        }
        let refusal = match model.state() {
            Ok(KeyState::Enabled) => None,
            Ok(KeyState::Disabled) => DISABLED,
            Ok(_) => WRONG_STATE,
            Err(code) => code,
        };
        let plain = |at: usize| at.to_be_bytes().to_vec();
        for (at, blob) in blobs.iter().enumerate() {
            let opened = house.decrypt(blob).await;
            prop_assert_eq!(code(&opened), refusal);
            if let Ok(opened) = opened {
                prop_assert_eq!(opened, plain(at));
            }
        }
        let sealed = house.encrypt(&key, &plain(blobs.len())).await;
        prop_assert_eq!(code(&sealed), refusal);
        blobs.extend(sealed);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn keys_keep_to_their_states_and_open_what_they_sealed(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        runtime.block_on(live(steps))?;
    }
}

#[tokio::test]
async fn a_key_rotates_when_its_period_is_over_and_not_while_it_is_disabled() {
    let house = House::new();
    let key = house.create().await;
    let blob = house.encrypt(&key, b"before").await.expect("sealed");
    house.act(&key, &Step::RotateEvery(90)).await.expect("on");
    house.clock.advance_millis(90 * DAY_MS - 1);
    assert_eq!((house.work().await, house.materials(&key).await), (0, 1));
    house.clock.advance_millis(1);
    assert_eq!((house.work().await, house.work().await, house.materials(&key).await), (1, 0, 2));
    assert_eq!(house.decrypt(&blob).await.expect("opened"), b"before");
    house.act(&key, &Step::Disable).await.expect("disabled");
    house.clock.advance_days(200);
    assert_eq!((house.work().await, house.materials(&key).await), (0, 2));
    house.act(&key, &Step::Enable).await.expect("enabled");
    assert_eq!((house.work().await, house.work().await, house.materials(&key).await), (1, 0, 3), "at once, and once");
    assert_eq!(house.decrypt(&blob).await.expect("opened"), b"before");
    house.clock.advance_days(89);
    assert_eq!(house.work().await, 0);
    house.clock.advance_days(1);
    assert_eq!(house.work().await, 1);
}

#[tokio::test]
async fn a_key_goes_with_its_aliases_and_grants_when_its_window_ends_and_not_before() {
    let house = House::new();
    let (key, other) = (house.create().await, house.create().await);
    for (key, names) in [(&key, ["alias/a", "alias/b"]), (&other, ["alias/c", "alias/d"])] {
        for name in names {
            house.alias(key, name).await;
            house.grant(key).await;
        }
    }
    let blob = house.encrypt(&key, b"x").await.expect("sealed");
    house.act(&key, &Step::Schedule(7)).await.expect("scheduled");
    house.clock.advance_millis(7 * DAY_MS - 1);
    assert_eq!(house.work().await, 0);
    assert_eq!(house.shown("alias/a").await.expect("still there").key_state, Some(KeyState::PendingDeletion));
    house.clock.advance_millis(1);
    assert_eq!(code(&house.shown(&key).await), Some("NotFoundException"), "as good as gone before the work is done");
    assert_eq!((house.work().await, house.work().await), (1, 0));
    for asked in [&key, "alias/a", "alias/b"] {
        assert_eq!(code(&house.shown(asked).await), Some("NotFoundException"));
    }
    assert_eq!(code(&house.decrypt(&blob).await), Some("NotFoundException"));
    let aliases = house.documents.scan::<Alias>("", None, 10).await.expect("read");
    let mut names: Vec<&str> = aliases.iter().map(|alias| alias.value.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["alias/c", "alias/d"]);
    let grants = house.documents.scan::<Grant>("", None, 10).await.expect("read");
    assert_eq!((grants.len(), grants.iter().all(|grant| grant.value.key_id == other)), (2, true));
    house.alias(&other, "alias/a").await;
    assert_eq!(house.shown("alias/a").await.expect("the name is free again").key_id, other);
}

#[tokio::test]
async fn a_default_key_of_before_becomes_one_of_kms_and_opens_old_values() {
    let house = House::new();
    let region = Region::parse("us-east-1").expect("region");
    let key_id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let materials: Vec<SecretBytes> = (0..2).map(|_| aead::generate_key(house.random.as_ref()).expect("key")).collect();
    let bound = context(ACCOUNT, "us-east-1", key_id);
    let wrapped = |material| house.root.wrap(house.random.as_ref(), &bound, material).expect("wrapped");
    let before = Before {
        account: ACCOUNT.to_owned(),
        region: region.to_string(),
        key_id: key_id.to_owned(),
        created_ms: 5_000,
        material: materials.iter().map(|material| STANDARD.encode(wrapped(material).as_bytes())).collect(),
    };
    let mut batch = Batch::named("test");
    house.documents.put(&mut batch, None, &Arc::new(before)).expect("sealed");
    house.documents.commit(batch).await.expect("committed");
    // A data key under each of the two materials, as a release before KMS wrapped it.
    let purpose = Purpose::new("arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf".to_owned(), "version");
    let old = strongroom_crypto::Context::new("data key")
        .field("SecretARN")
        .field("arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf")
        .field("SecretVersionId")
        .field("version");
    let sealed = |material: &SecretBytes| {
        let ring = Keyring::new(std::slice::from_ref(material)).expect("ring");
        ring.seal(house.random.as_ref(), &old, b"a data key").expect("sealed")
    };
    let owner = AccountId::parse(ACCOUNT).expect("account");
    for sealed in materials.iter().map(sealed) {
        let key = house.kms.through_secrets(&house.cx(), Operation::Decrypt, &owner, None, &purpose).await;
        let opened = house.kms.unwrapped_under(&key.expect("usable"), &purpose, &sealed).expect("opened");
        assert_eq!(opened.expose(), b"a data key");
        let wrapped = Wrapped { key_arn: String::new(), sealed };
        let checked = house.kms.unwrapped_for_check(ACCOUNT, "us-east-1", &wrapped, &purpose).await.expect("opened");
        assert_eq!(checked.expect("a key").expose(), b"a data key");
    }
    let shown = house.shown(DEFAULT_ALIAS).await.expect("one of KMS's");
    assert_eq!((shown.key_id.as_str(), shown.creation_date), (key_id, Some(Timestamp::from_millis(5_000))));
    assert_eq!(house.documents.scan::<Before>("", None, 10).await.expect("read").len(), 0, "there is one key, not two");
    house.clock.advance_days(365);
    assert_eq!((house.work().await, house.materials(key_id).await), (1, 3), "it rotates every year like its like");
    let key = house.kms.through_secrets(&house.cx(), Operation::Decrypt, &owner, None, &purpose).await.expect("usable");
    assert!(house.kms.unwrapped_under(&key, &purpose, &sealed(&materials[1])).is_ok());
}

/// The records that a call for a data key leaves, with what they say.
async fn records_of_call(house: &House, asked: Option<&str>) -> Vec<serde_json::Value> {
    let purpose = Purpose::new("arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf".to_owned(), "version\"");
    let owner = AccountId::parse(ACCOUNT).expect("account");
    let cx = house.cx();
    drop(house.kms.through_secrets(&cx, Operation::Decrypt, &owner, asked, &purpose).await);
    cx.take_parts().iter().map(|line| serde_json::from_str(line).expect("a record")).collect()
}

#[tokio::test]
async fn calls_for_a_caller_have_records_under_default_keys_when_they_are_asked_for() {
    let mut house = House::new();
    let key = house.create().await;
    let [record] = records_of_call(&house, Some(&key)).await.try_into().expect("one record");
    assert_eq!(record["userIdentity"]["invokedBy"], "secretsmanager.amazonaws.com");
    assert_eq!(record["requestParameters"]["encryptionContext"]["SecretVersionId"], "version\"");
    assert_eq!(record["eventName"], "Decrypt");
    assert_eq!(records_of_call(&house, None).await.len(), 0);
    house.kms = house.kms.with_default_key_records(true);
    let [record] = records_of_call(&house, None).await.try_into().expect("one record");
    assert_eq!(record["eventSource"], "kms.amazonaws.com");
    let cx = house.cx();
    let permit = house.permit(&cx, Operation::DisableKey, &key).await.expect("the root may");
    house.kms.disable_key(&cx, &permit, DisableKeyRequest::default()).await.expect("disabled");
    let [record] = records_of_call(&house, Some(&key)).await.try_into().expect("one record");
    assert_eq!(record["errorCode"], "DisabledException");
}

#[tokio::test]
async fn verifying_a_store_adopts_default_keys_of_before_and_makes_none() {
    let house = House::new();
    house.create().await;
    let report = crate::verification::verify(&house.documents, &house.kms, house.clock.now()).await.expect("read");
    assert_eq!(report.faults, [""; 0]);
    let defaults = house.kms.existing_default(ACCOUNT, "us-east-1").await.expect("read");
    assert!(defaults.is_none(), "a key that nobody needed");
    let key = aead::generate_key(house.random.as_ref()).expect("key");
    let key_id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let wrapped =
        house.root.wrap(house.random.as_ref(), &context(ACCOUNT, "us-east-1", key_id), &key).expect("wrapped");
    let before = Before {
        account: ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
        key_id: key_id.to_owned(),
        created_ms: 5_000,
        material: vec![STANDARD.encode(wrapped.as_bytes())],
    };
    let mut batch = Batch::named("test");
    house.documents.put(&mut batch, None, &Arc::new(before)).expect("sealed");
    house.documents.commit(batch).await.expect("committed");
    let report = crate::verification::verify(&house.documents, &house.kms, house.clock.now()).await.expect("read");
    assert_eq!(report.faults, [""; 0]);
    assert!(house.kms.existing_default(ACCOUNT, "us-east-1").await.expect("read").is_some());
}
