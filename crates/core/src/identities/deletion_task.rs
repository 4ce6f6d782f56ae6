//! The deletion of a service-linked role, as GetServiceLinkedRoleDeletionStatus is asked about it.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use super::entity::key_of_id;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of deletions.
pub const DELETION_TASK: Kind = Kind("iam-deletion-task");

/// A deletion that was done: a role goes at once here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionTask {
    /// The account.
    pub account: String,
    /// The id, `task/aws-service-role/…`.
    pub id: String,
    /// When it was done.
    pub done_ms: i64,
}

impl Document for DeletionTask {
    const KIND: Kind = DELETION_TASK;

    fn key(&self) -> String {
        key_of_id(&self.account, &self.id)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(DELETION_TASK, body)
    }
}
