//! The states of a key: enable, disable, schedule and cancel deletion; and its description.

use strongroom_types::Timestamp;
use strongroom_wire::kms::{
    CancelKeyDeletionRequest, CancelKeyDeletionResponse, DisableKeyRequest, EnableKeyRequest, KeyState,
    ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse, UpdateKeyDescriptionRequest,
};

use super::key::{Key, Standing};
use super::{Kms, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Days of a waiting period: the default, and what it may be (KMS's API reference).
const WINDOW_DAYS_DEFAULT: i32 = 30;
const WINDOW_DAYS_MIN: i32 = 7;
const WINDOW_DAYS_MAX: i32 = 30;
/// A day, in ms.
pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Refuses keys that wait for their deletion, which nothing but its cancelling may change.
pub(super) fn not_pending_deletion(key: &Key, now: Timestamp) -> Result<(), Error> {
    match key.standing {
        Standing::PendingDeletion { .. } => Err(refusals::wrong_state(key, now)),
        Standing::Enabled | Standing::Disabled => Ok(()),
    }
}

/// Refuses keys that are not enabled.
pub(super) fn enabled(key: &Key, now: Timestamp) -> Result<(), Error> {
    if key.state(now) == KeyState::Enabled { Ok(()) } else { Err(refusals::wrong_state(key, now)) }
}

impl Kms {
    /// Makes a disabled key usable again.
    ///
    /// # Errors
    /// KMSInvalidStateException for a key that waits for its deletion or its material.
    pub async fn enable_key(&self, cx: &Ctx, permit: &Permit, _input: EnableKeyRequest) -> Result<(), Error> {
        self.set_standing(cx, permit, "enable_key", Standing::Enabled).await
    }

    /// Makes a key unusable.
    ///
    /// # Errors
    /// As [`Kms::enable_key`].
    pub async fn disable_key(&self, cx: &Ctx, permit: &Permit, _input: DisableKeyRequest) -> Result<(), Error> {
        self.set_standing(cx, permit, "disable_key", Standing::Disabled).await
    }

    async fn set_standing(
        &self,
        cx: &Ctx,
        permit: &Permit,
        name: &'static str,
        standing: Standing,
    ) -> Result<(), Error> {
        self.change(cx, permit, name, |key| {
            if matches!(key.state(cx.now), KeyState::PendingDeletion | KeyState::PendingImport) {
                return Err(refusals::wrong_state(key, cx.now));
            }
            let changed = key.standing != standing;
            key.standing = standing;
            Ok(changed)
        })
        .await
        .map(drop)
    }

    /// Schedules a key's deletion. At once it can be used no more.
    ///
    /// # Errors
    /// ValidationException for a waiting period that is too short or long, KMSInvalidStateException when it waits already.
    pub async fn schedule_key_deletion(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: ScheduleKeyDeletionRequest,
    ) -> Result<ScheduleKeyDeletionResponse, Error> {
        let days = input.pending_window_in_days.unwrap_or(WINDOW_DAYS_DEFAULT);
        if !(WINDOW_DAYS_MIN..=WINDOW_DAYS_MAX).contains(&days) {
            return Err(refusals::invalid(&format!(
                "PendingWindowInDays must be between {WINDOW_DAYS_MIN} and {WINDOW_DAYS_MAX}."
            )));
        }
        let due_ms = cx.now.millis().saturating_add(i64::from(days) * DAY_MS);
        let key = self
            .change(cx, permit, "schedule_key_deletion", |key| {
                not_pending_deletion(key, cx.now)?;
                key.standing = Standing::PendingDeletion { requested_ms: cx.now.millis(), due_ms };
                Ok(true)
            })
            .await?;
        Ok(ScheduleKeyDeletionResponse {
            key_id: Some(key.arn()),
            deletion_date: Some(Timestamp::from_millis(due_ms)),
            key_state: Some(KeyState::PendingDeletion),
            pending_window_in_days: Some(days),
        })
    }

    /// Keeps a key that waits for its deletion. It is disabled then.
    ///
    /// # Errors
    /// KMSInvalidStateException when it does not wait.
    pub async fn cancel_key_deletion(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: CancelKeyDeletionRequest,
    ) -> Result<CancelKeyDeletionResponse, Error> {
        let key = self
            .change(cx, permit, "cancel_key_deletion", |key| {
                if !matches!(key.standing, Standing::PendingDeletion { .. }) {
                    return Err(refusals::state(&format!("{} is not pending deletion.", key.arn())));
                }
                key.standing = Standing::Disabled;
                Ok(true)
            })
            .await?;
        Ok(CancelKeyDeletionResponse { key_id: Some(key.arn()) })
    }

    /// Replaces the description.
    ///
    /// # Errors
    /// KMSInvalidStateException for a key that waits for its deletion.
    pub async fn update_key_description(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: UpdateKeyDescriptionRequest,
    ) -> Result<(), Error> {
        self.change(cx, permit, "update_key_description", |key| {
            not_pending_deletion(key, cx.now)?;
            let changed = key.description != input.description;
            key.description.clone_from(&input.description);
            Ok(changed)
        })
        .await
        .map(drop)
    }
}
