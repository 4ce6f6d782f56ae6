//! Resource policies: put, get, delete, list (specification §§3.16, 13.2). Stored and checked for syntax and breadth.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_policy::{Document, DocumentKind};
use strongroom_store::Batch;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{
    DeleteResourcePolicyRequest, DeleteResourcePolicyResponse, GetResourcePolicyRequest, GetResourcePolicyResponse,
    ListResourcePoliciesRequest, ListResourcePoliciesResponse, Operation, PutResourcePolicyRequest,
    PutResourcePolicyResponse, ResourcePolicySummary, ValidateResourcePolicyRequest, ValidateResourcePolicyResponse,
    ValidationErrorsEntry,
};

use super::model::Secret;
use super::resolve::SecretRef;
use super::{Secrets, refusals};
use crate::access::{Permit, Resource, authorize, may};
use crate::ctx::Ctx;
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::identities::policy_text::PolicyText;
use crate::page;

/// The name of the policy that users put.
const DEFAULT: &str = "default";

impl Secrets {
    /// Replaces the resource policy.
    ///
    /// # Errors
    /// MalformedPolicyDocument, PublicPolicy when BlockPublicPolicy is asked for, InvalidParameter for another name.
    pub async fn put_resource_policy(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: PutResourcePolicyRequest,
    ) -> Result<PutResourcePolicyResponse, Error> {
        only_default(input.policy_name.as_deref())?;
        let policy = Document::parse(&input.resource_policy, DocumentKind::Resource)
            .map_err(|malformed| refusals::malformed_policy(&malformed))?;
        let ids = self.bound(&policy).await?;
        if input.block_public_policy.unwrap_or_default() && policy.grants_broad_access() {
            return Err(refusals::public_policy());
        }
        let policy = PolicyText::bound(input.resource_policy, ids);
        if locks_out(cx, permit.secret()?, &policy)? {
            return Err(refusals::lock_out());
        }
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        let after = self.set_policy(cx, permit, "put_resource_policy", Some(policy)).await?;
        Ok(PutResourcePolicyResponse {
            arn: Some(after.arn()),
            name: Some(after.name.clone()),
            policy_name: input.policy_name,
        })
    }

    /// Removes the resource policy. That there is none is no error (unconfirmed).
    ///
    /// # Errors
    /// InvalidParameter for another name than the default.
    pub async fn delete_resource_policy(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: DeleteResourcePolicyRequest,
    ) -> Result<DeleteResourcePolicyResponse, Error> {
        only_default(input.policy_name.as_deref())?;
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        let after = self.set_policy(cx, permit, "delete_resource_policy", None).await?;
        Ok(DeleteResourcePolicyResponse {
            arn: Some(after.arn()),
            name: Some(after.name.clone()),
            policy_name: input.policy_name,
        })
    }

    /// Tells what is wrong with a policy without putting it: broad access, principals that are not there, the caller
    /// locked out of the secret. Whoever may not put a policy may not try one either.
    ///
    /// # Errors
    /// MalformedPolicyDocument for a text that is no policy; ResourceNotFound, InvalidRequest for the secret.
    pub async fn validate_resource_policy(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: ValidateResourcePolicyRequest,
    ) -> Result<ValidateResourcePolicyResponse, Error> {
        authorize(cx, Operation::PutResourcePolicy.action(), permit.resource().clone(), &())?;
        let policy = Document::parse(&input.resource_policy, DocumentKind::Resource)
            .map_err(|malformed| refusals::malformed_policy(&malformed))?;
        let mut found = Vec::new();
        if policy.grants_broad_access() {
            found.push(("BroadAccess", refusals::public_policy()));
        }
        let ids = match self.bound(&policy).await {
            Ok(ids) => ids,
            Err(refused) => {
                found.push(("UnsupportedPrincipal", refused));
                BTreeMap::new()
            }
        };
        if let Resource::Secret(secret) = permit.resource() {
            Self::found_live(secret)?;
            if locks_out(cx, secret, &PolicyText::bound(input.resource_policy, ids))? {
                found.push(("Lockout", refusals::lock_out()));
            }
        }
        let mut errors = Vec::new();
        for (check, refused) in found {
            let Error::Refused(refusal) = refused else { return Err(refused) };
            let (check_name, error_message) = (Some(check.to_owned()), Some(refusal.message));
            errors.push(ValidationErrorsEntry { check_name, error_message });
        }
        Ok(ValidateResourcePolicyResponse {
            policy_validation_passed: Some(errors.is_empty()),
            validation_errors: Some(errors),
        })
    }

