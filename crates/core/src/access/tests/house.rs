//! Two accounts with identities of every kind, and a secret that belongs to the first.

use std::sync::Arc;

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, Random, aead};
use strongroom_policy::{Document, DocumentKind};
use strongroom_store::{Batch, MemoryStore};
use strongroom_types::{AccountId, Region, Timestamp};

use crate::access::{EntityRef, Resource};
use crate::caller::{Caller, NamedPolicy, PolicySource};
use crate::ctx::{Ctx, PrivateEndpoint, Way};
use crate::documents::{self, Documents, Loaded};
use crate::identities::access_key::AccessKey;
use crate::identities::account::Account;
use crate::identities::entity::{Policies, Tag};
use crate::identities::group::Group;
use crate::identities::managed_policy::{ManagedPolicy, PolicyVersion};
use crate::identities::organization::{ControlPolicy, Organization};
use crate::identities::policy_text::PolicyText;
use crate::identities::role::Role;
use crate::identities::session_token::{self, SessionClaims, SessionHolder};
use crate::identities::signers::Found;
use crate::identities::user::User;
use crate::identities::{Identities, NewKey};
use crate::kms::grant::{Grant, Named};
use crate::kms::key::Key;
use crate::kms::resolve::KeyRef;
use crate::secrets::model::{Secret, SecretTag};
use crate::secrets::resolve::SecretRef;
use crate::trail::record::{EventKind, IdentityKind, Record, Source, UserIdentity};

pub(super) const OWNER: &str = "111111111111";
pub(super) const OTHER: &str = "222222222222";
/// An account of the organization that a service control policy bounds.
pub(super) const BOUND: &str = "333333333333";
pub(super) const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
pub(super) const NOW_S: i64 = 1_700_000_000;

/// Identities in a store in memory.
pub(super) struct House {
    documents: Arc<Documents>,
    pub(super) identities: Identities,
    random: Arc<SeededRandom>,
}

/// What a principal is given.
#[derive(Clone, Debug, Default)]
pub(super) struct Given<'a> {
    pub(super) inline: &'a [&'a str],
    pub(super) attached: &'a [&'a str],
    pub(super) boundary: Option<&'a str>,
    pub(super) tags: &'a [(&'a str, &'a str)],
    pub(super) groups: &'a [&'a str],
}

impl Given<'_> {
    fn policies(&self) -> Policies {
        let inline = self.inline.iter().enumerate();
        Policies {
            inline: inline.map(|(at, text)| (format!("p{at}"), PolicyText::new(*text))).collect(),
            attached: self.attached.iter().map(|arn| (*arn).to_owned()).collect(),
            boundary: self.boundary.map(str::to_owned),
        }
    }

    fn tags(&self) -> Vec<Tag> {
        self.tags.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
    }
}

impl House {
    pub(super) async fn new() -> Self {
        Self::drawing(11).await
    }

    /// A house whose keys come from another seed.
    pub(super) async fn drawing(seed: u64) -> Self {
        let random = Arc::new(SeededRandom::new(seed));
        let keyring = Keyring::new(&[aead::generate_key(random.as_ref()).expect("key")]).expect("ring");
        let drawn = Arc::clone(&random) as Arc<dyn Random>;
        let store = Arc::new(MemoryStore::default());
        let documents = Arc::new(Documents::new(store, Arc::new(keyring), drawn, 1 << 20));
        let house = Self { identities: Identities::new(Arc::clone(&documents)), documents, random };
        for account in [OWNER, OTHER, BOUND] {
            house.put(Account::new(account, 0)).await;
        }
        house
    }

    pub(super) async fn put<T: documents::Document>(&self, document: T) {
        let mut batch = Batch::named("test");
        self.documents.put(&mut batch, None, &Arc::new(document)).expect("sealed");
        self.documents.commit(batch).await.expect("committed");
    }

    /// Replaces a role's policies.
    pub(super) async fn give_role(&self, account: &str, name: &str, given: &Given<'_>) {
        let before: Loaded<Role> = self.identities.named(account, name).await.expect("read").expect("a role");
        let after = Role { policies: given.policies(), ..Role::clone(&before.value) };
        let mut batch = Batch::named("test");
        self.documents.put(&mut batch, Some(&before), &Arc::new(after)).expect("sealed");
        self.documents.commit(batch).await.expect("committed");
    }

