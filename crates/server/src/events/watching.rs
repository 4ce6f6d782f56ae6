//! `GET /events`: a stream of server-sent events about secrets, for caches and agents.
//!
//! The request is signed as those of Secrets Manager are, names secrets by `secretId`, and is authorised like
//! DescribeSecret on each of them: when it is opened, with each event, whenever identities or policies change, and once a
//! minute. An event's id tells the state of all secrets, so that whoever comes back with it, to whichever server, is told
//! of what has changed meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue, Method};
use serde_json::json;
use strongroom_core::identities::signers::Found;
use strongroom_core::secrets::RESOURCE_KIND;
use strongroom_core::secrets::model::Secret;
use strongroom_core::trail::record::{Outcome, Record, Resource as Acted};
use strongroom_core::{Caller, Ctx, Error, Resource, Way, authorize};
use strongroom_crypto::digest::{hex, sha256};
use strongroom_store::{Change, Kind, Watcher};
use strongroom_types::{AccountId, SecretBytes, SecretText};
use strongroom_wire::error::{EXPIRED_TOKEN, SERVICE_UNAVAILABLE, UNRECOGNIZED_CLIENT, VALIDATION};
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::secretsmanager::{self, DescribeSecretRequest, Operation};
use strongroom_wire::sigv4::{Claim, SignatureError};
use strongroom_wire::{json as wire_json, percent};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use crate::authn;
use crate::config::EventsConfig;
use crate::front::{Answer, Call};
use crate::gate::{Gate, failed, fault_text, told, too_often};
use crate::node;

/// Where streams are asked for.
const PATH: &str = "/events";
/// How records call the request.
const NAME: &str = "WatchSecrets";
/// What a request is held to be where it is bounded like others.
const OF_OPENING: AnyOperation = AnyOperation::SecretsManager(Operation::DescribeSecret);
/// The media type of server-sent events.
const CONTENT_TYPE: &str = "text/event-stream";
/// The id of the last event that a client has seen.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Changes that wait for a stream; with more, it looks at all of its secrets.
const CHANGES_MAX: usize = 1024;
/// Pieces that wait for a client.
const PIECES_MAX: usize = 8;
/// Between two looks whether identities have changed.
const LOOK: Duration = Duration::from_secs(1);
/// Looks after which rights and secrets are looked at in any case.
const LOOKS_MAX: u32 = 30;
/// Which part of all streams an account may have where few are left: one of so many.
const FEW_PART: u32 = 100;
/// Characters of a secret's state in an event's id.
const STATE_CHARS: usize = 12;

/// Who watches secrets.
pub struct Watching {
    changes: Arc<Changes>,
    open: Arc<Mutex<HashMap<AccountId, u32>>>,
    ended: watch::Sender<bool>,
    streams_max: u32,
    secrets_max: usize,
    heartbeat: Duration,
}

/// Keys of secrets that have changed; none for any of them.
struct Changes(broadcast::Sender<Option<Arc<str>>>);

impl Watcher for Changes {
    fn changed(&self, changes: &[Change<'_>]) {
        if self.0.receiver_count() == 0 {
            return;
        }
        let kind: Kind = <Secret as strongroom_core::documents::Document>::KIND;
        for change in changes.iter().filter(|change| change.key.kind == kind) {
            // Without receivers there is nobody left to tell.
            let _ = self.0.send(Some(Arc::clone(&change.key.key)));
        }
    }

    fn missed(&self) {
        let _ = self.0.send(None);
    }
}

impl Watching {
    /// Nobody yet.
    pub fn new(config: &EventsConfig) -> Self {
        Self {
            changes: Arc::new(Changes(broadcast::Sender::new(CHANGES_MAX))),
            open: Arc::default(),
            ended: watch::Sender::new(false),
            streams_max: config.streams_max,
            secrets_max: usize::try_from(config.stream_secrets_max).unwrap_or(usize::MAX),
            heartbeat: Duration::from_millis(config.heartbeat_ms),
        }
    }

    /// What the store tells of changes.
    pub fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::clone(&self.changes) as _
    }

    /// Ends all streams, and lets none begin.
    pub fn end(&self) {
        self.ended.send_replace(true);
    }

    /// A place among the streams for an account, if one is left. The last quarter is for accounts that have few.
    fn place(&self, account: &AccountId) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u32 = open.values().sum();
        let own = open.get(account).copied().unwrap_or(0);
        let is_room = all < self.streams_max - self.streams_max / 4;
        let has_few = own < (self.streams_max / FEW_PART).max(1);
        if *self.ended.borrow() || all >= self.streams_max || !(is_room || has_few) {
            return None;
        }
        open.insert(account.clone(), own.saturating_add(1));
        Some(Place(Arc::clone(&self.open), account.clone()))
    }
}

