//! The credential report of an account, as GetCredentialReport gives it out.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of credential reports.
const CREDENTIAL_REPORT: Kind = Kind("iam-credential-report");

/// The newest credential report of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialReport {
    /// The account.
    pub account: String,
    /// When it was made.
    pub generated_ms: i64,
    /// Comma-separated values with a line of names.
    pub content: String,
}

impl Document for CredentialReport {
    const KIND: Kind = CREDENTIAL_REPORT;
    const CACHED: bool = false;

    fn key(&self) -> String {
        self.account.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(CREDENTIAL_REPORT, body)
    }
}
