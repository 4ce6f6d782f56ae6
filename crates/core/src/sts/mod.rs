//! The operations of STS: who is asking, and credentials for a time.

mod assume_role;
mod conditions;
mod lookups;
mod narrowing;
mod not_set_up;
mod refusals;
mod roles;
mod services;
mod sessions;
mod web_identity;

use std::sync::Arc;

use strongroom_types::{AccountId, Timestamp};
use strongroom_wire::sts::Credentials;

pub use self::refusals::iam_calls;
pub use self::roles::ROLE_KIND;
use crate::ctx::Ctx;
use crate::documents::Documents;
use crate::error::Error;
use crate::identities::session_token::{self, SessionClaims};
use crate::identities::{Identities, NewKey};

/// The operations of STS.
pub struct Sts {
    identities: Arc<Identities>,
    documents: Arc<Documents>,
}

impl Sts {
    /// The operations on `identities`, with tokens sealed by the keyring of `documents`.
    #[must_use]
    pub fn new(identities: Arc<Identities>, documents: Arc<Documents>) -> Self {
        Self { identities, documents }
    }

    /// Credentials of a session that lasts from now for `seconds`. `token_bytes_min` is what the request says of the
    /// token's size.
    ///
    /// # Errors
    /// When the random source fails.
    fn issue(
        &self,
        cx: &Ctx,
        claims: SessionClaims,
        seconds: i32,
        token_bytes_min: Option<i32>,
    ) -> Result<Issued, Error> {
        let account = AccountId::parse(&claims.account).map_err(|error| Error::internal(error.to_string()))?;
        let key = NewKey::draw_for_session(self.documents.random(), &account)?;
        let issued_s = cx.now.seconds();
        let claims =
            SessionClaims { key_id: key.key_id.clone(), issued_s, expires_s: issued_s + i64::from(seconds), ..claims };
        let bytes_min = token_bytes_min.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        let token = session_token::seal(&self.documents, &claims, &key, bytes_min)?;
        Ok(Issued(Credentials {
            access_key_id: key.key_id,
            secret_access_key: key.secret,
            session_token: token,
            expiration: Timestamp::from_seconds(claims.expires_s),
        }))
    }
}

/// Credentials that were just made.
struct Issued(Credentials);

impl Issued {
    /// The size of the token, in bytes.
    fn token_bytes(&self) -> Option<i32> {
        i32::try_from(self.0.session_token.expose().len()).ok()
    }

    fn into_credentials(self) -> Credentials {
        self.0
    }
}
