//! The inputs of operations of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

use strongroom_types::{SecretBytes, SecretText};

use super::enums::{ReplicaRestrictionType, SortByType, SortOrderType};
use super::forms;
use super::shapes::{ExternalSecretRotationMetadataItem, Filter, ReplicaRegionType, RotationRulesType, Tag};
use crate::error::ServiceError;
use crate::forms::Shape;
use crate::node::Node;
use crate::reading::Reading;
use crate::writer::{self, Writer};

/// Input of `AssociateCrossAccountReplica`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssociateCrossAccountReplicaRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `CrossAccountReplicaARN`, required: 20 to 2048 characters.
    pub cross_account_replica_arn: String,
    /// `ReplicaRestriction`.
    pub replica_restriction: Option<ReplicaRestrictionType>,
    /// `ReplicationRoleARN`: 20 to 2048 characters.
    pub replication_role_arn: Option<String>,
}

impl Shape for AssociateCrossAccountReplicaRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let cross_account_replica_arn =
            from.required("CrossAccountReplicaARN", "crossAccountReplicaARN", &forms::SECRET_ARN_TYPE, reading)?;
        let replica_restriction =
            from.optional("ReplicaRestriction", "replicaRestriction", &forms::REPLICA_RESTRICTION_TYPE, reading)?;
        let replication_role_arn =
            from.optional("ReplicationRoleARN", "replicationRoleARN", &forms::ROLE_ARN_TYPE, reading)?;

        let (Some(secret_id), Some(cross_account_replica_arn)) = (secret_id, cross_account_replica_arn) else {
            return Ok(None);
        };
        Ok(Some(Self { secret_id, cross_account_replica_arn, replica_restriction, replication_role_arn }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(
            writer,
            "CrossAccountReplicaARN",
            "crossAccountReplicaARN",
            &forms::SECRET_ARN_TYPE,
            &self.cross_account_replica_arn,
        );
        writer::optional(
            writer,
            "ReplicaRestriction",
            "replicaRestriction",
            &forms::REPLICA_RESTRICTION_TYPE,
            self.replica_restriction.as_ref(),
        );
        writer::optional(
            writer,
            "ReplicationRoleARN",
            "replicationRoleARN",
            &forms::ROLE_ARN_TYPE,
            self.replication_role_arn.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `BatchGetSecretValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchGetSecretValueRequest {
    /// `SecretIdList`: 1 to 20 entries.
    pub secret_id_list: Option<Vec<String>>,
    /// `Filters`: at most 10 entries.
    pub filters: Option<Vec<Filter>>,
    /// `MaxResults`: 1 to 20.
    pub max_results: Option<i32>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
}

impl Shape for BatchGetSecretValueRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id_list = from.optional("SecretIdList", "secretIdList", &forms::SECRET_ID_LIST_TYPE, reading)?;
        let filters = from.optional("Filters", "filters", &forms::FILTERS_LIST_TYPE, reading)?;
        let max_results = from.optional("MaxResults", "maxResults", &forms::MAX_RESULTS_BATCH_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;

        Ok(Some(Self { secret_id_list, filters, max_results, next_token }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "SecretIdList",
            "secretIdList",
            &forms::SECRET_ID_LIST_TYPE,
            self.secret_id_list.as_ref(),
        );
        writer::optional(writer, "Filters", "filters", &forms::FILTERS_LIST_TYPE, self.filters.as_ref());
        writer::optional(writer, "MaxResults", "maxResults", &forms::MAX_RESULTS_BATCH_TYPE, self.max_results.as_ref());
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());

        writer.end_structure();
    }
}

/// Input of `CancelRotateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CancelRotateSecretRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
}

impl Shape for CancelRotateSecretRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);

        writer.end_structure();
    }
}

