//! A registered database as it is stored: how it is reached, and which secret holds its master user. No password stands
//! here.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::{AccountId, Region, SecretBytes};

use crate::documents::{Document, Loaded, from_json_body, json_body};
use crate::error::Error;
use crate::secrets::model::{SecretTag, place};
use crate::secrets::owned::Owner;

/// Kind of the documents of this module.
pub const DATABASE: Kind = Kind("database");

/// A database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// The account that registered it.
    pub account: String,
    /// The region of its secret.
    pub region: String,
    /// Its id, unique in account and region.
    pub id: String,
    /// The service that owns its secret: `rds` or `redshift`.
    pub service: String,
    /// The engine, as rotation functions name it: `postgres`, `mariadb`, …
    pub engine: String,
    /// Its host name or address.
    pub host: String,
    /// Its port; none for the engine's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The database to log in to; none for the engine's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dbname: Option<String>,
    /// Whether TLS is demanded or left out; none to try it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl: Option<bool>,
    /// Certificates of authorities that its own leads to, in PEM; none for those that the server trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The master user.
    pub username: String,
    /// The name of the secret of the master user.
    pub secret_name: String,
    /// The token of the request that registered it.
    pub token: String,
    /// When it was registered, in ms since the epoch.
    pub created_ms: i64,
}

impl Database {
    /// Its ARN, as policies name it.
    #[must_use]
    pub fn arn(&self, region: &Region) -> String {
        arn_of(region, &self.account, &self.id)
    }

    /// The owner of its secret.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { service: self.service.clone(), database: self.id.clone() }
    }

    /// The tag by which the service tells what a secret is of.
    pub(super) fn tag(&self, region: &Region) -> SecretTag {
        let (key, kind) = match self.service.as_str() {
            "redshift" => ("aws:redshift:primaryClusterArn", "cluster"),
            _ => ("aws:rds:primaryDBInstanceArn", "db"),
        };
        let Self { account, id, service, .. } = self;
        let value = ["arn:", region.partition(), ":", service, ":", region.as_str(), ":", account, ":", kind, ":", id];
        SecretTag { key: key.to_owned(), value: value.concat() }
    }
}

/// The ARN of a database of an id.
pub(super) fn arn_of(region: &Region, account: &str, id: &str) -> String {
    ["arn:", region.partition(), ":strongroom:", region.as_str(), ":", account, ":database/", id].concat()
}

impl Document for Database {
    const KIND: Kind = DATABASE;

    fn key(&self) -> String {
        place(&self.account, &self.region) + &self.id
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(DATABASE, body)
    }
}

/// A database that a request names, registered or not.
#[derive(Clone, Debug)]
pub struct DatabaseRef {
    /// Its ARN, or the one that it would have.
    pub arn: String,
    /// The account that owns it.
    pub account: AccountId,
    /// Its id.
    pub id: String,
    /// The database as it was when the request was authorised.
    pub found: Option<Loaded<Database>>,
}
