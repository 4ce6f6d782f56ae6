//! The operations of Config: level of access, and which change nothing.

use super::AccessLevel;
use crate::config::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::DescribeComplianceByConfigRule
            | Self::DescribeComplianceByResource
            | Self::DescribeConfigRuleEvaluationStatus
            | Self::DescribeConfigRules => AccessLevel::List,
            Self::GetComplianceDetailsByConfigRule
            | Self::GetComplianceDetailsByResource
            | Self::GetComplianceSummaryByConfigRule => AccessLevel::Read,
            Self::StartConfigRulesEvaluation => AccessLevel::Write,
        }
    }

    /// Whether the operation changes nothing: `readOnly` of its audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }
}
