//! The only door: every request is routed, authenticated, authorised, carried out and recorded here, in that order.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::USER_AGENT;
use strongroom_core::access::message;
use strongroom_core::secrets::owned::acting;
use strongroom_core::secrets::refusals;
use strongroom_core::trail::record::{
    EventKind, IdentityKind, Outcome, Record, Resource, Source, TlsDetails, UserIdentity,
};
use strongroom_core::{Caller, Ctx, Error, Principal, Way, random_uuid, stages};
use strongroom_types::AccountId;
use strongroom_wire::error::{INTERNAL_SERVICE_ERROR, SERVICE_UNAVAILABLE, ServiceError, THROTTLING};
use strongroom_wire::lambda::errors::TOO_MANY_REQUESTS_EXCEPTION;
use strongroom_wire::ops::{AnyOperation, Protocol, Service};
use strongroom_wire::secretsmanager::{self, Operation};
use strongroom_wire::{cloudwatch, lambda, sigv4};
use tracing::{debug, error};

use crate::app::App;
use crate::authn::{self, Authenticated};
use crate::events::watching;
use crate::figures::{ConnectionFigures, FAULT, Form, Row};
use crate::front::{Answer, Answering, Call, Endpoint, Readiness};
use crate::node;
use crate::ops::{self, Acted};
use crate::{route, spoken, trails};

/// What services that own secrets ask for: the steps of a rotation.
const OF_OWNERS: [Operation; 5] = [
    Operation::DescribeSecret,
    Operation::GetRandomPassword,
    Operation::GetSecretValue,
    Operation::PutSecretValue,
    Operation::UpdateSecretVersionStage,
];

/// What the client is told of a fault.
const FAULT_TEXT: &str = "An error occurred on the server side.";

/// What the client is told when the trail's file system is nearly full.
const NO_SPACE_TEXT: &str = "The file system of the audit trail is nearly full. Only DeleteSecret is carried out.";

/// What a caller that asks too often is told, as AWS's services do.
const THROTTLED_TEXT: &str = "Rate exceeded";

/// The text of a failure, for the log alone.
#[must_use]
pub fn fault_text(failure: &Error) -> String {
    match failure {
        Error::Internal(text) => text.to_string(),
        Error::Conflict => "a document was changed meanwhile".to_owned(),
        Error::Refused(refusal) => refusal.to_string(),
    }
}

/// What is known of a request by the time that it is answered.
#[derive(Default)]
struct Asked {
    operation: Option<AnyOperation>,
    row: Row,
}

/// The door of a server.
pub struct Gate {
    pub(crate) app: Arc<App>,
}

impl Endpoint for Gate {
    fn call(self: Arc<Self>, call: Call) -> Answering {
        Box::pin(self.answer(call))
    }

    fn ready(&self) -> Readiness {
        node::readiness(&self.app)
    }

    fn warnings(&self) -> Vec<String> {
        self.app.standing.warnings()
    }

    fn stopping(&self) {
        self.app.events.watching.end();
    }

    fn connections(&self) -> Arc<ConnectionFigures> {
        Arc::clone(&self.app.figures.connections)
    }

    fn metrics(&self, form: Form, client: IpAddr) -> Option<Answer> {
        let figures = &self.app.figures;
        figures.may_be_fetched_from(client).then(|| figures.answer(&self.app, form))
    }
}

