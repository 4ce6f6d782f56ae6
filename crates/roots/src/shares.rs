//! A root key that is nowhere: people hold shares of it, and give enough of them at each start.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use strongroom_crypto::root::KeyRoot;
use strongroom_crypto::shares::{SHARE_LEN, Share, SharesError, combine, split};
use strongroom_crypto::{Random, RootError, aead};
use strongroom_types::{SecretBuffer, SecretText};
use thiserror::Error;
use zeroize::Zeroizing;

/// The name under which keys wrapped by this root are stored.
pub const NAME: &str = "shares";
/// What a written share begins with; the number is that of the format.
pub const PREFIX: &str = "strongroom-share-v1:";
/// Length of a share in base64 without padding.
const BASE64_LEN: usize = (SHARE_LEN * 4).div_ceil(3);
/// Sets of shares that are collected at one time, at most: one is right, the others are slips.
const SETS_MAX: usize = 8;

/// Why a share is not taken. Says nothing of what was given.
#[derive(Debug, Error)]
pub enum ShareError {
    /// It is no share.
    #[error(
        "this is no share, or it is not written as it was given out: expected `{PREFIX}` and {BASE64_LEN} characters"
    )]
    Form,
    /// The share was given before.
    #[error("share {0} was given already")]
    Twice(u8),
    /// Too many sets.
    #[error("shares of too many different keys were given")]
    Sets,
    /// The shares that are needed were there, and they do not give a key: all of their set are forgotten.
    #[error("{0}: all of them are forgotten, begin again")]
    Combined(SharesError),
    /// The key was refused.
    #[error(transparent)]
    Root(#[from] RootError),
}

/// A new root key as `count` written shares, any `threshold` of which give it. The key itself is forgotten.
///
/// # Errors
/// When the numbers do not fit, or the random source fails.
pub fn create(random: &dyn Random, threshold: u8, count: u8) -> Result<Vec<SecretText>, SharesError> {
    let key = aead::generate_key(random)?;
    let shares = split(random, &key, threshold, count)?;
    let written = shares.iter().map(|share| {
        let mut base64 = Zeroizing::new([0; BASE64_LEN]);
        let len = STANDARD_NO_PAD.encode_slice(share.to_bytes().expose(), base64.as_mut_slice());
        let len = len.map_err(|_| SharesError::Form)?;
        let mut line = SecretBuffer::with_capacity(PREFIX.len() + BASE64_LEN);
        line.extend_from_slice(PREFIX.as_bytes());
        line.extend_from_slice(base64.get(..len).ok_or(SharesError::Form)?);
        SecretText::from_utf8(line.into_secret()).ok_or(SharesError::Form)
    });
    written.collect()
}

/// Shares as they come in.
#[derive(Default)]
pub struct Collection {
    shares: Vec<Share>,
}

/// How far a collection is.
#[derive(Debug)]
pub enum Progress {
    /// More shares are needed.
    Given {
        /// How many of the set are there.
        given: usize,
        /// How many are needed.
        threshold: u8,
    },
    /// The root.
    Complete(Box<KeyRoot>),
}

impl Collection {
    /// Takes a written share.
    ///
    /// # Errors
    /// When it is none, or none that was not there.
    pub fn add(&mut self, line: &SecretText) -> Result<Progress, ShareError> {
        let share = read(line.expose())?;
        let (set, threshold, number) = (share.set(), share.threshold(), share.number());
        let same = |other: &&Share| other.set() == set && other.threshold() == threshold;
        if self.shares.iter().filter(same).any(|other| other.number() == number) {
            return Err(ShareError::Twice(number));
        }
        let mut sets: Vec<_> = self.shares.iter().map(|share| (share.set(), share.threshold())).collect();
        sets.push((set, threshold));
        sets.sort_unstable();
        sets.dedup();
        if sets.len() > SETS_MAX {
            return Err(ShareError::Sets);
        }
        self.shares.push(share);
        let of_set: Vec<Share> = self.shares.iter().filter(same).cloned().collect();
        if of_set.len() < usize::from(threshold) {
            return Ok(Progress::Given { given: of_set.len(), threshold });
        }
        self.shares.retain(|share| share.set() != set);
        let key = combine(&of_set).map_err(ShareError::Combined)?;
        let origin = format!("a key of which {threshold} shares were given by hand");
        Ok(Progress::Complete(Box::new(KeyRoot::new(NAME, &origin, &key)?)))
    }
}

