//! Identity providers of OpenID Connect: their keys, and the tokens by which AssumeRoleWithWebIdentity knows a caller.
//!
//! The way of a token: [`read`] it, find the provider that IAM has for its issuer in the role's account (or refuse with
//! [`refusals::no_provider`]), and [`WebIdentities::verify`] it. What comes out are [`Claims`], whose
//! [`Claims::condition_keys`] the role's trust policy is asked with.

mod claims;
mod condition_keys;
mod fetch;
mod keys;
mod provider;
pub mod refusals;
#[cfg(test)]
mod tests;

pub use claims::{Claims, LEEWAY_S};
pub use condition_keys::ConditionKey;
pub use fetch::{Fetch, FetchError, FetchRequest, Fetching};
pub use keys::{FETCH_MS_MAX, FRESH_MS, KeySources, PROVIDERS_MAX, REFRESH_MS, RETRY_MS, STALE_MS};
pub use provider::{Provider, Thumbprint, parse_thumbprint, url_is_allowed};

use std::sync::Arc;

use strongroom_crypto::jwt::{JwtError, Token};
use strongroom_types::time::{Clock, Timestamp};

use crate::error::Error;
use keys::ProviderKeys;

/// Reads a token, without verifying it yet.
///
/// # Errors
/// InvalidIdentityToken when it is no signed token, or signed by an algorithm that is not taken.
pub fn read(text: &str) -> Result<Token, Error> {
    Token::read(text).map_err(|_| refusals::no_token())
}

/// Who verifies tokens, with the keys of their providers.
pub struct WebIdentities {
    keys: ProviderKeys,
}

impl WebIdentities {
    /// Asks providers through `fetch`, but for those whose keys `sources` has. `clock` says how old keys are.
    #[must_use]
    pub fn new(sources: KeySources, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self { keys: ProviderKeys::new(sources, fetch, clock) }
    }

    /// Whether providers may have this issuer URL here: `https`, or `http` on loopback if that is configured.
    #[must_use]
    pub fn issuer_is_allowed(&self, url: &str) -> bool {
        self.keys.url_is_allowed(url)
    }

    /// The claims of a token that `provider` has issued for one of its client ids and that is valid at `now`.
    ///
    /// Keys that are not known are asked for, at most every [`REFRESH_MS`] for each provider, since providers exchange
    /// their keys.
    ///
    /// # Errors
    /// AWS's refusals of AssumeRoleWithWebIdentity: InvalidIdentityToken, ExpiredTokenException,
    /// IDPCommunicationError.
    pub async fn verify(&self, token: &Token, provider: &Provider, now: Timestamp) -> Result<Claims, Error> {
        if token.issuer() != Some(provider.issuer()) {
            return Err(refusals::no_provider(token.issuer().unwrap_or_default()));
        }
        let keys = self.keys.of(provider).await?;
        let claims = match token.verify(&keys) {
            Ok(claims) => claims,
            Err(refused) => match self.keys.newer(provider, &keys).await {
                Some(newer) => token.verify(&newer).map_err(refusal)?,
                None => return Err(refusal(refused)),
            },
        };
        Claims::checked(claims, provider, now)
    }
}

fn refusal(error: JwtError) -> Error {
    match error {
        JwtError::UnknownKey => refusals::no_key(),
        JwtError::Signature => refusals::wrong_signature(),
        JwtError::Form | JwtError::Algorithm => refusals::no_token(),
    }
}
