//! The catalogue's documents: a backup each, and one that says how the work stands and whose it is now.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Kind};
use strongroom_types::{Clock, SecretBytes, Timestamp};

use super::{BackupName, Manifest, Proof};
use crate::documents::{Document, Documents, Loaded, from_json_body, json_body};
use crate::error::Error;

/// Kind of a backup's document.
const BACKUP: Kind = Kind("backup");
/// Kind of the one document on the work.
const PROGRESS: Kind = Kind("backup-progress");
/// Its key.
const ONLY: &str = "1";
/// How long the work is its taker's, in ms, unless that renews it.
pub const LEASE_MS: i64 = 60_000;
/// Documents read at a time.
const PAGE: usize = 500;

/// A backup in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is known of it.
    pub manifest: Manifest,
    /// Where it is, for people.
    pub place: String,
    /// Its last proven restore.
    pub proof: Option<Proof>,
}

impl Document for Entry {
    const KIND: Kind = BACKUP;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.manifest.name.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(BACKUP, body)
    }
}

/// How the work stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Number of the last lease: each has a higher one.
    fence: u64,
    /// When the present lease ends; none when nobody has it.
    lease_until_ms: Option<i64>,
    /// When the newest backup was taken.
    pub newest_ms: Option<i64>,
    /// When the newest full backup was taken.
    pub newest_full_ms: Option<i64>,
    /// When a backup is tried again after a failure.
    pub backup_again_ms: Option<i64>,
    /// Failures to take a backup since the last success.
    pub backup_failures: u32,
    /// When the last drill ended, whatever came of it.
    pub drilled_ms: Option<i64>,
    /// When a drill is tried again after one that could not be carried out.
    pub drill_again_ms: Option<i64>,
    /// What the last drill found wrong, or why it could not be carried out.
    pub drill_fault: Option<String>,
    /// When the last proven restore was.
    pub proven_ms: Option<i64>,
    /// How long it took.
    pub proven_took_ms: Option<i64>,
    /// When work under a catalogue was begun, from which on backups can be missing.
    pub began_ms: Option<i64>,
}

impl Document for Progress {
    const KIND: Kind = PROGRESS;
    const CACHED: bool = false;

    fn key(&self) -> String {
        ONLY.to_owned()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(PROGRESS, body)
    }
}

/// The right to do the work, until it ends or somebody else has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    fence: u64,
}

/// The catalogue of a store.
pub struct Catalogue {
    documents: Arc<Documents>,
    clock: Arc<dyn Clock>,
}

impl Catalogue {
    /// The catalogue in `documents`.
    #[must_use]
    pub fn new(documents: Arc<Documents>, clock: Arc<dyn Clock>) -> Self {
        Self { documents, clock }
    }

