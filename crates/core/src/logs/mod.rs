//! CloudWatch Logs as far as the trail needs it: its log group, metric filters on it, and points of what they match.

mod conditions;
mod filter;
mod matching;
mod operations;
pub mod pattern;
#[cfg(test)]
mod pattern_tests;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use strongroom_types::Region;

use crate::documents::Documents;

pub use filter::{Compiled, MetricFilter};
pub use matching::Progress;

/// How records name the type of log groups.
pub const LOG_GROUP_KIND: &str = "AWS::Logs::LogGroup";

/// CloudWatch Logs of one region.
pub struct Logs {
    documents: Arc<Documents>,
    region: Region,
    group: String,
    matching: Mutex<matching::State>,
}

impl Logs {
    /// CloudWatch Logs with the trail in the log group `group`.
    #[must_use]
    pub fn new(documents: Arc<Documents>, region: Region, group: &str) -> Self {
        Self { documents, region, group: group.to_owned(), matching: Mutex::default() }
    }
}