fn read(line: &str) -> Result<Share, ShareError> {
    let base64 = line.trim().strip_prefix(PREFIX).ok_or(ShareError::Form)?;
    // The decoder asks for room in whole groups.
    let mut bytes = Zeroizing::new([0; BASE64_LEN]);
    let len = STANDARD_NO_PAD.decode_slice(base64, bytes.as_mut_slice()).map_err(|_| ShareError::Form)?;
    Share::from_bytes(bytes.get(..len).unwrap_or_default()).map_err(|_| ShareError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Context, RootOfTrust};
    use strongroom_types::SecretBytes;

    fn complete(shares: &[SecretText]) -> KeyRoot {
        let mut collection = Collection::default();
        let (last, before) = shares.split_last().expect("shares");
        for (at, share) in before.iter().enumerate() {
            let progress = collection.add(share).expect("taken");
            assert!(matches!(progress, Progress::Given { given, threshold: 3 } if given == at + 1));
        }
        match collection.add(last).expect("taken") {
            Progress::Complete(root) => *root,
            progress => panic!("{progress:?}"),
        }
    }

    #[test]
    fn enough_shares_are_the_same_root_whichever_they_are() {
        let random = SeededRandom::new(1);
        let shares = create(&random, 3, 5).expect("shares");
        let (context, key) = (Context::new("test"), SecretBytes::new(vec![9; 32]));
        let wrapped = complete(&shares[..3]).wrap(&random, &context, &key).expect("wrap");
        let root = complete(&shares[2..]);
        assert_eq!(root.unwrap(&context, &wrapped).expect("unwrap"), key);
        assert_eq!(root.describe(), "a key of which 3 shares were given by hand");
    }

    #[test]
    fn slips_do_no_harm_to_the_shares_that_were_given() {
        let random = SeededRandom::new(2);
        let (shares, others) = (create(&random, 2, 3).expect("shares"), create(&random, 2, 3).expect("shares"));
        let mut collection = Collection::default();
        collection.add(&shares[0]).expect("taken");
        assert!(matches!(collection.add(&shares[0]), Err(ShareError::Twice(1))));
        collection.add(&others[1]).expect("taken, as nobody knows yet which set is meant");
        let cut = SecretText::new(shares[1].expose().chars().take(70).collect());
        for wrong in [SecretText::new("hunter2".to_owned()), cut] {
            let told = collection.add(&wrong).expect_err("no share");
            assert!(matches!(told, ShareError::Form) && !told.to_string().contains("hunter2"), "{told}");
        }
        assert!(matches!(collection.add(&shares[2]).expect("taken"), Progress::Complete(_)));
    }

    #[test]
    fn the_sets_that_are_collected_are_bounded() {
        let random = SeededRandom::new(3);
        let mut collection = Collection::default();
        for _ in 0..SETS_MAX {
            collection.add(&create(&random, 2, 2).expect("shares")[0]).expect("taken");
        }
        let told = collection.add(&create(&random, 2, 2).expect("shares")[0]).expect_err("one more");
        assert!(matches!(told, ShareError::Sets));
    }

    #[test]
    fn a_written_share_is_one_line_of_a_known_form() {
        for share in create(&SeededRandom::new(4), 2, 2).expect("shares") {
            assert!(share.expose().starts_with(PREFIX) && share.len() == PREFIX.len() + BASE64_LEN);
            let spaced = SecretText::new(format!(" {}\r\n", share.expose()));
            assert!(Collection::default().add(&spaced).is_ok());
        }
    }
}
