//! AWS's policy language: documents read and compiled, requests decided with their reasons, policies analysed. Pure: no
//! files, no network, no clock; what it is to know of a request it asks for.
//!
//! A policy is read once into a [`Document`]; [`decide`] takes the documents in play as [`Inputs`] and a [`Request`]
//! whose keys are a [`Keys`], and answers a [`Decision`].

pub mod analyse;
mod arn;
mod condition;
mod decide;
mod decision;
mod document;
mod explain;
mod index;
mod instant;
mod json;
mod keys;
mod kind;
mod malformed;
mod pattern;
mod principal;
mod principals;
mod ranges;
mod request;
mod statement;

pub use condition::Condition;
pub use decide::{Attached, Inputs, ResourcePolicy, ResourceRule, Source, decide, withheld};
pub use decision::{Decision, Denial, Found, Grant, Layer};
pub use document::{DOCUMENT_BYTES_MAX, Document, DocumentKind};
pub use explain::{Explanation, Tried, Unmet, explain};
pub use keys::{Keys, Value, Values};
pub use malformed::{Malformed, Problem};
pub use principal::{Principal, PrincipalKind};
pub use request::{Action, Request};
pub use statement::{Effect, Position, Statement};
