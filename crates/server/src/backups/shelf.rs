//! Backups at a place: which there are, by what stands there alone, and how one gets there and away.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_core::backup::BackupError;
use strongroom_core::catalogue::{
    BackupKind, BackupName, Kept, Manifest, Object, Proof, chain, object, open_manifest, open_proof, seal_manifest,
    seal_proof,
};
use strongroom_crypto::{Random, RootOfTrust};
use strongroom_places::{Content, Place, PlaceError};
use strongroom_types::Timestamp;

use super::BackupsError;

/// Bytes of a sealed manifest or proof, at most.
const SEALED_BYTES_MAX: u64 = 256 * 1024;
/// What belongs to no backup is left alone for so long: it may be on its way.
const STRAY_MS: i64 = 86_400_000;

/// The backups at a place.
pub struct Shelf {
    place: Arc<dyn Place>,
    root: Arc<dyn RootOfTrust>,
    random: Arc<dyn Random>,
    /// Manifests that were opened before: they do not change, and a root may be far away.
    opened: Mutex<BTreeMap<BackupName, Manifest>>,
}

/// A backup at the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelved {
    /// What is known of it.
    pub manifest: Manifest,
    /// Its last proven restore.
    pub proof: Option<Proof>,
}

/// What is at the place.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The backups, the oldest first.
    pub backups: BTreeMap<BackupName, Shelved>,
    /// Backups that are not what they should be, and why.
    pub faults: BTreeMap<BackupName, String>,
    /// Proofs, by the backup, the newest last.
    proofs: BTreeMap<BackupName, Vec<Timestamp>>,
    /// Objects that belong to no backup, with when they were made by their names.
    strays: Vec<(String, Timestamp)>,
}

impl Listing {
    /// The backups as retention sees them.
    #[must_use]
    pub fn kept(&self) -> BTreeMap<BackupName, Kept> {
        let kept = |shelved: &Shelved| Kept {
            base: shelved.manifest.base(),
            proven: shelved.proof.as_ref().map(|proof| Timestamp::from_millis(proof.proven_ms)),
        };
        self.backups.iter().map(|(name, shelved)| (name.clone(), kept(shelved))).collect()
    }

    /// The backups that a restore of `name` needs, the full one first; none when one of them is missing.
    #[must_use]
    pub fn chain(&self, name: &BackupName) -> Option<Vec<Manifest>> {
        let names = chain(&self.kept(), name)?;
        names.iter().map(|name| Some(self.backups.get(name)?.manifest.clone())).collect()
    }

    /// The newest backup that can be restored, taken at `until` or before.
    #[must_use]
    pub fn newest(&self, until: Option<Timestamp>) -> Option<&BackupName> {
        let kept = self.kept();
        let is_in_time = |name: &&BackupName| until.is_none_or(|until| name.taken() <= until);
        self.backups.keys().rev().filter(is_in_time).find(|name| chain(&kept, name).is_some())
    }

    /// When the newest backup was taken, and the newest full one.
    #[must_use]
    pub fn newest_ms(&self) -> (Option<i64>, Option<i64>) {
        let taken = |shelved: &Shelved| shelved.manifest.taken_ms;
        let newest = self.newest(None).and_then(|name| self.backups.get(name)).map(taken);
        let is_full = |shelved: &&Shelved| shelved.manifest.kind == BackupKind::Full;
        (newest, self.backups.values().rev().find(is_full).map(taken))
    }
}

impl Shelf {
    /// The backups at `place`, under `root`.
    #[must_use]
    pub fn new(place: Arc<dyn Place>, root: Arc<dyn RootOfTrust>, random: Arc<dyn Random>) -> Self {
        Self { place, root, random, opened: Mutex::default() }
    }

