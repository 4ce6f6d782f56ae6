//! PutSecretValue and UpdateSecret (specification §§3.2, 3.3).

use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::SecretText;
use strongroom_wire::record;
use strongroom_wire::secretsmanager::{
    PutSecretValueRequest, PutSecretValueResponse, UpdateSecretRequest, UpdateSecretResponse,
};

use super::keys::{key_reaches, shown_key};
use super::model::{Secret, Version, place};
use super::owned::{Owner, guard};
use super::values::SecretValue;
use super::{Secrets, events, refusals, rotation, versions};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::{Loaded, retry};
use crate::error::Error;
use crate::random_uuid;

/// A version that a request wants to exist.
struct NewVersion<'a> {
    token: &'a str,
    value: &'a SecretValue,
    stages: &'a [String],
    /// Proof that the function of a rotation sends it.
    rotation_token: Option<&'a SecretText>,
}

impl Secrets {
    /// Adds a version.
    ///
    /// # Errors
    /// As specification §3.2.
    pub async fn put_secret_value(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: PutSecretValueRequest,
    ) -> Result<PutSecretValueResponse, Error> {
        let value = SecretValue::one_of(input.secret_string, input.secret_binary)?.ok_or_else(refusals::no_value)?;
        let token = input.client_request_token.ok_or_else(refusals::token_missing)?;
        let stages = input.version_stages.unwrap_or_else(|| vec![versions::CURRENT.to_owned()]);
        let rotation_token = input.rotation_token.as_ref();
        let wanted = NewVersion { token: &token, value: &value, stages: &stages, rotation_token };
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        retry(|| self.put_once(cx, permit, &wanted)).await
    }

    async fn put_once(
        &self,
        cx: &Ctx,
        permit: &Permit,
        wanted: &NewVersion<'_>,
    ) -> Result<PutSecretValueResponse, Error> {
        let before = self.live(permit.secret()?).await?;
        guard(cx, &before.value)?;
        if let Some(rotation_token) = wanted.rotation_token {
            rotation::check_token(&self.documents, &before.value, wanted.token, rotation_token)?;
        }
        if self.is_repeated(cx, &before.value, wanted).await? {
            return Ok(put_response(&before.value, wanted.token));
        }
        let mut after = Secret::clone(&before.value);
        let mut batch = Batch::named("put_secret_value");
        self.add_version(cx, &mut batch, &mut after, wanted).await?;
        let after = Arc::new(after);
        let elements = record::encode(&PutSecretValueResponse { arn: Some(after.arn()), ..Default::default() });
        self.commit(cx, batch, &before, &after, Some(elements)).await?;
        Ok(put_response(&after, wanted.token))
    }

    /// Adds a version with a value to a secret that `owner` owns, as a part of `batch`.
    ///
    /// # Errors
    /// A fault when there is no such secret; those of the key.
    pub async fn put_owned_value(
        &self,
        cx: &Ctx,
        batch: &mut Batch,
        owner: &Owner,
        secret_name: &str,
        value: SecretText,
    ) -> Result<(), Error> {
        let key = place(cx.caller.account.as_str(), cx.region.as_str()) + secret_name;
        let before = self.documents.load::<Secret>(key).await?;
        let before = before.filter(|found| found.value.owner.as_ref() == Some(owner));
        let before = before.ok_or_else(|| Error::internal(format!("the secret {secret_name} is not there")))?;
        let (token, value) = (random_uuid(self.documents.random())?, SecretValue::Text(value));
        let stages = [versions::CURRENT.to_owned()];
        let wanted = NewVersion { token: &token, value: &value, stages: &stages, rotation_token: None };
        let mut after = Secret::clone(&before.value);
        self.add_version(cx, batch, &mut after, &wanted).await?;
        let after = Arc::new(after);
        self.documents.put(batch, Some(&before), &after)?;
        events::add_labels_moved(&self.documents, batch, Some(&before.value), &after, cx.now)
    }

    /// Whether the version is there already with the same content. One with other content is an error; a placeholder
    /// without content is not there yet.
    async fn is_repeated(&self, cx: &Ctx, secret: &Secret, wanted: &NewVersion<'_>) -> Result<bool, Error> {
        key_reaches(cx, secret)?;
        if !secret.versions.get(wanted.token).is_some_and(Version::has_value) {
            return Ok(false);
        }
        if self.value(cx, secret, wanted.token).await?.as_ref() == Some(wanted.value) {
            Ok(true)
        } else {
            Err(refusals::token_in_use(wanted.token, &secret.arn()))
        }
    }

