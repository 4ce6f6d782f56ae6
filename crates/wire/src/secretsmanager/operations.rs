//! The operations of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

/// An operation of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `AssociateCrossAccountReplica`.
    AssociateCrossAccountReplica,
    /// `BatchGetSecretValue`.
    BatchGetSecretValue,
    /// `CancelRotateSecret`.
    CancelRotateSecret,
    /// `CreateSecret`.
    CreateSecret,
    /// `DeleteResourcePolicy`.
    DeleteResourcePolicy,
    /// `DeleteSecret`.
    DeleteSecret,
    /// `DescribeSecret`.
    DescribeSecret,
    /// `DisassociateCrossAccountReplica`.
    DisassociateCrossAccountReplica,
    /// `GetRandomPassword`.
    GetRandomPassword,
    /// `GetResourcePolicy`.
    GetResourcePolicy,
    /// `GetSecretValue`.
    GetSecretValue,
    /// `ListResourcePolicies`.
    ListResourcePolicies,
    /// `ListSecretVersionIds`.
    ListSecretVersionIds,
    /// `ListSecrets`.
    ListSecrets,
    /// `PutResourcePolicy`.
    PutResourcePolicy,
    /// `PutSecretValue`.
    PutSecretValue,
    /// `RemoveRegionsFromReplication`.
    RemoveRegionsFromReplication,
    /// `ReplicateSecretToRegions`.
    ReplicateSecretToRegions,
    /// `RestoreSecret`.
    RestoreSecret,
    /// `RotateSecret`.
    RotateSecret,
    /// `StopReplicationToReplica`.
    StopReplicationToReplica,
    /// `TagResource`.
    TagResource,
    /// `UntagResource`.
    UntagResource,
    /// `UpdateSecret`.
    UpdateSecret,
    /// `UpdateSecretVersionStage`.
    UpdateSecretVersionStage,
    /// `ValidateResourcePolicy`.
    ValidateResourcePolicy,
}

impl Operation {
    /// All operations, in the order of their names.
    pub const ALL: [Self; 26] = [
        Self::AssociateCrossAccountReplica,
        Self::BatchGetSecretValue,
        Self::CancelRotateSecret,
        Self::CreateSecret,
        Self::DeleteResourcePolicy,
        Self::DeleteSecret,
        Self::DescribeSecret,
        Self::DisassociateCrossAccountReplica,
        Self::GetRandomPassword,
        Self::GetResourcePolicy,
        Self::GetSecretValue,
        Self::ListResourcePolicies,
        Self::ListSecretVersionIds,
        Self::ListSecrets,
        Self::PutResourcePolicy,
        Self::PutSecretValue,
        Self::RemoveRegionsFromReplication,
        Self::ReplicateSecretToRegions,
        Self::RestoreSecret,
        Self::RotateSecret,
        Self::StopReplicationToReplica,
        Self::TagResource,
        Self::UntagResource,
        Self::UpdateSecret,
        Self::UpdateSecretVersionStage,
        Self::ValidateResourcePolicy,
    ];

