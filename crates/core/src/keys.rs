//! Keys that data keys are wrapped under: the default key of each account and region, made on first use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Context, Keyring, RootOfTrust, Sealed, aead};
use strongroom_store::{Batch, Kind};
use strongroom_types::{Region, SecretBytes, Timestamp};

use crate::documents::{Document, Documents, from_json_body, json_body};
use crate::error::Error;
use crate::random_uuid;

/// Kind of the documents of keys.
const KEY: Kind = Kind("kms-key");
/// The alias under which AWS shows the default key of Secrets Manager.
pub const DEFAULT_ALIAS: &str = "alias/aws/secretsmanager";
/// How ListSecretVersionIds names the default key.
pub const DEFAULT_KEY_SHOWN: &str = "DefaultEncryptionKey";

/// A key as it is stored. Its material is wrapped by the root of trust.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    account: String,
    region: String,
    /// The key's own id, a UUID.
    key_id: String,
    created_ms: i64,
    /// Wrapped material in base64, newest first.
    material: Vec<String>,
}

impl StoredKey {
    fn context(&self) -> Context {
        Context::new("key material").field(&self.account).field(&self.region).field(&self.key_id)
    }
}

impl Document for StoredKey {
    const KIND: Kind = KEY;

    fn key(&self) -> String {
        document_key(&self.account, &self.region)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(KEY, body)
    }
}

fn document_key(account: &str, region: &str) -> String {
    [account, ":", region, ":aws/secretsmanager"].concat()
}

/// The keys of all accounts.
pub struct Keys {
    documents: Arc<Documents>,
    root: Arc<dyn RootOfTrust>,
    /// Unwrapped default keys by document key. As many as there are accounts and regions in use.
    open: Mutex<HashMap<String, Arc<Keyring>>>,
}

impl Keys {
    /// Keys kept in `documents`, their material wrapped by `root`.
    #[must_use]
    pub fn new(documents: Arc<Documents>, root: Arc<dyn RootOfTrust>) -> Self {
        Self { documents, root, open: Mutex::new(HashMap::new()) }
    }

    /// The default key of an account in a region; made when it does not exist.
    ///
    /// # Errors
    /// When store or root fail, or the root is not the one that wrapped the key.
    pub async fn default_key(&self, account: &str, region: &str, now: Timestamp) -> Result<Arc<Keyring>, Error> {
        let key = document_key(account, region);
        if let Some(ring) = self.open().get(&key) {
            return Ok(Arc::clone(ring));
        }
        let stored = match self.documents.load::<StoredKey>(key.as_str()).await? {
            Some(loaded) => loaded.value,
            None => self.create(account, region, now).await?,
        };
        let ring = Arc::new(self.unwrap(&stored)?);
        self.open().insert(key, Arc::clone(&ring));
        Ok(ring)
    }

    /// The ARN that policies know the key of a KmsKeyId by. An alias that stands for no key keeps its own ARN.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn arn(&self, key_id: &str, account: &str, region: &Region) -> Result<String, Error> {
        let (partition, region) = (region.partition(), region.as_str());
        let whole = |resource: &str| ["arn:", partition, ":kms:", region, ":", account, ":", resource].concat();
        if names_default(key_id, partition, account, region) {
            let stored = self.documents.load::<StoredKey>(document_key(account, region)).await?;
            return Ok(stored.map_or_else(|| whole(DEFAULT_ALIAS), |key| whole(&format!("key/{}", key.value.key_id))));
        }
        Ok(match key_id {
            arn if arn.starts_with("arn:") => arn.to_owned(),
            alias if alias.starts_with("alias/") => whole(alias),
            id => whole(&format!("key/{id}")),
        })
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Keyring>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn create(&self, account: &str, region: &str, now: Timestamp) -> Result<Arc<StoredKey>, Error> {
        let random = self.documents.random();
        let mut stored = StoredKey {
            account: account.to_owned(),
            region: region.to_owned(),
            key_id: random_uuid(random)?,
            created_ms: now.millis(),
            material: Vec::new(),
        };
        let material = aead::generate_key(random)?;
        let wrapped = self
            .root
            .wrap(random, &stored.context(), &material)
            .map_err(|error| Error::internal(format!("cannot wrap the default key: {error}")))?;
        stored.material.push(STANDARD.encode(wrapped.as_bytes()));
        let stored = Arc::new(stored);
        let mut batch = Batch::named("create_default_key");
        self.documents.put(&mut batch, None, &stored)?;
        match self.documents.commit(batch).await {
            Ok(()) => Ok(stored),
            // Another request made it in the meantime: that one is the key.
            Err(Error::Conflict) => {
                let loaded = self.documents.load::<StoredKey>(document_key(account, region)).await?;
                Ok(loaded.ok_or(Error::Internal("the default key vanished".into()))?.value)
            }
            Err(error) => Err(error),
        }
    }

    fn unwrap(&self, stored: &StoredKey) -> Result<Keyring, Error> {
        let context = stored.context();
        let mut material = Vec::with_capacity(stored.material.len());
        for wrapped in &stored.material {
            let bytes = STANDARD.decode(wrapped).map_err(|_| Error::Internal("a stored key does not read".into()))?;
            let key = self
                .root
                .unwrap(&context, &Sealed::from_storage(bytes)?)
                .map_err(|error| Error::internal(format!("cannot unwrap the default key: {error}")))?;
            material.push(key);
        }
        Keyring::new(&material).map_err(|error| Error::internal(error.to_string()))
    }
}

/// Whether a KmsKeyId names the default key: its alias, or the alias's ARN, in this account and region.
#[must_use]
pub fn names_default(key_id: &str, partition: &str, account: &str, region: &str) -> bool {
    key_id == DEFAULT_ALIAS || key_id == format!("arn:{partition}:kms:{region}:{account}:{DEFAULT_ALIAS}")
}
