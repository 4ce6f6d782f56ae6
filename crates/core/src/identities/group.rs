//! A group of IAM as it is stored. Who is in it stands with the users.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::SecretBytes;

use super::entity::{Entity, Policies};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of groups.
pub const GROUP: Kind = Kind("iam-group");
/// Groups by attached managed policy.
pub const GROUPS_BY_POLICY: Index = Index("iam-group-policy");

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The account.
    pub account: String,
    /// The partition of its ARN.
    pub partition: String,
    /// The name.
    pub name: String,
    /// The path.
    pub path: String,
    /// The unique id, `AGPA…`.
    pub id: String,
    /// When it was made.
    pub created_ms: i64,
    /// Its policies.
    #[serde(default)]
    pub policies: Policies,
}

impl Entity for Group {
    const NAMES: Index = Index("iam-group-name");
    const PATHS: Index = Index("iam-group-path");
    const ID_PREFIX: &'static str = "AGPA";
    const ARN_TYPE: &'static str = "group";

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

impl Document for Group {
    const KIND: Kind = GROUP;

    fn key(&self) -> String {
        self.document_key()
    }

    fn unique(&self) -> Vec<Term> {
        vec![self.name_term()]
    }

    fn terms(&self) -> Vec<Term> {
        let mut terms = self.policies.terms(&self.account, GROUPS_BY_POLICY, None);
        terms.push(self.path_term());
        terms
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(GROUP, body)
    }
}
