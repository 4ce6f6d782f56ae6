//! The other servers that share the store, asked for the events of their trails.
//!
//! Questions and answers are sealed by the store's keyring, which only its servers have: whoever carries them can neither
//! read nor alter them. A question is bound to the server it is for and good for a minute, an answer to its question.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use strongroom_client::{Call as Outgoing, Endpoint, Options, Trust};
use strongroom_core::cloudtrail::{Asking, Peers, Question, Told};
use strongroom_core::trail::NodeName;
use strongroom_core::{Documents, Error, Nodes, evidence};
use strongroom_crypto::digest::sha256;
use strongroom_crypto::{Context, Keyring, Sealed};
use strongroom_types::{Clock, SecretBytes, Timestamp};
use strongroom_wire::error::Code;
use tokio::task::JoinSet;
use tracing::warn;

use crate::app::App;
use crate::front::{Answer, Call};

/// Where servers ask one another.
const PATH: &str = "/_strongroom/trail";
/// What is sent both ways.
const CONTENT_TYPE: &str = "application/octet-stream";
/// For how long a question is good, in ms; clocks may differ by as much.
const GOOD_MS: i64 = 60_000;
/// How long a server may take to answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// An answer is no longer than this, in bytes: a page of the longest records.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a client is told when a server's events cannot be had.
const UNAVAILABLE: Code = Code::new("ServiceUnavailableException", 503);

/// Where there are none.
pub(super) struct Alone;

impl Peers for Alone {
    fn ask<'a>(&'a self, _question: &'a Question) -> Asking<'a> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Those on a shared store.
pub(super) struct Servers {
    pub(super) documents: Arc<Documents>,
    pub(super) name: NodeName,
    pub(super) clock: Arc<dyn Clock>,
    /// Whose certificates are trusted beside the system's.
    pub(super) trust: Trust,
    /// Servers that are gone for good.
    pub(super) gone: BTreeSet<String>,
}

/// What is sealed for another server.
#[derive(Serialize, Deserialize)]
struct Letter {
    sent_ms: i64,
    question: Question,
}

fn question_for(name: &str) -> Context {
    Context::new("node question").field(PATH).field(name)
}

fn answer_to(sealed_question: &[u8], name: &str) -> Context {
    Context::new("node answer").field(PATH).field(name).field(sha256(sealed_question))
}

fn seal(documents: &Documents, context: &Context, content: &impl Serialize) -> Result<Vec<u8>, Error> {
    let text = serde_json::to_vec(content).map_err(|error| Error::internal(error.to_string()))?;
    Ok(documents.keyring().seal(documents.random(), context, &text)?.as_bytes().to_vec())
}

fn open<T: for<'d> Deserialize<'d>>(keyring: &Keyring, context: &Context, sealed: &[u8]) -> Option<T> {
    let sealed = Sealed::from_storage(sealed.to_vec()).ok()?;
    let opened = keyring.open(context, &sealed).ok()?;
    serde_json::from_slice(opened.expose()).ok()
}

impl Peers for Servers {
    fn ask<'a>(&'a self, question: &'a Question) -> Asking<'a> {
        Box::pin(self.ask_all(question))
    }
}

impl Servers {
    async fn ask_all(&self, question: &Question) -> Result<Vec<Told>, Error> {
        let there = Nodes::others(&self.documents, &self.name).await?;
        let had_trail = evidence::servers(&self.documents).await?;
        let mut names: BTreeSet<String> = had_trail.iter().map(|name| name.as_str().to_owned()).collect();
        names.extend(there.iter().map(|(name, _)| name.as_str().to_owned()));
        let others = names.into_iter().filter(|name| name != self.name.as_str() && !self.gone.contains(name));
        let mut asked = JoinSet::new();
        for name in others {
            let address = there.iter().find(|(other, _)| other.as_str() == name).map(|(_, address)| address.clone());
            let address = match address {
                Some(Some(address)) => address,
                Some(None) => return Err(unavailable(&name, "it has no store.node_address")),
                None => return Err(unavailable(&name, "it does not run")),
            };
            let asking = self.letter_to(&name, address, question)?;
            asked.spawn(async move {
                let name = asking.name.clone();
                asking.carried_out().await.map_err(|why| unavailable(&name, &why))
            });
        }
        let mut told = Vec::new();
        while let Some(answer) = asked.join_next().await {
            told.push(answer.map_err(|_| Error::internal("the task that asks another server died"))??);
        }
        Ok(told)
    }

