//! A key as it is stored: its attributes, its policy and its material, wrapped by the root of trust.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use strongroom_crypto::Keyring;
use strongroom_crypto::asymmetric::PrivateKey;
use strongroom_store::{Index, Kind, Term};
use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::kms::{KeySpec, KeyState, KeyUsageType, OriginType};

use super::named;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;
use crate::identities::policy_text::PolicyText;

/// Kind of the documents of keys.
pub const KEY: Kind = Kind("kms-customer-key");
/// Index of the ends of waiting periods before deletion.
pub const BY_PURGE: Index = Index("kms-key-purge");
/// Index of the dates of the next automatic rotation.
pub const BY_ROTATION: Index = Index("kms-key-rotation");
/// Index of the ends of imported material.
pub const BY_EXPIRY: Index = Index("kms-key-expiry");
/// How records name the type of a key.
pub const KEY_KIND: &str = "AWS::KMS::Key";

/// A KMS key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    /// The account that owns it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// The partition of that region.
    pub partition: String,
    /// Its id: a UUID, or `mrk-` and 32 digits for a multi-Region key.
    pub key_id: String,
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
    /// What kind of material it has.
    #[serde(with = "named")]
    pub spec: KeySpec,
    /// What it may be used for.
    #[serde(with = "named")]
    pub usage: KeyUsageType,
    /// Where its material comes from.
    #[serde(with = "named")]
    pub origin: OriginType,
    /// Whether a service made it and alone may use it.
    #[serde(default)]
    pub is_aws_managed: bool,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// Whether it can be used.
    pub standing: Standing,
    /// Its key policy.
    pub policy: PolicyText,
    /// Tags in the order they were first set.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// Names of the aliases that lead to it, with `alias/`.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// How many grants it has.
    #[serde(default)]
    pub grants: u32,
    /// Its material, newest first: the first encrypts, all decrypt.
    pub materials: Vec<Material>,
    /// Imported material that a rotation on demand will put in front.
    #[serde(default)]
    pub pending: Option<Material>,
    /// Automatic rotation, when it is on.
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// The unwrapped ring, made when it is first needed and kept as long as this document is at hand.
    #[serde(skip)]
    pub(super) ring: Ring,
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It can.
    Enabled,
    /// Somebody disabled it.
    Disabled,
    /// It waits for its deletion.
    PendingDeletion {
        /// When it was asked for, in ms since the epoch.
        requested_ms: i64,
        /// When it is deleted, in ms since the epoch.
        due_ms: i64,
    },
}

/// One key material.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Material {
    /// Its id: 64 hexadecimal digits that tell two materials apart and nothing else.
    pub id: String,
    /// Since when the key has it, in ms since the epoch.
    pub since_ms: i64,
    /// What brought it, if not the key's creation.
    #[serde(default)]
    pub by: Option<RotatedBy>,
    /// When imported material expires, in ms since the epoch.
    #[serde(default)]
    pub expires_ms: Option<i64>,
    /// The description that it was imported with.
    #[serde(default)]
    pub description: Option<String>,
    /// Wrapped by the root of trust, in base64; absent when imported material was deleted or is still to come.
    #[serde(default)]
    pub wrapped: Option<String>,
    /// The public half of an asymmetric key, as an X.509 SubjectPublicKeyInfo in base64.
    #[serde(default)]
    pub public: Option<String>,
}

/// What brought a new material.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotatedBy {
    /// Its time.
    Period,
    /// RotateKeyOnDemand.
    Demand,
}

/// Automatic rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// Days between two rotations.
    pub period_days: i32,
    /// When the next one is due, in ms since the epoch.
    pub next_ms: i64,
}

/// A key's unwrapped ring, or its private half. A copy of a key has none: what changes in it may be the material.
#[derive(Default)]
pub(super) struct Ring(pub(super) OnceLock<Arc<Keyring>>, pub(super) OnceLock<Arc<PrivateKey>>);

impl Clone for Ring {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.get().is_some() || self.1.get().is_some() { "Ring(open)" } else { "Ring(closed)" })
    }
}

