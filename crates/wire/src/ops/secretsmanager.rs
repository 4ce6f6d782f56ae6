//! The operations of Secrets Manager: level of access, and which change nothing.

use super::AccessLevel;
use crate::secretsmanager::Operation;

impl Operation {
    /// The action's level of access. The two operations on replicas in other accounts and `ListResourcePolicies` are
    /// placed by their like, as the reference does not have them yet.
    #[must_use]
    pub const fn access_level(self) -> AccessLevel {
        match self {
            Self::BatchGetSecretValue
            | Self::DescribeSecret
            | Self::GetRandomPassword
            | Self::GetResourcePolicy
            | Self::GetSecretValue
            | Self::ListResourcePolicies
            | Self::ListSecretVersionIds => AccessLevel::Read,
            Self::ListSecrets => AccessLevel::List,
            Self::DeleteResourcePolicy | Self::PutResourcePolicy | Self::ValidateResourcePolicy => {
                AccessLevel::PermissionsManagement
            }
            Self::TagResource | Self::UntagResource => AccessLevel::Tagging,
            Self::AssociateCrossAccountReplica
            | Self::CancelRotateSecret
            | Self::CreateSecret
            | Self::DeleteSecret
            | Self::DisassociateCrossAccountReplica
            | Self::PutSecretValue
            | Self::RemoveRegionsFromReplication
            | Self::ReplicateSecretToRegions
            | Self::RestoreSecret
            | Self::RotateSecret
            | Self::StopReplicationToReplica
            | Self::UpdateSecret
            | Self::UpdateSecretVersionStage => AccessLevel::Write,
        }
    }

    /// Whether the operation changes nothing: `readOnly` of its audit records.
    #[must_use]
    pub const fn is_read_only(self) -> bool {
        self.access_level().is_read_only() || matches!(self, Self::ValidateResourcePolicy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Service;
    use crate::secretsmanager::SERVICE;

    #[test]
    fn targets_name_operations_of_their_service() {
        assert_eq!(SERVICE.operation_in_target("secretsmanager.GetSecretValue"), Some("GetSecretValue"));
        for bad in ["secretsmanager", "TrentService.Encrypt", "secretsmanagerGetSecretValue", "", "."] {
            assert_eq!(SERVICE.operation_in_target(bad), None, "{bad}");
        }
        let query = Service { target_prefix: "", ..SERVICE };
        assert_eq!(query.operation_in_target(".GetUser"), None);
    }

    #[test]
    fn names_lead_back_to_operations() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name()), Some(operation));
            assert_eq!(operation.action(), format!("secretsmanager:{}", operation.name()));
        }
        assert_eq!(Operation::from_name("getSecretValue"), None);
    }

    #[test]
    fn reads_are_what_their_names_say() {
        let reading = ["Get", "List", "Describe", "BatchGet", "Validate"];
        for operation in Operation::ALL {
            let named = reading.iter().any(|prefix| operation.name().starts_with(prefix));
            assert_eq!(operation.is_read_only(), named, "{}", operation.name());
        }
    }

    #[test]
    fn secrets_manager_is_described_as_its_model_says() {
        assert_eq!(SERVICE.signing_name, "secretsmanager");
        assert_eq!(SERVICE.target_prefix, "secretsmanager");
        assert_eq!(SERVICE.api_version, "2017-10-17");
        assert_eq!(SERVICE.protocol.content_type(), "application/x-amz-json-1.1");
        assert_eq!(SERVICE.event_source, "secretsmanager.amazonaws.com");
        assert_eq!(Operation::ALL.len(), 26);
    }
}
