//! The history of a secret's rotations: an entry for each step that was carried out and each thing that happened to a
//! rotation, the newest [`ENTRIES_MAX`] of them.

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Delete, DocumentKey, Kind};
use strongroom_types::SecretBytes;

use super::job::{Job, Step, job_key};
use super::{NextWindow, Purpose};
use crate::documents::{Document, Documents, Loaded, from_json_body, json_body};
use crate::error::Error;
use crate::secrets::model::Secret;

/// Kind of the documents of this module.
pub const ROTATION_ENTRY: Kind = Kind("rotation-entry");
/// Entries that are kept of a secret.
pub const ENTRIES_MAX: u64 = 100;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Happened {
    /// A rotation or test began.
    Began,
    /// A step was carried out.
    StepSucceeded {
        /// Which.
        step: Step,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: Step,
        /// Why, in the words of the function or of who runs it.
        reason: String,
    },
    /// It was completed.
    Succeeded,
    /// A window passed in which nothing could be begun, such as while no server ran.
    Missed {
        /// How many windows passed, the one of this entry included.
        windows: u64,
    },
    /// It could not begin.
    Refused {
        /// Why.
        reason: String,
    },
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The key of the job that it belongs to.
    pub job: String,
    /// Its number: grows by one with each of a job.
    pub number: u64,
    /// When it ended, in ms since the epoch.
    pub at_ms: i64,
    /// How long it took, in ms.
    pub took_ms: i64,
    /// What the run was for.
    pub purpose: Purpose,
    /// The version that the run makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_arn: Option<String>,
    /// The window that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<NextWindow>,
    /// What happened.
    #[serde(flatten)]
    pub happened: Happened,
    /// The last of what the function wrote, without the secret's values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_tail: Option<String>,
}

impl Document for HistoryEntry {
    const KIND: Kind = ROTATION_ENTRY;
    const CACHED: bool = false;

    fn key(&self) -> String {
        entry_key(&self.job, self.number)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ROTATION_ENTRY, body)
    }
}

fn entry_key(job: &str, number: u64) -> String {
    format!("{job}:{number:016x}")
}

/// Adds an entry to `batch` behind those of `job`, which counts it, and lets the oldest go.
///
/// # Errors
/// When it cannot be sealed.
pub fn add(documents: &Documents, batch: &mut Batch, job: &mut Job, mut entry: HistoryEntry) -> Result<(), Error> {
    entry.number = job.entries;
    entry.job = job.key();
    documents.put(batch, None, &std::sync::Arc::new(entry))?;
    if let Some(oldest) = job.entries.checked_sub(ENTRIES_MAX) {
        let key = DocumentKey::new(ROTATION_ENTRY, entry_key(&job.key(), oldest));
        batch.deletes.push(Delete { key, expected: 1 });
    }
    job.entries += 1;
    Ok(())
}

/// The history of a secret, the oldest entry first.
///
/// # Errors
/// Faults of the store.
pub async fn of(documents: &Documents, secret: &Secret) -> Result<Vec<Loaded<HistoryEntry>>, Error> {
    let prefix = job_key(secret) + ":";
    let entries = usize::try_from(ENTRIES_MAX).unwrap_or(usize::MAX);
    documents.scan::<HistoryEntry>(&prefix, None, entries).await
}

/// Adds to `batch` the removal of a secret's job and history.
///
/// # Errors
/// Faults of the store.
pub async fn forget(documents: &Documents, batch: &mut Batch, secret: &Secret) -> Result<(), Error> {
    if let Some(job) = documents.load::<Job>(job_key(secret)).await? {
        documents.delete(batch, &job);
        of(documents, secret).await?.iter().for_each(|entry| documents.delete(batch, entry));
    }
    Ok(())
}
