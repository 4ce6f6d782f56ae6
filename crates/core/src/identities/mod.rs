//! Who exists and what they were granted: accounts, users, groups, roles, policies, and the credentials that they sign
//! with. The operations of IAM and STS stand above it.

pub mod access_key;
pub mod account;
pub mod aws_policies;
pub mod credential_report;
pub mod deletion_task;
pub mod entity;
mod grants;
pub mod group;
pub mod instance_profile;
pub mod key_uses;
pub mod last_accessed_job;
pub mod managed_policy;
pub mod mfa;
pub mod mfa_device;
pub mod oidc_provider;
pub mod organization;
mod organizing;
pub mod policy_text;
mod principals;
pub mod role;
pub mod role_use;
pub mod service_uses;
pub mod session_token;
pub mod signers;
pub mod user;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use strongroom_store::{Batch, Change, Kind, Watcher};
use strongroom_types::{AccountId, Arn, Timestamp};

use self::access_key::AccessKey;
pub use self::access_key::NewKey;
use self::account::Account;
use self::entity::{Entity, key_of_id, name_term};
use self::role::Role;
use self::role_use::RoleUses;
use self::signers::Signer;
use self::user::User;
use crate::documents::{Document, Documents, Loaded};
use crate::error::Error;

/// Signers that are kept ready, about.
const SIGNERS_MAX: usize = 10_000;
/// Documents read at a time.
const PAGE: usize = 1000;
/// Kinds of documents that signers are made of: a change of one of them makes all signers anew. Such changes are rare.
const KINDS: [Kind; 7] = [
    <Account as Document>::KIND,
    <AccessKey as Document>::KIND,
    user::USER,
    group::GROUP,
    role::ROLE,
    managed_policy::MANAGED_POLICY,
    organization::ORGANIZATION,
];

/// Counts the changes of identities and policies.
#[derive(Debug, Default)]
struct Epoch(AtomicU64);

impl Watcher for Epoch {
    fn changed(&self, changes: &[Change<'_>]) {
        if changes.iter().any(|change| KINDS.contains(&change.key.kind)) {
            self.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn missed(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// What a policy names as a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedPrincipal {
    /// Everybody, an account, a session, an id, or somebody of another account.
    Unbound,
    /// A user or role with this unique id.
    Id(String),
    /// A user or role that is not there.
    Absent,
}

/// Accounts, identities and their credentials.
pub struct Identities {
    documents: Arc<Documents>,
    epoch: Arc<Epoch>,
    /// By access key id, or by session token.
    signers: Cache<Box<str>, Arc<Signer>>,
    role_uses: RoleUses,
    key_uses: key_uses::Pending,
}

impl Identities {
    /// Identities kept in `documents`.
    #[must_use]
    pub fn new(documents: Arc<Documents>) -> Self {
        let epoch = Arc::new(Epoch::default());
        documents.store().watch(Arc::clone(&epoch) as Arc<dyn Watcher>);
        Self {
            documents,
            epoch,
            signers: Cache::new(SIGNERS_MAX),
            role_uses: RoleUses::default(),
            key_uses: key_uses::Pending::default(),
        }
    }

    /// The documents underneath.
    #[must_use]
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Grows whenever anything of any identity or policy has changed.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.0.load(Ordering::Acquire)
    }

    /// Draws a long-term access key. It signs nothing until it is stored.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new_key(&self) -> Result<NewKey, Error> {
        NewKey::draw(self.documents.random(), "AKIA")
    }

    /// Creates an account with an access key of its root. Whoever keeps the key for its user should have done so
    /// before: afterwards nobody can read it again.
    ///
    /// # Errors
    /// `Conflict` when the account exists; faults of the store.
    pub async fn create_account(&self, account: &AccountId, new: &NewKey, now: Timestamp) -> Result<(), Error> {
        self.create(Account::new(account.as_str(), now.millis()), account, new).await
    }

    /// As [`Identities::create_account`], for a store that has no account.
    ///
    /// # Errors
    /// `Conflict` when another server was quicker; faults of the store.
    pub async fn create_first_account(&self, account: &AccountId, new: &NewKey, now: Timestamp) -> Result<(), Error> {
        let created = Account { first: true, ..Account::new(account.as_str(), now.millis()) };
        self.create(created, account, new).await
    }

    async fn create(&self, created: Account, account: &AccountId, new: &NewKey) -> Result<(), Error> {
        let mut batch = Batch::named("create_account");
        self.documents.put(&mut batch, None, &Arc::new(created))?;
        self.documents.put(&mut batch, None, &Arc::new(AccessKey::of_root(account.clone(), new)))?;
        self.documents.commit(batch).await
    }

    /// Stores a further access key of the root of an account.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn add_root_key(&self, account: &AccountId, new: &NewKey) -> Result<(), Error> {
        let mut batch = Batch::named("add_root_key");
        self.documents.put(&mut batch, None, &Arc::new(AccessKey::of_root(account.clone(), new)))?;
        self.documents.commit(batch).await
    }

    /// Removes all access keys of the root of an account but one, and tells how many that were.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn remove_root_keys_but(&self, account: &AccountId, kept_key_id: &str) -> Result<usize, Error> {
        let keys = self.root_keys(account).await?;
        let old: Vec<_> = keys.iter().filter(|key| key.value.key_id() != kept_key_id).collect();
        for some in old.chunks(PAGE) {
            let mut batch = Batch::named("remove_root_keys");
            some.iter().for_each(|loaded| self.documents.delete(&mut batch, loaded));
            self.documents.commit(batch).await?;
        }
        Ok(old.len())
    }

