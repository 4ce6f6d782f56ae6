//! The anchor: a small file on other storage than the data's that remembers how far the store has come, so that a whole
//! old store put in its place is noticed when it is opened.
//!
//! Store and anchor know each other by an id. The anchor is written a second after a commit at most; what is put back from
//! within that second is not noticed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use strongroom_crypto::ledger::ANCHOR_BYTES;
use strongroom_crypto::{CryptoError, Sealed, Witness, random};
use strongroom_store::{Engine, StoreError};
use thiserror::Error;

use crate::credentials;

/// Longest wait for the anchor's storage, in seconds.
const WRITE_SECONDS_MAX: u64 = 10;
/// What the note is sealed for.
const PURPOSE: &str = "anchor";

/// Why a store is not opened with its anchor.
#[derive(Debug, Error)]
pub enum AnchorError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Store and anchor do not agree.
    #[error(
        "{path}: {what}. Nothing was changed. If you know that this store is the right one, for instance because you \
         restored it from a backup, run `strongroom anchor renew` with the same --data and --config"
    )]
    Mismatch {
        /// The anchor's file.
        path: PathBuf,
        /// In what they differ.
        what: String,
    },
    /// There is no anchor to join.
    #[error(
        "{0}: the store has no anchor to join: the first server that names one in data.anchor makes it at its start"
    )]
    Nothing(PathBuf),
    /// The store knows an anchor, and none is configured.
    #[error(
        "this store has an anchor, but data.anchor names no file. Name it again, or run `strongroom anchor forget` if the \
         store is to go without"
    )]
    NotConfigured,
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// Sealing failed.
    #[error("{0}")]
    Crypto(#[from] CryptoError),
    /// The note cannot be written down, which is a fault.
    #[error("the anchor's note: {0}")]
    Note(#[from] serde_json::Error),
}

/// What the file says, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    id: [u8; ANCHOR_BYTES],
    /// Commits of the store when it was last written.
    commits: u64,
    /// Written before the store knew of it, which knew this one till then: all zero for none.
    #[serde(default)]
    pending_after: Option<[u8; ANCHOR_BYTES]>,
}

/// How store and anchor stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorStanding {
    /// Commits of the store.
    pub store: u64,
    /// Commits that the anchor knows of.
    pub anchor: u64,
}

/// The anchor of an open store.
pub struct Anchor {
    path: PathBuf,
    store: Arc<dyn Engine>,
    witness: Witness,
    id: [u8; ANCHOR_BYTES],
    /// Commits that the file tells of.
    written: AtomicU64,
    /// The same, held while the file is written.
    writing: Mutex<u64>,
}

impl Anchor {
    /// Holds `store`, whose ledger is kept, against its anchor at `path`; makes the anchor when neither knows of one.
    ///
    /// # Errors
    /// When they do not agree: the store is older than the anchor knows, or another; when either cannot be used.
    pub async fn open(
        path: Option<&Path>,
        store: &Arc<dyn Engine>,
        witness: &Witness,
    ) -> Result<Option<Self>, AnchorError> {
        let ledger = store.ledger().await?;
        let Some(path) = path else {
            return if ledger.anchor().is_some() { Err(AnchorError::NotConfigured) } else { Ok(None) };
        };
        let text = fetch(path)?;
        let note = text.map(|text| opened(path, &text, witness)).transpose()?;
        let note = match (note, ledger.anchor()) {
            (None, None) => return Self::begin(path, store, witness).await.map(Some),
            (None, Some(_)) => return Err(mismatch(path, GONE)),
            // A change of anchors that was cut short: it is carried on below.
            (Some(note), known) if note.pending_after == Some(known.unwrap_or_default()) => note,
            (Some(note), Some(id)) if note.id == id => note,
            (Some(_), _) => return Err(mismatch(path, OTHER)),
        };
        if note.commits > ledger.commits() {
            let (store, anchor) = (ledger.commits(), note.commits);
            return Err(mismatch(path, &older(store, anchor)));
        }
        let anchor = Self::new(path, store, witness, note.id);
        if ledger.anchor() != Some(note.id) {
            store.set_anchor(note.id).await?;
        }
        anchor.write(store.commits())?;
        Ok(Some(anchor))
    }

    /// Makes an anchor anew at `path`, whatever was there: the store as it is now is the right one.
    ///
    /// # Errors
    /// When the file cannot be written, or the store fails.
    pub async fn begin(path: &Path, store: &Arc<dyn Engine>, witness: &Witness) -> Result<Self, AnchorError> {
        let anchor = Self::new(path, store, witness, random::bytes(witness.random())?);
        // Should this end halfway, the note is there and says that the store may not know it yet.
        let ledger = store.ledger().await?;
        let pending_after = Some(ledger.anchor().unwrap_or_default());
        save(path, witness, &Note { id: anchor.id, commits: ledger.commits(), pending_after })?;
        store.set_anchor(anchor.id).await?;
        anchor.write(store.commits())?;
        Ok(anchor)
    }

