//! Codes of virtual MFA devices: time-based one-time passwords of six digits (RFC 6238 over RFC 4226, HMAC-SHA-1).

use aws_lc_rs::hmac;

/// Digits of a code.
pub const DIGITS: usize = 6;
/// How long a code stands, in seconds.
pub const STEP_S: i64 = 30;
/// The least number of more than six digits.
const MODULUS: u32 = 1_000_000;

/// The number of the step that a time is in, in seconds since the epoch.
#[must_use]
pub const fn step_of(seconds: i64) -> i64 {
    seconds.div_euclid(STEP_S)
}

/// A device's seed, prepared for codes. Does not print.
pub struct Seed(hmac::Key);

impl Seed {
    /// The seed of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, bytes))
    }

    /// The code of a step, as a number below a million.
    #[must_use]
    pub fn code(&self, step: i64) -> u32 {
        let tag = hmac::sign(&self.0, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = tag.last().map_or(0, |last| usize::from(last & 0xf));
        let chosen = tag.get(offset..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
        (u32::from_be_bytes(chosen) & 0x7fff_ffff) % MODULUS
    }

    /// Whether a code in digits is that of a step.
    #[must_use]
    pub fn is_code(&self, step: i64, digits: &str) -> bool {
        let is_number = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_number && digits.parse() == Ok(self.code(step))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let seed = Seed::new(b"12345678901234567890");
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert!(seed.is_code(step_of(seconds), code), "{seconds}");
            assert!(!seed.is_code(step_of(seconds) + 1, code), "{seconds}");
        }
        assert!(!seed.is_code(step_of(1_234_567_890), "5924"));
        assert!(!seed.is_code(step_of(1_234_567_890), "+05924"));
    }
}
