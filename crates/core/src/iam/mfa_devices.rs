//! Virtual MFA devices: made with a seed that is shown once, enabled for a user by two codes in a row.

use strongroom_crypto::random;
use strongroom_types::{SecretBytes, SecretText};
use strongroom_wire::iam::{
    AssignmentStatusType, CreateVirtualMFADeviceRequest, CreateVirtualMFADeviceResponse, DeactivateMFADeviceRequest,
    DeleteVirtualMFADeviceRequest, EnableMFADeviceRequest, GetMFADeviceRequest, GetMFADeviceResponse,
    ListMFADeviceTagsRequest, ListMFADeviceTagsResponse, ListMFADevicesRequest, ListMFADevicesResponse,
    ListVirtualMFADevicesRequest, ListVirtualMFADevicesResponse, MFADevice as ShownDevice, Operation,
    ResyncMFADeviceRequest, TagMFADeviceRequest, UntagMFADeviceRequest, VirtualMFADevice, errors,
};
use strongroom_wire::record;
use zeroize::Zeroizing;

use super::target::{MFA_KIND, USER_KIND};
use super::{Iam, instant, qr_code, refusals, shown_tags, tags, users};
use crate::access::Permit;
use crate::caller::Principal;
use crate::ctx::{Ctx, Done};
use crate::documents::{Document as _, Loaded, retry};
use crate::error::Error;
use crate::identities::entity::{Entity, Tag};
use crate::identities::mfa::{base32, synchronised};
use crate::identities::mfa_device::{Assigned, DeviceFacts, MFA_DEVICE_PATHS, MfaDevice, SEED_BYTES, key_of_serial};
use crate::identities::user::{EnabledDevice, User};
use crate::page;

/// Devices of a user, at most (IAM's quotas).
const DEVICES_OF_USER_MAX: usize = 8;