    /// Makes the file at `path` of the anchor that the store has already: for one more server on a store that several share,
    /// each of which has the anchor on storage of its own.
    ///
    /// # Errors
    /// When the store has none, is older than the file knows, or the file cannot be written.
    pub async fn join(path: &Path, store: &Arc<dyn Engine>, witness: &Witness) -> Result<Self, AnchorError> {
        let ledger = store.ledger().await?;
        let Some(id) = ledger.anchor() else {
            return Err(AnchorError::Nothing(path.to_owned()));
        };
        // One that another server has renewed is joined anew. Of the same one, what it knows already is not forgotten.
        let known = fetch(path)?.map(|text| opened(path, &text, witness)).transpose()?.filter(|note| note.id == id);
        if let Some(note) = known.filter(|note| note.commits > ledger.commits()) {
            let (store, anchor) = (ledger.commits(), note.commits);
            return Err(mismatch(path, &older(store, anchor)));
        }
        let anchor = Self::new(path, store, witness, id);
        anchor.write(ledger.commits())?;
        Ok(anchor)
    }

    fn new(path: &Path, store: &Arc<dyn Engine>, witness: &Witness, id: [u8; ANCHOR_BYTES]) -> Self {
        let (store, witness) = (Arc::clone(store), witness.clone());
        Self { path: path.to_owned(), store, witness, id, written: AtomicU64::new(0), writing: Mutex::new(0) }
    }

    /// Writes down how far the store has come, when it has: by what this process wrote, not by what the disk says now. Waits
    /// for the file's storage as long as [`WRITE_SECONDS_MAX`]; a write that takes longer goes on beside.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn keep_up(self: &Arc<Self>) -> Result<(), AnchorError> {
        let commits = self.store.commits();
        if commits <= self.written.load(Ordering::SeqCst) {
            return Ok(());
        }
        let anchor = Arc::clone(self);
        let writing = tokio::task::spawn_blocking(move || anchor.write(commits));
        match tokio::time::timeout(Duration::from_secs(WRITE_SECONDS_MAX), writing).await {
            Ok(Ok(written)) => written,
            Ok(Err(_)) => Err(self.unwritten("the thread that wrote it died")),
            Err(_) => Err(self.unwritten("its storage does not answer")),
        }
    }

    fn unwritten(&self, what: &str) -> AnchorError {
        AnchorError::File { path: self.path.clone(), source: io::Error::other(what.to_owned()) }
    }

    /// Never writes less than it knows.
    fn write(&self, commits: u64) -> Result<(), AnchorError> {
        let mut written = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if commits > *written || *written == 0 {
            save(&self.path, &self.witness, &Note { id: self.id, commits, pending_after: None })?;
            *written = commits;
            self.written.store(commits, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// Has the store go without an anchor, and removes the file at `path`, if any.
///
/// # Errors
/// When the store fails, or the file cannot be removed.
pub async fn forget(path: Option<&Path>, store: &dyn Engine) -> Result<(), AnchorError> {
    // The file first: cut short in between, the store still has an anchor, which is then gone, and this can be done again.
    if let Some(path) = path {
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(AnchorError::File { path: path.to_owned(), source });
            }
            _ => {}
        }
    }
    Ok(store.set_anchor([0; ANCHOR_BYTES]).await?)
}

/// How `store`, whose ledger is kept, stands to the anchor at `path`, of which [`fetch`] read `text` before the store was
/// copied. Changes nothing.
///
/// # Errors
/// As [`Anchor::open`], but an older store is told and no error.
pub async fn look(
    path: Option<&Path>,
    text: Option<&str>,
    store: &dyn Engine,
    witness: &Witness,
) -> Result<Option<AnchorStanding>, AnchorError> {
    let ledger = store.ledger().await?;
    let Some(path) = path else {
        return if ledger.anchor().is_some() { Err(AnchorError::NotConfigured) } else { Ok(None) };
    };
    match (text.map(|text| opened(path, text, witness)).transpose()?, ledger.anchor()) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(mismatch(path, GONE)),
        (Some(note), known) if known != Some(note.id) && note.pending_after != Some(known.unwrap_or_default()) => {
            Err(mismatch(path, OTHER))
        }
        (Some(note), _) => Ok(Some(AnchorStanding { store: ledger.commits(), anchor: note.commits })),
    }
}

fn older(store: u64, anchor: u64) -> String {
    format!("the store is older than it was: it counts {store} commits, and its anchor {anchor}")
}