    /// Where they are, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.place.describe()
    }

    /// The root of trust that they hang on.
    pub(super) fn root(&self) -> &Arc<dyn RootOfTrust> {
        &self.root
    }

    /// Looks what is there.
    ///
    /// # Errors
    /// When the place cannot be asked. What is wrong with single backups is in the answer.
    pub async fn list(&self) -> Result<Listing, BackupsError> {
        let mut listing = Listing::default();
        let mut objects = BTreeMap::new();
        let mut manifests = Vec::new();
        for entry in self.place.list().await? {
            match object(&entry.name) {
                Some(Object::Backup(name)) => drop(objects.insert(name, entry.bytes)),
                Some(Object::Manifest(name)) => manifests.push(name),
                Some(Object::Proof(name, at)) => listing.proofs.entry(name).or_default().push(at),
                None => {}
            }
        }
        for name in manifests {
            let Some(bytes) = objects.remove(&name) else {
                listing.faults.insert(name.clone(), format!("{name}: only its manifest is there"));
                continue;
            };
            let manifest = match self.manifest(&name).await {
                Ok(manifest) if manifest.object_bytes == bytes => manifest,
                Ok(manifest) => {
                    let fault = format!("{name}: it has {bytes} bytes in place of {}", manifest.object_bytes);
                    listing.faults.insert(name, fault);
                    continue;
                }
                // The place does not answer any more, or the root of trust does not.
                Err(error) if !error.is_of_content() => return Err(error),
                Err(error) => {
                    listing.faults.insert(name.clone(), format!("{name}: its manifest: {error}"));
                    continue;
                }
            };
            let proof = match listing.proofs.get(&name).and_then(|proofs| proofs.iter().max()) {
                Some(at) => self.proof(&name, *at).await?,
                None => None,
            };
            listing.backups.insert(name, Shelved { manifest, proof });
        }
        listing.strays.extend(objects.into_keys().map(|name| (name.backup(), name.taken())));
        for (name, proofs) in &listing.proofs {
            if !listing.backups.contains_key(name) && !listing.faults.contains_key(name) {
                listing.strays.extend(proofs.iter().map(|at| (name.proof(*at), *at)));
            }
        }
        Ok(listing)
    }

    async fn manifest(&self, name: &BackupName) -> Result<Manifest, BackupsError> {
        if let Some(known) = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(known.clone());
        }
        let sealed = self.place.read(&name.manifest(), SEALED_BYTES_MAX).await?;
        let own = name.clone();
        let manifest = self.with_root(move |root, _| open_manifest(root, &own, &sealed)).await?;
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), manifest.clone());
        Ok(manifest)
    }

    /// The proof of that time; none when it is not authentic: then nothing was proven.
    async fn proof(&self, name: &BackupName, at: Timestamp) -> Result<Option<Proof>, BackupsError> {
        let sealed = self.place.read(&name.proof(at), SEALED_BYTES_MAX).await?;
        let own = name.clone();
        match self.with_root(move |root, _| open_proof(root, &own, &sealed)).await {
            Ok(proof) => Ok((proof.proven_ms == at.millis()).then_some(proof)),
            Err(error) if error.is_of_content() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Roots may block.
    pub(super) async fn with_root<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn RootOfTrust, Arc<dyn Random>) -> Result<T, BackupError> + Send + 'static,
    ) -> Result<T, BackupsError> {
        let (root, random) = (Arc::clone(&self.root), Arc::clone(&self.random));
        let done = tokio::task::spawn_blocking(move || work(root.as_ref(), random)).await;
        Ok(done.map_err(|error| BackupsError::Fault(error.to_string()))??)
    }

    /// Puts a sealed backup there, from a file, and its manifest behind it: the manifest makes it one.
    ///
    /// # Errors
    /// When the place or the root of trust fails. There may be an object without a manifest then, which goes later.
    pub async fn put(&self, manifest: &Manifest, sealed: &Path) -> Result<(), BackupsError> {
        let name = manifest.backup_name().ok_or_else(|| BackupsError::Fault("a manifest without a name".to_owned()))?;
        let own = manifest.clone();
        let beside = self.with_root(move |root, random| seal_manifest(root, random, &own)).await?;
        let put = self.place.put(&name.backup(), Content::File(sealed)).await;
        let put = match put {
            Ok(()) => self.place.put(&name.manifest(), Content::Bytes(&beside)).await,
            failed => failed,
        };
        if put.is_err() {
            // What cannot be removed now is a stray, which goes later.
            let _ = self.place.delete(&name.backup()).await;
        }
        Ok(put?)
    }

    /// Writes down beside a backup that it was restored.
    ///
    /// # Errors
    /// When the place or the root of trust fails.
    pub async fn prove(&self, proof: &Proof, listing: &Listing) -> Result<(), BackupsError> {
        let name = BackupName::parse(&proof.name);
        let name = name.ok_or_else(|| BackupsError::Fault("a proof without a name".to_owned()))?;
        let own = proof.clone();
        let sealed = self.with_root(move |root, random| seal_proof(root, random, &own)).await?;
        let at = Timestamp::from_millis(proof.proven_ms);
        self.place.put(&name.proof(at), Content::Bytes(&sealed)).await?;
        for earlier in listing.proofs.get(&name).into_iter().flatten().filter(|earlier| **earlier != at) {
            self.place.delete(&name.proof(*earlier)).await?;
        }
        Ok(())
    }

    /// Removes a backup and all that stands beside it, the manifest first: without it there is no backup.
    ///
    /// # Errors
    /// When the place fails. What is left is a stray, which goes later.
    pub async fn remove(&self, name: &BackupName, listing: &Listing) -> Result<(), BackupsError> {
        self.place.delete(&name.manifest()).await?;
        for at in listing.proofs.get(name).into_iter().flatten() {
            self.place.delete(&name.proof(*at)).await?;
        }
        Ok(self.place.delete(&name.backup()).await?)
    }

    /// Removes what belongs to no backup and has been there for a day.
    ///
    /// # Errors
    /// When the place fails.
    pub async fn remove_strays(&self, listing: &Listing, now: Timestamp) -> Result<(), BackupsError> {
        for (stray, made) in &listing.strays {
            if now.millis().saturating_sub(made.millis()) > STRAY_MS {
                self.place.delete(stray).await?;
            }
        }
        Ok(())
    }

    /// Fetches a backup's object into a file, which may be longer than its manifest says by no byte.
    pub(super) async fn fetch(&self, manifest: &Manifest, to: &Path) -> Result<u64, BackupsError> {
        let name = manifest.backup_name().ok_or_else(|| BackupsError::Fault("a manifest without a name".to_owned()))?;
        match self.place.fetch(&name.backup(), to, manifest.object_bytes).await {
            Err(PlaceError::Size { .. }) => {
                Err(BackupsError::Unproven(format!("{name}: it is longer than its manifest says")))
            }
            fetched => Ok(fetched?),
        }
    }
}
