//! Finding the first byte that a JSON string cannot hold as it is.

const WORD: usize = 8;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Number of bytes at the start of `bytes` that a JSON string holds unescaped: all before the first quote, backslash
/// or control character below 0x20.
#[must_use]
pub fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<WORD>();
    let mut at = 0;
    for word in words {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += WORD;
    }
    at + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

/// Whether a JSON string cannot hold `byte` as it is.
const fn is_special(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// The high bit of each special byte of the word; bits above the lowest one set may be wrong, as a borrow can pass
/// from a special byte to the next, which is why only the lowest is used.
const fn special_bytes(word: u64) -> u64 {
    let quote = zero_bytes(word ^ (ONES * b'"' as u64));
    let backslash = zero_bytes(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    quote | backslash | control
}

const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_judged_alike_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut bytes = [b'a'; 20];
                bytes[place] = byte;
                let expected = if is_special(byte) { place } else { 20 };
                assert_eq!(plain_prefix(&bytes), expected, "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn the_first_of_several_counts() {
        assert_eq!(plain_prefix(b"abc\\\"\x01defghijkl"), 3);
        assert_eq!(plain_prefix("ÿé\u{80}€\"".as_bytes()), "ÿé\u{80}€".len());
        assert_eq!(plain_prefix(b""), 0);
    }
}
