//! The structures inside inputs and outputs of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

use std::collections::BTreeMap;

use strongroom_types::{SecretBytes, SecretText, Timestamp};

use super::enums::{FilterNameStringType, StatusType};
use super::forms;
use crate::error::ServiceError;
use crate::forms::Shape;
use crate::node::Node;
use crate::reading::Reading;
use crate::writer::{self, Writer};

/// `APIErrorType`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct APIErrorType {
    /// `SecretId`: 1 to 2048 characters.
    pub secret_id: Option<String>,
    /// `ErrorCode`.
    pub error_code: Option<String>,
    /// `Message`.
    pub message: Option<String>,
}

impl Shape for APIErrorType {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.optional("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let error_code = from.optional("ErrorCode", "errorCode", &forms::ERROR_CODE, reading)?;
        let message = from.optional("Message", "message", &forms::ERROR_MESSAGE, reading)?;

        Ok(Some(Self { secret_id, error_code, message }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, self.secret_id.as_ref());
        writer::optional(writer, "ErrorCode", "errorCode", &forms::ERROR_CODE, self.error_code.as_ref());
        writer::optional(writer, "Message", "message", &forms::ERROR_MESSAGE, self.message.as_ref());

        writer.end_structure();
    }
}

/// `CrossAccountPrimaryType`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossAccountPrimaryType {
    /// `PrimarySecretARN`: 20 to 2048 characters.
    pub primary_secret_arn: Option<String>,
    /// `ReplicationStatus`.
    pub replication_status: Option<StatusType>,
    /// `StatusMessage`: 1 to 4096 characters.
    pub status_message: Option<String>,
}

impl Shape for CrossAccountPrimaryType {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let primary_secret_arn =
            from.optional("PrimarySecretARN", "primarySecretARN", &forms::SECRET_ARN_TYPE, reading)?;
        let replication_status =
            from.optional("ReplicationStatus", "replicationStatus", &forms::STATUS_TYPE, reading)?;
        let status_message = from.optional("StatusMessage", "statusMessage", &forms::STATUS_MESSAGE_TYPE, reading)?;

        Ok(Some(Self { primary_secret_arn, replication_status, status_message }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "PrimarySecretARN",
            "primarySecretARN",
            &forms::SECRET_ARN_TYPE,
            self.primary_secret_arn.as_ref(),
        );
        writer::optional(
            writer,
            "ReplicationStatus",
            "replicationStatus",
            &forms::STATUS_TYPE,
            self.replication_status.as_ref(),
        );
        writer::optional(
            writer,
            "StatusMessage",
            "statusMessage",
            &forms::STATUS_MESSAGE_TYPE,
            self.status_message.as_ref(),
        );

        writer.end_structure();
    }
}

/// `CrossAccountReplicaEntry`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossAccountReplicaEntry {
    /// `ReplicaSecretARN`: 20 to 2048 characters.
    pub replica_secret_arn: Option<String>,
    /// `ReplicationRoleARN`: 20 to 2048 characters.
    pub replication_role_arn: Option<String>,
    /// `ReplicationStatus`.
    pub replication_status: Option<StatusType>,
    /// `StatusMessage`: 1 to 4096 characters.
    pub status_message: Option<String>,
}

impl Shape for CrossAccountReplicaEntry {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let replica_secret_arn =
            from.optional("ReplicaSecretARN", "replicaSecretARN", &forms::SECRET_ARN_TYPE, reading)?;
        let replication_role_arn =
            from.optional("ReplicationRoleARN", "replicationRoleARN", &forms::ROLE_ARN_TYPE, reading)?;
        let replication_status =
            from.optional("ReplicationStatus", "replicationStatus", &forms::STATUS_TYPE, reading)?;
        let status_message = from.optional("StatusMessage", "statusMessage", &forms::STATUS_MESSAGE_TYPE, reading)?;

