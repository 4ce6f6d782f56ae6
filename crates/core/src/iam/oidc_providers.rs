//! Identity providers of OpenID Connect.
//!
//! AWS fetches a thumbprint when none is given. Here none is kept then: the provider's certificate has to chain to a
//! trusted root.

use strongroom_wire::error::VALIDATION;
use strongroom_wire::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest, CreateOpenIDConnectProviderResponse,
    DeleteOpenIDConnectProviderRequest, GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse,
    ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProviderTagsResponse, ListOpenIDConnectProvidersRequest,
    ListOpenIDConnectProvidersResponse, OpenIDConnectProviderListEntry, Operation,
    RemoveClientIDFromOpenIDConnectProviderRequest, TagOpenIDConnectProviderRequest, UntagOpenIDConnectProviderRequest,
    UpdateOpenIDConnectProviderThumbprintRequest, errors,
};
use strongroom_wire::record;

use super::target::OIDC_PROVIDER_KIND;
use super::{Iam, instant, refusals, shown_tags};
use crate::access::Permit;
use crate::ctx::{Ctx, Done};
use crate::documents::{Document, Loaded, retry};
use crate::error::Error;
use crate::identities::entity::key_of_id;
use crate::identities::oidc_provider::{OidcProvider, parts_of_arn, parts_of_issuer};
use crate::oidc::url_is_allowed;

/// Providers of an account, at most (IAM's quotas).
const PROVIDERS_MAX: usize = 100;
/// Client ids of a provider, at most (IAM's quotas).
const CLIENT_IDS_MAX: usize = 100;
/// Thumbprints of a provider, at most (IAM's API, CreateOpenIDConnectProvider).
const THUMBPRINTS_MAX: usize = 5;

impl Iam {
    /// The provider of an ARN in the caller's account.
    async fn provider(&self, cx: &Ctx, arn: &str) -> Result<Loaded<OidcProvider>, Error> {
        let Some((account, _)) = parts_of_arn(arn) else {
            // AWS's text is unconfirmed.
            return Err(Error::refused(errors::INVALID_INPUT_EXCEPTION, format!("ARN {arn} is not valid.")));
        };
        let found = match account == cx.caller.account.as_str() {
            true => self.identities.oidc_provider_with_arn(arn).await?,
            false => None,
        };
        found.ok_or_else(|| {
            let text = format!("OpenIDConnect Provider not found for arn {arn}");
            Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
        })
    }

    /// The account's providers. Its quota bounds their number.
    pub(super) async fn providers(&self, cx: &Ctx) -> Result<Vec<Loaded<OidcProvider>>, Error> {
        self.documents.scan::<OidcProvider>(&key_of_id(cx.caller.account.as_str(), ""), None, PROVIDERS_MAX).await
    }

