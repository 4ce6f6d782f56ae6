//! Rotation of key material: automatic and on demand. Old material stays for decrypting.

use strongroom_types::Timestamp;
use strongroom_wire::kms::{
    DisableKeyRotationRequest, EnableKeyRotationRequest, GetKeyRotationStatusRequest, GetKeyRotationStatusResponse,
    IncludeKeyMaterial, KeyMaterialState, KeySpec, ListKeyRotationsRequest, ListKeyRotationsResponse, OriginType,
    RotateKeyOnDemandRequest, RotateKeyOnDemandResponse, RotationType, RotationsListEntry,
};

use super::key::{Key, Material, RotatedBy, Rotation, Standing};
use super::states::{DAY_MS, enabled};
use super::{Kms, found, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Days between two automatic rotations: the default, and what they may be (KMS's API reference).
const PERIOD_DAYS_DEFAULT: i32 = 365;
const PERIOD_DAYS_MIN: i32 = 90;
const PERIOD_DAYS_MAX: i32 = 2560;
/// Rotations on demand of one key, at most (KMS's quotas).
const ON_DEMAND_MAX: usize = 25;
/// Rotations on a page when the caller does not say.
const PAGE_DEFAULT: usize = 100;

impl Kms {
    /// Turns automatic rotation on.
    ///
    /// # Errors
    /// UnsupportedOperationException for keys that are not symmetric encryption keys of this server's making,
    /// DisabledException, KMSInvalidStateException, ValidationException for the period.
    pub async fn enable_key_rotation(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: EnableKeyRotationRequest,
    ) -> Result<(), Error> {
        if let Some(days) = input.rotation_period_in_days
            && !(PERIOD_DAYS_MIN..=PERIOD_DAYS_MAX).contains(&days)
        {
            return Err(refusals::invalid(&format!(
                "RotationPeriodInDays must be between {PERIOD_DAYS_MIN} and {PERIOD_DAYS_MAX}."
            )));
        }
        self.change(cx, permit, "enable_key_rotation", |key| {
            rotates_by_itself(key)?;
            enabled(key, cx.now)?;
            let before = key.rotation;
            let kept = before.map(|rotation| rotation.period_days);
            let period_days = input.rotation_period_in_days.or(kept).unwrap_or(PERIOD_DAYS_DEFAULT);
            if kept != Some(period_days) {
                let next_ms = cx.now.millis().saturating_add(i64::from(period_days) * DAY_MS);
                key.rotation = Some(Rotation { period_days, next_ms });
            }
            Ok(key.rotation != before)
        })
        .await
        .map(drop)
    }

    /// Turns automatic rotation off.
    ///
    /// # Errors
    /// As [`Kms::enable_key_rotation`].
    pub async fn disable_key_rotation(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DisableKeyRotationRequest,
    ) -> Result<(), Error> {
        self.change(cx, permit, "disable_key_rotation", |key| {
            rotates_by_itself(key)?;
            enabled(key, cx.now)?;
            Ok(key.rotation.take().is_some())
        })
        .await
        .map(drop)
    }

    /// Whether and when the key rotates. One that waits for its deletion does not; what it was set to comes back when
    /// the deletion is cancelled.
    ///
    /// # Errors
    /// UnsupportedOperationException for keys that cannot.
    pub async fn get_key_rotation_status(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        _input: GetKeyRotationStatusRequest,
    ) -> Result<GetKeyRotationStatusResponse, Error> {
        let key = found(permit)?;
        symmetric(key)?;
        let rotation = key.rotation.filter(|_| !matches!(key.standing, Standing::PendingDeletion { .. }));
        Ok(GetKeyRotationStatusResponse {
            key_rotation_enabled: Some(rotation.is_some()),
            key_id: Some(key.arn()),
            rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
            next_rotation_date: rotation.map(|rotation| Timestamp::from_millis(rotation.next_ms)),
            on_demand_rotation_start_date: None,
        })
    }

    /// Gives the key new material now.
    ///
    /// # Errors
    /// As [`Kms::enable_key_rotation`]; LimitExceededException.
    pub async fn rotate_key_on_demand(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: RotateKeyOnDemandRequest,
    ) -> Result<RotateKeyOnDemandResponse, Error> {
        let key = self
            .change(cx, permit, "rotate_key_on_demand", |key| {
                rotates_by_itself(key)?;
                enabled(key, cx.now)?;
                let on_demand = |material: &&Material| material.by == Some(RotatedBy::Demand);
                if key.materials.iter().filter(on_demand).count() >= ON_DEMAND_MAX {
                    return Err(refusals::too_many(&format!(
                        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations \
                         can be performed for this key: {}",
                        key.arn()
                    )));
                }
                self.rotate(key, RotatedBy::Demand, cx.now)?;
                Ok(true)
            })
            .await?;
        Ok(RotateKeyOnDemandResponse { key_id: Some(key.arn()) })
    }

    /// Puts new material in front of the old.
    pub(super) fn rotate(&self, key: &mut Key, by: RotatedBy, now: Timestamp) -> Result<(), Error> {
        let material = self.wrapped(key, &self.fresh(key.spec)?, now)?;
        key.materials.insert(0, Material { by: Some(by), ..material });
        Ok(())
    }

    /// The rotations of the key, oldest first; with all its material if asked for.
    ///
    /// # Errors
    /// As [`Kms::get_key_rotation_status`]; InvalidMarkerException.
    pub async fn list_key_rotations(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListKeyRotationsRequest,
    ) -> Result<ListKeyRotationsResponse, Error> {
        let key = found(permit)?;
        symmetric(key)?;
        let all = input.include_key_material == Some(IncludeKeyMaterial::AllKeyMaterial);
        let shown: Vec<RotationsListEntry> = key
            .materials
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, material)| all || material.by.is_some())
            .map(|(at, material)| entry(key, at, material))
            .collect();
        let places = (0..shown.len()).map(|at| format!("{at:06}")).collect();
        let page = self.page_of("ListKeyRotations", &key.arn(), places, input.limit, PAGE_DEFAULT, input.marker)?;
        let rotations = page.items.iter().filter_map(|at| shown.get(at.parse::<usize>().ok()?).cloned());
        Ok(ListKeyRotationsResponse {
            rotations: Some(rotations.collect()),
            truncated: Some(page.next.is_some()),
            next_marker: page.next,
        })
    }
}

fn entry(key: &Key, at: usize, material: &Material) -> RotationsListEntry {
    let state = if at == 0 { KeyMaterialState::Current } else { KeyMaterialState::NonCurrent };
    RotationsListEntry {
        key_id: Some(key.arn()),
        key_material_id: Some(material.id.clone()),
        key_material_state: Some(state),
        rotation_date: material.by.map(|_| Timestamp::from_millis(material.since_ms)),
        rotation_type: material.by.map(|by| match by {
            RotatedBy::Period => RotationType::Automatic,
            RotatedBy::Demand => RotationType::OnDemand,
        }),
        ..RotationsListEntry::default()
    }
}

fn symmetric(key: &Key) -> Result<(), Error> {
    if key.spec == KeySpec::SymmetricDefault {
        return Ok(());
    }
    Err(refusals::wrong_kind(key))
}

/// Refuses keys whose material this server does not make.
fn rotates_by_itself(key: &Key) -> Result<(), Error> {
    symmetric(key)?;
    if key.origin == OriginType::AwsKms {
        return Ok(());
    }
    Err(refusals::wrong_origin(key))
}
