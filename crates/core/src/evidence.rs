//! What makes the trail evidence: the key that signs its digests, and the newest digest, kept in the store, so that the
//! trail's end cannot be cut off unnoticed either.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_store::{Batch, Kind};
use strongroom_types::{SecretBytes, Timestamp};

use crate::documents::{Document, Documents, Loaded, from_json_body};
use crate::error::Error;
use crate::trail::digests::{Checked, Head, Signer, check, seal_closed};
use crate::trail::files::SegmentFiles;
use crate::trail::segments::Segments;
use crate::trail::{Hour, NodeName, SegmentId};

/// Kind of the documents: one for each server that shares the store, whose name is its key.
const EVIDENCE: Kind = Kind("trail-evidence");
/// Segments that one call seals, at most.
const SEALED_MAX: usize = 24;

/// The document.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// Whose trail it is of.
    name: NodeName,
    /// The private key, PKCS #8.
    key: SecretBytes,
    head: Option<Head>,
}

/// The stored form of a head.
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
    /// Of one of several servers.
    Named { name: String, head: Option<StoredHead> },
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
        let head = self.head.as_ref().map(|head| StoredHead {
            number: head.number,
            sha256: head.sha256.clone(),
            hour_ms: head.segment.hour.start().millis(),
            part: head.segment.part,
        });
        let head = match &self.name {
            name if *name == NodeName::only() => StoredHeads::Only(head),
            name => StoredHeads::Named { name: name.as_str().to_owned(), head },
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
        let (name, head) = match from_json_body(EVIDENCE, &SecretBytes::new(head.to_vec()))? {
            StoredHeads::Named { name, head } => (NodeName::parse(&name), head),
            StoredHeads::Only(head) => (Some(NodeName::only()), head),
        };
        let name = name.ok_or_else(|| Error::internal("the trail's evidence names no server"))?;
        let head = head.map(|head| Head {
            number: head.number,
            sha256: head.sha256,
            segment: SegmentId { hour: Hour::of(Timestamp::from_millis(head.hour_ms)), part: head.part },
        });
        Ok(Self { name, key: SecretBytes::new(key.to_vec()), head })
    }
}

/// Makes the digests of a trail, which has one at a time.
pub struct Notary {
    documents: Arc<Documents>,
    segments: Arc<Segments>,
    name: NodeName,
}

impl Notary {
    /// The one of the trail in `segments`, which is the server's of this name, and whose key is in `documents`.
    #[must_use]
    pub fn new(documents: Arc<Documents>, segments: Arc<Segments>, name: NodeName) -> Self {
        Self { documents, segments, name }
    }

    /// Makes the key when there is none, and lets nothing be appended to a segment that has its digest already.
    ///
    /// # Errors
    /// When the store or the cipher library fails.
    pub async fn begin(&self) -> Result<(), Error> {
        match self.documents.load::<Evidence>(self.name.as_str()).await? {
            Some(found) => {
                if let Some(head) = &found.value.head {
                    self.segments.close_before(head.segment.next());
                }
                Ok(())
            }
            None => {
                let evidence = Evidence { name: self.name.clone(), key: Signer::generate()?.to_pkcs8()?, head: None };
                self.keep(None, evidence).await
            }
        }
    }

    /// Makes the digests that are due at `now`, some of them when there are many. Returns how many.
    ///
    /// # Errors
    /// When store, files or cipher library fail. What is due stays so.
    pub async fn seal_due(&self, now: Timestamp) -> Result<usize, Error> {
        for sealed in 0..SEALED_MAX {
            let Some(found) = self.documents.load::<Evidence>(self.name.as_str()).await? else {
                return Err(Error::internal("the trail's key is gone"));
            };
            let (segments, before) = (Arc::clone(&self.segments), Arc::clone(&found.value));
            let made = tokio::task::spawn_blocking(move || {
                let signer = Signer::from_pkcs8(&before.key).map_err(|error| io::Error::other(error.to_string()))?;
                seal_closed(&segments, before.head.as_ref(), &signer, now)
            });
            let made = made.await.map_err(|_| Error::internal("the thread that reads the trail died"))?;
            let Some(head) = made.map_err(|error| Error::internal(format!("the trail's digests: {error}")))? else {
                return Ok(sealed);
            };
            let after = Evidence { head: Some(head), ..found.value.as_ref().clone() };
            self.keep(Some(&found), after).await?;
        }
        Ok(SEALED_MAX)
    }

    async fn keep(&self, before: Option<&Loaded<Evidence>>, after: Evidence) -> Result<(), Error> {
        let mut batch = Batch::named("keep_trail_evidence");
        self.documents.put(&mut batch, before, &Arc::new(after))?;
        self.documents.commit(batch).await
    }
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
    let checked = check(files, &public_key, found.value.head.as_ref());
    checked.map(Some).map_err(|error| Error::internal(format!("the trail cannot be read: {error}")))
}
