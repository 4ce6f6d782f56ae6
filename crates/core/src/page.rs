//! Page tokens: sealed, so that a client can neither read nor alter them, and bound to the query they continue.
//!
//! They stand here and not in the vocabulary, because they need the cipher and the store's keyring.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use strongroom_crypto::{Context, Sealed};

use crate::documents::Documents;
use crate::error::Error;
use crate::secrets::invalid_page_token;

/// What a listing was asked for, save for the place it has reached.
#[derive(Clone, Debug)]
pub struct Query(Context);

impl Query {
    /// A query of an operation.
    #[must_use]
    pub fn new(operation: &str) -> Self {
        Self(Context::new("page").field(operation))
    }

    /// Adds a part of what was asked.
    #[must_use]
    pub fn part(self, part: &str) -> Self {
        Self(self.0.field(part))
    }

    /// Adds a yes or no of what was asked.
    #[must_use]
    pub fn flag(self, flag: bool) -> Self {
        Self(self.0.number(u64::from(flag)))
    }
}

/// A token for going on with `query` behind `place`.
///
/// # Errors
/// When the random source fails.
pub fn seal(documents: &Documents, query: &Query, place: &str) -> Result<String, Error> {
    let sealed = documents.keyring().seal(documents.random(), &query.0, place.as_bytes())?;
    Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
}

/// The place where `query` goes on.
///
/// # Errors
/// InvalidNextTokenException when the token is none of ours or another query's.
pub fn open(documents: &Documents, query: &Query, token: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid_page_token())?;
    let sealed = Sealed::from_storage(bytes).map_err(|_| invalid_page_token())?;
    let place = documents.keyring().open(&query.0, &sealed).map_err(|_| invalid_page_token())?;
    String::from_utf8(place.expose().to_vec()).map_err(|_| invalid_page_token())
}
