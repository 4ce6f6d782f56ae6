//! API destinations and their connections as they are stored.

use serde::{Deserialize, Serialize};
use strongroom_store::Kind;
use strongroom_types::SecretBytes;

use super::named::arn;
use crate::documents::{Document, from_json_body, json_body};
use crate::error::Error;
use crate::secrets::owned::Owner;

/// Kind of the documents of connections.
pub const CONNECTION: Kind = Kind("event-connection");
/// Kind of the documents of API destinations.
pub const DESTINATION: Kind = Kind("event-destination");
/// How records name the type of a connection.
pub const CONNECTION_KIND: &str = "AWS::Events::Connection";
/// How records name the type of an API destination.
pub const DESTINATION_KIND: &str = "AWS::Events::ApiDestination";
/// The service as owners of secrets are called.
const SERVICE: &str = "events";

/// How endpoints are told who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The account that owns it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// The partition of that region.
    pub partition: String,
    /// Its name.
    pub name: String,
    /// What stands behind the name in its ARN.
    pub id: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `API_KEY` or `BASIC`.
    pub kind: String,
    /// The name of the header, or of the user.
    pub public: String,
    /// The name of the secret.
    pub secret_name: String,
    /// The ARN of the secret; none once it was deauthorized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_arn: Option<String>,
    /// The key of the secret as the caller named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
    /// When it last changed, in ms since the epoch.
    pub changed_ms: i64,
    /// When it was last authorized, in ms since the epoch.
    pub authorized_ms: i64,
}

/// An endpoint of HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The account that owns it.
    pub account: String,
    /// The region it lives in.
    pub region: String,
    /// The partition of that region.
    pub partition: String,
    /// Its name.
    pub name: String,
    /// What stands behind the name in its ARN.
    pub id: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its connection.
    pub connection_arn: String,
    /// Its URL, with a star for each path parameter.
    pub url: String,
    /// `POST`, `GET`, `HEAD`, `OPTIONS`, `PUT`, `PATCH`, `DELETE`.
    pub method: String,
    /// Calls in a second, at most.
    pub rate_max: i32,
    /// When it was created, in ms since the epoch.
    pub created_ms: i64,
    /// When it last changed, in ms since the epoch.
    pub changed_ms: i64,
}

/// What has a name and an ARN.
pub trait Named: Document {
    /// The name.
    fn name(&self) -> &str;
    /// The ARN.
    fn arn(&self) -> String;
}

impl Named for Connection {
    fn name(&self) -> &str {
        &self.name
    }

    fn arn(&self) -> String {
        arn(&self.partition, &self.region, &self.account, &["connection/", &self.name, "/", &self.id])
    }
}

impl Connection {
    /// What owns its secret.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { service: SERVICE.to_owned(), database: self.id.clone() }
    }
}

impl Named for Destination {
    fn name(&self) -> &str {
        &self.name
    }

    fn arn(&self) -> String {
        arn(&self.partition, &self.region, &self.account, &["api-destination/", &self.name, "/", &self.id])
    }
}

impl Named for super::rule::Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn arn(&self) -> String {
        Self::arn(self)
    }
}

/// The key of a connection's or destination's document.
#[must_use]
pub fn document_key(account: &str, region: &str, name: &str) -> String {
    [account, ":", region, ":", name].concat()
}

impl Document for Connection {
    const KIND: Kind = CONNECTION;

    fn key(&self) -> String {
        document_key(&self.account, &self.region, &self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(CONNECTION, body)
    }
}

impl Document for Destination {
    const KIND: Kind = DESTINATION;

    fn key(&self) -> String {
        document_key(&self.account, &self.region, &self.name)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        json_body(self)
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        from_json_body(DESTINATION, body)
    }
}