/// Input of `CreateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateSecretRequest {
    /// `Name`, required: 1 to 512 characters.
    pub name: String,
    /// `ClientRequestToken`: 32 to 64 characters.
    pub client_request_token: Option<String>,
    /// `Description`: at most 2048 characters.
    pub description: Option<String>,
    /// `KmsKeyId`: 0 to 2048 characters.
    pub kms_key_id: Option<String>,
    /// `SecretBinary`: 1 to 65536 bytes.
    pub secret_binary: Option<SecretBytes>,
    /// `SecretString`: 1 to 65536 characters.
    pub secret_string: Option<SecretText>,
    /// `Tags`.
    pub tags: Option<Vec<Tag>>,
    /// `AddReplicaRegions`: at least 1 entries.
    pub add_replica_regions: Option<Vec<ReplicaRegionType>>,
    /// `ForceOverwriteReplicaSecret`.
    pub force_overwrite_replica_secret: Option<bool>,
    /// `Type`: 0 to 256 characters.
    pub r#type: Option<String>,
    /// `CrossAccountPrimaryARN`: 20 to 2048 characters.
    pub cross_account_primary_arn: Option<String>,
}

impl Shape for CreateSecretRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let name = from.required("Name", "name", &forms::NAME_TYPE, reading)?;
        let client_request_token =
            from.optional("ClientRequestToken", "clientRequestToken", &forms::CLIENT_REQUEST_TOKEN_TYPE, reading)?;
        let description = from.optional("Description", "description", &forms::DESCRIPTION_TYPE, reading)?;
        let kms_key_id = from.optional("KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, reading)?;
        let secret_binary = from.optional("SecretBinary", "secretBinary", &forms::SECRET_BINARY_TYPE, reading)?;
        let secret_string = from.optional("SecretString", "secretString", &forms::SECRET_STRING_TYPE, reading)?;
        let tags = from.optional("Tags", "tags", &forms::TAG_LIST_TYPE, reading)?;
        let add_replica_regions =
            from.optional("AddReplicaRegions", "addReplicaRegions", &forms::ADD_REPLICA_REGION_LIST_TYPE, reading)?;
        let force_overwrite_replica_secret =
            from.optional("ForceOverwriteReplicaSecret", "forceOverwriteReplicaSecret", &forms::BOOLEAN_TYPE, reading)?;
        let r#type = from.optional("Type", "type", &forms::MEDEA_TYPE_TYPE, reading)?;
        let cross_account_primary_arn =
            from.optional("CrossAccountPrimaryARN", "crossAccountPrimaryARN", &forms::SECRET_ARN_TYPE, reading)?;

        let Some(name) = name else { return Ok(None) };
        Ok(Some(Self {
            name,
            client_request_token,
            description,
            kms_key_id,
            secret_binary,
            secret_string,
            tags,
            add_replica_regions,
            force_overwrite_replica_secret,
            r#type,
            cross_account_primary_arn,
        }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "Name", "name", &forms::NAME_TYPE, &self.name);
        writer::optional(
            writer,
            "ClientRequestToken",
            "clientRequestToken",
            &forms::CLIENT_REQUEST_TOKEN_TYPE,
            self.client_request_token.as_ref(),
        );
        writer::optional(writer, "Description", "description", &forms::DESCRIPTION_TYPE, self.description.as_ref());
        writer::optional(writer, "KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, self.kms_key_id.as_ref());
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
        writer::optional(writer, "Tags", "tags", &forms::TAG_LIST_TYPE, self.tags.as_ref());
        writer::optional(
            writer,
            "AddReplicaRegions",
            "addReplicaRegions",
            &forms::ADD_REPLICA_REGION_LIST_TYPE,
            self.add_replica_regions.as_ref(),
        );
        writer::optional(
            writer,
            "ForceOverwriteReplicaSecret",
            "forceOverwriteReplicaSecret",
            &forms::BOOLEAN_TYPE,
            self.force_overwrite_replica_secret.as_ref(),
        );
        writer::optional(writer, "Type", "type", &forms::MEDEA_TYPE_TYPE, self.r#type.as_ref());
        writer::optional(
            writer,
            "CrossAccountPrimaryARN",
            "crossAccountPrimaryARN",
            &forms::SECRET_ARN_TYPE,
            self.cross_account_primary_arn.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `DeleteResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteResourcePolicyRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `PolicyName`: 1 to 64 characters, `[0-9A-Za-z\-\_]+`.
    pub policy_name: Option<String>,
}

impl Shape for DeleteResourcePolicyRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let policy_name = from.optional("PolicyName", "policyName", &forms::RESOURCE_POLICY_NAME_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id, policy_name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
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

/// Input of `DeleteSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteSecretRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `RecoveryWindowInDays`.
    pub recovery_window_in_days: Option<i64>,
    /// `ForceDeleteWithoutRecovery`.
    pub force_delete_without_recovery: Option<bool>,
}

impl Shape for DeleteSecretRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let recovery_window_in_days = from.optional(
            "RecoveryWindowInDays",
            "recoveryWindowInDays",
            &forms::RECOVERY_WINDOW_IN_DAYS_TYPE,
            reading,
        )?;
        let force_delete_without_recovery =
            from.optional("ForceDeleteWithoutRecovery", "forceDeleteWithoutRecovery", &forms::BOOLEAN_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id, recovery_window_in_days, force_delete_without_recovery }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::optional(
            writer,
            "RecoveryWindowInDays",
            "recoveryWindowInDays",
            &forms::RECOVERY_WINDOW_IN_DAYS_TYPE,
            self.recovery_window_in_days.as_ref(),
        );
        writer::optional(
            writer,
            "ForceDeleteWithoutRecovery",
            "forceDeleteWithoutRecovery",
            &forms::BOOLEAN_TYPE,
            self.force_delete_without_recovery.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `DescribeSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeSecretRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
}

impl Shape for DescribeSecretRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);

        writer.end_structure();
    }
}

/// Input of `DisassociateCrossAccountReplica`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DisassociateCrossAccountReplicaRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `CrossAccountReplicaARN`, required: 20 to 2048 characters.
    pub cross_account_replica_arn: String,
}

impl Shape for DisassociateCrossAccountReplicaRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let cross_account_replica_arn =
            from.required("CrossAccountReplicaARN", "crossAccountReplicaARN", &forms::SECRET_ARN_TYPE, reading)?;

        let (Some(secret_id), Some(cross_account_replica_arn)) = (secret_id, cross_account_replica_arn) else {
            return Ok(None);
        };
        Ok(Some(Self { secret_id, cross_account_replica_arn }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(
            writer,
            "CrossAccountReplicaARN",
            "crossAccountReplicaARN",
            &forms::SECRET_ARN_TYPE,
            &self.cross_account_replica_arn,
        );

        writer.end_structure();
    }
}

/// Input of `GetRandomPassword`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetRandomPasswordRequest {
    /// `PasswordLength`: 1 to 4096.
    pub password_length: Option<i64>,
    /// `ExcludeCharacters`: 0 to 4096 characters.
    pub exclude_characters: Option<String>,
    /// `ExcludeNumbers`.
    pub exclude_numbers: Option<bool>,
    /// `ExcludePunctuation`.
    pub exclude_punctuation: Option<bool>,
    /// `ExcludeUppercase`.
    pub exclude_uppercase: Option<bool>,
    /// `ExcludeLowercase`.
    pub exclude_lowercase: Option<bool>,
    /// `IncludeSpace`.
    pub include_space: Option<bool>,
    /// `RequireEachIncludedType`.
    pub require_each_included_type: Option<bool>,
}

impl Shape for GetRandomPasswordRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let password_length =
            from.optional("PasswordLength", "passwordLength", &forms::PASSWORD_LENGTH_TYPE, reading)?;
        let exclude_characters =
            from.optional("ExcludeCharacters", "excludeCharacters", &forms::EXCLUDE_CHARACTERS_TYPE, reading)?;
        let exclude_numbers =
            from.optional("ExcludeNumbers", "excludeNumbers", &forms::EXCLUDE_NUMBERS_TYPE, reading)?;
        let exclude_punctuation =
            from.optional("ExcludePunctuation", "excludePunctuation", &forms::EXCLUDE_PUNCTUATION_TYPE, reading)?;
        let exclude_uppercase =
            from.optional("ExcludeUppercase", "excludeUppercase", &forms::EXCLUDE_UPPERCASE_TYPE, reading)?;
        let exclude_lowercase =
            from.optional("ExcludeLowercase", "excludeLowercase", &forms::EXCLUDE_LOWERCASE_TYPE, reading)?;
        let include_space = from.optional("IncludeSpace", "includeSpace", &forms::INCLUDE_SPACE_TYPE, reading)?;
        let require_each_included_type = from.optional(
            "RequireEachIncludedType",
            "requireEachIncludedType",
            &forms::REQUIRE_EACH_INCLUDED_TYPE_TYPE,
            reading,
        )?;

        Ok(Some(Self {
            password_length,
            exclude_characters,
            exclude_numbers,
            exclude_punctuation,
            exclude_uppercase,
            exclude_lowercase,
            include_space,
            require_each_included_type,
        }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "PasswordLength",
            "passwordLength",
            &forms::PASSWORD_LENGTH_TYPE,
            self.password_length.as_ref(),
        );
        writer::optional(
            writer,
            "ExcludeCharacters",
            "excludeCharacters",
            &forms::EXCLUDE_CHARACTERS_TYPE,
            self.exclude_characters.as_ref(),
        );
        writer::optional(
            writer,
            "ExcludeNumbers",
            "excludeNumbers",
            &forms::EXCLUDE_NUMBERS_TYPE,
            self.exclude_numbers.as_ref(),
        );
        writer::optional(
            writer,
            "ExcludePunctuation",
            "excludePunctuation",
            &forms::EXCLUDE_PUNCTUATION_TYPE,
            self.exclude_punctuation.as_ref(),
        );
        writer::optional(
            writer,
            "ExcludeUppercase",
            "excludeUppercase",
            &forms::EXCLUDE_UPPERCASE_TYPE,
            self.exclude_uppercase.as_ref(),
        );
        writer::optional(
            writer,
            "ExcludeLowercase",
            "excludeLowercase",
            &forms::EXCLUDE_LOWERCASE_TYPE,
            self.exclude_lowercase.as_ref(),
        );
        writer::optional(
            writer,
            "IncludeSpace",
            "includeSpace",
            &forms::INCLUDE_SPACE_TYPE,
            self.include_space.as_ref(),
        );
        writer::optional(
            writer,
            "RequireEachIncludedType",
            "requireEachIncludedType",
            &forms::REQUIRE_EACH_INCLUDED_TYPE_TYPE,
            self.require_each_included_type.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `GetResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetResourcePolicyRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `PolicyName`: 1 to 64 characters, `[0-9A-Za-z\-\_]+`.
    pub policy_name: Option<String>,
}

impl Shape for GetResourcePolicyRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let policy_name = from.optional("PolicyName", "policyName", &forms::RESOURCE_POLICY_NAME_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id, policy_name }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
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

/// Input of `GetSecretValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GetSecretValueRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `VersionId`: 32 to 64 characters.
    pub version_id: Option<String>,
    /// `VersionStage`: 1 to 256 characters.
    pub version_stage: Option<String>,
}

impl Shape for GetSecretValueRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let version_id = from.optional("VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;
        let version_stage =
            from.optional("VersionStage", "versionStage", &forms::SECRET_VERSION_STAGE_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id, version_id, version_stage }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::optional(writer, "VersionId", "versionId", &forms::SECRET_VERSION_ID_TYPE, self.version_id.as_ref());
        writer::optional(
            writer,
            "VersionStage",
            "versionStage",
            &forms::SECRET_VERSION_STAGE_TYPE,
            self.version_stage.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `ListResourcePolicies`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListResourcePoliciesRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `MaxResults`: 1 to 100.
    pub max_results: Option<i32>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
}

impl Shape for ListResourcePoliciesRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let max_results = from.optional("MaxResults", "maxResults", &forms::MAX_RESULTS_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id, max_results, next_token }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::optional(writer, "MaxResults", "maxResults", &forms::MAX_RESULTS_TYPE, self.max_results.as_ref());
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());

        writer.end_structure();
    }
}

/// Input of `ListSecretVersionIds`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListSecretVersionIdsRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `MaxResults`: 1 to 100.
    pub max_results: Option<i32>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
    /// `IncludeDeprecated`.
    pub include_deprecated: Option<bool>,
}

