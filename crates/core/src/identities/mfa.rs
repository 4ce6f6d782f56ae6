//! Checks codes of MFA devices: each is good once, and guessing is slowed down.

use std::sync::Arc;

use strongroom_crypto::totp::{Seed, step_of};
use strongroom_store::Batch;
use strongroom_types::Timestamp;
use zeroize::Zeroizing;

use super::Identities;
use super::entity::ID_ALPHABET;
use super::mfa_device::{Assigned, MfaDevice, key_of_serial};
use super::user::User;
use crate::documents::{Loaded, retry};
use crate::error::Error;

/// Steps before and behind the expected one whose codes are accepted, as RFC 6238 advises.
const WINDOW_STEPS: i64 = 1;
/// Steps within which two codes in a row are looked for when a device is enabled or synchronised: ten minutes.
const SYNC_STEPS: i64 = 20;
/// Wrong codes in a row after which the device has to wait before the next is looked at.
const FAILURES_FREE: u32 = 5;
/// The first wait, in ms; each further wrong code doubles it.
const WAIT_MS: i64 = 30_000;
/// Doublings of the wait at most: about an hour.
const DOUBLINGS_MAX: u32 = 7;

/// What a code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaCheck {
    /// It is right and was not used before.
    Right,
    /// It is wrong, was used before, or came too soon after wrong ones.
    Wrong,
    /// The device is none of the user's.
    NotOfUser,
}

impl Identities {
    /// The virtual MFA device of a serial number in an account.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn mfa_device(&self, account: &str, serial: &str) -> Result<Option<Loaded<MfaDevice>>, Error> {
        match key_of_serial(account, serial) {
            // Policies were asked for the serial number as it is written: the same path in another partition is not it.
            Some(key) => {
                let found = self.documents.load::<MfaDevice>(key).await?;
                Ok(found.filter(|found| found.value.serial() == serial))
            }
            None => Ok(None),
        }
    }

    /// Checks a code that a user shows, and uses it up when it is right.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn check_mfa(
        &self,
        account: &str,
        user: &User,
        serial: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<MfaCheck, Error> {
        let Some(key) = key_of_serial(account, serial) else { return Ok(MfaCheck::NotOfUser) };
        let _writer = self.documents.writer::<MfaDevice>(&key).await?;
        retry(|| async {
            let found = self.documents.load::<MfaDevice>(key.as_str()).await?;
            let found = found.filter(|found| found.value.serial() == serial);
            let Some((before, assigned)) = found.and_then(|found| {
                let assigned = found.value.assigned.clone().filter(|assigned| assigned.user_id == user.id)?;
                Some((found, assigned))
            }) else {
                return Ok(MfaCheck::NotOfUser);
            };
            let seed = seed_of(before.value.seed().expose());
            let (check, after) = checked(&seed, &assigned, code, now);
            if after != assigned {
                let mut batch = Batch::named("check_mfa");
                let device = before.value.with(|facts| facts.assigned = Some(after));
                self.documents.put(&mut batch, Some(&before), &Arc::new(device))?;
                self.documents.commit(batch).await?;
            }
            Ok(check)
        })
        .await
    }
}

/// What a code is worth, and the state of the device after it.
fn checked(seed: &Seed, assigned: &Assigned, code: &str, now: Timestamp) -> (MfaCheck, Assigned) {
    let mut after = assigned.clone();
    let waits = assigned.failures.checked_sub(FAILURES_FREE).map(|more| WAIT_MS << more.min(DOUBLINGS_MAX));
    if waits.is_some_and(|wait| now.millis() < assigned.failed_ms.saturating_add(wait)) {
        return (MfaCheck::Wrong, after);
    }
    let here = step_of(now.millis().div_euclid(1000));
    let expected = here + assigned.ahead_steps;
    let mut steps = (expected - WINDOW_STEPS)..=(expected + WINDOW_STEPS);
    match steps.find(|step| *step > assigned.last_step && seed.is_code(*step, code)) {
        Some(step) => {
            (after.last_step, after.ahead_steps) = (step, step - here);
            (after.failures, after.failed_ms) = (0, 0);
            (MfaCheck::Right, after)
        }
        None => {
            after.failures = after.failures.saturating_add(1);
            after.failed_ms = now.millis();
            (MfaCheck::Wrong, after)
        }
    }
}

/// The step of the second of two codes in a row, and how many steps the device is ahead. None when there are no such
/// two within ten minutes, or behind `last_step`.
#[must_use]
pub fn synchronised(
    device: &MfaDevice,
    first: &str,
    second: &str,
    last_step: i64,
    now: Timestamp,
) -> Option<(i64, i64)> {
    let seed = seed_of(device.seed().expose());
    let here = step_of(now.millis().div_euclid(1000));
    let mut steps = (here - SYNC_STEPS).max(last_step + 1)..=(here + SYNC_STEPS);
    let step = steps.find(|step| seed.is_code(*step, first) && seed.is_code(step + 1, second))? + 1;
    Some((step, step - here))
}

/// Reads a seed in base32 (RFC 4648). What is no letter of it counts as nothing, as no seed of ours has such.
fn seed_of(base32: &str) -> Seed {
    let mut bytes = Zeroizing::new(Vec::with_capacity(base32.len()));
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in base32.bytes() {
        let Some(value) = ID_ALPHABET.iter().position(|known| *known == letter) else { continue };
        held = (held << 5) | u32::try_from(value).unwrap_or_default();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap_or_default());
            held &= (1 << bits) - 1;
        }
    }
    Seed::new(&bytes)
}

/// Bytes in base32, without padding.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let letter = |value: u32| ID_ALPHABET.get((value & 31) as usize).map(|letter| char::from(*letter));
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.extend(letter(held >> bits));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.extend(letter(held << (5 - bits)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned() -> Assigned {
        let user_id = "AIDA".to_owned();
        Assigned { user_id, enabled_ms: 0, last_step: 99, ahead_steps: 0, failures: 0, failed_ms: 0 }
    }

    fn code(step: i64) -> String {
        format!("{:06}", Seed::new(b"12345678901234567890").code(step))
    }

    fn check(assigned: &Assigned, digits: &str, seconds: i64) -> (MfaCheck, Assigned) {
        let seed = seed_of(&base32(b"12345678901234567890"));
        checked(&seed, assigned, digits, Timestamp::from_seconds(seconds))
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
    }

    #[test]
    fn a_code_is_good_once_and_for_a_minute_around() {
        let before = assigned();
        assert_eq!(check(&before, &code(103), 102 * 30).0, MfaCheck::Right, "a device that is ahead");
        assert_eq!(check(&before, &code(104), 102 * 30).0, MfaCheck::Wrong, "too far ahead");
        let (check_1, after) = check(&before, &code(102), 102 * 30);
        assert_eq!((check_1, after.last_step), (MfaCheck::Right, 102));
        assert_eq!(check(&after, &code(102), 102 * 30).0, MfaCheck::Wrong, "used");
        assert_eq!(check(&after, &code(101), 102 * 30).0, MfaCheck::Wrong, "older than what was used");
    }

    #[test]
    fn guessing_has_to_wait() {
        let mut state = assigned();
        for _ in 0..FAILURES_FREE {
            state = check(&state, "000000", 3060).1;
        }
        assert_eq!(check(&state, &code(102), 3061).0, MfaCheck::Wrong, "not looked at");
        let (check, after) = check(&state, &code(103), 3091);
        assert_eq!((check, after.failures), (MfaCheck::Right, 0));
    }
}