const GONE: &str =
    "the anchor is gone, and the store has one (one more server on a database: `strongroom anchor join`)";
const OTHER: &str = "the anchor is of another store, or of another state of this one (where another server on the same \
                     database renewed it: `strongroom anchor join`)";

fn mismatch(path: &Path, what: &str) -> AnchorError {
    AnchorError::Mismatch { path: path.to_owned(), what: what.to_owned() }
}

/// What stands in the file at `path`; none when there is no file.
///
/// # Errors
/// When it cannot be read.
pub fn fetch(path: &Path) -> Result<Option<String>, AnchorError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AnchorError::File { path: path.to_owned(), source }),
    }
}

fn opened(path: &Path, text: &str, witness: &Witness) -> Result<Note, AnchorError> {
    let note = STANDARD.decode(text.trim()).ok().and_then(|bytes| {
        let plain = witness.open_note(PURPOSE, &Sealed::from_storage(bytes).ok()?).ok()?;
        serde_json::from_slice(&plain).ok()
    });
    note.ok_or_else(|| mismatch(path, "the anchor is of another store, or was altered"))
}

fn save(path: &Path, witness: &Witness, note: &Note) -> Result<(), AnchorError> {
    let sealed = witness.seal_note(PURPOSE, &serde_json::to_vec(note)?)?;
    let text = format!("{}\n", STANDARD.encode(sealed.as_bytes()));
    credentials::replace(path, text.as_bytes()).map_err(|source| AnchorError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use strongroom_core::bootstrap;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_store::{SqliteConfig, SqliteStore};
    use tempfile::TempDir;

    use super::*;
    use crate::tests::root;

    struct Place {
        _home: TempDir,
        path: PathBuf,
        store: Arc<dyn Engine>,
        witness: Witness,
    }

    impl Place {
        async fn new(seed: u64) -> Self {
            let home = TempDir::new().unwrap();
            let store = SqliteStore::open(home.path().join("store"), SqliteConfig::default()).unwrap();
            let store: Arc<dyn Engine> = Arc::new(store);
            let random = Arc::new(SeededRandom::new(seed));
            let ring = bootstrap::keyring(store.as_ref(), root().as_ref(), random.clone(), true).await.unwrap();
            Self { path: home.path().join("anchor.note"), _home: home, store, witness: Witness::new(ring, random) }
        }

        async fn open(&self) -> Result<Option<Anchor>, AnchorError> {
            Anchor::open(Some(&self.path), &self.store, &self.witness).await
        }

        /// What `anchor status` would say.
        async fn standing(&self) -> Result<Option<AnchorStanding>, AnchorError> {
            let text = fetch(&self.path).unwrap();
            look(Some(&self.path), text.as_deref(), self.store.as_ref(), &self.witness).await
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_change_of_anchors_that_was_cut_short_is_carried_on() {
        let place = Place::new(1).await;
        // The first one, and one in place of another.
        for number in [1, 2] {
            let pending_after = Some(place.store.ledger().await.unwrap().anchor().unwrap_or_default());
            let note = Note { id: [number; ANCHOR_BYTES], commits: place.store.commits(), pending_after };
            save(&place.path, &place.witness, &note).unwrap();
            assert!(place.standing().await.unwrap().is_some(), "{number}");
            place.open().await.unwrap();
            assert_eq!(place.store.ledger().await.unwrap().anchor(), Some(note.id));
            place.open().await.unwrap();
        }
        // One that was to follow yet another.
        let note = Note { id: [9; ANCHOR_BYTES], commits: 0, pending_after: Some([8; ANCHOR_BYTES]) };
        save(&place.path, &place.witness, &note).unwrap();
        assert!(place.open().await.is_err() && place.standing().await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_may_go_without_again() {
        let place = Place::new(1).await;
        place.open().await.unwrap();
        // Cut short between the two steps.
        fs::remove_file(&place.path).unwrap();
        assert!(place.open().await.err().unwrap().to_string().contains("the anchor is gone"));
        forget(Some(&place.path), place.store.as_ref()).await.unwrap();
        assert!(Anchor::open(None, &place.store, &place.witness).await.unwrap().is_none());
        place.open().await.unwrap();
        forget(Some(&place.path), place.store.as_ref()).await.unwrap();
        assert!(!place.path.exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_anchors_may_stand_in_one_folder() {
        let (one, other) = (Place::new(1).await, Place::new(2).await);
        let beside = one.path.with_extension("other");
        Anchor::open(Some(&one.path), &one.store, &one.witness).await.unwrap();
        Anchor::open(Some(&beside), &other.store, &other.witness).await.unwrap();
        let names = |path: &Path| fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(names(&one.path), 3, "the store and two notes");
        assert!(Anchor::open(Some(&beside), &one.store, &one.witness).await.is_err());
    }
}
