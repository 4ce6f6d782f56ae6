//! Metrics and alarms as CloudWatch has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Problems;

/// Metrics and alarms as CloudWatch has them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloudWatchConfig {
    /// From one point of a metric to the next; what divides a minute.
    pub resolution_seconds: u32,
    /// The log group that metric filters find the trail in.
    pub log_group: String,
    /// Topics that alarms may name, by their ARNs: `log`, or the ARN of a function.
    pub topics: BTreeMap<String, String>,
}

impl Default for CloudWatchConfig {
    fn default() -> Self {
        Self { resolution_seconds: 60, log_group: "CloudTrail/DefaultLogGroup".to_owned(), topics: BTreeMap::new() }
    }
}

impl CloudWatchConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.resolution_seconds == 0 || 60 % self.resolution_seconds != 0 {
            problems.add("cloudwatch.resolution_seconds", "must divide 60");
        }
        let letters = |letter: char| letter.is_ascii_alphanumeric() || "._-/#".contains(letter);
        if !(1..=512).contains(&self.log_group.len()) || !self.log_group.chars().all(letters) {
            problems.add("cloudwatch.log_group", "must be 1 to 512 of A-Z a-z 0-9 . _ - / #");
        }
        for (arn, to) in &self.topics {
            if !arn.starts_with("arn:") || arn.contains(":lambda:") {
                problems.add("cloudwatch.topics", format!("{arn} is not the ARN of a topic"));
            }
            if to != "log" && !to.contains(":lambda:") {
                problems.add("cloudwatch.topics", format!("{to} is neither `log` nor the ARN of a function"));
            }
        }
    }
}