    /// Adds the version to `secret` and its value, the removal of pruned ones and their events to `batch`.
    async fn add_version(
        &self,
        cx: &Ctx,
        batch: &mut Batch,
        secret: &mut Secret,
        wanted: &NewVersion<'_>,
    ) -> Result<(), Error> {
        self.check_kind(secret, Some(wanted.value))?;
        let kms_key_id = shown_key(secret);
        for id in versions::add(secret, wanted.token, kms_key_id, wanted.stages, self.quotas, cx.now)? {
            self.drop_value(batch, secret, &id).await?;
            self.add_event(cx, batch, secret, events::PRUNED)?;
        }
        secret.changed_ms = cx.now.millis();
        let abandoned = rotation::note_new_version(secret, wanted.token, cx.now);
        self.add_abandoned(cx, batch, secret, abandoned.as_ref())?;
        self.put_value(cx, batch, secret, wanted.token, wanted.value).await
    }

    /// Changes attributes, and adds a version if there is a value.
    ///
    /// # Errors
    /// As specification §3.3.
    pub async fn update_secret(
        &self,
        cx: &Ctx,
        permit: &Permit,
        mut input: UpdateSecretRequest,
    ) -> Result<UpdateSecretResponse, Error> {
        let value = SecretValue::one_of(input.secret_string.take(), input.secret_binary.take())?;
        if value.is_some() && input.client_request_token.is_none() {
            return Err(refusals::token_missing());
        }
        let _writer = self.documents.writer::<Secret>(&permit.secret()?.key).await?;
        retry(|| self.update_once(cx, permit, &input, value.as_ref())).await
    }

    async fn update_once(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: &UpdateSecretRequest,
        value: Option<&SecretValue>,
    ) -> Result<UpdateSecretResponse, Error> {
        let before = self.live(permit.secret()?).await?;
        guard(cx, &before.value)?;
        let mut after = Secret::clone(&before.value);
        if let Some(description) = &input.description {
            after.description = Some(description.clone()).filter(|text| !text.is_empty());
        }
        if let Some(kind) = &input.r#type {
            after.kind = Some(kind.clone()).filter(|kind| !kind.is_empty());
            self.check_new_kind(&after)?;
        }
        if input.kms_key_id.is_some() {
            after.kms_key_id = self.checked_key_id(cx, &after, input.kms_key_id.clone()).await?;
        }
        let mut batch = Batch::named("update_secret");
        if after.kms_key_id != before.value.kms_key_id {
            self.re_encrypt(cx, &mut batch, &mut after).await?;
        }
        let mut version_id = None;
        if let (Some(value), Some(token)) = (value, &input.client_request_token) {
            let stages = [versions::CURRENT.to_owned()];
            let wanted = NewVersion { token, value, stages: &stages, rotation_token: None };
            if !self.is_repeated(cx, &before.value, &wanted).await? {
                self.add_version(cx, &mut batch, &mut after, &wanted).await?;
            }
            version_id = Some(token.clone());
        }
        let response = UpdateSecretResponse { arn: Some(after.arn()), name: Some(after.name.clone()), version_id };
        self.finish_update(cx, batch, &before, after, &response).await?;
        Ok(response)
    }

    fn check_new_kind(&self, after: &Secret) -> Result<(), Error> {
        let needs_kind = after.rotation.as_ref().is_some_and(|rotation| rotation.external.is_some());
        if needs_kind && after.kind.is_none() {
            return Err(refusals::kind_is_rotated());
        }
        self.check_kind(after, None)
    }

    async fn finish_update(
        &self,
        cx: &Ctx,
        batch: Batch,
        before: &Loaded<Secret>,
        mut after: Secret,
        response: &UpdateSecretResponse,
    ) -> Result<(), Error> {
        if after == *before.value {
            return Ok(());
        }
        after.changed_ms = cx.now.millis();
        self.commit(cx, batch, before, &Arc::new(after), Some(record::encode(response))).await
    }
}

fn put_response(secret: &Secret, version_id: &str) -> PutSecretValueResponse {
    PutSecretValueResponse {
        arn: Some(secret.arn()),
        name: Some(secret.name.clone()),
        version_id: Some(version_id.to_owned()),
        version_stages: Some(secret.stages_of(version_id)),
    }
}
