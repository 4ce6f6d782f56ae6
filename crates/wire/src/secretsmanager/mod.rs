//! The API of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

mod enums;
pub mod errors;
mod forms;
mod operations;
mod requests;
mod responses;
mod shapes;

use crate::ops::{Protocol, Service};
pub use enums::{FilterNameStringType, ReplicaRestrictionType, SortByType, SortOrderType, StatusType};
pub use operations::Operation;
pub use requests::{
    AssociateCrossAccountReplicaRequest, BatchGetSecretValueRequest, CancelRotateSecretRequest, CreateSecretRequest,
    DeleteResourcePolicyRequest, DeleteSecretRequest, DescribeSecretRequest, DisassociateCrossAccountReplicaRequest,
    GetRandomPasswordRequest, GetResourcePolicyRequest, GetSecretValueRequest, ListResourcePoliciesRequest,
    ListSecretVersionIdsRequest, ListSecretsRequest, PutResourcePolicyRequest, PutSecretValueRequest,
    RemoveRegionsFromReplicationRequest, ReplicateSecretToRegionsRequest, RestoreSecretRequest, RotateSecretRequest,
    StopReplicationToReplicaRequest, TagResourceRequest, UntagResourceRequest, UpdateSecretRequest,
    UpdateSecretVersionStageRequest, ValidateResourcePolicyRequest,
};
pub use responses::{
    AssociateCrossAccountReplicaResponse, BatchGetSecretValueResponse, CancelRotateSecretResponse,
    CreateSecretResponse, DeleteResourcePolicyResponse, DeleteSecretResponse, DescribeSecretResponse,
    DisassociateCrossAccountReplicaResponse, GetRandomPasswordResponse, GetResourcePolicyResponse,
    GetSecretValueResponse, ListResourcePoliciesResponse, ListSecretVersionIdsResponse, ListSecretsResponse,
    PutResourcePolicyResponse, PutSecretValueResponse, RemoveRegionsFromReplicationResponse,
    ReplicateSecretToRegionsResponse, RestoreSecretResponse, RotateSecretResponse, StopReplicationToReplicaResponse,
    UpdateSecretResponse, UpdateSecretVersionStageResponse, ValidateResourcePolicyResponse,
};
pub use shapes::{
    APIErrorType, CrossAccountPrimaryType, CrossAccountReplicaEntry, ExternalSecretRotationMetadataItem, Filter,
    ReplicaRegionType, ReplicationStatusType, ResourcePolicySummary, RotationRulesType, SecretListEntry,
    SecretValueEntry, SecretVersionsListEntry, Tag, ValidationErrorsEntry,
};

/// What the service is called in requests, signatures, policies and records.
pub const SERVICE: Service = Service {
    name: "secretsmanager",
    id: "Secrets Manager",
    signing_name: "secretsmanager",
    target_prefix: "secretsmanager",
    api_version: "2017-10-17",
    protocol: Protocol::Json11,
    event_source: "secretsmanager.amazonaws.com",
    xml_namespace: "",
};
