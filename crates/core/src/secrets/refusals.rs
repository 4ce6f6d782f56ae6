//! Every refusal of the secrets' operations, with AWS's code and text, in one place (specification §3 and §4).
//! Texts that nobody could confirm are marked.

use strongroom_policy::{Malformed, Problem};
use strongroom_wire::error::{ACCESS_DENIED, ServiceError};
use strongroom_wire::secretsmanager::errors as codes;

use crate::error::Error;

/// The text for principals that a policy cannot name.
const UNSUPPORTED_PRINCIPAL: &str = "This resource policy contains an unsupported principal.";

/// No such secret, or none that this caller may know of.
#[must_use]
pub fn not_found() -> Error {
    Error::refused(codes::RESOURCE_NOT_FOUND_EXCEPTION, "Secrets Manager can't find the specified secret.")
}

/// No version carries the label.
#[must_use]
pub fn no_value_for_stage(stage: &str) -> Error {
    let text = format!("Secrets Manager can't find the specified secret value for staging label: {stage}");
    Error::refused(codes::RESOURCE_NOT_FOUND_EXCEPTION, text)
}

/// No version has the id, or it has no value.
#[must_use]
pub fn no_value_for_version(version_id: &str) -> Error {
    let text = format!("Secrets Manager can't find the specified secret value for VersionId: {version_id}");
    Error::refused(codes::RESOURCE_NOT_FOUND_EXCEPTION, text)
}

/// Both selectors were given and name different versions.
#[must_use]
pub fn selectors_disagree() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You provided a VersionStage that is not associated to the provided VersionId.",
    )
}

/// The secret is in its recovery window.
#[must_use]
pub fn marked_for_deletion() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
}

/// DeleteSecret on a secret whose deletion is scheduled (text unconfirmed).
#[must_use]
pub fn deletion_already_scheduled() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You tried to perform the operation on a secret that's currently marked deleted.",
    )
}

/// CreateSecret with the name of a secret in its recovery window.
#[must_use]
pub fn name_scheduled_for_deletion() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    )
}

/// CreateSecret with a name in use.
#[must_use]
pub fn exists(name: &str) -> Error {
    let text = format!("The operation failed because the secret {name} already exists.");
    Error::refused(codes::RESOURCE_EXISTS_EXCEPTION, text)
}

/// A request token that a version with other content already has.
#[must_use]
pub fn token_in_use(token: &str, arn: &str) -> Error {
    let text = format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
    );
    Error::refused(codes::RESOURCE_EXISTS_EXCEPTION, text)
}

/// A value without a request token, which only a hand-made request can send (unconfirmed).
#[must_use]
pub fn token_missing() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
    )
}

/// Both kinds of value at once.
#[must_use]
pub fn two_values() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "You can't specify both a binary secret value and a string secret value in the same secret.",
    )
}

/// PutSecretValue without a value.
#[must_use]
pub fn no_value() -> Error {
    Error::refused(codes::INVALID_REQUEST_EXCEPTION, "You must provide either SecretString or SecretBinary.")
}

/// A value longer than a secret may be, in bytes. The form is that of the model's own constraint.
#[must_use]
pub fn value_too_long() -> Error {
    Error::refused(
        strongroom_wire::error::VALIDATION,
        "1 validation error detected: Value at 'secretString' failed to satisfy constraint: \
         Member must have length less than or equal to 65536",
    )
}

/// A name with characters that names may not have.
#[must_use]
pub fn invalid_name() -> Error {
    Error::refused(
        strongroom_wire::error::VALIDATION,
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    )
}

/// More labels than a secret may have (text unconfirmed).
#[must_use]
pub fn too_many_stages(most: u32) -> Error {
    let text = format!("You can't attach more than {most} staging labels to a secret.");
    Error::refused(codes::LIMIT_EXCEEDED_EXCEPTION, text)
}

