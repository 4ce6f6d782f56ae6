//! Parts of a line of JSON, found by how the trail writes it rather than by reading it.
//!
//! Names stand in one order and without white space, most texts without escapes. What looks otherwise is not understood,
//! and is left to a real reader; what is understood need not be valid all the same.

use crate::scan::plain_prefix;

/// Calls `each` for every member of the object at the beginning of `text`, with its name and all that stands behind the
/// colon, and is told how long the member's value is. Returns how long the object is; none when it does not look like one
/// or `each` does not understand a value.
pub fn members<'t>(text: &'t str, mut each: impl FnMut(&'t str, &'t str) -> Option<usize>) -> Option<usize> {
    let mut rest = text.strip_prefix('{')?;
    if rest.starts_with('}') {
        return Some(2);
    }
    loop {
        let name_end = string_end(rest.as_bytes())?;
        let name = rest.get(1..name_end.checked_sub(1)?)?;
        let value = rest.get(name_end..)?.strip_prefix(':')?;
        let length = each(name, value)?;
        let mark = *value.as_bytes().get(length)?;
        rest = value.get(length + 1..)?;
        match mark {
            b',' => {}
            b'}' => return text.len().checked_sub(rest.len()),
            _ => return None,
        }
    }
}

/// The text at the beginning of `text`, and how long it is there; none when it is no text, or has escapes.
pub fn plain(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix('"')?;
    let end = plain_prefix(inner.as_bytes());
    let is_whole = inner.as_bytes().get(end) == Some(&b'"');
    is_whole.then(|| Some((inner.get(..end)?, end + 2)))?
}

/// What of a line was not passed yet.
pub(super) struct Rest<'l>(pub(super) &'l str);

impl<'l> Rest<'l> {
    /// Goes behind `what`, if it comes next.
    pub(super) fn passes(&mut self, what: &str) -> bool {
        let behind = self.0.strip_prefix(what);
        self.0 = behind.unwrap_or(self.0);
        behind.is_some()
    }

    /// Goes behind `what`; none when it does not come next.
    pub(super) fn pass(&mut self, what: &str) -> Option<()> {
        self.passes(what).then_some(())
    }

    /// Goes behind the value that comes next, and returns it.
    pub(super) fn value(&mut self) -> Option<&'l str> {
        let (value, rest) = self.0.split_at_checked(length(self.0)?)?;
        self.0 = rest;
        Some(value)
    }

    /// Goes behind the text that comes next, whatever is in it.
    pub(super) fn pass_text(&mut self) -> Option<()> {
        self.0 = self.0.get(string_end(self.0.as_bytes())?..)?;
        Some(())
    }

    /// The same behind `name`, if that comes next.
    pub(super) fn pass_text_of(&mut self, name: &str) -> Option<()> {
        if self.passes(name) { self.pass_text() } else { Some(()) }
    }

    /// Goes behind the text that comes next, and returns it.
    pub(super) fn text(&mut self) -> Option<&'l str> {
        let (text, length) = plain(self.0)?;
        self.0 = self.0.get(length..)?;
        Some(text)
    }

    /// The value behind `name`, if that comes next: none inside then. None when it is not understood.
    pub(super) fn value_of(&mut self, name: &str) -> Option<Option<&'l str>> {
        if self.passes(name) { self.value().map(Some) } else { Some(None) }
    }

    /// The text behind `name`, if that comes next: none inside then. None when it is not understood.
    pub(super) fn text_of(&mut self, name: &str) -> Option<Option<&'l str>> {
        if self.passes(name) { self.text().map(Some) } else { Some(None) }
    }
}

/// How long the value at the beginning of `text` is.
pub fn length(text: &str) -> Option<usize> {
    let text = text.as_bytes();
    match text.first()? {
        b'"' => string_end(text),
        b'{' => nested_end(text, b'{', b'}'),
        b'[' => nested_end(text, b'[', b']'),
        // Nothing else begins a value, white space least of all: what stands behind it may be a text with any marks inside.
        b't' | b'f' | b'n' | b'-' | b'0'..=b'9' => text.iter().position(|byte| matches!(byte, b',' | b'}' | b']')),
        _ => None,
    }
}

/// Where the string at the beginning of `text` ends, behind its last quote.
fn string_end(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += plain_prefix(text.get(at..)?);
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => return None,
        }
    }
}

/// Where what `opens` at the beginning of `text` ends. Braces and brackets nest, so that counting one kind will do. Byte by
/// byte: hardly anything stands between two strings.
fn nested_end(text: &[u8], opens: u8, closes: u8) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match *text.get(at)? {
            b'"' => at += string_end(text.get(at..)?)?,
            byte if byte == opens => (at, depth) = (at + 1, depth + 1),
            byte if byte == closes => {
                (at, depth) = (at + 1, depth.checked_sub(1)?);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        let end = members(text, |name, behind| {
            let length = length(behind)?;
            found.push((name.to_owned(), behind.split_at(length).0.to_owned()));
            Some(length)
        })?;
        (end == text.len()).then_some(found)
    }

    #[test]
    fn members_are_those_of_the_object_itself() {
        let text = r#"{"a":"x\"}","b":{"a":["}",{"c":"{"}],"d":"\\"},"e":[[],"]",[1]],"f":true,"g":null,"h":-1.5e3}"#;
        let expected = [
            ("a", r#""x\"}""#),
            ("b", r#"{"a":["}",{"c":"{"}],"d":"\\"}"#),
            ("e", r#"[[],"]",[1]]"#),
            ("f", "true"),
            ("g", "null"),
            ("h", "-1.5e3"),
        ];
        assert_eq!(of(text).unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(of("{}"), Some(Vec::new()));
        for cut in 0..text.len() {
            assert_eq!(of(text.split_at(cut).0), None, "{cut}");
        }
        for odd in
            ["", "[]", "{} ", r#"{"a" :1}"#, r#"{"a":1,}"#, r#"{"a": "x,":1}"#, r#"{"a":}"#, r#"{a:1}"#, r#"{"a":1}}"#]
        {
            assert_eq!(of(odd), None, "{odd}");
        }
        assert_eq!(plain(r#""x","y""#), Some(("x", 3)));
        for odd in [r#""\n""#, "null", r#""x"#, ""] {
            assert_eq!(plain(odd), None, "{odd:?}");
        }
    }
}
