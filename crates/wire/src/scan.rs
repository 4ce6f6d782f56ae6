//! Finding the first byte that a JSON string cannot hold as it is.

/// Bytes looked at together; the compiler turns the loop over a block into vector instructions.
const BLOCK: usize = 32;
/// Bytes looked at one by one before blocks are: escapes often stand close together.
const NEAR: usize = 8;

/// Number of bytes at the start of `bytes` that a JSON string holds unescaped: all before the first quote, backslash
/// or control character below 0x20.
#[must_use]
pub fn plain_prefix(bytes: &[u8]) -> usize {
    let Some((near, far)) = bytes.split_at_checked(NEAR) else { return position(bytes) };
    let at = position(near);
    if at < NEAR {
        return at;
    }
    let (blocks, rest) = far.as_chunks::<BLOCK>();
    let plain =
        blocks.iter().take_while(|block| block.iter().fold(true, |plain, byte| plain & !is_special(*byte))).count();
    NEAR + plain * BLOCK + position(blocks.get(plain).map_or(rest, |block| block.as_slice()))
}

fn position(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len())
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
