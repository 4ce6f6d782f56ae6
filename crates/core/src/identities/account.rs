//! An account as it is stored.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::SecretBytes;

use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of accounts.
const ACCOUNT: Kind = Kind("account");
/// Unique index of account aliases. An alias is unique among all accounts.
pub const BY_ALIAS: Index = Index("account-alias");

/// Unique index of the first account: two servers that begin a store at once make one between them.
const FIRST: Index = Index("account-first");

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its 12-digit number.
    pub account: String,
    /// When it was made.
    pub created_ms: i64,
    /// The name that the sign-in page shows instead of the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// What its users' passwords must be like; AWS's default when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<PasswordPolicy>,
    /// Whether session tokens of the global endpoint are asked for in version 2. Kept and shown; tokens here are the
    /// same either way.
    #[serde(default)]
    pub long_global_tokens: bool,
    /// Whether a server made it when there was none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
}

/// What the passwords of an account's users must be like (IAM's API, `PasswordPolicy`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// Characters at least.
    pub length_min: i32,
    /// Whether one of the symbols is needed.
    pub require_symbols: bool,
    /// Whether a digit is needed.
    pub require_numbers: bool,
    /// Whether an upper-case letter is needed.
    pub require_uppercase: bool,
    /// Whether a lower-case letter is needed.
    pub require_lowercase: bool,
    /// Whether users may change their own password.
    pub users_may_change: bool,
    /// Days after which a password expires; 0 for never.
    pub age_days_max: i32,
    /// How many earlier passwords may not be used again.
    pub reuse_prevented: i32,
    /// Whether an expired password can be reset by an administrator alone.
    pub hard_expiry: bool,
}

impl Account {
    /// A new account.
    #[must_use]
    pub fn new(account: &str, created_ms: i64) -> Self {
        let account = account.to_owned();
        Self { account, created_ms, alias: None, password_policy: None, long_global_tokens: false, first: false }
    }
}

impl Document for Account {
    const KIND: Kind = ACCOUNT;

    fn key(&self) -> String {
        self.account.clone()
    }

    fn unique(&self) -> Vec<Term> {
        let alias = self.alias.iter().map(|alias| Term::new(BY_ALIAS, alias.clone()));
        alias.chain(self.first.then(|| Term::new(FIRST, "1"))).collect()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ACCOUNT, body)
    }
}
