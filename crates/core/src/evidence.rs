//! What makes the trail evidence: the key that signs its digests, and the newest digest, kept in the store, so that the
//! trail's end cannot be cut off unnoticed either.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Kind};
use strongroom_types::{SecretBytes, Timestamp};

use crate::documents::{Document, Documents, Loaded, from_json_body};
use crate::error::Error;
use crate::trail::digests::{Checked, Head, Known, Removed, Signer, check, seal_closed};
use crate::trail::files::SegmentFiles;
use crate::trail::keeping::Keeper;
use crate::trail::segments::Segments;
use crate::trail::{Hour, NodeName, SegmentId};

/// Kind of the documents: one for each server that shares the store, whose name is its key.
const EVIDENCE: Kind = Kind("trail-evidence");
/// Segments that one call seals, at most.
const SEALED_MAX: usize = 24;
/// Servers whose keys are listed, at most.
const SERVERS_MAX: usize = 10_000;

/// The document.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// Whose trail it is of.
    name: NodeName,
    /// The private key, PKCS #8.
    key: SecretBytes,
    known: Known,
}

/// The stored form of a digest that there was: of the newest, and of the newest that was removed.
#[derive(Serialize, Deserialize)]
struct StoredHead {
    number: u64,
    sha256: String,
    hour_ms: i64,
    #[serde(default)]
    part: u32,
}

impl Evidence {
    /// Whose trail it is of.
    pub(crate) fn name(&self) -> &NodeName {
        &self.name
    }
}

/// What a body begins with.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StoredHeads {
    /// Of one of several servers, or of one whose segments were removed.
    Named {
        name: String,
        head: Option<StoredHead>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removed: Option<StoredHead>,
    },
    /// Of the only server.
    Only(Option<StoredHead>),
}

impl Document for Evidence {
    const KIND: Kind = EVIDENCE;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.name.as_str().to_owned()
    }

    /// Name and head in JSON, a line's end, the key.
    fn to_body(&self) -> Result<SecretBytes, Error> {
        let head = self.known.head.as_ref().map(|head| StoredHead::new(head.number, &head.sha256, head.segment));
        let removed = self.known.removed.as_ref();
        let removed = removed.map(|removed| StoredHead::new(removed.number, &removed.sha256, removed.segment));
        let head = match &self.name {
            name if *name == NodeName::only() && removed.is_none() => StoredHeads::Only(head),
            name => StoredHeads::Named { name: name.as_str().to_owned(), head, removed },
        };
        let head = serde_json::to_vec(&head).map_err(|error| Error::internal(format!("cannot write: {error}")))?;
        let mut body = Vec::with_capacity(head.len() + 1 + self.key.len());
        body.extend_from_slice(&head);
        body.push(b'\n');
        body.extend_from_slice(self.key.expose());
        Ok(SecretBytes::new(body))
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        let bytes = body.expose();
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let parts = end.and_then(|end| Some((bytes.get(..end)?, bytes.get(end + 1..)?)));
        let (head, key) = parts.ok_or_else(|| Error::internal("the trail's evidence does not read"))?;
        let (name, head, removed) = match from_json_body(EVIDENCE, &SecretBytes::new(head.to_vec()))? {
            StoredHeads::Named { name, head, removed } => (NodeName::parse(&name), head, removed),
            StoredHeads::Only(head) => (Some(NodeName::only()), head, None),
        };
        let name = name.ok_or_else(|| Error::internal("the trail's evidence names no server"))?;
        let head = head.map(|head| Head { segment: head.segment(), number: head.number, sha256: head.sha256 });
        let removed = removed.map(|at| Removed { segment: at.segment(), number: at.number, sha256: at.sha256 });
        Ok(Self { name, key: SecretBytes::new(key.to_vec()), known: Known { head, removed } })
    }
}

impl StoredHead {
    fn new(number: u64, sha256: &str, segment: SegmentId) -> Self {
        let hour_ms = segment.hour.start().millis();
        Self { number, sha256: sha256.to_owned(), hour_ms, part: segment.part }
    }

    fn segment(&self) -> SegmentId {
        SegmentId { hour: Hour::of(Timestamp::from_millis(self.hour_ms)), part: self.part }
    }
}

/// Makes the digests of a trail, which has one at a time.
pub struct Notary {
    documents: Arc<Documents>,
    segments: Arc<Segments>,
    name: NodeName,
    /// Held by who changes the evidence.
    turn: tokio::sync::Mutex<()>,
}

