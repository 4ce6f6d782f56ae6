//! The organization that the accounts of a store may belong to: units, the accounts in them, and service control
//! policies (AWS Organizations' user guide). A store has one at most.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_policy::DocumentKind;
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use super::policy_text::PolicyText;
use crate::caller::{NamedPolicy, OrganizationPlace, PolicySource};
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the document of the organization.
pub const ORGANIZATION: Kind = Kind("organization");
/// The id of the policy that allows everything, which is attached to whatever is made.
pub const FULL_ACCESS: &str = "p-FullAWSAccess";
/// Deepest nesting of units below the root (AWS Organizations' quotas).
pub const DEPTH_MAX: usize = 5;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id, `o-` and ten to 32 letters.
    pub id: String,
    /// The management account, which service control policies do not bound.
    pub management: String,
    /// The id of the root, `r-` and four to 32 letters.
    pub root_id: String,
    /// Units by id, `ou-…`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, Unit>,
    /// The parent of each account: the root or a unit.
    pub accounts: BTreeMap<String, String>,
    /// Service control policies by id, `p-…`.
    pub policies: BTreeMap<String, ControlPolicy>,
    /// Ids of the policies that are attached to the root, a unit or an account.
    pub attached: BTreeMap<String, Vec<String>>,
}

/// A unit of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its name, unique within its parent.
    pub name: String,
    /// The root or the unit that it is in.
    pub parent: String,
}

/// A service control policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlPolicy {
    /// Its name.
    pub name: String,
    /// The document.
    pub document: PolicyText,
}

impl Organization {
    /// The targets that bound an account, from the root down to the account itself; nothing when the account is not
    /// in the organization.
    #[must_use]
    pub fn targets(&self, account: &str) -> Option<Vec<&str>> {
        let (account, parent) = self.accounts.get_key_value(account)?;
        let mut upwards = vec![account.as_str()];
        let mut at = parent.as_str();
        // Bounded, so that a damaged document cannot turn in a circle.
        for _ in 0..=DEPTH_MAX {
            upwards.push(at);
            match self.units.get(at) {
                Some(unit) => at = unit.parent.as_str(),
                None => break,
            }
        }
        upwards.reverse();
        Some(upwards)
    }

    /// What the organization means for an account.
    ///
    /// # Errors
    /// A fault when a stored policy does not read.
    pub fn place(&self, account: &str) -> Result<Option<OrganizationPlace>, Error> {
        let Some(targets) = self.targets(account) else { return Ok(None) };
        let units = targets.iter().filter(|target| **target != account);
        let path = units.fold(format!("{}/", self.id), |path, unit| path + unit + "/");
        let mut levels = Vec::new();
        if account != self.management {
            for target in &targets {
                levels.push(self.policies_of(target)?);
            }
        }
        Ok(Some(OrganizationPlace { id: self.id.as_str().into(), path: path.into(), levels }))
    }

    fn policies_of(&self, target: &str) -> Result<Vec<NamedPolicy>, Error> {
        let ids = self.attached.get(target).map(Vec::as_slice).unwrap_or_default();
        let policies = ids.iter().filter_map(|id| self.policies.get(id).map(|policy| (id, policy)));
        let named = policies.map(|(id, policy)| {
            let document = Arc::clone(policy.document.compiled(DocumentKind::Identity)?);
            let (account, organization) = (&self.management, &self.id);
            let arn = format!("arn:aws:organizations::{account}:policy/{organization}/service_control_policy/{id}");
            Ok(NamedPolicy { source: PolicySource::Managed { arn: arn.into() }, document })
        });
        named.collect()
    }
}

impl Document for Organization {
    const KIND: Kind = ORGANIZATION;

    fn key(&self) -> String {
        self.management.clone()
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ORGANIZATION, body)
    }
}
