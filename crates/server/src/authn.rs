//! Who signed a request: reads the signature, finds the access key, verifies.

use strongroom_core::identities::{KeyHolder, root};
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
    /// The access key id.
    pub access_key_id: String,
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
        return Ok(Signer { caller: root(app.account.clone()), access_key_id: claim.access_key_id().to_owned() });
    }
    let expected = Expected { now: call.received, region: app.region.as_str(), service: SERVICE.signing_name };
    let claim = claim.check(&request, &call.headers, &expected).map_err(refused)?;
    let Some(KeyHolder { caller, secret, generation }) = app.identities.holder(claim.access_key_id()).await? else {
        return Err(refused(SignatureError::UnknownToken));
    };
    // Long-term keys come without a session token.
    if claim.session_token().is_some() {
        return Err(refused(SignatureError::UnknownToken));
    }
    let key = match app.signing_keys.get(&claim, generation) {
        Some(key) => key,
        None => app.signing_keys.derive(&claim, generation, &secret),
    };
    claim.verify(&request, &call.headers, &key).map_err(refused)?;
    Ok(Signer { caller, access_key_id: claim.access_key_id().to_owned() })
}

fn refused(error: SignatureError) -> Error {
    Error::Refused(ServiceError::from(error))
}
