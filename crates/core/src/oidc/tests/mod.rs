//! A provider made of a table of answers, with keys of its own and a clock that is turned by hand.

mod keys;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use serde_json::{Value, json};
use strongroom_types::time::{MockClock, Timestamp};
use tokio::sync::Semaphore;

use super::{Claims, Fetch, FetchError, FetchRequest, Fetching, KeySources, Provider, WebIdentities, read};
use crate::error::Error;

const ISSUER: &str = "https://idp.example.com/realms/a";
const DISCOVERY: &str = "https://idp.example.com/realms/a/.well-known/openid-configuration";
const KEYS: &str = "https://keys.example.com/jwks";
/// Seconds of 2026-07-01.
const NOW_S: i64 = 1_782_864_000;

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW_S)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider's key.
struct Signer {
    id: &'static str,
    pair: KeyPair,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        Self { id, pair: KeyPair::generate_for(&PKCS_ED25519).unwrap() }
    }

    fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": encode(self.pair.der_bytes())})
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": self.id});
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.pair.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    }
}

fn key_set(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}

/// Claims that are good for an hour, with others over them; a null takes one away.
fn claims(more: Value) -> Value {
    let mut claims = json!({"iss": ISSUER, "sub": "someone", "aud": "client", "iat": NOW_S, "exp": NOW_S + 3600});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A network of a few documents, which counts what was asked. With a gate, answers wait for permits.
#[derive(Default)]
struct Network {
    answers: Mutex<HashMap<String, Result<String, FetchError>>>,
    asked: Mutex<Vec<String>>,
    gate: Option<Semaphore>,
}

impl Network {
    fn answer(&self, url: &str, answer: Result<String, FetchError>) {
        self.answers.lock().unwrap().insert(url.to_owned(), answer);
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Fetch for Network {
    fn get<'a>(&'a self, request: FetchRequest<'a>) -> Fetching<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(request.url.to_owned());
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            let answer = self.answers.lock().unwrap().get(request.url).cloned();
            answer.unwrap_or(Err(FetchError::Status(404))).map(String::into_bytes)
        })
    }
}

/// Everything together: the network has a good provider with one key.
struct Setting {
    network: Arc<Network>,
    clock: MockClock,
    identities: WebIdentities,
    signer: Signer,
}

fn setting_with(network: Network, sources: KeySources) -> Setting {
    let (network, clock, signer) = (Arc::new(network), MockClock::at(now()), Signer::new("1"));
    network.answer(DISCOVERY, Ok(json!({"issuer": ISSUER, "jwks_uri": KEYS}).to_string()));
    network.answer(KEYS, Ok(key_set(&[&signer])));
    let identities = WebIdentities::new(sources, Arc::clone(&network) as _, Arc::new(clock.clone()));
    Setting { network, clock, identities, signer }
}

fn setting() -> Setting {
    setting_with(Network::default(), KeySources::default())
}

fn provider() -> Provider {
    Provider::new(ISSUER, vec!["client".to_owned(), "other".to_owned()], vec![])
}

impl Setting {
    async fn verify(&self, token: &str) -> Result<Claims, Error> {
        self.identities.verify(&read(token)?, &provider(), now()).await
    }

    /// The refusal of a token, as code and text.
    async fn refusal(&self, token: &str) -> String {
        told(self.verify(token).await)
    }

    fn good(&self) -> String {
        self.signer.token(&claims(json!({})))
    }
}

fn told<T>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Refused(error)) => {
            assert_eq!(error.code.status, 400);
            error.to_string()
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => "no refusal".to_owned(),
    }
}