    /// Makes a provider.
    ///
    /// # Errors
    /// ValidationError for a URL that is none, EntityAlreadyExists, LimitExceeded, InvalidInput for thumbprints, tags
    /// and for what needs Identity Center, which is not here.
    pub async fn create_open_id_connect_provider(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateOpenIDConnectProviderRequest,
    ) -> Result<CreateOpenIDConnectProviderResponse, Error> {
        let (plain_http, url) = self.url(&input.url)?;
        if input.context_provider.is_some() || input.identity_center_instance_arn.is_some() {
            // AWS's text is unconfirmed.
            let text = "The account has no instance of IAM Identity Center.";
            return Err(Error::refused(errors::INVALID_INPUT_EXCEPTION, text));
        }
        let thumbprints = checked_thumbprints(input.thumbprint_list.as_deref().unwrap_or_default())?;
        let mut client_ids = Vec::new();
        for client_id in input.client_id_list.iter().flatten() {
            add_client_id(&mut client_ids, client_id)?;
        }
        super::tags::authorize_new(cx, permit, Operation::TagOpenIDConnectProvider, input.tags.as_ref(), &input)?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_open_id_connect_provider").await?;
            let provider = OidcProvider {
                account: cx.caller.account.to_string(),
                partition: cx.region.partition().to_owned(),
                url: url.to_owned(),
                plain_http,
                client_ids: client_ids.clone(),
                thumbprints: thumbprints.clone(),
                tags: super::tags::checked(Vec::new(), input.tags.as_deref().unwrap_or_default())?,
                created_ms: cx.now.millis(),
            };
            if self.documents.load::<OidcProvider>(provider.key()).await?.is_some() {
                let text = format!("Provider with url {} already exists.", input.url);
                return Err(Error::refused(errors::ENTITY_ALREADY_EXISTS_EXCEPTION, text));
            }
            if self.providers(cx).await?.len() >= PROVIDERS_MAX {
                return Err(refusals::quota("OpenIdConnectProvidersPerAccount", PROVIDERS_MAX));
            }
            let response = CreateOpenIDConnectProviderResponse {
                open_id_connect_provider_arn: Some(provider.arn()),
                tags: shown_tags(&provider.tags),
            };
            let done = done(&provider, Some(record::encode(&response)));
            change.put(None, provider)?;
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// A provider.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for what is no ARN of a provider.
    pub async fn get_open_id_connect_provider(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetOpenIDConnectProviderRequest,
    ) -> Result<GetOpenIDConnectProviderResponse, Error> {
        let provider = self.provider(cx, &input.open_id_connect_provider_arn).await?.value;
        Ok(GetOpenIDConnectProviderResponse {
            url: Some(provider.url.clone()),
            client_id_list: Some(provider.client_ids.clone()),
            thumbprint_list: Some(provider.thumbprints.clone()),
            create_date: Some(instant(provider.created_ms)),
            tags: shown_tags(&provider.tags),
            ..GetOpenIDConnectProviderResponse::default()
        })
    }

    /// The ARNs of the account's providers.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn list_open_id_connect_providers(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: ListOpenIDConnectProvidersRequest,
    ) -> Result<ListOpenIDConnectProvidersResponse, Error> {
        let entry = |provider: Loaded<OidcProvider>| OpenIDConnectProviderListEntry {
            arn: Some(provider.value.arn()),
            ..OpenIDConnectProviderListEntry::default()
        };
        let list = self.providers(cx).await?.into_iter().map(entry).collect();
        Ok(ListOpenIDConnectProvidersResponse { open_id_connect_provider_list: Some(list) })
    }

