//! An alias as it is stored: a name that leads to a key.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;

/// Kind of the documents of aliases.
pub const ALIAS: Kind = Kind("kms-alias");
/// How records name the type of an alias.
pub const ALIAS_KIND: &str = "AWS::KMS::Alias";
/// What every alias begins with.
pub const PREFIX: &str = "alias/";
/// What the aliases of AWS's services begin with.
pub const RESERVED: &str = "alias/aws/";

/// An alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The account that owns it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// Its name, with `alias/`.
    pub name: String,
    /// The id of the key that it leads to.
    pub key_id: String,
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
    /// When it last changed, in ms since the epoch.
    pub changed_ms: i64,
}

/// The key of an alias's document.
#[must_use]
pub fn document_key(account: &str, region: &str, name: &str) -> String {
    [account, ":", region, ":", name].concat()
}

impl Document for Alias {
    const KIND: Kind = ALIAS;

    fn key(&self) -> String {
        document_key(&self.account, &self.region, &self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(ALIAS, body)
    }
}