/// More secrets than an account may have in a region (text unconfirmed).
#[must_use]
pub fn too_many_secrets(most: u64) -> Error {
    let text = format!("You can't create more than {most} secrets in an account and Region.");
    Error::refused(codes::LIMIT_EXCEEDED_EXCEPTION, text)
}

/// More versions than a secret may have, none old enough to be pruned (text unconfirmed).
#[must_use]
pub fn too_many_versions(most: u32) -> Error {
    let text = format!("You can't create more than {most} versions of a secret within 24 hours.");
    Error::refused(codes::LIMIT_EXCEEDED_EXCEPTION, text)
}

/// A version id that the secret does not have (text unconfirmed).
#[must_use]
pub fn unknown_version(version_id: &str) -> Error {
    let text = format!("Secrets Manager can't find the specified secret version: {version_id}");
    Error::refused(codes::RESOURCE_NOT_FOUND_EXCEPTION, text)
}

/// UpdateSecretVersionStage that neither removes nor moves (text unconfirmed).
#[must_use]
pub fn no_move() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "You must provide a value for RemoveFromVersionId, MoveToVersionId, or both.",
    )
}

/// A label that is attached elsewhere, moved without naming its holder.
#[must_use]
pub fn must_remove_from(stage: &str, holder: &str) -> Error {
    let text = format!(
        "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version \
         {holder}, so you must explicitly reference that version in RemoveFromVersionId."
    );
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text)
}

/// A label removed from a version that does not carry it (text unconfirmed).
#[must_use]
pub fn stage_not_on_version(stage: &str, version_id: &str) -> Error {
    let text = format!("Staging label {stage} is not attached to version {version_id}.");
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text)
}

/// AWSCURRENT may move, never vanish. The apostrophe is AWS's.
#[must_use]
pub fn current_cannot_go() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "You can only move staging label AWSCURRENT to a different secret version. It can\u{2019}t be completely removed.",
    )
}

/// AWSCURRENT on a version without a value (text unconfirmed).
#[must_use]
pub fn current_needs_value(version_id: &str) -> Error {
    let text = format!("You can't move staging label AWSCURRENT to version {version_id} because it has no value.");
    Error::refused(codes::INVALID_REQUEST_EXCEPTION, text)
}

/// A recovery window outside 7 to 30 days.
#[must_use]
pub fn window_out_of_range() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
    )
}

/// A recovery window together with force.
#[must_use]
pub fn window_with_force() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    )
}

/// More tags than a secret may have (text unconfirmed).
#[must_use]
pub fn too_many_tags() -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, "You can't attach more than 50 tags to a secret.")
}

/// A tag key given twice (text unconfirmed).
#[must_use]
pub fn duplicate_tag() -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, "You can't specify the same tag key more than once.")
}

/// A tag key beside one that differs in case alone. AWS has both.
#[must_use]
pub fn tag_differs_in_case(key: &str, other: &str) -> Error {
    let text = format!(
        "You can't use the tag key {key} together with the tag key {other}: policies don't distinguish between upper and \
         lower case in tag keys."
    );
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text)
}

/// A tag key that AWS keeps for itself (text unconfirmed).
#[must_use]
pub fn reserved_tag() -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, "Tag keys that begin with aws: are reserved for AWS use.")
}

/// A page token that is not ours, or is another query's.
#[must_use]
pub fn invalid_page_token() -> Error {
    Error::refused(codes::INVALID_NEXT_TOKEN_EXCEPTION, "Invalid token")
}

/// A caller whom KMS does not let (specification §3.0).
#[must_use]
pub fn kms_denied() -> Error {
    Error::refused(ACCESS_DENIED, "Access to KMS is not allowed")
}

