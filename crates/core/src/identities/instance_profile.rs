//! An instance profile of IAM as it is stored: what hands a role to a machine.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::SecretBytes;

use super::entity::{Entity, Tag, holder_value};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of instance profiles.
pub const INSTANCE_PROFILE: Kind = Kind("iam-instance-profile");
/// Instance profiles by the id of the role in them.
pub const PROFILES_BY_ROLE: Index = Index("iam-instance-profile-role");

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// The account.
    pub account: String,
    /// The partition of its ARN.
    pub partition: String,
    /// The name.
    pub name: String,
    /// The path.
    pub path: String,
    /// The unique id, `AIPA…`.
    pub id: String,
    /// When it was made.
    pub created_ms: i64,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The unique id of the role in it. IAM allows one (IAM's quotas).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

impl Entity for InstanceProfile {
    const NAMES: Index = Index("iam-instance-profile-name");
    const PATHS: Index = Index("iam-instance-profile-path");
    const ID_PREFIX: &'static str = "AIPA";
    const ARN_TYPE: &'static str = "instance-profile";

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

impl Document for InstanceProfile {
    const KIND: Kind = INSTANCE_PROFILE;

    fn key(&self) -> String {
        self.document_key()
    }

    fn unique(&self) -> Vec<Term> {
        vec![self.name_term()]
    }

    fn terms(&self) -> Vec<Term> {
        let of_role = |role: &String| Term::new(PROFILES_BY_ROLE, holder_value(&self.account, role));
        std::iter::once(self.path_term()).chain(self.role.iter().map(of_role)).collect()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(INSTANCE_PROFILE, body)
    }
}