        Ok(Some(Self { replica_secret_arn, replication_role_arn, replication_status, status_message }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "ReplicaSecretARN",
            "replicaSecretARN",
            &forms::SECRET_ARN_TYPE,
            self.replica_secret_arn.as_ref(),
        );
        writer::optional(
            writer,
            "ReplicationRoleARN",
            "replicationRoleARN",
            &forms::ROLE_ARN_TYPE,
            self.replication_role_arn.as_ref(),
        );
        writer::optional(
            writer,
            "ReplicationStatus",
            "replicationStatus",
            &forms::STATUS_TYPE,
            self.replication_status.as_ref(),
        );
        writer::optional(
            writer,
            "StatusMessage",
            "statusMessage",
            &forms::STATUS_MESSAGE_TYPE,
            self.status_message.as_ref(),
        );

        writer.end_structure();
    }
}

/// `ExternalSecretRotationMetadataItem`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExternalSecretRotationMetadataItem {
    /// `Key`: 1 to 256 characters.
    pub key: Option<String>,
    /// `Value`: 1 to 2048 characters.
    pub value: Option<String>,
}

impl Shape for ExternalSecretRotationMetadataItem {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let key = from.optional("Key", "key", &forms::EXTERNAL_SECRET_ROTATION_METADATA_ITEM_KEY_TYPE, reading)?;
        let value =
            from.optional("Value", "value", &forms::EXTERNAL_SECRET_ROTATION_METADATA_ITEM_VALUE_TYPE, reading)?;

        Ok(Some(Self { key, value }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "Key",
            "key",
            &forms::EXTERNAL_SECRET_ROTATION_METADATA_ITEM_KEY_TYPE,
            self.key.as_ref(),
        );
        writer::optional(
            writer,
            "Value",
            "value",
            &forms::EXTERNAL_SECRET_ROTATION_METADATA_ITEM_VALUE_TYPE,
            self.value.as_ref(),
        );

        writer.end_structure();
    }
}

/// `Filter`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// `Key`.
    pub key: Option<FilterNameStringType>,
    /// `Values`: 1 to 10 entries.
    pub values: Option<Vec<String>>,
}

impl Shape for Filter {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let key = from.optional("Key", "key", &forms::FILTER_NAME_STRING_TYPE, reading)?;
        let values = from.optional("Values", "values", &forms::FILTER_VALUES_STRING_LIST, reading)?;

        Ok(Some(Self { key, values }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "Key", "key", &forms::FILTER_NAME_STRING_TYPE, self.key.as_ref());
        writer::optional(writer, "Values", "values", &forms::FILTER_VALUES_STRING_LIST, self.values.as_ref());

        writer.end_structure();
    }
}

/// `ReplicaRegionType`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaRegionType {
    /// `Region`: 1 to 128 characters, `^([a-z]+-)+\d+$`.
    pub region: Option<String>,
    /// `KmsKeyId`: 0 to 2048 characters.
    pub kms_key_id: Option<String>,
}

