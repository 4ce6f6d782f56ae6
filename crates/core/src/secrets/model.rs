//! A secret as it is stored: attributes, versions and the map from staging label to version. No value stands here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::{SecretBytes, Timestamp};

use super::owned::Owner;
use super::pairs::Pairs;
use super::rotation::Rotation;
use super::words;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;
use crate::identities::policy_text::PolicyText;

/// Kind of the documents of this module.
pub const SECRET: Kind = Kind("secret");
/// Index of names, for prefix search and sorting.
pub const BY_NAME: Index = Index("secret-name");
/// Index of creation dates.
pub const BY_CREATED: Index = Index("secret-created");
/// Index of the dates of the last change.
pub const BY_CHANGED: Index = Index("secret-changed");
/// Index of the days of the last access.
pub const BY_ACCESSED: Index = Index("secret-accessed");
/// Index of tag keys.
pub const BY_TAG_KEY: Index = Index("secret-tag-key");
/// Index of tag values.
pub const BY_TAG_VALUE: Index = Index("secret-tag-value");
/// Index of the words in names, descriptions and tags, in lower case.
pub const BY_WORD: Index = Index("secret-word");
/// Index of the ends of recovery windows.
pub const BY_PURGE: Index = Index("secret-purge");

/// Words of one secret that are indexed at most; a secret with more carries [`MANY_WORDS`] and is always looked at.
const INDEXED_WORDS_MAX: usize = 200;
/// The term of secrets that have more words than are indexed. Not a word: words hold no space.
pub const MANY_WORDS: &str = " ";
/// Bytes of a tag's key or value that are indexed at most; the rest is compared on the document itself.
const TERM_BYTES_MAX: usize = 256;
/// What a secret's entry in a listing takes beside its texts, in bytes.
const ENTRY_BYTES_ABOUT: usize = 300;
/// What a tag takes beside its texts, in bytes.
const TAG_BYTES_ABOUT: usize = 20;
/// What a version takes in a secret's body, in bytes.
const VERSION_BYTES_ABOUT: usize = 120;

/// A secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// The account that owns it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// The partition of that region.
    pub partition: String,
    /// The friendly name.
    pub name: String,
    /// The six random characters at the end of the ARN.
    pub suffix: String,
    /// The type of a managed external secret, as its partner is called (specification §5.8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The key as the caller named it; absent for the default key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
    /// When anything about it last changed, in ms since the epoch.
    pub changed_ms: i64,
    /// 00:00 UTC of the day a value was last read, in ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessed_ms: Option<i64>,
    /// Present while deletion is scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Tags in the order they were first set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<SecretTag>,
    /// Which version holds each staging label: a label is on one version or on none.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub stages: Pairs<String>,
    /// The versions by id, deprecated ones included.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub versions: Pairs<Version>,
    /// The resource policy's text as it was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyText>,
    /// Its rotation, once it was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// What owns it, if a service does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// A scheduled deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When DeleteSecret was called, in ms since the epoch.
    pub requested_ms: i64,
    /// When the recovery window ends, in ms since the epoch.
    pub due_ms: i64,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretTag {
    /// The key, unique within the secret, case-sensitive.
    pub key: String,
    /// The value.
    pub value: String,
}

/// What is known of a version besides its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
    /// 00:00 UTC of the day its value was last read, in ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessed_ms: Option<i64>,
    /// The keys that its value is encrypted under, as ListSecretVersionIds shows them; none while it has no value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kms_key_ids: Vec<String>,
    /// The day of a read that was noted and is not yet written.
    #[serde(skip)]
    pub noted: NotedDay,
}

/// Remembers, beside a version that is at hand, that a read of a day was noted. Says nothing about the version itself:
/// a copy has none, and two versions that differ in it alone are equal.
#[derive(Debug)]
pub struct NotedDay(AtomicI64);

