//! ListSecrets (specification §3.6): what is asked for, the page of it, the token to go on with.

use strongroom_store::{Entry, Index};
use strongroom_types::Timestamp;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::secretsmanager::{
    Filter, ListSecretsRequest, ListSecretsResponse, SecretListEntry, SortByType, SortOrderType,
};

use super::Secrets;
use super::describe::{deleted_date, external, last_rotated, next_rotation, tags};
use super::filters::Filters;
use super::model::{BY_ACCESSED, BY_CHANGED, BY_CREATED, BY_NAME, Secret, place};
use super::rotation::External;
use super::search::{Found, Search};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::page;

/// Secrets on a page when the caller does not say.
const PAGE_DEFAULT: usize = 100;

/// A page of names, and how to go on from any place on it.
pub(super) struct NamedPage {
    /// The places and ARNs, in order.
    pub(super) arns: Vec<(Entry, String)>,
    next: Option<Entry>,
    query: page::Query,
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
        let found = self.search_page(&search, &query, input.next_token.as_deref()).await?;
        let secret_list = found.secrets.iter().map(|(_, secret)| self.entry(&secret.value)).collect();
        let next_token = found.next.map(|next| page::seal(&self.documents, &query, &write_place(&next)));
        Ok(ListSecretsResponse { secret_list: Some(secret_list), next_token: next_token.transpose()? })
    }

    /// A page of secrets for BatchGetSecretValue: the names of those that pass, in the order of creation.
    pub(super) async fn filtered_arns(
        &self,
        cx: &Ctx,
        filters: &[Filter],
        limit: usize,
        token: Option<&str>,
    ) -> Result<NamedPage, Error> {
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
        let found = self.search_page(&search, &query, token).await?;
        let arns = found.secrets.into_iter().map(|(entry, secret)| (entry, secret.value.arn())).collect();
        Ok(NamedPage { arns, next: found.next, query })
    }

    /// The token that leads behind `cut`, where a page was ended early, or else behind the whole page.
    pub(super) fn token_behind(&self, page: &NamedPage, cut: Option<&Entry>) -> Result<Option<String>, Error> {
        let place = cut.or(page.next.as_ref());
        place.map(|place| page::seal(&self.documents, &page.query, &write_place(place))).transpose()
    }

    async fn search_page(&self, search: &Search, query: &page::Query, token: Option<&str>) -> Result<Found, Error> {
        let after = match token {
            Some(token) => Some(read_place(&page::open(&self.documents, query, token)?)),
            None => None,
        };
        self.find(search, after).await
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
            rotation_enabled: secret.rotation.as_ref().map(|rotation| rotation.enabled),
            rotation_lambda_arn: secret.rotation.as_ref().and_then(|rotation| rotation.function_arn.clone()),
            r#type: secret.kind.clone(),
            external_secret_rotation_metadata: external(secret).map(External::shown_metadata),
            external_secret_rotation_role_arn: external(secret).map(|external| external.role_arn.clone()),
            rotation_rules: secret.rotation.as_ref().and_then(|rotation| rotation.rules.shown()),
            last_rotated_date: last_rotated(secret),
            next_rotation_date: next_rotation(secret),
            owning_service: secret.owner.as_ref().map(|owner| owner.service.clone()),
            ..SecretListEntry::default()
        }
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