    /// An account's service control policy: `FullAWSAccess` on the root, `text` on the account.
    pub(super) async fn bind(&self, account: &str, text: &str) {
        let full = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let policy = |name: &str, text: &str| ControlPolicy { name: name.to_owned(), document: PolicyText::new(text) };
        self.put(Organization {
            id: "o-exampleorgid".into(),
            management: OTHER.into(),
            root_id: "r-abcd".into(),
            units: [].into(),
            accounts: [(account.to_owned(), "r-abcd".to_owned()), (OTHER.to_owned(), "r-abcd".to_owned())].into(),
            policies: [("p-full".to_owned(), policy("full", full)), ("p-own".to_owned(), policy("own", text))].into(),
            attached: [
                ("r-abcd".to_owned(), vec!["p-full".to_owned()]),
                (account.to_owned(), vec!["p-full".to_owned(), "p-own".to_owned()]),
            ]
            .into(),
        })
        .await;
    }

    /// A managed policy of the first account.
    pub(super) async fn boundary(&self, arn: &str, text: &str) {
        let (_, name) = arn.rsplit_once('/').expect("a name");
        self.put(ManagedPolicy {
            account: OWNER.into(),
            partition: "aws".into(),
            name: name.into(),
            path: "/".into(),
            id: format!("ANPA{name}"),
            created_ms: 0,
            updated_ms: 0,
            description: None,
            tags: Vec::new(),
            versions: vec![PolicyVersion { number: 1, document: PolicyText::new(text), created_ms: 0 }],
            default_version: 1,
            next_version: 2,
        })
        .await;
    }

    /// A group; users are put into it by its name.
    pub(super) async fn group(&self, account: &str, name: &str, given: &Given<'_>) {
        self.put(Group {
            account: account.into(),
            partition: "aws".into(),
            name: name.into(),
            path: "/".into(),
            id: format!("AGPA{name}"),
            created_ms: 0,
            policies: given.policies(),
        })
        .await;
    }

    /// A user with an access key, as a caller.
    pub(super) async fn user(&self, account: &str, name: &str, given: &Given<'_>) -> Arc<Caller> {
        let id = format!("AIDA{name}");
        let key = NewKey::draw(self.random.as_ref(), "AKIA").expect("drawn");
        self.put(User {
            account: account.into(),
            partition: "aws".into(),
            name: name.into(),
            path: "/".into(),
            id: id.clone(),
            created_ms: 0,
            tags: given.tags(),
            policies: given.policies(),
            groups: given.groups.iter().map(|group| format!("AGPA{group}")).collect(),
            access_keys: vec![key.key_id.clone()],
            login: None,
            mfa_devices: Vec::new(),
        })
        .await;
        let number = AccountId::parse(account).expect("account");
        self.put(AccessKey::of_user(number, &id, &key, Timestamp::from_seconds(0))).await;
        self.caller(&key.key_id, None).await.expect("a signer")
    }

    /// A role.
    pub(super) async fn role(&self, account: &str, name: &str, given: &Given<'_>) {
        self.put(Role {
            account: account.into(),
            partition: "aws".into(),
            name: name.into(),
            path: "/".into(),
            id: format!("AROA{name}"),
            created_ms: 0,
            description: None,
            trust: PolicyText::new(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#,
            ),
            session_seconds_max: 3600,
            signin_seconds_max: None,
            tags: given.tags(),
            policies: given.policies(),
        })
        .await;
    }

    /// A token of a session of a role, and its access key id.
    pub(super) fn token(&self, account: &str, role: &str, policy: Option<&str>, expires_s: i64) -> (String, String) {
        let key = NewKey::draw(self.random.as_ref(), "ASIA").expect("drawn");
        let claims = SessionClaims {
            account: account.into(),
            key_id: key.key_id.clone(),
            issued_s: NOW_S - 60,
            expires_s,
            holder: SessionHolder::Role { id: format!("AROA{role}"), session: "s".into() },
            mfa_s: None,
            source_identity: None,
            federated_provider: None,
            provider_keys: Default::default(),
            tags: Vec::new(),
            transitive_keys: Vec::new(),
            policy: policy.map(str::to_owned),
            policy_arns: Vec::new(),
            chained: false,
        };
        let token = session_token::seal(&self.documents, &claims, &key, 0).expect("sealed");
        (key.key_id, token.expose().to_owned())
    }

    /// A session of a role, as a caller.
    pub(super) async fn session(&self, account: &str, role: &str, policy: Option<&str>) -> Option<Arc<Caller>> {
        let (key_id, token) = self.token(account, role, policy, NOW_S + 3600);
        self.caller(&key_id, Some(&token)).await
    }

