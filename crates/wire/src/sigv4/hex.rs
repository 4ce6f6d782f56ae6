//! Digests and signatures as lower-case hexadecimal text.

use strongroom_crypto::digest::DIGEST_LEN;

/// Length of a digest in hexadecimal.
pub(super) const HEX_LEN: usize = 2 * DIGEST_LEN;

/// The 64 lower-case digits of `bytes`.
pub(super) fn encode(bytes: &[u8; DIGEST_LEN]) -> [u8; HEX_LEN] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    let mut out = [0; HEX_LEN];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    out
}

/// The 32 bytes that `text` spells in 64 digits. Only lower case: AWS compares signatures as text.
pub(super) fn decode(text: &[u8]) -> Option<[u8; DIGEST_LEN]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if text.len() != HEX_LEN {
        return None;
    }
    let mut out = [0; DIGEST_LEN];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes() {
        let mut bytes = [0; DIGEST_LEN];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(at * 8 + 7).expect("small");
        }
        assert_eq!(decode(&encode(&bytes)), Some(bytes));
    }

    #[test]
    fn other_lengths_and_digits_are_refused() {
        assert_eq!(decode(&[b'a'; HEX_LEN - 1]), None);
        assert_eq!(decode(&[b'A'; HEX_LEN]), None);
        assert_eq!(decode(&[b'g'; HEX_LEN]), None);
    }
}
