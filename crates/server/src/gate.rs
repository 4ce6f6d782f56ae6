//! The only door: every request is routed, authenticated, authorised, carried out and recorded here, in that order.

use std::sync::Arc;

use http::header::USER_AGENT;
use strongroom_core::trail::record::{
    EventKind, IdentityKind, Outcome, Record, Resource, Source, TlsDetails, UserIdentity,
};
use strongroom_core::{Ctx, Error, random_uuid, secrets};
use strongroom_wire::error::{INTERNAL_SERVICE_ERROR, SERVICE_UNAVAILABLE, ServiceError, UNKNOWN_OPERATION, body_json};
use strongroom_wire::secretsmanager::{Operation, SERVICE};
use tracing::error;

use crate::app::App;
use crate::authn;
use crate::front::{Answer, Answering, Call, Endpoint, Readiness};
use crate::ops::secretsmanager as operations;
use crate::route;

/// What the client is told of a fault.
const FAULT_TEXT: &str = "An error occurred on the server side.";

/// What the client is told when the trail's file system is nearly full.
const NO_SPACE_TEXT: &str = "The file system of the audit trail is nearly full. Only DeleteSecret is carried out.";

/// What the client is told when too many records of changes wait for the trail.
const BACKLOG_TEXT: &str = "Too many records of changes wait for the audit trail. No change is carried out for now.";

/// The text of a failure, for the log alone.
#[must_use]
pub fn fault_text(failure: &Error) -> String {
    match failure {
        Error::Internal(text) => text.to_string(),
        Error::Conflict => "a document was changed meanwhile".to_owned(),
        Error::Refused(refusal) => refusal.to_string(),
    }
}

/// The door of a server.
pub struct Gate {
    app: Arc<App>,
}

impl Endpoint for Gate {
    fn call(self: Arc<Self>, call: Call) -> Answering {
        Box::pin(self.answer(call))
    }

    fn ready(&self) -> Readiness {
        self.app.standing.readiness()
    }
}

