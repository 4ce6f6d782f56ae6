//! GetContextKeysForCustomPolicy and GetContextKeysForPrincipalPolicy: what policies ask of a request.

use strongroom_policy::{Document, DocumentKind, analyse};
use strongroom_wire::iam::{
    GetContextKeysForCustomPolicyRequest, GetContextKeysForPolicyResponse, GetContextKeysForPrincipalPolicyRequest,
    errors,
};

use super::Iam;
use super::target::{Target, Targeted};
use crate::access::{Permit, RequestKeys};
use crate::ctx::Ctx;
use crate::error::Error;

impl Targeted for GetContextKeysForCustomPolicyRequest {
    fn target(&self) -> Target<'_> {
        Target::Account
    }
}

impl Targeted for GetContextKeysForPrincipalPolicyRequest {
    fn target(&self) -> Target<'_> {
        Target::Holder(&self.policy_source_arn)
    }
}

impl RequestKeys for GetContextKeysForCustomPolicyRequest {}
impl RequestKeys for GetContextKeysForPrincipalPolicyRequest {}

impl Iam {
    /// The keys that policies ask for.
    ///
    /// # Errors
    /// InvalidInput for a text that is no policy.
    pub async fn get_context_keys_for_custom_policy(
        &self,
        _: &Ctx,
        _: &Permit,
        input: GetContextKeysForCustomPolicyRequest,
    ) -> Result<GetContextKeysForPolicyResponse, Error> {
        let given = given_policies(&input.policy_input_list)?;
        let all: Vec<&Document> = given.iter().collect();
        Ok(GetContextKeysForPolicyResponse { context_key_names: Some(analyse::context_keys(&all)) })
    }

    /// The keys that the policies of a user with its groups, of a group or of a role ask for, and those of further
    /// policies.
    ///
    /// # Errors
    /// NoSuchEntity; InvalidInput for a text that is no policy, or an ARN of something else.
    pub async fn get_context_keys_for_principal_policy(
        &self,
        cx: &Ctx,
        _: &Permit,
        input: GetContextKeysForPrincipalPolicyRequest,
    ) -> Result<GetContextKeysForPolicyResponse, Error> {
        let held = self.policies_of_holder(cx, &input.policy_source_arn).await?;
        let given = given_policies(input.policy_input_list.as_deref().unwrap_or_default())?;
        let all: Vec<&Document> = held.iter().map(|policy| policy.document.as_ref()).chain(&given).collect();
        Ok(GetContextKeysForPolicyResponse { context_key_names: Some(analyse::context_keys(&all)) })
    }
}

/// Policies that are given as texts. They may be of identities or of resources.
///
/// # Errors
/// InvalidInput with IAM's text for what is wrong.
fn given_policies(texts: &[String]) -> Result<Vec<Document>, Error> {
    let parse = |text: &String| {
        Document::parse(text, DocumentKind::Identity)
            .or_else(|why| Document::parse(text, DocumentKind::Resource).map_err(|_| why))
            .map_err(|malformed| Error::refused(errors::INVALID_INPUT_EXCEPTION, malformed.client_text()))
    };
    texts.iter().map(parse).collect()
}
