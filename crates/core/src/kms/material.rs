//! Key material: made, wrapped by the root of trust, unwrapped for use.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strongroom_crypto::digest::{MacKey, hex};
use strongroom_crypto::{Context, Keyring, Sealed, aead};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::kms::KeySpec;

use super::Kms;
use super::key::{Key, Material};
use super::refusals;
use crate::error::Error;

/// What the material of a key is bound to.
pub(super) fn context(account: &str, region: &str, key_id: &str) -> Context {
    Context::new("key material").field(account).field(region).field(key_id)
}

/// A name for a material that says nothing about it: 64 hexadecimal digits.
#[must_use]
pub(super) fn material_id(material: &SecretBytes) -> String {
    let tag = MacKey::new(material.expose()).tag(b"strongroom key material v1");
    hex(&tag)
}

/// The length of the material of a symmetric or HMAC key, in bytes.
#[must_use]
pub(super) const fn fresh_len(spec: KeySpec) -> usize {
    match spec {
        KeySpec::Hmac224 => 28,
        KeySpec::Hmac384 => 48,
        KeySpec::Hmac512 => 64,
        _ => aead::KEY_LEN,
    }
}

impl Kms {
    /// Fresh material for a symmetric or HMAC key.
    ///
    /// # Errors
    /// When the random source fails.
    pub(super) fn fresh(&self, spec: KeySpec) -> Result<SecretBytes, Error> {
        let mut bytes = vec![0; fresh_len(spec)];
        self.documents.random().fill(&mut bytes)?;
        Ok(SecretBytes::new(bytes))
    }

    /// A material of `key` as it is stored.
    ///
    /// # Errors
    /// When the root of trust cannot wrap it.
    pub(super) fn wrapped(&self, key: &Key, material: &SecretBytes, now: Timestamp) -> Result<Material, Error> {
        let wrapped = self
            .root
            .wrap(self.documents.random(), &context(&key.account, &key.region, &key.key_id), material)
            .map_err(|error| Error::internal(format!("cannot wrap a key: {error}")))?;
        Ok(Material {
            id: material_id(material),
            since_ms: now.millis(),
            by: None,
            expires_ms: None,
            description: None,
            wrapped: Some(STANDARD.encode(wrapped.as_bytes())),
            public: None,
        })
    }

    /// The plain bytes of a material.
    ///
    /// # Errors
    /// KMSInvalidState when it is not there; faults when the root cannot unwrap it.
    pub(super) fn unwrapped(&self, key: &Key, material: &Material) -> Result<SecretBytes, Error> {
        let Some(wrapped) = &material.wrapped else {
            return Err(refusals::pending_import(key));
        };
        let bytes = STANDARD.decode(wrapped).map_err(|_| Error::internal("a stored key does not read"))?;
        self.root
            .unwrap(&context(&key.account, &key.region, &key.key_id), &Sealed::from_storage(bytes)?)
            .map_err(|error| Error::internal(format!("cannot unwrap a key: {error}")))
    }

    /// The ring of a symmetric key: the newest material seals, all open. Kept beside the key's document in memory.
    ///
    /// # Errors
    /// As [`Kms::unwrapped`].
    pub(crate) fn ring(&self, key: &Key) -> Result<Arc<Keyring>, Error> {
        if let Some(ring) = key.ring.0.get() {
            return Ok(Arc::clone(ring));
        }
        let materials =
            key.materials_there().map(|material| self.unwrapped(key, material)).collect::<Result<Vec<_>, Error>>()?;
        let ring = Keyring::new(&materials).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Arc::clone(key.ring.0.get_or_init(|| Arc::new(ring))))
    }
}
