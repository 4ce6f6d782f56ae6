//! The only door: every request is routed, authenticated, authorised, carried out and recorded here, in that order.

use std::sync::Arc;

use strongroom_core::trail::record::{Outcome, Record, Resource, TlsDetails, UserIdentity};
use strongroom_core::{Caller, Ctx, Error, Principal, secrets};
use strongroom_wire::error::{self, INTERNAL_SERVICE_ERROR, ServiceError, UNKNOWN_OPERATION};
use strongroom_wire::secretsmanager::Operation;
use tracing::error;

use crate::app::App;
use crate::authn;
use crate::front::{Answer, Answering, Call, Endpoint, Readiness};
use crate::ops::secretsmanager::{self as operations, Answered};
use crate::route;

/// The text of a fault, for the log alone.
#[must_use]
pub fn fault_text(error: &Error) -> String {
    match error {
        Error::Internal(text) => text.to_string(),
        Error::Conflict => "a document was changed meanwhile".to_owned(),
        Error::Refused(refusal) => refusal.to_string(),
    }
}

/// The door of a server.
pub struct Gate {
    app: Arc<App>,
}

impl Gate {
    /// The door to `app`.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn answer(&self, call: Call) -> Answer {
        let Some(operation) = route::operation(&call) else {
            return refuse(&UNKNOWN_OPERATION.bare());
        };
        let caller = match authn::authenticate(&self.app, &call).await {
            Ok(caller) => caller,
            Err(failure) => {
                let record = self.record(&call, operation, authn::unknown(&call));
                return self.finish_unknown(&call, record, failure);
            }
        };
        let identity = identity(&caller);
        let record = self.record(&call, operation, identity);
        let cx = Ctx::new(caller.who, self.app.region.clone(), call.received, record);
        let result = operations::run(&self.app.secrets, &cx, operation, call.body.expose()).await;
        self.finish(&call, &cx, result)
    }

    /// Writes the record, unless it was committed with the change, and makes the answer. Without a record there is no
    /// answer but InternalServiceError.
    fn finish(&self, call: &Call, cx: &Ctx, result: Result<Answered, Error>) -> Answer {
        let outcome = match &result {
            Ok(answered) => {
                let resource = |arn: &String| Resource {
                    arn: arn.clone(),
                    account_id: cx.caller.account.to_string(),
                    kind: secrets::RESOURCE_KIND.to_owned(),
                };
                Outcome::Success { response_elements: None, resources: answered.arn.iter().map(resource).collect() }
            }
            Err(failure) => failed(&self.told(call, failure)),
        };
        if !(result.is_ok() && cx.is_recorded())
            && let Err(failure) = self.append(&cx.finish_record(&outcome).1)
        {
            return refuse(&self.told(call, &failure));
        }
        match result {
            Ok(answered) => Answer::json(200, answered.body),
            Err(failure) => refuse(&self.told_quietly(call, &failure)),
        }
    }
}
