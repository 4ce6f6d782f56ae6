//! A version's value: sealed under a data key of its own, which is wrapped under the secret's key (specification §8).

use strongroom_crypto::aead::MessageKey;
use strongroom_crypto::{Context, Random, Sealed, aead};
use strongroom_store::{Batch, Kind};
use strongroom_types::{SecretBytes, SecretText};

use super::model::Secret;
use super::refusals;
use crate::documents::{Document, Documents};
use crate::error::Error;
use crate::kms::{Purpose, Wrapped};

/// Kind of the documents of values.
pub const VALUE: Kind = Kind("secret-version");
/// First byte of a stored value whose data key is wrapped by the default key alone.
const FORMAT_DEFAULT: u8 = 1;
/// First byte of a stored value that tells which keys wrap its data key.
const FORMAT_KEYS: u8 = 2;
/// Second byte: the value is text.
const TEXT: u8 = 0;
/// Second byte: the value is bytes.
const BINARY: u8 = 1;
/// Bytes of a value, at most (specification §10).
pub const VALUE_BYTES_MAX: usize = 65_536;
/// Keys that a value's data key is kept under, at most: the newest.
pub(super) const DATA_KEYS_MAX: usize = 64;

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
    /// The data key under each key of the value, the newest first.
    data_keys: Vec<Wrapped>,
    ciphertext: Vec<u8>,
}

/// The key of a version's value document.
#[must_use]
pub fn value_key(secret: &Secret, version_id: &str) -> String {
    let Secret { account, region, name, suffix, .. } = secret;
    [account, ":", region, ":", name, "-", suffix, ":", version_id].concat()
}

/// Adds the removal of a version's value to `batch`, if it has one.
///
/// # Errors
/// Faults of the store.
pub async fn drop_value(
    documents: &Documents,
    batch: &mut Batch,
    secret: &Secret,
    version_id: &str,
) -> Result<(), Error> {
    if let Some(stored) = documents.load::<StoredValue>(value_key(secret, version_id)).await? {
        documents.delete(batch, &stored);
    }
    Ok(())
}

impl StoredValue {
    /// Seals `value` for a version of a secret under its data key, which is wrapped already.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn seal(
        (data_key, wrapped): (&SecretBytes, Wrapped),
        random: &dyn Random,
        secret: &Secret,
        version_id: &str,
        value: &SecretValue,
    ) -> Result<Self, Error> {
        let ciphertext =
            aead::Key::new(data_key)?.seal(random, value_context(secret, version_id).as_bytes(), value.bytes())?;
        Ok(Self {
            key: value_key(secret, version_id),
            is_text: matches!(value, SecretValue::Text(_)),
            data_keys: vec![wrapped],
            ciphertext,
        })
    }

    /// The data key under each key of the value, the newest first.
    #[must_use]
    pub fn data_keys(&self) -> &[Wrapped] {
        &self.data_keys
    }

    /// The value with its data key under one more key, which is the newest then. Copies under other keys are kept, save
    /// the oldest when there are too many.
    #[must_use]
    pub fn also_under(&self, wrapped: Wrapped) -> Self {
        let mut after = self.clone();
        after.data_keys.retain(|known| known.key_arn != wrapped.key_arn);
        after.data_keys.insert(0, wrapped);
        after.data_keys.truncate(DATA_KEYS_MAX);
        after
    }

    /// The key of the ciphertext, from the unwrapped data key.
    ///
    /// # Errors
    /// DecryptionFailure when the ciphertext is none.
    pub fn message_key(&self, data_key: &SecretBytes) -> Result<MessageKey, Error> {
        aead::Key::new(data_key)?.of_message(&self.ciphertext).map_err(|_| refusals::decryption_failed())
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

/// What KMS is told that a version's data key is for.
#[must_use]
pub fn purpose(secret: &Secret, version_id: &str) -> Purpose {
    Purpose::new(secret.arn(), version_id)
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
        let wrapped: usize = self.data_keys.iter().map(|key| key.key_arn.len() + key.sealed.as_bytes().len() + 4).sum();
        let mut body = Vec::with_capacity(8 + self.key.len() + wrapped + self.ciphertext.len());
        let form = if self.is_text { TEXT } else { BINARY };
        match self.data_keys.as_slice() {
            [Wrapped { key_arn, sealed }] if key_arn.is_empty() => {
                body.extend_from_slice(&[FORMAT_DEFAULT, form]);
                push_part(&mut body, self.key.as_bytes())?;
                push_part(&mut body, sealed.as_bytes())?;
            }
            several => {
                body.extend_from_slice(&[FORMAT_KEYS, form]);
                push_part(&mut body, self.key.as_bytes())?;
                let count = u8::try_from(several.len());
                body.push(count.map_err(|_| Error::Internal("a value is under too many keys".into()))?);
                for Wrapped { key_arn, sealed } in several {
                    push_part(&mut body, key_arn.as_bytes())?;
                    push_part(&mut body, sealed.as_bytes())?;
                }
            }
        }
        body.extend_from_slice(&self.ciphertext);
        Ok(SecretBytes::new(body))
    }

    fn from_body(body: &SecretBytes) -> Result<Self, Error> {
        read(body.expose()).ok_or(Error::Internal("a stored value does not read".into()))
    }
}

