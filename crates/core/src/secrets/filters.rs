//! The filters of ListSecrets and BatchGetSecretValue (specification §3.6), as a test on one secret, and as the index
//! terms that can narrow a search.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Bound;

use strongroom_store::Index;
use strongroom_wire::secretsmanager::{Filter, FilterNameStringType};

use super::model::{BY_NAME, BY_TAG_KEY, BY_TAG_VALUE, BY_WORD, Secret, cut};
use super::work::Work;
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
    words: BTreeSet<String>,
}

/// A secret that is looked at. It is split into words when the first filter needs them, and once for all filters.
struct Looked<'a> {
    secret: &'a Secret,
    all: OnceCell<BTreeSet<String>>,
    description: OnceCell<BTreeSet<String>>,
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
        let mut conditions: Vec<Condition> = filters.iter().map(Condition::read).collect::<Result<_, _>>()?;
        // What needs no words costs little, and often spares the rest.
        conditions.sort_by_key(|condition| needs_words(condition.on));
        Ok(Self(conditions))
    }

    /// Whether every secret passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a secret passes all of them; what it takes to tell is counted in `work`.
    pub fn pass(&self, secret: &Secret, work: &mut Work) -> bool {
        let looked = Looked { secret, all: OnceCell::new(), description: OnceCell::new() };
        self.0.iter().all(|condition| condition.passes(&looked, work))
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
            list.push(Pattern { text: text.to_owned(), words: words::split(text).into_iter().collect() });
        }
        Ok(condition)
    }

    fn passes(&self, looked: &Looked<'_>, work: &mut Work) -> bool {
        let mut matches = |pattern: &Pattern| looked.matches(self.on, pattern, work);
        (self.wanted.is_empty() || self.wanted.iter().any(&mut matches)) && !self.unwanted.iter().any(matches)
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
        // The service stands in a tag too, which nobody else can set or take away.
        FilterNameStringType::OwningService => (BY_TAG_VALUE, cut(&pattern.text)),
        FilterNameStringType::PrimaryRegion => return None,
    };
    Some(Probe { index, prefix: prefix.to_owned() })
}

/// Whether a filter compares words.
fn needs_words(on: FilterNameStringType) -> bool {
    matches!(on, FilterNameStringType::All | FilterNameStringType::Description)
}

impl Looked<'_> {
    fn matches(&self, on: FilterNameStringType, pattern: &Pattern, work: &mut Work) -> bool {
        let text = pattern.text.as_str();
        match on {
            FilterNameStringType::Name => {
                work.spend(1);
                self.secret.name.starts_with(text)
            }
            FilterNameStringType::TagKey => {
                work.spend(self.secret.tags.len());
                self.secret.tags.iter().any(|tag| tag.key.starts_with(text))
            }
            FilterNameStringType::TagValue => {
                work.spend(self.secret.tags.len());
                self.secret.tags.iter().any(|tag| tag.value.starts_with(text))
            }
            FilterNameStringType::Description => all_begin(&pattern.words, self.words_of_description(work), work),
            FilterNameStringType::All => all_begin(&pattern.words, self.words(work), work),
            FilterNameStringType::OwningService => {
                work.spend(1);
                self.secret.owner.as_ref().is_some_and(|owner| owner.service.starts_with(text))
            }
            // No secret is replicated.
            FilterNameStringType::PrimaryRegion => false,
        }
    }

    fn words(&self, work: &mut Work) -> &BTreeSet<String> {
        self.all.get_or_init(|| {
            work.spend(words::texts_of(self.secret).map(str::len).sum());
            words::of_secret(self.secret)
        })
    }

    fn words_of_description(&self, work: &mut Work) -> &BTreeSet<String> {
        self.description.get_or_init(|| {
            let description = self.secret.description.as_deref().unwrap_or_default();
            work.spend(description.len());
            words::split(description).into_iter().collect()
        })
    }
}

/// Whether each word of a pattern begins one of the words; a pattern without words matches nothing.
fn all_begin(pattern: &BTreeSet<String>, words: &BTreeSet<String>, work: &mut Work) -> bool {
    // As many comparisons as finding a place in an order takes.
    let search = usize::try_from(words.len().max(1).ilog2()).unwrap_or(0) + 1;
    let mut begins = |start: &String| {
        work.spend(search);
        let behind = words.range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded)).next();
        behind.is_some_and(|word| word.starts_with(start.as_str()))
    };
    !pattern.is_empty() && pattern.iter().all(&mut begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::tests::fat_secret;

    fn hundred_values(on: FilterNameStringType) -> Filters {
        let values = |n: usize| Some((0..10).map(|m| format!("!absent{n} word{m} x")).collect());
        let filters: Vec<Filter> = (0..10).map(|n| Filter { key: Some(on), values: values(n) }).collect();
        Filters::read(&filters).expect("filters")
    }

    fn cost(on: FilterNameStringType, secret: &Secret) -> usize {
        let mut work = Work::default();
        assert!(hundred_values(on).pass(secret, &mut work), "{on:?}");
        work.spent()
    }

    #[test]
    fn a_secret_is_split_once_for_a_hundred_values_and_only_when_words_are_compared() {
        let secret = fat_secret("fat");
        let bytes: usize = words::texts_of(&secret).map(str::len).sum();
        assert!(bytes > 15_000, "{bytes}");
        let all = cost(FilterNameStringType::All, &secret);
        assert!((bytes..bytes * 2).contains(&all), "{all} for {bytes} bytes");
        assert!(cost(FilterNameStringType::Description, &secret) < all);
        assert_eq!(cost(FilterNameStringType::TagKey, &secret), 100 * secret.tags.len());
        assert_eq!(cost(FilterNameStringType::Name, &secret), 100);
    }

    #[test]
    fn a_cheap_filter_that_fails_spares_the_words() {
        let values = |value: &str| Some(vec![value.to_owned()]);
        let filters = [
            Filter { key: Some(FilterNameStringType::All), values: values("word1") },
            Filter { key: Some(FilterNameStringType::Name), values: values("other") },
        ];
        let mut work = Work::default();
        assert!(!Filters::read(&filters).expect("filters").pass(&fat_secret("fat"), &mut work));
        assert_eq!(work.spent(), 1);
    }
}