impl Gate {
    /// The door to `app`.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn answer(self: Arc<Self>, call: Call) -> Answer {
        if trails::is_of_peer(&call)
            && let Some(answer) = Box::pin(trails::answer_peer(&self.app, &call)).await
        {
            return answer;
        }
        let call = if spoken::is_packed(&call) { Box::pin(self.unpacked(call)).await } else { call };
        if watching::is_asked(&call) {
            let claim = sigv4::parse(&authn::signed_parts(&call), &call.headers);
            return Box::pin(watching::answer(&self, &call, claim)).await;
        }
        let requests = &self.app.figures.requests;
        let (begun, mut asked) = (requests.begin(), Asked::default());
        let answer = match self.app.telemetry.tracer.begin(&call) {
            None => self.answer_to(&call, &mut asked).await,
            Some(traced) => {
                // On its own: it would make the future of all other requests twice as large, which is moved once.
                let answer = Box::pin(stages::traced(traced.trace(), self.answer_to(&call, &mut asked))).await;
                self.app.telemetry.tracer.end(&traced, &call, asked.operation, &answer);
                answer
            }
        };
        debug!(
            request_id = %call.request_id,
            operation = asked.operation.map_or("unknown", AnyOperation::name),
            result = answer.refusal.unwrap_or("ok"),
            status = answer.status,
            "a request was answered"
        );
        requests.count(begun, asked.operation, asked.row, answer.refusal);
        requests.count_bytes(call.body.len(), answer.body.len());
        answer
    }

    /// A call whose body is unpacked, if it is signed: the signature is of what was sent, and nobody else has anything
    /// unpacked here.
    async fn unpacked(&self, call: Call) -> Call {
        let claim = sigv4::parse(&authn::signed_parts(&call), &call.headers);
        let is_signed = authn::is_signed(&self.app, &call, claim, &cloudwatch::SERVICE).await;
        if is_signed { spoken::unpacked(call) } else { call }
    }

    async fn answer_to(&self, call: &Call, noted: &mut Asked) -> Answer {
        let requests = &self.app.figures.requests;
        let stage = stages::begin("route");
        let claim = sigv4::parse(&authn::signed_parts(call), &call.headers);
        let asked = route::asked(call, claim.as_ref().ok().map(sigv4::Claim::service));
        drop(stage);
        let service = asked.service;
        noted.operation = asked.operation.as_ref().ok().copied();
        if let Ok(operation) = asked.operation
            && !operation.needs_signature()
        {
            if self.app.admission.sign_in.has_failed_too_often(call.source, call.received) {
                return self.turn_away(call, service, Some(operation), too_often(service), None).await;
            }
            let anonymous = self.app.anonymous.clone();
            return self.carry_out(call, operation, anonymous).await;
        }
        let stage = stages::begin("authn");
        let signer = authn::authenticate(&self.app, call, claim, service).await;
        drop(stage);
        match &signer {
            Ok(signer) => noted.row = requests.row(&signer.caller.account),
            Err(Error::Refused(_)) => requests.signature_refused(),
            Err(_) => {}
        }
        match (asked.operation, signer) {
            (Ok(operation), Ok(signer)) => self.carry_out(call, operation, signer).await,
            (Ok(operation), Err(failure)) => self.turn_away(call, service, Some(operation), failure, None).await,
            (Err(unknown), signer) => self.turn_away(call, service, None, unknown.into(), signer.ok()).await,
        }
    }

    /// Answers what a service that owns secrets asks of Secrets Manager on its own. It has no credentials that anybody
    /// could have too: nothing that a client sends leads here, and only rotation asks.
    pub(crate) async fn act(
        &self,
        call: &Call,
        operation: Operation,
        principal: &'static str,
        account: &AccountId,
    ) -> Answer {
        if !OF_OWNERS.contains(&operation) {
            let text = "a service that owns secrets asked for what it has no use for";
            return self.refuse(call, &secretsmanager::SERVICE, &Error::internal(text));
        }
        let identity =
            UserIdentity { invoked_by: Some(principal.to_owned()), ..UserIdentity::of(IdentityKind::AwsService) };
        let caller = Arc::new(Caller::service(account.clone(), principal));
        let signer = Authenticated { caller, identity: Arc::new(identity) };
        let (operation, requests) = (AnyOperation::SecretsManager(operation), &self.app.figures.requests);
        let begun = requests.begin();
        let answer = self.carry_out(call, operation, signer).await;
        requests.count(begun, Some(operation), requests.row(account), answer.refusal);
        answer
    }

    async fn carry_out(&self, call: &Call, operation: AnyOperation, signer: Authenticated) -> Answer {
        let service = operation.service();
        let protocol = route::spoken(call, service);
        if let Some(failure) = self.no_room_for(call, operation) {
            return self.refuse(call, service, &failure);
        }
        let mut record = match self.record(call, service, operation.name(), operation.is_read_only(), &signer) {
            Ok(record) => record,
            Err(failure) => return self.refuse(call, service, &failure),
        };
        node::mark(&self.app, &mut record);
        let way = Way {
            source: Some(call.source),
            secure: call.tls.is_some() || call.inside,
            user_agent: Arc::clone(&record.user_agent),
            endpoint: call.endpoint.clone(),
        };
        let cx = Ctx::new(signer.caller, self.app.region.clone(), call.received, way, record);
        self.app.identities.note_role_use(&cx.caller, service.signing_name, &cx.region, cx.now);
        self.app.watch.metrics.note(&cx.caller.account, operation);
        let carried_out = if self.is_throttled(&cx, operation) {
            Err(too_often(service))
        } else {
            match self.app.standing.why_refused(operation.is_read_only()) {
                Some(text) => Err(Error::refused(SERVICE_UNAVAILABLE, text)),
                None => {
                    let _stage = stages::begin("operation");
                    ops::run(&self.app, &cx, operation, call).await
                }
            }
        };
        if let Err(failure) = &carried_out {
            self.count_refusal(call, &cx, operation, failure);
        }
        match carried_out {
            Ok(answered) => {
                let resource = |done: &Acted| Resource {
                    arn: done.arn.clone(),
                    account_id: done.account.to_string(),
                    kind: done.kind.to_owned(),
                };
                let resources = answered.acted.iter().chain(&answered.also).map(resource).collect();
                let outcome = Outcome::Success { response_elements: answered.response_elements, resources };
                // A change committed its record with itself.
                let mut answer = Answer::of(200, protocol.content_type(), answered.body);
                answer.status = answered.status.unwrap_or(answer.status);
                answer.headers = answered.headers;
                answer.headers.extend(spoken::mark(protocol));
                let recorded = if cx.is_recorded() { Ok(()) } else { self.append_record(&cx, &outcome).await };
                match recorded {
                    Ok(()) => answer,
                    Err(failure) => self.refuse(call, service, &failure),
                }
            }
            // Whoever reaches the port can ask without a signature where none is needed: such refusals are recorded up
            // to a rate, as those of requests whose signature is wrong.
            Err(failure) if self.is_left_out(call, &cx) => self.refuse(call, service, &failure),
            Err(failure) => {
                let told = told(protocol, &failure);
                if let Err(fault) = self.tell_denial(&cx) {
                    return self.refuse(call, service, &fault);
                }
                match self.append_record(&cx, &failed(&told)).await {
                    Ok(()) => self.refuse(call, service, &failure),
                    Err(unrecorded) => self.refuse(call, service, &unrecorded),
                }
            }
        }
    }

    /// Puts the encoded authorization message of a denied request into its record.
    pub(crate) fn tell_denial(&self, cx: &Ctx) -> Result<(), Error> {
        let Some(message) = cx.take_denied() else { return Ok(()) };
        let keyring = self.app.identities.documents().keyring();
        // For the account whose record it is: of a web identity, the role's.
        let account = cx.record().account.unwrap_or_else(|| cx.caller.account.clone());
        let encoded = message::encode(keyring, self.app.random.as_ref(), account.as_str(), &message)?;
        cx.amend_record(|record| record.additional_event_data.push((message::ENCODED, encoded)));
        Ok(())
    }

    /// Whether a refused request leaves no record of its own: it was not signed, and its source sends too many.
    fn is_left_out(&self, call: &Call, cx: &Ctx) -> bool {
        cx.caller.principal == Principal::Anonymous
            && !self.app.admission.refused.is_recorded(call.source, call.received)
    }

    /// Counts what is of note in a refusal: a failed sign-in, where the request has no signature but a token, and an
    /// attempt to read a secret that waits for its deletion.
    fn count_refusal(&self, call: &Call, cx: &Ctx, operation: AnyOperation, failure: &Error) {
        if cx.caller.principal == Principal::Anonymous && matches!(failure, Error::Refused(_)) {
            self.app.admission.sign_in.failed(call.source, call.received);
        }
        let reads_value = operation == AnyOperation::SecretsManager(Operation::GetSecretValue);
        if reads_value && refusals::is_marked_for_deletion(failure) {
            self.app.figures.requests.deleted_secret_read();
        }
    }

    /// Whether the caller's account asks more often than its rate allows. What a service does on its own does not count.
    pub(crate) fn is_throttled(&self, cx: &Ctx, operation: AnyOperation) -> bool {
        let Some(throttle) = &self.app.admission.throttle else { return false };
        acting(&cx.caller).is_none() && !throttle.lets_through(&cx.caller.account, operation, cx.now)
    }

    /// Why a request is refused before anything of it is done, when its record could fill the disk. It has no record
    /// itself, but is counted among those that one record sums up later.
    pub(crate) fn no_room_for(&self, call: &Call, operation: AnyOperation) -> Option<Error> {
        // What makes room is always allowed.
        let makes_room = operation == AnyOperation::SecretsManager(Operation::DeleteSecret);
        if !self.app.standing.space_is_low() || makes_room {
            return None;
        }
        self.app.admission.refused.without_space(call.source, call.received);
        Some(Error::refused(SERVICE_UNAVAILABLE, NO_SPACE_TEXT))
    }

    /// Refuses a request whose signer or operation is not known. It is recorded all the same, save what one source
    /// without a valid signature sends too often: of that, one record sums up how much it was.
    pub(crate) async fn turn_away(
        &self,
        call: &Call,
        service: &'static Service,
        operation: Option<AnyOperation>,
        failure: Error,
        signer: Option<Authenticated>,
    ) -> Answer {
        if self.app.standing.space_is_low() {
            self.app.admission.refused.without_space(call.source, call.received);
            return self.refuse(call, service, &failure);
        }
        if signer.is_none() && !self.app.admission.refused.is_recorded(call.source, call.received) {
            return self.refuse(call, service, &failure);
        }
        let name = operation.map_or("UnknownOperation", AnyOperation::name);
        let read_only = operation.is_some_and(AnyOperation::is_read_only);
        let unknown = Authenticated {
            caller: Arc::clone(&self.app.anonymous.caller),
            identity: Arc::new(UserIdentity::of(IdentityKind::Unknown)),
        };
        let recorded = match self.record(call, service, name, read_only, &unknown) {
            Ok(record) => self.append(record.finish(&failed(&told(route::spoken(call, service), &failure)))).await,
            Err(fault) => Err(fault),
        };
        match recorded {
            Ok(()) => self.refuse(call, service, &failure),
            Err(unrecorded) => self.refuse(call, service, &unrecorded),
        }
    }

    pub(crate) fn record(
        &self,
        call: &Call,
        service: &Service,
        name: &'static str,
        read_only: bool,
        signer: &Authenticated,
    ) -> Result<Record, Error> {
        // Nearly always plain ASCII, which is told faster than UTF-8 that may be faulty.
        let user_agent = call.headers.get(USER_AGENT).map(|agent| match agent.to_str() {
            Ok(text) => Arc::from(text),
            Err(_) => Arc::from(&*String::from_utf8_lossy(agent.as_bytes())),
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
            event_source: service.event_source,
            event_name: name.into(),
            aws_region: self.app.region.clone(),
            source_ip: acting(&signer.caller).map_or(Source::Address(call.source), Source::Service),
            user_agent: user_agent.unwrap_or_default(),
            request_id: call.request_id.clone(),
            account: Some(signer.caller.account.clone()),
            identity: Arc::clone(&signer.identity),
            invoked_by: None,
            read_only,
            request_parameters: None,
            additional_event_data: Vec::new(),
            endpoint_id: call.endpoint.as_ref().map(|endpoint| Arc::clone(&endpoint.id)),
            tls,
        })
    }

    /// Writes the request's record, behind those of what services did for it.
    pub(crate) async fn append_record(&self, cx: &Ctx, outcome: &Outcome) -> Result<(), Error> {
        let _stage = stages::begin("trail");
        let mut lines = cx.take_parts();
        if lines.is_empty() {
            return self.append(cx.finish_record(outcome).1).await;
        }
        lines.push(cx.finish_record(outcome).1);
        self.written(self.app.trail.append_all_aside(lines).await)
    }

    async fn append(&self, line: String) -> Result<(), Error> {
        self.written(self.app.trail.append_aside(line).await)
    }

    fn written(&self, written: std::io::Result<()>) -> Result<(), Error> {
        self.app.standing.set_trail_works(written.is_ok());
        written.map_err(|error| Error::internal(format!("the trail cannot be written: {error}")))
    }

    /// The answer for a failure. The text of a fault goes to the log with the request's id, and nowhere else.
    pub(crate) fn refuse(&self, call: &Call, service: &Service, failure: &Error) -> Answer {
        if !matches!(failure, Error::Refused(_)) {
            error!(request_id = %call.request_id, fault = %fault_text(failure), "a request failed");
        }
        let protocol = route::spoken(call, service);
        let told = told(protocol, failure);
        let mut answer = spoken::refusal(&told, service, protocol, &call.request_id);
        answer.refusal = Some(if matches!(failure, Error::Refused(_)) { told.code.name } else { FAULT });
        answer
    }
}

/// The refusal of a caller that asks more often than is allowed.
pub(crate) fn too_often(service: &Service) -> Error {
    let is_lambda = service.signing_name == lambda::SERVICE.signing_name;
    Error::refused(if is_lambda { TOO_MANY_REQUESTS_EXCEPTION } else { THROTTLING }, THROTTLED_TEXT)
}

/// What the client is told, under the names of the protocol.
pub(crate) fn told(protocol: Protocol, failure: &Error) -> ServiceError {
    let told = match failure {
        Error::Refused(refusal) => refusal.clone(),
        Error::Internal(_) | Error::Conflict => INTERNAL_SERVICE_ERROR.with(FAULT_TEXT),
    };
    match protocol {
        Protocol::Query => ServiceError { code: told.code.for_query(), message: told.message },
        Protocol::RestJson => ServiceError { code: told.code.for_rest(), message: told.message },
        Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor => told,
    }
}

pub(crate) fn failed(told: &ServiceError) -> Outcome {
    Outcome::Failure { code: told.code.name.to_owned(), message: told.message.clone() }
}
