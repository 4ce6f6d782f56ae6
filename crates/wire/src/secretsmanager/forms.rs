//! The forms of values, with their constraints of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

use super::enums::{FilterNameStringType, ReplicaRestrictionType, SortByType, SortOrderType, StatusType};
use super::shapes::{
    APIErrorType, CrossAccountPrimaryType, CrossAccountReplicaEntry, ExternalSecretRotationMetadataItem, Filter,
    ReplicaRegionType, ReplicationStatusType, ResourcePolicySummary, RotationRulesType, SecretListEntry,
    SecretValueEntry, SecretVersionsListEntry, Tag, ValidationErrorsEntry,
};
use crate::forms::{
    Boolean, Bounds, Choice, Integer, List, Long, Map, SecretBlob, SecretString, Structure, Text, Timestamp,
};
use crate::pattern::Pattern;

pub(super) static API_ERROR_LIST_TYPE: List<Structure<APIErrorType>> = List::new(&API_ERROR_TYPE, Bounds::NONE);

pub(super) static API_ERROR_TYPE: Structure<APIErrorType> = Structure::NEW;

pub(super) static ADD_REPLICA_REGION_LIST_TYPE: List<Structure<ReplicaRegionType>> =
    List::new(&REPLICA_REGION_TYPE, Bounds::new(Some(1), None));

pub(super) static AUTOMATICALLY_ROTATE_AFTER_DAYS_TYPE: Long = Long::new(Bounds::new(Some(1), Some(1000)));

pub(super) static BOOLEAN_TYPE: Boolean = Boolean;

pub(super) static CLIENT_REQUEST_TOKEN_TYPE: Text = Text::new(Bounds::new(Some(32), Some(64)), None);

pub(super) static CREATED_DATE_TYPE: Timestamp = Timestamp;

pub(super) static CROSS_ACCOUNT_PRIMARY_TYPE: Structure<CrossAccountPrimaryType> = Structure::NEW;

pub(super) static CROSS_ACCOUNT_REPLICA_ENTRY: Structure<CrossAccountReplicaEntry> = Structure::NEW;

pub(super) static CROSS_ACCOUNT_REPLICA_LIST_TYPE: List<Structure<CrossAccountReplicaEntry>> =
    List::new(&CROSS_ACCOUNT_REPLICA_ENTRY, Bounds::new(Some(1), Some(100)));

pub(super) static DELETED_DATE_TYPE: Timestamp = Timestamp;

pub(super) static DELETION_DATE_TYPE: Timestamp = Timestamp;

pub(super) static DESCRIPTION_TYPE: Text = Text::new(Bounds::new(None, Some(2048)), None);

static DURATION_TYPE_PATTERN: Pattern = Pattern::new("[0-9]+h");

pub(super) static DURATION_TYPE: Text = Text::new(Bounds::new(Some(2), Some(3)), Some(&DURATION_TYPE_PATTERN));

pub(super) static ERROR_CODE: Text = Text::new(Bounds::NONE, None);

pub(super) static ERROR_MESSAGE: Text = Text::new(Bounds::NONE, None);

pub(super) static EXCLUDE_CHARACTERS_TYPE: Text = Text::new(Bounds::new(Some(0), Some(4096)), None);

pub(super) static EXCLUDE_LOWERCASE_TYPE: Boolean = Boolean;

pub(super) static EXCLUDE_NUMBERS_TYPE: Boolean = Boolean;

pub(super) static EXCLUDE_PUNCTUATION_TYPE: Boolean = Boolean;

pub(super) static EXCLUDE_UPPERCASE_TYPE: Boolean = Boolean;

pub(super) static EXTERNAL_SECRET_ROTATION_METADATA_ITEM: Structure<ExternalSecretRotationMetadataItem> =
    Structure::NEW;

pub(super) static EXTERNAL_SECRET_ROTATION_METADATA_ITEM_KEY_TYPE: Text =
    Text::new(Bounds::new(Some(1), Some(256)), None);

pub(super) static EXTERNAL_SECRET_ROTATION_METADATA_ITEM_VALUE_TYPE: Text =
    Text::new(Bounds::new(Some(1), Some(2048)), None);

pub(super) static EXTERNAL_SECRET_ROTATION_METADATA_TYPE: List<Structure<ExternalSecretRotationMetadataItem>> =
    List::new(&EXTERNAL_SECRET_ROTATION_METADATA_ITEM, Bounds::NONE);

pub(super) static FILTER: Structure<Filter> = Structure::NEW;

pub(super) static FILTER_NAME_STRING_TYPE: Choice<FilterNameStringType> = Choice::NEW;

static FILTER_VALUE_STRING_TYPE_PATTERN: Pattern = Pattern::new("^\\!?[a-zA-Z0-9 :_@\\/\\+\\=\\.\\-\\!]*$");

