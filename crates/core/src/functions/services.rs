//! What services of this server do with functions: Secrets Manager asks whether it may invoke one, and invokes it.

use std::sync::Arc;

use strongroom_types::{AccountId, Arn, SecretBytes, Timestamp};
use strongroom_wire::error::ACCESS_DENIED;
use strongroom_wire::lambda::Operation;
use strongroom_wire::secretsmanager::errors as secrets_errors;
use tracing::warn;

use super::conditions::OnBehalfOf;
use super::host::Invoked;
use super::resolve::FunctionRef;
use super::sites::{Place, Told};
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

/// Why Secrets Manager cannot use a function.
enum Unusable {
    /// It is not there, or this server may not ask for it, for this reason.
    Absent(Option<String>),
    /// Something else.
    Other(Error),
}

impl Unusable {
    /// In full, for who looks after rotations.
    fn in_full(self) -> Error {
        match self {
            Self::Absent(Some(why)) => absent([NO_FUNCTION, ": ", &why].concat()),
            Self::Absent(None) => absent(NO_FUNCTION),
            Self::Other(error) => error,
        }
    }

    /// As the service tells its callers, who do not hear what a place outside of this server says.
    fn in_the_services_words(self, function_arn: &str) -> Error {
        match self {
            Self::Absent(Some(why)) => {
                warn!(function = function_arn, %why, "a function elsewhere cannot be asked for");
                absent(NO_FUNCTION)
            }
            other => other.in_full(),
        }
    }
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn absent(text: impl Into<String>) -> Error {
    Error::refused(secrets_errors::RESOURCE_NOT_FOUND_EXCEPTION, text)
}

impl Functions {
    /// Whether the caller and Secrets Manager may invoke a function, here or elsewhere, to rotate a secret, as RotateSecret
    /// asks before it stores the ARN. Without leave for a function nobody hears whether it is there.
    ///
    /// # Errors
    /// Secrets Manager's: InvalidParameterException for what is no ARN of a function in the secret's region,
    /// AccessDeniedException for a caller without leave to invoke it, ResourceNotFoundException for a function that is not
    /// there, AccessDeniedException for one whose policy does not let Secrets Manager in; faults.
    pub async fn check_for_rotation(
        &self,
        cx: &Ctx,
        function_arn: &str,
        secret_arn: &str,
        secret_account: &str,
    ) -> Result<(), Error> {
        let named = self.for_rotation(function_arn).await?;
        let may = |function| self.permitted(cx, Operation::Invoke.action(), function, &()).map(drop);
        match self.usable(&named, secret_arn, secret_account, self.clock.now()).await {
            Ok((function, _)) => may(&function),
            Err(unusable) => {
                may(&named)?;
                Err(unusable.in_the_services_words(function_arn))
            }
        }
    }

    /// Invokes a function as Secrets Manager does to rotate a secret, and waits for its end. The function's policy is
    /// asked anew.
    ///
    /// # Errors
    /// As [`Functions::check_for_rotation`]; Lambda's TooManyRequestsException when as many run as may; what keeps the host
    /// from running it, or the place where it is.
    pub async fn invoke_as_service(
        &self,
        function_arn: &str,
        secret_arn: &str,
        payload: SecretBytes,
        now: Timestamp,
    ) -> Result<Invoked, Error> {
        let account = secret_arn.split(':').nth(4).unwrap_or_default();
        let named = self.for_rotation(function_arn).await?;
        let usable = self.usable(&named, secret_arn, account, now).await;
        let (function, place) = usable.map_err(Unusable::in_full)?;
        match place {
            Place::Here(found) => {
                let request_id = random_uuid(self.documents.random())?;
                let prepared = self.prepared(found, function.qualifier.as_deref(), payload, None, request_id)?;
                self.run(&prepared, now).await
            }
            Place::At(site) => site.invoke(function.named(), payload).await.map_err(Error::internal),
        }
    }

    /// A function that Secrets Manager may invoke for a secret, and where it is.
    async fn usable(
        &self,
        named: &Arc<FunctionRef>,
        secret_arn: &str,
        secret_account: &str,
        now: Timestamp,
    ) -> Result<(Arc<FunctionRef>, Place), Unusable> {
        let place = self.place(named).ok_or(Unusable::Absent(None))?;
        let function = match &place {
            Place::Here(_) if named.version().is_err() => return Err(Unusable::Absent(None)),
            Place::Here(_) => Arc::clone(named),
            Place::At(site) => match site.look_up(named.named()).await.map_err(Error::internal)? {
                Told::Absent => return Err(Unusable::Absent(None)),
                Told::Closed(why) => return Err(Unusable::Absent(Some(why))),
                Told::Found { policy } => Arc::new(named.elsewhere(policy).map_err(Error::internal)?),
            },
        };
        if self.lets_in(&function, secret_arn, secret_account, now)? {
            Ok((function, place))
        } else {
            Err(Error::refused(ACCESS_DENIED, NOT_LET_IN).into())
        }
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