impl Iam {
    /// The device of a serial number.
    ///
    /// # Errors
    /// NoSuchEntity.
    async fn device(&self, cx: &Ctx, serial: &str) -> Result<Loaded<MfaDevice>, Error> {
        let found = self.identities.mfa_device(cx.caller.account.as_str(), serial).await?;
        found.ok_or_else(|| {
            let text = format!("VirtualMFADevice with serial number {serial} doesn't exist.");
            Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, text)
        })
    }

    /// Makes a device that is nobody's yet. Seed and QR code are in this answer alone.
    ///
    /// # Errors
    /// EntityAlreadyExists, InvalidInput for tags.
    pub async fn create_virtual_mfa_device(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateVirtualMFADeviceRequest,
    ) -> Result<CreateVirtualMFADeviceResponse, Error> {
        tags::authorize_new(cx, permit, Operation::TagMFADevice, input.tags.as_ref(), &input)?;
        let bytes = Zeroizing::new(random::bytes::<SEED_BYTES>(self.documents.random())?);
        let seed = SecretText::new(base32(bytes.as_slice()));
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "create_virtual_mfa_device").await?;
            let facts = DeviceFacts {
                account: cx.caller.account.to_string(),
                partition: cx.region.partition().to_owned(),
                path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
                name: input.virtual_mfa_device_name.clone(),
                created_ms: cx.now.millis(),
                tags: tags::checked(Vec::new(), input.tags.as_deref().unwrap_or_default())?,
                assigned: None,
            };
            let device = MfaDevice::new(facts, seed.clone());
            let serial = device.serial();
            if self.documents.load::<MfaDevice>(device.key()).await?.is_some() {
                let text = "MFADevice entity at the same path and name already exists.";
                return Err(Error::refused(errors::ENTITY_ALREADY_EXISTS_EXCEPTION, text));
            }
            let account = self.account_name(cx).await?;
            let address = Zeroizing::new(
                ["otpauth://totp/", &input.virtual_mfa_device_name, "@", &account, "?secret=", seed.expose()].concat(),
            );
            let response = CreateVirtualMFADeviceResponse {
                virtual_mfa_device: VirtualMFADevice {
                    serial_number: serial.clone(),
                    base32_string_seed: Some(SecretBytes::new(seed.expose().as_bytes().to_vec())),
                    qr_code_png: Some(qr_code::png(&address)?),
                    user: None,
                    enable_date: None,
                    tags: shown_tags(&device.tags),
                },
            };
            let response_elements = Some(record::encode(&response));
            change.put(None, device)?;
            change.commit(cx, Done { response_elements, ..done(serial) }).await?;
            Ok(response)
        })
        .await
    }

    /// Gives a device to a user, who shows two of its codes in a row.
    ///
    /// # Errors
    /// NoSuchEntity, EntityAlreadyExists, InvalidAuthenticationCode, LimitExceeded.
    pub async fn enable_mfa_device(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: EnableMFADeviceRequest,
    ) -> Result<(), Error> {
        let (first, second) = (input.authentication_code1.expose(), input.authentication_code2.expose());
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "enable_mfa_device").await?;
            let user = self.user(cx, &input.user_name).await?;
            let device = self.device(cx, &input.serial_number).await?;
            if device.value.assigned.is_some() {
                // The code is AWS's; its text is unconfirmed.
                let text = "MFA Device is already in use.";
                return Err(Error::refused(errors::ENTITY_ALREADY_EXISTS_EXCEPTION, text));
            }
            if user.value.mfa_devices.len() >= DEVICES_OF_USER_MAX {
                return Err(refusals::quota("MFADevicesPerUser", DEVICES_OF_USER_MAX));
            }
            let synchronised = synchronised(&device.value, first, second, i64::MIN + 1, cx.now);
            let (last_step, ahead_steps) = synchronised.ok_or_else(invalid_code)?;
            let enabled_ms = cx.now.millis();
            let assigned = Assigned {
                user_id: user.value.id.clone(),
                enabled_ms,
                last_step,
                ahead_steps,
                failures: 0,
                failed_ms: 0,
            };
            let mut owner = (*user.value).clone();
            owner.mfa_devices.push(EnabledDevice { serial: device.value.serial(), enabled_ms });
            change.put(Some(&device), device.value.with(|facts| facts.assigned = Some(assigned)))?;
            change.put(Some(&user), owner)?;
            change.commit(cx, done_of_user(&user.value)).await
        })
        .await
    }

    /// Synchronises a device with the server by two codes in a row.
    ///
    /// # Errors
    /// NoSuchEntity, InvalidAuthenticationCode.
    pub async fn resync_mfa_device(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ResyncMFADeviceRequest,
    ) -> Result<(), Error> {
        let (first, second) = (input.authentication_code1.expose(), input.authentication_code2.expose());
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "resync_mfa_device").await?;
            let user = self.user(cx, &input.user_name).await?;
            let (device, assigned) = self.device_of(cx, &user.value, &input.serial_number).await?;
            let found = synchronised(&device.value, first, second, assigned.last_step, cx.now);
            let (last_step, ahead_steps) = found.ok_or_else(invalid_code)?;
            let after = Assigned { last_step, ahead_steps, failures: 0, failed_ms: 0, ..assigned };
            change.put(Some(&device), device.value.with(|facts| facts.assigned = Some(after)))?;
            change.commit(cx, done_of_user(&user.value)).await
        })
        .await
    }

    /// Takes a device away from its user.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn deactivate_mfa_device(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeactivateMFADeviceRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "deactivate_mfa_device").await?;
            let user = self.user_or_caller(cx, input.user_name.as_deref()).await?;
            let (device, _) = self.device_of(cx, &user.value, &input.serial_number).await?;
            let mut owner = (*user.value).clone();
            // What was enabled before by another spelling goes as well.
            let key = device.value.key();
            owner.mfa_devices.retain(|other| key_of_serial(&owner.account, &other.serial).as_ref() != Some(&key));
            change.put(Some(&device), device.value.with(|facts| facts.assigned = None))?;
            change.put(Some(&user), owner)?;
            change.commit(cx, done_of_user(&user.value)).await
        })
        .await
    }

    /// Removes a device that is nobody's.
    ///
    /// # Errors
    /// NoSuchEntity, DeleteConflict.
    pub async fn delete_virtual_mfa_device(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DeleteVirtualMFADeviceRequest,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, "delete_virtual_mfa_device").await?;
            let device = self.device(cx, &input.serial_number).await?;
            if device.value.assigned.is_some() {
                let text = "MFA VirtualDevice is in use. Must deactivate first.";
                return Err(Error::refused(errors::DELETE_CONFLICT_EXCEPTION, text));
            }
            change.delete(&device);
            change.commit(cx, done(input.serial_number.clone())).await
        })
        .await
    }

    /// The devices of the account, by path and name. With an assignment status, a page may be short.
    ///
    /// # Errors
    /// ValidationError for a marker that is none.
    pub async fn list_virtual_mfa_devices(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListVirtualMFADevicesRequest,
    ) -> Result<ListVirtualMFADevicesResponse, Error> {
        let account = cx.caller.account.as_str();
        let (max, marker) = (input.max_items, input.marker.as_deref());
        let page = self.page::<MfaDevice>("ListVirtualMFADevices", account, MFA_DEVICE_PATHS, "/", max, marker).await?;
        let is_truncated = page.is_truncated();
        let mut virtual_mfa_devices = Vec::new();
        for device in page.items {
            let wanted = match input.assignment_status {
                Some(AssignmentStatusType::Assigned) => device.value.assigned.is_some(),
                Some(AssignmentStatusType::Unassigned) => device.value.assigned.is_none(),
                Some(AssignmentStatusType::Any) | None => true,
            };
            if !wanted {
                continue;
            }
            let user = match &device.value.assigned {
                Some(assigned) => self.identities.with_id::<User>(account, &assigned.user_id).await?,
                None => None,
            };
            virtual_mfa_devices.push(VirtualMFADevice {
                serial_number: device.value.serial(),
                base32_string_seed: None,
                qr_code_png: None,
                user: user.map(|user| users::shown(&user.value, false)),
                enable_date: device.value.assigned.as_ref().map(|assigned| instant(assigned.enabled_ms)),
                tags: None,
            });
        }
        Ok(ListVirtualMFADevicesResponse { virtual_mfa_devices, is_truncated, marker: page.marker })
    }

    /// The devices of a user, in the order they were enabled.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_mfa_devices(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListMFADevicesRequest,
    ) -> Result<ListMFADevicesResponse, Error> {
        if input.user_name.is_none() && cx.caller.principal == Principal::Root {
            return Ok(ListMFADevicesResponse { mfa_devices: Vec::new(), is_truncated: Some(false), marker: None });
        }
        let user = self.user_or_caller(cx, input.user_name.as_deref()).await?.value;
        let query = page::Query::new("ListMFADevices").part(&user.account).part(&user.id);
        let place = |device: &EnabledDevice| device.serial.clone();
        let devices = user.mfa_devices.clone();
        let page = self.page_of(&query, devices, place, input.max_items, input.marker.as_deref())?;
        let is_truncated = page.is_truncated();
        let page = page.map(|device| ShownDevice {
            user_name: user.name.clone(),
            serial_number: device.serial,
            enable_date: instant(device.enabled_ms),
        });
        Ok(ListMFADevicesResponse { mfa_devices: page.items, is_truncated, marker: page.marker })
    }

    /// A device of a user.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn get_mfa_device(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: GetMFADeviceRequest,
    ) -> Result<GetMFADeviceResponse, Error> {
        let user = self.user_or_caller(cx, input.user_name.as_deref()).await?;
        let (device, assigned) = self.device_of(cx, &user.value, &input.serial_number).await?;
        Ok(GetMFADeviceResponse {
            user_name: Some(user.value.name.clone()),
            serial_number: device.value.serial(),
            enable_date: Some(instant(assigned.enabled_ms)),
            certifications: None,
        })
    }

    /// Sets tags of a device.
    ///
    /// # Errors
    /// NoSuchEntity, InvalidInput, LimitExceeded.
    pub async fn tag_mfa_device(&self, cx: &Ctx, _permit: &Permit, input: TagMFADeviceRequest) -> Result<(), Error> {
        let (serial, added) = (&input.serial_number, &input.tags);
        self.change_device_tags(cx, "tag_mfa_device", serial, |tags| tags::checked(tags, added)).await
    }

    /// Removes tags of a device. Those that it does not have are no error.
    ///
    /// # Errors
    /// NoSuchEntity.
    pub async fn untag_mfa_device(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: UntagMFADeviceRequest,
    ) -> Result<(), Error> {
        let (serial, keys) = (&input.serial_number, &input.tag_keys);
        self.change_device_tags(cx, "untag_mfa_device", serial, |tags| Ok(tags::without(tags, keys))).await
    }

    /// The tags of a device, by key.
    ///
    /// # Errors
    /// NoSuchEntity; ValidationError for a marker that is none.
    pub async fn list_mfa_device_tags(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: ListMFADeviceTagsRequest,
    ) -> Result<ListMFADeviceTagsResponse, Error> {
        let device = self.device(cx, &input.serial_number).await?.value;
        let query = page::Query::new("ListMFADeviceTags").part(&device.account).part(&input.serial_number);
        let page = self.page_of_tags(&query, &device.tags, input.max_items, input.marker.as_deref())?;
        Ok(ListMFADeviceTagsResponse { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
    }

    async fn change_device_tags(
        &self,
        cx: &Ctx,
        name: &'static str,
        serial: &str,
        edit: impl Fn(Vec<Tag>) -> Result<Vec<Tag>, Error> + Send + Sync,
    ) -> Result<(), Error> {
        let _turn = self.turn(cx).await?;
        retry(|| async {
            let mut change = self.begin(cx, name).await?;
            let before = self.device(cx, serial).await?;
            let tags = edit(before.value.tags.clone())?;
            change.put(Some(&before), before.value.with(|facts| facts.tags = tags))?;
            change.commit(cx, done(serial.to_owned())).await
        })
        .await
    }

    /// A user's device with its state.
    ///
    /// # Errors
    /// NoSuchEntity.
    async fn device_of(&self, cx: &Ctx, user: &User, serial: &str) -> Result<(Loaded<MfaDevice>, Assigned), Error> {
        let found = self.identities.mfa_device(cx.caller.account.as_str(), serial).await?;
        let of_user = found.and_then(|device| {
            let assigned = device.value.assigned.clone().filter(|assigned| assigned.user_id == user.id)?;
            Some((device, assigned))
        });
        of_user.ok_or_else(|| Error::refused(errors::NO_SUCH_ENTITY_EXCEPTION, "MFA Device invalid for user."))
    }
}

fn invalid_code() -> Error {
    let text = "Authentication code for device is not valid.";
    Error::refused(errors::INVALID_AUTHENTICATION_CODE_EXCEPTION, text)
}

fn done(serial: String) -> Done {
    Done { response_elements: None, arn: Some(serial), resource_kind: MFA_KIND }
}

fn done_of_user(user: &User) -> Done {
    Done { response_elements: None, arn: Some(user.arn()), resource_kind: USER_KIND }
}
