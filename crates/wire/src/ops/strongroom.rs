//! The operations of Strongroom's own service: level of access, and which change nothing.

use super::AccessLevel;
use crate::strongroom::Operation;

impl Operation {
    /// The action's level of access.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::DescribeDatabases | Self::DescribeDeadLetters => AccessLevel::List,
            Self::DeregisterDatabase | Self::DropDeadLetters | Self::RegisterDatabase | Self::RetryDeadLetters => {
                AccessLevel::Write
            }
        }
    }

    /// `readOnly` of the operation's audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }
}
