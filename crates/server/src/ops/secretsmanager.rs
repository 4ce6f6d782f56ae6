//! The operations of Secrets Manager (awsJson1_1).

use std::sync::Arc;

use strongroom_core::access::RequestKeys;
use strongroom_core::secrets::conditions::WithKey;
use strongroom_core::secrets::resolve::SecretRef;
use strongroom_core::{Ctx, Error, Permit, Resource, Secrets, authorize, secrets};
use strongroom_wire::Shape;
use strongroom_wire::secretsmanager::{
    CancelRotateSecretRequest, CreateSecretRequest, DeleteResourcePolicyRequest, DeleteSecretRequest,
    DescribeSecretRequest, GetResourcePolicyRequest, GetSecretValueRequest, ListResourcePoliciesRequest,
    ListSecretVersionIdsRequest, Operation, PutResourcePolicyRequest, PutSecretValueRequest, RestoreSecretRequest,
    RotateSecretRequest, TagResourceRequest, UntagResourceRequest, UpdateSecretRequest,
    UpdateSecretVersionStageRequest, ValidateResourcePolicyRequest, ValidateResourcePolicyResponse, errors,
};
use strongroom_wire::{json, record};

use super::{Acted, Answered};

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub async fn run(secrets: &Secrets, cx: &Ctx, operation: Operation, body: &[u8]) -> Result<Answered, Error> {
    let call = Operated { secrets, cx, operation, body };
    if operation == Operation::GetSecretValue {
        return call.get_secret_value().await;
    }
    // Boxed: otherwise the future of the most frequent operation had the size of the largest one.
    Box::pin(run_other(call)).await
}

async fn run_other(call: Operated<'_>) -> Result<Answered, Error> {
    match call.operation {
        Operation::CreateSecret => {
            call.on_secret_with_key(
                |i: &CreateSecretRequest| &i.name,
                |i| i.kms_key_id.as_deref(),
                Secrets::create_secret,
            )
            .await
        }
        Operation::GetSecretValue => call.get_secret_value().await,
        Operation::PutSecretValue => {
            call.on_secret(|i: &PutSecretValueRequest| &i.secret_id, Secrets::put_secret_value).await
        }
        Operation::UpdateSecret => {
            call.on_secret_with_key(
                |i: &UpdateSecretRequest| &i.secret_id,
                |i| i.kms_key_id.as_deref(),
                Secrets::update_secret,
            )
            .await
        }
        Operation::UpdateSecretVersionStage => {
            call.on_secret(|i: &UpdateSecretVersionStageRequest| &i.secret_id, Secrets::update_secret_version_stage)
                .await
        }
        Operation::DescribeSecret => {
            call.on_secret(|i: &DescribeSecretRequest| &i.secret_id, Secrets::describe_secret).await
        }
        Operation::ListSecretVersionIds => {
            call.on_secret(|i: &ListSecretVersionIdsRequest| &i.secret_id, Secrets::list_secret_version_ids).await
        }
        Operation::DeleteSecret => call.on_secret(|i: &DeleteSecretRequest| &i.secret_id, Secrets::delete_secret).await,
        Operation::RestoreSecret => {
            call.on_secret(|i: &RestoreSecretRequest| &i.secret_id, Secrets::restore_secret).await
        }
        Operation::TagResource => {
            call.on_secret_silently(|i: &TagResourceRequest| &i.secret_id, Secrets::tag_resource).await
        }
        Operation::UntagResource => {
            call.on_secret_silently(|i: &UntagResourceRequest| &i.secret_id, Secrets::untag_resource).await
        }
        Operation::ValidateResourcePolicy => call.on_secret_or_account(Secrets::validate_resource_policy).await,
        Operation::PutResourcePolicy => {
            call.on_secret(|i: &PutResourcePolicyRequest| &i.secret_id, Secrets::put_resource_policy).await
        }
        Operation::GetResourcePolicy => {
            call.on_secret(|i: &GetResourcePolicyRequest| &i.secret_id, Secrets::get_resource_policy).await
        }
        Operation::DeleteResourcePolicy => {
            call.on_secret(|i: &DeleteResourcePolicyRequest| &i.secret_id, Secrets::delete_resource_policy).await
        }
        Operation::ListResourcePolicies => {
            call.on_secret(|i: &ListResourcePoliciesRequest| &i.secret_id, Secrets::list_resource_policies).await
        }
        Operation::ListSecrets => call.on_account(Secrets::list_secrets).await,
        Operation::GetRandomPassword => call.on_account(Secrets::get_random_password).await,
        Operation::BatchGetSecretValue => call.on_account(Secrets::batch_get_secret_value).await,
        Operation::RotateSecret => call.on_secret(|i: &RotateSecretRequest| &i.secret_id, Secrets::rotate_secret).await,
        Operation::CancelRotateSecret => {
            call.on_secret(|i: &CancelRotateSecretRequest| &i.secret_id, Secrets::cancel_rotate_secret).await
        }
        Operation::ReplicateSecretToRegions
        | Operation::RemoveRegionsFromReplication
        | Operation::StopReplicationToReplica
        | Operation::AssociateCrossAccountReplica
        | Operation::DisassociateCrossAccountReplica => Err(not_offered(call.operation)),
    }
}

