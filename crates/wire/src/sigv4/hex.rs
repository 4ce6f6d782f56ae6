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
    if text.len() != HEX_LEN {
        return None;
    }
    let value = |digit: u8| VALUES.get(usize::from(digit)).copied().unwrap_or(NO_DIGIT);
    let mut out = [0; DIGEST_LEN];
    // Looked at as a whole, without an early end: the text is nearly always right.
    let mut all = 0;
    for (byte, pair) in out.iter_mut().zip(text.as_chunks::<2>().0) {
        let [high, low] = pair.map(value);
        all |= high | low;
        *byte = high << 4 | low & 15;
    }
    (all < NO_DIGIT).then_some(out)
}

/// What stands for a byte that is no digit: a bit that no digit's value has.
const NO_DIGIT: u8 = 0x80;

/// The values of the bytes as lower-case hexadecimal digits.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let digits = *b"0123456789abcdef";
    let mut value = 0;
    while value < 16 {
        #[expect(clippy::indexing_slicing, reason = "both indexes are within bounds, or this does not compile")]
        {
            values[digits[value as usize] as usize] = value;
        }
        value += 1;
    }
    values
};

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
