//! AWS protocols, pure: no runtime, no files, no clock. Codecs for JSON and query requests, the shapes generated from
//! the models' facts with their constraint checks, error codes and bodies, the operation table, signatures.

pub mod cbor;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod config;
pub mod error;
pub mod events;
pub mod forms;
pub mod iam;
pub mod json;
pub mod kms;
pub mod lambda;
mod letters;
pub mod logs;
pub mod node;
pub mod ops;
pub mod pattern;
pub mod percent;
pub mod query;
pub mod reading;
pub mod record;
pub mod rest;
#[cfg(test)]
mod sample;
mod scan;
pub mod secretsmanager;
pub mod sigv4;
pub mod strongroom;
pub mod sts;
pub mod timestamps;
pub mod trail_line;
pub mod writer;
pub mod xml;

pub use error::{Code, ServiceError};
pub use forms::{Enumeration, Shape};