    /// The unique ids of the users and roles that a policy names. Refuses those of this server's accounts that are not
    /// there; of other accounts nothing is known.
    async fn bound(&self, policy: &Document) -> Result<BTreeMap<String, String>, Error> {
        self.identities.bind(policy).await?.map_err(|_| refusals::unsupported_principal())
    }

    async fn set_policy(
        &self,
        cx: &Ctx,
        permit: &Permit,
        name: &'static str,
        policy: Option<PolicyText>,
    ) -> Result<Arc<Secret>, Error> {
        retry(|| async {
            let before = self.live(permit.secret()?).await?;
            let mut after = Secret::clone(&before.value);
            after.policy.clone_from(&policy);
            if after == *before.value {
                return Ok(before.value);
            }
            after.changed_ms = cx.now.millis();
            let after = Arc::new(after);
            let shown = PutResourcePolicyResponse {
                arn: Some(after.arn()),
                name: Some(after.name.clone()),
                ..Default::default()
            };
            self.commit(cx, Batch::named(name), &before, &after, Some(record::encode(&shown))).await?;
            Ok(after)
        })
        .await
    }

    /// The resource policy's text as it was put; left out when there is none.
    ///
    /// # Errors
    /// ResourceNotFound for a policy name that the secret does not have.
    pub async fn get_resource_policy(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: GetResourcePolicyRequest,
    ) -> Result<GetResourcePolicyResponse, Error> {
        let secret = Self::found_live(permit.secret()?)?;
        if let Some(name) = input.policy_name.as_deref().filter(|name| *name != DEFAULT) {
            return Err(refusals::unknown_policy(name));
        }
        Ok(GetResourcePolicyResponse {
            arn: Some(secret.arn()),
            name: Some(secret.name.clone()),
            resource_policy: secret.policy.as_ref().map(|policy| policy.text().to_owned()),
            policy_name: input.policy_name,
        })
    }

    /// The names of the secret's policies: `default`, if there is one.
    ///
    /// # Errors
    /// InvalidNextToken.
    pub async fn list_resource_policies(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListResourcePoliciesRequest,
    ) -> Result<ListResourcePoliciesResponse, Error> {
        let secret = Self::found_live(permit.secret()?)?;
        let query = page::Query::new("ListResourcePolicies").part(&secret.arn());
        let begun = input.next_token.map(|token| page::open(&self.documents, &query, &token)).transpose()?;
        let has_default = secret.policy.is_some() && begun.is_none();
        let names = has_default.then(|| ResourcePolicySummary { policy_name: Some(DEFAULT.to_owned()) });
        Ok(ListResourcePoliciesResponse {
            resource_policies: names.into_iter().collect(),
            ..ListResourcePoliciesResponse::default()
        })
    }
}

/// Whether the caller could put no policy on the secret any more once `policy` is in force.
fn locks_out(cx: &Ctx, secret: &SecretRef, policy: &PolicyText) -> Result<bool, Error> {
    let Some(found) = &secret.found else { return Ok(false) };
    let after = Secret { policy: Some(policy.clone()), ..Secret::clone(&found.value) };
    let found = Some(Loaded { version: found.version, value: Arc::new(after) });
    let after = Resource::Secret(Arc::new(SecretRef { found, ..secret.clone() }));
    Ok(!may(cx, Operation::PutResourcePolicy.action(), &after, &())?)
}

fn only_default(name: Option<&str>) -> Result<(), Error> {
    if name.is_none_or(|name| name == DEFAULT) { Ok(()) } else { Err(refusals::policy_name_fixed()) }
}
