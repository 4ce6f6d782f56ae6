//! Roles that callers hand to services: Lambda gets a function's execution role, Secrets Manager the role that rotates a
//! managed external secret (specification §5.8).

use std::sync::Arc;

use strongroom_types::{AccountId, Timestamp};
use strongroom_wire::secretsmanager::errors as secrets_errors;

use super::conditions::PassedTo;
use super::host::RoleCredentials;
use super::invoke::CREDENTIALS_S;
use super::resolve::FunctionRef;
use super::services::SECRETS_MANAGER;
use super::{Functions, LAMBDA, account_of, refusals};
use crate::access::{EntityRef, PASS_ROLE, Resource, authorize};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::identities::entity::pairs;
use crate::identities::role::Role;
use crate::sts::ROLE_KIND;

/// What a service is handed a role for.
pub(super) struct Purpose<'a> {
    pub(super) service: &'static str,
    pub(super) resource_arn: &'a str,
    pub(super) account: &'a AccountId,
}

impl Functions {
    /// Whether the caller may pass the role to Lambda, and Lambda may assume it.
    ///
    /// # Errors
    /// AccessDeniedException, InvalidParameterValueException.
    pub(super) async fn check_role(&self, cx: &Ctx, function: &FunctionRef, role_arn: &str) -> Result<(), Error> {
        let purpose = Purpose { service: LAMBDA, resource_arn: &function.arn, account: &function.account };
        let may = self.may_hand_over(cx, role_arn, &purpose).await?;
        if may { Ok(()) } else { Err(refusals::role_not_assumed()) }
    }

    /// Whether the caller may pass a role to Secrets Manager for the rotation of a secret, and Secrets Manager may
    /// assume it.
    ///
    /// # Errors
    /// Secrets Manager's: AccessDeniedException without `iam:PassRole` and for a role of another account,
    /// InvalidParameterException when the role is not there or does not trust the service (texts unconfirmed).
    pub async fn check_rotation_role(
        &self,
        cx: &Ctx,
        role_arn: &str,
        secret_arn: &str,
        secret_account: &str,
    ) -> Result<(), Error> {
        let account = AccountId::parse(secret_account).map_err(|error| Error::internal(error.to_string()))?;
        let purpose = Purpose { service: SECRETS_MANAGER, resource_arn: secret_arn, account: &account };
        let may = self.may_hand_over(cx, role_arn, &purpose).await?;
        if may { Ok(()) } else { Err(rotation_role_not_assumed(role_arn)) }
    }

    /// Credentials of a session of the role that rotates a secret, for Secrets Manager. The role's trust policy is asked
    /// anew.
    ///
    /// # Errors
    /// InvalidParameterException when the role is not there or does not trust the service; faults.
    pub async fn rotation_role(
        &self,
        role_arn: &str,
        secret_arn: &str,
        secret_account: &str,
        now: Timestamp,
    ) -> Result<RoleCredentials, Error> {
        let account = AccountId::parse(secret_account).map_err(|error| Error::internal(error.to_string()))?;
        let cx = self.own_context(account, SECRETS_MANAGER, secret_arn, now)?;
        let source = (secret_account, secret_arn);
        let session = "SecretsManagerRotation";
        let made = self.sts.assume_for_service(&cx, role_arn, SECRETS_MANAGER, source, session, CREDENTIALS_S).await?;
        made.map(RoleCredentials::from).ok_or_else(|| rotation_role_not_assumed(role_arn))
    }

    pub(super) async fn may_hand_over(&self, cx: &Ctx, role_arn: &str, purpose: &Purpose<'_>) -> Result<bool, Error> {
        let Some(account) = account_of(role_arn) else { return Ok(false) };
        if account != *purpose.account {
            return Err(refusals::foreign_role());
        }
        let found = self.identities.with_arn::<Role>(role_arn).await?;
        let entity = EntityRef {
            asked: None,
            arn: role_arn.to_owned(),
            account,
            tags: found.as_ref().map(|role| pairs(&role.value.tags)).unwrap_or_default(),
            boundary: None,
            kind: ROLE_KIND,
        };
        let passed = PassedTo { service: purpose.service, resource_arn: purpose.resource_arn };
        authorize(cx, PASS_ROLE, Resource::Entity(Arc::new(entity)), &passed)?;
        let source = (purpose.account.as_str(), purpose.resource_arn);
        self.sts.service_may_assume(cx, role_arn, purpose.service, source).await
    }
}

fn rotation_role_not_assumed(role_arn: &str) -> Error {
    let text = format!(
        "Secrets Manager can't assume the role {role_arn}. Ensure that the role exists and that its trust policy grants \
         access to the principal {SECRETS_MANAGER}."
    );
    Error::refused(secrets_errors::INVALID_PARAMETER_EXCEPTION, text)
}
