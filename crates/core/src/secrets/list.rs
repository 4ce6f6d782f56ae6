//! ListSecrets (specification §3.6): pages of an index in the asked order, narrowed by other indexes where that helps.
//!
//! A page costs the same however many secrets there are. Filters that few secrets pass are answered from their own
//! index and sorted; filters that many pass, by walking the sorting index. In between, a page may hold less than was
//! asked, even nothing, and a token to go on with, as the API allows.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_store::{Entry, Index, Range};
use strongroom_types::Timestamp;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::secretsmanager::{
    Filter, ListSecretsRequest, ListSecretsResponse, SecretListEntry, SortByType, SortOrderType,
};

use super::Secrets;
use super::describe::{deleted_date, tags};
use super::filters::{Filters, Probe};
use super::model::{BY_ACCESSED, BY_CHANGED, BY_CREATED, BY_NAME, BY_WORD, MANY_WORDS, Secret, place};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::{Document, Loaded};
use crate::error::Error;
use crate::page;

/// Secrets on a page when the caller does not say.
const PAGE_DEFAULT: usize = 100;
/// Secrets that a filter's own index may name for the page to be made from it.
const NARROW_MAX: usize = 1000;
/// Secrets looked at for one page while walking the sorting index.
const WALK_MAX: usize = 2000;

/// What is listed, in which order, and from where on.
struct Search {
    place: String,
    index: Index,
    descending: bool,
    planned_deletion: bool,
    filters: Filters,
    limit: usize,
}

/// A page of secrets and the place behind it, if there may be more.
struct Found {
    secrets: Vec<Loaded<Secret>>,
    next: Option<Entry>,
}

impl Secrets {
    /// A page of the account's secrets.
    ///
    /// # Errors
    /// InvalidParameter for a filter without values, InvalidNextToken.
    pub async fn list_secrets(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListSecretsRequest,
    ) -> Result<ListSecretsResponse, Error> {
        let filters = input.filters.as_deref().unwrap_or_default();
        let (index, descending) = order(input.sort_by, input.sort_order);
        let search = Search {
            place: place(cx.caller.account.as_str(), cx.region.as_str()),
            index,
            descending,
            planned_deletion: input.include_planned_deletion.unwrap_or_default(),
            filters: Filters::read(filters)?,
            limit: input.max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_DEFAULT),
        };
        let query = query("ListSecrets", &search, filters);
        let (found, next_token) = self.search_page(&search, &query, input.next_token.as_deref()).await?;
        let secret_list = found.iter().map(|secret| self.entry(&secret.value)).collect();
        Ok(ListSecretsResponse { secret_list: Some(secret_list), next_token })
    }

    /// A page of secrets for BatchGetSecretValue: the names of those that pass, in the order of creation.
    pub(super) async fn filtered_arns(
        &self,
        cx: &Ctx,
        filters: &[Filter],
        limit: usize,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Error> {
        let (index, descending) = order(None, None);
        let search = Search {
            place: place(cx.caller.account.as_str(), cx.region.as_str()),
            index,
            descending,
            planned_deletion: false,
            filters: Filters::read(filters)?,
            limit,
        };
        let query = query("BatchGetSecretValue", &search, filters);
        let (found, next_token) = self.search_page(&search, &query, token).await?;
        Ok((found.iter().map(|secret| secret.value.arn()).collect(), next_token))
    }

    async fn search_page(
        &self,
        search: &Search,
        query: &page::Query,
        token: Option<&str>,
    ) -> Result<(Vec<Loaded<Secret>>, Option<String>), Error> {
        let after = match token {
            Some(token) => Some(read_place(&page::open(&self.documents, query, token)?)),
            None => None,
        };
        let found = match self.narrow(search).await? {
            Some(keys) => self.sorted(search, keys, after).await?,
            None => self.walk(search, after).await?,
        };
        let next = found.next.map(|entry| page::seal(&self.documents, query, &write_place(&entry)));
        Ok((found.secrets, next.transpose()?))
    }

    /// The keys of every secret that can pass, if one of the filters leaves only few.
    async fn narrow(&self, search: &Search) -> Result<Option<Vec<Arc<str>>>, Error> {
        let mut best: Option<BTreeSet<Arc<str>>> = None;
        for probes in search.filters.probes() {
            let Some(keys) = self.probe_all(&search.place, &probes).await? else { continue };
            if best.as_ref().is_none_or(|best| keys.len() < best.len()) {
                best = Some(keys);
            }
        }
        Ok(best.map(|keys| keys.into_iter().collect()))
    }

    async fn probe_all(&self, place: &str, probes: &[Probe]) -> Result<Option<BTreeSet<Arc<str>>>, Error> {
        let mut keys = BTreeSet::new();
        let many_words = Probe { index: BY_WORD, prefix: MANY_WORDS.to_owned() };
        let also = probes.iter().any(|probe| probe.index == BY_WORD).then_some(&many_words);
        for probe in probes.iter().chain(also) {
            let prefix = format!("{place}{}", probe.prefix);
            let range = Range { index: probe.index, prefix, after: None, descending: false, limit: NARROW_MAX + 1 };
            let entries = self.documents.range(&range).await?;
            if entries.len() > NARROW_MAX {
                return Ok(None);
            }
            keys.extend(entries.into_iter().map(|entry| entry.key));
            if keys.len() > NARROW_MAX {
                return Ok(None);
            }
        }
        Ok(Some(keys))
    }

    /// A page from a few candidates, sorted here.
    async fn sorted(&self, search: &Search, keys: Vec<Arc<str>>, after: Option<Entry>) -> Result<Found, Error> {
        let mut passed: Vec<(Entry, Loaded<Secret>)> = self
            .documents
            .load_many::<Secret>(&keys)
            .await?
            .into_iter()
            .filter(|secret| search.passes(&secret.value))
            .map(|secret| (search.entry_of(&secret.value), secret))
            .filter(|(entry, _)| after.as_ref().is_none_or(|after| search.is_behind(entry, after)))
            .collect();
        passed.sort_by(|left, right| left.0.cmp(&right.0));
        if search.descending {
            passed.reverse();
        }
        let more = passed.len() > search.limit;
        passed.truncate(search.limit);
        let next = passed.last().map(|(entry, _)| entry.clone()).filter(|_| more);
        Ok(Found { secrets: passed.into_iter().map(|(_, secret)| secret).collect(), next })
    }

    /// A page from the sorting index, looking at each secret on the way.
    async fn walk(&self, search: &Search, mut after: Option<Entry>) -> Result<Found, Error> {
        let mut secrets = Vec::new();
        let mut looked_at = 0;
        let step = if search.filters.is_empty() { search.limit + 1 } else { search.limit.max(200) };
        loop {
            let range = Range {
                index: search.index,
                prefix: search.place.clone(),
                after: after.clone(),
                descending: search.descending,
                limit: step,
            };
            let entries = self.documents.range(&range).await?;
            let ended = entries.len() < step;
            looked_at += entries.len();
            let keys: Vec<Arc<str>> = entries.iter().map(|entry| Arc::clone(&entry.key)).collect();
            for secret in self.documents.load_many::<Secret>(&keys).await? {
                if !search.passes(&secret.value) {
                    continue;
                }
                if secrets.len() == search.limit {
                    let next = secrets.last().map(|last: &Loaded<Secret>| search.entry_of(&last.value));
                    return Ok(Found { secrets, next });
                }
                secrets.push(secret);
            }
            after = entries.into_iter().next_back().or(after);
            if ended || looked_at >= WALK_MAX {
                return Ok(Found { secrets, next: after.filter(|_| !ended) });
            }
        }
    }

    fn entry(&self, secret: &Secret) -> SecretListEntry {
        let overlaid = self.access_days.overlay(secret);
        let secret = overlaid.as_ref().unwrap_or(secret);
        SecretListEntry {
            arn: Some(secret.arn()),
            name: Some(secret.name.clone()),
            description: secret.description.clone(),
            kms_key_id: secret.kms_key_id.clone(),
            last_changed_date: Some(Timestamp::from_millis(secret.changed_ms)),
            last_accessed_date: secret.accessed(),
            deleted_date: deleted_date(secret),
            tags: tags(secret),
            secret_versions_to_stages: Some(secret.version_ids_to_stages()).filter(|map| !map.is_empty()),
            created_date: Some(Timestamp::from_millis(secret.created_ms)),
            ..SecretListEntry::default()
        }
    }
}

