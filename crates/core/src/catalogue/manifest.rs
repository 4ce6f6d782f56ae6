//! What is known of a backup, and that one was restored: sealed under the root of trust, each bound to its name.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Random, RootOfTrust};
use strongroom_types::Timestamp;

use super::{BackupKind, BackupName};
use crate::backup::{BackupError, OpeningReader, SealingWriter};

/// Bytes of a sealed manifest or proof, at most.
pub(crate) const SEALED_BYTES_MAX: usize = 256 * 1024;

/// What is known of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Whether it stands by itself.
    pub kind: BackupKind,
    /// The name of the one that it builds on.
    pub builds_on: Option<String>,
    /// When it was taken.
    pub taken_ms: i64,
    /// How long that took.
    pub took_ms: i64,
    /// The first account of the store.
    pub account: String,
    /// Commits that the store's ledger counted.
    pub commits: u64,
    /// Documents that the store held.
    pub documents: u64,
    /// Length of the sealed object.
    pub object_bytes: u64,
    /// SHA-256 of the sealed object, in hexadecimal.
    pub object_sha256: String,
    /// Length of what is sealed in it.
    pub plain_bytes: u64,
    /// The release that took it.
    pub release: String,
}

impl Manifest {
    /// When it was taken.
    #[must_use]
    pub fn taken(&self) -> Timestamp {
        Timestamp::from_millis(self.taken_ms)
    }

    /// Its name, when it is one.
    #[must_use]
    pub fn backup_name(&self) -> Option<BackupName> {
        BackupName::parse(&self.name)
    }

    /// The name of the one that it builds on, when that is one.
    #[must_use]
    pub fn base(&self) -> Option<BackupName> {
        self.builds_on.as_deref().and_then(BackupName::parse)
    }
}

/// That a backup was restored and held against what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The backup's name.
    pub name: String,
    /// When the restore had succeeded.
    pub proven_ms: i64,
    /// How long it took.
    pub took_ms: i64,
    /// Documents that were opened.
    pub documents: u64,
    /// Documents that the live store had in the same state, and that were the same.
    pub compared: u64,
}

/// A sealed manifest.
///
/// # Errors
/// When the root of trust or the cipher library fails.
pub fn seal_manifest(
    root: &dyn RootOfTrust,
    random: Arc<dyn Random>,
    manifest: &Manifest,
) -> Result<Vec<u8>, BackupError> {
    seal(root, random, manifest)
}

/// The manifest that is sealed in what stands beside the backup `name`.
///
/// # Errors
/// When it was altered, hangs on another root, or is another backup's.
pub fn open_manifest(root: &dyn RootOfTrust, name: &BackupName, sealed: &[u8]) -> Result<Manifest, BackupError> {
    let manifest: Manifest = open(root, sealed)?;
    let is_its_own = manifest.name == name.as_str() && manifest.kind == name.kind() && manifest.taken() == name.taken();
    let builds_well = match manifest.kind {
        BackupKind::Full => manifest.builds_on.is_none(),
        BackupKind::Increment => manifest.base().is_some_and(|base| base < *name),
    };
    if is_its_own && builds_well { Ok(manifest) } else { Err(BackupError::Format) }
}

/// A sealed proof.
///
/// # Errors
/// When the root of trust or the cipher library fails.
pub fn seal_proof(root: &dyn RootOfTrust, random: Arc<dyn Random>, proof: &Proof) -> Result<Vec<u8>, BackupError> {
    seal(root, random, proof)
}

/// The proof that is sealed in what stands beside the backup `name`.
///
/// # Errors
/// When it was altered, hangs on another root, or is another backup's.
pub fn open_proof(root: &dyn RootOfTrust, name: &BackupName, sealed: &[u8]) -> Result<Proof, BackupError> {
    let proof: Proof = open(root, sealed)?;
    if proof.name == name.as_str() { Ok(proof) } else { Err(BackupError::Format) }
}

/// Each form has members that the other lacks, so that neither is taken for the other.
fn seal<T: Serialize>(root: &dyn RootOfTrust, random: Arc<dyn Random>, told: &T) -> Result<Vec<u8>, BackupError> {
    let text = serde_json::to_vec(told).map_err(|_| BackupError::Format)?;
    let mut sealing = SealingWriter::begin(root, random, Vec::new())?;
    sealing.write_all(&text)?;
    sealing.finish()
}

fn open<T: DeserializeOwned>(root: &dyn RootOfTrust, sealed: &[u8]) -> Result<T, BackupError> {
    if sealed.len() > SEALED_BYTES_MAX {
        return Err(BackupError::Format);
    }
    let mut text = Vec::new();
    // It is in memory: what cannot be read is not authentic.
    OpeningReader::begin(root, sealed)?.read_to_end(&mut text).map_err(|_| BackupError::Damaged(0))?;
    serde_json::from_slice(&text).map_err(|_| BackupError::Format)
}