pub(super) static FILTER_VALUE_STRING_TYPE: Text =
    Text::new(Bounds::new(None, Some(512)), Some(&FILTER_VALUE_STRING_TYPE_PATTERN));

pub(super) static FILTER_VALUES_STRING_LIST: List<Text> =
    List::new(&FILTER_VALUE_STRING_TYPE, Bounds::new(Some(1), Some(10)));

pub(super) static FILTERS_LIST_TYPE: List<Structure<Filter>> = List::new(&FILTER, Bounds::new(None, Some(10)));

pub(super) static INCLUDE_SPACE_TYPE: Boolean = Boolean;

pub(super) static KMS_KEY_ID_LIST_TYPE: List<Text> = List::new(&KMS_KEY_ID_TYPE, Bounds::NONE);

pub(super) static KMS_KEY_ID_TYPE: Text = Text::new(Bounds::new(Some(0), Some(2048)), None);

pub(super) static LAST_ACCESSED_DATE_TYPE: Timestamp = Timestamp;

pub(super) static LAST_CHANGED_DATE_TYPE: Timestamp = Timestamp;

pub(super) static LAST_ROTATED_DATE_TYPE: Timestamp = Timestamp;

pub(super) static MAX_RESULTS_BATCH_TYPE: Integer = Integer::new(Bounds::new(Some(1), Some(20)));

pub(super) static MAX_RESULTS_TYPE: Integer = Integer::new(Bounds::new(Some(1), Some(100)));

pub(super) static MEDEA_TYPE_TYPE: Text = Text::new(Bounds::new(Some(0), Some(256)), None);

pub(super) static NAME_TYPE: Text = Text::new(Bounds::new(Some(1), Some(512)), None);

pub(super) static NEXT_ROTATION_DATE_TYPE: Timestamp = Timestamp;

pub(super) static NEXT_TOKEN_TYPE: Text = Text::new(Bounds::new(Some(1), Some(4096)), None);

pub(super) static NON_EMPTY_RESOURCE_POLICY_TYPE: Text = Text::new(Bounds::new(Some(1), Some(20480)), None);

pub(super) static OWNING_SERVICE_TYPE: Text = Text::new(Bounds::new(Some(1), Some(128)), None);

pub(super) static PASSWORD_LENGTH_TYPE: Long = Long::new(Bounds::new(Some(1), Some(4096)));

pub(super) static RANDOM_PASSWORD_TYPE: SecretString = SecretString::new(Bounds::new(Some(0), Some(4096)), None);

pub(super) static RECOVERY_WINDOW_IN_DAYS_TYPE: Long = Long::new(Bounds::NONE);

static REGION_TYPE_PATTERN: Pattern = Pattern::new("^([a-z]+-)+\\d+$");

pub(super) static REGION_TYPE: Text = Text::new(Bounds::new(Some(1), Some(128)), Some(&REGION_TYPE_PATTERN));

pub(super) static REMOVE_REPLICA_REGION_LIST_TYPE: List<Text> = List::new(&REGION_TYPE, Bounds::new(Some(1), None));

pub(super) static REPLICA_REGION_TYPE: Structure<ReplicaRegionType> = Structure::NEW;

pub(super) static REPLICA_RESTRICTION_TYPE: Choice<ReplicaRestrictionType> = Choice::NEW;

pub(super) static REPLICATION_STATUS_LIST_TYPE: List<Structure<ReplicationStatusType>> =
    List::new(&REPLICATION_STATUS_TYPE, Bounds::NONE);

pub(super) static REPLICATION_STATUS_TYPE: Structure<ReplicationStatusType> = Structure::NEW;

pub(super) static REQUIRE_EACH_INCLUDED_TYPE_TYPE: Boolean = Boolean;

static RESOURCE_POLICY_NAME_TYPE_PATTERN: Pattern = Pattern::new("[0-9A-Za-z\\-\\_]+");

pub(super) static RESOURCE_POLICY_NAME_TYPE: Text =
    Text::new(Bounds::new(Some(1), Some(64)), Some(&RESOURCE_POLICY_NAME_TYPE_PATTERN));

pub(super) static RESOURCE_POLICY_SUMMARY: Structure<ResourcePolicySummary> = Structure::NEW;

pub(super) static RESOURCE_POLICY_SUMMARY_LIST_TYPE: List<Structure<ResourcePolicySummary>> =
    List::new(&RESOURCE_POLICY_SUMMARY, Bounds::new(Some(0), Some(100)));

pub(super) static ROLE_ARN_TYPE: Text = Text::new(Bounds::new(Some(20), Some(2048)), None);

pub(super) static ROTATION_ENABLED_TYPE: Boolean = Boolean;

pub(super) static ROTATION_LAMBDA_ARN_TYPE: Text = Text::new(Bounds::new(Some(0), Some(2048)), None);

