//! UpdateSecretVersionStage (specification §3.14).

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{UpdateSecretVersionStageRequest, UpdateSecretVersionStageResponse};

use super::model::Secret;
use super::owned::guard;
use super::{Secrets, rotation, versions};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;

impl Secrets {
    /// Moves, attaches or removes a staging label.
    ///
    /// # Errors
    /// As specification §3.14.
    pub async fn update_secret_version_stage(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: UpdateSecretVersionStageRequest,
    ) -> Result<UpdateSecretVersionStageResponse, Error> {
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        retry(|| self.move_stage_once(cx, permit, &input)).await
    }

    async fn move_stage_once(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: &UpdateSecretVersionStageRequest,
    ) -> Result<UpdateSecretVersionStageResponse, Error> {
        let before = self.live(permit.secret()?).await?;
        guard(cx, &before.value)?;
        let mut after = Secret::clone(&before.value);
        let response = UpdateSecretVersionStageResponse { arn: Some(after.arn()), name: Some(after.name.clone()) };
        let (from, to) = (input.remove_from_version_id.as_deref(), input.move_to_version_id.as_deref());
        if versions::move_stage(&mut after, &input.version_stage, from, to, self.quotas)? {
            after.changed_ms = cx.now.millis();
            let mut batch = Batch::named("update_secret_version_stage");
            let abandoned = rotation::note_moved_label(&mut after);
            self.add_abandoned(cx, &mut batch, &after, abandoned.as_ref())?;
            self.commit(cx, batch, &before, &Arc::new(after), Some(record::encode(&response))).await?;
        }
        Ok(response)
    }
}
