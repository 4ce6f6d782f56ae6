//! Functions that a service of this server tells of something, such as an alarm.

use std::sync::Arc;

use strongroom_types::{AccountId, SecretBytes, Timestamp};
use strongroom_wire::error::ACCESS_DENIED;
use strongroom_wire::lambda::{Operation, errors};

use super::Functions;
use super::conditions::OnBehalfOf;
use super::host::Invoked;
use super::resolve::FunctionRef;
use super::sites::Place;
use crate::access::{Resource, may_as_service};
use crate::error::Error;
use crate::random_uuid;

impl Functions {
    /// Invokes a function as `service` does for what has the ARN `about`, and waits for its end. The function's policy
    /// has to let the service in.
    ///
    /// # Errors
    /// ResourceNotFoundException for a function that is not here; AccessDeniedException for one whose policy does not let
    /// the service in; TooManyRequestsException; what keeps the host from running it; faults.
    pub async fn invoke_for(
        &self,
        service: &'static str,
        about: &str,
        function_arn: &str,
        payload: SecretBytes,
        now: Timestamp,
    ) -> Result<Invoked, Error> {
        let absent = || {
            let text = format!("Function not found: {function_arn}");
            Error::refused(errors::RESOURCE_NOT_FOUND_EXCEPTION, text)
        };
        let number = about.split(':').nth(4).unwrap_or_default();
        let account = AccountId::parse(number).map_err(|_| absent())?;
        let function =
            FunctionRef::resolve_in(&self.documents, &self.region, &account, function_arn, None).await.map(Arc::new)?;
        let Some(Place::Here(found)) = self.place(&function) else { return Err(absent()) };
        if function.version().is_err() {
            return Err(absent());
        }
        let cx = self.own_context(account, service, about, now)?;
        let keys = OnBehalfOf { account: number, arn: about };
        if !may_as_service(&cx, Operation::Invoke.action(), &Resource::Function(Arc::clone(&function)), &keys)? {
            let text = format!("The policy of {function_arn} does not let {service} invoke it for {about}.");
            return Err(Error::refused(ACCESS_DENIED, text));
        }
        let request_id = random_uuid(self.documents.random())?;
        let prepared = self.prepared(found, function.qualifier.as_deref(), payload, None, request_id)?;
        self.run(&prepared, now).await
    }
}
