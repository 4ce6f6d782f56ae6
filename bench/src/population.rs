//! What the secrets of a run look like: their names, tags and descriptions by number, and their values.

use std::fmt::Write;

use crate::keys::Prng;

/// Secrets whose names begin alike, so that a name prefix always fills a page.
pub const GROUP_SIZE: u64 = 200;

/// Different values of the tag `team`, so that each is on one secret of fifty.
pub const TEAMS: u64 = 50;

/// Different words of descriptions.
pub const SHARDS: u64 = 100;

/// The one secret that has the tag `only-one`.
pub const ONLY_ONE: u64 = 500;

const UNIQUE_DIGITS: usize = 16;
const SHORTEST: usize = 24;
const FIELD: &str = r#","field_00":"Zx81mQ0pLw7Rt5""#;

/// Writes the name of secret `number`.
pub fn write_name(out: &mut String, number: u64) {
    // Writing to a string cannot fail.
    let _ = write!(out, "g{:06}/key{number:08}", number / GROUP_SIZE);
}

/// Writes the beginning that the names of one group share.
pub fn write_group_prefix(out: &mut String, group: u64) {
    let _ = write!(out, "g{group:06}/");
}

/// Writes the word of shard `shard`, which one description in a hundred has. In letters alone: where letters meet
/// digits a filter would see two words.
pub fn write_shard(out: &mut String, shard: u64) {
    let letter =
        |digit: u64| char::from(b"abcdefghij".get(usize::try_from(digit % 10).unwrap_or(0)).copied().unwrap_or(b'a'));
    out.push_str("shard");
    out.extend([letter(shard / 10), letter(shard)]);
}

/// Writes description and tags of secret `number` as members of a request.
pub fn write_labels(out: &mut String, number: u64) {
    out.push_str(r#""Description":"Credentials of "#);
    write_shard(out, number % SHARDS);
    let team = number % TEAMS;
    let _ = write!(out, r#"","Tags":[{{"Key":"team","Value":"team-{team:02}"}},{{"Key":"stage","Value":"bench"}}"#);
    if number == ONLY_ONE {
        out.push_str(r#",{"Key":"only-one","Value":"yes"}"#);
    }
    out.push(']');
}

/// Writes a random UUID of version 4, as SDKs send it for `ClientRequestToken`.
pub fn write_token(out: &mut String, random: &mut Prng) {
    let (high, low) = (random.next(), random.next());
    let _ = write!(
        out,
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | low >> 48 & 0x3fff,
        low & 0xffff_ffff_ffff
    );
}

/// The text of a secret's value, a JSON object of a given length with a part that differs from value to value.
/// Escaped already, ready to stand between the quotes of a request.
#[derive(Clone, Debug)]
pub struct ValueText {
    head: String,
    tail: String,
}

impl ValueText {
    /// Values of `bytes` bytes, at least 24.
    pub fn new(bytes: usize) -> Self {
        let bytes = bytes.max(SHORTEST);
        let mut tail = String::new();
        while SHORTEST + tail.len() + FIELD.len() <= bytes {
            tail.push_str(FIELD);
        }
        let padding = "-".repeat(bytes - SHORTEST - tail.len());
        Self { head: escape(r#"{"v":""#), tail: escape(&format!("{padding}\"{tail}}}")) }
    }

    /// Writes the value with `unique` in it.
    pub fn write(&self, out: &mut String, unique: u64) {
        out.push_str(&self.head);
        let _ = write!(out, "{unique:0UNIQUE_DIGITS$x}");
        out.push_str(&self.tail);
    }
}

fn escape(text: &str) -> String {
    text.replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_length_asked_for_and_are_json() {
        for bytes in [24, 32, 50, 1024, 65_536] {
            let mut escaped = String::new();
            ValueText::new(bytes).write(&mut escaped, 0xabc);
            let value: String = serde_json::from_str(&format!("\"{escaped}\"")).unwrap();
            assert_eq!(value.len(), bytes);
            let object: serde_json::Value = serde_json::from_str(&value).unwrap();
            assert!(object["v"].as_str().unwrap().starts_with("0000000000000abc"));
        }
    }

    #[test]
    fn a_name_begins_with_the_prefix_of_its_group() {
        let (mut name, mut prefix) = (String::new(), String::new());
        write_name(&mut name, 4321);
        write_group_prefix(&mut prefix, 4321 / GROUP_SIZE);
        assert_eq!((name.as_str(), prefix.as_str()), ("g000021/key00004321", "g000021/"));
    }

    #[test]
    fn tokens_are_uuids_of_version_4() {
        let (mut token, mut random) = (String::new(), Prng::new(1, 1));
        write_token(&mut token, &mut random);
        let bytes = token.as_bytes();
        assert_eq!(token.len(), 36);
        assert_eq!(bytes[14], b'4');
        assert!(b"89ab".contains(&bytes[19]));
    }
}
