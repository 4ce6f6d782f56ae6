//! The operations of CloudTrail: level of access, and which change nothing.

use super::AccessLevel;
use crate::cloudtrail::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::ListTrails => AccessLevel::List,
            Self::DescribeTrails
            | Self::GetEventSelectors
            | Self::GetTrail
            | Self::GetTrailStatus
            | Self::LookupEvents => AccessLevel::Read,
        }
    }

    /// `readOnly` of the operation's audit records: none changes anything.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }
}
