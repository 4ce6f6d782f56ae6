//! The operations of CloudWatch Logs: level of access, and which change nothing.

use super::AccessLevel;
use crate::logs::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::DescribeLogGroups | Self::DescribeMetricFilters => AccessLevel::List,
            Self::TestMetricFilter => AccessLevel::Read,
            Self::DeleteMetricFilter | Self::PutMetricFilter => AccessLevel::Write,
        }
    }

    /// `readOnly` of the operation's audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::SERVICE;
    use crate::ops::Protocol;

    #[test]
    fn logs_is_described_as_its_model_says() {
        assert_eq!((SERVICE.signing_name, SERVICE.target_prefix), ("logs", "Logs_20140328"));
        assert_eq!((SERVICE.protocol, SERVICE.also), (Protocol::Json11, &[][..]));
        assert!(Operation::TestMetricFilter.is_read_only() && !Operation::PutMetricFilter.is_read_only());
    }
}
