//! What services of this server do with functions: Secrets Manager asks whether it may invoke one, and invokes it.

use std::sync::Arc;

use strongroom_types::{AccountId, Arn, SecretBytes, Timestamp};
use strongroom_wire::error::ACCESS_DENIED;
use strongroom_wire::lambda::Operation;
use strongroom_wire::secretsmanager::errors as secrets_errors;

use super::conditions::OnBehalfOf;
use super::host::Invoked;
use super::resolve::FunctionRef;
use super::{Functions, refusals};
use crate::access::{Resource, may_as_service};
use crate::caller::Caller;
use crate::ctx::{Ctx, Way};
use crate::error::Error;
use crate::random_uuid;
use crate::trail::record::{Record, ServiceEvent};

/// Secrets Manager as principals name it.
pub(super) const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";
/// What RotateSecret says of a text that names no function of the secret's region.
const INVALID_ARN: &str = "Invalid rotation Lambda ARN. Ensure the ARN matches format \
                           arn:aws:lambda:<region>:<account>:function:<functionName>.";
/// What RotateSecret says of a function that is not there (unconfirmed).
const NO_FUNCTION: &str = "Lambda does not exist or could not be accessed";
/// What RotateSecret says of a function whose policy does not let Secrets Manager in.
const NOT_LET_IN: &str = "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy \
                          grants access to the principal secretsmanager.amazonaws.com.";

impl Functions {
    /// Whether Secrets Manager may invoke a function to rotate a secret, as RotateSecret asks before it stores the ARN.
    ///
    /// # Errors
    /// Secrets Manager's: InvalidParameterException for what is no ARN of a function in the secret's region,
    /// ResourceNotFoundException for a function that is not there, AccessDeniedException for one whose policy does not let
    /// Secrets Manager in; faults.
    pub async fn check_for_rotation(
        &self,
        function_arn: &str,
        secret_arn: &str,
        secret_account: &str,
    ) -> Result<(), Error> {
        let function = self.for_rotation(function_arn).await?;
        if function.version().is_err() {
            return Err(Error::refused(secrets_errors::RESOURCE_NOT_FOUND_EXCEPTION, NO_FUNCTION));
        }
        if self.lets_in(&function, secret_arn, secret_account, self.clock.now())? {
            Ok(())
        } else {
            Err(Error::refused(ACCESS_DENIED, NOT_LET_IN))
        }
    }

    /// Invokes a function as Secrets Manager does to rotate a secret, and waits for its end. The function's policy is
    /// asked anew.
    ///
    /// # Errors
    /// As [`Functions::check_for_rotation`]; Lambda's TooManyRequestsException when as many run as may; what keeps the host
    /// from running it.
    pub async fn invoke_as_service(
        &self,
        function_arn: &str,
        secret_arn: &str,
        payload: SecretBytes,
        now: Timestamp,
    ) -> Result<Invoked, Error> {
        let function = self.for_rotation(function_arn).await?;
        let absent = || Error::refused(secrets_errors::RESOURCE_NOT_FOUND_EXCEPTION, NO_FUNCTION);
        function.version().map_err(|_| absent())?;
        let account = secret_arn.split(':').nth(4).unwrap_or_default();
        if !self.lets_in(&function, secret_arn, account, now)? {
            return Err(Error::refused(ACCESS_DENIED, NOT_LET_IN));
        }
        let found = function.found.clone().ok_or_else(absent)?;
        let request_id = random_uuid(self.documents.random())?;
        let prepared = self.prepared(found, function.qualifier.as_deref(), payload, None, request_id)?;
        self.run(&prepared, now).await
    }

    /// The function of an ARN that was given for rotation.
    async fn for_rotation(&self, function_arn: &str) -> Result<Arc<FunctionRef>, Error> {
        let invalid = || Error::refused(secrets_errors::INVALID_PARAMETER_EXCEPTION, INVALID_ARN);
        let arn = Arn::parse(function_arn).map_err(|_| invalid())?;
        let account = AccountId::parse(&arn.account).map_err(|_| invalid())?;
        let is_here = arn.service == "lambda"
            && arn.region == self.region.as_str()
            && arn.partition == self.region.partition()
            && arn.resource.starts_with("function:");
        if !is_here {
            return Err(invalid());
        }
        match FunctionRef::resolve_in(&self.documents, &self.region, &account, function_arn, None).await {
            Ok(function) => Ok(Arc::new(function)),
            Err(Error::Refused(_)) => Err(invalid()),
            Err(fault) => Err(fault),
        }
    }

    /// Whether a function's policy lets Secrets Manager invoke it for a secret.
    fn lets_in(
        &self,
        function: &Arc<FunctionRef>,
        secret_arn: &str,
        secret_account: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let account = AccountId::parse(secret_account).map_err(|_| refusals::invalid("no account"))?;
        let cx = self.own_context(account, SECRETS_MANAGER, secret_arn, now)?;
        let keys = OnBehalfOf { account: secret_account, arn: secret_arn };
        may_as_service(&cx, Operation::Invoke.action(), &Resource::Function(Arc::clone(function)), &keys)
    }

    /// The context of what a service does on its own in an account.
    pub(super) fn own_context(
        &self,
        account: AccountId,
        service: &'static str,
        about: &str,
        now: Timestamp,
    ) -> Result<Ctx, Error> {
        let random = self.documents.random();
        let event = ServiceEvent {
            source: service,
            name: "Invoke",
            region: &self.region,
            account: &account,
            secret_arn: about,
            time: now,
            request_id: &random_uuid(random)?,
        };
        let record = Record::service_event(random_uuid(random)?, event);
        Ok(Ctx::new(Arc::new(Caller::service(account, service)), self.region.clone(), now, Way::default(), record))
    }
}