    /// How the work stands.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn progress(&self) -> Result<Progress, Error> {
        Ok(self.stored().await?.map(|stored| Progress::clone(&stored.value)).unwrap_or_default())
    }

    /// All backups, the oldest first.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn entries(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.loaded().await?.into_iter().map(|loaded| Entry::clone(&loaded.value)).collect())
    }

    /// Takes the work if nobody has it: of several nodes that try, one gets it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn take(&self) -> Result<Option<Lease>, Error> {
        let (stored, now) = (self.stored().await?, self.clock.now());
        let mut mine = stored.as_ref().map(|stored| Progress::clone(&stored.value)).unwrap_or_default();
        // A lease that ends later than any could was given under another clock.
        let longest = now.plus_millis(LEASE_MS).millis();
        if mine.lease_until_ms.is_some_and(|until_ms| until_ms > now.millis() && until_ms <= longest) {
            return Ok(None);
        }
        mine.fence += 1;
        mine.lease_until_ms = Some(longest);
        mine.began_ms = mine.began_ms.or(Some(now.millis()));
        let lease = Lease { fence: mine.fence };
        let mut batch = Batch::named("take_backup_work");
        self.documents.put(&mut batch, stored.as_ref(), &Arc::new(mine))?;
        match self.documents.commit(batch).await {
            Ok(()) => Ok(Some(lease)),
            // Somebody was faster.
            Err(Error::Conflict) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Keeps the work for longer. False when somebody else has it by now.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn renew(&self, lease: Lease) -> Result<bool, Error> {
        let until_ms = self.clock.now().plus_millis(LEASE_MS).millis();
        self.change(lease, &[], &[], |progress| progress.lease_until_ms = Some(until_ms)).await
    }

    /// Gives the work back.
    ///
    /// # Errors
    /// Faults of the store; the lease ends by itself then.
    pub async fn give_back(&self, lease: Lease) -> Result<(), Error> {
        self.change(lease, &[], &[], |progress| progress.lease_until_ms = None).await.map(drop)
    }

    /// Writes down what came of the work, in one commit: entries that are new or changed, entries that are gone, and how
    /// the work stands. False, and nothing is written, when somebody else has the work by now.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn change(
        &self,
        lease: Lease,
        entries: &[Entry],
        gone: &[BackupName],
        mut change: impl FnMut(&mut Progress),
    ) -> Result<bool, Error> {
        loop {
            let Some(stored) = self.stored().await?.filter(|stored| stored.value.fence == lease.fence) else {
                return Ok(false);
            };
            let mut batch = Batch::named("keep_backup_catalogue");
            let mut progress = Progress::clone(&stored.value);
            change(&mut progress);
            self.documents.put(&mut batch, Some(&stored), &Arc::new(progress))?;
            for entry in entries {
                let before = self.documents.load::<Entry>(entry.key()).await?;
                if before.as_ref().is_none_or(|before| *before.value != *entry) {
                    self.documents.put(&mut batch, before.as_ref(), &Arc::new(entry.clone()))?;
                }
            }
            for name in gone {
                if let Some(before) = self.documents.load::<Entry>(name.as_str()).await? {
                    self.documents.delete(&mut batch, &before);
                }
            }
            match self.documents.commit(batch).await {
                Ok(()) => return Ok(true),
                Err(Error::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn stored(&self) -> Result<Option<Loaded<Progress>>, Error> {
        self.documents.load::<Progress>(ONLY).await
    }

    async fn loaded(&self) -> Result<Vec<Loaded<Entry>>, Error> {
        let mut found: Vec<Loaded<Entry>> = Vec::new();
        loop {
            let after = found.last().map(|last| last.value.key());
            let page = self.documents.scan::<Entry>("", after.as_deref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            found.extend(page);
            if is_last {
                return Ok(found);
            }
        }
    }
}

impl Progress {
    /// Notes that a backup was taken.
    pub fn succeeded(&mut self, manifest: &Manifest) {
        self.newest_ms = Some(manifest.taken_ms);
        if manifest.kind == super::BackupKind::Full {
            self.newest_full_ms = Some(manifest.taken_ms);
        }
        (self.backup_again_ms, self.backup_failures) = (None, 0);
    }

    /// Notes that no backup could be taken, to be tried again after `pause_ms`.
    pub fn failed(&mut self, now: Timestamp, pause_ms: i64) {
        self.backup_failures = self.backup_failures.saturating_add(1);
        self.backup_again_ms = Some(now.plus_millis(pause_ms).millis());
    }

    /// Notes a proven restore.
    pub fn proven(&mut self, proof: &Proof) {
        self.drilled_ms = Some(proof.proven_ms);
        self.proven_ms = Some(proof.proven_ms);
        self.proven_took_ms = Some(proof.took_ms);
        (self.drill_again_ms, self.drill_fault) = (None, None);
    }

    /// Notes a drill that proved nothing, to be tried again after `pause_ms`.
    pub fn unproven(&mut self, fault: String, now: Timestamp, pause_ms: i64) {
        self.drill_fault = Some(fault);
        self.drill_again_ms = Some(now.plus_millis(pause_ms).millis());
    }
}