impl Shape for ListSecretVersionIdsRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let max_results = from.optional("MaxResults", "maxResults", &forms::MAX_RESULTS_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;
        let include_deprecated =
            from.optional("IncludeDeprecated", "includeDeprecated", &forms::BOOLEAN_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id, max_results, next_token, include_deprecated }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::optional(writer, "MaxResults", "maxResults", &forms::MAX_RESULTS_TYPE, self.max_results.as_ref());
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());
        writer::optional(
            writer,
            "IncludeDeprecated",
            "includeDeprecated",
            &forms::BOOLEAN_TYPE,
            self.include_deprecated.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `ListSecrets`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListSecretsRequest {
    /// `IncludePlannedDeletion`.
    pub include_planned_deletion: Option<bool>,
    /// `MaxResults`: 1 to 100.
    pub max_results: Option<i32>,
    /// `NextToken`: 1 to 4096 characters.
    pub next_token: Option<String>,
    /// `Filters`: at most 10 entries.
    pub filters: Option<Vec<Filter>>,
    /// `SortOrder`.
    pub sort_order: Option<SortOrderType>,
    /// `SortBy`.
    pub sort_by: Option<SortByType>,
}

impl Shape for ListSecretsRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let include_planned_deletion =
            from.optional("IncludePlannedDeletion", "includePlannedDeletion", &forms::BOOLEAN_TYPE, reading)?;
        let max_results = from.optional("MaxResults", "maxResults", &forms::MAX_RESULTS_TYPE, reading)?;
        let next_token = from.optional("NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, reading)?;
        let filters = from.optional("Filters", "filters", &forms::FILTERS_LIST_TYPE, reading)?;
        let sort_order = from.optional("SortOrder", "sortOrder", &forms::SORT_ORDER_TYPE, reading)?;
        let sort_by = from.optional("SortBy", "sortBy", &forms::SORT_BY_TYPE, reading)?;

        Ok(Some(Self { include_planned_deletion, max_results, next_token, filters, sort_order, sort_by }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(
            writer,
            "IncludePlannedDeletion",
            "includePlannedDeletion",
            &forms::BOOLEAN_TYPE,
            self.include_planned_deletion.as_ref(),
        );
        writer::optional(writer, "MaxResults", "maxResults", &forms::MAX_RESULTS_TYPE, self.max_results.as_ref());
        writer::optional(writer, "NextToken", "nextToken", &forms::NEXT_TOKEN_TYPE, self.next_token.as_ref());
        writer::optional(writer, "Filters", "filters", &forms::FILTERS_LIST_TYPE, self.filters.as_ref());
        writer::optional(writer, "SortOrder", "sortOrder", &forms::SORT_ORDER_TYPE, self.sort_order.as_ref());
        writer::optional(writer, "SortBy", "sortBy", &forms::SORT_BY_TYPE, self.sort_by.as_ref());

        writer.end_structure();
    }
}

/// Input of `PutResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PutResourcePolicyRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `ResourcePolicy`, required: 1 to 20480 characters.
    pub resource_policy: String,
    /// `PolicyName`: 1 to 64 characters, `[0-9A-Za-z\-\_]+`.
    pub policy_name: Option<String>,
    /// `BlockPublicPolicy`.
    pub block_public_policy: Option<bool>,
}

impl Shape for PutResourcePolicyRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let resource_policy =
            from.required("ResourcePolicy", "resourcePolicy", &forms::NON_EMPTY_RESOURCE_POLICY_TYPE, reading)?;
        let policy_name = from.optional("PolicyName", "policyName", &forms::RESOURCE_POLICY_NAME_TYPE, reading)?;
        let block_public_policy =
            from.optional("BlockPublicPolicy", "blockPublicPolicy", &forms::BOOLEAN_TYPE, reading)?;

        let (Some(secret_id), Some(resource_policy)) = (secret_id, resource_policy) else { return Ok(None) };
        Ok(Some(Self { secret_id, resource_policy, policy_name, block_public_policy }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(
            writer,
            "ResourcePolicy",
            "resourcePolicy",
            &forms::NON_EMPTY_RESOURCE_POLICY_TYPE,
            &self.resource_policy,
        );
        writer::optional(
            writer,
            "PolicyName",
            "policyName",
            &forms::RESOURCE_POLICY_NAME_TYPE,
            self.policy_name.as_ref(),
        );
        writer::optional(
            writer,
            "BlockPublicPolicy",
            "blockPublicPolicy",
            &forms::BOOLEAN_TYPE,
            self.block_public_policy.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `PutSecretValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PutSecretValueRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `ClientRequestToken`: 32 to 64 characters.
    pub client_request_token: Option<String>,
    /// `SecretBinary`: 1 to 65536 bytes.
    pub secret_binary: Option<SecretBytes>,
    /// `SecretString`: 1 to 65536 characters.
    pub secret_string: Option<SecretText>,
    /// `VersionStages`: 1 to 20 entries.
    pub version_stages: Option<Vec<String>>,
    /// `RotationToken`: 36 to 256 characters, `^[a-zA-Z0-9\-]+$`.
    pub rotation_token: Option<SecretText>,
}

impl Shape for PutSecretValueRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let client_request_token =
            from.optional("ClientRequestToken", "clientRequestToken", &forms::CLIENT_REQUEST_TOKEN_TYPE, reading)?;
        let secret_binary = from.optional("SecretBinary", "secretBinary", &forms::SECRET_BINARY_TYPE, reading)?;
        let secret_string = from.optional("SecretString", "secretString", &forms::SECRET_STRING_TYPE, reading)?;
        let version_stages =
            from.optional("VersionStages", "versionStages", &forms::SECRET_VERSION_STAGES_TYPE, reading)?;
        let rotation_token = from.optional("RotationToken", "rotationToken", &forms::ROTATION_TOKEN_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id, client_request_token, secret_binary, secret_string, version_stages, rotation_token }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::optional(
            writer,
            "ClientRequestToken",
            "clientRequestToken",
            &forms::CLIENT_REQUEST_TOKEN_TYPE,
            self.client_request_token.as_ref(),
        );
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
        writer::optional(
            writer,
            "RotationToken",
            "rotationToken",
            &forms::ROTATION_TOKEN_TYPE,
            self.rotation_token.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `RemoveRegionsFromReplication`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoveRegionsFromReplicationRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `RemoveReplicaRegions`, required: at least 1 entries.
    pub remove_replica_regions: Vec<String>,
}

impl Shape for RemoveRegionsFromReplicationRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let remove_replica_regions = from.required(
            "RemoveReplicaRegions",
            "removeReplicaRegions",
            &forms::REMOVE_REPLICA_REGION_LIST_TYPE,
            reading,
        )?;

        let (Some(secret_id), Some(remove_replica_regions)) = (secret_id, remove_replica_regions) else {
            return Ok(None);
        };
        Ok(Some(Self { secret_id, remove_replica_regions }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(
            writer,
            "RemoveReplicaRegions",
            "removeReplicaRegions",
            &forms::REMOVE_REPLICA_REGION_LIST_TYPE,
            &self.remove_replica_regions,
        );

        writer.end_structure();
    }
}

/// Input of `ReplicateSecretToRegions`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicateSecretToRegionsRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `AddReplicaRegions`, required: at least 1 entries.
    pub add_replica_regions: Vec<ReplicaRegionType>,
    /// `ForceOverwriteReplicaSecret`.
    pub force_overwrite_replica_secret: Option<bool>,
}

impl Shape for ReplicateSecretToRegionsRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let add_replica_regions =
            from.required("AddReplicaRegions", "addReplicaRegions", &forms::ADD_REPLICA_REGION_LIST_TYPE, reading)?;
        let force_overwrite_replica_secret =
            from.optional("ForceOverwriteReplicaSecret", "forceOverwriteReplicaSecret", &forms::BOOLEAN_TYPE, reading)?;

        let (Some(secret_id), Some(add_replica_regions)) = (secret_id, add_replica_regions) else { return Ok(None) };
        Ok(Some(Self { secret_id, add_replica_regions, force_overwrite_replica_secret }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(
            writer,
            "AddReplicaRegions",
            "addReplicaRegions",
            &forms::ADD_REPLICA_REGION_LIST_TYPE,
            &self.add_replica_regions,
        );
        writer::optional(
            writer,
            "ForceOverwriteReplicaSecret",
            "forceOverwriteReplicaSecret",
            &forms::BOOLEAN_TYPE,
            self.force_overwrite_replica_secret.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `RestoreSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestoreSecretRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
}

impl Shape for RestoreSecretRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);

        writer.end_structure();
    }
}

