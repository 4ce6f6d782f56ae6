//! Operations of STS that need something of the account that cannot be set up here: they answer what AWS answers an
//! account without it.

use std::sync::Arc;

use strongroom_types::AccountId;
use strongroom_wire::sts::{
    AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse, AssumeRootRequest, AssumeRootResponse,
    GetDelegatedAccessTokenRequest, GetDelegatedAccessTokenResponse, GetScopedCredentialsRequest,
    GetScopedCredentialsResponse, GetWebIdentityTokenRequest, GetWebIdentityTokenResponse,
};

use super::conditions::SessionKeys;
use super::narrowing::pairs;
use super::{Sts, refusals};
use crate::access::{EntityRef, Resource, authorize};
use crate::caller::Principal;
use crate::ctx::Ctx;
use crate::error::Error;

impl Sts {
    /// Accounts have no providers of SAML.
    ///
    /// # Errors
    /// ValidationError for what is no role, InvalidIdentityToken.
    pub async fn assume_role_with_saml(
        &self,
        input: &AssumeRoleWithSAMLRequest,
    ) -> Result<AssumeRoleWithSAMLResponse, Error> {
        self.role(&input.role_arn).await?;
        Err(refusals::no_provider())
    }

    /// Root access of an organization cannot be centralized.
    ///
    /// # Errors
    /// AccessDenied.
    pub fn assume_root(&self, cx: &Ctx, input: &AssumeRootRequest) -> Result<AssumeRootResponse, Error> {
        if cx.caller.principal == Principal::Root {
            return Err(refusals::root_assumes_role());
        }
        let target = &input.target_principal;
        let number = target.split(':').nth(4).unwrap_or(target);
        let account = AccountId::parse(number).map_err(|_| refusals::invalid_arn(target))?;
        let arn = ["arn:", cx.region.partition(), ":iam::", account.as_str(), ":root"].concat();
        // Whose root it is does not matter to the caller's own policies: the organization stands above both.
        let entity = EntityRef {
            asked: None,
            arn,
            account: cx.caller.account.clone(),
            tags: Vec::new(),
            boundary: None,
            kind: "",
        };
        authorize(cx, "sts:AssumeRoot", Resource::Entity(Arc::new(entity)), &())?;
        Err(refusals::root_access_disabled())
    }

    /// No trade-in token was ever given out.
    ///
    /// # Errors
    /// AccessDenied.
    pub fn get_delegated_access_token(
        &self,
        cx: &Ctx,
        _input: &GetDelegatedAccessTokenRequest,
    ) -> Result<GetDelegatedAccessTokenResponse, Error> {
        authorize(cx, "sts:GetDelegatedAccessToken", Resource::Account, &())?;
        Err(refusals::unknown_trade_in())
    }

    /// Tokens for services outside cannot be enabled.
    ///
    /// # Errors
    /// AccessDenied, OutboundWebIdentityFederationDisabledException.
    pub fn get_web_identity_token(
        &self,
        cx: &Ctx,
        input: &GetWebIdentityTokenRequest,
    ) -> Result<GetWebIdentityTokenResponse, Error> {
        let tags = pairs(input.tags.as_ref());
        let keys = SessionKeys { tags: &tags, duration_seconds: input.duration_seconds, ..SessionKeys::default() };
        authorize(cx, "sts:GetWebIdentityToken", Resource::Account, &keys)?;
        Err(refusals::outbound_federation_disabled())
    }

    /// Credentials cannot be scoped down.
    ///
    /// # Errors
    /// AccessDenied, InvalidSubjectCredentials.
    pub fn get_scoped_credentials(
        &self,
        cx: &Ctx,
        _input: &GetScopedCredentialsRequest,
    ) -> Result<GetScopedCredentialsResponse, Error> {
        authorize(cx, "sts:GetScopedCredentials", Resource::Account, &())?;
        Err(refusals::invalid_subject())
    }
}