/// A place among the streams.
struct Place(Arc<Mutex<HashMap<AccountId, u32>>>, AccountId);

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.remove(&self.1).unwrap_or(0).saturating_sub(1);
        if left > 0 {
            open.insert(self.1.clone(), left);
        }
    }
}

/// Whether a request asks for a stream.
pub fn is_asked(call: &Call) -> bool {
    call.method == Method::GET && call.uri.path() == PATH
}

/// Opens a stream, or refuses it. Either leaves a record.
pub async fn answer(gate: &Arc<Gate>, call: &Call, claim: Result<Claim<'_>, SignatureError>) -> Answer {
    let service = &secretsmanager::SERVICE;
    let credentials = claim.as_ref().ok().map(Credentials::of);
    let signer = match authn::authenticate(&gate.app, call, claim, service).await {
        Ok(signer) => signer,
        Err(failure) => return gate.turn_away(call, service, None, failure, None).await,
    };
    if let Some(failure) = gate.no_room_for(call, OF_OPENING) {
        return gate.refuse(call, service, &failure);
    }
    let mut record = match gate.record(call, service, NAME, true, &signer) {
        Ok(record) => record,
        Err(failure) => return gate.refuse(call, service, &failure),
    };
    node::mark(&gate.app, &mut record);
    let way = Way {
        source: Some(call.source),
        secure: call.tls.is_some() || call.inside,
        user_agent: Arc::clone(&record.user_agent),
        endpoint: call.endpoint.clone(),
    };
    let cx = Ctx::new(signer.caller, gate.app.region.clone(), call.received, way.clone(), record);
    // Opening counts as one DescribeSecret.
    let opened = if gate.is_throttled(&cx, OF_OPENING) {
        Err(too_often(service))
    } else {
        open(gate, call, &cx, credentials, way).await
    };
    match opened {
        Ok((stream, acted)) => {
            let outcome = Outcome::Success { response_elements: None, resources: acted };
            match gate.append_record(&cx, &outcome).await {
                Ok(()) => stream.begin(),
                Err(failure) => gate.refuse(call, service, &failure),
            }
        }
        Err(failure) => {
            let written = match gate.tell_denial(&cx) {
                Ok(()) => gate.append_record(&cx, &failed(&told(service.protocol, &failure))).await,
                Err(fault) => Err(fault),
            };
            gate.refuse(call, service, written.as_ref().err().unwrap_or(&failure))
        }
    }
}

/// The stream that a request asks for, before it begins, and the secrets that it watches.
async fn open(
    gate: &Arc<Gate>,
    call: &Call,
    cx: &Ctx,
    credentials: Option<Credentials>,
    way: Way,
) -> Result<(Stream, Vec<Acted>), Error> {
    let asked = secrets_asked(call)?;
    let parameters = json!({ "secretId": asked }).to_string();
    cx.amend_record(|record| record.request_parameters = Some(parameters));
    let watching = &gate.app.events.watching;
    if asked.is_empty() || asked.len() > watching.secrets_max {
        let text = format!("secretId must be given 1 to {} times.", watching.secrets_max);
        return Err(Error::refused(VALIDATION, text));
    }
    let place = watching.place(&cx.caller.account);
    let place = place.ok_or_else(|| Error::refused(SERVICE_UNAVAILABLE, "Too many streams of events are open."))?;
    // Before the secrets are looked at, so that no change comes in between.
    let (changes, epoch) = (watching.changes.0.subscribe(), gate.app.identities.epoch());
    let (mut secrets, mut acted) = (Vec::with_capacity(asked.len()), Vec::with_capacity(asked.len()));
    for id in &asked {
        let (arn, key, shown) = look(gate, cx, id).await?;
        acted.push(Acted {
            account_id: arn.split(':').nth(4).unwrap_or_default().to_owned(),
            arn: arn.clone(),
            kind: RESOURCE_KIND.to_owned(),
        });
        secrets.push(Watched { key: key.into(), state: state_of(&shown), arn, gone: false });
    }
    let last = call.headers.get(LAST_EVENT_ID).map(|last| last.to_str().unwrap_or_default().to_owned());
    let caller = Arc::clone(&cx.caller);
    let (gate, ended) = (Arc::clone(gate), watching.ended.subscribe());
    let stream =
        Stream { gate, credentials, caller, way, record: cx.record(), secrets, changes, epoch, ended, last, place };
    Ok((stream, acted))
}

/// The secrets that a request names.
fn secrets_asked(call: &Call) -> Result<Vec<String>, Error> {
    let wrong = || Error::refused(VALIDATION, "The query string has only secretId, once or more often.");
    let mut asked = Vec::new();
    for pair in call.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "secretId" => asked.push(percent::decoded(value).ok_or_else(wrong)?),
            // A presigned request has its signature here.
            name if name.starts_with("X-Amz-") => {}
            _ => return Err(wrong()),
        }
    }
    Ok(asked)
}

