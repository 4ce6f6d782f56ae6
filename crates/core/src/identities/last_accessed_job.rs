//! A report of the services that a principal, group or policy may use, with their last uses, as
//! GetServiceLastAccessedDetails gives it out.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use super::entity::key_of_id;
use super::service_uses::ServiceUse;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of reports.
const LAST_ACCESSED_JOB: Kind = Kind("iam-last-accessed-job");

/// A report that was made: that is done at once here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAccessedJob {
    /// The account.
    pub account: String,
    /// The id, a UUID.
    pub id: String,
    /// The unique id of the user or role that asked for it, or the account for its root.
    pub asked_by: String,
    /// When it was made.
    pub done_ms: i64,
    /// Whether single actions were asked for.
    #[serde(default)]
    pub by_action: bool,
    /// The services, by namespace.
    pub services: Vec<AccessedService>,
}

/// A service that may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessedService {
    /// Its namespace, such as `secretsmanager`.
    pub namespace: String,
    /// How many users and roles used it.
    pub entities: usize,
    /// The last use, with the ARN of who that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<(String, ServiceUse)>,
}

impl Document for LastAccessedJob {
    const KIND: Kind = LAST_ACCESSED_JOB;

    fn key(&self) -> String {
        key_of_id(&self.account, &self.id)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(LAST_ACCESSED_JOB, body)
    }
}