    /// The access keys of the root of an account.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn root_keys(&self, account: &AccountId) -> Result<Vec<Loaded<AccessKey>>, Error> {
        let prefix = key_of_id(account.as_str(), "");
        let (mut keys, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.documents.scan::<AccessKey>(&prefix, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(keys) };
            after = Some(last.value.key());
            keys.extend(page.into_iter().filter(|loaded| loaded.value.owner().is_none()));
        }
    }

    /// The accounts, in order.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn accounts(&self) -> Result<Vec<AccountId>, Error> {
        let mut accounts = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.scan::<Account>("", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(accounts) };
            after = Some(last.value.account.clone());
            for loaded in &page {
                let account = AccountId::parse(&loaded.value.account);
                accounts.push(account.map_err(|error| Error::internal(error.to_string()))?);
            }
        }
    }

    /// The account that was made first, which the server calls its own; none in a new store.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn first_account(&self) -> Result<Option<AccountId>, Error> {
        let mut first: Option<(i64, AccountId)> = None;
        for number in self.accounts().await? {
            let Some(account) = self.account(number.as_str()).await? else { continue };
            let created = account.value.created_ms;
            if first.as_ref().is_none_or(|(earliest, _)| created < *earliest) {
                first = Some((created, number));
            }
        }
        Ok(first.map(|(_, number)| number))
    }

    /// An account.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn account(&self, account: &str) -> Result<Option<Loaded<Account>>, Error> {
        self.documents.load::<Account>(account).await
    }

    /// The user, group, role or policy of a name. Case does not matter, as two names never differ by it alone.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn named<E: Entity>(&self, account: &str, name: &str) -> Result<Option<Loaded<E>>, Error> {
        let Some(key) = self.documents.store().find(&name_term::<E>(account, name)).await? else { return Ok(None) };
        let loaded = self.documents.load::<E>(key).await?;
        // Between the two reads another may have taken the name over; and the index is not sealed.
        Ok(loaded.filter(|loaded| loaded.value.name().eq_ignore_ascii_case(name) && loaded.value.account() == account))
    }

    /// The user, group, role or policy of a unique id.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn with_id<E: Entity>(&self, account: &str, id: &str) -> Result<Option<Loaded<E>>, Error> {
        self.documents.load::<E>(key_of_id(account, id)).await
    }

    /// What a policy names by `*`, an account, an id, or an ARN. Users and roles of accounts that are here must be there;
    /// of other accounts nothing is known.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn named_principal(&self, principal: &str) -> Result<NamedPrincipal, Error> {
        let Ok(arn) = Arn::parse(principal) else { return Ok(NamedPrincipal::Unbound) };
        if self.account(&arn.account).await?.is_none() {
            return Ok(NamedPrincipal::Unbound);
        }
        let bound = |id: Option<String>| id.map_or(NamedPrincipal::Absent, NamedPrincipal::Id);
        let (kind, rest) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
        let name = rest.rsplit('/').next().unwrap_or_default();
        Ok(match (arn.service.as_str(), kind) {
            ("iam", "user") => bound(self.with_arn::<User>(principal).await?.map(|user| user.value.id.clone())),
            ("iam", "role") => bound(self.with_arn::<Role>(principal).await?.map(|role| role.value.id.clone())),
            ("sts", "assumed-role") => {
                let role = rest.split('/').next().unwrap_or_default();
                let is_there = !name.is_empty() && self.named::<Role>(&arn.account, role).await?.is_some();
                if is_there { NamedPrincipal::Unbound } else { NamedPrincipal::Absent }
            }
            _ => NamedPrincipal::Unbound,
        })
    }

    /// The unique ids of the users and roles among the principals of a policy, by ARN; the first principal that is not
    /// there as the error.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn bind(
        &self,
        policy: &strongroom_policy::Document,
    ) -> Result<Result<BTreeMap<String, String>, String>, Error> {
        let mut ids = BTreeMap::new();
        for (_, principal) in policy.principals().filter(|(kind, _)| *kind == "AWS") {
            match self.named_principal(principal).await? {
                NamedPrincipal::Unbound => {}
                NamedPrincipal::Id(id) => drop(ids.insert(principal.to_owned(), id)),
                NamedPrincipal::Absent => return Ok(Err(principal.to_owned())),
            }
        }
        Ok(Ok(ids))
    }

    /// The user, group, role or policy of an ARN.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn with_arn<E: Entity>(&self, arn: &str) -> Result<Option<Loaded<E>>, Error> {
        let Some(account) = arn.split(':').nth(4) else { return Ok(None) };
        let Some((_, name)) = arn.rsplit_once('/') else { return Ok(None) };
        let loaded = self.named::<E>(account, name).await?;
        Ok(loaded.filter(|loaded| loaded.value.arn() == arn))
    }
}

#[cfg(test)]
mod tests;
