//! What EventBridge does with functions and roles: it invokes functions that are targets of rules, and is handed roles.

use std::sync::Arc;

use strongroom_types::{SecretBytes, Timestamp};
use strongroom_wire::error::VALIDATION;
use strongroom_wire::lambda::Operation;

use super::conditions::OnBehalfOf;
use super::host::Invoked;
use super::resolve::FunctionRef;
use super::roles::Purpose;
use super::sites::Place;
use super::{Functions, account_of};
use crate::access::{Resource, may_as_service};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::random_uuid;

/// EventBridge as principals name it.
const EVENTS: &str = "events.amazonaws.com";

impl Functions {
    /// Invokes a function as EventBridge does for a rule, and waits for its end. The function's policy is asked each time.
    ///
    /// # Errors
    /// Refusals when the function is not there, or does not let EventBridge in for the rule; Lambda's
    /// TooManyRequestsException when as many run as may; what keeps the host from running it.
    pub async fn invoke_for_rule(
        &self,
        function_arn: &str,
        rule_arn: &str,
        payload: SecretBytes,
        now: Timestamp,
    ) -> Result<Invoked, Error> {
        let invalid = |text: &str| Error::refused(VALIDATION, format!("{function_arn}: {text}"));
        let account = account_of(function_arn).ok_or_else(|| invalid("not the ARN of a function"))?;
        let function = FunctionRef::resolve_in(&self.documents, &self.region, &account, function_arn, None).await?;
        let function = Arc::new(function);
        let Some(Place::Here(found)) = self.place(&function).filter(|_| function.version().is_ok()) else {
            return Err(invalid("the function is not there"));
        };
        let source = rule_arn.split(':').nth(4).unwrap_or_default();
        let cx = self.own_context(account, EVENTS, rule_arn, now)?;
        let keys = OnBehalfOf { account: source, arn: rule_arn };
        if !may_as_service(&cx, Operation::Invoke.action(), &Resource::Function(Arc::clone(&function)), &keys)? {
            return Err(invalid("the function's policy does not let events.amazonaws.com in for the rule"));
        }
        let request_id = random_uuid(self.documents.random())?;
        let prepared = self.prepared(found, function.qualifier.as_deref(), payload, None, request_id)?;
        self.run(&prepared, now).await
    }

    /// Whether the caller may pass a role to EventBridge for a rule, and EventBridge may assume it.
    ///
    /// # Errors
    /// AccessDeniedException without `iam:PassRole` and for a role of another account; ValidationException when the role
    /// is not there or does not trust the service.
    pub async fn check_events_role(&self, cx: &Ctx, role_arn: &str, rule_arn: &str) -> Result<(), Error> {
        let purpose = Purpose { service: EVENTS, resource_arn: rule_arn, account: &cx.caller.account };
        if self.may_hand_over(cx, role_arn, &purpose).await? {
            return Ok(());
        }
        let text = format!("Provided role '{role_arn}' cannot be assumed by principal '{EVENTS}'.");
        Err(Error::refused(VALIDATION, text))
    }
}
