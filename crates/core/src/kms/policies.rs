//! Key policies: put, get, list.

use std::sync::Arc;

use strongroom_policy::{Document, DocumentKind};
use strongroom_wire::kms::{
    GetKeyPolicyRequest, GetKeyPolicyResponse, ListKeyPoliciesRequest, ListKeyPoliciesResponse, Operation,
    PutKeyPolicyRequest,
};

use super::key::Key;
use super::resolve::KeyRef;
use super::{Kms, found, refusals};
use crate::access::{Permit, Resource, may};
use crate::ctx::Ctx;
use crate::documents::Loaded;
use crate::error::Error;
use crate::identities::policy_text::PolicyText;

/// The name of every key's only policy.
const DEFAULT: &str = "default";
/// Bytes of a key policy, at most (KMS's quotas).
const POLICY_BYTES_MAX: usize = 32 * 1024;

impl Kms {
    /// Replaces the key policy.
    ///
    /// # Errors
    /// MalformedPolicyDocumentException for what is no policy, names nobody, or would lock the caller out.
    pub async fn put_key_policy(&self, cx: &Ctx, permit: &Permit, input: PutKeyPolicyRequest) -> Result<(), Error> {
        if input.policy_name.as_deref() == Some("AWS_RAM") {
            return Err(refusals::invalid("The AWS_RAM policy can only be managed by the RAM service."));
        }
        only_default(input.policy_name.as_deref())?;
        let bypass = input.bypass_policy_lockout_safety_check.unwrap_or_default();
        let policy = self.checked_policy(cx, found(permit)?, input.policy, bypass).await?;
        self.change(cx, permit, "put_key_policy", |key| {
            let changed = key.policy != policy;
            key.policy.clone_from(&policy);
            Ok(changed)
        })
        .await
        .map(drop)
    }

    /// A text as the policy of `key`, checked.
    ///
    /// # Errors
    /// As [`Kms::put_key_policy`].
    pub(super) async fn checked_policy(
        &self,
        cx: &Ctx,
        key: &Key,
        text: String,
        bypass_lockout_check: bool,
    ) -> Result<PolicyText, Error> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(refusals::too_many("The policy exceeds the size limit of 32 kilobytes."));
        }
        let document = Document::parse(&text, DocumentKind::Resource).map_err(|malformed| {
            refusals::malformed_policy(match malformed.problem {
                strongroom_policy::Problem::Syntax => "The new key policy is not a valid policy document.",
                _ => "Policy contains a statement with one or more invalid principals.",
            })
        })?;
        let ids = self.identities.bind(&document).await?.map_err(|_| refusals::invalid_principal())?;
        let policy = PolicyText::bound(text, ids);
        if bypass_lockout_check {
            return Ok(policy);
        }
        let after = Key { policy: policy.clone(), ..key.clone() };
        let after = KeyRef {
            account: cx.caller.account.clone(),
            arn: after.arn(),
            alias: None,
            found: Some(Loaded { version: 0, value: Arc::new(after) }),
            grants: Vec::new(),
        };
        let again = PutKeyPolicyRequest::default();
        let may_again = may(cx, Operation::PutKeyPolicy.action(), &Resource::Key(Arc::new(after)), &again)?;
        if may_again { Ok(policy) } else { Err(refusals::lock_out()) }
    }

    /// The key policy's text as it was put.
    ///
    /// # Errors
    /// NotFoundException for another name than `default`.
    pub async fn get_key_policy(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: GetKeyPolicyRequest,
    ) -> Result<GetKeyPolicyResponse, Error> {
        only_default(input.policy_name.as_deref())?;
        let policy = found(permit)?.policy.text().to_owned();
        Ok(GetKeyPolicyResponse { policy: Some(policy), policy_name: Some(DEFAULT.to_owned()) })
    }

    /// The names of the key's policies: `default`.
    ///
    /// # Errors
    /// InvalidMarkerException: there is never a second page.
    pub async fn list_key_policies(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListKeyPoliciesRequest,
    ) -> Result<ListKeyPoliciesResponse, Error> {
        found(permit)?;
        if input.marker.is_some() {
            return Err(refusals::invalid_marker());
        }
        Ok(ListKeyPoliciesResponse {
            policy_names: Some(vec![DEFAULT.to_owned()]),
            next_marker: None,
            truncated: Some(false),
        })
    }
}

fn only_default(name: Option<&str>) -> Result<(), Error> {
    if name.is_none_or(|name| name == DEFAULT) { Ok(()) } else { Err(refusals::no_policy()) }
}