/// Input of `RotateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RotateSecretRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `ClientRequestToken`: 32 to 64 characters.
    pub client_request_token: Option<String>,
    /// `RotationLambdaARN`: 0 to 2048 characters.
    pub rotation_lambda_arn: Option<String>,
    /// `RotationRules`.
    pub rotation_rules: Option<RotationRulesType>,
    /// `ExternalSecretRotationMetadata`.
    pub external_secret_rotation_metadata: Option<Vec<ExternalSecretRotationMetadataItem>>,
    /// `ExternalSecretRotationRoleArn`: 20 to 2048 characters.
    pub external_secret_rotation_role_arn: Option<String>,
    /// `RotateImmediately`.
    pub rotate_immediately: Option<bool>,
}

impl Shape for RotateSecretRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let client_request_token =
            from.optional("ClientRequestToken", "clientRequestToken", &forms::CLIENT_REQUEST_TOKEN_TYPE, reading)?;
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
        let rotate_immediately =
            from.optional("RotateImmediately", "rotateImmediately", &forms::BOOLEAN_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self {
            secret_id,
            client_request_token,
            rotation_lambda_arn,
            rotation_rules,
            external_secret_rotation_metadata,
            external_secret_rotation_role_arn,
            rotate_immediately,
        }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::optional(
            writer,
            "ClientRequestToken",
            "clientRequestToken",
            &forms::CLIENT_REQUEST_TOKEN_TYPE,
            self.client_request_token.as_ref(),
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
            "RotateImmediately",
            "rotateImmediately",
            &forms::BOOLEAN_TYPE,
            self.rotate_immediately.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `StopReplicationToReplica`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopReplicationToReplicaRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
}

impl Shape for StopReplicationToReplicaRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self { secret_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);

        writer.end_structure();
    }
}

