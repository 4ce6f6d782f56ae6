//! What the requests about identity providers are about, and what conditions may ask about them.

use strongroom_policy::Values;
use strongroom_wire::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest, DeleteOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderRequest, ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProvidersRequest,
    RemoveClientIDFromOpenIDConnectProviderRequest, TagOpenIDConnectProviderRequest, UntagOpenIDConnectProviderRequest,
    UpdateOpenIDConnectProviderThumbprintRequest,
};

use super::conditions::{removed_tags, tags};
use super::target::{OIDC_PROVIDER_KIND, Target, Targeted};
use crate::access::RequestKeys;
use crate::identities::oidc_provider::parts_of_issuer;

/// Requests about a provider by ARN.
macro_rules! about_providers {
    ($($request:ty),* $(,)?) => {
        $(impl Targeted for $request {
            fn target(&self) -> Target<'_> {
                Target::OidcProvider(&self.open_id_connect_provider_arn)
            }
        })*
    };
}

about_providers!(
    AddClientIDToOpenIDConnectProviderRequest,
    DeleteOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderRequest,
    ListOpenIDConnectProviderTagsRequest,
    RemoveClientIDFromOpenIDConnectProviderRequest,
    TagOpenIDConnectProviderRequest,
    UntagOpenIDConnectProviderRequest,
    UpdateOpenIDConnectProviderThumbprintRequest,
);

impl Targeted for CreateOpenIDConnectProviderRequest {
    fn target(&self) -> Target<'_> {
        let name = parts_of_issuer(&self.url).map_or(self.url.as_str(), |(_, url)| url);
        Target::New { arn_type: "oidc-provider", kind: OIDC_PROVIDER_KIND, path: None, name }
    }
}

impl Targeted for ListOpenIDConnectProvidersRequest {
    fn target(&self) -> Target<'_> {
        Target::List("oidc-provider", Some("/*"))
    }
}

impl RequestKeys for CreateOpenIDConnectProviderRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, self.tags.as_ref())
    }
}

impl RequestKeys for TagOpenIDConnectProviderRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, Some(&self.tags))
    }
}

impl RequestKeys for UntagOpenIDConnectProviderRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        removed_tags(key, &self.tag_keys)
    }
}

crate::access::without_keys!(
    AddClientIDToOpenIDConnectProviderRequest,
    DeleteOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderRequest,
    ListOpenIDConnectProviderTagsRequest,
    ListOpenIDConnectProvidersRequest,
    RemoveClientIDFromOpenIDConnectProviderRequest,
    UpdateOpenIDConnectProviderThumbprintRequest,
);
