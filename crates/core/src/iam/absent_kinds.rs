//! Lists of credentials and providers that Strongroom never has: empty, once it is certain that the user exists.

use strongroom_wire::iam::{
    ListSAMLProvidersRequest, ListSAMLProvidersResponse, ListSSHPublicKeysRequest, ListSSHPublicKeysResponse,
    ListServerCertificatesRequest, ListServerCertificatesResponse, ListServiceSpecificCredentialsRequest,
    ListServiceSpecificCredentialsResponse, ListSigningCertificatesRequest, ListSigningCertificatesResponse,
};

use super::Iam;
use crate::access::Permit;
use crate::caller::Principal;
use crate::ctx::Ctx;
use crate::error::Error;

impl Iam {
    /// The SSH keys of a user: none.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn list_ssh_public_keys(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListSSHPublicKeysRequest,
    ) -> Result<ListSSHPublicKeysResponse, Error> {
        self.check_user(cx, input.user_name.as_deref()).await?;
        Ok(ListSSHPublicKeysResponse { ssh_public_keys: Some(Vec::new()), is_truncated: Some(false), marker: None })
    }

    /// The credentials of a user, or of all, for single services: none.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn list_service_specific_credentials(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListServiceSpecificCredentialsRequest,
    ) -> Result<ListServiceSpecificCredentialsResponse, Error> {
        if input.user_name.is_some() || input.all_users != Some(true) {
            self.check_user(cx, input.user_name.as_deref()).await?;
        }
        let service_specific_credentials = Some(Vec::new());
        let is_truncated = Some(false);
        Ok(ListServiceSpecificCredentialsResponse { service_specific_credentials, marker: None, is_truncated })
    }

    /// The signing certificates of a user: none.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn list_signing_certificates(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListSigningCertificatesRequest,
    ) -> Result<ListSigningCertificatesResponse, Error> {
        self.check_user(cx, input.user_name.as_deref()).await?;
        Ok(ListSigningCertificatesResponse { certificates: Vec::new(), is_truncated: Some(false), marker: None })
    }

    /// The server certificates of the account: none.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "operations are called alike")]
    pub async fn list_server_certificates(
        &self,
        _cx: &Ctx,
        _permit: &Permit,
        _input: ListServerCertificatesRequest,
    ) -> Result<ListServerCertificatesResponse, Error> {
        let (is_truncated, marker) = (Some(false), None);
        Ok(ListServerCertificatesResponse { server_certificate_metadata_list: Vec::new(), is_truncated, marker })
    }

    /// The SAML providers of the account: none.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unused_async, reason = "operations are called alike")]
    pub async fn list_saml_providers(
        &self,
        _cx: &Ctx,
        _permit: &Permit,
        _input: ListSAMLProvidersRequest,
    ) -> Result<ListSAMLProvidersResponse, Error> {
        Ok(ListSAMLProvidersResponse { saml_provider_list: Some(Vec::new()) })
    }

    /// Refuses a user that does not exist. The root exists.
    async fn check_user(&self, cx: &Ctx, name: Option<&str>) -> Result<(), Error> {
        match (name, &cx.caller.principal) {
            (None, Principal::Root) => Ok(()),
            _ => self.user_or_caller(cx, name).await.map(drop),
        }
    }
}
