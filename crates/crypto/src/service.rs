//! Roots that are a device or a service: something that encrypts under a key which it does not give out.

use strongroom_types::SecretBytes;
use thiserror::Error;

use crate::digest::{DIGEST_LEN, sha256};
use crate::random::Random;
use crate::root::{RootError, RootOfTrust};
use crate::sealed::{Context, Sealed};

/// Why a service did not do what it was asked for.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ServiceError {
    /// It has the ciphertext for altered, or for made under another key or context.
    #[error("refused")]
    Refused,
    /// It cannot be reached, or does not do it; the reason is without key material.
    #[error("{0}")]
    Unavailable(String),
}

/// Encrypts short messages. Calls block until the device or the network has answered, within a bound of their own.
pub trait KeyService: Send + Sync {
    /// What it is, in one line for the operator.
    fn describe(&self) -> String;

    /// The bytes that [`KeyService::decrypt`] takes back in the same context.
    ///
    /// # Errors
    /// `Unavailable`.
    fn encrypt(&self, random: &dyn Random, context: &Context, plaintext: &SecretBytes)
    -> Result<Vec<u8>, ServiceError>;

    /// What was encrypted.
    ///
    /// # Errors
    /// `Refused` when it was altered or is of another key or context; `Unavailable`.
    fn decrypt(&self, context: &Context, ciphertext: &[u8]) -> Result<SecretBytes, ServiceError>;
}

/// A root that is a service.
///
/// What it is asked to encrypt is the digest of the context and then the key, so that a service which leaves the
/// context out of account binds the key to its place all the same.
pub struct ServiceRoot {
    name: String,
    service: Box<dyn KeyService>,
}

impl ServiceRoot {
    /// A root of kind `name`, such as `pkcs11`.
    #[must_use]
    pub fn new(name: &str, service: Box<dyn KeyService>) -> Self {
        Self { name: name.to_owned(), service }
    }

    fn error(&self, error: ServiceError) -> RootError {
        match error {
            ServiceError::Refused => RootError::Refused { name: self.name.clone() },
            ServiceError::Unavailable(reason) => self.unavailable(&reason),
        }
    }

    fn unavailable(&self, reason: &str) -> RootError {
        RootError::Unavailable { name: self.name.clone(), reason: format!("{}: {reason}", self.service.describe()) }
    }
}

impl RootOfTrust for ServiceRoot {
    fn describe(&self) -> String {
        self.service.describe()
    }

    /// Wraps, and has it unwrapped again before it answers: a service that may encrypt and not decrypt, or that does
    /// not keep its key, is noticed before anything hangs on it.
    fn wrap(&self, random: &dyn Random, context: &Context, key: &SecretBytes) -> Result<Sealed, RootError> {
        let mut message = Vec::with_capacity(DIGEST_LEN + key.len());
        message.extend_from_slice(&sha256(context.as_bytes()));
        message.extend_from_slice(key.expose());
        let message = SecretBytes::new(message);
        let blob = self.service.encrypt(random, context, &message).map_err(|error| self.error(error))?;
        let wrapped = Sealed::by_root(&self.name, &blob).map_err(|error| self.unavailable(&error.to_string()))?;
        match self.unwrap(context, &wrapped) {
            Ok(found) if found == *key => Ok(wrapped),
            Ok(_) | Err(RootError::Refused { .. }) => {
                Err(self.unavailable("it does not decrypt what it has just encrypted"))
            }
            Err(error) => Err(error),
        }
    }

    fn unwrap(&self, context: &Context, wrapped: &Sealed) -> Result<SecretBytes, RootError> {
        let (name, blob) = wrapped.root_parts().ok_or_else(|| self.unavailable("the wrapped key has no known form"))?;
        if name != self.name {
            return Err(RootError::OtherRoot(name.to_owned()));
        }
        let message = self.service.decrypt(context, blob).map_err(|error| self.error(error))?;
        match message.expose().split_first_chunk::<DIGEST_LEN>() {
            Some((digest, key)) if *digest == sha256(context.as_bytes()) => Ok(SecretBytes::new(key.to_vec())),
            _ => Err(RootError::Refused { name: self.name.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    /// Turns bits round, whatever the context; with `forgetful`, decrypts nothing.
    struct Toy {
        forgetful: bool,
    }

    impl KeyService for Toy {
        fn describe(&self) -> String {
            "a toy".to_owned()
        }

        fn encrypt(&self, _: &dyn Random, _: &Context, plaintext: &SecretBytes) -> Result<Vec<u8>, ServiceError> {
            Ok(plaintext.expose().iter().map(|byte| !byte).collect())
        }

        fn decrypt(&self, _: &Context, ciphertext: &[u8]) -> Result<SecretBytes, ServiceError> {
            if self.forgetful {
                return Err(ServiceError::Refused);
            }
            Ok(SecretBytes::new(ciphertext.iter().map(|byte| !byte).collect()))
        }
    }

    fn root(name: &str, forgetful: bool) -> ServiceRoot {
        ServiceRoot::new(name, Box::new(Toy { forgetful }))
    }

    #[test]
    fn a_key_is_bound_to_its_place_even_if_the_service_takes_no_account_of_it() {
        let (random, key) = (SeededRandom::new(1), SecretBytes::new(vec![7; 32]));
        let here = Context::new("here");
        let wrapped = root("toy", false).wrap(&random, &here, &key).expect("wrap");
        assert_eq!(root("toy", false).unwrap(&here, &wrapped).expect("unwrap"), key);
        let elsewhere = root("toy", false).unwrap(&Context::new("there"), &wrapped);
        assert!(matches!(elsewhere, Err(RootError::Refused { name }) if name == "toy"));
        assert!(
            matches!(root("other", false).unwrap(&here, &wrapped), Err(RootError::OtherRoot(name)) if name == "toy")
        );
    }

    #[test]
    fn nothing_is_wrapped_that_the_service_would_not_unwrap() {
        let key = SecretBytes::new(vec![7; 32]);
        let error = root("toy", true).wrap(&SeededRandom::new(1), &Context::new("here"), &key).expect_err("forgetful");
        assert_eq!(
            error.to_string(),
            "root `toy` is not available: a toy: it does not decrypt what it has just encrypted"
        );
    }
}
