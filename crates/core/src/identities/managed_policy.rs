//! A customer managed policy of IAM as it is stored, with its versions.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::SecretBytes;

use super::entity::{Entity, Tag};
use super::policy_text::PolicyText;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of managed policies.
pub const MANAGED_POLICY: Kind = Kind("iam-policy");

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// The account.
    pub account: String,
    /// The partition of its ARN.
    pub partition: String,
    /// The name.
    pub name: String,
    /// The path.
    pub path: String,
    /// The unique id, `ANPA…`.
    pub id: String,
    /// When it was made.
    pub created_ms: i64,
    /// When a version was last made or made the default.
    pub updated_ms: i64,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Its versions, oldest first, at least one.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version that is in force.
    pub default_version: u32,
    /// The number that the next version gets: numbers are never used twice.
    pub next_version: u32,
}

/// A version of a managed policy; its id is `v` and the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The number, from 1.
    pub number: u32,
    /// The document.
    pub document: PolicyText,
    /// When it was made.
    pub created_ms: i64,
}

impl ManagedPolicy {
    /// The version that is in force.
    #[must_use]
    pub fn in_force(&self) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.number == self.default_version)
    }
}

impl Entity for ManagedPolicy {
    const NAMES: Index = Index("iam-policy-name");
    const PATHS: Index = Index("iam-policy-path");
    const ID_PREFIX: &'static str = "ANPA";
    const ARN_TYPE: &'static str = "policy";

    fn account(&self) -> &str {
        &self.account
    }

    fn partition(&self) -> &str {
        &self.partition
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Document for ManagedPolicy {
    const KIND: Kind = MANAGED_POLICY;

    fn key(&self) -> String {
        self.document_key()
    }

    fn unique(&self) -> Vec<Term> {
        vec![self.name_term()]
    }

    fn terms(&self) -> Vec<Term> {
        vec![self.path_term()]
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(MANAGED_POLICY, body)
    }
}
