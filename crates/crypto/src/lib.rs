//! Sealing, hashing and randomness: the only user of the cipher library. Pure: it does not know where keys or
//! ciphertexts are stored.

pub mod aead;
pub mod asymmetric;
pub mod digest;
pub mod jwt;
pub mod keyring;
pub mod ledger;
pub mod password_hash;
pub mod random;
pub mod root;
pub mod sealed;
pub mod service;
pub mod shares;
pub mod totp;

pub use keyring::{Keyring, KeyringError};
pub use ledger::{Ledger, Witness};
pub use random::{Random, SystemRandom};
pub use root::{RootError, RootOfTrust};
pub use sealed::{Context, Sealed};

use aws_lc_rs::error::Unspecified;
use thiserror::Error;

/// Whether the cipher library's module says of itself that it is the validated one, in its approved mode.
#[must_use]
pub fn is_validated() -> bool {
    aws_lc_rs::try_fips_mode().is_ok()
}

/// Why a ciphertext could not be made or opened. Says nothing about key or content.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CryptoError {
    /// The bytes do not have the form of a ciphertext of a known version.
    #[error("not a ciphertext of a known format")]
    Format,
    /// The ciphertext was made under a key that is not at hand.
    #[error("the key that this ciphertext names is not at hand")]
    UnknownKey,
    /// The ciphertext was altered, moved to another place, or made under another key.
    #[error("the ciphertext is not authentic in this place")]
    NotAuthentic,
    /// The library refused; for a key or nonce of the wrong length, or a failing random source.
    #[error("the cipher library refused")]
    Library,
}

impl From<Unspecified> for CryptoError {
    fn from(_: Unspecified) -> Self {
        Self::Library
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_the_one_that_the_build_asked_for() {
        assert_eq!(is_validated(), cfg!(feature = "fips"));
    }
}
