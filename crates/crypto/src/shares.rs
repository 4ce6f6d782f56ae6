//! A key split into shares by Shamir's scheme over GF(256): any `threshold` of them give the key, fewer tell nothing of it.

use std::convert::Infallible;

use blahaj::Sharks;
use rand_core::{TryCryptoRng, TryRng};
use strongroom_types::SecretBytes;
use thiserror::Error;

use crate::CryptoError;
use crate::aead::KEY_LEN;
use crate::digest::{MacKey, sha256};
use crate::random::Random;

/// Length of what tells the shares of one key from those of another, in bytes.
const SET_LEN: usize = 4;
/// Length of what tells a mistyped share, in bytes.
const CHECK_LEN: usize = 4;
/// Length of a share, in bytes: set, threshold, number, value, check.
pub const SHARE_LEN: usize = SET_LEN + 2 + KEY_LEN + CHECK_LEN;

/// Why a key cannot be split, or not be had from shares.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SharesError {
    /// Numbers that do not fit.
    #[error("from 2 shares up must be needed, and as many or more made, at most 255")]
    Numbers,
    /// The bytes are no share, or were altered.
    #[error("this is no share, or it is not written as it was given out")]
    Form,
    /// The shares are fewer than are needed, or not of one set.
    #[error("these shares are too few, or not of one key")]
    Set,
    /// The key that they give is not the one that was split: one of them was forged.
    #[error("these shares do not give the key that was split")]
    Forged,
    /// The random source failed.
    #[error("{0}")]
    Crypto(#[from] CryptoError),
}

/// One share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    set: [u8; SET_LEN],
    threshold: u8,
    number: u8,
    value: SecretBytes,
}

impl Share {
    /// What the shares of one key have in common.
    #[must_use]
    pub fn set(&self) -> [u8; SET_LEN] {
        self.set
    }

    /// How many shares are needed.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Which share of its set it is, from 1.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Its bytes, [`SHARE_LEN`] of them.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        let mut bytes = Vec::with_capacity(SHARE_LEN);
        bytes.extend_from_slice(&self.set);
        bytes.extend_from_slice(&[self.threshold, self.number]);
        bytes.extend_from_slice(self.value.expose());
        let check = check(&bytes);
        bytes.extend_from_slice(&check);
        SecretBytes::new(bytes)
    }

    /// The share of which these are the bytes.
    ///
    /// # Errors
    /// `Form`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SharesError> {
        let (body, told) = bytes.split_last_chunk::<CHECK_LEN>().ok_or(SharesError::Form)?;
        let (set, rest) = body.split_first_chunk::<SET_LEN>().ok_or(SharesError::Form)?;
        match rest.split_first_chunk::<2>() {
            Some(([threshold, number], value))
                if *told == check(body) && value.len() == KEY_LEN && *threshold > 1 && *number > 0 =>
            {
                let value = SecretBytes::new(value.to_vec());
                Ok(Self { set: *set, threshold: *threshold, number: *number, value })
            }
            _ => Err(SharesError::Form),
        }
    }
}

fn check(body: &[u8]) -> [u8; CHECK_LEN] {
    let mut check = [0; CHECK_LEN];
    for (to, from) in check.iter_mut().zip(sha256(body)) {
        *to = from;
    }
    check
}

/// A name for the shares of a key, which says nothing of it.
fn set_of(key: &[u8]) -> [u8; SET_LEN] {
    let mut set = [0; SET_LEN];
    for (to, from) in set.iter_mut().zip(MacKey::new(key).tag(b"strongroom share set v1")) {
        *to = from;
    }
    set
}

/// `count` shares of `key`, a key of [`KEY_LEN`] bytes, of which any `threshold` give it.
///
/// # Errors
/// `Numbers`; `Crypto` when the random source fails or the key has another length.
pub fn split(random: &dyn Random, key: &SecretBytes, threshold: u8, count: u8) -> Result<Vec<Share>, SharesError> {
    if threshold < 2 || count < threshold {
        return Err(SharesError::Numbers);
    }
    if key.len() != KEY_LEN {
        return Err(CryptoError::Library.into());
    }
    let mut drawn = Drawn { random, failed: None };
    let dealt: Vec<blahaj::Share> =
        Sharks(threshold).dealer_rng(key.expose(), &mut drawn).take(usize::from(count)).collect();
    if let Some(error) = drawn.failed {
        return Err(error.into());
    }
    let set = set_of(key.expose());
    let shares = dealt.iter().map(|share| {
        let bytes = SecretBytes::new(Vec::from(share));
        let (number, value) = bytes.expose().split_first().ok_or(SharesError::Form)?;
        Ok(Share { set, threshold, number: *number, value: SecretBytes::new(value.to_vec()) })
    });
    shares.collect()
}

