//! Accounts and the access keys of their roots.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Index, Kind, Term};
use strongroom_types::{AccountId, SecretBytes, SecretText, Timestamp};

use crate::ctx::{Caller, Principal};
use crate::documents::{Document, Documents, Loaded, from_json_body, json_body};
use crate::error::Error;
use crate::trail::record::{IdentityKind, UserIdentity};

/// Kind of the documents of accounts.
const ACCOUNT: Kind = Kind("account");
/// Kind of the documents of access keys.
const ACCESS_KEY: Kind = Kind("access-key");
/// Unique index of access key ids.
const BY_KEY_ID: Index = Index("access-key-id");
/// Letters of an access key id behind its four-letter prefix (RFC 4648 base32).
const KEY_ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters of a secret access key.
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Access key ids whose documents are remembered. An id never moves to another document.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    account: String,
    created_ms: i64,
}

impl Document for Account {
    const KIND: Kind = ACCOUNT;

    fn key(&self) -> String {
        self.account.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ACCOUNT, body)
    }
}

/// An access key as stored: three lines, so that the secret passes through no serializer that would copy it.
#[derive(Clone, Debug)]
pub struct AccessKey {
    caller: Caller,
    key_id: String,
    secret: SecretText,
    /// How records show who signed with it.
    identity: Arc<UserIdentity>,
}

impl AccessKey {
    fn new(account: AccountId, key_id: String, secret: SecretText) -> Self {
        let identity = Arc::new(root_identity(&account, Some(key_id.clone())));
        Self { caller: root(account), key_id, secret, identity }
    }

    /// How records show who signed with it.
    #[must_use]
    pub fn identity(&self) -> &Arc<UserIdentity> {
        &self.identity
    }

    /// Who signs with it.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The secret access key.
    #[must_use]
    pub fn secret(&self) -> &SecretText {
        &self.secret
    }
}

impl Document for AccessKey {
    const KIND: Kind = ACCESS_KEY;

    fn key(&self) -> String {
        format!("{}:{}", self.caller.account, self.key_id)
    }

    fn unique(&self) -> Vec<Term> {
        vec![Term::new(BY_KEY_ID, self.key_id.clone())]
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        let Self { caller: Caller { account, .. }, key_id, secret, .. } = self;
        let account = account.as_str();
        let mut body = Vec::with_capacity(account.len() + key_id.len() + secret.len() + 2);
        body.extend_from_slice(account.as_bytes());
        body.push(b'\n');
        body.extend_from_slice(key_id.as_bytes());
        body.push(b'\n');
        body.extend_from_slice(secret.expose().as_bytes());
        Ok(SecretBytes::new(body))
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        let text = std::str::from_utf8(body.expose()).unwrap_or_default();
        let mut lines = text.splitn(3, '\n');
        match (lines.next(), lines.next(), lines.next()) {
            (Some(account), Some(key_id), Some(secret)) => {
                let account = AccountId::parse(account).map_err(|error| Error::internal(error.to_string()))?;
                Ok(Self::new(account, key_id.to_owned(), SecretText::new(secret.to_owned())))
            }
            _ => Err(Error::internal("a stored access key does not read")),
        }
    }
}

/// A new access key, to be shown once.
#[derive(Debug)]
pub struct NewKey {
    /// The access key id.
    pub key_id: String,
    /// The secret access key.
    pub secret: SecretText,
}

/// Accounts and access keys.
pub struct Identities {
    documents: Arc<Documents>,
    remembered: Cache<Box<str>, Arc<str>>,
}

impl Identities {
    /// Identities kept in `documents`.
    #[must_use]
    pub fn new(documents: Arc<Documents>) -> Self {
        Self { documents, remembered: Cache::new(REMEMBERED_MAX) }
    }