/// A secret as DescribeSecret shows it to the caller of `cx`: its ARN, its key and that, but for when it was last read.
async fn look(gate: &Gate, cx: &Ctx, id: &str) -> Result<(String, String, Vec<u8>), Error> {
    let secrets = &gate.app.secrets;
    let input = DescribeSecretRequest { secret_id: id.to_owned() };
    let secret = Arc::new(secrets.resolve(cx, id).await?);
    let key = secret.key.clone();
    let permit = authorize(cx, Operation::DescribeSecret.action(), Resource::Secret(secret), &input)?;
    let mut shown = secrets.describe_secret(cx, &permit, input).await?;
    shown.last_accessed_date = None;
    let arn = shown.arn.clone().unwrap_or_default();
    Ok((arn, key, wire_json::encode(&shown).expose().to_vec()))
}

/// A secret's state in few characters.
fn state_of(shown: &[u8]) -> String {
    hex(&sha256(shown)).chars().take(STATE_CHARS).collect()
}

/// What whoever opened a stream signed with.
struct Credentials {
    access_key_id: String,
    session_token: Option<SecretText>,
}

impl Credentials {
    fn of(claim: &Claim<'_>) -> Self {
        let session_token = claim.session_token().map(|token| SecretText::new(token.to_owned()));
        Self { access_key_id: claim.access_key_id().to_owned(), session_token }
    }
}

/// A secret of a stream.
struct Watched {
    arn: String,
    key: Arc<str>,
    state: String,
    /// Whether it was deleted.
    gone: bool,
}

/// Why a stream ends.
enum End {
    /// The client is gone, or the server is being stopped.
    Quietly,
    /// What was asked is allowed no more, or cannot be answered.
    For(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::For(error)
    }
}

/// A stream.
struct Stream {
    gate: Arc<Gate>,
    credentials: Option<Credentials>,
    caller: Arc<Caller>,
    way: Way,
    /// The record of the request: what is looked at later leaves none.
    record: Record,
    secrets: Vec<Watched>,
    changes: broadcast::Receiver<Option<Arc<str>>>,
    /// The state of identities for which rights were looked at.
    epoch: u64,
    ended: watch::Receiver<bool>,
    /// What the client has seen last.
    last: Option<String>,
    place: Place,
}

impl Stream {
    /// Begins to send, in a task of its own.
    fn begin(mut self) -> Answer {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        drop(tokio::spawn(async move {
            let End::For(failure) = self.run(&sender).await.unwrap_or_else(|end| end) else { return };
            if !matches!(failure, Error::Refused(_)) {
                error!(request_id = %self.record.request_id, fault = %fault_text(&failure), "a stream of events failed");
            }
            let told = told(secretsmanager::SERVICE.protocol, &failure);
            let text = json!({ "code": told.code.name, "message": told.message });
            let _ = sender.send(event("closed", None, &text.to_string())).await;
            drop(self.place);
        }));
        let mut answer = Answer::of(200, CONTENT_TYPE, Vec::new());
        answer.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        answer.pieces = Some(pieces);
        answer
    }

    async fn run(&mut self, out: &mpsc::Sender<SecretBytes>) -> Result<End, End> {
        self.greet(out).await?;
        let mut looks = interval(LOOK);
        let mut beats = interval(self.gate.app.events.watching.heartbeat);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looked: u32 = 0;
        loop {
            let due = tokio::select! {
                () = out.closed() => return Ok(End::Quietly),
                _ = self.ended.changed() => return Ok(End::Quietly),
                _ = beats.tick() => {
                    send(out, SecretBytes::new(b":\n\n".to_vec())).await?;
                    continue;
                }
                changed = self.changes.recv() => match changed {
                    Ok(Some(key)) => self.secrets.iter().any(|secret| secret.key == key && !secret.gone).then_some(Some(key)),
                    // Too many to be told one by one: any of them.
                    Ok(None) | Err(broadcast::error::RecvError::Lagged(_)) => Some(None),
                    Err(broadcast::error::RecvError::Closed) => return Ok(End::Quietly),
                },
                _ = looks.tick() => {
                    looked += 1;
                    let changed = self.gate.app.identities.epoch() != self.epoch;
                    (changed || looked >= LOOKS_MAX).then_some(None)
                }
            };
            match due {
                Some(None) => {
                    looked = 0;
                    self.look_at(None, out).await?;
                }
                Some(key) => self.look_at(key.as_deref(), out).await?,
                None => {}
            }
        }
    }

