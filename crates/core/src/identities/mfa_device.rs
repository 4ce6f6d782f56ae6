//! A virtual MFA device as it is stored.

use serde::{Deserialize, Serialize};
use strongroom_store::{Index, Kind, Term};
use strongroom_types::{SecretBytes, SecretText};

use super::entity::{Tag, path_value};
use crate::documents::Document;
use crate::error::Error;

/// Kind of the documents of MFA devices. None that signers are made of: they ask the users whose devices they are.
const MFA_DEVICE: Kind = Kind("mfa-device");
/// Devices by path and name, in whose order they are listed.
pub const MFA_DEVICE_PATHS: Index = Index("mfa-device-path");
/// Bytes of a seed. In base32 they are 64 letters, as at AWS.
pub const SEED_BYTES: usize = 40;

/// What is not secret of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// The account.
    pub account: String,
    /// The partition of its ARN.
    pub partition: String,
    /// The path.
    pub path: String,
    /// The name.
    pub name: String,
    /// When it was made.
    pub created_ms: i64,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Whose it is, once enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<Assigned>,
}

/// Who a device belongs to, and how far its codes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The unique id of the user.
    pub user_id: String,
    /// When it was enabled.
    pub enabled_ms: i64,
    /// The step of the last code that was accepted. No code up to it is accepted again.
    pub last_step: i64,
    /// How many steps the device is ahead of the server.
    pub ahead_steps: i64,
    /// Wrong codes in a row.
    #[serde(default)]
    pub failures: u32,
    /// When the last wrong code came.
    #[serde(default)]
    pub failed_ms: i64,
}

/// A virtual MFA device. Stored as a line of JSON and a line with the seed, so that the seed passes through no
/// serializer that would copy it.
#[derive(Clone, Debug)]
pub struct MfaDevice {
    facts: DeviceFacts,
    seed: SecretText,
}

impl std::ops::Deref for MfaDevice {
    type Target = DeviceFacts;

    fn deref(&self) -> &DeviceFacts {
        &self.facts
    }
}

impl MfaDevice {
    /// A device with a seed in base32.
    #[must_use]
    pub fn new(facts: DeviceFacts, seed: SecretText) -> Self {
        Self { facts, seed }
    }

    /// The seed in base32.
    #[must_use]
    pub fn seed(&self) -> &SecretText {
        &self.seed
    }

    /// The same device with other facts.
    #[must_use]
    pub fn with(&self, edit: impl FnOnce(&mut DeviceFacts)) -> Self {
        let mut changed = self.clone();
        edit(&mut changed.facts);
        changed
    }

    /// Its serial number, which is its ARN.
    #[must_use]
    pub fn serial(&self) -> String {
        ["arn:", &self.partition, ":iam::", &self.account, ":mfa", &self.path, &self.name].concat()
    }
}

/// The document key of a device's path and name.
fn device_key(account: &str, path: &str) -> String {
    [account, ":", path].concat()
}

/// The document key of a serial number; none when it is none of a virtual device of the account.
#[must_use]
pub fn key_of_serial(account: &str, serial: &str) -> Option<String> {
    let mut parts = serial.splitn(6, ':');
    let is_arn = parts.next() == Some("arn") && parts.next().is_some() && parts.next() == Some("iam");
    let owner = parts.nth(1).filter(|owner| is_arn && *owner == account)?;
    let path = parts.next()?.strip_prefix("mfa").filter(|path| path.starts_with('/'))?;
    Some(device_key(owner, path))
}

impl Document for MfaDevice {
    const KIND: Kind = MFA_DEVICE;

    fn key(&self) -> String {
        device_key(&self.account, &[self.path.as_str(), &self.name].concat())
    }

    fn terms(&self) -> Vec<Term> {
        let path = [self.path.as_str(), &self.name].concat();
        vec![Term::new(MFA_DEVICE_PATHS, path_value(&self.account, &path))]
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        let facts = serde_json::to_string(&self.facts);
        let facts = facts.map_err(|error| Error::internal(format!("cannot write: {error}")))?;
        let mut body = Vec::with_capacity(facts.len() + 1 + self.seed.len());
        body.extend_from_slice(facts.as_bytes());
        body.push(b'\n');
        body.extend_from_slice(self.seed.expose().as_bytes());
        Ok(SecretBytes::new(body))
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        let wrong = || Error::internal("a stored MFA device does not read");
        let text = std::str::from_utf8(body.expose()).map_err(|_| wrong())?;
        let (facts, seed) = text.split_once('\n').ok_or_else(wrong)?;
        let facts = serde_json::from_str(facts).map_err(|_| wrong())?;
        Ok(Self { facts, seed: SecretText::new(seed.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_reads_back_and_is_found_by_its_serial_number() {
        let facts = DeviceFacts {
            account: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            path: "/a/".to_owned(),
            name: "phone".to_owned(),
            created_ms: 7,
            tags: Vec::new(),
            assigned: None,
        };
        let device = MfaDevice::new(facts, SecretText::new("MFRA".to_owned()));
        let read = MfaDevice::from_body(&device.to_body().expect("body")).expect("read");
        assert_eq!((&read.facts, read.seed.expose()), (&device.facts, "MFRA"));
        assert_eq!(read.serial(), "arn:aws:iam::123456789012:mfa/a/phone");
        assert_eq!(key_of_serial("123456789012", &read.serial()), Some(read.key()));
        assert_eq!(key_of_serial("111111111111", &read.serial()), None);
        assert_eq!(key_of_serial("123456789012", "arn:aws:iam::123456789012:user/phone"), None);
    }
}