impl Gate {
    /// The door to `app`.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn answer(self: Arc<Self>, call: Call) -> Answer {
        let operation = route::operation(&call);
        let signer = authn::authenticate(&self.app, &call).await;
        match (operation, signer) {
            (Some(operation), Ok(signer)) => self.carry_out(&call, operation, signer).await,
            (None, Ok(_)) => self.turn_away(&call, None, Error::Refused(UNKNOWN_OPERATION.bare()), true).await,
            (None, Err(_)) => self.turn_away(&call, None, Error::Refused(UNKNOWN_OPERATION.bare()), false).await,
            (operation, Err(failure)) => self.turn_away(&call, operation, failure, false).await,
        }
    }

    async fn carry_out(&self, call: &Call, operation: Operation, signer: authn::Signer) -> Answer {
        if let Some(failure) = self.no_room_for(call, operation) {
            return self.refuse(call, &failure);
        }
        let record = match self.record(call, operation.name(), operation.is_read_only(), signer.identity) {
            Ok(record) => record,
            Err(failure) => return self.refuse(call, &failure),
        };
        let cx = Ctx::new(signer.caller, self.app.region.clone(), call.received, record);
        let carried_out = if !operation.is_read_only() && self.app.standing.backlog_is_full() {
            Err(Error::refused(SERVICE_UNAVAILABLE, BACKLOG_TEXT))
        } else {
            operations::run(&self.app.secrets, &cx, operation, call.body.expose()).await
        };
        match carried_out {
            Ok(answered) => {
                let resource = |arn: &String| Resource {
                    arn: arn.clone(),
                    account_id: cx.caller.account.to_string(),
                    kind: secrets::RESOURCE_KIND.to_owned(),
                };
                let resources = answered.arn.iter().map(resource).collect();
                let outcome = Outcome::Success { response_elements: None, resources };
                // A change committed its record with itself.
                let recorded = if cx.is_recorded() { Ok(()) } else { self.append(cx.finish_record(&outcome).1).await };
                match recorded {
                    Ok(()) => Answer::json(200, answered.body),
                    Err(failure) => self.refuse(call, &failure),
                }
            }
            Err(failure) => {
                let told = told(&failure);
                let line = cx.finish_record(&failed(&told)).1;
                match self.append(line).await {
                    Ok(()) => self.refuse(call, &failure),
                    Err(unrecorded) => self.refuse(call, &unrecorded),
                }
            }
        }
    }

    /// Why a request is refused before anything of it is done, when its record could fill the disk. It has no record
    /// itself, but is counted among those that one record sums up later.
    fn no_room_for(&self, call: &Call, operation: Operation) -> Option<Error> {
        // What makes room is always allowed.
        if !self.app.standing.space_is_low() || operation == Operation::DeleteSecret {
            return None;
        }
        self.app.refused.without_space(call.source, call.received);
        Some(Error::refused(SERVICE_UNAVAILABLE, NO_SPACE_TEXT))
    }

    /// Refuses a request whose signer or operation is not known. It is recorded all the same, save what one source
    /// without a valid signature sends too often: of that, one record sums up how much it was.
    async fn turn_away(&self, call: &Call, operation: Option<Operation>, failure: Error, signed: bool) -> Answer {
        if self.app.standing.space_is_low() {
            self.app.refused.without_space(call.source, call.received);
            return self.refuse(call, &failure);
        }
        if !signed && !self.app.refused.is_recorded(call.source, call.received) {
            return self.refuse(call, &failure);
        }
        let name = operation.map_or("UnknownOperation", Operation::name);
        let read_only = operation.is_some_and(Operation::is_read_only);
        let recorded = match self.record(call, name, read_only, Arc::new(UserIdentity::of(IdentityKind::Unknown))) {
            Ok(record) => self.append(record.finish(&failed(&told(&failure)))).await,
            Err(fault) => Err(fault),
        };
        match recorded {
            Ok(()) => self.refuse(call, &failure),
            Err(unrecorded) => self.refuse(call, &unrecorded),
        }
    }

    fn record(
        &self,
        call: &Call,
        name: &'static str,
        read_only: bool,
        identity: Arc<UserIdentity>,
    ) -> Result<Record, Error> {
        // Nearly always plain ASCII, which is told faster than UTF-8 that may be faulty.
        let user_agent = call.headers.get(USER_AGENT).map(|agent| match agent.to_str() {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(agent.as_bytes()).into_owned(),
        });
        let tls = call.tls.map(|tls| {
            Arc::new(TlsDetails {
                version: tls.version.to_owned(),
                cipher_suite: tls.cipher_suite.to_owned(),
                host: call.host().unwrap_or_default().to_owned(),
            })
        });
        Ok(Record {
            kind: EventKind::ApiCall,
            event_id: random_uuid(self.app.random.as_ref())?,
            event_time: call.received,
            event_source: SERVICE.event_source,
            event_name: name.into(),
            aws_region: self.app.region.clone(),
            source_ip: Source::Address(call.source),
            user_agent: user_agent.unwrap_or_default(),
            request_id: call.request_id.clone(),
            account: Some(self.app.account.clone()),
            identity,
            read_only,
            request_parameters: None,
            additional_event_data: Vec::new(),
            tls,
        })
    }

    async fn append(&self, line: String) -> Result<(), Error> {
        let written = self.app.trail.append_aside(line).await;
        self.app.standing.set_trail_works(written.is_ok());
        written.map_err(|error| Error::internal(format!("the trail cannot be written: {error}")))
    }

    /// The answer for a failure. The text of a fault goes to the log with the request's id, and nowhere else.
    fn refuse(&self, call: &Call, failure: &Error) -> Answer {
        if !matches!(failure, Error::Refused(_)) {
            error!(request_id = %call.request_id, fault = %fault_text(failure), "a request failed");
        }
        let told = told(failure);
        Answer::json(told.code.status, body_json(&told))
    }
}

/// What the client is told.
fn told(failure: &Error) -> ServiceError {
    match failure {
        Error::Refused(refusal) => refusal.clone(),
        Error::Internal(_) | Error::Conflict => INTERNAL_SERVICE_ERROR.with(FAULT_TEXT),
    }
}

fn failed(told: &ServiceError) -> Outcome {
    Outcome::Failure { code: told.code.name.to_owned(), message: told.message.clone() }
}