impl Search {
    fn passes(&self, secret: &Secret) -> bool {
        (self.planned_deletion || secret.deletion.is_none()) && self.filters.pass(secret)
    }

    fn entry_of(&self, secret: &Secret) -> Entry {
        Entry { value: secret.sort_value(self.index), key: secret.key().into() }
    }

    fn is_behind(&self, entry: &Entry, after: &Entry) -> bool {
        if self.descending { entry < after } else { entry > after }
    }
}

/// The index to walk and its direction. By date, the newest come first; by name, in the order of the alphabet.
fn order(by: Option<SortByType>, order: Option<SortOrderType>) -> (Index, bool) {
    let index = match by {
        None | Some(SortByType::CreatedDate) => BY_CREATED,
        Some(SortByType::LastAccessedDate) => BY_ACCESSED,
        Some(SortByType::LastChangedDate) => BY_CHANGED,
        Some(SortByType::Name) => BY_NAME,
    };
    let descending = match order {
        Some(SortOrderType::Asc) => false,
        Some(SortOrderType::Desc) => true,
        None => index != BY_NAME,
    };
    (index, descending)
}

/// What a page token of a search is bound to.
fn query(operation: &str, search: &Search, filters: &[Filter]) -> page::Query {
    let query = page::Query::new(operation)
        .part(&search.place)
        .part(search.index.0)
        .flag(search.descending)
        .flag(search.planned_deletion);
    filters.iter().fold(query, |query, filter| {
        let query = query.part(filter.key.map_or("", |key| key.as_str()));
        filter.values.iter().flatten().fold(query.part("values"), |query, value| query.part(value))
    })
}

/// A place in an index as text. No key and no indexed value holds a line feed before the key's own.
fn write_place(entry: &Entry) -> String {
    format!("{}\n{}", entry.key, entry.value)
}

fn read_place(text: &str) -> Entry {
    let (key, value) = text.split_once('\n').unwrap_or((text, ""));
    Entry { value: value.to_owned(), key: key.into() }
}
