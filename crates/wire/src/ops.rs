//! What the generated operation tables do not know: whether an operation reads or writes, and its level of access.

use crate::secretsmanager;

/// How a service's requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON bodies, operation in `X-Amz-Target`, `application/x-amz-json-1.0`.
    Json10,
    /// JSON bodies, operation in `X-Amz-Target`, `application/x-amz-json-1.1`.
    Json11,
    /// Form bodies with `Action`, answers in XML.
    Query,
    /// JSON bodies, operation by method and path.
    RestJson,
}

impl Protocol {
    /// The media type of answers.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Query => "text/xml",
            Self::RestJson => "application/json",
        }
    }
}

/// What a service is called in requests, signatures, policies and records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name of its module here.
    pub name: &'static str,
    /// The name for people.
    pub id: &'static str,
    /// The service in the scope of signatures, and before the colon of policy actions.
    pub signing_name: &'static str,
    /// What stands before the dot in `X-Amz-Target`; empty in other protocols.
    pub target_prefix: &'static str,
    /// The version of the API, a date.
    pub api_version: &'static str,
    /// How requests and answers are written.
    pub protocol: Protocol,
    /// `eventSource` of audit records.
    pub event_source: &'static str,
    /// The namespace of XML answers; empty in other protocols.
    pub xml_namespace: &'static str,
}

impl Service {
    /// The name of the operation in an `X-Amz-Target`, if it is of this service.
    #[must_use]
    pub fn operation_in_target<'t>(&self, target: &'t str) -> Option<&'t str> {
        target.strip_prefix(self.target_prefix)?.strip_prefix('.').filter(|_| !self.target_prefix.is_empty())
    }
}

/// The level of access that AWS's service authorization reference gives an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLevel {
    /// Lists resources without their content.
    List,
    /// Reads content.
    Read,
    /// Changes resources.
    Write,
    /// Changes who may do what.
    PermissionsManagement,
    /// Changes tags.
    Tagging,
}

impl secretsmanager::Operation {
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
        matches!(self.access_level(), AccessLevel::List | AccessLevel::Read)
            || matches!(self, Self::ValidateResourcePolicy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secretsmanager::{Operation, SERVICE};

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
