//! DescribeSecret (specification §3.8).

use strongroom_types::Timestamp;
use strongroom_wire::secretsmanager::{DescribeSecretRequest, DescribeSecretResponse, Tag};

use super::Secrets;
use super::model::Secret;
use super::rotation::{External, NextWindow};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

impl Secrets {
    /// Everything about a secret but its values; of one whose deletion is scheduled, too.
    ///
    /// # Errors
    /// ResourceNotFound.
    pub async fn describe_secret(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: DescribeSecretRequest,
    ) -> Result<DescribeSecretResponse, Error> {
        let secret = Self::found(permit.secret()?)?;
        let overlaid = self.access_days.overlay(secret);
        let secret = overlaid.as_ref().unwrap_or(secret);
        Ok(DescribeSecretResponse {
            arn: Some(secret.arn()),
            name: Some(secret.name.clone()),
            description: secret.description.clone(),
            kms_key_id: secret.kms_key_id.clone(),
            last_changed_date: Some(Timestamp::from_millis(secret.changed_ms)),
            last_accessed_date: secret.accessed(),
            deleted_date: deleted_date(secret),
            tags: tags(secret),
            version_ids_to_stages: Some(secret.version_ids_to_stages()).filter(|map| !map.is_empty()),
            created_date: Some(Timestamp::from_millis(secret.created_ms)),
            rotation_enabled: secret.rotation.as_ref().map(|rotation| rotation.enabled),
            rotation_lambda_arn: secret.rotation.as_ref().and_then(|rotation| rotation.function_arn.clone()),
            r#type: secret.kind.clone(),
            external_secret_rotation_metadata: external(secret).map(External::shown_metadata),
            external_secret_rotation_role_arn: external(secret).map(|external| external.role_arn.clone()),
            rotation_rules: secret.rotation.as_ref().and_then(|rotation| rotation.rules.shown()),
            last_rotated_date: last_rotated(secret),
            next_rotation_date: next_rotation(secret),
            owning_service: secret.owner.as_ref().map(|owner| owner.service.clone()),
            ..DescribeSecretResponse::default()
        })
    }
}

/// The end of the recovery window, as DescribeSecret's text has it ("scheduled for deletion").
pub(super) fn deleted_date(secret: &Secret) -> Option<Timestamp> {
    secret.deletion.map(|deletion| Timestamp::from_millis(deletion.due_ms))
}

/// How a managed external secret is rotated, once that was configured.
pub(super) fn external(secret: &Secret) -> Option<&External> {
    secret.rotation.as_ref()?.external.as_deref()
}

/// When a rotation was last completed.
pub(super) fn last_rotated(secret: &Secret) -> Option<Timestamp> {
    secret.rotation.as_ref()?.rotated_ms.map(Timestamp::from_millis)
}

/// The end of the window of the next rotation; in the past, when that passed without success.
pub(super) fn next_rotation(secret: &Secret) -> Option<Timestamp> {
    secret.rotation.as_ref()?.next.map(NextWindow::shown_end)
}

/// The tags as the API shows them.
pub(super) fn tags(secret: &Secret) -> Option<Vec<Tag>> {
    let shown = |tag: &super::model::SecretTag| Tag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) };
    Some(secret.tags.iter().map(shown).collect::<Vec<_>>()).filter(|tags| !tags.is_empty())
}
