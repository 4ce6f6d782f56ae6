//! What KMS refuses, with AWS's codes and texts. Texts marked unconfirmed follow the form of their like.

use strongroom_types::Timestamp;
use strongroom_wire::error::{ACCESS_DENIED, THROTTLING, VALIDATION};
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::kms::{KeyState, KeyUsageType, errors};

use super::key::Key;
use crate::error::Error;

/// A key that still has no material, or no longer.
#[must_use]
pub fn pending_import(key: &Key) -> Error {
    state(&format!("{} is pending import.", key.arn()))
}

/// A key of a kind that an operation is not for.
#[must_use]
pub fn wrong_kind(key: &Key) -> Error {
    unsupported(&format!("You cannot perform this operation on a KMS key of this type: {}", key.arn()))
}

/// A key whose material is not imported.
#[must_use]
pub fn wrong_origin(key: &Key) -> Error {
    unsupported(&format!("{} origin is {} which is not valid for this operation.", key.arn(), key.origin.as_str()))
}

/// Material that is not the key's, or could be none of it.
#[must_use]
pub fn incorrect_material() -> Error {
    Error::Refused(errors::INCORRECT_KEY_MATERIAL_EXCEPTION.bare())
}

/// A further material while another one still waits for a rotation.
#[must_use]
pub fn other_material_pending(key: &Key, new: &str, pending: &str) -> Error {
    let arn = key.arn();
    state(&format!(
        "New key material (id: {new}) cannot be imported into KMS key {arn}, because another key material (id: {pending}) \
         is pending rotation."
    ))
}

/// Material that a key does not know. Unconfirmed.
#[must_use]
pub fn no_material(id: &str) -> Error {
    Error::refused(errors::NOT_FOUND_EXCEPTION, format!("Key material '{id}' does not exist"))
}

/// A public half that is none, or on another curve than the key. Unconfirmed.
#[must_use]
pub fn invalid_public_key() -> Error {
    invalid("The public key is not valid for this KMS key.")
}

/// A key that is not there, by its ARN.
#[must_use]
pub fn no_key(arn: &str) -> Error {
    Error::refused(errors::NOT_FOUND_EXCEPTION, format!("Key '{arn}' does not exist"))
}

/// An alias that is not there, by its ARN.
#[must_use]
pub fn no_alias(arn: &str) -> Error {
    Error::refused(errors::NOT_FOUND_EXCEPTION, format!("Alias {arn} is not found."))
}

/// What can be the id of no key.
#[must_use]
pub fn invalid_key_id(asked: &str) -> Error {
    Error::refused(errors::NOT_FOUND_EXCEPTION, format!("Invalid keyId '{asked}'"))
}

/// The ARN of a key of another region.
#[must_use]
pub fn invalid_arn(region: &str) -> Error {
    Error::refused(errors::NOT_FOUND_EXCEPTION, format!("Invalid arn {region}"))
}

/// An ARN that is none of KMS.
#[must_use]
pub fn not_an_arn(asked: &str) -> Error {
    Error::refused(errors::INVALID_ARN_EXCEPTION, format!("Invalid arn {asked}"))
}

/// A key that the caller may know nothing of, there or not.
#[must_use]
pub fn hidden(caller: &str, action: &str) -> Error {
    let text = format!(
        "User: {caller} is not authorized to perform: {action} on this resource because the resource does not exist in \
         this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
    );
    Error::refused(ACCESS_DENIED, text)
}

/// A key in a state in which it cannot be used so.
#[must_use]
pub fn wrong_state(key: &Key, now: Timestamp) -> Error {
    let arn = key.arn();
    match key.state(now) {
        KeyState::Disabled => Error::refused(errors::DISABLED_EXCEPTION, format!("{arn} is disabled.")),
        KeyState::PendingDeletion => state(&format!("{arn} is pending deletion.")),
        KeyState::PendingImport => state(&format!("{arn} is pending import.")),
        other => state(&format!("{arn} is {}.", other.as_str())),
    }
}

/// A key whose state does not allow something.
#[must_use]
pub fn state(text: &str) -> Error {
    Error::refused(errors::KMS_INVALID_STATE_EXCEPTION, text)
}

/// A key for another use.
#[must_use]
pub fn wrong_usage(key: &Key, operation: &str) -> Error {
    let text = format!("{} key usage is {} which is not valid for {operation}.", key.arn(), key.usage.as_str());
    Error::refused(errors::INVALID_KEY_USAGE_EXCEPTION, text)
}

/// An algorithm that the key does not have.
#[must_use]
pub fn wrong_algorithm(key: &Key, algorithm: &str) -> Error {
    let text = format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec.as_str());
    Error::refused(errors::INVALID_KEY_USAGE_EXCEPTION, text)
}

/// An encryption context for a key that has no place for one.
#[must_use]
pub fn no_encryption_context() -> Error {
    invalid("EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.")
}

/// More than an RSA key encrypts.
#[must_use]
pub fn too_long(key: &Key, algorithm: &str, bytes_max: usize) -> Error {
    let spec = key.spec.as_str();
    invalid(&format!("Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {bytes_max} bytes."))
}