fn push_part(body: &mut Vec<u8>, part: &[u8]) -> Result<(), Error> {
    let len = u16::try_from(part.len()).map_err(|_| Error::Internal("part of a value is too long".into()))?;
    body.extend_from_slice(&len.to_be_bytes());
    body.extend_from_slice(part);
    Ok(())
}

fn read(body: &[u8]) -> Option<StoredValue> {
    let ([format, form], rest) = body.split_first_chunk::<2>()?;
    let (key, mut rest) = part(rest)?;
    let mut data_keys = Vec::with_capacity(1);
    match *format {
        FORMAT_DEFAULT => {
            let (sealed, behind) = part(rest)?;
            rest = behind;
            data_keys.push(Wrapped { key_arn: String::new(), sealed: Sealed::from_storage(sealed.to_vec()).ok()? });
        }
        FORMAT_KEYS => {
            let (count, behind) = rest.split_first()?;
            rest = behind;
            for _ in 0..*count {
                let (arn, behind) = part(rest)?;
                let (sealed, behind) = part(behind)?;
                rest = behind;
                let key_arn = String::from_utf8(arn.to_vec()).ok()?;
                data_keys.push(Wrapped { key_arn, sealed: Sealed::from_storage(sealed.to_vec()).ok()? });
            }
        }
        _ => return None,
    }
    Some(StoredValue {
        key: String::from_utf8(key.to_vec()).ok()?,
        is_text: match *form {
            TEXT => true,
            BINARY => false,
            _ => return None,
        },
        data_keys,
        ciphertext: rest.to_vec(),
    })
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::{Keyring, aead};

    use super::*;
    use crate::secrets::tests::fat_secret;

    #[test]
    fn a_value_under_ever_more_keys_keeps_the_newest_and_stays_writable() {
        let random = SeededRandom::new(3);
        let data_key = aead::generate_key(&random).expect("key");
        let ring = Keyring::new(&[aead::generate_key(&random).expect("key")]).expect("ring");
        let wrapped = |number: usize| {
            let sealed = ring.seal(&random, &Context::new("test"), data_key.expose()).expect("sealed");
            Wrapped { key_arn: format!("arn:aws:kms:us-east-1:123456789012:key/{number}"), sealed }
        };
        let (secret, value) = (fat_secret("s"), SecretValue::Text(SecretText::new("v".to_owned())));
        let mut stored = StoredValue::seal((&data_key, wrapped(0)), &random, &secret, "v1", &value).expect("sealed");
        for number in 1..300 {
            stored = stored.also_under(wrapped(number));
        }
        let read = StoredValue::from_body(&stored.to_body().expect("a body")).expect("a value");
        let arns: Vec<&str> = read.data_keys().iter().map(|wrapped| wrapped.key_arn.as_str()).collect();
        assert_eq!(
            (arns.len(), arns.first(), arns.last()),
            (
                DATA_KEYS_MAX,
                Some(&"arn:aws:kms:us-east-1:123456789012:key/299"),
                Some(&"arn:aws:kms:us-east-1:123456789012:key/236"),
            )
        );
        let key = read.message_key(&data_key).expect("a key");
        assert_eq!(read.open(&key, &secret, "v1").expect("opened"), value);
    }
}