/// What KMS refused when a value was to be written. A key that cannot be used now gives EncryptionFailure; one that can
/// never be used, or is none, an invalid parameter (pairing of texts and codes unconfirmed).
#[must_use]
pub fn key_for_writing(error: Error) -> Error {
    of_kms(error, |refusal| match refusal.code.name {
        "DisabledException" | "KMSInvalidStateException" => {
            let text = "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that \
                        the KMS key is available, enabled, and not in an invalid state.";
            Error::refused(codes::ENCRYPTION_FAILURE, text)
        }
        "InvalidKeyUsageException" => invalid_key("Cannot generate a data key with an asymmetric KMS key"),
        _ => invalid_key(&refusal.message),
    })
}

/// What KMS refused when a value was to be read.
#[must_use]
pub fn key_for_reading(error: Error) -> Error {
    of_kms(error, |_| decryption_failed())
}

/// A refusal of KMS in the words of this service.
fn of_kms(error: Error, other: impl FnOnce(&ServiceError) -> Error) -> Error {
    match error {
        Error::Refused(refusal) if refusal.code == ACCESS_DENIED => kms_denied(),
        Error::Refused(refusal) => other(&refusal),
        fault => fault,
    }
}

fn invalid_key(reason: &str) -> Error {
    let text = format!("The operation failed because of an invalid KMS key: {reason}");
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text)
}

/// A value whose key cannot open it.
#[must_use]
pub fn decryption_failed() -> Error {
    Error::refused(
        codes::DECRYPTION_FAILURE,
        "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
    )
}

/// A member whose behaviour needs a part that this release does not have.
#[must_use]
pub fn not_offered(member: &str) -> Error {
    let text = format!("This version of Strongroom does not offer {member}.");
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text)
}

/// BatchGetSecretValue with both selectors (unconfirmed), or with neither.
#[must_use]
pub fn batch_selectors() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
    )
}

/// BatchGetSecretValue with a page size and no filter (unconfirmed).
#[must_use]
pub fn batch_page_without_filters() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
    )
}

/// A filter without values (text unconfirmed).
#[must_use]
pub fn filter_without_values() -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, "Invalid filter values: each filter needs at least one value.")
}

/// A resource policy that does not read as one.
#[must_use]
pub fn malformed_policy(malformed: &Malformed) -> Error {
    let text = match malformed.problem {
        Problem::Syntax => "This resource policy contains a syntax error.",
        Problem::Principal => UNSUPPORTED_PRINCIPAL,
        Problem::ServicePrincipal => "This resource policy contains an invalid service principal.",
    };
    Error::refused(codes::MALFORMED_POLICY_DOCUMENT_EXCEPTION, text)
}

/// A resource policy for a principal that is not there.
#[must_use]
pub fn unsupported_principal() -> Error {
    Error::refused(codes::MALFORMED_POLICY_DOCUMENT_EXCEPTION, UNSUPPORTED_PRINCIPAL)
}

/// A value under the default key, read from another account (specification §3.0).
#[must_use]
pub fn default_key_abroad() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service \
         key.",
    )
}

/// A change of tags that would cost its author permissions on the secret (text unconfirmed).
#[must_use]
pub fn cut_off(arn: &str, action: &str, secret: &str) -> Error {
    let text = format!(
        "User: {arn} is not authorized to perform: {action} on resource: {secret} because the tags would take away \
         permissions that the user has on the secret"
    );
    Error::refused(ACCESS_DENIED, text)
}

/// A resource policy that would lock its author out (code unconfirmed).
#[must_use]
pub fn lock_out() -> Error {
    let text = "Your requested changes will not allow you to manage this secret in the future.";
    Error::refused(codes::INVALID_REQUEST_EXCEPTION, text)
}

/// A resource policy that anybody could use, refused because BlockPublicPolicy was asked for.
#[must_use]
pub fn public_policy() -> Error {
    Error::refused(
        codes::PUBLIC_POLICY_EXCEPTION,
        "You can't attach a resource-based policy that allows broad access to the secret.",
    )
}

