//! Finding the first byte that a JSON string cannot hold as it is.

/// Bytes of a word, which are looked at together.
pub const WORD: usize = 8;
/// Words that are looked at before blocks are: most strings are short, and escapes often stand close together.
const NEAR_WORDS: usize = 4;
/// Bytes looked at together where none was special so far; the compiler turns the loop over a block into vector
/// instructions.
const BLOCK: usize = 32;

/// Number of bytes at the start of `bytes` that a JSON string holds unescaped: all before the first quote, backslash
/// or control character below 0x20.
#[must_use]
pub fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<WORD>();
    let near = words.get(..NEAR_WORDS).unwrap_or(words);
    let mut plain = plain_in_words(near);
    if plain < near.len() * WORD {
        return plain;
    }
    let (blocks, _) = bytes.get(plain..).unwrap_or_default().as_chunks::<BLOCK>();
    let is_plain = |block: &&[u8; BLOCK]| block.iter().fold(true, |plain, byte| plain & !is_special(*byte));
    plain += blocks.iter().take_while(is_plain).count() * BLOCK;
    let (words, rest) = bytes.get(plain..).unwrap_or_default().as_chunks::<WORD>();
    let more = plain_in_words(words);
    plain += more;
    if more < words.len() * WORD {
        return plain;
    }
    plain + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

/// The same of words.
fn plain_in_words(words: &[[u8; WORD]]) -> usize {
    let mut plain = 0;
    for word in words {
        let more = plain_in_word(*word);
        plain += more;
        if more < WORD {
            break;
        }
    }
    plain
}

/// How many bytes at the beginning of a word a JSON string holds unescaped.
///
/// The well-known test for a zero byte, three times: a byte's high bit is set in the result when the byte is special;
/// it may also be set, wrongly, in bytes behind a special one, so only the first counts.
#[inline]
pub fn plain_in_word(word: [u8; WORD]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(word);
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES.wrapping_mul(u64::from(bound))) & !word;
    let equal = |byte: u8| below(word ^ ONES.wrapping_mul(u64::from(byte)), 1);
    let special = (below(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGHS;
    // 64 zeros when there is none: eight bytes.
    usize::try_from(special.trailing_zeros()).unwrap_or(64) / 8
}

/// Whether a JSON string cannot hold `byte` as it is.
pub const fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_judged_alike_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..100 {
                let mut bytes = [b'a'; 100];
                bytes[place] = byte;
                let expected = if is_special(byte) { place } else { 100 };
                assert_eq!(plain_prefix(&bytes), expected, "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn quotes_backslashes_and_controls_are_special() {
        let special: Vec<u8> = (0..=u8::MAX).filter(|byte| is_special(*byte)).collect();
        let expected: Vec<u8> = (0..0x20).chain([b'"', b'\\']).collect();
        assert_eq!(special, expected);
    }

    #[test]
    fn the_first_of_several_counts() {
        assert_eq!(plain_prefix(b"abc\\\"\x01defghijkl"), 3);
        assert_eq!(plain_prefix("ÿé\u{80}€\"".as_bytes()), "ÿé\u{80}€".len());
        assert_eq!(plain_prefix(b""), 0);
    }
}