/// Input of `TagResource`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagResourceRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `Tags`, required.
    pub tags: Vec<Tag>,
}

impl Shape for TagResourceRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let tags = from.required("Tags", "tags", &forms::TAG_LIST_TYPE, reading)?;

        let (Some(secret_id), Some(tags)) = (secret_id, tags) else { return Ok(None) };
        Ok(Some(Self { secret_id, tags }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(writer, "Tags", "tags", &forms::TAG_LIST_TYPE, &self.tags);

        writer.end_structure();
    }
}

/// Input of `UntagResource`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UntagResourceRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `TagKeys`, required.
    pub tag_keys: Vec<String>,
}

impl Shape for UntagResourceRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let tag_keys = from.required("TagKeys", "tagKeys", &forms::TAG_KEY_LIST_TYPE, reading)?;

        let (Some(secret_id), Some(tag_keys)) = (secret_id, tag_keys) else { return Ok(None) };
        Ok(Some(Self { secret_id, tag_keys }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(writer, "TagKeys", "tagKeys", &forms::TAG_KEY_LIST_TYPE, &self.tag_keys);

        writer.end_structure();
    }
}

/// Input of `UpdateSecret`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateSecretRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `ClientRequestToken`: 32 to 64 characters.
    pub client_request_token: Option<String>,
    /// `Description`: at most 2048 characters.
    pub description: Option<String>,
    /// `KmsKeyId`: 0 to 2048 characters.
    pub kms_key_id: Option<String>,
    /// `SecretBinary`: 1 to 65536 bytes.
    pub secret_binary: Option<SecretBytes>,
    /// `SecretString`: 1 to 65536 characters.
    pub secret_string: Option<SecretText>,
    /// `Type`: 0 to 256 characters.
    pub r#type: Option<String>,
}

