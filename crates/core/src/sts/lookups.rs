//! What STS tells without giving credentials: GetCallerIdentity, GetAccessKeyInfo, DecodeAuthorizationMessage.

use strongroom_wire::sts::{
    DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse, GetAccessKeyInfoRequest,
    GetAccessKeyInfoResponse, GetCallerIdentityResponse,
};

use super::{Sts, refusals};
use crate::access::{Resource, authorize, message};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::access_key::account_of_session_key;

impl Sts {
    /// Who signed the request. Needs no permission.
    #[must_use]
    pub fn get_caller_identity(&self, cx: &Ctx) -> GetCallerIdentityResponse {
        let caller = &cx.caller;
        GetCallerIdentityResponse {
            user_id: Some(caller.user_id.to_string()),
            account: Some(caller.account.to_string()),
            arn: Some(caller.arn.to_string()),
        }
    }

    /// The account of an access key, whether or not it is active; of a session's key also when the session has ended.
    ///
    /// # Errors
    /// AccessDenied, ValidationError for the id of no key.
    pub async fn get_access_key_info(
        &self,
        cx: &Ctx,
        input: GetAccessKeyInfoRequest,
    ) -> Result<GetAccessKeyInfoResponse, Error> {
        authorize(cx, "sts:GetAccessKeyInfo", Resource::Account, &input)?;
        let account = match self.identities.access_key(&input.access_key_id).await? {
            Some(key) => key.value.account().clone(),
            None => {
                let account = account_of_session_key(&input.access_key_id).ok_or_else(refusals::invalid_key_id)?;
                self.identities.account(account.as_str()).await?.ok_or_else(refusals::invalid_key_id)?;
                account
            }
        };
        Ok(GetAccessKeyInfoResponse { account: Some(account.to_string()) })
    }

    /// What an encoded message from the record of a denied request tells.
    ///
    /// # Errors
    /// AccessDenied, InvalidAuthorizationMessageException for one that is none of this account's.
    pub fn decode_authorization_message(
        &self,
        cx: &Ctx,
        input: &DecodeAuthorizationMessageRequest,
    ) -> Result<DecodeAuthorizationMessageResponse, Error> {
        authorize(cx, "sts:DecodeAuthorizationMessage", Resource::Account, input)?;
        let keyring = self.documents.keyring();
        let message = message::decode(keyring, cx.caller.account.as_str(), &input.encoded_message);
        let message = message.ok_or_else(refusals::invalid_message)?;
        Ok(DecodeAuthorizationMessageResponse { decoded_message: Some(message) })
    }
}
