//! The audit trail: one CloudTrail-shaped record a request, kept in append-only files, one file an hour.

mod calendar;
pub mod digests;
pub mod files;
mod identity;
mod json_text;
#[cfg(test)]
pub(crate) mod memory;
pub mod outbox;
pub mod owner;
pub mod read;
pub mod record;
pub mod segments;

pub use calendar::Hour;
pub(crate) use json_text::push_string;
pub use owner::NodeName;
