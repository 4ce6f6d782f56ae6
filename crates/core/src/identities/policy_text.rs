//! A policy document as it was given, with its compiled form beside it once somebody asked.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_policy::{Document, DocumentKind};

use crate::error::Error;

/// How many times its text a compiled policy takes, text included, about.
const COMPILED_TIMES: usize = 6;

/// The text of a policy. Compiled on first use and then kept: a decision reads no text.
#[derive(Clone, Debug, Default)]
pub struct PolicyText {
    text: String,
    compiled: OnceLock<Option<Arc<Document>>>,
}

impl PolicyText {
    /// A policy of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: OnceLock::new() }
    }

    /// A policy that was parsed already.
    #[must_use]
    pub fn parsed(text: impl Into<String>, document: Document) -> Self {
        Self { text: text.into(), compiled: OnceLock::from(Some(Arc::new(document))) }
    }

    /// The text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// About as many bytes as it takes in memory once it is compiled, which takes several times its text.
    #[must_use]
    pub fn memory_bytes_about(&self) -> usize {
        self.text.len() * COMPILED_TIMES + size_of::<Document>()
    }

    /// The compiled policy. It was checked before it was stored; one that does not read any more must not turn into
    /// one that denies nothing, so it is a fault.
    ///
    /// # Errors
    /// A fault when the text is not a policy of this kind.
    pub fn compiled(&self, kind: DocumentKind) -> Result<&Arc<Document>, Error> {
        let parse = || Document::parse(&self.text, kind).ok().map(Arc::new);
        self.compiled.get_or_init(parse).as_ref().ok_or_else(|| Error::internal("a stored policy does not read"))
    }
}

impl PartialEq for PolicyText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for PolicyText {}

impl Serialize for PolicyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for PolicyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
