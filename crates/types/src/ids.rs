//! Identifiers: accounts, regions, UUIDs made from handed-in randomness.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Text that is not the identifier it was meant to be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

/// A 12-digit AWS account number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// Reads a 12-digit account number.
    ///
    /// # Errors
    /// When `text` is anything but 12 decimal digits.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            Err(IdError { text: text.to_owned(), expected: "a 12-digit account number" })
        }
    }

    /// The 12 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A region's name, such as `us-east-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    /// Reads a region name: `^([a-z]+-)+\d+$`, at most 128 characters, as the API model's `RegionType`.
    ///
    /// # Errors
    /// When `text` has another form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError { text: text.to_owned(), expected: "a region name such as us-east-1" };
        let (words, number) = text.rsplit_once('-').ok_or_else(wrong)?;
        let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let letters = words.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
        if digits && letters && text.len() <= 128 { Ok(Self(text.into())) } else { Err(wrong()) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition AWS places the region in: `aws-cn`, `aws-us-gov` or `aws`.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        if self.0.starts_with("cn-") {
            "aws-cn"
        } else if self.0.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the pairs of digits of a UUID stand in its text.
const PAIRS_AT: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// A version 4 UUID in its usual 36-character form, made from 16 random bytes.
#[must_use]
pub fn uuid_v4(mut random: [u8; 16]) -> String {
    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;
    let digits = random.map(|byte| {
        let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        [digit(byte >> 4), digit(byte & 15)]
    });
    let mut text = [b'-'; 36];
    for (at, pair) in PAIRS_AT.into_iter().zip(digits) {
        if let Some(place) = text.get_mut(at..at + 2) {
            place.copy_from_slice(&pair);
        }
    }
    String::from_utf8(text.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_twelve_digits() {
        assert!(AccountId::parse("123456789012").is_ok());
        assert!(AccountId::parse("12345678901").is_err());
        assert!(AccountId::parse("12345678901x").is_err());
    }

    #[test]
    fn regions_have_words_and_a_number() {
        for good in ["us-east-1", "eu-central-2", "us-gov-west-1", "on-prem-1"] {
            assert!(Region::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "us", "us-east-", "Us-east-1", "-1", "us--1", "us-east-1a"] {
            assert!(Region::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn uuids_carry_version_and_variant() {
        assert_eq!(uuid_v4([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid_v4([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
