//! JSON strings: escaped eight bytes at a time, into a place that was measured before.

use strongroom_types::SecretBuffer;

use crate::scan::{WORD, is_special, plain_in_word};

/// Bytes whose escapes are counted together: few enough that their sum fits a byte.
const BLOCK: usize = 32;
/// What a control character grows by when it is written as `\u001f`.
const CONTROL_GROWS: u8 = 5;

/// Appends `text` as a JSON string with its quotes.
pub(super) fn append_string(out: &mut SecretBuffer, text: &str) {
    let bytes = text.as_bytes();
    let growth = growth(bytes);
    if growth == 0 {
        out.reserve(bytes.len() + 2);
        out.push(b'"');
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    // A word is copied whole before it is known how much of it counts, so there must be room for one more.
    out.append_with(bytes.len() + growth + 2 + WORD, |place| escape_into(place, bytes));
}

/// Appends `text` as a JSON string with its quotes; for what is not secret.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    let mut buffer = SecretBuffer::default();
    append_string(&mut buffer, text);
    out.extend_from_slice(&buffer.into_public());
}

/// How much longer `bytes` become by their escapes, at most. Without branches, so that the compiler looks at many bytes
/// at once.
fn growth(bytes: &[u8]) -> usize {
    let of_block = |block: &[u8]| {
        let sum = block.iter().fold(0_u8, |sum, byte| {
            let quoted = u8::from((*byte == b'"') | (*byte == b'\\'));
            let control = u8::from(*byte < 0x20).wrapping_mul(CONTROL_GROWS);
            sum.wrapping_add(quoted).wrapping_add(control)
        });
        usize::from(sum)
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    blocks.iter().map(|block| of_block(block)).sum::<usize>() + of_block(rest)
}

/// Writes the string to the beginning of `place` and says how long it is.
fn escape_into(place: &mut [u8], bytes: &[u8]) -> usize {
    let mut at = put(place, 0, b"\"");
    let mut rest = bytes;
    while let Some(word) = rest.first_chunk::<WORD>() {
        at = put(place, at, word);
        let plain = plain_in_word(*word);
        if plain == WORD {
            rest = rest.get(WORD..).unwrap_or_default();
            continue;
        }
        at -= WORD - plain;
        let Some(special) = word.get(plain) else { break };
        at = put_escape(place, at, *special);
        rest = rest.get(plain + 1..).unwrap_or_default();
    }
    for byte in rest {
        at = if is_special(*byte) { put_escape(place, at, *byte) } else { put(place, at, &[*byte]) };
    }
    put(place, at, b"\"")
}

/// Puts `bytes` at `at` and says where they end.
#[inline]
fn put<const N: usize>(place: &mut [u8], at: usize, bytes: &[u8; N]) -> usize {
    debug_assert!(at + N <= place.len(), "the place was measured");
    if let Some(to) = place.get_mut(at..at + N) {
        to.copy_from_slice(bytes);
    }
    at + N
}

#[inline]
fn put_escape(place: &mut [u8], at: usize, byte: u8) -> usize {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            return put(place, at, &[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        }
    };
    put(place, at, &[b'\\', short])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        push_string(&mut out, text);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_byte_is_judged_alike_at_every_place() {
        for byte in 0..=0x7f_u8 {
            for place in 0..24 {
                let mut text = [b'a'; 24];
                text[place] = byte;
                // Neighbours that a careless test of whole words would confuse.
                if place > 0 {
                    text[place - 1] = 0x7f;
                }
                let text = std::str::from_utf8(&text).expect("ASCII");
                assert_eq!(escaped(text), serde_json::to_string(text).expect("JSON"), "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn escapes_are_the_short_ones_where_there_are_some() {
        assert_eq!(escaped("\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}/é"), "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001f/é\"");
        assert_eq!(escaped(""), "\"\"");
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_a_known_good_library_writes_it(
            text in proptest::collection::vec(any::<char>(), 0..200).prop_map(String::from_iter),
            dense in "[a\"\\\\\n]{0,200}",
        ) {
            prop_assert_eq!(escaped(&text), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(escaped(&dense), serde_json::to_string(&dense).unwrap());
        }
    }

    use proptest::strategy::Strategy as _;
}
