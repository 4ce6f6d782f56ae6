//! The audit trail: one CloudTrail-shaped record a request, kept in append-only files, a new one each hour and at a size.

mod calendar;
mod compressed;
pub mod cursor;
pub mod digests;
pub mod files;
pub mod follow;
mod identity;
pub mod index;
mod json_text;
pub mod keeping;
#[cfg(test)]
pub(crate) mod memory;
pub mod outbox;
pub mod owner;
pub mod read;
pub mod record;
pub mod segment_id;
pub mod segments;

pub use calendar::{Hour, iso, read_instant};
pub(crate) use json_text::push_string;
pub use owner::NodeName;
pub use segment_id::SegmentId;