    /// Tells what is watched, or what has changed since the client was last here.
    async fn greet(&mut self, out: &mpsc::Sender<SecretBytes>) -> Result<(), End> {
        let arns: Vec<&str> = self.secrets.iter().map(|secret| secret.arn.as_str()).collect();
        let greeting = json!({ "secrets": arns }).to_string();
        let Some(last) = self.last.take() else {
            return send(out, event("ready", Some(&self.id()), &greeting)).await;
        };
        let states: Vec<&str> = last.split('.').collect();
        let is_state = |state: &&str| state.len() == STATE_CHARS && state.bytes().all(|byte| byte.is_ascii_hexdigit());
        if states.len() != self.secrets.len() || !states.iter().all(is_state) {
            return send(out, event("resync", Some(&self.id()), &greeting)).await;
        }
        for (secret, state) in self.secrets.iter_mut().zip(states) {
            state.clone_into(&mut secret.state);
        }
        send(out, event("ready", Some(&self.id()), &greeting)).await?;
        self.look_at(None, out).await
    }

    /// Looks at one secret or all, and tells of what has changed.
    async fn look_at(&mut self, key: Option<&str>, out: &mpsc::Sender<SecretBytes>) -> Result<(), End> {
        let epoch = self.gate.app.identities.epoch();
        let cx = self.context().await?;
        for at in 0..self.secrets.len() {
            let Some(secret) = self.secrets.get_mut(at) else { break };
            if secret.gone || key.is_some_and(|key| *secret.key != *key) {
                continue;
            }
            let arn = secret.arn.clone();
            let (name, data) = match look(&self.gate, &cx, &arn).await {
                Ok((_, _, shown)) => {
                    let state = state_of(&shown);
                    if state == secret.state {
                        continue;
                    }
                    secret.state = state;
                    ("secret-changed", String::from_utf8_lossy(&shown).into_owned())
                }
                Err(failure) => {
                    // With the secret its policy is gone: who had leave by that may still hear of its end.
                    if !is_gone(&self.gate, &cx, &arn).await? {
                        return Err(End::For(failure));
                    }
                    secret.gone = true;
                    secret.state = "0".repeat(STATE_CHARS);
                    ("secret-deleted", json!({ "ARN": arn }).to_string())
                }
            };
            send(out, event(name, Some(&self.id()), &data)).await?;
        }
        if key.is_none() {
            self.epoch = epoch;
        }
        Ok(())
    }

    /// What is asked with the signer's rights of now.
    async fn context(&self) -> Result<Ctx, Error> {
        let app = &self.gate.app;
        let now = app.clock.now();
        let mut caller = Arc::clone(&self.caller);
        if let Some(credentials) = &self.credentials {
            let token = credentials.session_token.as_ref().map(SecretText::expose);
            match app.identities.signer(&credentials.access_key_id, token, &app.region, now).await? {
                Found::Signer(signer) => caller = Arc::clone(&signer.caller),
                // Whoever signs with a key that nobody was given, in developer mode.
                Found::Nobody if app.dev => {}
                Found::Nobody | Found::Gone => return Err(Error::Refused(UNRECOGNIZED_CLIENT.bare())),
                Found::Expired => return Err(Error::Refused(EXPIRED_TOKEN.bare())),
            }
        }
        Ok(Ctx::new(caller, app.region.clone(), now, self.way.clone(), self.record.clone()))
    }

    /// The state of all secrets, by which a client goes on.
    fn id(&self) -> String {
        let states: Vec<&str> = self.secrets.iter().map(|secret| secret.state.as_str()).collect();
        states.join(".")
    }
}

/// Whether a secret is not there any more, whatever its watcher may know of it.
async fn is_gone(gate: &Gate, cx: &Ctx, arn: &str) -> Result<bool, Error> {
    Ok(gate.app.secrets.resolve(cx, arn).await?.found.is_none())
}

async fn send(out: &mpsc::Sender<SecretBytes>, piece: SecretBytes) -> Result<(), End> {
    out.send(piece).await.map_err(|_| End::Quietly)
}

/// An event as it is sent.
fn event(name: &str, id: Option<&str>, data: &str) -> SecretBytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    SecretBytes::new(format!("event: {name}\n{id}data: {data}\n\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_leaves_streams_for_the_others() {
        let watching = Watching::new(&EventsConfig { streams_max: 100, ..EventsConfig::default() });
        let account = |number: u64| AccountId::parse(&format!("{number:012}")).unwrap();
        let of_one: Vec<Place> = (0..200).map_while(|_| watching.place(&account(1))).collect();
        assert_eq!(of_one.len(), 75);
        let others: Vec<Place> = (2..50).map_while(|number| watching.place(&account(number))).collect();
        assert_eq!(others.len(), 25);
        drop((of_one, others));
        assert!(watching.place(&account(1)).is_some() && watching.open.lock().unwrap().is_empty());
    }
}
