//! Calls that rotators inside this process make of its own services, without a network between: signed with the
//! credentials of a role and taken through the gate as everybody's, or as the service that owns a secret.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use serde_json::Value;
use strongroom_client::{Call as Outgoing, Credentials};
use strongroom_core::functions::RoleCredentials;
use strongroom_core::random_uuid;
use strongroom_crypto::Random;
use strongroom_crypto::digest::sha256;
use strongroom_types::{AccountId, Clock, Region, SecretBytes, Timestamp};
use strongroom_wire::{Shape, json, secretsmanager};

use crate::front::{Call, Endpoint as _};
use crate::gate::Gate;

/// The host that these calls name: nobody is asked for it.
const HERE: &str = "localhost";
/// How the calls tell who makes them, as records show it.
const AGENT: &str = "strongroom-rotators";
/// The other end of a connection that there is none of.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// AWS's code, such as `ResourceNotFoundException`.
    pub code: String,
    /// The text.
    pub message: String,
}

impl Refused {
    fn fault(text: impl ToString) -> Self {
        Self { code: "InternalServiceError".to_owned(), message: text.to_string() }
    }
}

/// With whose rights a call is made.
pub enum Rights<'a> {
    /// With those of a role's session.
    Session(&'a RoleCredentials),
    /// As the service that owns a secret.
    Service {
        /// The service as principals name it.
        principal: &'static str,
        /// The account of the secret.
        account: AccountId,
    },
}

/// The way to the services of this process.
pub struct Inside {
    /// Set once the gate is there; weak, as the gate holds what holds this.
    gate: OnceLock<Weak<Gate>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    region: Region,
}

impl Inside {
    /// The way, before there is a gate.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, region: Region) -> Self {
        Self { gate: OnceLock::new(), clock, random, region }
    }

    /// Tells the gate. Only the first one counts.
    pub fn lead_to(&self, gate: &Arc<Gate>) {
        let _ = self.gate.set(Arc::downgrade(gate));
    }

    /// Calls an operation of Secrets Manager.
    ///
    /// # Errors
    /// What the service refuses it with.
    pub async fn call<I: Shape, O: Shape>(
        &self,
        rights: &Rights<'_>,
        operation: secretsmanager::Operation,
        input: &I,
    ) -> Result<O, Refused> {
        let gate = self.gate.get().and_then(Weak::upgrade);
        let gate = gate.ok_or_else(|| Refused::fault("the server is not ready, or is being stopped"))?;
        let answer = match rights {
            Rights::Session(credentials) => gate.call(self.signed(credentials, operation, input)?).await,
            Rights::Service { principal, account } => {
                let mut headers = HeaderMap::new();
                headers.insert(USER_AGENT, HeaderValue::from_static(principal));
                let call = self.of(headers, json::encode(input), self.clock.now())?;
                gate.act(&call, operation, principal, account).await
            }
        };
        if answer.status == 200 {
            return json::decode_answer(answer.body.expose()).map_err(Refused::fault);
        }
        Err(refused(answer.body.expose()))
    }

    fn signed<I: Shape>(
        &self,
        credentials: &RoleCredentials,
        operation: secretsmanager::Operation,
        input: &I,
    ) -> Result<Call, Refused> {
        let target = format!("secretsmanager.{}", operation.name());
        let outgoing = Outgoing::json(secretsmanager::SERVICE.signing_name, &target, &Value::Null);
        let outgoing = outgoing.with_body(json::encode(input));
        let credentials = Credentials {
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: credentials.secret_access_key.clone(),
            session_token: Some(credentials.session_token.clone()),
        };
        let (at, here) = (self.clock.now(), HeaderValue::from_static(HERE));
        let headers = outgoing.signed(&here, "/", &credentials, self.region.as_str(), at);
        let mut headers = headers.map_err(Refused::fault)?;
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        self.of(headers, outgoing.into_body(), at)
    }

    /// A call as if it had come over a network.
    fn of(&self, headers: HeaderMap, body: SecretBytes, received: Timestamp) -> Result<Call, Refused> {
        Ok(Call {
            method: Method::POST,
            uri: Uri::from_static("/"),
            version: Version::HTTP_11,
            headers,
            body_sha256: sha256(body.expose()),
            body,
            peer: NOWHERE,
            source: NOWHERE.ip(),
            local: NOWHERE,
            tls: None,
            endpoint: None,
            inside: true,
            received,
            request_id: random_uuid(self.random.as_ref()).map_err(Refused::fault)?,
        })
    }
}

/// What an answer says that is no success.
fn refused(body: &[u8]) -> Refused {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: [&str; 2]| names.iter().find_map(|name| told.get(name)?.as_str()).unwrap_or_default().to_owned();
    Refused { code: text(["__type", "code"]), message: text(["message", "Message"]) }
}
