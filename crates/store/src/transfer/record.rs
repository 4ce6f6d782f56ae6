//! What a store is made of, in the form in which it goes from one engine to another: rows in one order, engine or not.

use strongroom_crypto::Sealed;
use strongroom_crypto::digest::Sha256;
use strongroom_crypto::ledger::tail;

use crate::api::StoreError;
use crate::held;
use crate::rules::{BODY_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};

/// Longest name of a kind or a topic, in bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// Longest stored list of terms and unique keys of one document, in bytes.
pub const TERMS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Digest by which two states of a row are told apart.
pub type State = [u8; 16];

/// Where a row stands. The order is that of every stream: documents by kind and key, topics by name, entries by topic and
/// sequence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A document.
    Document {
        /// Its kind.
        kind: String,
        /// Its key within the kind.
        key: String,
    },
    /// A topic of the feed.
    Topic {
        /// Its name.
        name: String,
    },
    /// An entry of the feed.
    Entry {
        /// Its topic.
        topic: String,
        /// Its place in the topic.
        sequence: u64,
    },
}

/// What stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A document, with all that the engine keeps of it.
    Document {
        /// Its version.
        version: u64,
        /// Its terms and unique keys, in the form that stands beside it.
        terms: Vec<u8>,
        /// Its body.
        body: Sealed,
    },
    /// The sequences of a topic.
    Topic {
        /// The last that was given out.
        last: u64,
        /// The one that the source's engine has stored, which its ledger knows.
        remembered: u64,
    },
    /// An entry of the feed.
    Entry {
        /// Its name.
        id: String,
        /// Its content.
        body: Sealed,
    },
    /// A row that is as it was, told by its digest alone.
    Same(State),
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub place: Place,
    /// What stands there.
    pub content: Content,
}

impl Record {
    /// The digest of its state. Of the body it has the cipher's tag, as the ledger has: no two bodies share one.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.content {
            Content::Document { version, terms, body } => document_state(*version, terms, tail(body.as_bytes())),
            Content::Topic { last, .. } => topic_state(*last),
            Content::Entry { id, body } => entry_state(id, tail(body.as_bytes())),
            Content::Same(state) => *state,
        }
    }

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let place = match &self.place {
            Place::Document { kind, key } => kind.len() + key.len(),
            Place::Topic { name } => name.len(),
            Place::Entry { topic, .. } => topic.len(),
        };
        let content = match &self.content {
            Content::Document { terms, body, .. } => terms.len() + body.as_bytes().len(),
            Content::Entry { id, body } => id.len() + body.as_bytes().len(),
            Content::Topic { .. } | Content::Same(_) => 0,
        };
        64 + place + content
    }

    /// Checks that a store may hold it.
    ///
    /// # Errors
    /// `Invalid`, naming the broken rule.
    pub fn check(&self) -> Result<(), StoreError> {
        match &self.place {
            Place::Document { kind, key } => {
                check_text(kind, NAME_BYTES_MAX)?;
                check_text(key, KEY_BYTES_MAX)?;
            }
            Place::Topic { name } => check_text(name, NAME_BYTES_MAX)?,
            Place::Entry { topic, sequence } => {
                check_text(topic, NAME_BYTES_MAX)?;
                check_number(*sequence)?;
            }
        }
        match (&self.place, &self.content) {
            (Place::Document { .. }, Content::Document { version, terms, body }) => {
                check_number(*version)?;
                check_length(terms.len(), TERMS_BYTES_MAX)?;
                check_length(body.as_bytes().len(), BODY_BYTES_MAX)?;
                let marks = held::decode(terms).map_err(|_| StoreError::Invalid("a list of terms of no known form"))?;
                marks.iter().try_for_each(|mark| {
                    check_text(mark.index, NAME_BYTES_MAX)?;
                    check_text(mark.value, VALUE_BYTES_MAX)
                })
            }
            (Place::Topic { .. }, Content::Topic { last, remembered }) if remembered <= last => check_sequence(*last),
            (Place::Entry { .. }, Content::Entry { id, body }) => {
                check_text(id, VALUE_BYTES_MAX)?;
                check_length(body.as_bytes().len(), BODY_BYTES_MAX)
            }
            (_, Content::Same(_)) => Ok(()),
            _ => Err(StoreError::Invalid("a row in a place of another sort")),
        }
    }
}

/// Greatest sequence of a topic that every engine can store.
const SEQUENCE_MAX: u64 = (1 << 40) - 1;

fn check_sequence(sequence: u64) -> Result<(), StoreError> {
    if sequence > SEQUENCE_MAX { Err(StoreError::Invalid("a sequence that is too great")) } else { Ok(()) }
}

fn check_number(number: u64) -> Result<(), StoreError> {
    let fits = number > 0 && i64::try_from(number).is_ok();
    if fits { Ok(()) } else { Err(StoreError::Invalid("a version or sequence that no row has")) }
}

fn check_length(bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max { Err(StoreError::Invalid("a row that is too long")) } else { Ok(()) }
}

fn check_text(text: &str, bytes_max: usize) -> Result<(), StoreError> {
    if text.is_empty() || text.as_bytes().contains(&0) {
        return Err(StoreError::Invalid("a name, key or value that is empty or has a NUL character"));
    }
    check_length(text.len(), bytes_max)
}

/// The digest of a document's state.
pub(crate) fn document_state(version: u64, terms: &[u8], tail: &[u8]) -> State {
    digest(&[b"document", &version.to_be_bytes(), terms, tail])
}

/// The digest of a topic's state.
pub(crate) fn topic_state(last: u64) -> State {
    digest(&[b"topic", &last.to_be_bytes()])
}

/// The digest of an entry's state.
pub(crate) fn entry_state(id: &str, tail: &[u8]) -> State {
    digest(&[b"entry", id.as_bytes(), tail])
}

fn digest(parts: &[&[u8]]) -> State {
    let mut hash = Sha256::default();
    for part in parts {
        hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let full = hash.finish();
    full.first_chunk().copied().unwrap_or_default()
}
