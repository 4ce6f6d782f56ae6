//! The outputs of operations of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

use std::collections::BTreeMap;

use strongroom_types::{SecretBytes, SecretText, Timestamp};

use super::enums::StatusType;
use super::forms;
use super::shapes::{
    APIErrorType, CrossAccountPrimaryType, CrossAccountReplicaEntry, ExternalSecretRotationMetadataItem,
    ReplicationStatusType, ResourcePolicySummary, RotationRulesType, SecretListEntry, SecretValueEntry,
    SecretVersionsListEntry, Tag, ValidationErrorsEntry,
};
use crate::error::ServiceError;
use crate::forms::Shape;
use crate::node::Node;
use crate::reading::Reading;
use crate::writer::{self, Writer};

/// Output of `AssociateCrossAccountReplica`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssociateCrossAccountReplicaResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `CrossAccountReplicaARN`: 20 to 2048 characters.
    pub cross_account_replica_arn: Option<String>,
    /// `ReplicationStatus`.
    pub replication_status: Option<StatusType>,
}

impl Shape for AssociateCrossAccountReplicaResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let cross_account_replica_arn =
            from.optional("CrossAccountReplicaARN", "crossAccountReplicaARN", &forms::SECRET_ARN_TYPE, reading)?;
        let replication_status =
            from.optional("ReplicationStatus", "replicationStatus", &forms::STATUS_TYPE, reading)?;

        Ok(Some(Self { arn, cross_account_replica_arn, replication_status }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(
            writer,
            "CrossAccountReplicaARN",
            "crossAccountReplicaARN",
            &forms::SECRET_ARN_TYPE,
            self.cross_account_replica_arn.as_ref(),
        );
        writer::optional(
            writer,
            "ReplicationStatus",
            "replicationStatus",
            &forms::STATUS_TYPE,
            self.replication_status.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `BatchGetSecretValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchGetSecretValueResponse {
    /// `SecretValues`.
    pub secret_values: Option<Vec<SecretValueEntry>>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
    /// `Errors`.
    pub errors: Option<Vec<APIErrorType>>,
}

impl Shape for BatchGetSecretValueResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_values = from.optional("SecretValues", "secretValues", &forms::SECRET_VALUES_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;
        let errors = from.optional("Errors", "errors", &forms::API_ERROR_LIST_TYPE, reading)?;

        Ok(Some(Self { secret_values, next_token, errors }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "SecretValues",
            "secretValues",
            &forms::SECRET_VALUES_TYPE,
            self.secret_values.as_ref(),
        );
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());
        writer::optional(writer, "Errors", "errors", &forms::API_ERROR_LIST_TYPE, self.errors.as_ref());

        writer.end_structure();
    }
}

/// Output of `CancelRotateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CancelRotateSecretResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
}

impl Shape for CancelRotateSecretResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;

        Ok(Some(Self { arn, name, version_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());

        writer.end_structure();
    }
}

/// Output of `CreateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateSecretResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
    /// `ReplicationStatus`.
    pub replication_status: Option<Vec<ReplicationStatusType>>,
}

impl Shape for CreateSecretResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;
        let replication_status =
            from.optional("ReplicationStatus", "replicationStatus", &forms::REPLICATION_STATUS_LIST_TYPE, reading)?;

        Ok(Some(Self { arn, name, version_id, replication_status }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());
        writer::optional(
            writer,
            "ReplicationStatus",
            "replicationStatus",
            &forms::REPLICATION_STATUS_LIST_TYPE,
            self.replication_status.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `DeleteResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteResourcePolicyResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 512 characters.
    pub name: Option<String>,
    /// `PolicyName`: 1 to 64 characters, `[0-9A-Za-z\-\_]+`.
    pub policy_name: Option<String>,
}

impl Shape for DeleteResourcePolicyResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::NAME_TYPE, reading)?;
        let policy_name = from.optional("PolicyName", "policyName", &forms::RESOURCE_POLICY_NAME_TYPE, reading)?;

        Ok(Some(Self { arn, name, policy_name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::NAME_TYPE, self.name.as_ref());
        writer::optional(
            writer,
            "PolicyName",
            "policyName",
            &forms::RESOURCE_POLICY_NAME_TYPE,
            self.policy_name.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `DeleteSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteSecretResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `DeletionDate`.
    pub deletion_date: Option<Timestamp>,
}

impl Shape for DeleteSecretResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let deletion_date = from.optional("DeletionDate", "deletionDate", &forms::DELETION_DATE_TYPE, reading)?;

        Ok(Some(Self { arn, name, deletion_date }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(
            writer,
            "DeletionDate",
            "deletionDate",
            &forms::DELETION_DATE_TYPE,
            self.deletion_date.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `DescribeSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeSecretResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `Type`: 0 to 256 characters.
    pub r#type: Option<String>,
    /// `Description`: at most 2048 characters.
    pub description: Option<String>,
    /// `KmsKeyId`: 0 to 2048 characters.
    pub kms_key_id: Option<String>,
    /// `RotationEnabled`.
    pub rotation_enabled: Option<bool>,
    /// `RotationLambdaARN`: 0 to 2048 characters.
    pub rotation_lambda_arn: Option<String>,
    /// `RotationRules`.
    pub rotation_rules: Option<RotationRulesType>,
    /// `ExternalSecretRotationMetadata`.
    pub external_secret_rotation_metadata: Option<Vec<ExternalSecretRotationMetadataItem>>,
    /// `ExternalSecretRotationRoleArn`: 20 to 2048 characters.
    pub external_secret_rotation_role_arn: Option<String>,
    /// `LastRotatedDate`.
    pub last_rotated_date: Option<Timestamp>,
    /// `LastChangedDate`.
    pub last_changed_date: Option<Timestamp>,
    /// `LastAccessedDate`.
    pub last_accessed_date: Option<Timestamp>,
    /// `DeletedDate`.
    pub deleted_date: Option<Timestamp>,
    /// `NextRotationDate`.
    pub next_rotation_date: Option<Timestamp>,
    /// `Tags`.
    pub tags: Option<Vec<Tag>>,
    /// `VersionIdsToStages`.
    pub version_ids_to_stages: Option<BTreeMap<String, Vec<String>>>,
    /// `OwningService`: 1 to 128 characters.
    pub owning_service: Option<String>,
    /// `CreatedDate`.
    pub created_date: Option<Timestamp>,
    /// `PrimaryRegion`: 1 to 128 characters, `^([a-z]+-)+\d+$`.
    pub primary_region: Option<String>,
    /// `ReplicationStatus`.
    pub replication_status: Option<Vec<ReplicationStatusType>>,
    /// `CrossAccountPrimary`.
    pub cross_account_primary: Option<CrossAccountPrimaryType>,
    /// `CrossAccountReplicas`: 1 to 100 entries.
    pub cross_account_replicas: Option<Vec<CrossAccountReplicaEntry>>,
}

impl Shape for DescribeSecretResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let r#type = from.optional("Type", "type", &forms::MEDEA_TYPE_TYPE, reading)?;
        let description = from.optional("Description", "description", &forms::DESCRIPTION_TYPE, reading)?;
        let kms_key_id = from.optional("KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, reading)?;
        let rotation_enabled =
            from.optional("RotationEnabled", "rotationEnabled", &forms::ROTATION_ENABLED_TYPE, reading)?;
        let rotation_lambda_arn =
            from.optional("RotationLambdaARN", "rotationLambdaARN", &forms::ROTATION_LAMBDA_ARN_TYPE, reading)?;
        let rotation_rules = from.optional("RotationRules", "rotationRules", &forms::ROTATION_RULES_TYPE, reading)?;
        let external_secret_rotation_metadata = from.optional(
            "ExternalSecretRotationMetadata",
            "externalSecretRotationMetadata",
            &forms::EXTERNAL_SECRET_ROTATION_METADATA_TYPE,
            reading,
        )?;
        let external_secret_rotation_role_arn = from.optional(
            "ExternalSecretRotationRoleArn",
            "externalSecretRotationRoleArn",
            &forms::ROLE_ARN_TYPE,
            reading,
        )?;
        let last_rotated_date =
            from.optional("LastRotatedDate", "lastRotatedDate", &forms::LAST_ROTATED_DATE_TYPE, reading)?;
        let last_changed_date =
            from.optional("LastChangedDate", "lastChangedDate", &forms::LAST_CHANGED_DATE_TYPE, reading)?;
        let last_accessed_date =
            from.optional("LastAccessedDate", "lastAccessedDate", &forms::LAST_ACCESSED_DATE_TYPE, reading)?;
        let deleted_date = from.optional("DeletedDate", "deletedDate", &forms::DELETED_DATE_TYPE, reading)?;
        let next_rotation_date =
            from.optional("NextRotationDate", "nextRotationDate", &forms::NEXT_ROTATION_DATE_TYPE, reading)?;
        let tags = from.optional("Tags", "tags", &forms::TAG_LIST_TYPE, reading)?;
        let version_ids_to_stages = from.optional(
            "VersionIdsToStages",
            "versionIdsToStages",
            &forms::SECRET_VERSIONS_TO_STAGES_MAP_TYPE,
            reading,
        )?;
        let owning_service = from.optional("OwningService", "owningService", &forms::OWNING_SERVICE_TYPE, reading)?;
        let created_date = from.optional("CreatedDate", "createdDate", &forms::TIMESTAMP_TYPE, reading)?;
        let primary_region = from.optional("PrimaryRegion", "primaryRegion", &forms::REGION_TYPE, reading)?;
        let replication_status =
            from.optional("ReplicationStatus", "replicationStatus", &forms::REPLICATION_STATUS_LIST_TYPE, reading)?;
        let cross_account_primary =
            from.optional("CrossAccountPrimary", "crossAccountPrimary", &forms::CROSS_ACCOUNT_PRIMARY_TYPE, reading)?;
        let cross_account_replicas = from.optional(
            "CrossAccountReplicas",
            "crossAccountReplicas",
            &forms::CROSS_ACCOUNT_REPLICA_LIST_TYPE,
            reading,
        )?;

        Ok(Some(Self {
            arn,
            name,
            r#type,
            description,
            kms_key_id,
            rotation_enabled,
            rotation_lambda_arn,
            rotation_rules,
            external_secret_rotation_metadata,
            external_secret_rotation_role_arn,
            last_rotated_date,
            last_changed_date,
            last_accessed_date,
            deleted_date,
            next_rotation_date,
            tags,
            version_ids_to_stages,
            owning_service,
            created_date,
            primary_region,
            replication_status,
            cross_account_primary,
            cross_account_replicas,
        }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(writer, "Type", "type", &forms::MEDEA_TYPE_TYPE, self.r#type.as_ref());
        writer::optional(writer, "Description", "description", &forms::DESCRIPTION_TYPE, self.description.as_ref());
        writer::optional(writer, "KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, self.kms_key_id.as_ref());
        writer::optional(
            writer,
            "RotationEnabled",
            "rotationEnabled",
            &forms::ROTATION_ENABLED_TYPE,
            self.rotation_enabled.as_ref(),
        );
        writer::optional(
            writer,
            "RotationLambdaARN",
            "rotationLambdaARN",
            &forms::ROTATION_LAMBDA_ARN_TYPE,
            self.rotation_lambda_arn.as_ref(),
        );
        writer::optional(
            writer,
            "RotationRules",
            "rotationRules",
            &forms::ROTATION_RULES_TYPE,
            self.rotation_rules.as_ref(),
        );
        writer::optional(
            writer,
            "ExternalSecretRotationMetadata",
            "externalSecretRotationMetadata",
            &forms::EXTERNAL_SECRET_ROTATION_METADATA_TYPE,
            self.external_secret_rotation_metadata.as_ref(),
        );
        writer::optional(
            writer,
            "ExternalSecretRotationRoleArn",
            "externalSecretRotationRoleArn",
            &forms::ROLE_ARN_TYPE,
            self.external_secret_rotation_role_arn.as_ref(),
        );
        writer::optional(
            writer,
            "LastRotatedDate",
            "lastRotatedDate",
            &forms::LAST_ROTATED_DATE_TYPE,
            self.last_rotated_date.as_ref(),
        );
        writer::optional(
            writer,
            "LastChangedDate",
            "lastChangedDate",
            &forms::LAST_CHANGED_DATE_TYPE,
            self.last_changed_date.as_ref(),
        );
        writer::optional(
            writer,
            "LastAccessedDate",
            "lastAccessedDate",
            &forms::LAST_ACCESSED_DATE_TYPE,
            self.last_accessed_date.as_ref(),
        );
        writer::optional(writer, "DeletedDate", "deletedDate", &forms::DELETED_DATE_TYPE, self.deleted_date.as_ref());
        writer::optional(
            writer,
            "NextRotationDate",
            "nextRotationDate",
            &forms::NEXT_ROTATION_DATE_TYPE,
            self.next_rotation_date.as_ref(),
        );
        writer::optional(writer, "Tags", "tags", &forms::TAG_LIST_TYPE, self.tags.as_ref());
        writer::optional(
            writer,
            "VersionIdsToStages",
            "versionIdsToStages",
            &forms::SECRET_VERSIONS_TO_STAGES_MAP_TYPE,
            self.version_ids_to_stages.as_ref(),
        );
        writer::optional(
            writer,
            "OwningService",
            "owningService",
            &forms::OWNING_SERVICE_TYPE,
            self.owning_service.as_ref(),
        );
        writer::optional(writer, "CreatedDate", "createdDate", &forms::TIMESTAMP_TYPE, self.created_date.as_ref());
        writer::optional(writer, "PrimaryRegion", "primaryRegion", &forms::REGION_TYPE, self.primary_region.as_ref());
        writer::optional(
            writer,
            "ReplicationStatus",
            "replicationStatus",
            &forms::REPLICATION_STATUS_LIST_TYPE,
            self.replication_status.as_ref(),
        );
        writer::optional(
            writer,
            "CrossAccountPrimary",
            "crossAccountPrimary",
            &forms::CROSS_ACCOUNT_PRIMARY_TYPE,
            self.cross_account_primary.as_ref(),
        );
        writer::optional(
            writer,
            "CrossAccountReplicas",
            "crossAccountReplicas",
            &forms::CROSS_ACCOUNT_REPLICA_LIST_TYPE,
            self.cross_account_replicas.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `DisassociateCrossAccountReplica`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DisassociateCrossAccountReplicaResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `CrossAccountReplicaARN`: 20 to 2048 characters.
    pub cross_account_replica_arn: Option<String>,
}

impl Shape for DisassociateCrossAccountReplicaResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let cross_account_replica_arn =
            from.optional("CrossAccountReplicaARN", "crossAccountReplicaARN", &forms::SECRET_ARN_TYPE, reading)?;

        Ok(Some(Self { arn, cross_account_replica_arn }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(
            writer,
            "CrossAccountReplicaARN",
            "crossAccountReplicaARN",
            &forms::SECRET_ARN_TYPE,
            self.cross_account_replica_arn.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `GetRandomPassword`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetRandomPasswordResponse {
    /// `RandomPassword`: 0 to 4096 characters.
    pub random_password: Option<SecretText>,
}

impl Shape for GetRandomPasswordResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let random_password =
            from.optional("RandomPassword", "randomPassword", &forms::RANDOM_PASSWORD_TYPE, reading)?;

        Ok(Some(Self { random_password }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "RandomPassword",
            "randomPassword",
            &forms::RANDOM_PASSWORD_TYPE,
            self.random_password.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `GetResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetResourcePolicyResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 512 characters.
    pub name: Option<String>,
    /// `ResourcePolicy`: 1 to 20480 characters.
    pub resource_policy: Option<String>,
    /// `PolicyName`: 1 to 64 characters, `[0-9A-Za-z\-\_]+`.
    pub policy_name: Option<String>,
}

impl Shape for GetResourcePolicyResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::NAME_TYPE, reading)?;
        let resource_policy =
            from.optional("ResourcePolicy", "resourcePolicy", &forms::NON_EMPTY_RESOURCE_POLICY_TYPE, reading)?;
        let policy_name = from.optional("PolicyName", "policyName", &forms::RESOURCE_POLICY_NAME_TYPE, reading)?;

        Ok(Some(Self { arn, name, resource_policy, policy_name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::NAME_TYPE, self.name.as_ref());
        writer::optional(
            writer,
            "ResourcePolicy",
            "resourcePolicy",
            &forms::NON_EMPTY_RESOURCE_POLICY_TYPE,
            self.resource_policy.as_ref(),
        );
        writer::optional(
            writer,
            "PolicyName",
            "policyName",
            &forms::RESOURCE_POLICY_NAME_TYPE,
            self.policy_name.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `GetSecretValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetSecretValueResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
    /// `SecretBinary`: 1 to 65536 bytes.
    pub secret_binary: Option<SecretBytes>,
    /// `SecretString`: 1 to 65536 characters.
    pub secret_string: Option<SecretText>,
    /// `VersionStages`: 1 to 20 entries.
    pub version_stages: Option<Vec<String>>,
    /// `CreatedDate`.
    pub created_date: Option<Timestamp>,
}

impl Shape for GetSecretValueResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;
        let secret_binary = from.optional("SecretBinary", "secretBinary", &forms::SECRET_BINARY_TYPE, reading)?;
        let secret_string = from.optional("SecretString", "secretString", &forms::SECRET_STRING_TYPE, reading)?;
        let version_stages =
            from.optional("VersionStages", "versionStages", &forms::SECRET_VERSION_STAGES_TYPE, reading)?;
        let created_date = from.optional("CreatedDate", "createdDate", &forms::CREATED_DATE_TYPE, reading)?;

        Ok(Some(Self { arn, name, version_id, secret_binary, secret_string, version_stages, created_date }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());
        writer::optional(
            writer,
            "SecretBinary",
            "secretBinary",
            &forms::SECRET_BINARY_TYPE,
            self.secret_binary.as_ref(),
        );
        writer::optional(
            writer,
            "SecretString",
            "secretString",
            &forms::SECRET_STRING_TYPE,
            self.secret_string.as_ref(),
        );
        writer::optional(
            writer,
            "VersionStages",
            "versionStages",
            &forms::SECRET_VERSION_STAGES_TYPE,
            self.version_stages.as_ref(),
        );
        writer::optional(writer, "CreatedDate", "createdDate", &forms::CREATED_DATE_TYPE, self.created_date.as_ref());

        writer.end_structure();
    }
}

/// Output of `ListResourcePolicies`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResourcePoliciesResponse {
    /// `ResourcePolicies`, required: 0 to 100 entries.
    pub resource_policies: Vec<ResourcePolicySummary>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
}

impl Shape for ListResourcePoliciesResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let resource_policies =
            from.required("ResourcePolicies", "resourcePolicies", &forms::RESOURCE_POLICY_SUMMARY_LIST_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;

        let Some(resource_policies) = resource_policies else { return Ok(None) };
        Ok(Some(Self { resource_policies, next_token }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(
            writer,
            "ResourcePolicies",
            "resourcePolicies",
            &forms::RESOURCE_POLICY_SUMMARY_LIST_TYPE,
            &self.resource_policies,
        );
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());

        writer.end_structure();
    }
}

/// Output of `ListSecretVersionIds`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListSecretVersionIdsResponse {
    /// `Versions`.
    pub versions: Option<Vec<SecretVersionsListEntry>>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
}

impl Shape for ListSecretVersionIdsResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let versions = from.optional("Versions", "versions", &forms::SECRET_VERSIONS_LIST_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;

        Ok(Some(Self { versions, next_token, arn, name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "Versions", "versions", &forms::SECRET_VERSIONS_LIST_TYPE, self.versions.as_ref());
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());

        writer.end_structure();
    }
}

/// Output of `ListSecrets`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListSecretsResponse {
    /// `SecretList`.
    pub secret_list: Option<Vec<SecretListEntry>>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
}

impl Shape for ListSecretsResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_list = from.optional("SecretList", "secretList", &forms::SECRET_LIST_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;

        Ok(Some(Self { secret_list, next_token }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "SecretList", "secretList", &forms::SECRET_LIST_TYPE, self.secret_list.as_ref());
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());

        writer.end_structure();
    }
}

/// Output of `PutResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PutResourcePolicyResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 512 characters.
    pub name: Option<String>,
    /// `PolicyName`: 1 to 64 characters, `[0-9A-Za-z\-\_]+`.
    pub policy_name: Option<String>,
}

impl Shape for PutResourcePolicyResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::NAME_TYPE, reading)?;
        let policy_name = from.optional("PolicyName", "policyName", &forms::RESOURCE_POLICY_NAME_TYPE, reading)?;

        Ok(Some(Self { arn, name, policy_name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::NAME_TYPE, self.name.as_ref());
        writer::optional(
            writer,
            "PolicyName",
            "policyName",
            &forms::RESOURCE_POLICY_NAME_TYPE,
            self.policy_name.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `PutSecretValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PutSecretValueResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
    /// `VersionStages`: 1 to 20 entries.
    pub version_stages: Option<Vec<String>>,
}

impl Shape for PutSecretValueResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;
        let version_stages =
            from.optional("VersionStages", "versionStages", &forms::SECRET_VERSION_STAGES_TYPE, reading)?;

        Ok(Some(Self { arn, name, version_id, version_stages }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());
        writer::optional(
            writer,
            "VersionStages",
            "versionStages",
            &forms::SECRET_VERSION_STAGES_TYPE,
            self.version_stages.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `RemoveRegionsFromReplication`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoveRegionsFromReplicationResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `ReplicationStatus`.
    pub replication_status: Option<Vec<ReplicationStatusType>>,
}

impl Shape for RemoveRegionsFromReplicationResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let replication_status =
            from.optional("ReplicationStatus", "replicationStatus", &forms::REPLICATION_STATUS_LIST_TYPE, reading)?;

        Ok(Some(Self { arn, replication_status }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(
            writer,
            "ReplicationStatus",
            "replicationStatus",
            &forms::REPLICATION_STATUS_LIST_TYPE,
            self.replication_status.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `ReplicateSecretToRegions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicateSecretToRegionsResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `ReplicationStatus`.
    pub replication_status: Option<Vec<ReplicationStatusType>>,
}

impl Shape for ReplicateSecretToRegionsResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let replication_status =
            from.optional("ReplicationStatus", "replicationStatus", &forms::REPLICATION_STATUS_LIST_TYPE, reading)?;

        Ok(Some(Self { arn, replication_status }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(
            writer,
            "ReplicationStatus",
            "replicationStatus",
            &forms::REPLICATION_STATUS_LIST_TYPE,
            self.replication_status.as_ref(),
        );

        writer.end_structure();
    }
}

/// Output of `RestoreSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestoreSecretResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
}

impl Shape for RestoreSecretResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;

        Ok(Some(Self { arn, name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());

        writer.end_structure();
    }
}

/// Output of `RotateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RotateSecretResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
}

impl Shape for RotateSecretResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;

        Ok(Some(Self { arn, name, version_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());

        writer.end_structure();
    }
}

/// Output of `StopReplicationToReplica`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopReplicationToReplicaResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
}

impl Shape for StopReplicationToReplicaResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;

        Ok(Some(Self { arn }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());

        writer.end_structure();
    }
}

/// Output of `UpdateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateSecretResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
}

impl Shape for UpdateSecretResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;

        Ok(Some(Self { arn, name, version_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());

        writer.end_structure();
    }
}

/// Output of `UpdateSecretVersionStage`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateSecretVersionStageResponse {
    /// `ARN`: 20 to 2048 characters.
    pub arn: Option<String>,
    /// `Name`: 1 to 256 characters.
    pub name: Option<String>,
}

impl Shape for UpdateSecretVersionStageResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let arn = from.optional("ARN", "arn", &forms::SECRET_ARN_TYPE, reading)?;
        let name = from.optional("Name", "name", &forms::SECRET_NAME_TYPE, reading)?;

        Ok(Some(Self { arn, name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "ARN", "arn", &forms::SECRET_ARN_TYPE, self.arn.as_ref());
        writer::optional(writer, "Name", "name", &forms::SECRET_NAME_TYPE, self.name.as_ref());

        writer.end_structure();
    }
}

/// Output of `ValidateResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValidateResourcePolicyResponse {
    /// `PolicyValidationPassed`.
    pub policy_validation_passed: Option<bool>,
    /// `ValidationErrors`.
    pub validation_errors: Option<Vec<ValidationErrorsEntry>>,
}

impl Shape for ValidateResourcePolicyResponse {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let policy_validation_passed =
            from.optional("PolicyValidationPassed", "policyValidationPassed", &forms::BOOLEAN_TYPE, reading)?;
        let validation_errors =
            from.optional("ValidationErrors", "validationErrors", &forms::VALIDATION_ERRORS_TYPE, reading)?;

        Ok(Some(Self { policy_validation_passed, validation_errors }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "PolicyValidationPassed",
            "policyValidationPassed",
            &forms::BOOLEAN_TYPE,
            self.policy_validation_passed.as_ref(),
        );
        writer::optional(
            writer,
            "ValidationErrors",
            "validationErrors",
            &forms::VALIDATION_ERRORS_TYPE,
            self.validation_errors.as_ref(),
        );

        writer.end_structure();
    }
}