impl Shape for ReplicaRegionType {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let region = from.optional("Region", "region", &forms::REGION_TYPE, reading)?;
        let kms_key_id = from.optional("KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, reading)?;

        Ok(Some(Self { region, kms_key_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "Region", "region", &forms::REGION_TYPE, self.region.as_ref());
        writer::optional(writer, "KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, self.kms_key_id.as_ref());

        writer.end_structure();
    }
}

/// `ReplicationStatusType`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicationStatusType {
    /// `Region`: 1 to 128 characters, `^([a-z]+-)+\d+$`.
    pub region: Option<String>,
    /// `KmsKeyId`: 0 to 2048 characters.
    pub kms_key_id: Option<String>,
    /// `Status`.
    pub status: Option<StatusType>,
    /// `StatusMessage`: 1 to 4096 characters.
    pub status_message: Option<String>,
    /// `LastAccessedDate`.
    pub last_accessed_date: Option<Timestamp>,
}

impl Shape for ReplicationStatusType {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let region = from.optional("Region", "region", &forms::REGION_TYPE, reading)?;
        let kms_key_id = from.optional("KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, reading)?;
        let status = from.optional("Status", "status", &forms::STATUS_TYPE, reading)?;
        let status_message = from.optional("StatusMessage", "statusMessage", &forms::STATUS_MESSAGE_TYPE, reading)?;
        let last_accessed_date =
            from.optional("LastAccessedDate", "lastAccessedDate", &forms::LAST_ACCESSED_DATE_TYPE, reading)?;

        Ok(Some(Self { region, kms_key_id, status, status_message, last_accessed_date }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "Region", "region", &forms::REGION_TYPE, self.region.as_ref());
        writer::optional(writer, "KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, self.kms_key_id.as_ref());
        writer::optional(writer, "Status", "status", &forms::STATUS_TYPE, self.status.as_ref());
        writer::optional(
            writer,
            "StatusMessage",
            "statusMessage",
            &forms::STATUS_MESSAGE_TYPE,
            self.status_message.as_ref(),
        );
        writer::optional(
            writer,
            "LastAccessedDate",
            "lastAccessedDate",
            &forms::LAST_ACCESSED_DATE_TYPE,
            self.last_accessed_date.as_ref(),
        );

        writer.end_structure();
    }
}

/// `ResourcePolicySummary`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourcePolicySummary {
    /// `PolicyName`: 1 to 64 characters, `[0-9A-Za-z\-\_]+`.
    pub policy_name: Option<String>,
}

impl Shape for ResourcePolicySummary {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let policy_name = from.optional("PolicyName", "policyName", &forms::RESOURCE_POLICY_NAME_TYPE, reading)?;

        Ok(Some(Self { policy_name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
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

/// `RotationRulesType`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RotationRulesType {
    /// `AutomaticallyAfterDays`: 1 to 1000.
    pub automatically_after_days: Option<i64>,
    /// `Duration`: 2 to 3 characters, `[0-9]+h`.
    pub duration: Option<String>,
    /// `ScheduleExpression`: 1 to 256 characters, `[0-9A-Za-z\(\)#\?\*\-\/, ]+`.
    pub schedule_expression: Option<String>,
}

impl Shape for RotationRulesType {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let automatically_after_days = from.optional(
            "AutomaticallyAfterDays",
            "automaticallyAfterDays",
            &forms::AUTOMATICALLY_ROTATE_AFTER_DAYS_TYPE,
            reading,
        )?;
        let duration = from.optional("Duration", "duration", &forms::DURATION_TYPE, reading)?;
        let schedule_expression =
            from.optional("ScheduleExpression", "scheduleExpression", &forms::SCHEDULE_EXPRESSION_TYPE, reading)?;

        Ok(Some(Self { automatically_after_days, duration, schedule_expression }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "AutomaticallyAfterDays",
            "automaticallyAfterDays",
            &forms::AUTOMATICALLY_ROTATE_AFTER_DAYS_TYPE,
            self.automatically_after_days.as_ref(),
        );
        writer::optional(writer, "Duration", "duration", &forms::DURATION_TYPE, self.duration.as_ref());
        writer::optional(
            writer,
            "ScheduleExpression",
            "scheduleExpression",
            &forms::SCHEDULE_EXPRESSION_TYPE,
            self.schedule_expression.as_ref(),
        );

        writer.end_structure();
    }
}

/// `SecretListEntry`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecretListEntry {
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
    /// `SecretVersionsToStages`.
    pub secret_versions_to_stages: Option<BTreeMap<String, Vec<String>>>,
    /// `OwningService`: 1 to 128 characters.
    pub owning_service: Option<String>,
    /// `CreatedDate`.
    pub created_date: Option<Timestamp>,
    /// `PrimaryRegion`: 1 to 128 characters, `^([a-z]+-)+\d+$`.
    pub primary_region: Option<String>,
}

impl Shape for SecretListEntry {
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
        let secret_versions_to_stages = from.optional(
            "SecretVersionsToStages",
            "secretVersionsToStages",
            &forms::SECRET_VERSIONS_TO_STAGES_MAP_TYPE,
            reading,
        )?;
        let owning_service = from.optional("OwningService", "owningService", &forms::OWNING_SERVICE_TYPE, reading)?;
        let created_date = from.optional("CreatedDate", "createdDate", &forms::TIMESTAMP_TYPE, reading)?;
        let primary_region = from.optional("PrimaryRegion", "primaryRegion", &forms::REGION_TYPE, reading)?;

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
            secret_versions_to_stages,
            owning_service,
            created_date,
            primary_region,
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
            "SecretVersionsToStages",
            "secretVersionsToStages",
            &forms::SECRET_VERSIONS_TO_STAGES_MAP_TYPE,
            self.secret_versions_to_stages.as_ref(),
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

        writer.end_structure();
    }
}

/// `SecretValueEntry`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecretValueEntry {
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

impl Shape for SecretValueEntry {
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

/// `SecretVersionsListEntry`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecretVersionsListEntry {
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
    /// `VersionStages`: 1 to 20 entries.
    pub version_stages: Option<Vec<String>>,
    /// `LastAccessedDate`.
    pub last_accessed_date: Option<Timestamp>,
    /// `CreatedDate`.
    pub created_date: Option<Timestamp>,
    /// `KmsKeyIds`.
    pub kms_key_ids: Option<Vec<String>>,
}

impl Shape for SecretVersionsListEntry {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;
        let version_stages =
            from.optional("VersionStages", "versionStages", &forms::SECRET_VERSION_STAGES_TYPE, reading)?;
        let last_accessed_date =
            from.optional("LastAccessedDate", "lastAccessedDate", &forms::LAST_ACCESSED_DATE_TYPE, reading)?;
        let created_date = from.optional("CreatedDate", "createdDate", &forms::CREATED_DATE_TYPE, reading)?;
        let kms_key_ids = from.optional("KmsKeyIds", "kmsKeyIds", &forms::KMS_KEY_ID_LIST_TYPE, reading)?;

        Ok(Some(Self { version_id, version_stages, last_accessed_date, created_date, kms_key_ids }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());
        writer::optional(
            writer,
            "VersionStages",
            "versionStages",
            &forms::SECRET_VERSION_STAGES_TYPE,
            self.version_stages.as_ref(),
        );
        writer::optional(
            writer,
            "LastAccessedDate",
            "lastAccessedDate",
            &forms::LAST_ACCESSED_DATE_TYPE,
            self.last_accessed_date.as_ref(),
        );
        writer::optional(writer, "CreatedDate", "createdDate", &forms::CREATED_DATE_TYPE, self.created_date.as_ref());
        writer::optional(writer, "KmsKeyIds", "kmsKeyIds", &forms::KMS_KEY_ID_LIST_TYPE, self.kms_key_ids.as_ref());

        writer.end_structure();
    }
}

/// `Tag`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tag {
    /// `Key`: 1 to 128 characters.
    pub key: Option<String>,
    /// `Value`: 0 to 256 characters.
    pub value: Option<String>,
}

impl Shape for Tag {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let key = from.optional("Key", "key", &forms::TAG_KEY_TYPE, reading)?;
        let value = from.optional("Value", "value", &forms::TAG_VALUE_TYPE, reading)?;

        Ok(Some(Self { key, value }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "Key", "key", &forms::TAG_KEY_TYPE, self.key.as_ref());
        writer::optional(writer, "Value", "value", &forms::TAG_VALUE_TYPE, self.value.as_ref());

        writer.end_structure();
    }
}

/// `ValidationErrorsEntry`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValidationErrorsEntry {
    /// `CheckName`: 1 to 512 characters.
    pub check_name: Option<String>,
    /// `ErrorMessage`.
    pub error_message: Option<String>,
}

impl Shape for ValidationErrorsEntry {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let check_name = from.optional("CheckName", "checkName", &forms::NAME_TYPE, reading)?;
        let error_message = from.optional("ErrorMessage", "errorMessage", &forms::ERROR_MESSAGE, reading)?;

        Ok(Some(Self { check_name, error_message }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "CheckName", "checkName", &forms::NAME_TYPE, self.check_name.as_ref());
        writer::optional(writer, "ErrorMessage", "errorMessage", &forms::ERROR_MESSAGE, self.error_message.as_ref());

        writer.end_structure();
    }
}