    /// The operation's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssociateCrossAccountReplica => "AssociateCrossAccountReplica",
            Self::BatchGetSecretValue => "BatchGetSecretValue",
            Self::CancelRotateSecret => "CancelRotateSecret",
            Self::CreateSecret => "CreateSecret",
            Self::DeleteResourcePolicy => "DeleteResourcePolicy",
            Self::DeleteSecret => "DeleteSecret",
            Self::DescribeSecret => "DescribeSecret",
            Self::DisassociateCrossAccountReplica => "DisassociateCrossAccountReplica",
            Self::GetRandomPassword => "GetRandomPassword",
            Self::GetResourcePolicy => "GetResourcePolicy",
            Self::GetSecretValue => "GetSecretValue",
            Self::ListResourcePolicies => "ListResourcePolicies",
            Self::ListSecretVersionIds => "ListSecretVersionIds",
            Self::ListSecrets => "ListSecrets",
            Self::PutResourcePolicy => "PutResourcePolicy",
            Self::PutSecretValue => "PutSecretValue",
            Self::RemoveRegionsFromReplication => "RemoveRegionsFromReplication",
            Self::ReplicateSecretToRegions => "ReplicateSecretToRegions",
            Self::RestoreSecret => "RestoreSecret",
            Self::RotateSecret => "RotateSecret",
            Self::StopReplicationToReplica => "StopReplicationToReplica",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::UpdateSecret => "UpdateSecret",
            Self::UpdateSecretVersionStage => "UpdateSecretVersionStage",
            Self::ValidateResourcePolicy => "ValidateResourcePolicy",
        }
    }

    /// The operation called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "AssociateCrossAccountReplica" => Self::AssociateCrossAccountReplica,
            "BatchGetSecretValue" => Self::BatchGetSecretValue,
            "CancelRotateSecret" => Self::CancelRotateSecret,
            "CreateSecret" => Self::CreateSecret,
            "DeleteResourcePolicy" => Self::DeleteResourcePolicy,
            "DeleteSecret" => Self::DeleteSecret,
            "DescribeSecret" => Self::DescribeSecret,
            "DisassociateCrossAccountReplica" => Self::DisassociateCrossAccountReplica,
            "GetRandomPassword" => Self::GetRandomPassword,
            "GetResourcePolicy" => Self::GetResourcePolicy,
            "GetSecretValue" => Self::GetSecretValue,
            "ListResourcePolicies" => Self::ListResourcePolicies,
            "ListSecretVersionIds" => Self::ListSecretVersionIds,
            "ListSecrets" => Self::ListSecrets,
            "PutResourcePolicy" => Self::PutResourcePolicy,
            "PutSecretValue" => Self::PutSecretValue,
            "RemoveRegionsFromReplication" => Self::RemoveRegionsFromReplication,
            "ReplicateSecretToRegions" => Self::ReplicateSecretToRegions,
            "RestoreSecret" => Self::RestoreSecret,
            "RotateSecret" => Self::RotateSecret,
            "StopReplicationToReplica" => Self::StopReplicationToReplica,
            "TagResource" => Self::TagResource,
            "UntagResource" => Self::UntagResource,
            "UpdateSecret" => Self::UpdateSecret,
            "UpdateSecretVersionStage" => Self::UpdateSecretVersionStage,
            "ValidateResourcePolicy" => Self::ValidateResourcePolicy,
            _ => return None,
        })
    }

    /// The action that policies allow or deny.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::AssociateCrossAccountReplica => "secretsmanager:AssociateCrossAccountReplica",
            Self::BatchGetSecretValue => "secretsmanager:BatchGetSecretValue",
            Self::CancelRotateSecret => "secretsmanager:CancelRotateSecret",
            Self::CreateSecret => "secretsmanager:CreateSecret",
            Self::DeleteResourcePolicy => "secretsmanager:DeleteResourcePolicy",
            Self::DeleteSecret => "secretsmanager:DeleteSecret",
            Self::DescribeSecret => "secretsmanager:DescribeSecret",
            Self::DisassociateCrossAccountReplica => "secretsmanager:DisassociateCrossAccountReplica",
            Self::GetRandomPassword => "secretsmanager:GetRandomPassword",
            Self::GetResourcePolicy => "secretsmanager:GetResourcePolicy",
            Self::GetSecretValue => "secretsmanager:GetSecretValue",
            Self::ListResourcePolicies => "secretsmanager:ListResourcePolicies",
            Self::ListSecretVersionIds => "secretsmanager:ListSecretVersionIds",
            Self::ListSecrets => "secretsmanager:ListSecrets",
            Self::PutResourcePolicy => "secretsmanager:PutResourcePolicy",
            Self::PutSecretValue => "secretsmanager:PutSecretValue",
            Self::RemoveRegionsFromReplication => "secretsmanager:RemoveRegionsFromReplication",
            Self::ReplicateSecretToRegions => "secretsmanager:ReplicateSecretToRegions",
            Self::RestoreSecret => "secretsmanager:RestoreSecret",
            Self::RotateSecret => "secretsmanager:RotateSecret",
            Self::StopReplicationToReplica => "secretsmanager:StopReplicationToReplica",
            Self::TagResource => "secretsmanager:TagResource",
            Self::UntagResource => "secretsmanager:UntagResource",
            Self::UpdateSecret => "secretsmanager:UpdateSecret",
            Self::UpdateSecretVersionStage => "secretsmanager:UpdateSecretVersionStage",
            Self::ValidateResourcePolicy => "secretsmanager:ValidateResourcePolicy",
        }
    }
}