impl Notary {
    /// The one of the trail in `segments`, which is the server's of this name, and whose key is in `documents`.
    #[must_use]
    pub fn new(documents: Arc<Documents>, segments: Arc<Segments>, name: NodeName) -> Self {
        Self { documents, segments, name, turn: tokio::sync::Mutex::default() }
    }

    /// Makes the key when there is none, and lets nothing be appended to a segment that has its digest already.
    ///
    /// # Errors
    /// When the store or the cipher library fails.
    pub async fn begin(&self) -> Result<(), Error> {
        match self.documents.load::<Evidence>(self.name.as_str()).await? {
            Some(found) => {
                if let Some(head) = &found.value.known.head {
                    self.segments.close_before(head.segment.next());
                }
                Ok(())
            }
            None => {
                let key = Signer::generate()?.to_pkcs8()?;
                let evidence = Evidence { name: self.name.clone(), key, known: Known::default() };
                self.keep(None, evidence).await
            }
        }
    }

    /// Makes the digests that are due at `now`, some of them when there are many. Returns how many.
    ///
    /// # Errors
    /// When store, files or cipher library fail. What is due stays so.
    pub async fn seal_due(&self, now: Timestamp) -> Result<usize, Error> {
        let _turn = self.turn.lock().await;
        for sealed in 0..SEALED_MAX {
            let Some(found) = self.documents.load::<Evidence>(self.name.as_str()).await? else {
                return Err(Error::internal("the trail's key is gone"));
            };
            let (segments, before) = (Arc::clone(&self.segments), Arc::clone(&found.value));
            let made = tokio::task::spawn_blocking(move || {
                let signer = Signer::from_pkcs8(&before.key).map_err(|error| io::Error::other(error.to_string()))?;
                seal_closed(&segments, before.known.head.as_ref(), &signer, now)
            });
            let made = made.await.map_err(|_| Error::internal("the thread that reads the trail died"))?;
            let Some(head) = made.map_err(|error| Error::internal(format!("the trail's digests: {error}")))? else {
                return Ok(sealed);
            };
            let mut after = found.value.as_ref().clone();
            after.known.head = Some(head);
            self.keep(Some(&found), after).await?;
        }
        Ok(SEALED_MAX)
    }

    /// The newest digest; none while there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn head(&self) -> Result<Option<Head>, Error> {
        let found = self.documents.load::<Evidence>(self.name.as_str()).await?;
        Ok(found.and_then(|found| found.value.known.head.clone()))
    }

    /// Compresses one segment that has a digest. Whether there was one.
    ///
    /// # Errors
    /// When store or files fail. The segment stays as it was then.
    pub async fn compress_next(&self, keeper: &Arc<Keeper>) -> Result<bool, Error> {
        let Some(head) = self.head().await? else { return Ok(false) };
        let keeper = Arc::clone(keeper);
        let compressed = aside(move || keeper.compress_next(&head)).await?;
        Ok(compressed.is_some())
    }

    /// Removes the segments that are to be removed at `now`. The store knows of it before, and whoever checks the trail
    /// finds it stated beside the rest. Returns how many there were.
    ///
    /// # Errors
    /// When store, files or cipher library fail. What is left is removed the next time.
    pub async fn remove_due(&self, keeper: &Arc<Keeper>, now: Timestamp) -> Result<usize, Error> {
        let _turn = self.turn.lock().await;
        let Some(found) = self.documents.load::<Evidence>(self.name.as_str()).await? else { return Ok(0) };
        let Some(head) = found.value.known.head.clone() else { return Ok(0) };
        let signer = Arc::new(Signer::from_pkcs8(&found.value.key)?);
        let public_key = signer.public_key()?;
        let (files, keeper_of) = (Arc::clone(self.segments.files()), Arc::clone(keeper));
        let before = found.value.known.removed.as_ref().map(|removed| removed.segment);
        let due = aside(move || {
            let Some(id) = keeper_of.removable(&head, before, now)? else { return Ok(None) };
            let known = Removed::through(files.as_ref(), id, &public_key)?;
            let fault = || io::Error::other(format!("{}: its digest is missing or was changed", id.file()));
            known.map(Some).ok_or_else(fault)
        });
        let removed = match due.await? {
            Some(removed) => {
                let mut after = found.value.as_ref().clone();
                after.known.removed = Some(removed.clone());
                self.keep(Some(&found), after).await?;
                removed
            }
            // What a crash left.
            None => match &found.value.known.removed {
                Some(removed) => removed.clone(),
                None => return Ok(0),
            },
        };
        let (files, keeper) = (Arc::clone(self.segments.files()), Arc::clone(keeper));
        aside(move || {
            if Removed::stated(files.as_ref(), &signer.public_key().map_err(io::Error::other)?)?
                != Ok(Some(removed.clone()))
            {
                removed.state(files.as_ref(), &signer, now)?;
            }
            keeper.remove_through(removed.segment)
        })
        .await
    }

    async fn keep(&self, before: Option<&Loaded<Evidence>>, after: Evidence) -> Result<(), Error> {
        let mut batch = Batch::named("keep_trail_evidence");
        self.documents.put(&mut batch, before, &Arc::new(after))?;
        self.documents.commit(batch).await
    }
}