impl Default for NotedDay {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl NotedDay {
    /// Whether a read of the day that begins at `day`, or of a later one, was noted.
    #[must_use]
    pub fn covers(&self, day: Timestamp) -> bool {
        self.0.load(Ordering::Relaxed) >= day.millis()
    }

    /// Remembers that a read of the day that begins at `day` was noted.
    pub fn remember(&self, day: Timestamp) {
        self.0.fetch_max(day.millis(), Ordering::Relaxed);
    }
}

impl Clone for NotedDay {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for NotedDay {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for NotedDay {}

impl Version {
    /// Whether it holds a value. A rotation's placeholder does not.
    #[must_use]
    pub fn has_value(&self) -> bool {
        !self.kms_key_ids.is_empty()
    }
}

impl Secret {
    /// The ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        let Self { partition, region, account, name, suffix, .. } = self;
        // Made several times for each read: put together by hand, which is a third of what formatting costs.
        ["arn:", partition, ":secretsmanager:", region, ":", account, ":secret:", name, "-", suffix].concat()
    }

    /// The labels of a version, sorted.
    #[must_use]
    pub fn stages_of(&self, version_id: &str) -> Vec<String> {
        self.stages.iter().filter(|(_, holder)| *holder == version_id).map(|(stage, _)| stage.clone()).collect()
    }

    /// The labelled versions with their labels, as DescribeSecret shows them.
    #[must_use]
    pub fn version_ids_to_stages(&self) -> BTreeMap<String, Vec<String>> {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (stage, version_id) in self.stages.iter() {
            map.entry(version_id.clone()).or_default().push(stage.clone());
        }
        map
    }

    /// The day a value was last read.
    #[must_use]
    pub fn accessed(&self) -> Option<Timestamp> {
        self.accessed_ms.map(Timestamp::from_millis)
    }

    /// The value of this secret in one of the sorting indexes.
    #[must_use]
    pub fn sort_value(&self, index: Index) -> String {
        let place = place(&self.account, &self.region);
        if index == BY_NAME {
            return place + &self.name;
        }
        place + &instant_term(self.sort_ms(index))
    }

    /// The index terms, those left out that follow from what `other`, of the same account and region, has alike. Each
    /// index belongs to one of the parts that are compared, so that no term left out here is another part's there.
    fn terms_unless(&self, other: Option<&Self>) -> Vec<Term> {
        let place = place(&self.account, &self.region);
        let mut terms = Vec::new();
        for index in [BY_NAME, BY_CREATED, BY_CHANGED, BY_ACCESSED] {
            if other.is_none_or(|other| !self.sorts_as(other, index)) {
                terms.push(Term::new(index, self.sort_value(index)));
            }
        }
        let same_tags = other.is_some_and(|other| self.tags == other.tags);
        if !same_tags {
            for tag in &self.tags {
                terms.push(Term::new(BY_TAG_KEY, format!("{place}{}", cut(&tag.key))));
                terms.push(Term::new(BY_TAG_VALUE, format!("{place}{}", cut(&tag.value))));
            }
        }
        let same_words = |other: &Self| self.name == other.name && self.description == other.description;
        if !(same_tags && other.is_some_and(same_words)) {
            terms.extend(self.word_terms(&place));
        }
        if let Some(deletion) = self.deletion
            && other.is_none_or(|other| self.deletion != other.deletion)
        {
            terms.push(Term::new(BY_PURGE, format!("{place}{}", instant_term(deletion.due_ms))));
        }
        terms
    }

    /// Whether a secret of the same account and region has the same value in one of the sorting indexes.
    fn sorts_as(&self, other: &Self, index: Index) -> bool {
        if index == BY_NAME { self.name == other.name } else { self.sort_ms(index) == other.sort_ms(index) }
    }

    /// The instant that one of the sorting indexes goes by.
    fn sort_ms(&self, index: Index) -> i64 {
        match index {
            BY_CHANGED => self.changed_ms,
            BY_ACCESSED => self.accessed_ms.unwrap_or(0),
            _ => self.created_ms,
        }
    }

