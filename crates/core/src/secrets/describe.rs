//! DescribeSecret (specification §3.8).

use strongroom_types::Timestamp;
use strongroom_wire::secretsmanager::{DescribeSecretRequest, DescribeSecretResponse, Tag};

use super::Secrets;
use super::model::Secret;
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
            ..DescribeSecretResponse::default()
        })
    }
}

/// The end of the recovery window, as DescribeSecret's text has it ("scheduled for deletion").
pub(super) fn deleted_date(secret: &Secret) -> Option<Timestamp> {
    secret.deletion.map(|deletion| Timestamp::from_millis(deletion.due_ms))
}

/// The tags as the API shows them.
pub(super) fn tags(secret: &Secret) -> Option<Vec<Tag>> {
    let shown = |tag: &super::model::SecretTag| Tag { key: Some(tag.key.clone()), value: Some(tag.value.clone()) };
    Some(secret.tags.iter().map(shown).collect::<Vec<_>>()).filter(|tags| !tags.is_empty())
}
