//! The operations of Lambda: level of access, and which change nothing.

use super::AccessLevel;
use crate::lambda::Operation;
use crate::lambda::ROUTES;
use crate::rest::Route;

impl Operation {
    /// The action's level of access in AWS's service authorization reference.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::ListAliases | Self::ListFunctions | Self::ListVersionsByFunction => AccessLevel::List,
            Self::GetAccountSettings
            | Self::GetAlias
            | Self::GetFunction
            | Self::GetFunctionCodeSigningConfig
            | Self::GetFunctionConcurrency
            | Self::GetFunctionConfiguration
            | Self::GetFunctionRecursionConfig
            | Self::GetPolicy
            | Self::GetRuntimeManagementConfig
            | Self::ListTags => AccessLevel::Read,
            Self::AddPermission | Self::RemovePermission => AccessLevel::PermissionsManagement,
            Self::TagResource | Self::UntagResource => AccessLevel::Tagging,
            Self::CreateAlias
            | Self::CreateFunction
            | Self::DeleteAlias
            | Self::DeleteFunction
            | Self::DeleteFunctionConcurrency
            | Self::Invoke
            | Self::InvokeAsync
            | Self::PublishVersion
            | Self::PutFunctionConcurrency
            | Self::UpdateAlias
            | Self::UpdateFunctionCode
            | Self::UpdateFunctionConfiguration => AccessLevel::Write,
        }
    }

    /// `readOnly` of the operation's audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only()
    }

    /// How requests name the operation.
    #[must_use]
    pub fn route(self) -> Option<&'static Route<Self>> {
        ROUTES.iter().find(|route| route.operation == self)
    }
}