pub(super) static ROTATION_RULES_TYPE: Structure<RotationRulesType> = Structure::NEW;

static ROTATION_TOKEN_TYPE_PATTERN: Pattern = Pattern::new("^[a-zA-Z0-9\\-]+$");

pub(super) static ROTATION_TOKEN_TYPE: SecretString =
    SecretString::new(Bounds::new(Some(36), Some(256)), Some(&ROTATION_TOKEN_TYPE_PATTERN));

static SCHEDULE_EXPRESSION_TYPE_PATTERN: Pattern = Pattern::new("[0-9A-Za-z\\(\\)#\\?\\*\\-\\/, ]+");

pub(super) static SCHEDULE_EXPRESSION_TYPE: Text =
    Text::new(Bounds::new(Some(1), Some(256)), Some(&SCHEDULE_EXPRESSION_TYPE_PATTERN));

pub(super) static SECRET_ARN_TYPE: Text = Text::new(Bounds::new(Some(20), Some(2048)), None);

pub(super) static SECRET_BINARY_TYPE: SecretBlob = SecretBlob::new(Bounds::new(Some(1), Some(65536)));

pub(super) static SECRET_ID_LIST_TYPE: List<Text> = List::new(&SECRET_ID_TYPE, Bounds::new(Some(1), Some(20)));

pub(super) static SECRET_ID_TYPE: Text = Text::new(Bounds::new(Some(1), Some(2048)), None);

pub(super) static SECRET_LIST_ENTRY: Structure<SecretListEntry> = Structure::NEW;

pub(super) static SECRET_LIST_TYPE: List<Structure<SecretListEntry>> = List::new(&SECRET_LIST_ENTRY, Bounds::NONE);

pub(super) static SECRET_NAME_TYPE: Text = Text::new(Bounds::new(Some(1), Some(256)), None);

pub(super) static SECRET_STRING_TYPE: SecretString = SecretString::new(Bounds::new(Some(1), Some(65536)), None);

pub(super) static SECRET_VALUE_ENTRY: Structure<SecretValueEntry> = Structure::NEW;

pub(super) static SECRET_VALUES_TYPE: List<Structure<SecretValueEntry>> = List::new(&SECRET_VALUE_ENTRY, Bounds::NONE);

pub(super) static SECRET_VERSION_ID_TYPE: Text = Text::new(Bounds::new(Some(32), Some(64)), None);

pub(super) static SECRET_VERSION_STAGE_TYPE: Text = Text::new(Bounds::new(Some(1), Some(256)), None);

pub(super) static SECRET_VERSION_STAGES_TYPE: List<Text> =
    List::new(&SECRET_VERSION_STAGE_TYPE, Bounds::new(Some(1), Some(20)));

pub(super) static SECRET_VERSIONS_LIST_ENTRY: Structure<SecretVersionsListEntry> = Structure::NEW;

pub(super) static SECRET_VERSIONS_LIST_TYPE: List<Structure<SecretVersionsListEntry>> =
    List::new(&SECRET_VERSIONS_LIST_ENTRY, Bounds::NONE);

pub(super) static SECRET_VERSIONS_TO_STAGES_MAP_TYPE: Map<Text, List<Text>> =
    Map::new(&SECRET_VERSION_ID_TYPE, &SECRET_VERSION_STAGES_TYPE, Bounds::NONE);

pub(super) static SORT_BY_TYPE: Choice<SortByType> = Choice::NEW;

pub(super) static SORT_ORDER_TYPE: Choice<SortOrderType> = Choice::NEW;

pub(super) static STATUS_MESSAGE_TYPE: Text = Text::new(Bounds::new(Some(1), Some(4096)), None);

pub(super) static STATUS_TYPE: Choice<StatusType> = Choice::NEW;

pub(super) static TAG: Structure<Tag> = Structure::NEW;

pub(super) static TAG_KEY_LIST_TYPE: List<Text> = List::new(&TAG_KEY_TYPE, Bounds::NONE);

pub(super) static TAG_KEY_TYPE: Text = Text::new(Bounds::new(Some(1), Some(128)), None);

pub(super) static TAG_LIST_TYPE: List<Structure<Tag>> = List::new(&TAG, Bounds::NONE);

pub(super) static TAG_VALUE_TYPE: Text = Text::new(Bounds::new(Some(0), Some(256)), None);

pub(super) static TIMESTAMP_TYPE: Timestamp = Timestamp;

pub(super) static VALIDATION_ERRORS_ENTRY: Structure<ValidationErrorsEntry> = Structure::NEW;

pub(super) static VALIDATION_ERRORS_TYPE: List<Structure<ValidationErrorsEntry>> =
    List::new(&VALIDATION_ERRORS_ENTRY, Bounds::NONE);
