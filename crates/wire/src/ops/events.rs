//! The operations of EventBridge: level of access.

use super::AccessLevel;
use crate::events::Operation;

impl Operation {
    /// The action's level of access in AWS's service authorization reference.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::ListApiDestinations
            | Self::ListConnections
            | Self::ListEventBuses
            | Self::ListRuleNamesByTarget
            | Self::ListRules
            | Self::ListTagsForResource
            | Self::ListTargetsByRule => AccessLevel::List,
            Self::DescribeApiDestination
            | Self::DescribeConnection
            | Self::DescribeEventBus
            | Self::DescribeRule
            | Self::TestEventPattern => AccessLevel::Read,
            Self::TagResource | Self::UntagResource => AccessLevel::Tagging,
            Self::CreateApiDestination
            | Self::CreateConnection
            | Self::DeauthorizeConnection
            | Self::DeleteApiDestination
            | Self::DeleteConnection
            | Self::DeleteRule
            | Self::DisableRule
            | Self::EnableRule
            | Self::PutEvents
            | Self::PutRule
            | Self::PutTargets
            | Self::RemoveTargets
            | Self::UpdateApiDestination
            | Self::UpdateConnection => AccessLevel::Write,
        }
    }

    /// `readOnly` of the operation's audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }
}