/// The key that was split into `shares`.
///
/// # Errors
/// `Set` when they are too few or of different sets, `Forged` when one of them is none.
pub fn combine(shares: &[Share]) -> Result<SecretBytes, SharesError> {
    let first = shares.first().ok_or(SharesError::Set)?;
    let mut dealt: Vec<blahaj::Share> = Vec::with_capacity(shares.len());
    for share in shares {
        if (share.set, share.threshold) != (first.set, first.threshold) {
            return Err(SharesError::Set);
        }
        let mut bytes = Vec::with_capacity(1 + KEY_LEN);
        bytes.push(share.number);
        bytes.extend_from_slice(share.value.expose());
        let bytes = SecretBytes::new(bytes);
        // A share that is given twice would count for none.
        if shares.iter().filter(|other| other.number == share.number).count() > 1 {
            return Err(SharesError::Set);
        }
        dealt.push(blahaj::Share::try_from(bytes.expose()).map_err(|_| SharesError::Form)?);
    }
    let key = Sharks(first.threshold).recover(&dealt).map(SecretBytes::new).map_err(|_| SharesError::Set)?;
    if set_of(key.expose()) == first.set { Ok(key) } else { Err(SharesError::Forged) }
}

/// The one source of randomness as the library takes it. What was made is thrown away when it has failed.
struct Drawn<'a> {
    random: &'a dyn Random,
    failed: Option<CryptoError>,
}

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        if let Err(error) = self.random.fill(buffer) {
            self.failed = Some(error);
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::generate_key;
    use crate::random::SeededRandom;

    #[test]
    fn any_threshold_of_the_shares_gives_the_key_and_fewer_do_not() {
        let random = SeededRandom::new(1);
        let key = generate_key(&random).expect("key");
        let shares = split(&random, &key, 3, 5).expect("shares");
        for a in 0..5 {
            for b in 0..5 {
                for c in 0..5 {
                    let chosen = [shares[a].clone(), shares[b].clone(), shares[c].clone()];
                    let distinct = a != b && b != c && a != c;
                    assert_eq!(combine(&chosen).ok(), distinct.then(|| key.clone()), "{a} {b} {c}");
                }
            }
            assert_eq!(combine(&shares[a..=a]), Err(SharesError::Set));
        }
        assert_eq!(combine(&shares).expect("all"), key);
        assert_eq!(combine(&shares[..2]), Err(SharesError::Set));
        assert_eq!(combine(&[]), Err(SharesError::Set));
    }

    #[test]
    fn shares_of_another_key_and_forged_ones_are_noticed() {
        let random = SeededRandom::new(2);
        let [first, second] =
            [1, 2].map(|_| split(&random, &generate_key(&random).expect("key"), 2, 2).expect("shares"));
        assert_eq!(combine(&[first[0].clone(), second[1].clone()]), Err(SharesError::Set));
        let mut forged = first.clone();
        forged[1].value = second[1].value.clone();
        assert_eq!(combine(&forged), Err(SharesError::Forged));
    }

    #[test]
    fn a_share_reads_back_as_it_was_written_and_not_with_any_slip() {
        let random = SeededRandom::new(3);
        let share = split(&random, &generate_key(&random).expect("key"), 2, 2).expect("shares").remove(1);
        let bytes = share.to_bytes().expose().to_vec();
        assert_eq!(bytes.len(), SHARE_LEN);
        assert_eq!(Share::from_bytes(&bytes).expect("share"), share);
        for at in 0..bytes.len() {
            let mut slip = bytes.clone();
            slip[at] ^= 1;
            assert_eq!(Share::from_bytes(&slip), Err(SharesError::Form), "byte {at}");
        }
        assert_eq!(Share::from_bytes(&bytes[..bytes.len() - 1]), Err(SharesError::Form));
    }

    #[test]
    fn the_form_of_shares_stays_as_it_is() {
        // Two shares of the key 0, 1, ... 31. Whoever holds such must have the key by every later release.
        let held = [
            "0c247ceb02014bd74d99637ce3b75a33640abdbc3296c761a698d35254655f17d0197df93ec8af701f31",
            "0c247ceb0203dd66d3b0ad8e34cafe47b808c2c34ab97481d39340dcd081d10b591dbf2c7e7b0b24fb38",
        ]
        .map(|hex| {
            let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).expect("text"), 16).expect("hex");
            Share::from_bytes(&hex.as_bytes().chunks(2).map(byte).collect::<Vec<u8>>()).expect("share")
        });
        assert_eq!(combine(&held).expect("key").expose(), (0..32).collect::<Vec<u8>>());
    }

    #[test]
    fn numbers_that_make_no_sense_and_a_failing_source_are_refused() {
        struct Dry;
        impl Random for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
                Err(CryptoError::Library)
            }
        }
        let key = SecretBytes::new(vec![1; 32]);
        for (threshold, count) in [(0, 3), (1, 3), (3, 2)] {
            assert_eq!(split(&SeededRandom::new(1), &key, threshold, count), Err(SharesError::Numbers));
        }
        assert_eq!(split(&SeededRandom::new(1), &key, 255, 255).expect("shares").len(), 255);
        assert_eq!(split(&Dry, &key, 2, 2), Err(SharesError::Crypto(CryptoError::Library)));
    }
}
