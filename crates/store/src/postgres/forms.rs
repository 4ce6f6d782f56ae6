//! The forms in which texts stand in indexes: an entry of an index may be some 2700 bytes long, and the contract allows more.

use std::fmt::Write;

use strongroom_crypto::digest::sha256;

/// Longest unique value that stands as it is, in bytes. The form of a longer one is longer than this.
const VALUE_BYTES_MAX: usize = 2000;
/// Most bytes of value and key, together, of a term that stands in the table of its order.
const TERM_BYTES_MAX: usize = 2400;

/// How a unique value stands in its index: itself, or how it begins with the digest of the whole.
pub(super) fn unique(value: &str) -> String {
    if value.len() <= VALUE_BYTES_MAX {
        return value.to_owned();
    }
    let mut form = value.get(..value.floor_char_boundary(VALUE_BYTES_MAX)).unwrap_or_default().to_owned();
    for byte in sha256(value.as_bytes()) {
        // Writing to a String does not fail.
        let _ = write!(form, "{byte:02x}");
    }
    form
}

/// Whether a term stands among the long ones, which are looked through as a whole.
pub(super) fn is_long(value: &str, key: &str) -> bool {
    value.len() + key.len() > TERM_BYTES_MAX
}

/// What names a long term.
pub(super) fn digest(value: &str, key: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len() + key.len() + 1);
    text.extend_from_slice(value.as_bytes());
    text.push(0);
    text.extend_from_slice(key.as_bytes());
    sha256(&text).to_vec()
}

/// Stored form of the keys that a commit changed: kind, NUL, key, NUL for each. Nothing when there are too many to say.
pub(super) fn changes<'a>(keys: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (kind, key) in keys {
        for part in [kind, key] {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0);
        }
        if bytes.len() > CHANGES_BYTES_MAX {
            return None;
        }
    }
    Some(bytes)
}

/// Longest list of keys that is stored with a commit, in bytes.
const CHANGES_BYTES_MAX: usize = 1024 * 1024;

/// Reads such a list; nothing when it has another form.
pub(super) fn read_changes(bytes: &[u8]) -> Option<Vec<(&str, &str)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut parts = text.split_terminator('\0');
    let mut keys = Vec::new();
    while let Some(kind) = parts.next() {
        keys.push((kind, parts.next()?));
    }
    (text.is_empty() || text.ends_with('\0')).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_has_a_form_that_no_other_has() {
        let long = "\u{e9}".repeat(VALUE_BYTES_MAX);
        let form = unique(&long);
        assert!(form.len() > VALUE_BYTES_MAX + 62 && form.len() < 2100, "{}", form.len());
        assert_ne!(form, unique(&(long.clone() + "x")));
        // What looks like a form is too long to stand as it is.
        assert_ne!(unique(&form), form);
        assert_eq!(unique("short"), "short");
    }

    #[test]
    fn changed_keys_read_back() {
        let keys = vec![("secret", "1/a"), ("box", "\u{10ffff}")];
        let bytes = changes(keys.iter().copied()).expect("few");
        assert_eq!(read_changes(&bytes), Some(keys));
        assert_eq!(read_changes(b""), Some(vec![]));
        for wrong in [&b"a\0b"[..], b"a\0", b"\xff\0a\0"] {
            assert_eq!(read_changes(wrong), None, "{wrong:?}");
        }
        let many = vec!["k".repeat(1000); CHANGES_BYTES_MAX / 1000];
        assert!(changes(many.iter().map(|key| ("box", key.as_str()))).is_none());
    }
}