    /// About as many bytes as its body has.
    #[must_use]
    pub fn bytes_about(&self) -> usize {
        let policy = self.policy.as_ref().map_or(0, |policy| policy.text().len());
        self.shown_bytes() + policy + self.versions.len() * VERSION_BYTES_ABOUT
    }

    /// About as many bytes as a listing shows of it.
    #[must_use]
    pub fn shown_bytes(&self) -> usize {
        let tags: usize = self.tags.iter().map(|tag| tag.key.len() + tag.value.len() + TAG_BYTES_ABOUT).sum();
        let stages: usize = self.stages.iter().map(|(stage, version)| stage.len() + version.len()).sum();
        let texts = [&self.description, &self.kms_key_id, &self.kind];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        // The name stands in the ARN once more.
        ENTRY_BYTES_ABOUT + 2 * self.name.len() + texts + tags + stages
    }

    /// About as many bytes as it takes in memory.
    fn memory_bytes(&self) -> usize {
        const BLOCK: usize = size_of::<String>();
        let texts = [&self.account, &self.region, &self.partition, &self.name, &self.suffix];
        let optional = [&self.description, &self.kms_key_id, &self.kind];
        let policy = self.policy.as_ref().map_or(0, PolicyText::memory_bytes_about);
        let texts: usize = texts.into_iter().chain(optional.into_iter().flatten()).map(|text| text.len() + BLOCK).sum();
        let tags: usize = self.tags.iter().map(|tag| tag.key.len() + tag.value.len() + 4 * BLOCK).sum();
        let stages: usize = self.stages.iter().map(|(stage, version)| stage.len() + version.len() + 4 * BLOCK).sum();
        let versions = self.versions.iter().map(|(id, version)| {
            let keys: usize = version.kms_key_ids.iter().map(|key| key.len() + 2 * BLOCK).sum();
            size_of::<(String, Version)>() + id.len() + BLOCK + keys
        });
        size_of::<Self>() + policy + texts + tags + stages + versions.sum::<usize>()
    }

    fn word_terms(&self, place: &str) -> Vec<Term> {
        let mut words = words::of_secret(self);
        let many = words.len() > INDEXED_WORDS_MAX;
        if many {
            words = words.into_iter().take(INDEXED_WORDS_MAX).collect();
            words.insert(MANY_WORDS.to_owned());
        }
        words.into_iter().map(|word| Term::new(BY_WORD, format!("{place}{}", cut(&word)))).collect()
    }
}

impl Document for Secret {
    const KIND: Kind = SECRET;

    fn key(&self) -> String {
        place(&self.account, &self.region) + &self.name
    }

    fn terms(&self) -> Vec<Term> {
        self.terms_unless(None)
    }

    fn terms_beside(&self, other: &Self) -> Vec<Term> {
        let same_place = self.account == other.account && self.region == other.region;
        self.terms_unless(Some(other).filter(|_| same_place))
    }

    fn decoded_bytes(&self, _: u64) -> u64 {
        self.memory_bytes().try_into().unwrap_or(u64::MAX)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(SECRET, body)
    }
}

/// The beginning of every key and index value of an account in a region.
#[must_use]
pub fn place(account: &str, region: &str) -> String {
    [account, ":", region, ":"].concat()
}

/// An instant as text that sorts as the instants do. Instants before the epoch sort as the epoch.
#[must_use]
pub fn instant_term(ms: i64) -> String {
    format!("{:012x}", ms.max(0))
}

/// The part of a text that is indexed. NUL, which no engine need accept, ends it.
#[must_use]
pub fn cut(text: &str) -> &str {
    let text = text.split('\0').next().unwrap_or_default();
    text.get(..text.floor_char_boundary(TERM_BYTES_MAX)).unwrap_or(text)
}