/// Does what blocks on a thread of its own.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| Error::internal("the thread that keeps the trail died"))?;
    done.map_err(|error| Error::internal(format!("the trail's files: {error}")))
}

/// The public key that the digests of a server's trail are signed by, as SubjectPublicKeyInfo; none when the store has
/// none yet.
///
/// # Errors
/// When the store or the cipher library fails.
pub async fn public_key(documents: &Documents, name: &NodeName) -> Result<Option<Vec<u8>>, Error> {
    let Some(found) = documents.load::<Evidence>(name.as_str()).await? else { return Ok(None) };
    Ok(Some(Signer::from_pkcs8(&found.value.key)?.public_key()?))
}

/// The servers that have or had a trail.
///
/// # Errors
/// When the store fails.
pub async fn servers(documents: &Documents) -> Result<Vec<NodeName>, Error> {
    let found = documents.scan::<Evidence>("", None, SERVERS_MAX).await?;
    Ok(found.iter().map(|found| found.value.name.clone()).collect())
}

/// The public keys of the trails of all servers, each with the server's name.
///
/// # Errors
/// When the store or the cipher library fails.
pub async fn public_keys(documents: &Documents) -> Result<Vec<(NodeName, Vec<u8>)>, Error> {
    let found = documents.scan::<Evidence>("", None, SERVERS_MAX).await?;
    let key_of = |evidence: &Evidence| Ok((evidence.name.clone(), Signer::from_pkcs8(&evidence.key)?.public_key()?));
    found.iter().map(|found| key_of(&found.value)).collect()
}

/// Holds the trail in `files`, which is the server's of this name, against its digests and what the store knows of them; none when the store has no key yet.
/// Blocks for as long as reading the trail takes.
///
/// # Errors
/// When the store or the files fail. What is wrong with the trail is part of the answer.
pub async fn check_trail(
    documents: &Documents,
    name: &NodeName,
    files: &dyn SegmentFiles,
) -> Result<Option<Checked>, Error> {
    let Some(found) = documents.load::<Evidence>(name.as_str()).await? else { return Ok(None) };
    let public_key = Signer::from_pkcs8(&found.value.key)?.public_key()?;
    let checked = check(files, &public_key, Some(&found.value.known));
    checked.map(Some).map_err(|error| Error::internal(format!("the trail cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_read_as_it_was_written_also_by_a_release_before() {
        let at = |hours: i64, part| SegmentId { hour: Hour::of(Timestamp::from_millis(hours * 3_600_000)), part };
        let head = Head { number: 7, sha256: "ab".to_owned(), segment: at(400_000, 3) };
        let removed = Removed { number: 2, sha256: "cd".to_owned(), segment: at(300_000, 0) };
        for name in ["1", "00112233aabbccdd"] {
            for (head, removed) in
                [(None, None), (Some(head.clone()), None), (Some(head.clone()), Some(removed.clone()))]
            {
                let known = Known { head, removed };
                let key = SecretBytes::new(b"key".to_vec());
                let evidence = Evidence { name: NodeName::parse(name).unwrap(), key, known: known.clone() };
                let read = Evidence::from_body(&evidence.to_body().unwrap()).unwrap();
                assert_eq!((read.name.as_str(), read.known), (name, known));
                assert_eq!(read.key.expose(), b"key");
            }
        }
        let old = br#"{"number":7,"sha256":"ab","hour_ms":1440000000000}
key"#;
        let read = Evidence::from_body(&SecretBytes::new(old.to_vec())).unwrap();
        assert_eq!(read.known.head, Some(Head { segment: at(400_000, 0), ..head }));
    }
}
