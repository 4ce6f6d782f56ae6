//! Facts of an API model, as they are stored: everything but prose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Traits without a field of their own, by their names in botocore.
pub type Traits = BTreeMap<String, Value>;

/// The facts of one service.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Where the facts come from.
    pub source: Source,
    /// Protocol, signing name, target prefix and so on.
    pub metadata: Traits,
    /// Operations by name.
    pub operations: BTreeMap<String, Operation>,
    /// Shapes by name.
    pub shapes: BTreeMap<String, Shape>,
}

/// Where facts come from.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The package that held the model.
    pub package: String,
    /// Its version.
    pub version: String,
}

/// One operation.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// HTTP method, path and status.
    pub http: Traits,
    /// The shape of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The shape of the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The shapes of the errors, sorted.
    pub errors: Vec<String>,
    /// How answers are paged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paginator: Option<Value>,
    /// The rest.
    #[serde(flatten)]
    pub traits: Traits,
}

/// One shape.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// `structure`, `list`, `map`, `string`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The least length or value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<serde_json::Number>,
    /// The greatest length or value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<serde_json::Number>,
    /// What text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Whether values must not be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Whether lists and maps have no wrapper.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flattened: bool,
    /// The values of an enumeration, in the model's order.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The names of the members that must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// The members of a structure, in the model's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// The elements of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// The keys of a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Member>,
    /// The values of a map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Member>,
    /// The rest.
    #[serde(flatten)]
    pub traits: Traits,
}

/// A reference to a shape, with the traits it has in that place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The name of a structure's member.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The name of the shape.
    pub shape: String,
    /// The name on the wire where it differs.
    #[serde(default, rename = "locationName", skip_serializing_if = "Option::is_none")]
    pub location_name: Option<String>,
    /// The rest.
    #[serde(flatten)]
    pub traits: Traits,
}

impl Facts {
    /// A text of the metadata, or nothing.
    pub fn metadata(&self, key: &str) -> &str {
        self.metadata.get(key).and_then(Value::as_str).unwrap_or_default()
    }
}
