//! Session tokens: credentials that carry all that is known of their session, sealed, so that verifying one reads no
//! storage and nobody can make or alter one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use strongroom_crypto::{Context, Sealed};
use strongroom_types::{SecretBytes, SecretText};

use super::NewKey;
use crate::documents::{Documents, json_body};
use crate::error::Error;

/// Longest token that is looked at, in bytes: far longer than any that is given out.
const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// What a session's token tells. Times are in whole seconds, as in the answers of STS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClaims {
    /// The account of the session's principal.
    pub account: String,
    /// The access key id, `ASIA…`.
    pub key_id: String,
    /// When it was issued, in seconds since the epoch.
    pub issued_s: i64,
    /// When it ends.
    pub expires_s: i64,
    /// Whose session it is.
    pub holder: SessionHolder,
    /// When MFA was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_s: Option<i64>,
    /// Who stands behind a chain of roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The provider of the web identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federated_provider: Option<String>,
    /// Tags of the session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// Keys of the tags that go on to further sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_keys: Vec<String>,
    /// The inline session policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// ARNs of managed policies that narrow the session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    /// Whether a role's session assumed it.
    #[serde(default)]
    pub chained: bool,
    /// Condition keys of the identity provider's token, with their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_keys: Vec<(String, Vec<String>)>,
}

impl SessionClaims {
    /// A session that is not narrowed and has no tags. Its key and its times are still to be told.
    #[must_use]
    pub fn of(account: &str, holder: SessionHolder) -> Self {
        Self {
            account: account.to_owned(),
            key_id: String::new(),
            issued_s: 0,
            expires_s: 0,
            holder,
            mfa_s: None,
            source_identity: None,
            federated_provider: None,
            tags: Vec::new(),
            transitive_keys: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
            chained: false,
            provider_keys: Vec::new(),
        }
    }

    /// The same session, narrowed by policies.
    #[must_use]
    pub fn narrowed(self, policy: Option<String>, policy_arns: Vec<String>) -> Self {
        Self { policy, policy_arns, ..self }
    }
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionHolder {
    /// A role.
    Role {
        /// The role's unique id: a role made anew under the same name does not take its sessions over.
        id: String,
        /// The name of the session.
        session: String,
    },
    /// A user that asked for short-lived credentials.
    User {
        /// The user's unique id.
        id: String,
    },
    /// The root that asked for short-lived credentials.
    Root,
    /// A federated user.
    Federated {
        /// The unique id of the user that made the session; none for the root.
        by: Option<String>,
        /// The federated user's name.
        name: String,
    },
}

fn context() -> Context {
    Context::new("session token")
}

/// Seals claims and the secret access key of `key` into a token of at least `bytes_min` bytes.
///
/// # Errors
/// When the random source fails.
pub fn seal(
    documents: &Documents,
    claims: &SessionClaims,
    key: &NewKey,
    bytes_min: usize,
) -> Result<SecretText, Error> {
    let claims = json_body(claims)?;
    let secret = key.secret.expose();
    // White space behind JSON means nothing. Base64 makes four bytes of three. Room for all of it, so that no copy of a
    // half-written one is left behind.
    let bytes = (secret.len() + 1 + claims.len()).max(bytes_min.div_ceil(4) * 3);
    let mut plain = Vec::with_capacity(bytes);
    plain.extend_from_slice(secret.as_bytes());
    plain.push(b'\n');
    plain.extend_from_slice(claims.expose());
    plain.resize(bytes, b' ');
    let plain = SecretBytes::new(plain);
    let sealed = documents.keyring().seal(documents.random(), &context(), plain.expose())?;
    Ok(SecretText::new(STANDARD.encode(sealed.as_bytes())))
}

/// What a token tells, and its secret access key; nothing when it is none of ours.
#[must_use]
pub fn open(documents: &Documents, token: &str) -> Option<(SessionClaims, SecretText)> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let sealed = Sealed::from_storage(STANDARD.decode(token).ok()?).ok()?;
    let plain = documents.keyring().open(&context(), &sealed).ok()?;
    let (secret, claims) = std::str::from_utf8(plain.expose()).ok()?.split_once('\n')?;
    Some((serde_json::from_str(claims).ok()?, SecretText::new(secret.to_owned())))
}
