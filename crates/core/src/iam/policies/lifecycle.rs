//! CreatePolicy, GetPolicy, DeletePolicy.

use strongroom_policy::DocumentKind;
use strongroom_wire::iam::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest, GetPolicyResponse, Operation,
    errors,
};
use strongroom_wire::record;

use super::versions::checked_document;
use super::{Found, POLICIES_MAX, done, listed_tags, shown, shown_aws};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;
use crate::iam::holders::Usage;
use crate::iam::{Iam, tags};
use crate::identities::entity::{Entity, new_id};
use crate::identities::managed_policy::{ManagedPolicy, PolicyVersion};

impl Iam {
    /// Makes a managed policy, with its first version in force.
    ///
    /// # Errors
    /// EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded, InvalidInput for tags.
    pub async fn create_policy(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreatePolicyRequest,
    ) -> Result<CreatePolicyResponse, Error> {
        let account = cx.caller.account.as_str();
        tags::authorize_new(cx, permit, Operation::TagPolicy, input.tags.as_ref(), &input)?;
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_policy").await?;
            let document = checked_document(&input.policy_document, DocumentKind::Managed)?;
            if self.identities.named::<ManagedPolicy>(account, &input.policy_name).await?.is_some() {
                let name = &input.policy_name;
                let text = format!("A policy called {name} already exists. Duplicate names are not allowed.");
                return Err(Error::refused(errors::ENTITY_ALREADY_EXISTS_EXCEPTION, text));
            }
            self.check_quota::<ManagedPolicy>(account, "PoliciesPerAccount", POLICIES_MAX).await?;
            let now_ms = cx.now.millis();
            let policy = ManagedPolicy {
                account: account.to_owned(),
                partition: cx.region.partition().to_owned(),
                name: input.policy_name.clone(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                id: new_id(self.documents.random(), ManagedPolicy::ID_PREFIX)?,
                created_ms: now_ms,
                updated_ms: now_ms,
                description: input.description.clone(),
                tags: tags::checked(Vec::new(), input.tags.as_deref().unwrap_or_default())?,
                versions: vec![PolicyVersion { number: 1, document, created_ms: now_ms }],
                default_version: 1,
                next_version: 2,
            };
            let mut answer = shown(&policy, Usage::default());
            answer.tags = Some(listed_tags(&policy.tags)).filter(|tags| !tags.is_empty());
            let response = CreatePolicyResponse { policy: Some(answer) };
            let done = done(&policy, Some(record::encode(&response)));
            change.put(None, policy)?;
            change.commit(cx, done).await?;
            Ok(response)
        })
        .await
    }

    /// A managed policy of the account or of AWS, without its document.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_policy(&self, cx: &Ctx, _: &Permit, input: GetPolicyRequest) -> Result<GetPolicyResponse, Error> {
        let found = self.managed(cx, &input.policy_arn).await?;
        let usage = self.usage(cx.caller.account.as_str(), &input.policy_arn).await?;
        let (mut policy, description, tags) = match &found {
            Found::Own(found) => {
                let own = &found.value;
                (shown(own, usage), own.description.clone(), listed_tags(&own.tags))
            }
            Found::Aws(aws) => {
                let partition = cx.region.partition();
                (shown_aws(aws, partition, usage), Some(aws.description.to_owned()), Vec::new())
            }
        };
        policy.description = description;
        policy.tags = Some(tags);
        Ok(GetPolicyResponse { policy: Some(policy) })
    }

    /// Removes a managed policy that nothing uses and that has one version.
    ///
    /// # Errors
    /// NoSuchEntity, DeleteConflict; AccessDenied for a policy of AWS.
    pub async fn delete_policy(&self, cx: &Ctx, permit: &Permit, input: DeletePolicyRequest) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_policy").await?;
            let policy = self.own_policy(cx, permit, &input.policy_arn).await?;
            let usage = self.usage(cx.caller.account.as_str(), &input.policy_arn).await?;
            if usage.attached + usage.bounded > 0 {
                let text = "Cannot delete a policy attached to entities.";
                return Err(Error::refused(errors::DELETE_CONFLICT_EXCEPTION, text));
            }
            if policy.value.versions.len() > 1 {
                let text = "This policy has more than one version. Before you delete a policy, you must delete the \
                            policy's versions. The default version is deleted with the policy.";
                return Err(Error::refused(errors::DELETE_CONFLICT_EXCEPTION, text));
            }
            change.delete(&policy);
            change.commit(cx, done(&policy.value, None)).await
        })
        .await
    }
}
