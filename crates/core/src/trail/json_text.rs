//! JSON straight into a string: strings escaped so that a record is always one line, and nothing a client sent can
//! begin another.

use std::fmt::Write as _;

/// Appends `text` as a JSON string with its quotes.
///
/// Escapes more than JSON demands: every character that some reader of lines takes for a line's end (U+0085, U+2028,
/// U+2029 and the other controls) is written as `\u....`.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    // Without an early end, so that the compiler looks at many bytes at once.
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        out.push_str(text);
    } else {
        text.chars().for_each(|c| push_escaped(out, c));
    }
    out.push('"');
}

/// Appends `,"name":` and `text` as a string. `name` needs no escape.
pub(super) fn push_member(out: &mut String, name: &str, text: &str) {
    push_name(out, name);
    push_string(out, text);
}

/// Appends `,"name":"value"` for a value whose text needs no escape, such as an address.
pub(super) fn push_plain(out: &mut String, name: &str, value: impl std::fmt::Display) {
    push_name(out, name);
    // Writing to a string cannot fail.
    let _ = write!(out, "\"{value}\"");
}

/// Appends `,"name":`. `name` needs no escape.
pub(super) fn push_name(out: &mut String, name: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

/// Appends a ready JSON text, or `null`, so that it stays one line and means the same.
pub(super) fn push_ready(out: &mut String, json: Option<&str>) {
    let Some(json) = json else { return out.push_str("null") };
    if json.bytes().fold(true, |plain, byte| plain & (0x20..0x7f).contains(&byte)) {
        return out.push_str(json);
    }
    for c in json.chars() {
        match c {
            // JSON has these between tokens alone.
            '\0'..'\u{20}' => out.push(' '),
            // And these inside strings alone.
            '\u{2028}' | '\u{2029}' => push_code(out, u32::from(c)),
            c if c.is_control() => push_code(out, u32::from(c)),
            c => out.push(c),
        }
    }
}

/// The longest beginning of `text` that has at most `bytes_max` bytes and ends between characters.
pub(super) fn bounded(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

const fn is_plain(byte: u8) -> bool {
    (byte >= 0x20) & (byte <= 0x7e) & (byte != b'"') & (byte != b'\\')
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{2028}' | '\u{2029}' => push_code(out, u32::from(c)),
        c if c.is_control() => push_code(out, u32::from(c)),
        c => out.push(c),
    }
}

/// Appends `\u` and four digits. All controls lie in the basic plane.
fn push_code(out: &mut String, code: u32) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.push(char::from_digit(code >> shift & 15, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn string(text: &str) -> String {
        let mut out = String::new();
        push_string(&mut out, text);
        out
    }

    #[test]
    fn line_ends_of_every_kind_are_escaped() {
        assert_eq!(string("a\nb\r\u{85}\u{2028}\u{2029}\u{b}"), "\"a\\nb\\r\\u0085\\u2028\\u2029\\u000b\"");
        assert_eq!(string("q\"b\\é😀"), "\"q\\\"b\\\\é😀\"");
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(bounded("aé", 2), "a");
        assert_eq!(bounded("aé", 3), "aé");
        assert_eq!(bounded("aé", 300), "aé");
    }

    #[test]
    fn ready_json_loses_its_line_ends_and_nothing_else() {
        let mut out = String::new();
        push_ready(&mut out, Some("{\n\t\"a\": \"b\\n\u{2028}é\"\r\n}"));
        assert_eq!(out, "{  \"a\": \"b\\n\\u2028é\"  }");
        let value: serde_json::Value = serde_json::from_str(&out).expect("json");
        assert_eq!(value, serde_json::json!({ "a": "b\n\u{2028}é" }));
    }

    proptest! {
        #[test]
        fn every_text_reads_back_from_one_line(text in proptest::collection::vec(any::<char>(), 0..100).prop_map(String::from_iter)) {
            let json = string(&text);
            prop_assert_eq!(json.lines().count(), 1);
            let ends_line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
            prop_assert!(!json.contains(ends_line), "{}", json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
