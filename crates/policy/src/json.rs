//! JSON as policies need it: members in their order, none twice, nesting bounded, and where each value stands.

use std::collections::BTreeSet;

use crate::malformed::shown;

/// Deepest nesting of a policy. IAM's grammar needs six levels.
const DEPTH_MAX: usize = 10;

/// A value, and where it stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) what: What,
    /// The first byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
}

/// What a value is. Of numbers only the text is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Reads a whole text as one value.
pub(crate) fn parse(text: &str) -> Result<Node, String> {
    let mut reader = Reader { text, at: 0, levels_left: DEPTH_MAX };
    let node = reader.value()?;
    reader.space();
    if reader.at == text.len() { Ok(node) } else { Err(reader.wrong("something follows the value")) }
}

/// Line and column of a byte, both from 1; columns count characters.
pub(crate) fn position(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..text.floor_char_boundary(at)).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// Line and column of bytes that are asked for in their order: the text is gone through once.
pub(crate) struct Positions<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    column: u32,
}

impl<'t> Positions<'t> {
    pub(crate) const fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, column: 1 }
    }

    /// The position of the byte `at`, which is not before the one asked for last.
    pub(crate) fn of(&mut self, at: usize) -> (u32, u32) {
        let to = self.text.floor_char_boundary(at).max(self.at);
        for c in self.text.get(self.at..to).unwrap_or_default().chars() {
            if c == '\n' {
                (self.line, self.column) = (self.line.saturating_add(1), 1);
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.at = to;
        (self.line, self.column)
    }
}

/// Characters without the space between values.
pub(crate) fn minified_chars(text: &str) -> usize {
    let (mut count, mut quoted, mut escaped) = (0, false, false);
    for c in text.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else {
            quoted = c == '"';
        }
        count += 1;
    }
    count
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    levels_left: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, why: &str) -> String {
        let (line, column) = position(self.text, self.at);
        format!("{why} at line {line} column {column}")
    }

    /// Goes past one byte, if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Result<Node, String> {
        self.space();
        let start = self.at;
        let what = match self.peek() {
            Some(b'{') => self.inside(Self::object)?,
            Some(b'[') => self.inside(Self::list)?,
            Some(b'"') => What::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => What::Number(self.number()?),
            Some(_) => self.word()?,
            None => return Err(self.wrong("a value is missing")),
        };
        Ok(Node { what, start, end: self.at })
    }

    fn inside(&mut self, read: fn(&mut Self) -> Result<What, String>) -> Result<What, String> {
        self.levels_left = self.levels_left.checked_sub(1).ok_or_else(|| self.wrong("nested too deeply"))?;
        self.at += 1;
        let what = read(self)?;
        self.levels_left += 1;
        Ok(what)
    }

    fn object(&mut self) -> Result<What, String> {
        let mut members: Vec<(String, Node)> = Vec::new();
        let mut seen = BTreeSet::new();
        self.space();
        if self.take(b'}') {
            return Ok(What::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a member's name is missing"));
            }
            let name = self.string()?;
            if !seen.insert(name.clone()) {
                return Err(self.wrong(&format!("the member {} stands twice", shown(&name))));
            }
            self.space();
            if !self.take(b':') {
                return Err(self.wrong("a colon is missing"));
            }
            let value = self.value()?;
            members.push((name, value));
            self.space();
            if self.take(b'}') {
                return Ok(What::Object(members));
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or a brace is missing"));
            }
        }
    }

    fn list(&mut self) -> Result<What, String> {
        let mut values = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(What::List(values));
        }
        loop {
            values.push(self.value()?);
            self.space();
            if self.take(b']') {
                return Ok(What::List(values));
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or a bracket is missing"));
            }
        }
    }

    fn word(&mut self) -> Result<What, String> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, what) in [("true", What::Bool(true)), ("false", What::Bool(false)), ("null", What::Null)] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(what);
            }
        }
        Err(self.wrong("no value"))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<String, String> {
        let start = self.at;
        self.take(b'-');
        let whole = if self.take(b'0') { 1 } else { self.digits() };
        let mut right = whole > 0;
        if right && self.take(b'.') {
            right = self.digits() > 0;
        }
        if right && (self.take(b'e') || self.take(b'E')) {
            if !self.take(b'+') {
                self.take(b'-');
            }
            right = self.digits() > 0;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        // Other readers of the same text have no number that is larger, and would take the policy for none.
        if !right || !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(self.wrong("no number"));
        }
        Ok(text.to_owned())
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
                self.at += 1;
            }
            text.push_str(self.text.get(start..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                _ => return Err(self.wrong("a string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let escape = self.peek();
        self.at += 1;
        Ok(match escape {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => {
                let first = self.hex()?;
                let code = match first {
                    0xd800..=0xdbff if self.take(b'\\') && self.take(b'u') => {
                        let second = self.hex()?;
                        let low = second.wrapping_sub(0xdc00);
                        // Not a second half: no character either.
                        if low < 0x400 { 0x1_0000 + ((first - 0xd800) << 10) + low } else { first }
                    }
                    _ => first,
                };
                char::from_u32(code).ok_or_else(|| self.wrong("half a character"))?
            }
            _ => return Err(self.wrong("no escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or_else(|| self.wrong("no escape"))?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
    use serde_json::Value;

    use super::*;

    fn plain(node: &Node) -> Value {
        match &node.what {
            What::Null => Value::Null,
            What::Bool(flag) => Value::Bool(*flag),
            What::Number(text) => serde_json::from_str(text).expect("a number"),
            What::Text(text) => Value::String(text.clone()),
            What::List(list) => list.iter().map(plain).collect(),
            What::Object(members) => members.iter().map(|(name, node)| (name.clone(), plain(node))).collect(),
        }
    }

    #[test]
    fn values_know_where_they_stand() {
        let text = "{\n  \"a\": [1, \"é\"],\n  \"b\": {}\n}";
        let node = parse(text).expect("JSON");
        let What::Object(members) = &node.what else { panic!("an object") };
        assert_eq!(position(text, members[0].1.start), (2, 8));
        assert_eq!(position(text, members[0].1.end), (2, 16));
        assert_eq!(position(text, members[1].1.start), (3, 8));
        assert_eq!(position(text, node.end), (4, 2));
        let mut positions = Positions::new(text);
        for at in 0..=text.len() {
            assert_eq!(positions.of(at), position(text, at), "{at}");
        }
    }

    #[test]
    fn space_between_values_does_not_count() {
        assert_eq!(minified_chars("{ \"a b\\\" \" :\n[ 1 ] }"), "{\"a b\\\" \":[1]}".len());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "+1",
            "1e",
            "1e999",
            "-1e999",
            "nul",
            "\"",
            "\"\u{1}\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\u12\"",
            "{\"a\":1,\"a\":2}",
            "1 2",
            "{a:1}",
            "'a'",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&format!("{}{}", "[".repeat(10), "]".repeat(10))).is_ok());
        assert!(parse(&format!("{}{}", "[".repeat(11), "]".repeat(11))).is_err());
    }

    proptest! {
        /// The same answer as serde_json's, which does not refuse double members and allows more depth.
        #[test]
        fn texts_are_read_as_serde_json_does(
            text in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\"", "1", "-0.5e+3", "0", "true", "null", " ", "\n",
                    "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\n", "é", "\\",
                ]),
                0..14,
            ).prop_map(|parts| parts.concat()),
        ) {
            let other: Option<Value> = serde_json::from_str(&text).ok();
            match parse(&text) {
                Ok(node) => prop_assert_eq!(Some(plain(&node)), other),
                Err(why) => assert!(other.is_none() || why.contains("twice"), "{text}: {why}"),
            }
        }

        #[test]
        fn any_string_comes_back(text in proptest::collection::vec(any::<char>(), 0..50).prop_map(String::from_iter)) {
            let node = parse(&Value::String(text.clone()).to_string()).expect("JSON");
            prop_assert_eq!(node.what, What::Text(text));
        }
    }
}
