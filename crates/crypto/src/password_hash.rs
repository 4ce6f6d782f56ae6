//! Hashes of passwords: Argon2id (RFC 9106) with 19 MiB, two passes and one lane, in the PHC string format.
//!
//! A hash takes some 20 ms and must not be made where others wait for it.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::{CryptoError, Random, random};

/// Bytes of a salt.
const SALT_BYTES: usize = 16;

/// The hash of a password under a new salt.
///
/// # Errors
/// When the random source or the library fails.
pub fn hash(random: &dyn Random, password: &str) -> Result<String, CryptoError> {
    let salt = random::bytes::<SALT_BYTES>(random)?;
    let hash: PasswordHash =
        Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| CryptoError::Library)?;
    Ok(hash.to_string())
}

/// Whether a password is the one of a hash. A hash that does not read is that of no password.
#[must_use]
pub fn is_of(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_hash_is_salted_and_of_its_password_alone() {
        let random = SeededRandom::new(5);
        let one = hash(&random, "correct horse").expect("hash");
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hash(&random, "correct horse").expect("hash"));
        assert!(is_of(&one, "correct horse") && !is_of(&one, "correct horsf") && !is_of("", "correct horse"));
    }
}
