//! The stored form of a ciphertext, and the place it is bound to.

use crate::{CryptoError, aead};

/// Format of a body sealed by a key of a [`crate::Keyring`]: this byte, 8 bytes naming the key, the AEAD's output.
const FORMAT_KEYRING: u8 = 1;
/// Format of a key wrapped by a root of trust: this byte, the length and name of the root, what the root made.
const FORMAT_ROOT: u8 = 2;
/// Length of a key's name inside a sealed body, in bytes.
pub const KEY_ID_LEN: usize = 8;

/// A ciphertext that names its format and key. Only this crate makes one, so whatever accepts a `Sealed` cannot be
/// given plaintext.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    pub(crate) fn by_key(key_id: [u8; KEY_ID_LEN], ciphertext: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + KEY_ID_LEN + ciphertext.len());
        bytes.push(FORMAT_KEYRING);
        bytes.extend_from_slice(&key_id);
        bytes.extend_from_slice(ciphertext);
        Self(bytes)
    }

    pub(crate) fn by_root(name: &str, blob: &[u8]) -> Result<Self, CryptoError> {
        let len = u8::try_from(name.len()).map_err(|_| CryptoError::Format)?;
        let mut bytes = Vec::with_capacity(2 + name.len() + blob.len());
        bytes.extend_from_slice(&[FORMAT_ROOT, len]);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(blob);
        Ok(Self(bytes))
    }

    /// Takes back what storage returned, after checking that it has the form of a ciphertext of a known format.
    ///
    /// # Errors
    /// `Format` when it has not.
    pub fn from_storage(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        let sealed = Self(bytes);
        if sealed.key_parts().is_some_and(|(_, body)| body.len() >= aead::OVERHEAD) || sealed.root_parts().is_some() {
            Ok(sealed)
        } else {
            Err(CryptoError::Format)
        }
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name of the root that wrapped it, such as `file`; none when no root did.
    #[must_use]
    pub fn root_name(&self) -> Option<&str> {
        self.root_parts().map(|(name, _)| name)
    }

    pub(crate) fn key_parts(&self) -> Option<([u8; KEY_ID_LEN], &[u8])> {
        let rest = self.0.strip_prefix(&[FORMAT_KEYRING])?;
        let (id, body) = rest.split_first_chunk::<KEY_ID_LEN>()?;
        Some((*id, body))
    }

    pub(crate) fn root_parts(&self) -> Option<(&str, &[u8])> {
        let rest = self.0.strip_prefix(&[FORMAT_ROOT])?;
        let (len, rest) = rest.split_first()?;
        let (name, blob) = rest.split_at_checked(usize::from(*len))?;
        Some((std::str::from_utf8(name).ok()?, blob))
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// What a ciphertext is bound to: a purpose and fields such as kind, key and version. It opens only where all agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// A context for `purpose`, with no field yet.
    #[must_use]
    pub fn new(purpose: &str) -> Self {
        Self(Vec::with_capacity(128)).field(purpose.as_bytes())
    }

    /// Adds a field. Lengths are part of the encoding, so no two lists of fields read alike.
    #[must_use]
    pub fn field(mut self, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.0.extend_from_slice(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, value: u64) -> Self {
        self.field(value.to_be_bytes())
    }

    /// The encoded fields, for a cipher that takes associated data as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_with_shifted_fields_differ() {
        assert_ne!(Context::new("a").field("bc"), Context::new("ab").field("c"));
        assert_ne!(Context::new("a").field("b").field(""), Context::new("a").field("").field("b"));
    }

    #[test]
    fn storage_may_return_only_known_formats() {
        assert!(
            Sealed::from_storage(b"plain text of some length that is long enough to be something".to_vec()).is_err()
        );
        assert!(Sealed::from_storage(vec![]).is_err());
        assert!(Sealed::from_storage(vec![FORMAT_KEYRING; 20]).is_err());
        assert!(Sealed::from_storage(Sealed::by_root("file", b"blob").expect("short name").0).is_ok());
    }
}
