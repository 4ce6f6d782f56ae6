//! The services and their operations: how each is called, what policies call its action, and whether it reads or writes.

mod any;
mod cloudtrail;
mod cloudwatch;
mod config;
mod events;
#[cfg(test)]
mod exchanges;
mod iam;
mod kms;
mod lambda;
mod logs;
mod secretsmanager;
mod strongroom;
mod sts;

use std::fmt::Debug;

use crate::forms::Shape;

pub use any::AnyOperation;

/// How a service's requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON bodies, operation in `X-Amz-Target`, `application/x-amz-json-1.0`.
    Json10,
    /// JSON bodies, operation in `X-Amz-Target`, `application/x-amz-json-1.1`.
    Json11,
    /// Form bodies with `Action`, answers in XML.
    Query,
    /// JSON bodies, operation by method and path.
    RestJson,
    /// Bodies in CBOR, service and operation in the path.
    RpcV2Cbor,
}

impl Protocol {
    /// The media type of answers.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Query => "text/xml",
            Self::RestJson => "application/json",
            Self::RpcV2Cbor => "application/cbor",
        }
    }
}

/// What a service is called in requests, signatures, policies and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name of its module here.
    pub name: &'static str,
    /// The name for people.
    pub id: &'static str,
    /// The service in the scope of signatures, and, but for CloudWatch, before the colon of policy actions.
    pub signing_name: &'static str,
    /// What stands before the dot in `X-Amz-Target`; empty in other protocols.
    pub target_prefix: &'static str,
    /// The version of the API, a date.
    pub api_version: &'static str,
    /// How requests and answers are written.
    pub protocol: Protocol,
    /// How else they may be written: the request tells.
    pub also: &'static [Protocol],
    /// Names of errors for clients that know the service from the query protocol, and their names in the others.
    pub query_names: &'static [(&'static str, &'static str)],
    /// `eventSource` of audit records.
    pub event_source: &'static str,
    /// The namespace of XML answers; empty in other protocols.
    pub xml_namespace: &'static str,
}

impl Service {
    /// The name of the operation in an `X-Amz-Target`, if it is of this service. Some SDKs leave out what stands before
    /// the last dot of the service's name there.
    /// Whether requests may be written so.
    #[must_use]
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocol == protocol || self.also.contains(&protocol)
    }

    /// The name of the operation in an `X-Amz-Target`, if it is of this service.
    #[must_use]
    pub fn operation_in_target<'t>(&self, target: &'t str) -> Option<&'t str> {
        let short = self.target_prefix.rsplit('.').next().unwrap_or_default();
        let behind = target.strip_prefix(self.target_prefix).or_else(|| target.strip_prefix(short))?;
        behind.strip_prefix('.').filter(|_| !self.target_prefix.is_empty())
    }
}

/// The level of access that AWS's service authorization reference gives an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLevel {
    /// Lists resources without their content.
    List,
    /// Reads content.
    Read,
    /// Changes resources.
    Write,
    /// Changes who may do what.
    PermissionsManagement,
    /// Changes tags.
    Tagging,
}

impl AccessLevel {
    /// Whether actions of this level change nothing.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        matches!(self, Self::List | Self::Read)
    }
}

/// Something done for an operation with the types of its input and output, which only the operation itself knows:
/// `operation.visit(visitor)`.
pub trait Visitor {
    /// What it gives.
    type Answer;

    /// Does it for an operation that takes an `I` and gives an `O`; [`crate::forms::Nothing`] where it has none.
    fn visit<I: Shape + Debug + PartialEq, O: Shape + Debug + PartialEq>(self) -> Self::Answer;
}
