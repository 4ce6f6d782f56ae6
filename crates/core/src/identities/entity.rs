//! What users, groups, roles and policies have in common: an account, a path, a name, an id, an ARN.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_crypto::{CryptoError, Random};
use strongroom_store::{Index, Term};

use super::policy_text::PolicyText;
use crate::documents::Document;

/// Letters of access key ids and unique ids behind their four-letter prefix (RFC 4648 base32).
pub(super) const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters of unique ids behind their prefix.
const ID_LETTERS: usize = 17;

/// A tag of an identity or policy. Keys are unique without regard to case in IAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The key, in the case it was given.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Tags as conditions and sessions have them: keys with values.
#[must_use]
pub fn pairs(tags: &[Tag]) -> Vec<(String, String)> {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// An entity of IAM that has a name in its account and a path.
pub trait Entity: Document {
    /// Unique index of names.
    const NAMES: Index;
    /// Index of paths with names, in whose order entities are listed.
    const PATHS: Index;
    /// The letters that its unique ids begin with (IAM's user guide, "IAM identifiers").
    const ID_PREFIX: &'static str;
    /// The first part of the resource in its ARN, such as `user`.
    const ARN_TYPE: &'static str;

    /// The account that owns it.
    fn account(&self) -> &str;
    /// The partition of its ARN.
    fn partition(&self) -> &str;
    /// Its path, beginning and ending with a slash.
    fn path(&self) -> &str;
    /// Its name, in the case it was given.
    fn name(&self) -> &str;
    /// Its unique id, such as `AIDA…`, never used twice.
    fn id(&self) -> &str;

    /// Its ARN.
    fn arn(&self) -> String {
        ["arn:", self.partition(), ":iam::", self.account(), ":", Self::ARN_TYPE, self.path(), self.name()].concat()
    }

    /// The document's key: the unique id, so that a new name or path moves nothing.
    fn document_key(&self) -> String {
        key_of_id(self.account(), self.id())
    }

    /// The unique key of its name.
    fn name_term(&self) -> Term {
        name_term::<Self>(self.account(), self.name())
    }

    /// The term that it is listed by.
    fn path_term(&self) -> Term {
        Term::new(Self::PATHS, path_value(self.account(), &[self.path(), self.name()].concat()))
    }
}

/// The document key of an entity's id.
#[must_use]
pub fn key_of_id(account: &str, id: &str) -> String {
    [account, ":", id].concat()
}

/// The unique key of a name. Names differ by more than case (IAM's user guide, "IAM and AWS STS quotas").
#[must_use]
pub fn name_term<E: Entity>(account: &str, name: &str) -> Term {
    Term::new(E::NAMES, [account, ":", &name.to_ascii_lowercase()].concat())
}

/// The value of an index of paths: all that begins with the path prefix `path` begins with it.
#[must_use]
pub fn path_value(account: &str, path: &str) -> String {
    [account, ":", path].concat()
}

/// A new unique id.
///
/// # Errors
/// When the random source fails.
pub fn new_id(random: &dyn Random, prefix: &str) -> Result<String, CryptoError> {
    let bytes = strongroom_crypto::random::bytes::<ID_LETTERS>(random)?;
    let letters = bytes.iter().filter_map(|byte| ID_ALPHABET.get(usize::from(*byte) % ID_ALPHABET.len()));
    Ok(prefix.chars().chain(letters.map(|letter| char::from(*letter))).collect())
}

/// The policies of a user, group or role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// Inline policies by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inline: BTreeMap<String, PolicyText>,
    /// ARNs of attached managed policies, in the order of attachment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<String>,
    /// The ARN of the managed policy that is the permissions boundary. Groups have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
}

impl Policies {
    /// The terms by which the holders of a managed policy are found.
    #[must_use]
    pub fn terms(&self, account: &str, attached: Index, boundary: Option<Index>) -> Vec<Term> {
        let term = |index: Index, arn: &String| Term::new(index, holder_value(account, arn));
        let mut terms: Vec<Term> = self.attached.iter().map(|arn| term(attached, arn)).collect();
        terms.extend(boundary.zip(self.boundary.as_ref()).map(|(index, arn)| term(index, arn)));
        terms
    }
}

/// The value under which the holders of a managed policy, or the members of a group, stand in an index.
#[must_use]
pub fn holder_value(account: &str, held: &str) -> String {
    [account, ":", held].concat()
}
