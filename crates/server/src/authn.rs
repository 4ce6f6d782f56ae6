//! Who signed a request: finds the credential that its signature names, and verifies.

use std::sync::Arc;

use strongroom_core::identities::signers::{Found, Signer};
use strongroom_core::trail::record::UserIdentity;
use strongroom_core::{Caller, Error};
use strongroom_types::Region;
use strongroom_wire::ServiceError;
use strongroom_wire::error::{Code, INVALID_SIGNATURE, UNRECOGNIZED_CLIENT};
use strongroom_wire::ops::{AnyOperation, Service};
use strongroom_wire::sigv4::{Claim, Expected, Request, SignatureError};
use strongroom_wire::{iam, sts};

use crate::app::App;
use crate::front::Call;
use crate::gate;

/// What those are told who sign with a credential that they may have guessed.
const GUESSES: [Code; 2] = [UNRECOGNIZED_CLIENT, INVALID_SIGNATURE];

/// The caller of a request, and how records show it.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who.
    pub caller: Arc<Caller>,
    /// How records show the caller.
    pub identity: Arc<UserIdentity>,
}

impl From<Arc<Signer>> for Authenticated {
    fn from(signer: Arc<Signer>) -> Self {
        Self { caller: Arc::clone(&signer.caller), identity: Arc::clone(&signer.identity) }
    }
}

/// The parts of `call` that are signed.
#[must_use]
pub fn signed_parts(call: &Call) -> Request<'_> {
    Request {
        method: call.method.as_str(),
        path: call.uri.path(),
        query: call.uri.query().unwrap_or_default(),
        authority: call.uri.authority().map(http::uri::Authority::as_str),
        body_sha256: &call.body_sha256,
    }
}

/// Verifies the signature that `claim` read from `call`.
///
/// In developer mode whoever signs with a key that nobody was given is the account's root. Keys and session tokens
/// that this server gave out are verified there as everywhere.
///
/// Of a source that has failed too often, only credentials are looked into that are in memory.
///
/// # Errors
/// AWS's error for what is wrong with the signature; `ThrottlingException` for a source that has failed too often; faults
/// of the store.
pub async fn authenticate(
    app: &App,
    call: &Call,
    claim: Result<Claim<'_>, SignatureError>,
    service: &Service,
) -> Result<Authenticated, Error> {
    let claim = claim.map_err(refused)?;
    let spare = app.admission.sign_in.has_failed_too_often(call.source, call.received);
    if spare && !app.identities.has_in_memory(claim.access_key_id(), claim.session_token()) {
        return Err(gate::too_often(service));
    }
    match signer(app, call, claim, service).await {
        Err(Error::Refused(refusal)) if GUESSES.contains(&refusal.code) => {
            app.admission.sign_in.failed(call.source, call.received);
            Err(if spare { gate::too_often(service) } else { Error::Refused(refusal) })
        }
        other => other,
    }
}

/// Whether [`authenticate`] would find who signed a call. What is wrong with the signature is not counted here: the call is
/// refused for it later.
pub async fn is_signed(app: &App, call: &Call, claim: Result<Claim<'_>, SignatureError>, service: &Service) -> bool {
    let Ok(claim) = claim else { return false };
    let spare = app.admission.sign_in.has_failed_too_often(call.source, call.received);
    let is_known = || app.identities.has_in_memory(claim.access_key_id(), claim.session_token());
    (!spare || is_known()) && signer(app, call, claim, service).await.is_ok()
}

async fn signer(app: &App, call: &Call, claim: Claim<'_>, service: &Service) -> Result<Authenticated, Error> {
    if app.dev {
        let found =
            app.identities.signer(claim.access_key_id(), claim.session_token(), &app.region, call.received).await?;
        if matches!(found, Found::Nobody) {
            return Ok(app.dev_signer.clone());
        }
    }
    let parts = signed_parts(call);
    let region = if serves(claim.region(), service, &app.region) { claim.region() } else { app.region.as_str() };
    let region = region.to_owned();
    let expected = Expected { now: call.received, region: &region, service: service.signing_name };
    let claim = claim.check(&parts, &call.headers, &expected).map_err(refused)?;
    let signer =
        match app.identities.signer(claim.access_key_id(), claim.session_token(), &app.region, call.received).await? {
            Found::Signer(signer) => signer,
            Found::Nobody | Found::Gone => return Err(refused(SignatureError::UnknownToken)),
            Found::Expired => return Err(refused(SignatureError::ExpiredToken)),
        };
    let key = match app.signing_keys.get(&claim, signer.version) {
        Some(key) => key,
        None => app.signing_keys.derive(&claim, signer.version, &signer.secret),
    };
    claim.verify(&parts, &call.headers, &key).map_err(refused)?;
    let place = AnyOperation::SERVICES.iter().position(|known| known.signing_name == service.signing_name);
    let service_at = place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX);
    app.identities.note_use(&signer, call.received, service.signing_name, service_at, &region);
    Ok(signer.into())
}

/// Whether requests to a service may be signed for a region. Services without regions of their own are signed for the
/// region that their partition keeps them in.
fn serves(signed: &str, service: &Service, region: &Region) -> bool {
    let global = match region.partition() {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    };
    let is_global = [iam::SERVICE.signing_name, sts::SERVICE.signing_name].contains(&service.signing_name);
    signed == region.as_str() || (is_global && signed == global)
}

fn refused(error: SignatureError) -> Error {
    Error::Refused(ServiceError::from(error))
}