impl Material {
    /// Whether it is there and has not expired.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.wrapped.is_some() && self.expires_ms.is_none_or(|end| now.millis() < end)
    }
}

impl Key {
    /// The ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        let Self { partition, region, account, key_id, .. } = self;
        ["arn:", partition, ":kms:", region, ":", account, ":key/", key_id].concat()
    }

    /// The ARN of one of its aliases, or of any name in its account and region.
    #[must_use]
    pub fn alias_arn(&self, alias: &str) -> String {
        let Self { partition, region, account, .. } = self;
        ["arn:", partition, ":kms:", region, ":", account, ":", alias].concat()
    }

    /// The state that AWS shows.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        match self.standing {
            Standing::PendingDeletion { .. } => KeyState::PendingDeletion,
            // One material less, and something that it encrypted would not be decrypted.
            _ if self.materials.is_empty() || !self.materials.iter().all(|material| material.is_usable(now)) => {
                KeyState::PendingImport
            }
            Standing::Enabled => KeyState::Enabled,
            Standing::Disabled => KeyState::Disabled,
        }
    }

    /// The material that is there, newest first: what its ring is made of.
    pub fn materials_there(&self) -> impl Iterator<Item = &Material> {
        self.materials.iter().filter(|material| material.wrapped.is_some())
    }

    /// The id of the material that a symmetric key encrypts with.
    #[must_use]
    pub fn current_material_id(&self) -> Option<String> {
        let current = self.materials.first().filter(|_| self.spec == KeySpec::SymmetricDefault)?;
        Some(current.id.clone())
    }

    /// Whether it is a multi-Region key.
    #[must_use]
    pub fn is_multi_region(&self) -> bool {
        self.key_id.starts_with("mrk-")
    }

    /// Whether its waiting period is over: it is as good as gone.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.standing, Standing::PendingDeletion { due_ms, .. } if due_ms <= now.millis())
    }
}

#[cfg(test)]
impl Key {
    /// A symmetric key without material, for tests of who may use it.
    pub(crate) fn for_tests(account: &str, policy: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: "us-east-1".to_owned(),
            partition: "aws".to_owned(),
            key_id: "1234abcd-12ab-34cd-56ef-1234567890ab".to_owned(),
            created_ms: 0,
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsageType::EncryptDecrypt,
            origin: OriginType::AwsKms,
            is_aws_managed: false,
            description: String::new(),
            standing: Standing::Enabled,
            policy: PolicyText::new(policy),
            tags: Vec::new(),
            aliases: Vec::new(),
            grants: 0,
            materials: Vec::new(),
            pending: None,
            rotation: None,
            ring: Ring::default(),
        }
    }
}

/// The key of a key's document.
#[must_use]
pub fn document_key(account: &str, region: &str, key_id: &str) -> String {
    [account, ":", region, ":", key_id].concat()
}

impl Document for Key {
    const KIND: Kind = KEY;

    fn key(&self) -> String {
        document_key(&self.account, &self.region, &self.key_id)
    }

    fn terms(&self) -> Vec<Term> {
        let mut terms = Vec::new();
        match (self.standing, self.rotation) {
            (Standing::PendingDeletion { due_ms, .. }, _) => terms.push(Term::new(BY_PURGE, instant(due_ms))),
            // One that is disabled does not rotate, however long it is due: nothing waits behind it.
            (Standing::Enabled, Some(rotation)) => terms.push(Term::new(BY_ROTATION, instant(rotation.next_ms))),
            _ => {}
        }
        let there = self.materials_there().chain(&self.pending);
        let first = there.filter_map(|material| material.expires_ms).min();
        terms.extend(first.map(|end_ms| Term::new(BY_EXPIRY, instant(end_ms))));
        terms
    }

    fn decoded_bytes(&self, body_bytes: u64) -> u64 {
        let policy = u64::try_from(self.policy.memory_bytes_about()).unwrap_or(u64::MAX);
        body_bytes.saturating_mul(2).saturating_add(policy)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(KEY, body)
    }
}

/// An instant as text that sorts as the instants do.
#[must_use]
pub fn instant(ms: i64) -> String {
    format!("{:012x}", ms.max(0))
}
