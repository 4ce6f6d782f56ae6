//! A rule as it is stored, with its targets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;
use strongroom_wire::events::RuleState;
use strongroom_wire::forms::Enumeration as _;

use super::named;
use crate::announcing;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// How records name the type of a rule.
pub const RULE_KIND: &str = "AWS::Events::Rule";
/// Attempts at a delivery beside the first, where a target does not say.
pub const RETRIES_DEFAULT: i32 = 185;
/// How long a delivery is tried, in seconds, where a target does not say.
pub const AGE_S_DEFAULT: i32 = 86_400;

/// A rule of the default bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The account that owns it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// The partition of that region.
    pub partition: String,
    /// Its name.
    pub name: String,
    /// The pattern as it was put.
    pub pattern: String,
    /// `ENABLED`, `DISABLED`, `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
    pub state: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The role that was given for all targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its targets in the order in which they were put.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// The account that made it.
    pub created_by: String,
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
}

/// Where a rule sends events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its id within the rule.
    pub id: String,
    /// What it is.
    pub arn: String,
    /// The role that it is reached with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// What it gets in place of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The part of the event that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_path: Option<String>,
    /// What it gets is made of parts of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformer: Option<Transformer>,
    /// What an endpoint is asked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// The queue that stands for where dead letters are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_arn: Option<String>,
    /// Attempts at a delivery beside the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries_max: Option<i32>,
    /// How long a delivery is tried, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_s_max: Option<i32>,
}

/// An input transformer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transformer {
    /// The paths of the variables.
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
    /// The template.
    pub template: String,
}

/// Parts of a request to an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// What stands for the stars in the endpoint's URL, in their order.
    #[serde(default)]
    pub path_values: Vec<String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Parameters of the query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
}

impl Rule {
    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        named::arn(&self.partition, &self.region, &self.account, &["rule/", &self.name])
    }

    /// Whether events are held against it.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.state != RuleState::Disabled.as_str()
    }
}

/// The key of a rule's document.
#[must_use]
pub fn document_key(account: &str, region: &str, name: &str) -> String {
    [account, ":", region, ":", name].concat()
}

impl Document for Rule {
    const KIND: Kind = announcing::RULE;

    fn key(&self) -> String {
        document_key(&self.account, &self.region, &self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(Self::KIND, body)
    }
}
