//! Who signed a request: reads the signature, finds the access key, verifies.

use std::sync::Arc;

use strongroom_core::identities::root;
use strongroom_core::trail::record::UserIdentity;
use strongroom_core::{Caller, Error};
use strongroom_wire::ServiceError;
use strongroom_wire::secretsmanager::SERVICE;
use strongroom_wire::sigv4::{self, Expected, Request, SignatureError};

use crate::app::App;
use crate::front::Call;

/// The caller of a request, and the access key it was signed with.
#[derive(Debug)]
pub struct Signer {
    /// Who.
    pub caller: Caller,
    /// How records show the caller. In developer mode without an access key id: what stands in its place may be
    /// anything, even a secret.
    pub identity: Arc<UserIdentity>,
}

/// Verifies the signature of `call`.
///
/// In developer mode any well-formed signature is the account's root.
///
/// # Errors
/// AWS's error for what is wrong with the signature; faults of the store.
pub async fn authenticate(app: &App, call: &Call) -> Result<Signer, Error> {
    let request = Request {
        method: call.method.as_str(),
        path: call.uri.path(),
        query: call.uri.query().unwrap_or_default(),
        authority: call.uri.authority().map(http::uri::Authority::as_str),
        body_sha256: &call.body_sha256,
    };
    let claim = sigv4::parse(&request, &call.headers).map_err(refused)?;
    if app.dev {
        return Ok(Signer { caller: root(app.account.clone()), identity: Arc::clone(&app.dev_identity) });
    }
    let expected = Expected { now: call.received, region: app.region.as_str(), service: SERVICE.signing_name };
    let claim = claim.check(&request, &call.headers, &expected).map_err(refused)?;
    let Some(access_key) = app.identities.access_key(claim.access_key_id()).await? else {
        return Err(refused(SignatureError::UnknownToken));
    };
    // Long-term keys come without a session token.
    if claim.session_token().is_some() {
        return Err(refused(SignatureError::UnknownToken));
    }
    let key = match app.signing_keys.get(&claim, access_key.version) {
        Some(key) => key,
        None => app.signing_keys.derive(&claim, access_key.version, access_key.value.secret()),
    };
    claim.verify(&request, &call.headers, &key).map_err(refused)?;
    let access_key = access_key.value;
    Ok(Signer { caller: access_key.caller().clone(), identity: Arc::clone(access_key.identity()) })
}

fn refused(error: SignatureError) -> Error {
    Error::Refused(ServiceError::from(error))
}