impl Shape for UpdateSecretRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let client_request_token =
            from.optional("ClientRequestToken", "clientRequestToken", &forms::CLIENT_REQUEST_TOKEN_TYPE, reading)?;
        let description = from.optional("Description", "description", &forms::DESCRIPTION_TYPE, reading)?;
        let kms_key_id = from.optional("KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, reading)?;
        let secret_binary = from.optional("SecretBinary", "secretBinary", &forms::SECRET_BINARY_TYPE, reading)?;
        let secret_string = from.optional("SecretString", "secretString", &forms::SECRET_STRING_TYPE, reading)?;
        let r#type = from.optional("Type", "type", &forms::MEDEA_TYPE_TYPE, reading)?;

        let Some(secret_id) = secret_id else { return Ok(None) };
        Ok(Some(Self {
            secret_id,
            client_request_token,
            description,
            kms_key_id,
            secret_binary,
            secret_string,
            r#type,
        }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::optional(
            writer,
            "ClientRequestToken",
            "clientRequestToken",
            &forms::CLIENT_REQUEST_TOKEN_TYPE,
            self.client_request_token.as_ref(),
        );
        writer::optional(writer, "Description", "description", &forms::DESCRIPTION_TYPE, self.description.as_ref());
        writer::optional(writer, "KmsKeyId", "kmsKeyId", &forms::KMS_KEY_ID_TYPE, self.kms_key_id.as_ref());
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
        writer::optional(writer, "Type", "type", &forms::MEDEA_TYPE_TYPE, self.r#type.as_ref());

        writer.end_structure();
    }
}

/// Input of `UpdateSecretVersionStage`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateSecretVersionStageRequest {
    /// `SecretId`, required: 1 to 2048 characters.
    pub secret_id: String,
    /// `VersionStage`, required: 1 to 256 characters.
    pub version_stage: String,
    /// `RemoveFromVersionId`: 32 to 64 characters.
    pub remove_from_version_id: Option<String>,
    /// `MoveToVersionId`: 32 to 64 characters.
    pub move_to_version_id: Option<String>,
}

impl Shape for UpdateSecretVersionStageRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.required("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let version_stage =
            from.required("VersionStage", "versionStage", &forms::SECRET_VERSION_STAGE_TYPE, reading)?;
        let remove_from_version_id =
            from.optional("RemoveFromVersionId", "removeFromVersionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;
        let move_to_version_id =
            from.optional("MoveToVersionId", "moveToVersionId", &forms::SECRET_VERSION_ID_TYPE, reading)?;

        let (Some(secret_id), Some(version_stage)) = (secret_id, version_stage) else { return Ok(None) };
        Ok(Some(Self { secret_id, version_stage, remove_from_version_id, move_to_version_id }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::required(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, &self.secret_id);
        writer::required(
            writer,
            "VersionStage",
            "versionStage",
            &forms::SECRET_VERSION_STAGE_TYPE,
            &self.version_stage,
        );
        writer::optional(
            writer,
            "RemoveFromVersionId",
            "removeFromVersionId",
            &forms::SECRET_VERSION_ID_TYPE,
            self.remove_from_version_id.as_ref(),
        );
        writer::optional(
            writer,
            "MoveToVersionId",
            "moveToVersionId",
            &forms::SECRET_VERSION_ID_TYPE,
            self.move_to_version_id.as_ref(),
        );

        writer.end_structure();
    }
}

/// Input of `ValidateResourcePolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValidateResourcePolicyRequest {
    /// `SecretId`: 1 to 2048 characters.
    pub secret_id: Option<String>,
    /// `ResourcePolicy`, required: 1 to 20480 characters.
    pub resource_policy: String,
}

impl Shape for ValidateResourcePolicyRequest {
    fn decode(node: Node<'_>, reading: &mut Reading) -> Result<Option<Self>, ServiceError> {
        let mut from = reading.structure(node)?;
        let secret_id = from.optional("SecretId", "secretId", &forms::SECRET_ID_TYPE, reading)?;
        let resource_policy =
            from.required("ResourcePolicy", "resourcePolicy", &forms::NON_EMPTY_RESOURCE_POLICY_TYPE, reading)?;

        let Some(resource_policy) = resource_policy else { return Ok(None) };
        Ok(Some(Self { secret_id, resource_policy }))
    }

    fn encode(&self, writer: &mut dyn Writer) {
        writer.begin_structure();
        writer::optional(writer, "SecretId", "secretId", &forms::SECRET_ID_TYPE, self.secret_id.as_ref());
        writer::required(
            writer,
            "ResourcePolicy",
            "resourcePolicy",
            &forms::NON_EMPTY_RESOURCE_POLICY_TYPE,
            &self.resource_policy,
        );

        writer.end_structure();
    }
}
