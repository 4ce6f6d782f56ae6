//! A version's value: sealed under a data key of its own, which is wrapped under the secret's key (specification §8).

use strongroom_crypto::aead::MessageKey;
use strongroom_crypto::{Context, Keyring, Random, Sealed, aead};
use strongroom_store::Kind;
use strongroom_types::{SecretBytes, SecretText};

use super::model::Secret;
use super::refusals;
use crate::documents::Document;
use crate::error::Error;

/// Kind of the documents of values.
pub const VALUE: Kind = Kind("secret-version");
/// First byte of a stored value.
const FORMAT: u8 = 1;
/// Second byte: the value is text.
const TEXT: u8 = 0;
/// Second byte: the value is bytes.
const BINARY: u8 = 1;
/// Bytes of a value, at most (specification §10).
pub const VALUE_BYTES_MAX: usize = 65_536;

/// A value in plain form. It lives as long as the request that brings or takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretValue {
    /// A SecretString.
    Text(SecretText),
    /// A SecretBinary.
    Binary(SecretBytes),
}

impl SecretValue {
    /// The one value of a request's two members; none when there is none, or an empty string.
    ///
    /// # Errors
    /// When both are given, or the value is too long.
    pub fn one_of(text: Option<SecretText>, binary: Option<SecretBytes>) -> Result<Option<Self>, Error> {
        let value = match (text, binary) {
            (Some(_), Some(_)) => return Err(refusals::two_values()),
            (Some(text), None) => Some(Self::Text(text)).filter(|value| !value.bytes().is_empty()),
            (None, binary) => binary.map(Self::Binary),
        };
        if value.as_ref().is_some_and(|value| value.bytes().len() > VALUE_BYTES_MAX) {
            return Err(refusals::value_too_long());
        }
        Ok(value)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.expose().as_bytes(),
            Self::Binary(bytes) => bytes.expose(),
        }
    }
}

/// A value as it is stored and cached: ciphertext only.
#[derive(Clone, Debug)]
pub struct StoredValue {
    key: String,
    is_text: bool,
    data_key: Sealed,
    ciphertext: Vec<u8>,
}

/// The key of a version's value document.
#[must_use]
pub fn value_key(secret: &Secret, version_id: &str) -> String {
    let Secret { account, region, name, suffix, .. } = secret;
    [account, ":", region, ":", name, "-", suffix, ":", version_id].concat()
}

impl StoredValue {
    /// Seals `value` for a version of a secret under a fresh data key.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn seal(
        keyring: &Keyring,
        random: &dyn Random,
        secret: &Secret,
        version_id: &str,
        value: &SecretValue,
    ) -> Result<Self, Error> {
        let data_key = aead::generate_key(random)?;
        let ciphertext =
            aead::Key::new(&data_key)?.seal(random, value_context(secret, version_id).as_bytes(), value.bytes())?;
        Ok(Self {
            key: value_key(secret, version_id),
            is_text: matches!(value, SecretValue::Text(_)),
            data_key: keyring.seal(random, &data_key_context(secret, version_id), data_key.expose())?,
            ciphertext,
        })
    }

    /// The wrapped data key.
    #[must_use]
    pub fn data_key(&self) -> &Sealed {
        &self.data_key
    }

    /// Unwraps the data key.
    ///
    /// # Errors
    /// DecryptionFailure when `keyring` cannot open it.
    pub fn unwrap(&self, keyring: &Keyring, secret: &Secret, version_id: &str) -> Result<MessageKey, Error> {
        let data_key = keyring
            .open(&data_key_context(secret, version_id), &self.data_key)
            .map_err(|_| refusals::decryption_failed())?;
        aead::Key::new(&data_key)?.of_message(&self.ciphertext).map_err(|_| refusals::decryption_failed())
    }

    /// Opens the value under its unwrapped data key.
    ///
    /// # Errors
    /// DecryptionFailure when the key cannot open it.
    pub fn open(&self, key: &MessageKey, secret: &Secret, version_id: &str) -> Result<SecretValue, Error> {
        let plain = key
            .open(value_context(secret, version_id).as_bytes(), &self.ciphertext)
            .map_err(|_| refusals::decryption_failed())?;
        if self.is_text {
            let text = SecretText::from_utf8(plain).ok_or_else(refusals::decryption_failed)?;
            Ok(SecretValue::Text(text))
        } else {
            Ok(SecretValue::Binary(plain))
        }
    }
}

/// The encryption context of a value, as AWS gives it to KMS.
fn data_key_context(secret: &Secret, version_id: &str) -> Context {
    Context::new("data key").field("SecretARN").field(secret.arn()).field("SecretVersionId").field(version_id)
}

fn value_context(secret: &Secret, version_id: &str) -> Context {
    Context::new("value").field("SecretARN").field(secret.arn()).field("SecretVersionId").field(version_id)
}

impl Document for StoredValue {
    const KIND: Kind = VALUE;

    fn key(&self) -> String {
        self.key.clone()
    }

    fn decoded_bytes(&self, body_bytes: u64) -> u64 {
        // The parts of the body, each in a block of its own.
        body_bytes.saturating_add(2 * size_of::<Self>() as u64)
    }

    fn to_body(&self) -> Result<SecretBytes, Error> {
        let (key, data_key) = (self.key.as_bytes(), self.data_key.as_bytes());
        let mut body = Vec::with_capacity(6 + key.len() + data_key.len() + self.ciphertext.len());
        body.extend_from_slice(&[FORMAT, if self.is_text { TEXT } else { BINARY }]);
        for part in [key, data_key] {
            let len = u16::try_from(part.len()).map_err(|_| Error::Internal("part of a value is too long".into()))?;
            body.extend_from_slice(&len.to_be_bytes());
            body.extend_from_slice(part);
        }
        body.extend_from_slice(&self.ciphertext);
        Ok(SecretBytes::new(body))
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        read(body.expose()).ok_or(Error::Internal("a stored value does not read".into()))
    }
}

fn read(body: &[u8]) -> Option<StoredValue> {
    let ([FORMAT, form], rest) = body.split_first_chunk::<2>()? else { return None };
    let (key, rest) = part(rest)?;
    let (data_key, ciphertext) = part(rest)?;
    Some(StoredValue {
        key: String::from_utf8(key.to_vec()).ok()?,
        is_text: match *form {
            TEXT => true,
            BINARY => false,
            _ => return None,
        },
        data_key: Sealed::from_storage(data_key.to_vec()).ok()?,
        ciphertext: ciphertext.to_vec(),
    })
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}
