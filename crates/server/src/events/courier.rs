//! One delivery: a function invoked, an endpoint asked, a line in the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, Method, Uri};
use serde_json::Value;
use strongroom_client::{Answer, Call, Endpoint, Options};
use strongroom_core::Error;
use strongroom_core::events::destination::{Connection, Destination, Named as _};
use strongroom_core::events::targets::{TargetKind, kind_of};
use strongroom_core::events::{Delivery, EVENTS, Failure};
use strongroom_crypto::digest::{MacKey, hex};
use strongroom_types::{AccountId, SecretBytes, SecretText, Timestamp};
use strongroom_wire::percent;
use strongroom_wire::secretsmanager::{GetSecretValueRequest, GetSecretValueResponse, Operation};
use tracing::info;

use super::endpoints::Allowed;
use crate::app::App;
use crate::functions::inside::{Inside, Rights};
use crate::gate::fault_text;
use crate::identity_providers::may_be_asked;

/// The most that an endpoint may take, as at AWS.
const TIME: Duration = Duration::from_secs(5);
/// The most bytes of an endpoint's answer that are read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// The longest pause that an endpoint may ask for, in s.
const RETRY_AFTER_S_MAX: i64 = 3600;
/// How far ahead a destination's next turn may be, in ms.
const TURNS_MS_MAX: i64 = 60_000;
/// The header with the delivery's signature.
const SIGNATURE: HeaderName = HeaderName::from_static("x-strongroom-signature");
/// The header with the event's id, by which a receiver knows one that it had before.
const EVENT_ID: HeaderName = HeaderName::from_static("x-strongroom-event-id");
/// Statuses below 500 after which an endpoint is asked again, as at AWS.
const ASKED_AGAIN: [u16; 4] = [401, 407, 409, 429];

/// Brings events to targets.
pub struct Courier {
    allowed: Allowed,
    options: Options,
    /// When the next call of each destination may be, in ms since the epoch.
    turns: Mutex<HashMap<String, i64>>,
}

impl Courier {
    /// A courier to endpoints that are `allowed`; `options` say whom it trusts.
    pub fn new(allowed: Allowed, options: Options) -> Self {
        let options = Options { may_be_asked, time: TIME, answer_bytes_max: ANSWER_BYTES_MAX, ..options };
        Self { allowed, options, turns: Mutex::default() }
    }

    /// Carries out a delivery.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn carry(&self, app: &App, delivery: &Delivery) -> Result<(), Failure> {
        let target = &delivery.target;
        match kind_of(&target.arn, &delivery.rule_arn) {
            Some(TargetKind::Log) => {
                info!(rule = delivery.rule_arn, event = delivery.payload(), "event");
                Ok(())
            }
            Some(TargetKind::Function) => invoke(app, delivery).await,
            Some(TargetKind::Destination) => self.send(app, delivery).await,
            None => Err(Failure::lasting("the target is of a kind that is not offered")),
        }
    }

    async fn send(&self, app: &App, delivery: &Delivery) -> Result<(), Failure> {
        let found = app.events.bridge.destination_of(&delivery.target.arn).await.map_err(|error| passing(&error))?;
        let Some((destination, connection)) = found else {
            return Err(Failure::lasting("the API destination or its connection is not there any more"));
        };
        self.allowed.check(&destination.url).map_err(|reason| Failure::lasting(format!("the endpoint: {reason}")))?;
        let secret = secret_of(app.host.inside(), &connection).await?;
        let call = self.call(app, delivery, &destination, &connection, &secret)?;
        self.turn(&destination, app.clock.now()).await;
        let base = base_of(&destination.url).ok_or_else(|| Failure::lasting("the endpoint is no URL"))?;
        let endpoint =
            Endpoint::open(&base, self.options.clone()).map_err(|error| Failure::lasting(error.to_string()))?;
        let answer = endpoint.send(call).await.map_err(|error| Failure::passing(error.to_string()))?;
        judged(&answer)
    }

    /// The request of a delivery.
    fn call(
        &self,
        app: &App,
        delivery: &Delivery,
        destination: &Destination,
        connection: &Connection,
        secret: &Value,
    ) -> Result<Call, Failure> {
        let uri: Uri = destination.url.parse().map_err(|_| Failure::lasting("the endpoint is no URL"))?;
        let method = Method::from_bytes(destination.method.as_bytes());
        let method = method.map_err(|_| Failure::lasting("the endpoint has no method"))?;
        let http = delivery.target.http.clone().unwrap_or_default();
        let mut path = uri.path().to_owned();
        for value in &http.path_values {
            path = path.replacen('*', &percent::encoded(value), 1);
        }
        let mut call = Call::at(method, &path, uri.query().unwrap_or_default());
        for (name, value) in &http.query {
            call = call.with_query(name, value);
        }
        call = call.with_header(CONTENT_TYPE, "application/json; charset=utf-8");
        for (name, value) in &http.headers {
            let name = HeaderName::try_from(name.as_str());
            call = call.with_header(name.map_err(|_| Failure::lasting("a header has no name"))?, value);
        }
        let text = |member: &str| secret.get(member).and_then(Value::as_str).unwrap_or_default();
        call = match connection.kind.as_str() {
            "BASIC" => call.with_secret_header(AUTHORIZATION, basic(text("username"), text("password"))),
            _ => {
                let name = HeaderName::try_from(text("api_key_name"));
                let name = name.map_err(|_| Failure::lasting("the API key's name is not that of a header"))?;
                call.with_secret_header(name, SecretText::new(text("api_key_value").to_owned()))
            }
        };
        let body = delivery.payload();
        let at = app.clock.now().seconds();
        let signature = signature(text("signing_key"), at, &body);
        call = call.with_header(EVENT_ID, &delivery.event_id).with_header(SIGNATURE, &signature);
        Ok(call.with_body(SecretBytes::new(body.into_bytes())))
    }

    /// Waits until the destination may be called again.
    async fn turn(&self, destination: &Destination, now: Timestamp) {
        let pause_ms = 1000 / i64::from(destination.rate_max.clamp(1, 1000));
        let wait_ms = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // What is far ahead is from before the clock was set back.
            turns.retain(|_, next| (1..=TURNS_MS_MAX).contains(&next.saturating_sub(now.millis())));
            let turn = turns.get(&destination.arn()).copied().unwrap_or_else(|| now.millis());
            turns.insert(destination.arn(), turn.saturating_add(pause_ms));
            turn.saturating_sub(now.millis())
        };
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))).await;
    }
}