    /// Removes a provider. Roles that trust it stay.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for what is no ARN of a provider.
    pub async fn delete_open_id_connect_provider(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteOpenIDConnectProviderRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_open_id_connect_provider").await?;
            let provider = self.provider(cx, &input.open_id_connect_provider_arn).await?;
            change.delete(&provider);
            change.commit(cx, done(&provider.value, None)).await
        })
        .await
    }

    /// Puts a provider's thumbprints in the place of those it had.
    ///
    /// # Errors
    /// NoSuchEntity, InvalidInput.
    pub async fn update_open_id_connect_provider_thumbprint(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UpdateOpenIDConnectProviderThumbprintRequest,
    ) -> Result<(), Error> {
        let thumbprints = checked_thumbprints(&input.thumbprint_list)?;
        let alter = |provider: &mut OidcProvider| {
            provider.thumbprints.clone_from(&thumbprints);
            Ok(())
        };
        let transaction = "update_open_id_connect_provider_thumbprint";
        self.change_provider(cx, transaction, &input.open_id_connect_provider_arn, alter).await
    }

    /// Adds a client id. One that is there is no error.
    ///
    /// # Errors
    /// NoSuchEntity, LimitExceeded; InvalidInput for what is no ARN of a provider.
    pub async fn add_client_id_to_open_id_connect_provider(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: AddClientIDToOpenIDConnectProviderRequest,
    ) -> Result<(), Error> {
        let alter = |provider: &mut OidcProvider| add_client_id(&mut provider.client_ids, &input.client_id);
        let transaction = "add_client_id_to_open_id_connect_provider";
        self.change_provider(cx, transaction, &input.open_id_connect_provider_arn, alter).await
    }

    /// Removes a client id. One that is absent is no error.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for what is no ARN of a provider.
    pub async fn remove_client_id_from_open_id_connect_provider(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: RemoveClientIDFromOpenIDConnectProviderRequest,
    ) -> Result<(), Error> {
        let alter = |provider: &mut OidcProvider| {
            provider.client_ids.retain(|client_id| *client_id != input.client_id);
            Ok(())
        };
        let transaction = "remove_client_id_from_open_id_connect_provider";
        self.change_provider(cx, transaction, &input.open_id_connect_provider_arn, alter).await
    }

    /// Sets tags of a provider.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput and LimitExceeded for tags.
    pub async fn tag_open_id_connect_provider(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: TagOpenIDConnectProviderRequest,
    ) -> Result<(), Error> {
        let alter = |provider: &mut OidcProvider| {
            provider.tags = super::tags::checked(std::mem::take(&mut provider.tags), &input.tags)?;
            Ok(())
        };
        let arn = &input.open_id_connect_provider_arn;
        self.change_provider(cx, "tag_open_id_connect_provider", arn, alter).await
    }

    /// Removes tags of a provider.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for what is no ARN of a provider.
    pub async fn untag_open_id_connect_provider(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UntagOpenIDConnectProviderRequest,
    ) -> Result<(), Error> {
        let alter = |provider: &mut OidcProvider| {
            provider.tags = super::tags::without(std::mem::take(&mut provider.tags), &input.tag_keys);
            Ok(())
        };
        let arn = &input.open_id_connect_provider_arn;
        self.change_provider(cx, "untag_open_id_connect_provider", arn, alter).await
    }

    /// The tags of a provider.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_open_id_connect_provider_tags(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListOpenIDConnectProviderTagsRequest,
    ) -> Result<ListOpenIDConnectProviderTagsResponse, Error> {
        let arn = &input.open_id_connect_provider_arn;
        let tags = &self.provider(cx, arn).await?.value.tags;
        let of = ("ListOpenIDConnectProviderTags", arn.as_str());
        let page = self.tag_page(cx, of, tags, input.max_items, input.marker.as_deref())?;
        let is_truncated = page.is_truncated();
        Ok(ListOpenIDConnectProviderTagsResponse { tags: page.items, is_truncated, marker: page.marker })
    }

    async fn change_provider(
        &self,
        cx: &Ctx,
        transaction: &'static str,
        arn: &str,
        alter: impl Fn(&mut OidcProvider) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, transaction).await?;
            let before = self.provider(cx, arn).await?;
            let mut after = OidcProvider::clone(&before.value);
            alter(&mut after)?;
            let done = done(&after, None);
            change.put(Some(&before), after)?;
            change.commit(cx, done).await
        })
        .await
    }

    /// The parts of a provider's URL, which has no query.
    ///
    /// # Errors
    /// ValidationError.
    fn url<'a>(&self, url: &'a str) -> Result<(bool, &'a str), Error> {
        let is_allowed = url_is_allowed(url, self.plain_http_on_loopback) && !url.contains('?');
        parts_of_issuer(url)
            .filter(|_| is_allowed)
            .ok_or_else(|| Error::refused(VALIDATION, "Invalid Open ID Connect Provider URL"))
    }
}

fn checked_thumbprints(thumbprints: &[String]) -> Result<Vec<String>, Error> {
    if thumbprints.len() > THUMBPRINTS_MAX {
        let text = format!("Thumbprint list must contain fewer than {THUMBPRINTS_MAX} entries.");
        return Err(Error::refused(errors::INVALID_INPUT_EXCEPTION, text));
    }
    Ok(thumbprints.to_vec())
}

fn add_client_id(client_ids: &mut Vec<String>, added: &str) -> Result<(), Error> {
    if client_ids.iter().any(|client_id| client_id == added) {
        return Ok(());
    }
    if client_ids.len() >= CLIENT_IDS_MAX {
        return Err(refusals::quota("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_MAX));
    }
    client_ids.push(added.to_owned());
    Ok(())
}

fn done(provider: &OidcProvider, response_elements: Option<String>) -> Done {
    Done { response_elements, arn: Some(provider.arn()), resource_kind: OIDC_PROVIDER_KIND }
}
