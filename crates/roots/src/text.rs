//! The written form of a root key: one line, `strongroom-root-v1:` and 32 bytes in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strongroom_crypto::aead::KEY_LEN;
use strongroom_types::SecretBytes;
use thiserror::Error;
use zeroize::Zeroizing;

/// What a written root key begins with; the number is that of the format.
pub const PREFIX: &str = "strongroom-root-v1:";

/// Length of 32 bytes in base64 with padding.
const BASE64_LEN: usize = KEY_LEN.div_ceil(3) * 4;
/// Room that the decoder asks for: it counts padding as data.
const DECODED_LEN_MAX: usize = BASE64_LEN / 4 * 3;

/// Text that is not a root key. Says nothing of what it held.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("expected one line: `{PREFIX}` and 32 bytes in base64 (44 characters)")]
pub struct KeyTextError;

/// The line for `key`, with its line end.
pub(crate) fn encode(key: &SecretBytes) -> Result<Zeroizing<Vec<u8>>, KeyTextError> {
    // Made at its full length at once, because a vector that grows leaves its old memory unwiped.
    let mut line = Zeroizing::new(vec![b'\n'; PREFIX.len() + BASE64_LEN + 1]);
    let (prefix, rest) = line.split_at_mut_checked(PREFIX.len()).ok_or(KeyTextError)?;
    prefix.copy_from_slice(PREFIX.as_bytes());
    let written = STANDARD.encode_slice(key.expose(), rest).map_err(|_| KeyTextError)?;
    if key.len() == KEY_LEN && written == BASE64_LEN { Ok(line) } else { Err(KeyTextError) }
}

/// The key in `text`, with or without white space around it.
pub(crate) fn decode(text: &[u8]) -> Result<SecretBytes, KeyTextError> {
    decode_base64(text.trim_ascii().strip_prefix(PREFIX.as_bytes()).ok_or(KeyTextError)?)
}

/// The key in `text`, with or without white space around it and with or without the prefix.
pub(crate) fn decode_lenient(text: &[u8]) -> Result<SecretBytes, KeyTextError> {
    let text = text.trim_ascii();
    decode_base64(text.strip_prefix(PREFIX.as_bytes()).unwrap_or(text))
}

fn decode_base64(text: &[u8]) -> Result<SecretBytes, KeyTextError> {
    let mut key = Zeroizing::new(vec![0; DECODED_LEN_MAX]);
    let len = STANDARD.decode_slice(text, &mut key).map_err(|_| KeyTextError)?;
    if len != KEY_LEN {
        return Err(KeyTextError);
    }
    key.truncate(len);
    Ok(SecretBytes::new(std::mem::take(&mut key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SecretBytes {
        SecretBytes::new((0..32).collect())
    }

    #[test]
    fn the_written_form_stays_as_it_is() {
        let line = encode(&key()).expect("line");
        assert_eq!(line.as_slice(), b"strongroom-root-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
        assert_eq!(decode(&line).expect("key"), key());
    }

    #[test]
    fn only_keys_of_32_bytes_are_written() {
        for len in [0, 16, 31, 33, 64] {
            assert_eq!(encode(&SecretBytes::new(vec![1; len])).err(), Some(KeyTextError), "{len}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "strongroom-root-v1:",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "strongroom-root-v2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "strongroom-root-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "strongroom-root-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
            "strongroom-root-v1: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "strongroom-root-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nmore",
            "strongroom-root-v1:AAECAwQFBgcICQoLDA0ODw==",
            "strongroom-root-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJA==",
            "strongroom-root-v1:!AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ] {
            assert_eq!(decode(text.as_bytes()).err(), Some(KeyTextError), "{text}");
        }
    }

    #[test]
    fn the_lenient_form_needs_no_prefix() {
        for text in [
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n",
            "strongroom-root-v1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ] {
            assert_eq!(decode_lenient(text.as_bytes()).expect("key"), key(), "{text}");
        }
        assert!(decode_lenient(b"correct horse battery staple").is_err());
    }
}