/// The operations that this release answers with an error. The README's table lists them as such.
pub const NOT_OFFERED: [Operation; 5] = [
    Operation::AssociateCrossAccountReplica,
    Operation::DisassociateCrossAccountReplica,
    Operation::RemoveRegionsFromReplication,
    Operation::ReplicateSecretToRegions,
    Operation::StopReplicationToReplica,
];

fn not_offered(operation: Operation) -> Error {
    let text = format!("This version of Strongroom does not offer {}.", operation.name());
    Error::refused(errors::INVALID_REQUEST_EXCEPTION, text)
}

/// A call that is being answered.
struct Operated<'a> {
    secrets: &'a Secrets,
    cx: &'a Ctx,
    operation: Operation,
    body: &'a [u8],
}

impl Operated<'_> {
    async fn get_secret_value(&self) -> Result<Answered, Error> {
        self.on_secret(|i: &GetSecretValueRequest| &i.secret_id, Secrets::get_secret_value).await
    }

    /// Reads the input and puts its parameters into the record.
    fn input<I: Shape>(&self) -> Result<I, Error> {
        let input: I = json::decode(self.body)?;
        let parameters = record::encode(&input);
        self.cx.amend_record(|record| record.request_parameters = Some(parameters));
        Ok(input)
    }

    /// Reads the input, finds the secret that it names and asks for leave to act on it.
    async fn permitted<I: Shape + RequestKeys>(&self, id: fn(&I) -> &str) -> Result<(I, Permit, Option<Acted>), Error> {
        let input: I = self.input()?;
        let (secret, acted) = self.named(id(&input)).await?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Secret(secret), &input)?;
        Ok((input, permit, acted))
    }

    /// The secret that a request names.
    async fn named(&self, id: &str) -> Result<(Arc<SecretRef>, Option<Acted>), Error> {
        let secret = Arc::new(self.secrets.resolve(self.cx, id).await?);
        let acted = secret.found.as_ref().map(|found| Acted {
            arn: found.value.arn(),
            account: secret.account.clone(),
            kind: secrets::RESOURCE_KIND,
        });
        Ok((secret, acted))
    }

    /// An operation on the secret that the input names, which may name a key too.
    async fn on_secret_with_key<I, O, F>(
        &self,
        id: fn(&I) -> &str,
        key_id: fn(&I) -> Option<&str>,
        operation: F,
    ) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Secrets, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let (secret, acted) = self.named(id(&input)).await?;
        let key_arn = self.secrets.key_arn(self.cx, &secret.account, key_id(&input)).await?;
        let keys = WithKey { input: &input, key_arn: key_arn.as_deref() };
        let permit = authorize(self.cx, self.operation.action(), Resource::Secret(secret), &keys)?;
        let output = operation(self.secrets, self.cx, &permit, input).await?;
        Ok(Answered { body: json::encode(&output), acted, ..Answered::default() })
    }

    /// An operation on the secret that the input names.
    async fn on_secret<I, O, F>(&self, id: fn(&I) -> &str, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Secrets, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let (input, permit, acted) = self.permitted(id).await?;
        let output = operation(self.secrets, self.cx, &permit, input).await?;
        Ok(Answered { body: json::encode(&output), acted, ..Answered::default() })
    }

    /// An operation without output on the secret that the input names.
    async fn on_secret_silently<I, F>(&self, id: fn(&I) -> &str, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        F: AsyncFnOnce(&Secrets, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let (input, permit, acted) = self.permitted(id).await?;
        operation(self.secrets, self.cx, &permit, input).await?;
        Ok(Answered { body: b"{}".to_vec().into(), acted, ..Answered::default() })
    }

    /// ValidateResourcePolicy, which may name a secret or none.
    async fn on_secret_or_account<F>(&self, operation: F) -> Result<Answered, Error>
    where
        F: AsyncFnOnce(
            &Secrets,
            &Ctx,
            &Permit,
            ValidateResourcePolicyRequest,
        ) -> Result<ValidateResourcePolicyResponse, Error>,
    {
        let input: ValidateResourcePolicyRequest = self.input()?;
        let (resource, acted) = match &input.secret_id {
            Some(id) => self.named(id).await.map(|(secret, acted)| (Resource::Secret(secret), acted))?,
            None => (Resource::Account, None),
        };
        let permit = authorize(self.cx, self.operation.action(), resource, &input)?;
        let output = operation(self.secrets, self.cx, &permit, input).await?;
        Ok(Answered { body: json::encode(&output), acted, ..Answered::default() })
    }

    /// An operation on the account as a whole.
    async fn on_account<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Secrets, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let input: I = self.input()?;
        let permit = authorize(self.cx, self.operation.action(), Resource::Account, &input)?;
        let output = operation(self.secrets, self.cx, &permit, input).await?;
        Ok(Answered { body: json::encode(&output), ..Answered::default() })
    }
}