/// A key spec that does not go with a usage.
#[must_use]
pub fn spec_and_usage(spec: &str, usage: KeyUsageType) -> Error {
    Error::refused(VALIDATION, format!("KeyUsage {} is not compatible with KeySpec {spec}", usage.as_str()))
}

/// What the key's kind does not do at all.
#[must_use]
pub fn unsupported(text: &str) -> Error {
    Error::refused(errors::UNSUPPORTED_OPERATION_EXCEPTION, text)
}

/// A blob that the key did not make, or not with this encryption context.
#[must_use]
pub fn invalid_ciphertext() -> Error {
    Error::Refused(errors::INVALID_CIPHERTEXT_EXCEPTION.bare())
}

/// A blob of another key than the one named.
#[must_use]
pub fn incorrect_key() -> Error {
    let text = "The key ID in the request does not identify a CMK that can perform this operation.";
    Error::refused(errors::INCORRECT_KEY_EXCEPTION, text)
}

/// An encryption context that is too long. AWS's text is unconfirmed.
#[must_use]
pub fn long_encryption_context(chars_max: usize) -> Error {
    invalid(&format!("The encryption context must have no more than {chars_max} characters."))
}

/// Anything that a member's form allows and its meaning does not.
#[must_use]
pub fn invalid(text: &str) -> Error {
    Error::refused(VALIDATION, text)
}

/// A member that is required in this request.
#[must_use]
pub fn is_null(member: &str) -> Error {
    invalid(&format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// An alias's name that does not begin as it has to.
#[must_use]
pub fn alias_prefix() -> Error {
    invalid(
        "Alias must start with the prefix \"alias/\". Please see \
         https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
    )
}

/// A name that only AWS's services may take. NotAuthorizedException is in no model; clients see it all the same.
#[must_use]
pub fn reserved_alias() -> Error {
    Error::refused(strongroom_wire::error::Code::new("NotAuthorizedException", 400), "")
}

/// An alias that was led to another key while it was being changed (text unconfirmed).
#[must_use]
pub fn alias_moved() -> Error {
    Error::refused(errors::CONFLICT_EXCEPTION, "The alias was changed by another request. Try again.")
}

/// An alias that is there already.
#[must_use]
pub fn alias_exists(arn: &str) -> Error {
    Error::refused(errors::ALREADY_EXISTS_EXCEPTION, format!("An alias with the name {arn} already exists"))
}

/// A text that is no key policy.
#[must_use]
pub fn malformed_policy(text: &str) -> Error {
    Error::refused(errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, text)
}

/// A key policy that nobody of the caller could change any more.
#[must_use]
pub fn lock_out() -> Error {
    malformed_policy("The new key policy will not allow you to update the key policy in the future.")
}

/// A key policy for somebody who is not there.
#[must_use]
pub fn invalid_principal() -> Error {
    malformed_policy("Policy contains a statement with one or more invalid principals.")
}

/// A policy under another name than the only one.
#[must_use]
pub fn no_policy() -> Error {
    Error::refused(errors::NOT_FOUND_EXCEPTION, "No such policy exists")
}

/// Tags that are too many, doubled or reserved.
#[must_use]
pub fn bad_tags(text: &str) -> Error {
    Error::refused(errors::TAG_EXCEPTION, text)
}

/// More than a quota allows.
#[must_use]
pub fn too_many(text: &str) -> Error {
    Error::refused(errors::LIMIT_EXCEEDED_EXCEPTION, text)
}

/// More at once than the server does (KMS's developer guide, "Throttling AWS KMS requests").
#[must_use]
pub fn throttled() -> Error {
    let text = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
    Error::refused(THROTTLING, text)
}

/// A marker of another list, or none of ours.
#[must_use]
pub fn invalid_marker() -> Error {
    Error::refused(errors::INVALID_MARKER_EXCEPTION, "The marker is not valid.")
}

/// What would have been done, had not DryRun been given.
#[must_use]
pub fn dry_run() -> Error {
    Error::refused(
        errors::DRY_RUN_OPERATION_EXCEPTION,
        "The request would have succeeded, but the DryRun option is set.",
    )
}

/// A grant that is not there.
#[must_use]
pub fn no_grant(grant_id: &str) -> Error {
    Error::refused(errors::NOT_FOUND_EXCEPTION, format!("Grant ID {grant_id} not found"))
}

/// A grant token that names no grant.
#[must_use]
pub fn invalid_grant_token() -> Error {
    Error::refused(errors::INVALID_GRANT_TOKEN_EXCEPTION, "The grant token is not valid.")
}

/// Somebody who may not be named in a grant.
#[must_use]
pub fn no_principal(arn: &str) -> Error {
    Error::refused(errors::INVALID_ARN_EXCEPTION, format!("ARN does not refer to a valid principal: {arn}"))
}

/// A key store or key material from outside that this server has not.
#[must_use]
pub fn no_key_store() -> Error {
    unsupported("Custom key stores are not supported.")
}

/// A recipient with an attestation document: there are no enclaves here whose document could be checked.
#[must_use]
pub fn no_enclaves() -> Error {
    unsupported("Recipient is not supported: this server verifies no attestation documents.")
}