/// The signature of a body that is sent at an instant: an HMAC over both.
pub(super) fn signature(key: &str, at_s: i64, body: &str) -> String {
    let tag = MacKey::new(key.as_bytes()).tag(format!("{at_s}.{body}").as_bytes());
    format!("t={at_s},v1={}", hex(&tag))
}

/// The value of `Authorization` for a user.
fn basic(username: &str, password: &str) -> SecretText {
    use base64::Engine as _;
    let pair = SecretText::new([username, ":", password].concat());
    SecretText::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair.expose())))
}

/// A URL without path and query.
fn base_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

/// What an endpoint's answer means.
fn judged(answer: &Answer) -> Result<(), Failure> {
    if answer.is_success() {
        return Ok(());
    }
    let text = format!("the endpoint answered with status {}", answer.status);
    if answer.status < 500 && !ASKED_AGAIN.contains(&answer.status) {
        return Err(Failure::lasting(text));
    }
    let after = answer.headers.get("retry-after").and_then(|after| after.to_str().ok()?.parse::<i64>().ok());
    let pause_ms = after.map(|seconds| seconds.clamp(0, RETRY_AFTER_S_MAX) * 1000);
    Err(Failure { pause_ms, ..Failure::passing(text) })
}

fn passing(error: &Error) -> Failure {
    Failure::passing(fault_text(error))
}

/// The secret of a connection, read as the service that owns it, which leaves a record.
async fn secret_of(inside: &Inside, connection: &Connection) -> Result<Value, Failure> {
    let Some(secret_arn) = &connection.secret_arn else {
        return Err(Failure::passing("the connection is not authorized"));
    };
    let account = AccountId::parse(&connection.account).map_err(|error| Failure::lasting(error.to_string()))?;
    let input = GetSecretValueRequest { secret_id: secret_arn.clone(), ..GetSecretValueRequest::default() };
    let rights = Rights::Service { principal: EVENTS, account };
    let answer: Result<GetSecretValueResponse, _> = inside.call(&rights, Operation::GetSecretValue, &input).await;
    let answer = answer.map_err(|refused| {
        Failure::passing(format!("the connection's secret: {}: {}", refused.code, refused.message))
    })?;
    let value = answer.secret_string.ok_or_else(|| Failure::passing("the connection's secret has no value"))?;
    serde_json::from_str(value.expose()).map_err(|_| Failure::passing("the connection's secret is no JSON"))
}

async fn invoke(app: &App, delivery: &Delivery) -> Result<(), Failure> {
    let payload = SecretBytes::new(delivery.payload().into_bytes());
    let functions = Arc::clone(&app.functions);
    let now = app.clock.now();
    let invoked = functions.invoke_for_rule(&delivery.target.arn, &delivery.rule_arn, payload, now).await;
    match invoked.map_err(|error| passing(&error))?.function_error {
        None => Ok(()),
        Some(kind) => Err(Failure::passing(format!("the function failed: {kind}"))),
    }
}