/// A name other than `default` for a policy that is put or deleted (text unconfirmed).
#[must_use]
pub fn policy_name_fixed() -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, "The PolicyName must be default.")
}

/// A policy name that the secret does not have (text unconfirmed).
#[must_use]
pub fn unknown_policy(name: &str) -> Error {
    let text = format!("Secrets Manager can't find the resource policy {name} of the specified secret.");
    Error::refused(codes::RESOURCE_NOT_FOUND_EXCEPTION, text)
}

/// What the service that owns a secret does alone (wording of the guide; AWS's own text is unconfirmed).
#[must_use]
pub fn managed() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "This secret is managed by an AWS service, and you must use that service to update it.",
    )
}

/// A name like those of secrets that a service owns (unconfirmed).
#[must_use]
pub fn name_of_service(service: &str) -> Error {
    let text =
        format!("You can't create a secret whose name begins with {service}!. Such secrets belong to the service.");
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text)
}

/// RotateSecret without a function, now or before.
#[must_use]
pub fn no_function() -> Error {
    Error::refused(codes::INVALID_REQUEST_EXCEPTION, "No Lambda rotation function ARN is associated with this secret.")
}

/// RotateSecret with a function and with what a managed external secret needs (unconfirmed).
#[must_use]
pub fn function_and_partner() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "You can't specify RotationLambdaARN together with ExternalSecretRotationMetadata or \
         ExternalSecretRotationRoleArn.",
    )
}

/// RotateSecret with what a managed external secret needs, of a secret that is none (unconfirmed).
#[must_use]
pub fn no_kind() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You can specify ExternalSecretRotationMetadata and ExternalSecretRotationRoleArn only for a managed external \
         secret. This secret has no Type.",
    )
}

/// RotateSecret of a managed external secret without a role (unconfirmed).
#[must_use]
pub fn no_role() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You must specify ExternalSecretRotationRoleArn to rotate a managed external secret.",
    )
}

/// An item of ExternalSecretRotationMetadata without a key or a value (unconfirmed).
#[must_use]
pub fn metadata_incomplete() -> Error {
    Error::refused(
        codes::INVALID_PARAMETER_EXCEPTION,
        "Each item of ExternalSecretRotationMetadata must have a Key and a Value.",
    )
}

/// ExternalSecretRotationMetadata with a key twice (unconfirmed).
#[must_use]
pub fn metadata_twice(key: &str) -> Error {
    let text = format!("ExternalSecretRotationMetadata has the key {key} more than once.");
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text)
}

/// A type that there is none of, or a value that a secret of its type cannot have (unconfirmed).
#[must_use]
pub fn wrong_kind(text: &str) -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text.to_owned())
}

/// UpdateSecret without the type that the secret's rotation needs (unconfirmed).
#[must_use]
pub fn kind_is_rotated() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "You can't remove the Type of a managed external secret that has a rotation. Give it a rotation function first.",
    )
}

/// RotateSecret while AWSPENDING stands on a version that is not AWSCURRENT.
#[must_use]
pub fn rotation_incomplete() -> Error {
    Error::refused(
        codes::INVALID_REQUEST_EXCEPTION,
        "A previous rotation isn't complete. That rotation will be reattempted.",
    )
}

/// RotationRules that are none; the text is the schedule's.
#[must_use]
pub fn wrong_rules(text: &str) -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, text.to_owned())
}

/// RotateSecret with the id of a version that is there (unconfirmed).
#[must_use]
pub fn rotation_token_in_use(token: &str, arn: &str) -> Error {
    let text = format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
    );
    Error::refused(codes::INVALID_REQUEST_EXCEPTION, text)
}

/// PutSecretValue with a RotationToken that was not given out for its version (unconfirmed).
#[must_use]
pub fn wrong_rotation_token() -> Error {
    Error::refused(codes::INVALID_PARAMETER_EXCEPTION, "The RotationToken is not valid for this version of the secret.")
}
