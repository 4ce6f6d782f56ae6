//! A user of IAM as it is stored.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::SecretBytes;

use super::entity::{Entity, Policies, Tag, holder_value};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of users.
pub const USER: Kind = Kind("iam-user");
/// Users by attached managed policy.
pub const USERS_BY_POLICY: Index = Index("iam-user-policy");
/// Users by permissions boundary.
pub const USERS_BY_BOUNDARY: Index = Index("iam-user-boundary");
/// Users by the id of a group they are in.
pub const USERS_BY_GROUP: Index = Index("iam-user-group");

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account.
    pub account: String,
    /// The partition of its ARN.
    pub partition: String,
    /// The name.
    pub name: String,
    /// The path.
    pub path: String,
    /// The unique id, `AIDA…`.
    pub id: String,
    /// When it was made.
    pub created_ms: i64,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Its policies and boundary.
    #[serde(default)]
    pub policies: Policies,
    /// Ids of the groups it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Ids of its access keys, at most two, in the order they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access_keys: Vec<String>,
    /// Its password, if it may sign in to the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// Serial numbers of its MFA devices with the time they were enabled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mfa_devices: Vec<EnabledDevice>,
}

/// A user's password. Hashed by Argon2id; the text is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The hash, in the PHC string format.
    pub hash: String,
    /// Hashes of earlier passwords, newest first, as many as the password policy forbids to use again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
    /// When the login profile was made.
    pub created_ms: i64,
    /// When the password was set.
    pub changed_ms: i64,
    /// Whether the user has to choose a new one at the next sign-in.
    pub reset_required: bool,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_ms: Option<i64>,
    /// Longest session of a sign-in, in seconds; AWS's default when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signin_seconds_max: Option<i32>,
}

/// An MFA device that a user signs in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnabledDevice {
    /// Its serial number, which is its ARN.
    pub serial: String,
    /// When it was enabled.
    pub enabled_ms: i64,
}

impl Entity for User {
    const NAMES: Index = Index("iam-user-name");
    const PATHS: Index = Index("iam-user-path");
    const ID_PREFIX: &'static str = "AIDA";
    const ARN_TYPE: &'static str = "user";

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

impl Document for User {
    const KIND: Kind = USER;

    fn key(&self) -> String {
        self.document_key()
    }

    fn unique(&self) -> Vec<Term> {
        vec![self.name_term()]
    }

    fn terms(&self) -> Vec<Term> {
        let mut terms = self.policies.terms(&self.account, USERS_BY_POLICY, Some(USERS_BY_BOUNDARY));
        terms.push(self.path_term());
        let in_group = |group: &String| Term::new(USERS_BY_GROUP, holder_value(&self.account, group));
        terms.extend(self.groups.iter().map(in_group));
        terms
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(USER, body)
    }
}
