//! The filters of ListSecrets and BatchGetSecretValue (specification §3.6), as a test on one secret, and as the index
//! terms that can narrow a search.

use strongroom_store::Index;
use strongroom_wire::secretsmanager::{Filter, FilterNameStringType};

use super::model::{BY_NAME, BY_TAG_KEY, BY_TAG_VALUE, BY_WORD, Secret, cut};
use super::{refusals, words};
use crate::error::Error;

/// A request's filters: a secret must pass all of them.
#[derive(Clone, Debug)]
pub struct Filters(Vec<Condition>);

/// One filter: any of the wanted values, none of the unwanted ones.
#[derive(Clone, Debug)]
struct Condition {
    on: FilterNameStringType,
    wanted: Vec<Pattern>,
    unwanted: Vec<Pattern>,
}

/// A value to look for.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    words: Vec<String>,
}

/// A stretch of an index that holds every secret that a filter's value can match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The index.
    pub index: Index,
    /// The beginning of the terms, without account and region.
    pub prefix: String,
}

impl Filters {
    /// Reads a request's filters.
    ///
    /// # Errors
    /// InvalidParameter for a filter without values.
    pub fn read(filters: &[Filter]) -> Result<Self, Error> {
        filters.iter().map(Condition::read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether every secret passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a secret passes all of them.
    #[must_use]
    pub fn pass(&self, secret: &Secret) -> bool {
        self.0.iter().all(|condition| condition.passes(secret))
    }

    /// For each filter that an index can answer: probes that together find every secret it lets pass.
    #[must_use]
    pub fn probes(&self) -> Vec<Vec<Probe>> {
        self.0.iter().filter_map(Condition::probes).filter(|probes| !probes.is_empty()).collect()
    }
}

impl Condition {
    fn read(filter: &Filter) -> Result<Self, Error> {
        let values = filter.values.as_deref().unwrap_or_default();
        let Some(on) = filter.key.filter(|_| !values.is_empty()) else {
            return Err(refusals::filter_without_values());
        };
        let mut condition = Self { on, wanted: Vec::new(), unwanted: Vec::new() };
        for value in values {
            let (list, text) = match value.strip_prefix('!') {
                Some(text) => (&mut condition.unwanted, text),
                None => (&mut condition.wanted, value.as_str()),
            };
            list.push(Pattern { text: text.to_owned(), words: words::split(text) });
        }
        Ok(condition)
    }

    fn passes(&self, secret: &Secret) -> bool {
        let matches = |pattern: &Pattern| matches(self.on, pattern, secret);
        (self.wanted.is_empty() || self.wanted.iter().any(matches)) && !self.unwanted.iter().any(matches)
    }

    fn probes(&self) -> Option<Vec<Probe>> {
        self.wanted.iter().map(|pattern| probe(self.on, pattern)).collect()
    }
}

fn probe(on: FilterNameStringType, pattern: &Pattern) -> Option<Probe> {
    let (index, prefix) = match on {
        FilterNameStringType::Name => (BY_NAME, pattern.text.as_str()),
        FilterNameStringType::TagKey => (BY_TAG_KEY, cut(&pattern.text)),
        FilterNameStringType::TagValue => (BY_TAG_VALUE, cut(&pattern.text)),
        // The longest word is likely the rarest; the secret itself is compared with all of them.
        FilterNameStringType::All | FilterNameStringType::Description => {
            (BY_WORD, cut(pattern.words.iter().max_by_key(|word| word.len())?))
        }
        FilterNameStringType::PrimaryRegion | FilterNameStringType::OwningService => return None,
    };
    Some(Probe { index, prefix: prefix.to_owned() })
}

fn matches(on: FilterNameStringType, pattern: &Pattern, secret: &Secret) -> bool {
    match on {
        FilterNameStringType::Name => secret.name.starts_with(&pattern.text),
        FilterNameStringType::TagKey => secret.tags.iter().any(|tag| tag.key.starts_with(&pattern.text)),
        FilterNameStringType::TagValue => secret.tags.iter().any(|tag| tag.value.starts_with(&pattern.text)),
        FilterNameStringType::Description => {
            let texts = words::split(secret.description.as_deref().unwrap_or_default());
            all_begin(&pattern.words, texts.iter())
        }
        FilterNameStringType::All => all_begin(&pattern.words, words::of_secret(secret).iter()),
        // No secret is replicated or owned by a service.
        FilterNameStringType::PrimaryRegion | FilterNameStringType::OwningService => false,
    }
}

/// Whether each word of a pattern begins one of the words; a pattern without words matches nothing.
fn all_begin<'a>(pattern: &[String], words: impl Iterator<Item = &'a String> + Clone) -> bool {
    let begins = |start: &String| words.clone().any(|word| word.starts_with(start));
    !pattern.is_empty() && pattern.iter().all(begins)
}