    pub(super) async fn found(&self, key_id: &str, token: Option<&str>) -> Found {
        let region = Region::parse("us-east-1").expect("region");
        self.identities.signer(key_id, token, &region, Timestamp::from_seconds(NOW_S)).await.expect("read")
    }

    async fn caller(&self, key_id: &str, token: Option<&str>) -> Option<Arc<Caller>> {
        match self.found(key_id, token).await {
            Found::Signer(signer) => Some(Arc::clone(&signer.caller)),
            Found::Nobody | Found::Gone | Found::Expired => None,
        }
    }
}

/// A request of a caller.
pub(super) fn request(caller: &Arc<Caller>, way: Way) -> Ctx {
    let region = Region::parse("us-east-1").expect("region");
    let now = Timestamp::from_seconds(NOW_S);
    let record = Record {
        kind: EventKind::ApiCall,
        event_id: "event".into(),
        event_time: now,
        event_source: "secretsmanager.amazonaws.com",
        event_name: "Test".into(),
        aws_region: region.clone(),
        source_ip: Source::Address("192.0.2.7".parse().expect("address")),
        user_agent: "test".into(),
        request_id: "test".into(),
        account: Some(caller.account.clone()),
        identity: Arc::new(UserIdentity::of(IdentityKind::Unknown)),
        invoked_by: None,
        read_only: false,
        request_parameters: None,
        additional_event_data: Vec::new(),
        endpoint_id: None,
        tls: None,
    };
    Ctx::new(Arc::clone(caller), region, now, way, record)
}

/// The way through a private endpoint with a policy.
pub(super) fn through(policy: &str) -> Way {
    let document = Arc::new(Document::parse(policy, DocumentKind::Endpoint).expect("a policy"));
    let policy = NamedPolicy { source: PolicySource::Endpoint { id: "vpce-1a".into() }, document };
    let endpoint = PrivateEndpoint { id: "vpce-1a".into(), vpc: "vpc-1a".into(), policy };
    Way { endpoint: Some(Arc::new(endpoint)), ..Way::default() }
}

/// The secret of the first account, tagged `team=blue`, with a resource policy.
pub(super) fn secret(policy: Option<&str>) -> Resource {
    let secret = Secret {
        account: OWNER.into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: "db/main".into(),
        suffix: "AbCdEf".into(),
        kind: None,
        description: None,
        kms_key_id: None,
        created_ms: 0,
        changed_ms: 0,
        accessed_ms: None,
        deletion: None,
        tags: vec![SecretTag { key: "team".into(), value: "blue".into() }],
        stages: Default::default(),
        versions: Default::default(),
        policy: policy.map(PolicyText::new),
        rotation: None,
        owner: None,
    };
    Resource::Secret(Arc::new(SecretRef {
        asked: secret.arn(),
        account: AccountId::parse(OWNER).expect("account"),
        key: "key".into(),
        suffix: None,
        found: Some(Loaded { version: 1, value: Arc::new(secret) }),
    }))
}

/// An entity of IAM of the first account.
pub(super) fn entity(arn: &str) -> Resource {
    Resource::Entity(Arc::new(EntityRef {
        asked: None,
        arn: arn.into(),
        account: AccountId::parse(OWNER).expect("account"),
        tags: Vec::new(),
        boundary: None,
        kind: "test",
    }))
}

/// A key of the owner with this policy, and a grant of `operation` to the user `grantee`.
pub(super) fn key(policy: &str, grantee: &str, operation: &str) -> Resource {
    let key = Key::for_tests(OWNER, policy);
    let grant = Grant {
        account: OWNER.to_owned(),
        region: key.region.clone(),
        key_id: key.key_id.clone(),
        grant_id: "1".repeat(64),
        name: None,
        created_ms: 0,
        issuing_account: OWNER.to_owned(),
        grantee: Named { name: format!("arn:aws:iam::{OWNER}:user/{grantee}"), id: None },
        for_service: false,
        retiring: None,
        operations: vec![operation.to_owned()],
        context_subset: None,
        context_equals: None,
        source_arn: None,
    };
    let account = AccountId::parse(OWNER).expect("account");
    let found = KeyRef::of(account, Loaded { version: 1, value: Arc::new(key) });
    Resource::Key(Arc::new(KeyRef { grants: vec![Arc::new(grant)], ..found }))
}
