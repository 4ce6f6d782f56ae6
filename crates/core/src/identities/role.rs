//! A role of IAM as it is stored.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::SecretBytes;

use super::entity::{Entity, Policies, Tag};
use super::policy_text::PolicyText;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of roles.
pub const ROLE: Kind = Kind("iam-role");
/// Roles by attached managed policy.
pub const ROLES_BY_POLICY: Index = Index("iam-role-policy");
/// Roles by permissions boundary.
pub const ROLES_BY_BOUNDARY: Index = Index("iam-role-boundary");

/// The path of roles that belong to a service.
pub const SERVICE_PATH: &str = "/aws-service-role/";

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The account.
    pub account: String,
    /// The partition of its ARN.
    pub partition: String,
    /// The name.
    pub name: String,
    /// The path.
    pub path: String,
    /// The unique id, `AROA…`.
    pub id: String,
    /// When it was made.
    pub created_ms: i64,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who may assume it.
    pub trust: PolicyText,
    /// Longest session that may be asked for, in seconds.
    pub session_seconds_max: i32,
    /// Longest console sign-in with it, in seconds, if it was set. Kept and shown; there is no console sign-in by roles
    /// here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signin_seconds_max: Option<i32>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Its policies and boundary.
    #[serde(default)]
    pub policies: Policies,
}

impl Role {
    /// Whether the role is a service's own: only the service may change or assume it.
    #[must_use]
    pub fn is_service_linked(&self) -> bool {
        self.path.starts_with(SERVICE_PATH)
    }
}

impl Entity for Role {
    const NAMES: Index = Index("iam-role-name");
    const PATHS: Index = Index("iam-role-path");
    const ID_PREFIX: &'static str = "AROA";
    const ARN_TYPE: &'static str = "role";

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

impl Document for Role {
    const KIND: Kind = ROLE;

    fn key(&self) -> String {
        self.document_key()
    }

    fn unique(&self) -> Vec<Term> {
        vec![self.name_term()]
    }

    fn terms(&self) -> Vec<Term> {
        let mut terms = self.policies.terms(&self.account, ROLES_BY_POLICY, Some(ROLES_BY_BOUNDARY));
        terms.push(self.path_term());
        terms
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ROLE, body)
    }
}
