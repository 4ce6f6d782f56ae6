//! Invoke: a function is run for a caller, now or later.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use strongroom_types::{AccountId, SecretBytes, Timestamp};
use strongroom_wire::lambda::{
    InvocationRequest, InvocationResponse, InvocationType, InvokeAsyncRequest, InvokeAsyncResponse, LogType,
};
use tracing::warn;

use super::host::{Invocation, Invoked};
use super::model::Function;
use super::running::Room;
use super::{Code, Functions, LAMBDA, RoleCredentials, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::Loaded;
use crate::error::Error;

/// Bytes of an event that is answered at most (Lambda's quotas).
const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Bytes of an event that is run later at most (Lambda's quotas).
const LATER_BYTES_MAX: usize = 1024 * 1024;
/// How often an event that is run later is tried again, and how long after, in seconds (Lambda's developer guide).
const AGAIN_AFTER_S: [u64; 2] = [60, 120];
/// How long the credentials of an invocation last, in seconds.
pub(super) const CREDENTIALS_S: i32 = 3600;

/// An invocation that has leave and is still to be run.
#[derive(Debug)]
pub struct Prepared {
    function: Arc<Function>,
    version: String,
    invoked_arn: String,
    payload: Arc<SecretBytes>,
    client_context: Option<String>,
    request_id: String,
    /// Of one that is to be run later.
    room: Option<Room>,
}

/// What became of a request to invoke.
#[derive(Debug)]
pub enum Begun {
    /// It was run, or only tried.
    Done(InvocationResponse),
    /// It is to be run later: by [`Functions::run_later`], which nobody waits for.
    Later(Prepared, InvocationResponse),
}

impl Functions {
    /// Invokes a function.
    ///
    /// # Errors
    /// ResourceNotFoundException, InvalidRequestContentException, RequestTooLargeException, TooManyRequestsException, and
    /// what keeps the host from running it.
    pub async fn invoke(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: InvocationRequest,
        request_id: &str,
    ) -> Result<Begun, Error> {
        let named = permit.function()?;
        named.version()?;
        for (given, what) in
            [(input.durable_execution_name.is_some(), "durable executions"), (input.tenant_id.is_some(), "TenantId")]
        {
            if given {
                return Err(refusals::not_offered(what));
            }
        }
        let kind = input.invocation_type.unwrap_or(InvocationType::RequestResponse);
        let payload = checked_event(input.payload, kind)?;
        if kind == InvocationType::DryRun {
            return Ok(Begun::Done(InvocationResponse { status_code: Some(204), ..InvocationResponse::default() }));
        }
        let found = named.found.clone().ok_or_else(|| refusals::not_found(&named.qualified()))?;
        let prepared =
            self.prepared(found, named.qualifier.as_deref(), payload, input.client_context, request_id.to_owned())?;
        if kind == InvocationType::Event {
            let prepared = self.for_later(prepared)?;
            let answer = InvocationResponse { status_code: Some(202), ..InvocationResponse::default() };
            return Ok(Begun::Later(prepared, answer));
        }
        let invoked = self.run(&prepared, cx.now).await?;
        let wants_log = input.log_type == Some(LogType::Tail);
        Ok(Begun::Done(InvocationResponse {
            status_code: Some(200),
            function_error: invoked.function_error,
            log_result: invoked.log_tail.filter(|_| wants_log).map(|log| STANDARD.encode(log.expose())),
            payload: Some(invoked.payload),
            executed_version: Some(prepared.version),
            durable_execution_arn: None,
        }))
    }

    /// Takes an event to be run later: the older form of the operation.
    ///
    /// # Errors
    /// As [`Functions::invoke`].
    pub async fn invoke_async(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: InvokeAsyncRequest,
        request_id: &str,
    ) -> Result<(Prepared, InvokeAsyncResponse), Error> {
        let named = permit.function()?;
        named.version()?;
        let payload = checked_event(Some(SecretBytes::new(input.invoke_args)), InvocationType::Event)?;
        let found = named.found.clone().ok_or_else(|| refusals::not_found(&named.qualified()))?;
        let prepared = self.prepared(found, named.qualifier.as_deref(), payload, None, request_id.to_owned())?;
        let prepared = self.for_later(prepared)?;
        Ok((prepared, InvokeAsyncResponse { status: Some(202) }))
    }

    /// An invocation of the version that a qualifier leads to; of an alias with weights one by chance.
    ///
    /// # Errors
    /// ResourceNotFoundException.
    pub(super) fn prepared(
        &self,
        found: Loaded<Function>,
        qualifier: Option<&str>,
        payload: SecretBytes,
        client_context: Option<String>,
        request_id: String,
    ) -> Result<Prepared, Error> {
        let function = found.value;
        let invoked_arn = qualifier.map_or_else(|| function.arn(), |qualifier| function.arn_of(qualifier));
        let version = function.resolved(qualifier).ok_or_else(|| refusals::not_found(&invoked_arn))?;
        let other = qualifier.and_then(|qualifier| function.aliases.get(qualifier)?.weight.as_ref());
        let version = match other {
            Some((other, share)) if self.chance()? < *share => other.clone(),
            _ => version.to_owned(),
        };
        let payload = Arc::new(payload);
        Ok(Prepared { function, version, invoked_arn, payload, client_context, request_id, room: None })
    }

    /// Keeps an event that is to be run later, if there is room for it.
    fn for_later(&self, mut prepared: Prepared) -> Result<Prepared, Error> {
        let room = self.later.enter(&prepared.function.arn(), prepared.payload.len());
        prepared.room = Some(room.ok_or_else(refusals::throttled)?);
        Ok(prepared)
    }

    /// A number from 0 to below 1.
    fn chance(&self) -> Result<f64, Error> {
        let drawn = u32::from_be_bytes(strongroom_crypto::random::bytes(self.documents.random())?);
        Ok(f64::from(drawn) / (f64::from(u32::MAX) + 1.0))
    }

    /// Runs an invocation.
    ///
    /// # Errors
    /// TooManyRequestsException, and what keeps the host from running it.
    pub(super) async fn run(&self, prepared: &Prepared, now: Timestamp) -> Result<Invoked, Error> {
        let Prepared { function, version, invoked_arn, payload, client_context, request_id, .. } = prepared;
        let arn = function.arn();
        let _slot = self.running.enter(&arn, function.concurrency).ok_or_else(refusals::throttled)?;
        let configuration = function.version(version).ok_or_else(|| refusals::not_found(invoked_arn))?.clone();
        let credentials = self.credentials(function, &configuration.role, now).await?;
        let deadline = Timestamp::from_millis(now.millis() + i64::from(configuration.timeout_s) * 1000);
        let code = Code::new(Arc::clone(&self.documents), function, configuration.code.clone());
        let invocation = Invocation {
            function_arn: arn,
            function_name: function.name.clone(),
            invoked_arn: invoked_arn.clone(),
            version: version.clone(),
            configuration: Arc::new(configuration),
            code,
            payload: SecretBytes::new(payload.expose().to_vec()),
            client_context: client_context.clone(),
            request_id: request_id.clone(),
            deadline,
            credentials,
        };
        self.host.invoke(invocation).await.map_err(refusals::of_host)
    }

    /// Runs an invocation that nobody waits for, again after a while when it fails.
    pub async fn run_later(&self, prepared: Prepared) {
        let mut pauses = AGAIN_AFTER_S.into_iter();
        loop {
            let failure = match self.run(&prepared, self.clock.now()).await {
                Ok(invoked) if invoked.function_error.is_none() => return,
                Ok(_) => "the function failed".to_owned(),
                Err(Error::Refused(refusal)) => refusal.to_string(),
                Err(Error::Internal(text)) => text.into_owned(),
                Err(Error::Conflict) => "a document was changed meanwhile".to_owned(),
            };
            let (function, request_id) = (&prepared.invoked_arn, &prepared.request_id);
            let Some(pause) = pauses.next() else {
                warn!(%function, %request_id, %failure, "an event is given up");
                return;
            };
            warn!(%function, %request_id, %failure, "an event is tried again in {pause} seconds");
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
    }

    /// Credentials of the execution role.
    async fn credentials(&self, function: &Function, role: &str, now: Timestamp) -> Result<RoleCredentials, Error> {
        let account = AccountId::parse(&function.account).map_err(|error| Error::internal(error.to_string()))?;
        let cx = self.own_context(account.clone(), LAMBDA, &function.arn(), now)?;
        let arn = function.arn();
        let source = (account.as_str(), arn.as_str());
        let made = self.sts.assume_for_service(&cx, role, LAMBDA, source, &function.name, CREDENTIALS_S).await?;
        made.map(RoleCredentials::from).ok_or_else(refusals::role_not_assumed)
    }
}

/// An event that a function may be given: JSON of a bounded size. None at all is the same as `{}`.
fn checked_event(payload: Option<SecretBytes>, kind: InvocationType) -> Result<SecretBytes, Error> {
    let payload = payload.filter(|payload| !payload.is_empty()).unwrap_or_else(|| SecretBytes::new(b"{}".to_vec()));
    let (max, name) = match kind {
        InvocationType::Event => (LATER_BYTES_MAX, "Event"),
        InvocationType::RequestResponse | InvocationType::DryRun => (EVENT_BYTES_MAX, "RequestResponse"),
    };
    if payload.len() > max {
        return Err(refusals::event_too_large(payload.len(), max, name));
    }
    match serde_json::from_slice::<IgnoredAny>(payload.expose()) {
        Ok(_) => Ok(payload),
        Err(_) => Err(refusals::event_not_json()),
    }
}