    /// Draws an access key. It signs nothing until it is stored.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new_key(&self) -> Result<NewKey, Error> {
        Ok(NewKey {
            key_id: format!("AKIA{}", self.random_text(KEY_ID_ALPHABET, 16)?.expose()),
            secret: self.random_text(SECRET_ALPHABET, 40)?,
        })
    }

    /// Creates an account with an access key of its root. Whoever keeps the key for its user should have done so
    /// before: afterwards nobody can read it again.
    ///
    /// # Errors
    /// `Conflict` when the account exists; faults of the store.
    pub async fn create_account(&self, account: &AccountId, new: &NewKey, now: Timestamp) -> Result<(), Error> {
        let mut batch = Batch::named("create_account");
        let created = Account { account: account.to_string(), created_ms: now.millis() };
        self.documents.put(&mut batch, None, &Arc::new(created))?;
        let key = AccessKey::new(account.clone(), new.key_id.clone(), new.secret.clone());
        self.documents.put(&mut batch, None, &Arc::new(key))?;
        self.documents.commit(batch).await
    }

    /// Stores a further access key of the root of an account.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn add_root_key(&self, account: &AccountId, new: &NewKey) -> Result<(), Error> {
        let mut batch = Batch::named("add_root_key");
        let key = AccessKey::new(account.clone(), new.key_id.clone(), new.secret.clone());
        self.documents.put(&mut batch, None, &Arc::new(key))?;
        self.documents.commit(batch).await
    }

    /// Removes all access keys of the root of an account but one, and tells how many that were.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn remove_root_keys_but(&self, account: &AccountId, kept_key_id: &str) -> Result<usize, Error> {
        let prefix = format!("{account}:");
        let (mut removed, mut after) = (0, None::<String>);
        loop {
            let page = self.documents.scan::<AccessKey>(&prefix, after.as_deref(), 1000).await?;
            let Some(last) = page.last() else { return Ok(removed) };
            after = Some(last.value.key());
            let is_old = |key: &AccessKey| key.caller.principal == Principal::Root && key.key_id != kept_key_id;
            let old: Vec<_> = page.iter().filter(|loaded| is_old(&loaded.value)).collect();
            if old.is_empty() {
                continue;
            }
            let mut batch = Batch::named("remove_root_keys");
            old.iter().for_each(|loaded| self.documents.delete(&mut batch, loaded));
            self.documents.commit(batch).await?;
            removed += old.len();
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
            let page = self.documents.scan::<Account>("", after.as_deref(), 1000).await?;
            let Some(last) = page.last() else { return Ok(accounts) };
            after = Some(last.value.account.clone());
            for loaded in &page {
                let account = AccountId::parse(&loaded.value.account);
                accounts.push(account.map_err(|error| Error::internal(error.to_string()))?);
            }
        }
    }

    /// The access key of an id. Its version grows when it changes, so that what was derived from the secret is not
    /// used beyond it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn access_key(&self, key_id: &str) -> Result<Option<Loaded<AccessKey>>, Error> {
        let document = match self.remembered.get(key_id) {
            Some(document) => document,
            None => {
                let found = self.documents.store().find(&Term::new(BY_KEY_ID, key_id)).await?;
                let Some(document) = found else { return Ok(None) };
                self.remembered.insert(key_id.into(), Arc::clone(&document));
                document
            }
        };
        self.documents.load::<AccessKey>(document).await
    }

    /// Letters of `alphabet`, whose length is a power of two, so that none is likelier than another.
    fn random_text(&self, alphabet: &[u8], len: usize) -> Result<SecretText, Error> {
        let mut bytes = vec![0_u8; len];
        self.documents.random().fill(&mut bytes)?;
        let letters = bytes.iter().filter_map(|byte| alphabet.get(usize::from(*byte) % alphabet.len()));
        Ok(SecretText::new(letters.map(|letter| char::from(*letter)).collect()))
    }
}

/// The root of an account as a caller.
#[must_use]
pub fn root(account: AccountId) -> Caller {
    let arn = ["arn:aws:iam::", account.as_str(), ":root"].concat().into();
    Caller { account, arn, principal: Principal::Root }
}

/// How records show the root of an account.
#[must_use]
pub fn root_identity(account: &AccountId, access_key_id: Option<String>) -> UserIdentity {
    UserIdentity {
        principal_id: Some(account.to_string()),
        arn: Some(root(account.clone()).arn.to_string()),
        account_id: Some(account.to_string()),
        access_key_id,
        ..UserIdentity::of(IdentityKind::Root)
    }
}

/// A service of this server as a caller, acting in an account.
#[must_use]
pub fn service(account: AccountId) -> Caller {
    Caller { account, arn: "secretsmanager.amazonaws.com".into(), principal: Principal::Service }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Keyring, aead};
    use strongroom_store::MemoryStore;

    use super::*;

    fn identities() -> Identities {
        let random = Arc::new(SeededRandom::new(3));
        let keyring = Keyring::new(&[aead::generate_key(random.as_ref()).expect("key")]).expect("ring");
        Identities::new(Arc::new(Documents::new(Arc::new(MemoryStore::default()), Arc::new(keyring), random, 1 << 20)))
    }

    #[tokio::test]
    async fn only_the_other_keys_of_the_same_account_are_removed() {
        let identities = identities();
        let [one, two] = ["111111111111", "222222222222"].map(|text| AccountId::parse(text).expect("account"));
        let keys: Vec<NewKey> = (0..4).map(|_| identities.new_key().expect("key")).collect();
        identities.create_account(&one, &keys[0], Timestamp::from_seconds(1)).await.expect("created");
        identities.create_account(&two, &keys[1], Timestamp::from_seconds(1)).await.expect("created");
        identities.add_root_key(&one, &keys[2]).await.expect("added");
        identities.add_root_key(&one, &keys[3]).await.expect("added");
        assert!(identities.access_key(&keys[0].key_id).await.expect("read").is_some(), "all work until then");
        assert_eq!(identities.remove_root_keys_but(&one, &keys[3].key_id).await.expect("removed"), 2);
        for (key, there) in keys.iter().zip([false, true, false, true]) {
            assert_eq!(identities.access_key(&key.key_id).await.expect("read").is_some(), there);
        }
    }

    #[test]
    fn the_body_of_an_access_key_is_what_earlier_releases_wrote() {
        let body = SecretBytes::new(b"123456789012\nAKIAEXAMPLE\nthe/secret".to_vec());
        let key = AccessKey::from_body(&body).expect("it reads");
        assert_eq!(key.key(), "123456789012:AKIAEXAMPLE");
        assert_eq!((key.secret().expose(), key.caller().account.as_str()), ("the/secret", "123456789012"));
        assert_eq!(key.to_body().expect("it writes").expose(), body.expose());
    }
}
