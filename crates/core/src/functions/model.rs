//! A function as it is stored: its configuration, its versions, aliases, policies, tags and concurrency. The code stands in
//! documents of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_store::Kind;
use strongroom_types::{SecretBytes, SecretText};

use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;
use crate::identities::policy_text::PolicyText;

/// Kind of the documents of functions.
pub const FUNCTION: Kind = Kind("function");
/// How records name the type of a function.
pub const FUNCTION_KIND: &str = "AWS::Lambda::Function";
/// The version that changes go to.
pub const LATEST: &str = "$LATEST";

/// A function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// The account that owns it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// The partition of that region.
    pub partition: String,
    /// The name.
    pub name: String,
    /// What changes go to: version `$LATEST`.
    pub latest: Configuration,
    /// The published versions by number.
    #[serde(default)]
    pub versions: BTreeMap<u64, Configuration>,
    /// The number of the version that is published next: none is used twice.
    pub next_version: u64,
    /// Aliases by name.
    #[serde(default)]
    pub aliases: BTreeMap<String, Alias>,
    /// Policies by qualifier; that of the unqualified function under an empty name.
    #[serde(default)]
    pub policies: BTreeMap<String, FunctionPolicy>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Invocations that may run at one time, if that is bounded for this function.
    #[serde(default)]
    pub concurrency: Option<u32>,
}

/// How a version of a function runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// The runtime, such as `python3.13`; none for container images.
    pub runtime: Option<String>,
    /// The ARN of the execution role.
    pub role: String,
    /// What the runtime calls, such as `index.handler`; for native packages `strongroom/NAME`.
    pub handler: Option<String>,
    /// Free text.
    pub description: String,
    /// How long an invocation may take, in seconds.
    pub timeout_s: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// Room for temporary files, in MiB.
    pub ephemeral_mib: u32,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Environment variables, in the order of their names.
    pub environment: Vec<Variable>,
    /// The key that the environment is said to be encrypted under.
    pub kms_key_arn: Option<String>,
    /// `Active` or `PassThrough`.
    pub tracing_mode: String,
    /// ARNs of layer versions. Kept and shown; not in the function's file system here.
    pub layers: Vec<String>,
    /// Subnets and security groups. Kept and shown; functions run where the server does.
    pub vpc: Option<Vpc>,
    /// Where failed asynchronous events go. Kept and shown.
    pub dead_letter_arn: Option<String>,
    /// `Text` or `JSON`.
    pub log_format: String,
    /// The log group. Kept and shown.
    pub log_group: String,
    /// The levels of structured logs.
    pub log_levels: Option<(String, String)>,
    /// `None` or `PublishedVersions`.
    pub snap_start: String,
    /// The code.
    pub code: CodeFacts,
    /// Changes with each change.
    pub revision_id: String,
    /// When it was last changed, in ms since the epoch.
    pub modified_ms: i64,
}

/// A published or latest version's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFacts {
    /// The name of its documents.
    pub id: String,
    /// SHA-256 in base64.
    pub sha256: String,
    /// Bytes of the package.
    pub bytes: u64,
    /// How many documents it has.
    pub chunks: u32,
}

/// Subnets and security groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// Ids of subnets.
    pub subnets: Vec<String>,
    /// Ids of security groups.
    pub security_groups: Vec<String>,
    /// Whether IPv6 is allowed.
    pub ipv6: bool,
}

/// An environment variable. Its value may be a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(serialize_with = "exposed", deserialize_with = "hidden")]
    pub value: SecretText,
}

// Only into bodies that are sealed.
fn exposed<S: Serializer>(value: &SecretText, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.expose())
}

fn hidden<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretText, D::Error> {
    String::deserialize(deserializer).map(SecretText::new)
}

/// An alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// The version that it leads to: a number or `$LATEST`.
    pub version: String,
    /// Free text.
    pub description: String,
    /// Another version with the share of invocations that it gets, if there is one.
    pub weight: Option<(String, f64)>,
    /// Changes with each change.
    pub revision_id: String,
}

/// A resource policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionPolicy {
    /// Its text.
    pub text: PolicyText,
    /// Changes with each change.
    pub revision_id: String,
}

impl Function {
    /// The ARN without qualifier.
    #[must_use]
    pub fn arn(&self) -> String {
        let Self { partition, region, account, name, .. } = self;
        ["arn:", partition, ":lambda:", region, ":", account, ":function:", name].concat()
    }

    /// The ARN of a version or alias.
    #[must_use]
    pub fn arn_of(&self, qualifier: &str) -> String {
        [self.arn().as_str(), ":", qualifier].concat()
    }

    /// The configuration of a version: a number or `$LATEST`.
    #[must_use]
    pub fn version(&self, version: &str) -> Option<&Configuration> {
        if version == LATEST {
            return Some(&self.latest);
        }
        self.versions.get(&version.parse().ok()?)
    }

    /// The version that a qualifier, or none, leads to. The other version of an alias with weights is not looked at.
    #[must_use]
    pub fn resolved<'a>(&'a self, qualifier: Option<&'a str>) -> Option<&'a str> {
        let version = match qualifier {
            None => LATEST,
            Some(qualifier) => self.aliases.get(qualifier).map_or(qualifier, |alias| &alias.version),
        };
        self.version(version).map(|_| version)
    }

    /// The ids of code that some version has.
    pub fn codes(&self) -> impl Iterator<Item = &CodeFacts> {
        std::iter::once(&self.latest).chain(self.versions.values()).map(|version| &version.code)
    }
}

/// The key of a function's document.
#[must_use]
pub fn document_key(account: &str, region: &str, name: &str) -> String {
    [account, ":", region, ":", name].concat()
}

impl Document for Function {
    const KIND: Kind = FUNCTION;

    fn key(&self) -> String {
        document_key(&self.account, &self.region, &self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(FUNCTION, body)
    }
}
