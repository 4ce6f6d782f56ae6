//! The root of trust: what wraps the store's sealing keys and, through them, everything else.

use strongroom_types::SecretBytes;
use thiserror::Error;

use crate::CryptoError;
use crate::aead::Key;
use crate::random::Random;
use crate::sealed::{Context, Sealed};

/// Why a root could not wrap or unwrap.
#[derive(Debug, Error)]
pub enum RootError {
    /// The wrapped key names another root.
    #[error("the key was wrapped by root `{0}`, which is not configured")]
    OtherRoot(String),
    /// The root refuses the wrapped key: it is another key than the one that wrapped it, or the key was altered.
    #[error("root `{name}` cannot unwrap the key: it is not the root that wrapped it, or the wrapped key was altered")]
    Refused {
        /// The root's name.
        name: String,
    },
    /// The root cannot be reached or read.
    #[error("root `{name}` is not available: {reason}")]
    Unavailable {
        /// The root's name.
        name: String,
        /// What went wrong, without key material.
        reason: String,
    },
}

/// Wraps and unwraps keys. Calls may block on a device or the network: they belong to start-up and rare jobs.
pub trait RootOfTrust: Send + Sync {
    /// What the trust hangs on, in one line for the operator, such as `key file DIR/root.key`.
    fn describe(&self) -> String;

    /// Wraps `key`, bound to `context`.
    ///
    /// # Errors
    /// When the root cannot be reached.
    fn wrap(&self, random: &dyn Random, context: &Context, key: &SecretBytes) -> Result<Sealed, RootError>;

    /// Unwraps what a root of the same name wrapped in the same context.
    ///
    /// # Errors
    /// When another root wrapped it, it was altered, or the root cannot be reached.
    fn unwrap(&self, context: &Context, wrapped: &Sealed) -> Result<SecretBytes, RootError>;

    /// Whether `wrapped` is of the root that wraps now: of several, the first.
    ///
    /// # Errors
    /// When that one cannot be reached.
    fn is_current(&self, context: &Context, wrapped: &Sealed) -> Result<bool, RootError> {
        match self.unwrap(context, wrapped) {
            Ok(_) => Ok(true),
            Err(RootError::OtherRoot(_) | RootError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A root that is a 256-bit key in memory, wherever it was read from.
#[derive(Debug)]
pub struct KeyRoot {
    name: String,
    origin: String,
    key: Key,
}

impl KeyRoot {
    /// A root of kind `name` (such as `file`), read from `origin` (such as the file's path), with a 32-byte key.
    ///
    /// # Errors
    /// `Unavailable` when the key has another length.
    pub fn new(name: &str, origin: &str, key: &SecretBytes) -> Result<Self, RootError> {
        let key = Key::new(key).map_err(|_| RootError::Unavailable {
            name: name.to_owned(),
            reason: format!("a root key must be 32 bytes, not {}", key.len()),
        })?;
        Ok(Self { name: name.to_owned(), origin: origin.to_owned(), key })
    }

    fn library(&self, error: CryptoError) -> RootError {
        RootError::Unavailable { name: self.name.clone(), reason: error.to_string() }
    }
}

impl RootOfTrust for KeyRoot {
    fn describe(&self) -> String {
        self.origin.clone()
    }

    fn wrap(&self, random: &dyn Random, context: &Context, key: &SecretBytes) -> Result<Sealed, RootError> {
        let blob = self.key.seal(random, context.as_bytes(), key.expose()).map_err(|e| self.library(e))?;
        Sealed::by_root(&self.name, &blob).map_err(|e| self.library(e))
    }

    fn unwrap(&self, context: &Context, wrapped: &Sealed) -> Result<SecretBytes, RootError> {
        let (name, blob) = wrapped.root_parts().ok_or_else(|| self.library(CryptoError::Format))?;
        if name != self.name {
            return Err(RootError::OtherRoot(name.to_owned()));
        }
        self.key.open(context.as_bytes(), blob).map_err(|_| RootError::Refused { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::generate_key;
    use crate::random::SeededRandom;

    #[test]
    fn another_root_key_is_refused_by_name() {
        let random = SeededRandom::new(5);
        let root = |name| KeyRoot::new(name, "test", &generate_key(&random).expect("key")).expect("root");
        let (first, second, other) = (root("file"), root("file"), root("env"));
        let key = generate_key(&random).expect("key");
        let context = Context::new("ring");
        let wrapped = first.wrap(&random, &context, &key).expect("wrap");
        assert_eq!(first.unwrap(&context, &wrapped).expect("unwrap"), key);
        assert!(matches!(second.unwrap(&context, &wrapped), Err(RootError::Refused { .. })));
        assert!(matches!(other.unwrap(&context, &wrapped), Err(RootError::OtherRoot(_))));
    }
}