    fn letter_to(&self, name: &str, address: String, question: &Question) -> Result<Asked, Error> {
        let letter = Letter { sent_ms: self.clock.now().millis(), question: question.clone() };
        let sealed = seal(&self.documents, &question_for(name), &letter)?;
        let (documents, trust) = (Arc::clone(&self.documents), self.trust.clone());
        Ok(Asked { documents, trust, name: name.to_owned(), address, sealed })
    }
}

/// A question on its way.
struct Asked {
    documents: Arc<Documents>,
    trust: Trust,
    name: String,
    address: String,
    sealed: Vec<u8>,
}

impl Asked {
    async fn carried_out(self) -> Result<Told, String> {
        // What is sent is sealed, so that it may go by plain HTTP.
        let options = Options {
            trust: self.trust,
            plain_http_anywhere: true,
            time: ANSWER_TIME,
            answer_bytes_max: ANSWER_BYTES_MAX,
            ..Options::default()
        };
        let endpoint = Endpoint::open(&self.address, options).map_err(|error| error.to_string())?;
        let call = Outgoing::at(Method::POST, PATH, "").with_body(SecretBytes::new(self.sealed.clone()));
        let answer = endpoint.send(call).await.map_err(|error| error.to_string())?;
        if !answer.is_success() {
            return Err(format!("it answers with status {}", answer.status));
        }
        let context = answer_to(&self.sealed, &self.name);
        let told: Option<Told> = open(self.documents.keyring(), &context, answer.body.expose());
        told.filter(|told| told.node == self.name).ok_or_else(|| "its answer is not one of this store".to_owned())
    }
}

/// That the answer would be a part. Why is for the log: it tells of the network between the servers.
fn unavailable(name: &str, why: &str) -> Error {
    warn!(server = name, why, "events cannot be looked up: the trail of a server cannot be asked for");
    let text = format!("The events of server {name} cannot be had now. Without them the answer would be a part.");
    Error::refused(UNAVAILABLE, text)
}

/// Whether a call goes where servers ask one another.
pub(crate) fn is_of(call: &Call) -> bool {
    call.uri.path() == PATH && call.method == Method::POST
}

/// The answer to another server's question; none when `call` is no such question, or none that a server of this store has
/// just sealed for this one.
pub(crate) async fn answer(app: &App, call: &Call) -> Option<Answer> {
    let name = app.trails.cloudtrail.node().as_str();
    let documents = app.identities.documents();
    let sealed = call.body.expose();
    let letter: Letter = open(documents.keyring(), &question_for(name), sealed)?;
    let age_ms = call.received.millis().saturating_sub(letter.sent_ms);
    if !(-GOOD_MS..=GOOD_MS).contains(&age_ms) {
        return None;
    }
    Some(match told(app, &letter.question, call.received).await {
        Ok(told) => match seal(documents, &answer_to(sealed, name), &told) {
            Ok(body) => Answer::of(200, CONTENT_TYPE, SecretBytes::new(body)),
            Err(_) => failed(),
        },
        Err(error) => {
            warn!(fault = %crate::gate::fault_text(&error), "another server's question about events is not answered");
            failed()
        }
    })
}

fn failed() -> Answer {
    Answer::of(StatusCode::SERVICE_UNAVAILABLE.as_u16(), CONTENT_TYPE, SecretBytes::new(Vec::new()))
}

async fn told(app: &App, question: &Question, now: Timestamp) -> Result<Told, Error> {
    let events = app.trails.cloudtrail.answer(question, now).await?;
    Ok(Told { node: app.trails.cloudtrail.node().as_str().to_owned(), events })
}
