//! What a call brings along.

use std::fmt;

use bytes::Bytes;
use strongroom_types::SecretBytes;

/// The body of a call. Does not print.
pub(crate) enum Body {
    /// Wiped once it was sent.
    Secret(SecretBytes),
    /// Holds nothing that must be wiped.
    Plain(Bytes),
}

/// What the library takes as the owner of bytes.
struct Owner(SecretBytes);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

impl Body {
    pub(crate) fn expose(&self) -> &[u8] {
        match self {
            Self::Secret(bytes) => bytes.expose(),
            Self::Plain(bytes) => bytes,
        }
    }

    /// As the library takes it, without a copy.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Secret(bytes) => Bytes::from_owner(Owner(bytes)),
            Self::Plain(bytes) => bytes,
        }
    }

    pub(crate) fn into_secret(self) -> SecretBytes {
        match self {
            Self::Secret(bytes) => bytes,
            Self::Plain(bytes) => SecretBytes::new(bytes.into()),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.expose().len())
    }
}
